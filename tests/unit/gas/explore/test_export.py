"""Exports hold exactly what the filter leaves, in formats that others read."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam

from gas.explore import export
from gas.explore.blocks import LocalFile
from gas.explore.engine import Explorer
from gas.explore.filters import Filter, Genotype
from gas.explore.table import VariantTable
from tests.explored import Annotated

Row = dict[str, Any]
WANTED = Filter(impact=("HIGH", "MODERATE"), gt=(Genotype("child", "carrier"),))


def left(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["MOST_SEVERE_IMPACT"] in ("HIGH", "MODERATE") and row["GT_1"] in ("het", "hom")]


def test_tsv(explorer: Explorer, table: VariantTable, rows: list[Row]) -> None:
    text = b"".join(export.tsv(explorer, table, WANTED)).decode()
    found = list(csv.DictReader(io.StringIO(text), dialect="excel-tab"))
    assert [(row["CHROM"], int(row["POS"]), row["ALT"], row["GT:child"]) for row in found] == [
        (row["CHROM"], row["POS"], row["ALT"], row["GT_1"]) for row in left(rows)
    ]
    assert "VCF_OFFSET" not in found[0]
    few = b"".join(export.tsv(explorer, table, WANTED, ("SYMBOL", "QUAL"))).decode().splitlines()
    assert few[0] == "SYMBOL\tQUAL"
    assert len(few) == len(left(rows)) + 1


def test_a_spreadsheet_runs_nothing() -> None:
    import pyarrow as pa

    cells = pa.array(["=1+1", "+cmd|x", "-2+3", "@SUM(1)", "-", "-1", "+1.5e-3", None, "a"])
    assert export._inert(cells).to_pylist() == [
        "'=1+1",
        "'+cmd|x",
        "'-2+3",
        "'@SUM(1)",
        "-",
        "-1",
        "+1.5e-3",
        None,
        "a",
    ]
    assert export._inert(pa.array([-1.5])).to_pylist() == [-1.5]
    assert export._inert(pa.array(["a", None])).to_pylist() == ["a", None]


def test_parquet(explorer: Explorer, table: VariantTable, rows: list[Row], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(export, "ROW_GROUP", 100)
    path = tmp_path / "o.parquet"
    path.write_bytes(b"".join(export.parquet(explorer, table, WANTED)))
    found = pq.read_table(path)
    expected = [{name: value for name, value in row.items() if name != "VCF_OFFSET"} for row in left(rows)]
    assert found.to_pylist() == expected
    assert found.schema.metadata[b"gas.bundle"] == b"human-like"
    path.write_bytes(b"".join(export.parquet(explorer, table, Filter(gene=("nothing",)), ("POS",))))
    assert pq.read_table(path).to_pydict() == {"POS": []}


def test_vcf(
    explorer: Explorer, table: VariantTable, rows: list[Row], annotated: Annotated, vcf: LocalFile, tmp_path: Path
) -> None:
    path = tmp_path / "o.vcf.gz"
    path.write_bytes(b"".join(export.vcf(explorer, table, WANTED, vcf)))
    with pysam.VariantFile(str(path)) as file:
        found = [(record.chrom, record.pos, record.ref) for record in file]
    seen = dict.fromkeys((row["VCF_OFFSET"], row["CHROM"], row["POS"], row["REF"]) for row in left(rows))
    assert found == [key[1:] for key in seen]
    whole = b"".join(export.vcf(explorer, table, Filter(), vcf))
    path.write_bytes(whole)
    with pysam.BGZFile(str(path)) as mine, pysam.BGZFile(str(annotated.vcf)) as theirs:
        assert list(mine) == list(theirs)
