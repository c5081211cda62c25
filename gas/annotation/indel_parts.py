"""What the rows of a pure insertion or deletion are made of: their constant text, and the values that they share."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gas.annotation.coding_indels import Reading, reading_near
from gas.annotation.segments import CODON, EXON, FLANK, OTHER, Entry
from gas.annotation.transcripts import Transcript

# Stand in a template's text for bytes and for a number; its own percent signs are doubled.
TEXT, NUMBER = "%b", "%d"


def finished(rows: list[str]) -> bytes:
    """A template of these rows."""
    return ",".join(rows).encode("latin-1")


class Flank(NamedTuple):
    """DISTANCE, a + b * position, of what lies from `first` to `last`."""

    a: int
    b: int
    first: int
    last: int


class Place(NamedTuple):
    """How bases from `first` to `last` are named in HGVSc: `anchor` and a + b * position."""

    strand: int
    anchor: str
    a: int
    b: int
    first: int
    last: int


class Terms(NamedTuple):
    """Outside of coding sequence: `described` in `reach`, other terms in the rest of `named`."""

    described: bytes
    reach: tuple[int, int]
    named: tuple[int, int]
    # What decides about the other terms.
    structure: Any


class Stretch(NamedTuple):
    """Coding bases, from `coding[0]` to `coding[1]`, that transcripts read alike.

    The index in the reading of a position's base is offset + strand * position.
    """

    strand: int
    offset: int
    coding: tuple[int, int]
    reading: Reading


class Coding(NamedTuple):
    """One of the stretches, and how many codons are before it; the sequence it is of, should more have to be read."""

    stretch: int
    before: int
    cds: str
    utr3: str


class CodingTerms(NamedTuple):
    """One of the codings; its `found` terms besides in `quiet`, those of splice sites outside of it."""

    coding: int
    found: int
    quiet: tuple[int, int]
    edges: tuple[int, int]


class Row(NamedTuple):
    text: str
    # What it is filled with: of which kind, and the how manieth; second the terms.
    slots: list[tuple[str, int]]


@dataclass
class Parts:
    """The values that a segment's rows need, each with its number and one transcript that needs it."""

    fixed: dict[bytes, int] = field(default_factory=dict)
    flanks: dict[Flank, int] = field(default_factory=dict)
    places: dict[Place, int] = field(default_factory=dict)
    spans: dict[tuple[int, int], int] = field(default_factory=dict)
    terms: dict[Terms, tuple[int, Transcript]] = field(default_factory=dict)
    stretches: dict[Stretch, int] = field(default_factory=dict)
    codings: dict[Coding, tuple[int, Transcript]] = field(default_factory=dict)
    coding_terms: dict[CodingTerms, tuple[int, Transcript]] = field(default_factory=dict)

    def row(self, entry: Entry, bounds: tuple[int, int]) -> Row | None:
        """The row of an entry; None where only the general path will do."""
        kind = entry[0]
        if kind == OTHER or (kind == CODON and "*" in entry[1].peptide):
            return None
        if kind == CODON:
            return self._coding(entry, bounds)
        return self._flank(entry) if kind == FLANK else self._outside(entry)

    def _flank(self, entry: Entry) -> Row:
        _, _, head, a, b, tail, reach = entry
        described = "|".join(head.split("|", 3)[1:3])
        slots = [
            ("own", 0),
            ("fixed", _number(self.fixed, described.encode())),
            ("flank", _number(self.flanks, Flank(a, b, *reach))),
        ]
        return Row(f"{TEXT}|{TEXT}{head[1 + len(described) :]}{NUMBER}{tail}", slots)

    def _outside(self, entry: Entry) -> Row:
        kind, transcript, head, a, b, _, reach, strand, layout, anchor, named, body, structure = entry[:13]
        described = head[1 : len(head) - len(body)].encode()
        of_terms = Terms(described, reach, named, structure or transcript)
        slots = [
            ("own", 0),
            ("terms", self.terms.setdefault(of_terms, (len(self.terms), transcript))[0]),
            ("place", _number(self.places, Place(strand, anchor, a, b, *named))),
        ]
        cdna = ""
        if kind == EXON:
            cdna = TEXT
            slots.append(("span", _number(self.spans, entry[13:15])))
        slots.append(("own", strand % 3))
        return Row(f"{TEXT}|{TEXT}{body}{TEXT}||{cdna}||||||1|{layout.tail_start}{TEXT}{layout.tail_end}", slots)

    def _coding(self, entry: Entry, bounds: tuple[int, int]) -> Row:
        _, transcript, layout, exon, a, strand, found, coding, quiet, edges = entry
        index = a - transcript.cds_first + transcript.pad
        low, high = sorted(index + strand * bound for bound in bounds)
        before, reading = reading_near(transcript.cds, transcript.utr3, low, high, transcript.table)
        stretch = Stretch(strand, index - 3 * before, coding, reading)
        key = Coding(_number(self.stretches, stretch), before, transcript.cds, transcript.utr3)
        number, _ = self.codings.setdefault(key, (len(self.codings), transcript))
        of_terms = CodingTerms(number, found, quiet, edges)
        slots = [
            ("own", 0),
            ("coding terms", self.coding_terms.setdefault(of_terms, (len(self.coding_terms), transcript))[0]),
            ("place", _number(self.places, Place(strand, "", a + 1 - transcript.cds_first, strand, *coding))),
            ("protein", number),
            ("span", _number(self.spans, (a, strand))),
            ("codons", number),
            ("own", strand % 3),
        ]
        return Row(
            f"{TEXT}|{TEXT}{layout.gene}{exon}||{layout.name}{TEXT}|{layout.protein}{TEXT}|{TEXT}|{TEXT}"
            f"||1|{layout.tail_start}{TEXT}{layout.tail_end}",
            slots,
        )

    def order(self) -> dict[str, int]:
        """Where the values of each kind begin."""
        counts = {
            "own": 3,
            "fixed": len(self.fixed),
            "flank": len(self.flanks),
            "place": len(self.places),
            "span": len(self.spans),
            "terms": len(self.terms),
            "protein": len(self.codings),
            "codons": len(self.codings),
            "coding terms": len(self.coding_terms),
        }
        begin, first = {}, 0
        for kind, count in counts.items():
            begin[kind] = first
            first += count
        return begin


def _number(known: dict[Any, int], key: Any) -> int:
    return known.setdefault(key, len(known))
