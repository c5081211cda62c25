"""HGVS names of a short variant on a transcript and its protein, as Ensembl VEP writes them.

Indels are shifted as far 3' along the transcript as the genome allows (https://hgvs-nomenclature.org, 3' rule).
"""

from dataclasses import dataclass, replace

from gas.annotation.coding import UNAMBIGUOUS, Coding
from gas.annotation.coding_effect import CodingEffect
from gas.annotation.codons import reverse_complement, three_letters, translate_to_stop
from gas.annotation.reference import ContigSequence
from gas.annotation.transcripts import Transcript

# VEP looks for repeats within 1,000 bases of the variant.
SHIFT_WINDOW = 1000
# Most end within a few.
_NEAR = 24


def shift(sequence: ContigSequence, start: int, end: int, ref: str, alt: str, strand: int) -> tuple[int, str]:
    """How many bases an insertion or deletion can move 3' on `strand`, and the inserted or deleted bases there.

    The bases are given on the forward strand. Everything but a pure insertion or deletion stays: (0, "").
    """
    bases = alt or ref
    if bool(ref) == bool(alt):
        return 0, ""
    limit = SHIFT_WINDOW - len(bases) + 1 if len(bases) <= SHIFT_WINDOW else SHIFT_WINDOW
    near = min(limit, _NEAR)
    if strand > 0:
        moved = _repeats(bases, sequence[end : end + near])
        if moved == near < limit:
            moved = _repeats(bases, sequence[end : end + limit])
        cut = moved % len(bases)
    else:
        backwards = bases[::-1]
        moved = _repeats(backwards, sequence[max(start - 1 - near, 0) : start - 1][::-1])
        if moved == near < limit:
            moved = _repeats(backwards, sequence[max(start - 1 - limit, 0) : start - 1][::-1])
        cut = len(bases) - moved % len(bases)
    return moved, bases[cut:] + bases[:cut]


def _repeats(bases: str, following: str) -> int:
    """How far `following` goes on repeating `bases`."""
    size = len(bases)
    for place, base in enumerate(following):
        if base != bases[place % size]:
            return place
    return len(following)


def position(transcript: Transcript, genomic: int) -> tuple[str, int, int] | None:
    """The name of a base of the transcript, such as "123", "-5", "*7" or "88+3"; and what it sorts by.

    An intron's base is counted from the nearer exon, from the upstream one in the middle; one before the exons (along
    the genome) from the first of them; one behind them has no name.
    """
    index = transcript.exon_at(genomic)
    offset = 0
    if index < 0:
        anchor = transcript.exon_starts[0]
        offset = (genomic - anchor) * transcript.strand
    elif genomic <= transcript.exon_ends[index]:
        anchor = genomic
    elif index + 1 == len(transcript.exon_starts):
        return None
    else:
        left, right = transcript.exon_ends[index], transcript.exon_starts[index + 1]
        from_left, to_right = genomic - left, right - genomic
        near_left = from_left < to_right or (from_left == to_right and transcript.strand > 0)
        anchor = left if near_left else right
        offset = (from_left if near_left else -to_right) * transcript.strand
    cdna = transcript.cdna(anchor)
    assert cdna is not None
    if not transcript.coding_start:
        number, text = cdna, str(cdna)
    elif cdna > transcript.cds_last:
        number = cdna - transcript.cds_last
        text = f"*{number}"
    elif cdna == transcript.cds_last and offset:
        # VEP's way: an intron right behind the stop codon is counted from the stop, without its anchor or plus sign.
        return f"*{offset}", offset, 0
    else:
        number = cdna - transcript.cds_first + (1 if cdna >= transcript.cds_first else 0)
        text = str(number)
    return (f"{text}{offset:+d}" if offset else text), number, offset


@dataclass(slots=True)
class _Change:
    """A change of bases; `start` and `end` count along the transcript's genomic span, in its direction."""

    kind: str
    start: int
    end: int
    ref: str
    alt: str


def coding_name(
    transcript: Transcript,
    start: int,
    end: int,
    ref: str,
    alt: str,
    moved: int,
    bases: str,
    cds_position: int | None,
) -> str:
    """HGVSc without the transcript's name, or "" where the variant is not inside of the transcript.

    `moved` and `bases` are what `shift` gave for the transcript's strand; `cds_position` where the variant begins in
    the CDS, if it does.
    """
    if not UNAMBIGUOUS.issuperset(alt):
        return ""
    if min(start, end) < transcript.start or max(start, end) > transcript.end:
        return ""
    if alt and not ref and moved:
        alt = bases
    if transcript.strand > 0:
        first, last = start - transcript.start + 1 + moved, end - transcript.start + 1 + moved
    else:
        first, last = transcript.end - end + 1 + moved, transcript.end - start + 1 + moved
        alt = reverse_complement(alt)
    if last > transcript.end - transcript.start + 1:
        return ""
    change = _describe(transcript, first, last, alt)
    if change is None:
        return ""
    ends = []
    for place in (change.start, change.end):
        genomic = transcript.start + place - 1 if transcript.strand > 0 else transcript.end - place + 1
        named = position(transcript, genomic)
        if named is None:
            return ""
        ends.append(named)
    if change.kind == ">" and len(ref) == 1 and cds_position is not None:
        # Substitutions count from the first codon, complete or not; every other change from the first coding base.
        ends = [(str(cds_position), cds_position, 0)] * 2
    left, right = ends
    if left[1:] > right[1:] and "*" not in right[0]:
        left, right = right, left
    places = left[0] if left[0] == right[0] else f"{left[0]}_{right[0]}"
    return places + _event(change)


def _event(change: _Change) -> str:
    if change.kind == ">" or (change.kind == "inv" and len(change.ref) == 1):
        return f"{change.ref}>{change.alt}"
    return change.kind + change.alt if change.kind in ("delins", "ins") else change.kind


def _slice(transcript: Transcript, first: int, last: int) -> str:
    """Bases `first` to `last` of the transcript's genomic span, in its direction."""
    if transcript.strand > 0:
        return transcript.sequence[transcript.start + first - 2 : transcript.start + last - 1]
    return reverse_complement(transcript.sequence[transcript.end - last : transcript.end - first + 1])


def _describe(transcript: Transcript, first: int, last: int, alt: str) -> _Change | None:
    ref = _slice(transcript, first, last) if first <= last else ""
    if ref == alt:
        return None
    if not ref:
        before = _slice(transcript, last - len(alt) + 1, last) if last >= len(alt) else ""
        if before == alt:
            return _Change("dup", last - len(alt) + 1, last, ref, alt)
        return _Change("ins", last, first, ref, alt)
    if not alt:
        return _Change("del", first, last, ref, alt)
    if len(ref) == len(alt):
        kind = ">" if len(ref) == 1 else "inv" if reverse_complement(ref) == alt else "delins"
    else:
        copies, rest = divmod(len(alt), len(ref))
        kind = "delins"
        if not rest and alt == ref * copies:
            if copies == 2:
                return _Change("dup", first, last, ref, alt)
            kind = f"[{copies}]"
    return _clip(_Change(kind, first, last, ref, alt))


def _clip(change: _Change) -> _Change:
    """Drop what both alleles begin and end with, and name what is left."""
    ref, alt = change.ref, change.alt
    prefix = 0
    while prefix < min(len(ref), len(alt)) and ref[prefix] == alt[prefix]:
        prefix += 1
    ref, alt = ref[prefix:], alt[prefix:]
    suffix = 0
    while suffix < min(len(ref), len(alt)) and ref[-1 - suffix] == alt[-1 - suffix]:
        suffix += 1
    ref, alt = ref[: len(ref) - suffix], alt[: len(alt) - suffix]
    kind = change.kind
    if len(ref) == 1 and len(alt) == 1:
        kind = ">"
    elif not ref and alt:
        kind = "ins"
    elif ref and not alt:
        kind = "del"
    return _Change(kind, change.start + prefix, change.end - suffix, ref, alt)


@dataclass(slots=True)
class _ProteinChange:
    """A change of residues; `ref` and `alt` in one-letter code, 'X' for a stop that changes."""

    kind: str
    start: int
    end: int
    ref: str
    alt: str | None
    whole_ref: str = ""


def protein_name(effect: CodingEffect, ref: str, alt: str, moved: int, bases: str) -> str:
    """HGVSp: the change of the protein, or "" where there is none to name.

    `effect` is the variant's where it was found; it is named where `shift` puts it.
    """
    coding = effect.coding
    transcript = coding.transcript
    if not coding.unambiguous:
        return ""
    guarded = coding.incomplete_codon or effect.stop_retained
    if moved:
        step = moved * transcript.strand
        shifted = (bases, "") if ref else ("", bases)
        coding = Coding(transcript, coding.start + step, coding.end + step, *shifted)
    span = coding.span
    if not span.protein_start or not span.protein_end or coding.codons is None or coding.peptides is None:
        return ""
    ref_peptide, alt_peptide = (peptide or "-" for peptide in coding.peptides)
    change = _ProteinChange("", span.protein_start, span.protein_end, ref_peptide, alt_peptide)
    if ref_peptide != alt_peptide:
        change = _clip_peptides(change)
    if not guarded and coding.frameshift_by_length:
        change = _frameshift(coding, change)
    else:
        change = _classify(change)
        if change.kind == "ins":
            change = _shift_peptide(coding, change)
            if "*" not in (change.alt or ""):
                change = _duplication(coding, change)
            if change.kind != "dup":
                flanks = _residues(coding, min(change.start, change.end), change.whole_ref, 2)
                if flanks is None:
                    return ""
                change.ref = flanks
        elif change.kind == "del":
            change = _shift_peptide(coding, change)
    text = _protein_text(coding, change, effect.start_lost, effect.stop_lost)
    return f"{transcript.protein_name}:p.{text}" if text else ""


def _clip_peptides(change: _ProteinChange) -> _ProteinChange:
    ref, alt = change.ref, change.alt or ""
    prefix = 0
    while prefix < len(ref):
        one, other = ref[prefix : prefix + 1], alt[prefix : prefix + 1]
        if one == "*" == other:
            return replace(change, kind="=", whole_ref=ref)
        if one != other:
            break
        prefix += 1
    left_ref, left_alt = ref[prefix:], alt[prefix:]
    suffix = 0
    while suffix < min(len(left_ref), len(left_alt)) and left_ref[-1 - suffix] == left_alt[-1 - suffix]:
        suffix += 1
    left_ref, left_alt = left_ref[: len(left_ref) - suffix], left_alt[: len(left_alt) - suffix]
    return _ProteinChange("", change.start + prefix, change.end - suffix, left_ref, left_alt, ref)


def _classify(change: _ProteinChange) -> _ProteinChange:
    ref, alt = change.ref.replace("*", "X", 1), (change.alt or "").replace("*", "X", 1)
    if ref in ("", "-"):
        kind = "ins"
    elif alt in ("", "-"):
        kind = "del"
    elif len(ref) == 1 and len(alt) == 1:
        kind = ">"
    elif len(ref) != len(alt) or len(ref) > 1:
        kind = "delins"
    else:
        kind = ">"
    return replace(change, kind=kind, ref=ref, alt=alt)


def _frameshift(coding: Coding, change: _ProteinChange) -> _ProteinChange:
    """The first residue that a frameshift changes."""
    first = coding.span.protein_start or 1
    altered = _altered_from(coding, first)
    if not altered:
        return replace(change, kind="del", start=first, alt=None)
    original = (coding.transcript.peptide + "*")[first - 1 : first - 1 + len(altered)]
    ref = alt = ""
    place = 0
    for place, alt in enumerate(altered):
        ref = original[place : place + 1]
        if ref == alt == "*":
            return replace(change, kind="=", start=first + place, ref=ref, alt=alt)
        if ref != alt:
            break
    else:
        place += 1
    return replace(change, kind="fs", start=first + place, ref=ref, alt=alt)


def _altered_from(coding: Coding, first: int) -> str:
    """The altered protein from residue `first` to its first stop."""
    assert coding.altered_cds is not None
    return translate_to_stop(coding.altered_cds[(first - 1) * 3 :], coding.transcript.table)


def _residues(coding: Coding, place: int, whole_ref: str, count: int | None = None) -> str | None:
    """`count` residues of the protein (all without it) from 1-based `place`; None behind its end."""
    protein = coding.transcript.peptide
    if whole_ref.startswith("*"):
        protein += whole_ref
    if len(protein) <= place:
        return None
    first = place - 1 if place >= 1 else len(protein) - 1
    return protein[first:] if count is None else protein[first : first + count]


def _shift_peptide(coding: Coding, change: _ProteinChange) -> _ProteinChange:
    following = _residues(coding, change.end + 1, change.whole_ref)
    moving = (change.alt or "") if change.kind == "ins" else change.ref
    if following is None or not moving:
        return change
    moved = 0
    while moved <= len(following) - len(moving) and following[moved : moved + 1] == moving[:1]:
        moving = moving[1:] + moving[:1]
        moved += 1
    change = replace(change, start=change.start + moved, end=change.end + moved)
    return replace(change, alt=moving) if change.kind == "ins" else replace(change, ref=moving)


def _duplication(coding: Coding, change: _ProteinChange) -> _ProteinChange:
    """An insertion of the residues just before it is a duplication of these."""
    alt = change.alt or ""
    first = change.start - len(alt)
    if first < 1:
        return change
    transcript = coding.transcript
    if transcript.residues[first - 1 : change.start - 1] != alt:
        return change
    return replace(change, kind="dup", start=first, end=change.start - 1)


def _extension(coding: Coding, start: int | None = None) -> str:
    """Residues to the first stop of the altered CDS: from `start` on, else beyond the protein's end; "?" unknown."""
    if coding.altered_cds is None or start == 1:
        return "?"
    first = coding.span.protein_start or 1
    # Before the variant the altered protein is the original one, which may have a stop of its own (selenocysteine).
    stop = coding.transcript.peptide.find("*", 0, first - 1) + 1
    if not stop:
        altered = _altered_from(coding, first)
        stop = first - 1 + len(altered) if altered.endswith("*") else 0
    extra = stop - (start - 1) if start is not None else stop - 1 - len(coding.transcript.peptide)
    return str(extra) if stop and extra > 0 else "?"


def _protein_text(coding: Coding, change: _ProteinChange, start_lost: bool, stop_lost: bool) -> str:
    ref = three_letters(change.ref) if change.ref != "-" else "-"
    alt = "del" if change.alt in (None, "-") else three_letters(change.alt or "")
    kind, start, end = change.kind, change.start, change.end
    if kind == "dup":
        return f"{alt[:3]}{start}_{alt[-3:]}{end}dup" if start < end else f"{alt}{start}dup"
    if start_lost:
        alt, kind = "?", ""
    elif kind == "del" and ref not in ("", "-"):
        alt = "del"
    elif kind == "fs":
        ref = ref[:3]
    if ref == alt and kind not in ("fs", "ins"):
        return f"{ref}{start}%3D"
    if stop_lost and kind in ("del", ">"):
        alt = f"{alt[:3]}extTer{_extension(coding)}"
        return f"{ref[:3]}{start}_{ref[-3:]}{end}{alt}" if len(ref) > 3 and kind == "del" else f"{ref}{start}{alt}"
    if kind == ">":
        return f"{ref}{start}{alt}"
    if kind in ("delins", "ins"):
        if (stop := alt.find("Ter")) >= 0:
            alt = alt[: stop + 3]
        if start == end and kind == "delins":
            return f"{ref[:3]}{start}delins{alt}"
        low, high = min(start, end), max(start, end)
        return f"{ref[:3]}{low}_{ref[-3:]}{high}{kind}{alt}"
    if kind == "fs":
        return f"{ref}{start}Ter" if alt == "Ter" else f"{ref}{start}{alt}fsTer{_extension(coding, start)}"
    if kind == "del":
        return f"{ref[:3]}{start}_{ref[-3:]}{end}del" if len(ref) > 3 else f"{ref}{start}del"
    return f"{ref}{start}_{alt}{end}" if start != end else f"{ref}{start}{alt}"
