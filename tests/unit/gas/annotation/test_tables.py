"""One row an allele: which entry is picked, what a spreadsheet gets, what Parquet holds."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gas.annotation import tables
from gas.annotation.tables import ParquetWriter, Table, TsvWriter, arrow_batch, tsv_text

FIELDS = ("Allele", "Consequence", "IMPACT", "Feature", "ALLELE_NUM", "MANE")
TABLE = Table(FIELDS, ("DB_AF", "DB_ID"))
RECORD = ["chr1", "12", "rs1", "A", "C,T", "50.5", "PASS", "DP=1", "GT\t0/1"]


def entry(allele: str, terms: str, feature: str, number: int = 1, mane: str = "") -> str:
    return f"{allele}|{terms}|X|{feature}|{number}|{mane}"


def features(csq: list[str], alts: str = "C") -> list[str]:
    record = [*RECORD[:4], alts, *RECORD[5:]]
    return [row[TABLE.columns.index("Feature")] for row in TABLE.rows(record, csq)]


def joined(rows: list[tables.Row]) -> list[bytes]:
    """As workers hand rows on."""
    return ["\t".join(row).encode("latin-1") for row in rows]


@pytest.mark.parametrize("overlay", ["", "DB_AF=0.1;DB_ID=.", "DB_ID=x"])
def test_the_line_of_one_allele_is_its_row(overlay: str) -> None:
    record = ["1", "2", ".", "A", "C", ".", ".", "."]
    entries = ["|".join(f"{number}{field}" for field in FIELDS) for number in range(3)]
    fixed = "\t".join([*record[:7], ""]).encode()
    (row,) = TABLE.rows(record, entries, overlay)
    assert [TABLE.line(fixed, entries[TABLE.pick(entries)].encode(), overlay)] == joined([row])


def test_mane_then_severity_then_order_decide() -> None:
    assert features([entry("C", "intron_variant", "a"), entry("C", "stop_gained&intron_variant", "b")]) == ["b"]
    assert features([entry("C", "intron_variant", "a", mane="MANE_Select"), entry("C", "stop_gained", "b")]) == ["a"]
    assert features([entry("C", "stop_gained", "a", mane="MANE_Plus_Clinical"), entry("C", "intron_variant", "b")]) == [
        "a"
    ]
    assert features([entry("C", "intron_variant", "a"), entry("C", "intron_variant", "b")]) == ["a"]
    assert features([]) == [""]


def test_a_canonical_transcript_comes_before_severity_and_a_coding_one_before_order() -> None:
    table = Table((*FIELDS, "CANONICAL", "BIOTYPE"), ())

    def picked(*entries: str) -> str:
        (row,) = table.rows([*RECORD[:4], "C", *RECORD[5:]], entries)
        return row[table.columns.index("Feature")]

    plain = entry("C", "stop_gained", "a") + "||lncRNA"
    canonical = entry("C", "intron_variant", "b") + "|YES|lncRNA"
    mane = entry("C", "downstream_gene_variant", "c", mane="MANE_Select") + "||protein_coding"
    coding = entry("C", "stop_gained", "d") + "||protein_coding"
    assert picked(plain, canonical) == "b"
    assert picked(plain, canonical, mane) == "c"
    assert picked(plain, coding) == "d"


def test_each_allele_has_its_own_row() -> None:
    csq = [entry("T", "stop_gained", "b", 2), entry("C", "intron_variant", "a", 1)]
    rows = TABLE.rows(RECORD, csq, "DB_AF=0.1,.;DB_ID=x")
    assert rows == [
        ["chr1", "12", "rs1", "A", "C", "50.5", "PASS", "C", "intron_variant", "X", "a", "1", "", "0.1", "x"],
        ["chr1", "12", "rs1", "A", "T", "50.5", "PASS", "T", "stop_gained", "X", "b", "2", "", "", ""],
    ]


def test_an_unannotated_record_has_a_row_too() -> None:
    assert TABLE.rows(["1", "2", ".", "A", "<DEL>", ".", ".", "."], []) == [
        ["1", "2", "", "A", "<DEL>", "", "", *[""] * 8]
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("-1", "-1"),
        ("+1.5e-3", "+1.5e-3"),
        ("-", "-"),
        ('a"b', 'a"b'),
        ("plain", "plain"),
    ],
)
def test_a_spreadsheet_runs_nothing(cell: str, shown: str) -> None:
    text = tsv_text([["1", cell]])
    assert list(csv.reader(io.StringIO(text), dialect="excel-tab")) == [["1", shown]]


def test_the_tsv_file_has_the_bytes_of_the_input(tmp_path: Path) -> None:
    writer = TsvWriter(tmp_path / "t.tsv", TABLE)
    writer.write(tsv_text(TABLE.rows(["1", "2", "\xc3\xab", "A", "C", ".", ".", "."], [])))
    writer.close()
    lines = (tmp_path / "t.tsv").read_bytes().split(b"\n")
    assert lines[0].split(b"\t")[:8] == [b"CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"Allele"]
    assert lines[1].split(b"\t")[2] == "\u00eb".encode()
    assert lines[2:] == [b""]


def test_parquet_holds_values_as_they_are(tmp_path: Path) -> None:
    records = [
        ["1", "2", '=HYPERLINK("http://x")', "A", "C", "nan", ".", "."],
        ["1", "3", "\xc3\xab", "A", "C,G", "1.5", "\xff", "."],
    ]
    writer = ParquetWriter(tmp_path / "t.parquet", TABLE, {"bundle": "b1"})
    for record in records:
        writer.write(arrow_batch(TABLE, joined(TABLE.rows(record, []))))
    writer.write(arrow_batch(TABLE, []))
    writer.close()
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == list(TABLE.columns)
    assert table.schema.metadata[b"bundle"] == b"b1"
    columns = table.to_pydict()
    assert columns["POS"] == [2, 3, 3]
    assert columns["ID"] == ['=HYPERLINK("http://x")', "\u00eb", "\u00eb"]
    assert columns["ALT"] == ["C", "C", "G"]
    assert columns["QUAL"][0] != columns["QUAL"][0]
    assert columns["QUAL"][1:] == [1.5, 1.5]
    assert columns["FILTER"] == [None, "\u00ff", "\u00ff"]


def test_parquet_columns_have_their_types(tmp_path: Path) -> None:
    table = Table(
        ("Allele", "Consequence", "ALLELE_NUM", "DISTANCE"),
        ("DB_AF", "DB_AC", "DB_SIG"),
        ("Float", "Integer", "String"),
    )
    writer = ParquetWriter(tmp_path / "t.parquet", table)
    rows = table.rows(["1", "2", ".", "A", "C,G", ".", ".", "."], ["C|x|1|", "G|x|2|4999"], "DB_AF=1e-05,.;DB_SIG=.,5")
    writer.write(arrow_batch(table, joined(rows)))
    writer.close()
    read = pq.read_table(tmp_path / "t.parquet").to_pydict()
    assert read["ALLELE_NUM"] == [1, 2]
    assert read["DISTANCE"] == [None, 4999]
    assert read["DB_AF"] == [1e-05, None]
    assert read["DB_AC"] == [None, None]
    assert read["DB_SIG"] == [None, "5"]


def test_parquet_bytes_do_not_depend_on_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_GROUP", 10)
    rows = [TABLE.rows(["1", str(pos), ".", "A", "C", ".", ".", "."], [])[0] for pos in range(1, 48)]
    files = []
    for size in (1, 7, 10, 47):
        path = tmp_path / f"{size}.parquet"
        writer = ParquetWriter(path, TABLE)
        for start in range(0, len(rows), size):
            writer.write(arrow_batch(TABLE, joined(rows[start : start + size])))
        writer.close()
        files.append(path.read_bytes())
        groups = pq.ParquetFile(path).metadata
        assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [10, 10, 10, 10, 7]
        assert pq.read_table(path).to_pydict()["POS"] == list(range(1, 48))
    assert len(set(files)) == 1


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    ParquetWriter(tmp_path / "t.parquet", TABLE).close()
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 0


def test_arrow_is_loaded_only_when_it_is_asked_for() -> None:
    code = "import sys; from gas.annotation import receipt, tables; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
