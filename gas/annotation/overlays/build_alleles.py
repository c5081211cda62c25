"""Writes an overlay of alleles: they become sorted keys and value columns (`allele_lookup` says how they are read).

Rows are spilled to disk by stretches of the contig and sorted one stretch at a time, so that neither the size nor the
order of the source matters to memory.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation.overlays.alleles import SINGLE_BASE, allele_key, minimal
from gas.annotation.overlays.columns import Column, TextWriter, final
from gas.annotation.overlays.fit import NOT_ON_REFERENCE, REF_DIFFERS, Places, Reference, unfit
from gas.annotation.overlays.sources import AlleleSource
from gas.annotation.overlays.values import TextTable

STRETCH_BITS = 22  # 4 Mb: about a million of gnomAD's alleles
ROWS_IN_MEMORY = 200_000
# So many, and more than fit: the rest of the file, perhaps hours of it, need not be read.
DIFFERING_AT_LEAST = 10_000

# How often those who wait hear that it goes on.
ROWS_BETWEEN_WORDS = 10_000_000

NO_SEQUENCE = "allele is not a sequence"
REPEATED = "allele occurs again"

_log = logging.getLogger(__name__)


def write_alleles(
    sources: Sequence[AlleleSource], columns: list[Column], reference: Reference, folder: Path, skipped: Counter[str]
) -> dict[str, dict[str, Any]]:
    """Write the alleles of all sources into `folder`; returns the manifest's entry for each contig."""
    with tempfile.TemporaryDirectory(prefix=".overlay.", dir=folder.parent) as scratch:
        spill = _Spill(Path(scratch), columns)
        for source in sources:
            _log.info("Reading %s.", source.name)
            _read(source, reference, spill, skipped)
        spill.close()
        _log.info("Sorting %s alleles.", f"{spill.rows:,}")
        return {
            contig: {
                "stem": str(number),
                "rows": _write_contig(spill, contig, folder / str(number), sources[0].joined, skipped),
            }
            for number, contig in enumerate(spill.stretches)
        }


class _Spill:
    """Rows on their way to disk: `stretches` lists for each contig those that have a file."""

    def __init__(self, scratch: Path, columns: list[Column]) -> None:
        self.columns = columns
        self.dtype = np.dtype(
            [("key", np.uint64), ("long", np.uint32), *((f"v{n}", c.dtype) for n, c in enumerate(columns))]
        )
        self.stretches: dict[str, set[int]] = {}
        self.rows = 0
        self._stores = [column.store for column in columns]
        self._unknown = [column.unknown() for column in columns]
        self._scratch = scratch
        self._numbers: dict[str, int] = {}
        self._waiting: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
        self._held = 0
        self._long = TextWriter(scratch / "long")

    def add(self, contig: str, key: int, long: str, texts: list[str | None]) -> None:
        row = [key, self._long.add(long) if long else 0]
        for store, unknown, text in zip(self._stores, self._unknown, texts, strict=True):
            row.append(unknown if text is None or text == "." or not text else store(text))
        self._waiting.setdefault((contig, key >> 32 + STRETCH_BITS), []).append(tuple(row))
        self.rows += 1
        self._held += 1
        if self._held >= ROWS_IN_MEMORY:
            self._flush()
        if self.rows % ROWS_BETWEEN_WORDS == 0:
            _log.info("%s alleles read.", f"{self.rows:,}")

    def _flush(self) -> None:
        for (contig, stretch), rows in self._waiting.items():
            self.stretches.setdefault(contig, set()).add(stretch)
            with self._path(contig, stretch).open("ab") as file:
                np.array(rows, dtype=self.dtype).tofile(file)
        self._waiting.clear()
        self._held = 0

    def _path(self, contig: str, stretch: int) -> Path:
        number = self._numbers.setdefault(contig, len(self._numbers))
        return self._scratch / f"{number}.{stretch}"

    def close(self) -> None:
        self._flush()
        self._long.close()

    def take(self, contig: str, stretch: int) -> NDArray[Any]:
        """The rows of a stretch, sorted by key and otherwise in file order; they are deleted from disk."""
        path = self._path(contig, stretch)
        rows = np.fromfile(path, dtype=self.dtype)
        path.unlink()
        return rows[np.argsort(rows["key"], kind="stable")]

    def long_texts(self) -> TextTable:
        return TextTable(self._scratch / "long")


def _read(source: AlleleSource, reference: Reference, spill: _Spill, skipped: Counter[str]) -> None:
    places = Places(reference)
    for contig, pos, ref, alt, texts in source.alleles():
        place = places.find(contig)
        if place is None:
            skipped[NOT_ON_REFERENCE] += 1
            continue
        name, bases, codes = place
        change = SINGLE_BASE.get((ref, alt))
        if change is not None and 0 < pos <= len(codes) and codes[pos - 1] == ord(ref):
            spill.add(name, pos << 32 | change, "", texts)
            continue
        reduced = minimal(pos, ref, alt, bases)
        if reduced:
            spill.add(name, *allele_key(*reduced), texts)
        elif bases[max(pos - 1, 0) : pos - 1 + len(ref)] != ref.upper():
            skipped[REF_DIFFERS] += 1
            if skipped[REF_DIFFERS] > max(spill.rows, DIFFERING_AT_LEAST):
                raise unfit(source.name, reference.assembly, source.records, spill.rows, skipped)
        else:
            skipped[NO_SEQUENCE] += 1
    skipped.update(source.skipped)


def _write_contig(spill: _Spill, contig: str, stem: Path, joined: bool, skipped: Counter[str]) -> int:
    """Write stem.keys, one stem.N a column and the long alleles; returns the number of rows."""
    written = 0
    kinds = [column.kind() for column in spill.columns]
    spilled, long_rows, long_texts = spill.long_texts(), [], TextWriter(Path(f"{stem}.long"))
    with ExitStack() as stack:
        files = [stack.enter_context(open(f"{stem}.{suffix}", "wb")) for suffix in ("keys", *range(len(kinds)))]
        for stretch in sorted(spill.stretches[contig]):
            rows = spill.take(contig, stretch)
            count = len(rows)
            rows = _merge_repeated(rows, spilled, spill.columns, joined)
            skipped[REPEATED] += count - len(rows)
            rows["key"].tofile(files[0])
            for number, kind in enumerate(kinds):
                final(rows[f"v{number}"], kind).tofile(files[number + 1])
            for index in np.flatnonzero(rows["long"]).tolist():
                long_rows.append(written + index)
                long_texts.add(spilled.read([int(rows["long"][index])])[0])
            written += len(rows)
    long_texts.close()
    np.array(long_rows, dtype=np.int64).tofile(f"{stem}.long.rows")
    return written


def _merge_repeated(rows: NDArray[Any], long_texts: TextTable, columns: list[Column], joined: bool) -> NDArray[Any]:
    """Sorted rows with each allele once: the first known value of each field, or all of them joined."""
    again = np.flatnonzero(rows["key"][1:] == rows["key"][:-1]) + 1
    if not len(again):
        return rows
    groups: dict[tuple[int, str], list[int]] = {}
    for index in np.union1d(again - 1, again).tolist():
        key, long = int(rows["key"][index]), int(rows["long"][index])
        groups.setdefault((key, long_texts.read([long])[0] if long else ""), []).append(index)
    keep = np.ones(len(rows), dtype=bool)
    for members in groups.values():
        if len(members) == 1:
            continue
        keep[members[1:]] = False
        for number, column in enumerate(columns):
            values = rows[f"v{number}"]
            unknown = column.unknown()
            known = [value for value in values[members].tolist() if value != unknown and value == value]
            if known:
                values[members[0]] = column.joined(known) if joined else known[0]
    return rows[keep]
