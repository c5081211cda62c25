"""What a segment says of a pure insertion or deletion that begins in it, as one template (see `templates`).

Each value that rows need is worked out once, however many transcripts share it. A value is None where the quick way
cannot tell, say beyond an exon's end; rows that need it are left to the general path.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from gas.annotation import csq
from gas.annotation import terms as so
from gas.annotation.coding_indels import FURTHER, Effect, effect
from gas.annotation.consequence import splice_terms, terms
from gas.annotation.indel_parts import Parts, finished
from gas.annotation.segments import Segments
from gas.annotation.spots import Allele, Spot, Spots
from gas.annotation.transcripts import Transcript

# What is filled in; Consequence|IMPACT of every row, with the template if the rows are those of all its transcripts.
Filled = tuple[bytes, tuple["IndelTemplate | None", tuple[bytes, ...]]]

# A row's text, and what picks its values from all.
_RowTemplate = tuple[bytes, Callable[[list[Any]], tuple[Any, ...]]]
_NO_ROW: _RowTemplate = b"", lambda _: (None,)


class IndelTemplate:
    """The rows of one segment."""

    def __init__(self, segments: Segments, segment: int) -> None:
        entries, bounds = segments.entries(segment), segments.bounds(segment)
        self._segments = segments
        # Where the segment's transcripts, and no others, are in reach.
        self._reach = segments.neighbourhood(bounds[0])
        self._transcripts: list[Transcript] = [entry[1] for entry in entries]
        self._parts = parts = Parts()
        rows = {entry[1]: row for entry in entries if (row := parts.row(entry, bounds))}
        self._strands = {place.strand for place in parts.places}
        # Where each row's values are among all; the second are its terms.
        begin = parts.order()
        self._slots = {
            one: (row.text, [begin[kind] + number for kind, number in row.slots]) for one, row in rows.items()
        }
        self._rows: dict[Transcript, _RowTemplate] = {}
        self._text = finished([row.text for row in rows.values()]) if entries and len(rows) == len(entries) else b""
        if self._text:
            self._order = itemgetter(*[place for _, places in self._slots.values() for place in places])
            self._described = [places[1] for _, places in self._slots.values()]

    def fill(self, allele: Allele, spots: Spots) -> Filled:
        """CSQ of an indel that begins in the segment and is its record's only allele."""
        values = self._values(allele, spots)
        if allele.low < self._reach[0] or allele.high > self._reach[1]:
            annotation, seen = self._row_by_row(self._segments.near(allele.start, allele.end), values, allele, spots)
            return annotation, (None, seen)
        if not self._text or None in values:
            annotation, seen = self._row_by_row(self._transcripts, values, allele, spots)
            return annotation, (self, seen)
        return self._text % self._order(values), (self, tuple([values[place] for place in self._described]))

    def described(self, seen: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """As `Template.described`."""
        return seen

    def _row_by_row(
        self, transcripts: list[Transcript], values: list[Any], allele: Allele, spots: Spots
    ) -> tuple[bytes, tuple[bytes, ...]]:
        if not transcripts:
            return csq.intergenic(allele.alt or "-", 1).encode(), (b"intergenic_variant|MODIFIER",)
        if not self._rows:
            self._rows = {one: (finished([text]), itemgetter(*places)) for one, (text, places) in self._slots.items()}
        rows, described = [], []
        for transcript in transcripts:
            text, order = self._rows.get(transcript, _NO_ROW)
            found = order(values)
            if None in found:
                row = self._general(transcript, allele, spots)
                rows.append(row)
                described.append(b"|".join(row.split(b"|", 3)[1:3]))
            else:
                rows.append(text % found)
                described.append(found[1])
        return b",".join(rows), tuple(described)

    def _general(self, transcript: Transcript, allele: Allele, spots: Spots) -> bytes:
        layout = self._segments.layout(transcript)
        row = csq.row(transcript, layout, allele.start, allele.end, allele.ref, allele.alt, 1, spots.shifts)
        return row.encode("latin-1")

    def _values(self, allele: Allele, spots: Spots) -> list[Any]:
        """What rows are filled with, in the order that `Parts.order` gives."""
        start, end, ref, alt = allele.start, allele.end, allele.ref, allele.alt
        low, high = allele.low, allele.high
        parts = self._parts
        # The allele, then HGVS_OFFSET on the forward and on the reverse strand.
        values: list[Any] = [alt.encode() or b"-", b"", b"", *parts.fixed]
        on: dict[int, Spot] = {}
        for strand in self._strands:
            on[strand] = spots.on(strand)
            values[strand % 3] = str(on[strand].offset).encode()
        for a, b, first, last in parts.flanks:
            values.append(min(a + b * start, a + b * end) if first <= low and high <= last else None)
        for strand, anchor, a, b, first, last in parts.places:
            spot = on[strand]
            left, right = spot.left, spot.right
            if low < first or spot.first < first or high > last or spot.last > last:
                values.append(None)
            elif left == right:
                values.append(f"{a + b * left}{spot.event}".encode())
            else:
                values.append(f"{a + b * left}_{anchor}{a + b * right}{spot.event}".encode())
        for a, b in parts.spans:
            values.append(span(a + b * start, a + b * end).encode())
        for (described, (first, last), named, _), (_, transcript) in parts.terms.items():
            if first <= low and high <= last:
                values.append(described)
            elif named[0] <= low and high <= named[1]:
                values.append(so.describe(terms(transcript, start, end, ref, alt, None)).encode())
            else:
                values.append(None)
        if parts.codings:
            values += self._coding(allele, on)
        return values

    def _coding(self, allele: Allele, on: dict[int, Spot]) -> list[Any]:
        """The last of the values: HGVSp, CDS_position to Codons, and the terms in coding sequence."""
        start, end, ref, alt = allele.start, allele.end, allele.ref, allele.alt
        low, high = allele.low, allele.high
        read: list[tuple[int, tuple[Effect, int] | None, Spot, bool]] = []
        for strand, offset, (first, last), reading in self._parts.stretches:
            spot = on[strand]
            place = offset + strand * (start if strand > 0 else end)
            inside = first <= low and first <= spot.first and high <= last and spot.last <= last
            read.append((place, effect(reading, place, spot.indel) if inside else None, spot, inside))
        changes: list[int | None] = []
        proteins: list[bytes | None] = []
        codons: list[bytes | None] = []
        for (stretch, before, *_), (_, transcript) in self._parts.codings.items():
            place, made, spot, inside = read[stretch]
            place += 3 * before
            if made is None and inside:
                made, before = effect(transcript.reading, place - 3, spot.indel, FURTHER), 1
            if made is None:
                changes.append(None)
                proteins.append(None)
                codons.append(None)
                continue
            (changed, residues, bases, begin, residue, between, last_residue, behind), codon = made
            codon += before + 1
            changes.append(changed)
            until = "" if last_residue is None else codon + last_residue
            proteins.append(f"{begin}{codon + residue}{between}{until}{behind}".encode())
            size = spot.indel.deleted
            cds = span(place + 1, place + size) if size else f"{place}-{place + 1}"
            codons.append(f"{cds}|{span(place // 3 + 1, (place + size + 2) // 3)}|{residues}|{bases}".encode())
        described: list[bytes | None] = []
        for (coding, found, quiet, _), (_, transcript) in self._parts.coding_terms.items():
            change = changes[coding]
            if change is None:
                described.append(None)
                continue
            if low < quiet[0] or high > quiet[1]:
                found = found & so.NMD_TRANSCRIPT | splice_terms(transcript, start, end, ref, alt, True)[0]
            described.append(so.describe(found | change).encode())
        return [*proteins, *codons, *described]


def span(one: int, other: int) -> str:
    """Two numbers as a range, the lower one first, or as one if they are equal."""
    return f"{one}" if one == other else f"{one}-{other}" if one < other else f"{other}-{one}"
