"""Interval overlays (BED): which intervals a record's REF bases touch, for a whole batch at once.

Intervals are sorted by start within classes of similar length. In a class those that can reach a record begin no
further before it than the longest is long, so that two binary searches give the candidates and few of them miss,
however the file nests its intervals.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation.overlays.allele_lookup import append
from gas.annotation.overlays.values import Fields, Values, mapped

# Lengths within a factor of eight share a class.
_CLASS_BITS = 3


class IntervalOverlay:
    """An overlay of intervals; a contig's files are opened when it is first asked for."""

    def __init__(self, folder: Path, entry: dict[str, Any]) -> None:
        self._folder = folder
        self._on: dict[str, dict[str, Any]] = entry["contigs"]
        self._fields = Fields.of(folder, entry)
        self._contigs: dict[str, _Contig] = {}

    def add(
        self,
        fragments: list[str],
        contig: str,
        positions: NDArray[np.int64],
        refs: Sequence[str],
        alts: Sequence[str],
    ) -> None:
        """Append to each record's fragment what the intervals say that share a base with its REF.

        Of several, texts are joined with "&" in file order, each once, and the highest number counts. Each ALT gets
        the same value, symbolic ones included.
        """
        if contig not in self._on:
            return
        if contig not in self._contigs:
            self._contigs[contig] = _Contig(self._folder, self._on[contig], self._fields)
        on_contig = self._contigs[contig]
        starts = positions - 1
        lengths = np.fromiter(map(len, refs), dtype=np.int64, count=len(refs))
        touched, rows = on_contig.touched(starts, starts + lengths)
        if not len(touched):
            return
        records, firsts, counts = np.unique(touched, return_index=True, return_counts=True)
        alone = (counts == 1) & np.array(["," not in alts[record] for record in records.tolist()], dtype=bool)
        append(fragments, records[alone].tolist(), on_contig.values.fragments(rows[firsts[alone]]))
        for at in np.flatnonzero(~alone).tolist():
            record, first = int(records[at]), int(firsts[at])
            alleles = alts[record].count(",") + 1
            append(fragments, [record], [on_contig.values.merged(rows[first : first + int(counts[at])], alleles)])


class _Contig:
    def __init__(self, folder: Path, entry: dict[str, Any], fields: Fields) -> None:
        stem = entry["stem"]
        self.values = Values(folder, stem, fields)
        self._starts = mapped(folder / f"{stem}.starts", np.int64)
        self._ends = mapped(folder / f"{stem}.ends", np.int64)
        self._rows = mapped(folder / f"{stem}.rows", np.int64)
        self._classes: list[list[int]] = entry["classes"]

    def touched(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a span (0-based, half open) and a row of the file that share a base, by span and then by row."""
        spans, rows = [], []
        for offset, count, longest in self._classes:
            sorted_starts = self._starts[offset : offset + count]
            first = np.searchsorted(sorted_starts, starts - longest, side="right")
            counts = np.maximum(np.searchsorted(sorted_starts, ends, side="left") - first, 0)
            span = np.repeat(np.arange(len(starts)), counts)
            before = np.cumsum(counts) - counts
            place = np.arange(len(span)) + np.repeat(first - before, counts) + offset
            reaching = self._ends[place] > starts[span]
            spans.append(span[reaching])
            rows.append(self._rows[place[reaching]])
        span, row = np.concatenate(spans), np.concatenate(rows)
        order = np.lexsort((row, span))
        return span[order], row[order]


def write_contig(starts: NDArray[np.int64], ends: NDArray[np.int64], stem: Path) -> list[list[int]]:
    """Write the intervals of a contig, given in file order; returns the classes: [first, number, longest] of each."""
    classes = np.frexp((ends - starts).astype(np.float64))[1] // _CLASS_BITS
    order = np.lexsort((starts, classes))
    starts[order].tofile(f"{stem}.starts")
    ends[order].tofile(f"{stem}.ends")
    order.astype(np.int64).tofile(f"{stem}.rows")
    found = []
    for number in np.unique(classes).tolist():
        members = np.flatnonzero(classes[order] == number)
        longest = int((ends - starts)[order][members].max())
        found.append([int(members[0]), len(members), longest])
    return found
