"""What the table says of each allele, against the annotated VCF itself."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from gas.annotation.csq import FIELDS
from gas.annotation.picks import Picks
from gas.annotation.tables import Table
from gas.annotation.variant_rows import VariantRows
from gas.annotation.variant_table import INTEGERS, TableLayout
from tests.explored import Annotated, annotated

__all__ = ["annotated"]
LAYOUT = TableLayout(FIELDS, (("DB_AF", "Float"), ("DB_N", "Integer"), ("DB_ID", "String")), ("one",))


def rows_of(*records: tuple[bytes, int, str], layout: TableLayout = LAYOUT, csq: bytes = b"") -> list[dict[str, Any]]:
    made = VariantRows(layout, Picks())
    for number, (line, alleles, overlays) in enumerate(records):
        # Every second record has no entry.
        made.add(line, alleles, b"" if number % 2 else csq, overlays)
    batch = made.serialise(np.zeros(len(records) + 1, np.int64))
    return list(pa.ipc.read_record_batch(pa.py_buffer(batch), layout.schema()).to_pylist())


def test_the_table_is_the_vcf_row_by_row(annotated: Annotated) -> None:
    rows = iter(pq.read_table(annotated.table).to_pylist())
    tsv = Table(FIELDS, ("CLINVAR_CLNSIG", "GNOMADG_AF"))
    with pysam.BGZFile(str(annotated.vcf)) as file:
        records = [line.decode().split("\t") for line in file if not line.startswith(b"#")]
    for fields in records:
        info = dict(entry.partition("=")[::2] for entry in fields[7].split(";"))
        entries = info["CSQ"].split(",") if "CSQ" in info else []
        own = ";".join(f"{name}={info[name]}" for name in ("CLINVAR_CLNSIG", "GNOMADG_AF") if name in info)
        for place, expected in enumerate(tsv.rows(fields, entries, own)):
            row = next(rows)
            for name, cell in zip(tsv.columns, expected, strict=True):
                if name in ("POS", "QUAL", "GNOMADG_AF", *INTEGERS):
                    assert row[name] == (float(cell) if cell else None)
                else:
                    assert row[name] == (cell or None), name
            of_allele = [entry.split("|") for entry in entries]
            of_allele = [cells for cells in of_allele if cells[FIELDS.index("ALLELE_NUM")] == str(place + 1)]
            inside = [cells for cells in of_allele if not cells[FIELDS.index("DISTANCE")]] or of_allele
            genes = {cells[FIELDS.index(name)] for cells in inside for name in ("SYMBOL", "Gene")} - {""}
            assert set((row["GENES"] or "").split(",")) - {""} == genes
            terms = {term for cells in of_allele for term in cells[1].split("&")}
            assert row["MOST_SEVERE"] in (terms or {None})
            impacts = [cells[2] for cells in of_allele]
            ranked = [name for name in ("HIGH", "MODERATE", "LOW", "MODIFIER") if name in impacts]
            assert row["MOST_SEVERE_IMPACT"] == (ranked[0] if ranked else None)
    assert next(rows, None) is None


@pytest.mark.parametrize("name", ["gene", "g\u00e8ne"])
def test_the_picked_entry_cell_by_cell(name: str) -> None:
    """Whether the batch is ASCII or not."""
    known = {"Allele": "C", "Consequence": "missense_variant", "SYMBOL": name, "HGVSc": ".", "ALLELE_NUM": "1"}
    worse = {**known, "Consequence": "stop_gained", "SYMBOL": "other", "MANE": "MANE_Select", "DISTANCE": "17"}
    entries = ["|".join(cells.get(field, "") for field in FIELDS) for cells in (known, worse)]
    one, two = b"1\t7\t.\tA\tC\t.\tq10\t.", b"1\t7\t.\tA\tC,G\t.\tq10\t."
    rows = rows_of((one, 1, ""), (two, 2, ""), (one, 1, ""), csq=",".join(entries).encode())
    assert [row["Consequence"] for row in rows] == ["stop_gained", None, None, "stop_gained"]
    for row in (rows[0], rows[3]):
        found = {field: row[field] for field in FIELDS if row[field] is not None}
        assert found == {
            **{field: value for field, value in worse.items() if value != "."},
            "ALLELE_NUM": 1,
            "DISTANCE": 17,
        }
        assert row["GENES"] == name
        assert (row["ID"], row["QUAL"], row["FILTER"], row["POS"]) == (None, None, "q10", 7)


def test_cells_that_do_not_fit_are_no_table() -> None:
    for cell in ("x", "\u00e8"):
        with pytest.raises(ValueError, match="1 rows of"):
            rows_of((b"1\t7\t.\tA\tC\t.\t.\t.", 1, ""), csq=("C|missense_variant" + "|" * len(FIELDS) + cell).encode())


@pytest.mark.parametrize(
    ("called", "first", "second"),
    [
        ("0/1", "het", "ref"),
        ("1|1", "hom", "ref"),
        ("1/2", "het", "het"),
        ("2", "ref", "hom"),
        ("./.", "missing", "missing"),
        (".", "missing", "missing"),
        ("0/.", "missing", "missing"),
        ("./1", "het", "missing"),
        ("0/0/0/1", "het", "ref"),
        ("|1/1", "hom", "ref"),
        ("x", None, None),
    ],
)
def test_genotypes_are_seen_from_the_allele(called: str, first: str | None, second: str | None) -> None:
    line = f"1\t5\t.\tA\tC,G\t.\t.\t.\tGT:DP\t{called}:3".encode()
    assert [row["GT_1"] for row in rows_of((line, 2, ""))] == [first, second]


def test_a_sample_without_genotypes() -> None:
    assert rows_of((b"1\t5\t.\tA\tC\t.\t.\t.\tDP\t3", 1, ""))[0]["GT_1"] is None
    assert rows_of((b"1\t5\t.\tA\tC\t.\t.\t.", 1, ""))[0]["GT_1"] is None


def test_values_are_as_they_are() -> None:
    first, second, third = rows_of(
        (b'1\t2\t=HYPERLINK("http://x")\tA\tC\tnan\t.\t.', 1, ""),
        (b"1\t3\t\xc3\xab\tA\tC,G\t1.5\t\xff\t.", 2, "DB_AF=0.25,x;DB_N=7,.;DB_ID=a"),
    )
    assert first["ID"] == '=HYPERLINK("http://x")'
    assert first["QUAL"] != first["QUAL"]
    assert (second["ID"], second["FILTER"], second["QUAL"], second["ALT"]) == ("ë", "ÿ", 1.5, "C")
    assert (second["DB_AF"], second["DB_N"], second["DB_ID"]) == (0.25, 7, "a")
    assert (third["DB_AF"], third["DB_N"], third["DB_ID"], third["ALT"]) == (None, None, None, "G")
    assert rows_of((b"1\t3\t.\tA\tC\t1_000\t.\t.", 1, ""))[0]["QUAL"] == 1000.0
    assert rows_of((b"1\t3\t.\tA\tC\tgood\t.\t.", 1, ""))[0]["QUAL"] is None
    assert rows_of((b"1\t3\t.\tA\tC\t1\t.\t.", 1, "DB_N=many"))[0]["DB_N"] is None
