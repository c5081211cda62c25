"""How frequencies are binned, and which columns hold them."""

import numpy as np
import pytest

from gas.annotation import frequencies
from gas.annotation.frequencies import BINS, UNKNOWN, count


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("GNOMADG_AF", "Float", True),
        ("GNOMADE_AF_grpmax", "Float", True),
        ("GNOMADE_AF_popmax", "Float", True),
        ("AF", "Float", True),
        ("GNOMADG_AF", "String", False),
        ("CADD_PHRED", "Float", False),
        ("HALF", "Float", False),
        ("GNOMADG_AF_nfe", "Float", False),
    ],
)
def test_columns_with_frequencies(name: str, kind: str, expected: bool) -> None:
    assert frequencies.is_frequency(name, kind) is expected


def test_each_bin_includes_its_upper_end() -> None:
    for label, (low, high) in BINS.items():
        assert count(np.array([high], np.float32)) == {label: 1}
        assert count(np.array([low], np.float32)) != {label: 1} or low == 0
        assert count(np.array([(low + high) / 2], np.float32)) == {label: 1}


def test_unknown_and_impossible_frequencies_are_counted_too() -> None:
    assert count(np.array([np.nan, 0, 7, np.nan, -1], np.float32)) == {UNKNOWN: 2, "up to 0.0001": 2, "above 0.5": 1}
    assert count(np.empty(0, np.float32)) == {}
