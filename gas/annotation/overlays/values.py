"""Values of an overlay on disk: memory-mapped columns, and INFO fragments made of them.

Numbers have a column of their width, with NaN or the smallest integer for "unknown"; texts are numbers into a table
that the contigs of an overlay share.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation.frequencies import is_frequency

_CACHED_TEXTS = 1 << 18

# ClinVar's field of an allele's class.
_CLASS_FIELD = "_CLNSIG"

_FORMAT_OF_KIND = {"flag": "%d", "int32": "%d", "int64": "%d", "float32": "%g", "float64": "%s", "text": "%s"}
_DTYPE_OF_KIND = {
    "flag": np.uint8,
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
    "float64": np.float64,
    "text": np.uint32,
}


def mapped(path: Path, dtype: Any) -> NDArray[Any]:
    """The file as an array, read as it is touched."""
    if not path.stat().st_size:
        return np.empty(0, dtype=dtype)
    # A plain array over the mapping: slicing np.memmap itself takes ten times as long.
    return np.asarray(np.memmap(path, dtype=dtype, mode="r"))


class TextTable:
    """Texts by number, read from a memory-mapped file as needed; number 0 is no text."""

    def __init__(self, stem: Path) -> None:
        """`stem`.offsets and `stem`.texts hold the table."""
        self._stem = stem
        self._offsets = np.empty(0, dtype=np.uint64)
        self._texts = memoryview(b"")
        self._cache: dict[int, str] = {}

    def take(self, numbers: list[int]) -> list[str]:
        """The texts of `numbers`, in their order; those read before come from memory."""
        cache = self._cache
        try:
            return [cache[number] for number in numbers]
        except KeyError:
            if len(cache) > _CACHED_TEXTS:
                cache.clear()
            missing = list(set(numbers).difference(cache))
            cache.update(zip(missing, self.read(missing), strict=True))
            return [cache[number] for number in numbers]

    def read(self, numbers: list[int]) -> list[str]:
        """The texts of `numbers`, from the file."""
        if not len(self._offsets):
            self._offsets = mapped(Path(f"{self._stem}.offsets"), np.uint64)
            self._texts = mapped(Path(f"{self._stem}.texts"), np.uint8).data
        index = np.array(numbers, dtype=np.int64)
        starts, ends, texts = self._offsets[index - 1].tolist(), self._offsets[index].tolist(), self._texts
        return [str(texts[start:end], "latin-1") for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class Fields:
    """An overlay's fields: INFO ids, how each is stored, and the texts of those that are text."""

    ids: list[str]
    kinds: list[str]
    texts: list[TextTable | None]
    # Places of the fields that are frequencies, and of those that are ClinVar's classes.
    frequencies: list[int]
    classes: list[int]

    @classmethod
    def of(cls, folder: Path, entry: dict[str, Any]) -> "Fields":
        """The fields of a manifest entry whose files lie in `folder`."""
        kinds = [field["kind"] for field in entry["fields"]]
        texts = [TextTable(folder / f"field{number}") if kind == "text" else None for number, kind in enumerate(kinds)]
        ids = [field["id"] for field in entry["fields"]]
        rates = [place for place, field in enumerate(entry["fields"]) if is_frequency(field["id"], field["type"])]
        classes = [place for place, id_ in enumerate(ids) if id_.endswith(_CLASS_FIELD) and kinds[place] == "text"]
        return cls(ids, kinds, texts, rates, classes)


class _Column:
    """One field of one overlay on one contig."""

    def __init__(self, path: Path, kind: str, texts: TextTable | None) -> None:
        self._values = mapped(path, _DTYPE_OF_KIND[kind])
        self._kind = kind
        self._texts = texts

    def at(self, rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The stored values of `rows` and which of them are known."""
        values = self._values[rows]
        if self._kind.startswith("float"):
            return values, values == values
        missing = np.iinfo(values.dtype).min  # 0 for flags and texts
        return values, values != missing

    def decode(self, values: NDArray[Any]) -> list[Any]:
        """Stored values as what the format of the column's kind prints."""
        plain: list[Any] = values.tolist()
        return self._texts.take(plain) if self._texts else plain


class Values:
    """The columns of an overlay on one contig."""

    def __init__(self, folder: Path, stem: str, fields: Fields) -> None:
        self._fields = fields
        self._columns = [
            _Column(folder / f"{stem}.{number}", kind, table)
            for number, (kind, table) in enumerate(zip(fields.kinds, fields.texts, strict=True))
        ]
        self._formats = [f"{id_}={_FORMAT_OF_KIND[kind]}" for id_, kind in zip(fields.ids, fields.kinds, strict=True)]

    def fragments(self, rows: NDArray[np.int64]) -> list[str]:
        """For each row "ID=value;…" of the fields that are known, "" for none."""
        values = [column.at(rows) for column in self._columns]
        known = np.zeros(len(rows), dtype=np.uint64)
        for bit, (_, present) in enumerate(values):
            known |= present.astype(np.uint64) << np.uint64(bit)
        found = [""] * len(rows)
        # One format string for each combination of known fields.
        for combination in np.unique(known).tolist():
            if not combination:
                continue
            which = np.flatnonzero(known == combination)
            used = [bit for bit in range(len(values)) if combination >> bit & 1]
            template = ";".join([self._formats[bit] for bit in used])
            columns = [self._columns[bit].decode(values[bit][0][which]) for bit in used]
            made = map(template.__mod__, zip(*columns, strict=True))
            if len(which) == len(rows):
                return list(made)
            for index, fragment in zip(which.tolist(), made, strict=True):
                found[index] = fragment
        return found

    def per_allele(self, rows: NDArray[np.int64]) -> str:
        """The fragment of a record with a row for each ALT allele (-1: none); "." for alleles without a value."""
        hits = rows >= 0
        parts = []
        for id_, kind, column in zip(self._fields.ids, self._fields.kinds, self._columns, strict=True):
            values, present = column.at(np.where(hits, rows, 0))
            present &= hits
            if present.any():
                known = iter(column.decode(values[present]))
                shown = [_FORMAT_OF_KIND[kind] % next(known) if there else "." for there in present.tolist()]
                parts.append(f"{id_}={','.join(shown)}")
        return ";".join(parts)

    def count_classes(self, rows: NDArray[np.int64], counts: Counter[str]) -> None:
        """Add to `counts` how many of the alleles in `rows` have which of ClinVar's classes."""
        for place in self._fields.classes:
            values, present = self._columns[place].at(rows)
            numbers, times = np.unique(values[present], return_counts=True)
            counts.update(dict(zip(self._columns[place].decode(numbers), times.tolist(), strict=True)))

    def raise_frequencies(
        self, rows: NDArray[np.int64], slots: NDArray[np.int64], highest: NDArray[np.float32]
    ) -> None:
        """Raise `highest` at `slots` to the frequencies of their `rows`."""
        for place in self._fields.frequencies:
            values, present = self._columns[place].at(rows)
            highest[slots[present]] = np.fmax(highest[slots[present]], values[present])

    def merged(self, rows: NDArray[np.int64], alleles: int) -> str:
        """One fragment of several rows, `alleles` times over: texts joined with "&", each once; the highest number."""
        parts = []
        for id_, kind, column in zip(self._fields.ids, self._fields.kinds, self._columns, strict=True):
            values, present = column.at(rows)
            if present.any():
                known: Sequence[Any] = column.decode(values[present])
                value = "&".join(dict.fromkeys(known)) if kind == "text" else _FORMAT_OF_KIND[kind] % max(known)
                parts.append(f"{id_}={','.join([value] * alleles)}")
        return ";".join(parts)
