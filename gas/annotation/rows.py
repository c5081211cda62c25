"""CSQ for the alleles of one record: by segments where they suffice, by the general path where they do not."""

import re
from typing import NamedTuple

from gas.annotation import csq, hgvs
from gas.annotation import terms as so
from gas.annotation.coding import UNAMBIGUOUS
from gas.annotation.coding_indels import Effects, Indel, effect
from gas.annotation.codons import reverse_complement
from gas.annotation.consequence import splice_terms, terms
from gas.annotation.reference import ContigSequence
from gas.annotation.segments import CODON, EXON, FLANK, OTHER, Entry, Segments
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
    whole = (start, end, ref, alt)
    effects: Effects = {}
    known_terms: _Terms = {}
    rows = []
    for entry in entries:
        kind, transcript = entry[:2]
        row = ""
        if kind == FLANK:
            _, _, head, a, b, tail, (first, last) = entry
            if first <= low and high <= last:
                row = f"{allele}{head}{min(a + b * start, a + b * end)}{tail}"
        elif kind != OTHER:
            strand = transcript.strand
            if strand not in spots:
                shifts[strand] = hgvs.shift(transcript.sequence, start, end, ref, alt, strand)
                spots[strand] = _spot(transcript.sequence, start, end, alt, strand, *shifts[strand])
            if kind == CODON:
                row = _coding(entry, spots[strand], whole, effects)
            else:
                row = _placed(entry, spots[strand], whole, known_terms)
        rows.append(row or csq.row(transcript, segments.layout(transcript), start, end, ref, alt, 1, shifts))
    return ",".join(rows)


# Start, end, REF and ALT, as in gas.annotation.consequence.
Allele = tuple[int, int, str, str]
# Consequence|IMPACT of an indel by what decides about it, an entry's `structure`.
_Terms = dict[tuple[int, ...] | None, str]


class _Spot(NamedTuple):
    """Where HGVS puts an indel on a strand: `left` to `right` in the strand's direction.

    `event` is what HGVSc says of it and `offset` HGVS_OFFSET. `low` and `high` are the ends of all the bases that it
    touches where it was found, `first` and `last` of those that are read where HGVS puts it.
    """

    left: int
    right: int
    event: str
    offset: int | str
    low: int
    high: int
    first: int
    last: int
    indel: Indel


def _spot(sequence: ContigSequence, start: int, end: int, alt: str, strand: int, moved: int, bases: str) -> _Spot:
    low, high = min(start, end), max(start, end)
    there, there_end = start + moved * strand, end + moved * strand
    offset = moved * strand or ""
    if not alt:
        left, right = (there, there_end)[::strand]
        indel = Indel(strand, end - start + 1, "", moved, "")
        return _Spot(left, right, "del", offset, low, high, there, there_end, indel)
    inserted, inserted_there = (alt, bases or alt) if strand > 0 else map(reverse_complement, (alt, bases or alt))
    indel = Indel(strand, 0, inserted, moved, inserted_there)
    size = len(alt)
    first, last = (there - size, there_end) if strand > 0 else (there, there + size - 1)
    if sequence[max(first - 1, 0) : last] == bases:
        left, right = (first, last)[::strand]
        return _Spot(left, right, "dup", offset, low, high, first, last, indel)
    left, right = (there_end, there)[::strand]
    ends = min(first, there_end), max(last, there)
    return _Spot(left, right, f"ins{inserted_there}", offset, low, high, *ends, indel)


def _placed(entry: Entry, spot: _Spot, allele: Allele, known: _Terms) -> str:
    """The row of an indel where bases are named alike, where it was found and where HGVS puts it; "" elsewhere."""
    _, transcript, head, a, b, _, (reach, reach_end), _, layout, anchor, (named, named_end), body, structure = entry[
        :13
    ]
    left, right, event, offset, low, high, first, last, _ = spot
    if min(low, first) < named or max(high, last) > named_end:
        return ""
    start, end, ref, alt = allele
    if low < reach or high > reach_end:
        described = known.get(structure)
        if described is None:
            described = so.describe(terms(transcript, start, end, ref, alt, None))
            if structure:
                known[structure] = described
        head = f"|{described}{body}"
    place = f"{a + b * left}" if left == right else f"{a + b * left}_{anchor}{a + b * right}"
    cdna = ""
    if entry[0] == EXON:
        cdna = _range(entry[13] + entry[14] * start, entry[13] + entry[14] * end)
    return f"{alt or '-'}{head}{place}{event}||{cdna}||||||1|{layout.tail_start}{offset}{layout.tail_end}"


def _coding(entry: Entry, spot: _Spot, allele: Allele, known: Effects) -> str:
    """The row of an indel inside of a coding exon, away from start and stop codon; "" for any other."""
    _, transcript, layout, exon, a, strand, found, (coding, coding_end), (quiet, quiet_end) = entry
    left, right, event, offset, low, high, first, last, indel = spot
    start, end, ref, alt = allele
    if min(low, first) < coding or max(high, last) > coding_end or "*" in transcript.peptide:
        return ""
    if low < quiet or high > quiet_end:
        found = found & so.NMD_TRANSCRIPT | splice_terms(transcript, start, end, ref, alt, True)[0]
    # An insertion lies before the base that follows it along the transcript.
    cdna, cdna_end = sorted((a + strand * start, a + strand * end))
    place = (cdna if indel.deleted else cdna_end) - transcript.cds_first + transcript.pad
    made = effect(transcript.cds, transcript.utr3, place, indel, transcript.table, known)
    if made is None:
        return ""
    (changed, peptides, codons, before, residue, between, last_residue, after), codon = made
    codon += 1
    protein = f"{before}{codon + residue}{between}{'' if last_residue is None else codon + last_residue}{after}"
    number = 1 - transcript.cds_first
    left, right = a + strand * left + number, a + strand * right + number
    number += transcript.pad
    return (
        f"{alt or '-'}|{so.describe(found | changed)}{layout.gene}{exon}||"
        f"{layout.name}{left if left == right else f'{left}_{right}'}{event}|{transcript.protein_name}:p.{protein}|"
        f"{_range(cdna, cdna_end)}|{_range(cdna + number, cdna_end + number)}|"
        f"{_range(place // 3 + 1, (place + indel.deleted + 2) // 3)}|{peptides}|{codons}||1|"
        f"{layout.tail_start}{offset}{layout.tail_end}"
    )


def _range(one: int, other: int) -> str:
    return f"{one}" if one == other else f"{one}-{other}" if one < other else f"{other}-{one}"
