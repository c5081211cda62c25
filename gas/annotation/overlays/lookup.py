"""Looks batches of records up in all overlays of a bundle.

An overlay of alleles is the sorted integers of a contig's alleles (`alleles`) with one column a field beside them, an
overlay of intervals its sorted starts and ends; all memory-mapped and opened when first asked for.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gas.annotation import frequencies
from gas.annotation.overlays.allele_lookup import AlleleOverlay, Queries
from gas.annotation.overlays.interval_lookup import IntervalOverlay

ALLELES, INTERVALS = "alleles", "intervals"


class OpenBundle(Protocol):
    """What a look-up needs of `reference.Bundle`."""

    path: Path
    manifest: dict[str, Any]

    def sequence(self, contig_name: str) -> Any: ...


class Counts(Protocol):
    """What a look-up counts: alleles by ClinVar's class, and by the range of their frequency."""

    clinvar_classes: Counter[str]
    by_frequency: Counter[str]


class Overlays:
    """All overlays of a bundle; open one in each process."""

    def __init__(self, bundle: OpenBundle) -> None:
        self._bundle = bundle
        self._entries: list[dict[str, Any]] = bundle.manifest.get("overlays", [])
        self._overlays = [
            (IntervalOverlay if entry.get("shape") == INTERVALS else AlleleOverlay)(
                bundle.path / entry["folder"], entry
            )
            for entry in self._entries
        ]
        self._has_frequencies = any(starmap(frequencies.is_frequency, self.columns()))

    @classmethod
    def open(cls, bundle: OpenBundle) -> "Overlays":
        """The overlays that `bundle`'s manifest lists; files are opened when a contig is first asked for."""
        return cls(bundle)

    def header_lines(self) -> list[str]:
        """The ##INFO lines of every overlay field."""
        return [field["header"] for entry in self._entries for field in entry["fields"]]

    def columns(self) -> list[tuple[str, str]]:
        """(INFO id, VCF Type) of every overlay field, in output order."""
        return [(field["id"], field["type"]) for entry in self._entries for field in entry["fields"]]

    def look_up(
        self,
        contig: str,
        positions: NDArray[np.int64],
        refs: Sequence[str],
        alts: Sequence[str],
        counts: Counts | None = None,
    ) -> list[str]:
        """For each record what the overlays know, as "NAME_FIELD=v1,v2;…" with one value an ALT, or "".

        The records come as columns, POS as an array and ALT as it is written. `contig` is the bundle's own name;
        positions must lie on it. Batches are quickest; order does not matter. Alleles are added to `counts` by
        ClinVar's class and, where overlays have frequencies, by the highest.
        """
        fragments = [""] * len(refs)
        if not self._overlays or not fragments:
            return fragments
        queries = Queries(positions, refs, alts, self._bundle.sequence(contig))
        for overlay in self._overlays:
            if isinstance(overlay, IntervalOverlay):
                overlay.add(fragments, contig, positions, refs, alts)
            else:
                overlay.add(fragments, contig, queries, counts.clinvar_classes if counts else Counter())
        if counts and self._has_frequencies:
            counts.by_frequency.update(frequencies.count(queries.frequencies()))
        return fragments
