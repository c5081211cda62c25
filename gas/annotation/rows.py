"""CSQ for the alleles of one record: by segments where they suffice, by the general path where they do not."""

import re

from gas.annotation import csq
from gas.annotation.coding import UNAMBIGUOUS
from gas.annotation.indel_templates import Filled
from gas.annotation.segments import Segments
from gas.annotation.spots import Allele, Spots
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
            annotation, _ = indel(templates, segments.onward(segment, min(start, end)), start, end, left, right)
            found.append(annotation.decode("latin-1"))
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


def indel(templates: Templates, segment: int, start: int, end: int, ref: str, alt: str) -> Filled:
    """CSQ of a pure insertion or deletion that is its record's only allele, and what was seen.

    `segment` is that of the first base that it touches, the one before an insertion.
    """
    allele = Allele(start, end, ref, alt)
    return templates.indel(segment).fill(allele, Spots(templates.segments.sequence, allele))
