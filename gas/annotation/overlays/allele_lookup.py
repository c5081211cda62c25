"""Looks alleles up in an overlay: a binary search of all keys of a batch at once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation.overlays.alleles import SINGLE_BASE, Bases, allele_key, minimal
from gas.annotation.overlays.values import Fields, TextTable, Values, mapped


class Queries:
    """A batch of records as keys: slot i is record i, further alleles of multi-allelic records follow at the end."""

    def __init__(self, positions: NDArray[np.int64], refs: Sequence[str], alts: Sequence[str], bases: Bases) -> None:
        """`alts`: the ALT column as it is written, several alleles with commas between them."""
        single = SINGLE_BASE.get
        codes = np.array([single(change, 0) for change in zip(refs, alts, strict=True)], dtype=np.uint64)
        self.records = len(codes)
        self.exact: dict[int, str] = {}  # slot -> text of an allele whose key is a hash
        self.multi: list[tuple[int, range]] = []  # record -> slots of its alleles
        keys = (positions.astype(np.uint64) << np.uint64(32)) | codes
        others = np.flatnonzero(codes == 0)
        written: list[int] = []
        further: list[int] = []
        for index, pos in zip(others.tolist(), positions[others].tolist(), strict=True):
            ref, alt = refs[index], alts[index]
            if "," not in alt:
                written.append(self._key(index, pos, ref, alt, bases))
                continue
            written.append(0)
            alleles = alt.split(",")
            first = self.records + len(further)
            slots = range(first, first + len(alleles))
            self.multi.append((index, slots))
            further += [self._key(slot, pos, ref, allele, bases) for slot, allele in zip(slots, alleles, strict=True)]
        keys[others] = written
        self.keys = np.concatenate((keys, np.array(further, dtype=np.uint64)))
        # The highest frequency that an overlay has for each slot's allele; NaN for none.
        self.highest = np.full(len(self.keys), np.nan, np.float32)

    def frequencies(self) -> NDArray[np.float32]:
        """`highest` of every allele."""
        return np.delete(self.highest, [record for record, _ in self.multi])

    def _key(self, slot: int, pos: int, ref: str, alt: str, bases: Bases) -> int:
        allele = minimal(pos, ref, alt, bases)
        if allele is None:
            return 0
        key, text = allele_key(*allele)
        if text:
            self.exact[slot] = text
        return key


class AlleleOverlay:
    """An overlay of exact alleles; a contig's files are opened when it is first asked for."""

    def __init__(self, folder: Path, entry: dict[str, Any]) -> None:
        self._folder = folder
        self._on: dict[str, dict[str, Any]] = entry["contigs"]
        self._fields = Fields.of(folder, entry)
        self._contigs: dict[str, _Contig] = {}

    def add(self, fragments: list[str], contig: str, queries: Queries, classes: Counter[str]) -> None:
        """Append to each record's fragment what this overlay knows of it; count ClinVar's classes in `classes`."""
        if contig not in self._on:
            return
        if contig not in self._contigs:
            self._contigs[contig] = _Contig(self._folder, self._on[contig]["stem"], self._fields)
        on_contig = self._contigs[contig]
        rows = on_contig.rows(queries)
        known = np.flatnonzero(rows >= 0)
        on_contig.values.count_classes(rows[known], classes)
        on_contig.values.raise_frequencies(rows[known], known, queries.highest)
        hits = np.flatnonzero(rows[: queries.records] >= 0)
        if len(hits):
            append(fragments, hits.tolist(), on_contig.values.fragments(rows[hits]))
        for index, slots in queries.multi:
            of_record = rows[slots.start : slots.stop]
            if of_record.max() >= 0:
                append(fragments, [index], [on_contig.values.per_allele(of_record)])


def append(fragments: list[str], indices: Sequence[int], more: Sequence[str]) -> None:
    """Append `more` to the INFO fragments at `indices`."""
    for index, fragment in zip(indices, more, strict=True):
        if fragment:
            held = fragments[index]
            fragments[index] = f"{held};{fragment}" if held else fragment


class _Contig:
    """One overlay's keys and values on one contig."""

    def __init__(self, folder: Path, stem: str, fields: Fields) -> None:
        self._keys = mapped(folder / f"{stem}.keys", np.uint64)
        self.values = Values(folder, stem, fields)
        self._long_rows = np.empty(0, dtype=np.int64)
        self._long_texts: TextTable | None = None
        self._long_stem = folder / f"{stem}.long"

    def rows(self, queries: Queries) -> NDArray[np.int64]:
        """For each slot the row that holds exactly this allele, or -1."""
        keys = self._keys
        rows = np.searchsorted(keys, queries.keys)
        rows[rows == len(keys)] = 0
        rows[keys[rows] != queries.keys] = -1
        self._compare_long(rows, queries.exact)
        return rows

    def _compare_long(self, rows: NDArray[np.int64], exact: dict[int, str]) -> None:
        """Of the rows found by a hash keep those that hold the very allele; another may follow under the same hash."""
        found = [slot for slot in exact if rows[slot] >= 0]
        if not found:
            return
        if self._long_texts is None:
            self._long_rows = mapped(Path(f"{self._long_stem}.rows"), np.int64)
            self._long_texts = TextTable(self._long_stem)
        numbers = (np.searchsorted(self._long_rows, rows[found]) + 1).tolist()
        for slot, number, text in zip(found, numbers, self._long_texts.read(numbers), strict=True):
            if text != exact[slot]:
                rows[slot] = self._next_with(int(rows[slot]), number, exact[slot], self._long_texts)

    def _next_with(self, row: int, number: int, text: str, texts: TextTable) -> int:
        key = self._keys[row]
        while row + 1 < len(self._keys) and self._keys[row + 1] == key:
            row, number = row + 1, number + 1
            if texts.read([number]) == [text]:
                return row
        return -1
