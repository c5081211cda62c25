"""The Parquet file: its row groups, its samples, its bytes."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gas.annotation import variant_table
from gas.annotation.csq import FIELDS
from gas.annotation.picks import Picks
from gas.annotation.variant_rows import VariantRows
from gas.annotation.variant_table import ParquetWriter, TableLayout, samples_of

LAYOUT = TableLayout(FIELDS, (("DB_AF", "Float"),), ("a", "A"))


def batch(positions: range) -> bytes:
    import numpy as np

    made = VariantRows(LAYOUT, Picks())
    for position in positions:
        made.add(b"1\t%d\t.\tA\tC\t.\t.\t.\tGT\t0/1\t1/1" % position, 1, b"", "")
    return made.serialise(np.arange(len(positions) + 1, dtype=np.int64))


def test_bytes_do_not_depend_on_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variant_table, "ROW_GROUP", 10)
    files = []
    for size in (1, 7, 10, 47):
        path = tmp_path / f"{size}.parquet"
        writer = ParquetWriter(path, LAYOUT, {"bundle": "b1"})
        for start in range(1, 48, size):
            # Where in the VCF a batch begins is no matter of its rows.
            writer.write(batch(range(start, min(start + size, 48))), 0)
        writer.close()
        read = pq.ParquetFile(path)
        groups = read.metadata
        assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [10, 10, 10, 10, 7]
        table = read.read().drop_columns([variant_table.OFFSET])
        assert table["POS"].to_pylist() == list(range(1, 48))
        assert table.schema.metadata[b"bundle"] == b"b1"
        files.append(table.to_pylist())
    assert all(file == files[0] for file in files)


def test_an_address_moves_the_offsets(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    writer = ParquetWriter(path, LAYOUT)
    writer.write(batch(range(1, 4)), 0)
    writer.write(batch(range(4, 6)), 5)
    writer.close()
    assert pq.read_table(path)["VCF_OFFSET"].to_pylist() == [0, 1, 2, 5 << 16, 5 << 16 | 1]


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    writer = ParquetWriter(path, LAYOUT)
    writer.write(batch(range(0)), 0)
    writer.close()
    read = pq.ParquetFile(path)
    assert read.metadata.num_rows == 0
    assert samples_of(read.metadata.metadata) == ["a", "A"]
    assert samples_of(None) == []


def test_too_many_samples_stay_in_the_vcf() -> None:
    many = TableLayout(FIELDS, (), tuple(map(str, range(101))))
    assert many.genotyped == ()
    assert "GT_1" not in many.schema().names
    assert TableLayout(FIELDS, (), tuple(map(str, range(100)))).schema().names.count("GT_100") == 1
