"""Choices among entries, and their memory."""

import pytest

from gas.annotation import picks
from gas.annotation.picks import Choice, Picks

FIELDS = ("Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "ALLELE_NUM", "DISTANCE", "MANE")
MANE = "C|intron_variant|MODIFIER|ONE|G1|1||MANE_Select"
STOP = "C|stop_gained&splice_region_variant|HIGH|TWO|G2|1||"
NEAR = "C|upstream_gene_variant|MODIFIER|FAR|G3|1|300|"
OTHER = "T|intergenic_variant|MODIFIER|||2||"


def test_the_picked_and_the_worst_may_be_two() -> None:
    found = Picks(FIELDS).of([NEAR, STOP, MANE, OTHER], 2)
    assert found == {
        0: Choice(2, "stop_gained", "HIGH", "TWO,G2,ONE,G1"),
        1: Choice(3, "intergenic_variant", "MODIFIER", ""),
    }


def test_genes_near_count_where_there_is_none_at_the_place() -> None:
    assert Picks(FIELDS).of([NEAR], 1)[0].genes == "FAR,G3"


def test_what_is_alike_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chooses = Picks(FIELDS)
    first = chooses.like("key", STOP.encode(), 1)
    assert chooses.like("key", NEAR.encode(), 1) is first
    assert chooses.like(None, NEAR.encode(), 1)[0].genes == "FAR,G3"
    monkeypatch.setattr(picks, "_KEPT", 1)
    assert chooses.like("another", NEAR.encode(), 1)[0].genes == "FAR,G3"
    assert chooses.like("key", NEAR.encode(), 1)[0].genes == "FAR,G3"
