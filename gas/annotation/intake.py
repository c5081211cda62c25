"""The way in: open a user's file, refuse what cannot be annotated, and give its records in order, in batches.

How the engine uses it:

    input = open_input(path, bundle, limits, scratch=folder)      # may raise InputRefused
    while True:
        try:
            for batch in input.batches():                         # may raise InputRefused, later in the file
                ...
            break
        except OutOfOrder:                                        # a long file turned out not to be sorted:
            ...                                                   # throw away what was written, go round once more
    input.notes, input.sha256                                     # whole only now

A file that ends within the first look (`PROBE_RECORDS`) never raises either exception from `batches`.
A worker gets `input.header` (picklable) and does, for each record:

    contig = header.resolve(fields[0], bundle)
    reason = check(fields, contig, header.column_count) or ref_mismatch_reason(fields[3], int(fields[1]), sequence)
    if reason: tally.reject(reject(line, fields, reason))
    info = without_keys(fields[7], replaced_info)                 # an older CSQ is replaced
"""

import hashlib
import os
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from pathlib import Path

from gas.annotation import bcf, probe
from gas.annotation.decompress import chunks
from gas.annotation.formats import (
    GZIP_MAGIC,
    Format,
    holds_bcf,
    recognise,
    refuse_foreign,
    refuse_unfinished_bgzf,
)
from gas.annotation.header import VcfHeader, check_contigs, parse_header, supply_contigs
from gas.annotation.limits import MIB, InputRefused, Limits
from gas.annotation.lines import LineFacts, Lines, line_blocks
from gas.annotation.order import Order, sort_key
from gas.annotation.records import (
    FIXED_COLUMNS,
    Record,
    Reject,
    allele_kind,
    check,
    kind_of,
    printable,
    ref_mismatch_reason,
    reject,
    without_keys,
)
from gas.annotation.reference import Bundle, Contig
from gas.annotation.sorting import external_sort

__all__ = [
    "Input",
    "InputRefused",
    "Limits",
    "OutOfOrder",
    "Record",
    "Reject",
    "VcfHeader",
    "allele_kind",
    "check",
    "kind_of",
    "open_input",
    "printable",
    "ref_mismatch_reason",
    "reject",
    "without_keys",
]

PROBE_RECORDS = 10_000
BATCH_RECORDS = 4000
# A batch of wide records ends earlier, with the record that brings it to this many characters.
BATCH_CHARACTERS = 4 * MIB


class OutOfOrder(Exception):
    """A record came out of order after batches were given out; the next call of `batches` gives all of them sorted."""


class Input:
    """A file that has passed the first look. Made by `open_input`.

    `format`; `header`; `total_hint`: about how many records there are, exactly how many when the first look saw all
    of them, None when unknown; `sha256` of the file as it was uploaded, set with the last batch.
    """

    def __init__(self, path: Path, kind: Format, header: VcfHeader, bundle: Bundle, limits: Limits) -> None:
        self.path = path
        self.format = kind
        self.header = header
        self.total_hint: int | None = None
        self.sha256 = ""
        self._bundle = bundle
        self._limits = limits
        self._scratch: Path | None = None
        self._sorted = True
        self._late_notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """Sentences for the receipt; all of them after the last batch."""
        return self.header.notes + self._late_notes

    def batches(self, records: int = BATCH_RECORDS) -> Iterator[Lines]:
        """The records from the first, at most `records` at a time, each contig in one block and by POS.

        The same file always gives the same batches. Raises InputRefused and `OutOfOrder`, see above.
        """
        raw, facts, order = _Raw(), LineFacts(), Order(self._resolve)
        lines = _record_lines(_blocks(self.path, self.format, self._limits, facts, raw), self.header.lines, facts)
        if not self._sorted:
            lines = self._in_order(lines)
        for batch in _batched(lines, records):
            if self.header.format_left_out:
                batch = _without_format(batch)
            if not order.take(batch):
                self._sorted = False
                raise OutOfOrder
            yield batch
        if order.seen and not order.knows_any:
            probe.refuse_unknown_contigs(self.header, self._bundle, order.seen)
        self.sha256 = raw.digest.hexdigest()
        self._late_notes = list(_late_notes(facts, self._sorted))

    def _in_order(self, lines: "Iterator[_Lines]") -> "Iterator[_Lines]":
        numbered = ((number, line) for numbers, part in lines for number, line in zip(numbers, part, strict=True))
        key = sort_key(self._resolve, list(self._bundle.contigs))
        result = external_sort(numbered, key, self._limits.sort_memory_bytes, self._scratch)
        while part := list(islice(result, BATCH_RECORDS)):
            yield [number for number, _ in part], [line for _, line in part]

    def _resolve(self, name: str) -> Contig | None:
        return self.header.resolve(name, self._bundle)


def open_input(
    path: str | os.PathLike[str],
    bundle: Bundle,
    limits: Limits | None = None,
    *,
    scratch: Path | None = None,
    replaced_info: Collection[str] = ("CSQ",),
) -> Input:
    """Look at the header and the first records of a file, and refuse or note what they show.

    `path` must be a regular file (it is read more than once); its name does not matter. `scratch`: the folder for
    temporary files, default the system's. `replaced_info`: INFO keys that the annotation writes anew; the file's own
    declarations of them are dropped. Raises InputRefused.
    """
    path, limits = Path(path), limits or Limits()
    kind = _recognise(path, limits)
    facts = LineFacts()
    lines = chain.from_iterable(_blocks(path, kind, limits, facts, _Raw()))
    header = parse_header(lines, limits, replaced_info)
    check_contigs(header, bundle)
    result = Input(path, kind, header, bundle, limits)
    result._scratch = scratch
    _look(result)
    return result


def _look(given: Input) -> None:
    """Read the first records, for what is wrong with all of the file."""
    raw, facts, header, bundle = _Raw(), LineFacts(), given.header, given._bundle
    lines = _record_lines(_blocks(given.path, given.format, given._limits, facts, raw), header.lines, facts)
    batches = _batched(lines, PROBE_RECORDS)
    first = next(batches, Lines.of([]))
    if header.format_left_out:
        first = _without_format(first)
    records = list(first)
    probe.refuse_header_lines(records)
    probe.refuse_spaces(records)
    whole = next(batches, None) is None
    seen = list(dict.fromkeys(fields[0] for _, fields in records))
    if whole and records and not any(given._resolve(name) for name in seen):
        probe.refuse_unknown_contigs(header, bundle, seen)
    probe.compare_with_reference(records, header, bundle)
    given._sorted = Order(given._resolve).take(first)
    if note := probe.genotype_note(records, header):
        header.notes.append(note)
    supply_contigs(header, bundle, seen)
    if whole:
        given.total_hint = len(records)
    elif given.format != "bcf":
        given.total_hint = round((facts.count - header.lines) * given.path.stat().st_size / raw.count)


class _Raw:
    """What was read of the file as it lies on disk."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.count = 0

    def __call__(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.count += len(piece)


# The numbers of some consecutive lines, and the lines.
_Lines = tuple[Sequence[int], list[str]]


def _recognise(path: Path, limits: Limits) -> Format:
    try:
        with path.open("rb") as file:
            kind = recognise(file)
            if kind == "bgzf":
                refuse_unfinished_bgzf(file)
            if kind in ("gzip", "bgzf"):
                head = next(chunks(file, kind, limits), b"")
                if head.startswith(GZIP_MAGIC):
                    raise InputRefused("The file is compressed twice; decompress it once and upload that.")
                if holds_bcf(head):
                    kind = "bcf"
                else:
                    refuse_foreign(head, "The compressed file")
    except OSError as error:
        raise InputRefused(f"The file cannot be read: {error.strerror}.") from error
    if kind == "bcf":
        bcf.survey(path, limits)
    return kind


def _blocks(path: Path, kind: Format, limits: Limits, facts: LineFacts, raw: _Raw) -> Iterator[list[str]]:
    if kind == "bcf":
        bcf.survey(path, limits, raw)
        yield from line_blocks(bcf.text(path), limits, facts)
        return
    with path.open("rb") as file:
        yield from line_blocks(chunks(file, kind, limits, raw), limits, facts)


def _record_lines(blocks: Iterable[list[str]], header_lines: int, facts: LineFacts) -> Iterator[_Lines]:
    """The lines after the header that are not empty, with their numbers."""
    for lines in blocks:
        first = facts.count - len(lines) + 1
        numbers: Sequence[int] = range(first, facts.count + 1)
        if first <= header_lines:
            numbers, lines = numbers[header_lines - first + 1 :], lines[header_lines - first + 1 :]
        if "" in lines:
            facts.blank += lines.count("")
            facts.first_blank = facts.first_blank or numbers[lines.index("")]
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line]
            lines = [line for line in lines if line]
        yield numbers, lines


def _batched(parts: Iterable[_Lines], records: int) -> Iterator[Lines]:
    """Gather lines in batches whose ends depend on the lines alone."""
    numbers: list[int] = []
    lines: list[str] = []
    size = 0
    for more_numbers, more_lines in parts:
        numbers.extend(more_numbers)
        lines.extend(more_lines)
        size += sum(map(len, more_lines))
        while len(lines) >= records or size >= BATCH_CHARACTERS:
            sizes = list(accumulate(map(len, islice(lines, records))))
            end = min(bisect_left(sizes, BATCH_CHARACTERS) + 1, len(sizes))
            yield _joined(numbers[:end], lines[:end])
            size -= sizes[end - 1]
            del numbers[:end], lines[:end]
    if lines:
        yield _joined(numbers, lines)


def _joined(numbers: list[int], lines: list[str]) -> Lines:
    lines.append("")
    return Lines(numbers, "\n".join(lines).encode("latin-1"))


def _without_format(batch: Lines) -> Lines:
    kept = [(n, fields if "\t" in fields[-1] else fields[:FIXED_COLUMNS]) for n, fields in batch]
    return Lines.of([(number, "\t".join(fields)) for number, fields in kept])


def _late_notes(facts: LineFacts, in_order: bool) -> Iterator[str]:
    if facts.byte_order_mark:
        yield "The byte order mark at the beginning was removed."
    if facts.carriage_returns:
        yield "Line ends of Windows (CR LF) were changed to LF."
    if facts.blank:
        yield f"Empty lines were skipped: {facts.blank:,}, the first is line {facts.first_blank:,}."
    if not in_order:
        yield "The records were not sorted: they were sorted by contig, in the order of the reference, and position."
