"""CSQ for the alleles of one record: by segments where they suffice, by the general path where they do not."""

import re

from gas.annotation import csq
from gas.annotation import terms as so
from gas.annotation.coding import UNAMBIGUOUS
from gas.annotation.coding_indels import Effects, effect
from gas.annotation.consequence import splice_terms, terms
from gas.annotation.indel_templates import span
from gas.annotation.segments import CODON, EXON, FLANK, OTHER, Entry, Segments
from gas.annotation.spots import Allele, Spot, Spots
from gas.annotation.templates import CHANGES, Seen, Templates


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


def indel(templates: Templates, segment: int, start: int, end: int, ref: str, alt: str) -> tuple[bytes, Seen | None]:
    """CSQ of a pure insertion or deletion that is its record's only allele, and what was seen if that is known.

    `segment` is that of the first base that it touches, the one before an insertion.
    """
    segments = templates.segments
    low, high = (start, end) if ref else (end, start)
    allele = Allele(start, end, ref, alt, low, high)
    spots = Spots(segments.sequence, allele)
    template = templates.of(segment)
    if template.indels and (found := template.indels.fill(allele, spots)):
        return found, template.always_seen
    entries = segments.entries(segment)
    first, last = segments.bounds(segment)
    if high > last or low < first:
        known = {entry[1]: entry for entry in entries}
        entries = [known.get(transcript, (OTHER, transcript)) for transcript in segments.near(start, end)]
    if not entries:
        return csq.intergenic(alt or "-", 1).encode(), None
    effects: Effects = {}
    known_terms: _Terms = {}
    rows = []
    for entry in entries:
        kind, transcript = entry[:2]
        row = ""
        if kind == FLANK:
            _, _, head, a, b, tail, (first, last) = entry
            if first <= low and high <= last:
                row = f"{alt or '-'}{head}{min(a + b * start, a + b * end)}{tail}"
        elif kind == CODON:
            row = _coding(entry, spots.on(transcript.strand), allele, effects)
        elif kind != OTHER:
            row = _placed(entry, spots.on(transcript.strand), allele, known_terms)
        if not row:
            row = csq.row(transcript, segments.layout(transcript), start, end, ref, alt, 1, spots.shifts)
        rows.append(row)
    return ",".join(rows).encode("latin-1"), None


# Consequence|IMPACT of an indel by what decides about it, an entry's `structure`.
_Terms = dict[tuple[int, ...] | None, str]


def _placed(entry: Entry, spot: Spot, allele: Allele, known: _Terms) -> str:
    """The row of an indel where bases are named alike, where it was found and where HGVS puts it; "" elsewhere."""
    _, transcript, head, a, b, _, (reach, reach_end), _, layout, anchor, (named, named_end), body, structure = entry[
        :13
    ]
    left, right, event, offset, first, last, _ = spot
    start, end, ref, alt, low, high = allele
    if min(low, first) < named or max(high, last) > named_end:
        return ""
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
        cdna = span(entry[13] + entry[14] * start, entry[13] + entry[14] * end)
    return f"{alt or '-'}{head}{place}{event}||{cdna}||||||1|{layout.tail_start}{offset}{layout.tail_end}"


def _coding(entry: Entry, spot: Spot, allele: Allele, known: Effects) -> str:
    """The row of an indel inside of a coding exon, away from start and stop codon; "" for any other."""
    _, transcript, layout, exon, a, strand, found, (coding, coding_end), (quiet, quiet_end) = entry
    left, right, event, offset, first, last, indel = spot
    start, end, ref, alt, low, high = allele
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
        f"{span(cdna, cdna_end)}|{span(cdna + number, cdna_end + number)}|"
        f"{span(place // 3 + 1, (place + indel.deleted + 2) // 3)}|{peptides}|{codons}||1|"
        f"{layout.tail_start}{offset}{layout.tail_end}"
    )
