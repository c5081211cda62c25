"""The quick path of insertions and deletions inside of a coding exon, away from start and stop codon.

What such an indel does to terms, codons and protein is decided by the coding sequence near it, so it is worked out once
for all transcripts that read the same sequence in the same frame there; only numbers differ. Whatever is not plain
(stops in the reference, ambiguous bases, the end of the protein) is None here and left to the general path, which
this one has to agree with to the letter.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from gas.annotation import terms as so
from gas.annotation.codons import TABLES, three_letters

# Codons looked at before the one that the indel touches; bases looked at from there on, at first and at most.
_BACK = 8
NEAR, FURTHER = 192, 1536


class Reading(NamedTuple):
    """Coding sequence from some codon on, not the first, and what follows; `whole` bases are before the stop codon."""

    bases: str
    whole: int
    table: int


def reading_near(cds: str, utr3: str, low: int, high: int, table: int) -> tuple[int, Reading]:
    """What decides about most indels that touch the bases with index `low` to `high` of a CDS; its first codon."""
    first = max(low // 3 - 2 * _BACK, 1)
    end = high + NEAR
    bases = cds[3 * first : end] + utr3[: max(end - len(cds), 0)]
    return first, Reading(bases, min(len(cds) - 3 - 3 * first, len(bases)), table)


class Effect(NamedTuple):
    """What an indel does. HGVSp is `before`, a residue's number, `between`, perhaps another number, `after`.

    Residues are counted from the first codon of the sequence that was looked at, from 0.
    """

    terms: int
    peptides: str
    codons: str
    before: str
    residue: int
    between: str
    last_residue: int | None
    after: str


class Indel:
    """An indel on one strand: the bases deleted or inserted; how far HGVS moves it, and the bases inserted there."""

    __slots__ = ("deleted", "inserted", "inserted_there", "moved", "strand")

    def __init__(self, strand: int, deleted: int, inserted: str, moved: int, inserted_there: str) -> None:
        self.strand, self.deleted, self.inserted = strand, deleted, inserted
        self.moved, self.inserted_there = moved, inserted_there


def effect(reading: Reading, place: int, indel: Indel, width: int = NEAR) -> tuple[Effect, int] | None:
    """What an indel before index `place` of a reading does, and the number (from 0) of the first codon looked at."""
    bases, whole, table = reading
    codon = place // 3
    # The last codon may be a stop.
    if codon < 1 or place + max(indel.deleted, 1) + indel.moved > whole - 3:
        return None
    codon -= min(_BACK, codon)
    first = 3 * codon
    made = _effect(bases[first : first + width], place - first, min(whole - first, width), indel, table)
    return None if made is None else (made, codon)


def _effect(sequence: str, start: int, whole: int, indel: Indel, table: int) -> Effect | None:
    """As `effect`, in a sequence that begins with a codon and has `whole` bases before the stop codon."""
    end = start + indel.deleted
    first, last = start - start % 3, (end + 2) // 3 * 3
    old = sequence[first:last]
    new = f"{sequence[first:start]}{indel.inserted}{sequence[end:last]}"
    residues, changed = _peptide(old, table), _peptide(new, table)
    if last > whole or residues is None or changed is None or "*" in residues or residues == changed:
        return None
    if changed and _may_keep_stop(residues, changed, sequence[last:whole], table):
        return None
    frameshift = (len(indel.inserted) - indel.deleted) % 3 != 0
    terms = so.STOP_GAINED if "*" in changed else 0
    if frameshift:
        terms |= so.FRAMESHIFT
    elif indel.deleted:
        terms |= so.INFRAME_DELETION
    else:
        to_stop = changed[: changed.find("*") + 1] or changed
        if to_stop.startswith(residues) or to_stop.endswith(residues):
            terms |= so.INFRAME_INSERTION
        if not (changed.startswith((residues, "*")) or changed.endswith(residues)):
            terms |= so.PROTEIN_ALTERING
    named = (_frameshift if frameshift else _in_frame)(sequence, start + indel.moved, whole, indel, table)
    if named is None:
        return None
    place = start % 3
    shown = [
        f"{codons[:place].lower()}{codons[place : place + size]}{codons[place + size :].lower()}" or "-"
        for codons, size in ((old, indel.deleted), (new, len(indel.inserted)))
    ]
    return Effect(terms, f"{residues or '-'}/{changed or '-'}", "/".join(shown), *named)


_Named = tuple[str, int, str, int | None, str]


@lru_cache(maxsize=100_000)
def _peptide(codons: str, table: int) -> str | None:
    """Residues, an X for an incomplete codon at the end; None for an ambiguous codon."""
    code = TABLES[table]
    residues = [code.get(codons[place : place + 3], "") for place in range(0, len(codons) - 2, 3)]
    if "" in residues:
        return None
    peptide = "".join(residues)
    return peptide + "X" if len(codons) % 3 and peptide != "*" else peptide


def _may_keep_stop(residues: str, changed: str, following: str, table: int) -> bool:
    """Whether the general path might find that the stop codon stays where it was (see `CodingEffect.stop_retained`)."""
    if residues == changed[:1] and "*" in changed:
        return True
    if not 0 < len(changed) - len(residues) < 3 or not changed.startswith(residues):
        return False
    rest = _peptide(following[: len(following) // 3 * 3], table)
    if rest is None:
        return True
    return (residues + rest).startswith((changed + rest)[: len(residues + rest)])


def _frameshift(sequence: str, start: int, whole: int, indel: Indel, table: int) -> _Named | None:
    """The first residue that changes, and how far the new stop is from it."""
    code = TABLES[table]
    first = start - start % 3
    altered = f"{sequence[first:start]}{indel.inserted_there}{sequence[start + indel.deleted :]}"
    for place in range(0, min(len(altered) - 2, whole - first - 2), 3):
        old, new = code.get(sequence[first + place : first + place + 3]), code.get(altered[place : place + 3])
        if old is None or new is None or old == "*":
            return None
        if old != new:
            residue = (first + place) // 3
            if new == "*":
                return three_letters(old), residue, "Ter", None, ""
            stop = _to_stop(table).match(altered, place)
            if stop is None:
                return None
            length = (stop.end() - place) // 3
            return three_letters(old), residue, f"{three_letters(new)}fsTer{length}", None, ""
    return None


@cache
def _to_stop(table: int) -> re.Pattern[str]:
    stops = "|".join(codon for codon, residue in TABLES[table].items() if residue == "*")
    return re.compile(f"(?:[ACGT]{{3}})*?(?:{stops})")


def _in_frame(sequence: str, start: int, whole: int, indel: Indel, table: int) -> _Named | None:
    """The residues that are removed, inserted or replaced, moved towards the protein's end."""
    code = TABLES[table]
    end = start + indel.deleted
    first, last = start - start % 3, (end + 2) // 3 * 3
    old = _peptide(sequence[first:last], table)
    new = _peptide(f"{sequence[first:start]}{indel.inserted_there}{sequence[end:last]}", table)
    if last > whole or old is None or new is None or old == new or "*" in old:
        return None
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    # An X is a stop's sign where proteins change; no residue of the reference is one.
    old, new = old[head : len(old) - tail], new[head : len(new) - tail].replace("*", "X", 1)
    # Residues from `left` up to, not including, `right` are replaced.
    left, right = first // 3 + head, last // 3 - tail
    if old and new:
        names, others = three_letters(old), _to_first_stop(three_letters(new))
        if len(old) == 1:
            return names, left, others if len(new) == 1 else f"delins{others}", None, ""
        return names[:3], left, f"_{names[-3:]}", right - 1, f"delins{others}"
    moving = old or new
    while True:
        if 3 * (right + len(moving) + 2) > whole:
            return None
        following = code.get(sequence[3 * right : 3 * right + 3])
        if following != moving[0]:
            break
        moving = moving[1:] + moving[0]
        left, right = left + 1, right + 1
    names = three_letters(moving)
    if old:
        return _run(names, left, "del")
    before = left - len(moving)
    if before < 0:
        return None
    if _peptide(sequence[3 * before : 3 * left], table) == moving:
        return _run(names, before, "dup")
    flanks = _peptide(sequence[3 * left - 3 : 3 * left + 3], table)
    if flanks is None:
        return None
    beside = three_letters(flanks)
    return beside[:3], left - 1, f"_{beside[3:]}", left, f"ins{_to_first_stop(names)}"


def _to_first_stop(names: str) -> str:
    stop = names.find("Ter")
    return names if stop < 0 else names[: stop + 3]


def _run(names: str, first: int, event: str) -> _Named:
    if len(names) == 3:
        return names, first, event, None, ""
    return names[:3], first, f"_{names[-3:]}", first + len(names) // 3 - 1, event
