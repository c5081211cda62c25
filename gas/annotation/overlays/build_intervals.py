"""Writes an overlay of intervals (`interval_lookup` says how they are read). They are held in memory meanwhile."""

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gas.annotation.overlays.columns import Column, final
from gas.annotation.overlays.fit import BEYOND_END, NOT_ON_REFERENCE, Places, Reference
from gas.annotation.overlays.interval_lookup import write_contig
from gas.annotation.overlays.sources import IntervalSource


class _Gathered:
    """The intervals of one contig in file order."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.starts, self.ends = array("q"), array("q")
        self.values = [array(np.dtype(column.dtype).char) for column in columns]


def write_intervals(
    sources: Sequence[IntervalSource], columns: list[Column], reference: Reference, folder: Path, skipped: Counter[str]
) -> dict[str, dict[str, Any]]:
    """Write the intervals of all sources into `folder`; returns the manifest's entry for each contig."""
    contigs: dict[str, _Gathered] = {}
    places = Places(reference)
    for source in sources:
        for interval in source.intervals():
            place = places.find(interval.contig)
            if place is None or interval.end > len(place.codes):
                skipped[BEYOND_END if place else NOT_ON_REFERENCE] += 1
                continue
            if place.name not in contigs:
                contigs[place.name] = _Gathered(columns)
            gathered = contigs[place.name]
            gathered.starts.append(interval.start)
            gathered.ends.append(interval.end)
            for column, values, text in zip(columns, gathered.values, interval.texts, strict=True):
                values.append(column.unknown() if text in (None, "", ".") else column.store(text))
        skipped.update(source.skipped)
    entries: dict[str, dict[str, Any]] = {}
    for number, (name, gathered) in enumerate(contigs.items()):
        stem = folder / str(number)
        for suffix, (column, values) in enumerate(zip(columns, gathered.values, strict=True)):
            final(np.array(values, dtype=column.dtype), column.kind()).tofile(f"{stem}.{suffix}")
        starts, ends = (np.array(edges, dtype=np.int64) for edges in (gathered.starts, gathered.ends))
        entries[name] = {"stem": str(number), "rows": len(starts), "classes": write_contig(starts, ends, stem)}
    return entries
