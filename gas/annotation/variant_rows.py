"""Records as rows of the variant table, a batch of columns at a time: cells are cut all at once, not row by row."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gas.annotation.columns import Columns, Ints
from gas.annotation.picks import Choice, Picks
from gas.annotation.records import ALT, FIXED_COLUMNS, INFO
from gas.annotation.templates import Seen
from gas.annotation.variant_table import FIXED, INTEGERS, TableLayout

_PLACES = {"CHROM": 0, "POS": 1, "ID": 2, "REF": 3, "QUAL": 5, "FILTER": 6}
_UNKNOWN = pa.array(["", "."])
_NO_CHOICE: dict[int, Choice] = {}


class VariantRows:
    """Gathers the records of one batch, then gives them as one serialised Arrow batch."""

    def __init__(self, layout: TableLayout, picks: Picks) -> None:
        self._layout = layout
        self._picks = picks
        # CHROM to FILTER, and FORMAT to the last sample where genotypes are wanted.
        self._fixed: list[bytes] = []
        self._rests: list[bytes] = []
        self._overlays: list[str] = []
        # For each allele: its record, which of the record's alleles it is, what was chosen and the picked entry.
        self._records: list[int] = []
        self._alleles: list[int] = []
        self._choices: list[Choice | None] = []
        self._entries: list[bytes | None] = []

    def add_all(
        self, found: Columns, annotations: Sequence[bytes], overlays: Sequence[str], keys: Sequence[Seen | None]
    ) -> None:
        """Every record of these columns, as `add` takes them."""
        text = found.text
        starts: list[int] = found.starts.tolist()
        ends: list[int] = found.ends.tolist()
        ref_ends: list[int] = found.ref_ends.tolist()
        alt_ends: list[int] = found.alt_ends.tolist()
        infos: list[int] = found.info_starts.tolist()
        rests: list[int] = found.info_ends.tolist()
        genotyped = bool(self._layout.genotyped)
        for place, start in enumerate(starts):
            alleles = text.count(b",", ref_ends[place], alt_ends[place]) + 1
            rest = text[rests[place] + 1 : ends[place]] if genotyped else b""
            fixed = text[start : infos[place] - 1]
            self._add(fixed, rest, alleles, annotations[place], overlays[place], keys[place])

    def add(self, line: bytes, alleles: int, annotation: bytes, overlays: str, key: object = None) -> None:
        """One record: its line as read, how many ALT alleles it has, CSQ's value (b"" for none), the overlays' entries
        of INFO ("" for none), and what `Picks.like` remembers the choice by.
        """
        fields = line.split(b"\t", FIXED_COLUMNS)
        rest = fields[FIXED_COLUMNS] if len(fields) > FIXED_COLUMNS else b""
        self._add(b"\t".join(fields[:INFO]), rest, alleles, annotation, overlays, key)

    def _add(self, fixed: bytes, rest: bytes, alleles: int, annotation: bytes, overlays: str, key: object) -> None:
        choices = self._picks.like(key, annotation, alleles) if annotation else _NO_CHOICE
        record = len(self._fixed)
        for allele in range(alleles):
            choice = choices.get(allele)
            self._records.append(record)
            self._alleles.append(allele)
            self._choices.append(choice)
            self._entries.append(None if choice is None else annotation.split(b",", choice.entry + 1)[choice.entry])
        self._fixed.append(fixed)
        self._rests.append(rest)
        self._overlays.append(overlays)

    def serialise(self, offsets: Ints) -> bytes:
        """All rows as one record batch. `offsets`: of each record in the VCF, counted from the batch's first block."""
        schema = self._layout.schema()
        if not self._fixed:
            return _serialised(schema.empty_table().to_batches() or [], schema)
        records = np.array(self._records, np.int64)
        columns = [*self._places(records), *self._together(), *self._known(records), *self._genotypes(records)]
        columns += [*self._picked(), pa.array(offsets[records], pa.int64())]
        return _serialised([pa.RecordBatch.from_arrays(columns, schema=schema)], schema)

    def _places(self, records: Ints) -> list[pa.Array]:
        cells = _cells(self._fixed, b"\t", INFO)
        found = {name: cells.take(pa.array(records * INFO + place)) for name, place in _PLACES.items()}
        found["POS"] = found["POS"].cast(pa.int64())
        found["QUAL"] = _numbers(found["QUAL"])
        alts = cells.take(pa.array(np.arange(len(self._fixed)) * INFO + ALT)).fill_null("")
        # Records come in order and their alleles too, so those of all lists in a row are the rows'.
        found["ALT"] = _text(pc.split_pattern(alts, ",").flatten())
        return [found[name] for name in FIXED]

    def _together(self) -> list[pa.Array]:
        # Few choices speak for many rows.
        different = {id(choice): choice for choice in self._choices if choice is not None}
        numbers = {identity: number for number, identity in enumerate(different)}
        rows = pa.array([None if choice is None else numbers[id(choice)] for choice in self._choices], pa.int32())
        choices = list(different.values())
        columns = [
            pa.array([choice.most_severe for choice in choices], pa.string()),
            pa.array([choice.impact or None for choice in choices], pa.string()),
            _text(pa.array([choice.genes.encode("latin-1") for choice in choices], pa.binary())),
        ]
        return [column.take(rows) for column in columns]

    def _known(self, records: Ints) -> list[pa.Array]:
        names = [name for name, _ in self._layout.overlays]
        if not names:
            return []
        parsed = [_values(text) for text in self._overlays]
        rows = list(zip(records.tolist(), self._alleles, strict=True))
        columns = []
        for name, kind in self._layout.overlays:
            cells = [_at(parsed[record].get(name), allele) for record, allele in rows]
            convert = _CONVERT.get(kind)
            columns.append(pa.array(map(convert, cells) if convert else cells, _TYPES.get(kind, pa.string())))
        return columns

    def _genotypes(self, records: Ints) -> list[pa.Array]:
        count = len(self._layout.genotyped)
        if not count:
            return []
        if not self._rests[0]:
            return [pa.nulls(len(records), pa.string())] * count
        parts = pc.split_pattern(pa.array(self._rests, pa.binary()), b"\t").flatten()
        wide = len(parts) // len(self._rests)
        # GT, where there is one, is the first of a sample's fields: VCF 4.3, section 1.6.2.
        called = [kind == b"GT" for kind in _first_fields(parts, 0, wide).to_pylist()]
        columns = []
        for number in range(count):
            texts = _first_fields(parts, number + 1, wide).to_pylist()
            cells = [
                _genotype(texts[record], allele + 1) if called[record] else None
                for record, allele in zip(self._records, self._alleles, strict=True)
            ]
            columns.append(pa.array(cells, pa.string()))
        return columns

    def _picked(self) -> list[pa.Array]:
        fields = len(self._layout.csq_fields)
        known = np.array([entry is not None for entry in self._entries])
        cells = _cells([entry for entry in self._entries if entry is not None], b"|", fields)
        places = (np.cumsum(known) - 1) * fields
        mask = None if known.all() else ~known
        columns = [cells.take(pa.array(places + number, mask=mask)) for number in range(fields)]
        return [
            column.cast(pa.int64()) if name in INTEGERS else column
            for name, column in zip(self._layout.csq_fields, columns, strict=True)
        ]


def _serialised(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> bytes:
    batch = batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)
    made: bytes = batch.serialize().to_pybytes()
    return made


def _first_fields(parts: pa.Array, column: int, width: int) -> pa.Array:
    cells = parts.take(pa.array(np.arange(column, len(parts), width)))
    return pc.list_element(pc.split_pattern(cells, b":", max_splits=1), 0)


def _cells(rows: Sequence[bytes], separator: bytes, width: int) -> pa.Array:
    """The cells of rows that have `width` of them each, one after the other, null for "" and "."."""
    joined = separator.join(rows)
    if not rows or not joined.isascii():
        cells = pc.split_pattern(pa.array(rows, pa.binary()), separator).flatten()
        if len(cells) != len(rows) * width:
            raise ValueError(f"{len(rows)} rows of {width} cells have {len(cells)}")
        return _text(cells)
    # What Arrow's splitting and comparing do cell by cell, for all cells at once.
    codes = np.frombuffer(joined, np.uint8)
    ends = np.concatenate((np.flatnonzero(codes == separator[0]), [len(codes)]))
    if len(ends) != len(rows) * width:
        raise ValueError(f"{len(rows)} rows of {width} cells have {len(ends)}")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    known = (lengths > 1) | ((lengths == 1) & (codes[np.minimum(starts, len(codes) - 1)] != ord(".")))
    offsets = np.zeros(len(ends) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [np.packbits(known, bitorder="little"), offsets, joined.translate(None, separator)]
    return pa.Array.from_buffers(pa.string(), len(ends), [pa.py_buffer(buffer) for buffer in buffers])


def _text(column: pa.Array) -> pa.Array:
    """Bytes as text, null for "" and "."; what is not UTF-8 is taken for Latin-1."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([None if cell is None else _decoded(cell) for cell in column.to_pylist()], pa.string())
    unknown = pc.is_in(text, _UNKNOWN)
    return pc.if_else(unknown, pa.scalar(None, pa.string()), text)


def _decoded(cell: bytes) -> str:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return cell.decode("latin-1")


def _numbers(text: pa.Array) -> pa.Array:
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        return pa.array([None if cell is None else _float(cell) for cell in text.to_pylist()], pa.float64())


def _float(cell: str | None) -> float | None:
    try:
        return None if cell is None else float(cell)
    except ValueError:
        return None


def _int(cell: str | None) -> int | None:
    try:
        return None if cell is None else int(cell)
    except ValueError:
        return None


_CONVERT: dict[str, Callable[[str | None], Any]] = {"Integer": _int, "Float": _float}
_TYPES = {"Integer": pa.int64(), "Float": pa.float64()}


@lru_cache(maxsize=1 << 14)
def _values(overlays: str) -> dict[str, list[str]]:
    return {
        name: values.split(",") for name, _, values in (entry.partition("=") for entry in overlays.split(";") if entry)
    }


def _at(values: list[str] | None, allele: int) -> str | None:
    if values is None or allele >= len(values) or values[allele] in ("", "."):
        return None
    return values[allele]


@lru_cache(maxsize=1 << 12)
def _genotype(text: bytes, number: int) -> str | None:
    """One of GENOTYPES for the `number`th ALT allele; None for what is no genotype."""
    alleles = text.replace(b"|", b"/").strip(b"/").split(b"/")
    own = str(number).encode()
    called = [allele for allele in alleles if allele != b"."]
    if any(not allele.isdigit() for allele in called):
        return None
    if own in called:
        return "hom" if len(called) == len(alleles) and set(called) == {own} else "het"
    return "ref" if len(called) == len(alleles) else "missing"
