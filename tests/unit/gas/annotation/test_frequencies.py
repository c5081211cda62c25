"""Bins of frequencies."""

import pytest

from gas.annotation.frequencies import BINS, UNKNOWN, count, is_frequency


@pytest.mark.parametrize(
    ("name", "kind", "is_one"),
    [
        ("GNOMADG_AF", "Float", True),
        ("GNOMADE_AF_grpmax", "Float", True),
        ("AF", "Float", True),
        ("GNOMADG_AF", "String", False),
        ("LEAF", "Float", False),
        ("MGRB_AFX", "Float", False),
    ],
)
def test_which_columns_hold_frequencies(name: str, kind: str, is_one: bool) -> None:
    assert is_frequency(name, kind) is is_one


def test_the_highest_frequency_of_each_allele_counts() -> None:
    overlays = ["A_AF=0.2,.;B_AF=0.6,0.0001;A_AC=3,4", "", "A_AF_grpmax=0.001", "X_LEAF=0.5", "A_AF=0;A_AN=9"]
    assert count(overlays, [2, 1, 1, 1, 1]) == {
        "above 0.5": 1,
        "up to 0.0001": 2,
        "0.0001 to 0.001": 1,
        UNKNOWN: 2,
    }
    assert next(iter(BINS.values())) == (0.0, 0.0001)
    assert count(["A_AF=1.5"], [1]) == {"above 0.5": 1}
