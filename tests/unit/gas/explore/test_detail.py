"""One allele in full, out of its record."""

from typing import Any

import pytest

from gas.explore.blocks import LocalFile
from gas.explore.detail import detail
from gas.explore.engine import Explorer
from gas.explore.records import DamagedRecords
from gas.explore.table import VariantTable
from tests.explored import Annotated


def test_every_row_is_found_in_its_record(
    explorer: Explorer, table: VariantTable, rows: list[dict[str, Any]], vcf: LocalFile
) -> None:
    several = next(number for number, row in enumerate(rows) if row["ALLELE_NUM"] == 2)
    for number in (0, several, table.rows - 1):
        found = detail(explorer, table, number, vcf)
        assert found is not None
        row = rows[number]
        assert found.row["ALT"] == row["ALT"]
        assert "VCF_OFFSET" not in found.row
        assert found.transcripts[0]["Feature"] == (row["Feature"] or "")
        assert {one["ALLELE_NUM"] for one in found.transcripts} == {str(row["ALLELE_NUM"])}
        assert set(found.samples) == {"child", "mother", "father"}
        assert set(found.samples["child"]) == {"GT", "DP"}
        assert "DP" in dict(found.info)
    assert detail(explorer, table, table.rows, vcf) is None
    assert detail(explorer, table, 10**12, vcf) is None


def test_an_allele_without_annotation(
    explorer: Explorer, table: VariantTable, rows: list[dict[str, Any]], vcf: LocalFile
) -> None:
    number = next(number for number, row in enumerate(rows) if row["MOST_SEVERE"] is None)
    found = detail(explorer, table, number, vcf)
    assert found is not None
    assert found.transcripts == []


def test_another_vcf_is_not_believed(
    explorer: Explorer, table: VariantTable, annotated: Annotated, tmp_path: Any
) -> None:
    from gas.annotation import bgzf

    path = tmp_path / "other.vcf.gz"
    path.write_bytes(bgzf.compress(b"##fileformat=VCFv4.3\n" * 4000 + b"1\t2\n" * 60_000))
    with pytest.raises(DamagedRecords):
        detail(explorer, table, 0, LocalFile(path))
