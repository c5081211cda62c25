"""CSQ for the alleles of one record: by segments where they suffice, by the general path where they do not."""

import re
from typing import NamedTuple

from gas.annotation import csq, hgvs
from gas.annotation.coding import UNAMBIGUOUS
from gas.annotation.codons import reverse_complement
from gas.annotation.reference import ContigSequence
from gas.annotation.segments import EXON, FLANK, OTHER, PLACE, Entry, Segments
from gas.annotation.templates import CHANGES, Templates


def record(templates: Templates, segment: int, position: int, ref: str, alt: str) -> str:
    """CSQ of a record, as its REF and ALT columns have them; "" when no allele has bases to annotate.

    `segment` is that of `position`. Alleles that are not plain bases (`*`, ambiguous ones, symbolic ones, breakends)
    have no row of their own; the first two count as alleles when alleles are trimmed, as VEP has it.
    """
    alleles = [(number, allele) for number, allele in enumerate(alt.split(","), 1) if not _NO_BASES.search(allele)]
    trimmed = trim(position, ref, [allele for _, allele in alleles])
    segments = templates.segments
    found = []
    for (number, allele), (start, left, right) in zip(alleles, trimmed, strict=True):
        if left == right or _AMBIGUOUS.search(allele):
            continue
        end = start + len(left) - 1
        if number == 1 and start == position and (change := CHANGES.get((left, right))):
            found.append(templates.single_base(segment, start, change)[0].decode("latin-1"))
        elif number == 1 and not (left and right) and UNAMBIGUOUS.issuperset(right):
            found.append(indel(segments, segments.onward(segment, min(start, end)), start, end, left, right))
        else:
            found.append(any_allele(segments, start, end, left, right, number))
    return ",".join(found)


_NO_BASES = re.compile(r"[^ACGTURYSWKMBDHVN*]", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"[^ACGTN]", re.IGNORECASE)


def trim(position: int, ref: str, alleles: list[str]) -> list[tuple[int, str, str]]:
    """Each allele's start, REF and ALT, upper case, trimmed as VEP does before it annotates.

    A record's only allele, if it changes the length, loses the bases that it shares with REF at the beginning, then
    those at the end; of several alleles, one of which changes the length, all lose their first base if all share it.
    Letters are compared as they are written.
    """
    if not any(len(allele) != len(ref) for allele in alleles):
        return [(position, ref.upper(), allele.upper()) for allele in alleles]
    if len(alleles) == 1:
        alt = alleles[0]
        shorter = min(len(ref), len(alt))
        head = 0
        while head < shorter and ref[head] == alt[head]:
            head += 1
        tail = 0
        while tail < shorter - head and ref[-1 - tail] == alt[-1 - tail]:
            tail += 1
        return [(position + head, ref[head : len(ref) - tail].upper(), alt[head : len(alt) - tail].upper())]
    shared = all(allele[0] == ref[0] for allele in alleles if allele != "*")
    cut = 1 if shared else 0
    return [
        (position + cut, ref[cut:].upper(), (allele if allele == "*" else allele[cut:]).upper()) for allele in alleles
    ]


def any_allele(segments: Segments, start: int, end: int, ref: str, alt: str, number: int) -> str:
    """CSQ of one allele, the `number`th of its record; coordinates and bases as in gas.annotation.consequence."""
    shifts: csq.Shifts = {}
    rows = [
        csq.row(transcript, segments.layout(transcript), start, end, ref, alt, number, shifts)
        for transcript in segments.near(start, end)
    ]
    return ",".join(rows) if rows else csq.intergenic(alt or "-", number)


def indel(segments: Segments, segment: int, start: int, end: int, ref: str, alt: str) -> str:
    """CSQ of a pure insertion or deletion that is its record's only allele; `segment` is that of its first base."""
    low, high = (start, end) if ref else (end, start)
    entries = segments.entries(segment)
    if high > segments.bounds(segment)[1] or low < segments.bounds(segment)[0]:
        known = {entry[1]: entry for entry in entries}
        entries = [known.get(transcript, (OTHER, transcript)) for transcript in segments.near(start, end)]
    allele = alt or "-"
    if not entries:
        return csq.intergenic(allele, 1)
    shifts: csq.Shifts = {}
    spots: dict[int, _Spot] = {}
    rows = []
    for entry in entries:
        kind, transcript = entry[:2]
        row = ""
        if kind in (FLANK, PLACE, EXON) and entry[6][0] <= low and high <= entry[6][1]:
            if kind == FLANK:
                _, _, head, a, b, tail, _ = entry
                row = f"{allele}{head}{min(a + b * start, a + b * end)}{tail}"
            else:
                strand = entry[7]
                if strand not in spots:
                    shifts[strand] = hgvs.shift(transcript.sequence, start, end, ref, alt, strand)
                    spots[strand] = _spot(transcript.sequence, start, end, alt, strand, *shifts[strand])
                row = _placed(entry, allele, spots[strand], start, end)
        rows.append(row or csq.row(transcript, segments.layout(transcript), start, end, ref, alt, 1, shifts))
    return ",".join(rows)


class _Spot(NamedTuple):
    """Where HGVS puts an indel on a strand: `left` to `right` in the strand's direction; what it reads of on the way.

    `event` is what HGVSc says of it and `offset` HGVS_OFFSET.
    """

    left: int
    right: int
    event: str
    offset: int | str
    first: int
    last: int


def _spot(sequence: ContigSequence, start: int, end: int, alt: str, strand: int, moved: int, bases: str) -> _Spot:
    start, end = start + moved * strand, end + moved * strand
    offset = moved * strand or ""
    if not alt:
        left, right = (start, end) if strand > 0 else (end, start)
        return _Spot(left, right, "del", offset, start, end)
    size = len(alt)
    first, last = (start - size, end) if strand > 0 else (start, start + size - 1)
    if sequence[max(first - 1, 0) : last] == bases:
        left, right = (first, last) if strand > 0 else (last, first)
        return _Spot(left, right, "dup", offset, first, last)
    left, right = (end, start) if strand > 0 else (start, end)
    event = f"ins{bases if strand > 0 else reverse_complement(bases)}"
    return _Spot(left, right, event, offset, min(first, end), max(last, start))


def _placed(entry: Entry, allele: str, spot: _Spot, start: int, end: int) -> str:
    """The row of an indel that lies, where it was found and where HGVS puts it, within an entry's reach; else ""."""
    _, _, head, a, b, _, (first, last), _, layout, anchor = entry[:10]
    left, right, event, offset, spot_first, spot_last = spot
    if spot_first < first or spot_last > last:
        return ""
    place = f"{a + b * left}" if left == right else f"{a + b * left}_{anchor}{a + b * right}"
    cdna = ""
    if entry[0] == EXON:
        ends = sorted((entry[10] + entry[11] * start, entry[10] + entry[11] * end))
        cdna = f"{ends[0]}" if start == end else f"{ends[0]}-{ends[1]}"
    return f"{allele}{head}{place}{event}||{cdna}||||||1|{layout.tail_start}{offset}{layout.tail_end}"
