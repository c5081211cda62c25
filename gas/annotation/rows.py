"""CSQ for the alleles of one record: by segments where they suffice, by the general path where they do not."""

import re

from gas.annotation import csq, hgvs
from gas.annotation import terms as so
from gas.annotation.codons import COMPLEMENT, TABLES, THREE_LETTERS, reverse_complement
from gas.annotation.segments import CODON, EXON, FLANK, PLACE, Entry, Segments

# REF>ALT on the forward strand at 1 and on the reverse strand at -1.
CHANGES = {
    (ref, alt): ("", f"{ref}>{alt}", f"{COMPLEMENT[ref]}>{COMPLEMENT[alt]}")
    for ref in "ACGT"
    for alt in "ACGT"
    if ref != alt
}


def single_base(segments: Segments, entries: list[Entry], position: int, ref: str, alt: str) -> str:
    """CSQ of a single-base change of a record with one ALT allele; `entries` are those of its segment."""
    if not entries:
        return csq.intergenic(alt, 1)
    change = CHANGES[ref, alt]
    rows = []
    for entry in entries:
        kind = entry[0]
        if kind == PLACE:
            _, _, head, a, b, tail, strand, _ = entry
            rows.append(f"{alt}{head}{a + b * position}{change[strand]}{tail}")
        elif kind == FLANK:
            _, _, head, a, b, tail = entry
            rows.append(f"{alt}{head}{a + b * position}{tail}")
        elif kind == EXON:
            _, _, head, a, b, tail, strand, c, d = entry
            rows.append(f"{alt}{head}{a + b * position}{change[strand]}||{c + d * position}{tail}")
        else:
            row = _codon(entry, position, ref, alt) if kind == CODON else ""
            transcript = entry[1]
            rows.append(row or csq.row(transcript, segments.layout(transcript), position, position, ref, alt, 1, {}))
    return ",".join(rows)


def _codon(entry: Entry, position: int, ref: str, alt: str) -> str:
    """The row of a change in a whole, unambiguous codon that is neither the first nor a stop; "" for any other."""
    _, transcript, layout, exon, a, b, found = entry
    cdna = a + b * position
    base = cdna - transcript.cds_first + transcript.pad
    first = base - base % 3
    codon = transcript.cds[first : first + 3]
    code = TABLES[transcript.table]
    place = base - first
    if transcript.strand < 0:
        ref, alt = COMPLEMENT[ref], COMPLEMENT[alt]
    before, after = codon[:place], codon[place + 1 :]
    residue, changed = code.get(codon, "*"), code.get(f"{before}{alt}{after}", "")
    if residue == "*" or not changed or not first or codon[place] != ref:
        return ""
    number = first // 3 + 1
    if residue == changed:
        described = so.describe(found | so.SYNONYMOUS)
        protein, residues = f"{THREE_LETTERS[residue]}{number}%3D", residue
    else:
        described = so.describe(found | (so.STOP_GAINED if changed == "*" else so.MISSENSE))
        protein = f"{THREE_LETTERS[residue]}{number}{THREE_LETTERS[changed]}"
        residues = f"{residue}/{changed}"
    before, after = before.lower(), after.lower()
    shown = alt if transcript.strand > 0 else COMPLEMENT[alt]
    return (
        f"{shown}|{described}{layout.gene}{exon}||{layout.name}{base + 1}{ref}>{alt}|{transcript.protein_name}:p."
        f"{protein}|{cdna}|{base + 1}|{number}|{residues}|{before}{ref}{after}/{before}{alt}{after}|"
        f"|1|{layout.tail_start}{layout.tail_end}"
    )


def record(segments: Segments, segment: int, position: int, ref: str, alt: str) -> str:
    """CSQ of a record, as its REF and ALT columns have them; "" when no allele has bases to annotate.

    `segment` is that of `position`. Alleles that are not plain bases (`*`, ambiguous ones, symbolic ones, breakends)
    have no row of their own; the first two count as alleles when alleles are trimmed, as VEP has it.
    """
    alleles = [(number, allele) for number, allele in enumerate(alt.split(","), 1) if not _NO_BASES.search(allele)]
    trimmed = trim(position, ref, [allele for _, allele in alleles])
    found = []
    for (number, allele), (start, left, right) in zip(alleles, trimmed, strict=True):
        if left == right or _AMBIGUOUS.search(allele):
            continue
        end = start + len(left) - 1
        if number == 1 and (left, right) in CHANGES and start == position:
            found.append(single_base(segments, segments.entries(segment), start, left, right))
        elif number == 1 and not (left and right):
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
    first, last = segments.bounds(segment)
    if min(start, end) < first or max(start, end) > last:
        return any_allele(segments, start, end, ref, alt, 1)
    allele = alt or "-"
    entries = segments.entries(segment)
    if not entries:
        return csq.intergenic(allele, 1)
    shifts: csq.Shifts = {}
    rows = []
    for entry in entries:
        kind, transcript = entry[:2]
        if kind == FLANK:
            _, _, head, a, b, tail = entry
            rows.append(f"{allele}{head}{min(a + b * start, a + b * end)}{tail}")
            continue
        layout = segments.layout(transcript)
        row = _intronic(entry, layout, start, end, ref, alt, shifts, first, last) if kind == PLACE else ""
        rows.append(row or csq.row(transcript, layout, start, end, ref, alt, 1, shifts))
    return ",".join(rows)


def _intronic(
    entry: Entry,
    layout: csq.Layout,
    start: int,
    end: int,
    ref: str,
    alt: str,
    shifts: csq.Shifts,
    first: int,
    last: int,
) -> str:
    """The row of an indel that lies, where it was found and where HGVS puts it, in one segment; "" if it does not."""
    _, transcript, head, a, b, tail, strand, anchor = entry
    if strand not in shifts:
        shifts[strand] = hgvs.shift(transcript.sequence, start, end, ref, alt, strand)
    moved, bases = shifts[strand]
    start, end = start + moved * strand, end + moved * strand
    if ref:
        left, right, event = start, end, "del"
    else:
        size = len(alt)
        sequence = transcript.sequence
        left, right = (start - size, end) if strand > 0 else (start, start + size - 1)
        if left < first or right > last:
            return ""
        event = "dup"
        if sequence[left - 1 : right] != bases:
            left, right = end, start
            event = f"ins{bases if strand > 0 else reverse_complement(bases)}"
    if left < first or right > last:
        return ""
    if strand < 0:
        left, right = right, left
    place = f"{a + b * left}" if left == right else f"{a + b * left}_{anchor}{a + b * right}"
    if moved:
        tail = f"||||||||1|{layout.tail_start}{moved * strand}{layout.tail_end}"
    return f"{alt or '-'}{head}{place}{event}{tail}"
