"""How frequent alleles are, by the highest frequency that any overlay has for each."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

# Overlay columns with the frequency of an allele in a population: GNOMADG_AF, GNOMADE_AF_grpmax, MITOMAP_AF.
NAME = r"(?:[^=;]*_)?AF(?:_grpmax|_popmax)?"
_VALUES = re.compile(rf"(?:^|;){NAME}=([^;]*)", re.IGNORECASE)
# Upper ends, each included; the first also holds 0.
ENDS = (0.0001, 0.001, 0.01, 0.05, 0.5, 1.0)
UNKNOWN = "unknown"
_LABELS = ("up to 0.0001", "0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.05", "0.05 to 0.5", "above 0.5")
BINS = {label: (low, high) for label, low, high in zip(_LABELS, (0.0, *ENDS[:-1]), ENDS, strict=True)}


def is_frequency(name: str, kind: str) -> bool:
    """Whether an overlay column of this name and VCF Type holds frequencies."""
    return kind == "Float" and re.fullmatch(NAME, name, re.IGNORECASE) is not None


def count(overlays: Sequence[str], alleles: Sequence[int]) -> Counter[str]:
    """Alleles by the bin that their highest frequency lies in, or UNKNOWN.

    `overlays`: each record's entries of INFO, with one value an ALT allele; `alleles`: how many it has.
    """
    found: Counter[str] = Counter()
    for text, many in zip(overlays, alleles, strict=True):
        columns = [values.split(",") for values in _VALUES.findall(text)] if "AF" in text.upper() else []
        for allele in range(many):
            known = [column[allele] for column in columns if allele < len(column) and column[allele] not in ("", ".")]
            found[_LABELS[_bin(max(map(float, known)))] if known else UNKNOWN] += 1
    return found


def _bin(frequency: float) -> int:
    return min(bisect_left(ENDS, frequency), len(ENDS) - 1)
