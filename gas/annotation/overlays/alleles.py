"""Alleles as overlays know them: trimmed, left-aligned, and packed into one integer.

An allele is the position, the deleted bases and the inserted bases. Alleles of up to 31 deleted and 11 inserted bases
fit into the integer without loss; longer ones carry a hash in it and are compared in full after it has matched.
"""

import re
import zlib
from typing import Protocol

# An allele in a repeat is moved left no further than this, so that no record can make us walk a chromosome.
MAX_SHIFT = 10_000

_PACKED_DELETED, _PACKED_INSERTED = 31, 11
_HASHED = 1 << 31
_TO_DIGITS = str.maketrans("ACGT", "0123")
_NUCLEOTIDES = re.compile(r"[ACGTUNRYSWKMBDHV]+")


class Bases(Protocol):
    """A contig's upper-case bases, sliced like a str."""

    def __getitem__(self, key: slice, /) -> str: ...


def minimal(pos: int, ref: str, alt: str, bases: Bases) -> tuple[int, str, str] | None:
    """The allele trimmed and left-aligned: (1-based start, deleted bases, inserted bases).

    An insertion's start is the base it precedes. None when it is no sequence allele (symbolic, `*`, missing), changes
    nothing, or REF is not what the contig holds at POS. The procedure is that of Tan, Abecasis and Kang 2015 ("Unified
    representation of genetic variants", Bioinformatics 31:2202), without the anchor base.
    """
    ref, alt = ref.upper(), alt.upper()
    if ref == alt or pos < 1 or not (_is_sequence(ref) and _is_sequence(alt)):
        return None
    if bases[pos - 1 : pos - 1 + len(ref)] != ref:
        return None
    shorter = min(len(ref), len(alt))
    tail = 0
    while tail < shorter and ref[-1 - tail] == alt[-1 - tail]:
        tail += 1
    head = 0
    while head < shorter - tail and ref[head] == alt[head]:
        head += 1
    deleted, inserted = ref[head : len(ref) - tail], alt[head : len(alt) - tail]
    start = pos + head
    if deleted and inserted:
        return start, deleted, inserted
    changed = deleted or inserted
    # Most files are left-aligned, and the base before tells: then nothing need be read.
    shift = 0 if head and ref[head - 1] != changed[-1] else _shift_left(start, changed, bases)
    turn = shift % len(changed)
    changed = changed[-turn:] + changed[:-turn] if turn else changed
    return (start - shift, changed, "") if deleted else (start - shift, "", changed)


def _is_sequence(allele: str) -> bool:
    # The strip decides nearly all alleles in half the time.
    return bool(allele) and (not allele.strip("ACGT") or _NUCLEOTIDES.fullmatch(allele) is not None)


def _shift_left(start: int, changed: str, bases: Bases) -> int:
    """How many bases a pure insertion or deletion of `changed` at `start` can move to the left."""
    if changed.strip("ACGT"):  # a run of N is no repeat
        return 0
    furthest = min(start - 1, MAX_SHIFT)
    shift, window = 0, 32
    while shift < furthest:
        end = start - 1 - shift
        before = bases[max(end - window, 0) : end]
        for base in reversed(before):
            if shift >= furthest or base != changed[-1 - shift % len(changed)]:
                return shift
            shift += 1
        window *= 2
    return shift


def allele_key(start: int, deleted: str, inserted: str) -> tuple[int, str]:
    """The integer of a minimal allele, and the text to compare as well when the integer holds only a hash ("" if not).

    High 32 bits: position. Low 32: a 0 bit, 5 bits deleted length, 4 bits inserted length, 22 bits inserted bases (for
    a single-base change its REF beside it); or a 1 bit and 31 bits of a hash. The deleted bases need no more than their
    number: whoever calls has compared them with the reference.
    """
    key = start << 32
    if len(deleted) <= _PACKED_DELETED and len(inserted) <= _PACKED_INSERTED and not (inserted.strip("ACGT")):
        packed = len(deleted) << 26 | len(inserted) << 22 | int("0" + inserted.translate(_TO_DIGITS), 4)
        if len(deleted) != 1 or len(inserted) != 1:
            return key | packed, ""
        if deleted in "ACGT":
            return key | packed | int(deleted.translate(_TO_DIGITS)) << 2, ""
    text = f"{len(deleted)}:{inserted}"
    return key | _HASHED | zlib.crc32(text.encode("ascii")) & (_HASHED - 1), text


# (REF, ALT) -> the key at position 0. The commonest case by far needs neither trimming nor the sequence.
SINGLE_BASE = {(r, a): allele_key(0, r, a)[0] for r in "ACGT" for a in "ACGT" if r != a}
