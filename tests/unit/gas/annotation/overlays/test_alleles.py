"""Alleles are trimmed, left-aligned and packed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gas.annotation.overlays import alleles
from gas.annotation.overlays.alleles import allele_key, minimal
from tests.unit.gas.annotation.overlays.genome import GENOME, edits


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ((1, "A", "C"), (1, "A", "C")),
        ((1, "a", "c"), (1, "A", "C")),
        ((1, "ACG", "ATG"), (2, "C", "T")),
        ((1, "ACG", "TCA"), (1, "ACG", "TCA")),
        ((8, "T", "TT"), (4, "", "T")),  # anywhere in the run of T
        ((4, "T", "TT"), (4, "", "T")),
        ((3, "GT", "G"), (4, "T", "")),
        ((7, "TTG", "TG"), (4, "T", "")),
        ((14, "ACAC", "AC"), (10, "AC", "")),  # a repeat of two, from its last copy to its first
        ((15, "C", "CAC"), (10, "", "AC")),
    ],
)
def test_minimal_trims_and_shifts_left(variant: tuple[int, str, str], expected: tuple[int, str, str]) -> None:
    assert minimal(*variant, GENOME["1"]) == expected


@pytest.mark.parametrize(
    "variant",
    [
        (1, "A", "A"),
        (1, "A", "<DEL>"),
        (1, "A", "*"),
        (1, "A", "."),
        (1, "A", "A[2:5["),
        (1, "A", ""),
        (2, "A", "C"),  # the genome has C
        (0, "A", "C"),
        (40, "CA", "C"),  # beyond the end
        (99, "A", "C"),
    ],
)
def test_no_allele_of_this_sequence_has_no_minimal_form(variant: tuple[int, str, str]) -> None:
    assert minimal(*variant, GENOME["1"]) is None


def test_shift_is_bounded_and_leaves_runs_of_n_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alleles, "MAX_SHIFT", 100)
    assert minimal(500, "A", "AA", "A" * 600) == (400, "", "A")
    assert minimal(500, "NN", "N", "N" * 600) == (500, "N", "")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_two_alleles_are_one_exactly_when_they_make_the_same_sequence(data: st.DataObject) -> None:
    sequence = data.draw(st.text("AC", min_size=1, max_size=14))
    first, second = data.draw(edits(sequence)), data.draw(edits(sequence))

    def changed(allele: tuple[int, str, str]) -> str:
        pos, ref, alt = allele
        return sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :]

    forms = [minimal(*allele, sequence) for allele in (first, second)]
    assert (forms[0] is None) == (changed(first) == sequence)
    assert (forms[0] == forms[1]) == (changed(first) == changed(second))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_keys_are_equal_exactly_when_alleles_are(data: st.DataObject) -> None:
    reference = "ACGTN" * 20
    alleles = [
        (
            start,
            reference[start - 1 : start - 1 + data.draw(st.integers(0, 40))],
            data.draw(st.text("ACGTN", max_size=14)),
        )
        for start in data.draw(st.lists(st.integers(1, 20), min_size=2, max_size=2))
    ]
    keys = [allele_key(*allele) for allele in alleles]
    assert (keys[0] == keys[1]) == (alleles[0] == alleles[1])
    assert all(0 < key < 1 << 64 and key >> 32 == allele[0] for (key, _), allele in zip(keys, alleles, strict=True))
