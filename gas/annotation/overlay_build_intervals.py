"""Writes an overlay of intervals (`overlay_intervals` says how they are read). They are held in memory meanwhile."""

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gas.annotation.overlay_columns import Column, final
from gas.annotation.overlay_fit import BEYOND_END, NOT_ON_REFERENCE, Reference
from gas.annotation.overlay_intervals import write_contig
from gas.annotation.overlay_sources import IntervalSource


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
    for source in sources:
        for interval in source.intervals():
            contig = reference.resolve(interval.contig)
            if contig is None or interval.end > contig.length:
                skipped[BEYOND_END if contig else NOT_ON_REFERENCE] += 1
                continue
            gathered = contigs.setdefault(contig.name, _Gathered(columns))
            gathered.starts.append(interval.start)
            gathered.ends.append(interval.end)
            for column, values, text in zip(columns, gathered.values, interval.texts, strict=True):
                values.append(column.unknown() if text in (None, "", ".") else column.store(text))
        skipped.update(source.skipped)
    entries: dict[str, dict[str, Any]] = {}
    for number, (name, gathered) in enumerate(contigs.items()):
        stem = folder / str(number)
        for place, (column, values) in enumerate(zip(columns, gathered.values, strict=True)):
            final(np.array(values, dtype=column.dtype), column.kind()).tofile(f"{stem}.{place}")
        starts, ends = (np.array(edges, dtype=np.int64) for edges in (gathered.starts, gathered.ends))
        entries[name] = {"stem": str(number), "rows": len(starts), "classes": write_contig(starts, ends, stem)}
    return entries
