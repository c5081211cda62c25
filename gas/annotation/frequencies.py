"""How frequent alleles are, by the highest frequency that any overlay has for each."""

import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Overlay columns with the frequency of an allele in a population: GNOMADG_AF, GNOMADE_AF_grpmax, MITOMAP_AF.
NAME = r"(?:[^=;]*_)?AF(?:_grpmax|_popmax)?"
# Upper ends, each included; the first also holds 0.
ENDS = (0.0001, 0.001, 0.01, 0.05, 0.5, 1.0)
UNKNOWN = "unknown"
_LABELS = ("up to 0.0001", "0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.05", "0.05 to 0.5", "above 0.5")
BINS = {label: (low, high) for label, low, high in zip(_LABELS, (0.0, *ENDS[:-1]), ENDS, strict=True)}


def is_frequency(name: str, kind: str) -> bool:
    """Whether an overlay column of this name and VCF Type holds frequencies."""
    return kind == "Float" and re.fullmatch(NAME, name, re.IGNORECASE) is not None


def count(highest: NDArray[Any]) -> Counter[str]:
    """Alleles by the bin that their highest frequency lies in, or UNKNOWN for NaN; single precision."""
    known = highest[highest == highest]
    # In the values' own precision, or 0.01 would lie above 0.01.
    bins = np.minimum(np.searchsorted(np.array(ENDS, highest.dtype), known), len(ENDS) - 1)
    times = dict(zip(_LABELS, np.bincount(bins, minlength=len(_LABELS)).tolist(), strict=True))
    return Counter({label: number for label, number in times.items() if number}) + Counter(
        {UNKNOWN: len(highest) - len(known)}
    )
