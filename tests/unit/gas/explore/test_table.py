"""What a table's footer says."""

import itertools
from typing import Any

from gas.explore.table import VariantTable


def test_what_columns_are_for(table: VariantTable, rows: list[dict[str, Any]]) -> None:
    assert table.rows == len(rows)
    assert table.samples == table.genotyped == ("child", "mother", "father")
    assert (table.assembly, table.bundle) == ("GRCh38", "human-like")
    assert table.frequencies == ("GNOMADG_AF",)
    assert table.clinvar == ("CLINVAR_CLNSIG",)
    assert table.ids == ("ID",)
    assert (table.types["POS"], table.types["GNOMADG_AF"], table.types["CHROM"]) == ("integer", "float", "text")
    assert "VCF_OFFSET" not in table.columns
    assert set(table.default_columns) <= set(table.columns)
    assert {"CLINVAR_CLNSIG", "GNOMADG_AF", "GT_3"} <= set(table.default_columns)


def test_samples_are_called_by_their_names(table: VariantTable) -> None:
    assert (table.heading("GT_2"), table.heading("GT_9"), table.heading("POS")) == ("GT:mother", "GT_9", "POS")
    assert (table.sample_column("father"), table.sample_column("nobody")) == ("GT_3", None)


def test_extents_lie_in_the_file_one_behind_the_other(table: VariantTable) -> None:
    found = list(table.extents(table.types))
    assert all(0 < start < end <= table.source.size for start, end in found)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(found))
    assert list(table.extents(["POS"], [])) == []
    assert table.groups_of([0, table.rows - 1, table.rows]) == {0}
