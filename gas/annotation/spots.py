"""Where HGVS puts a pure insertion or deletion on a strand, and what it says there.

Allele and Spot are no named tuples because making one of those takes as long as filling in a row.
"""

from gas.annotation import csq, hgvs
from gas.annotation.coding_indels import Indel
from gas.annotation.codons import reverse_complement
from gas.annotation.reference import ContigSequence


class Allele:
    """An indel as in gas.annotation.consequence; `low` and `high` are the first and the last base beside or in it."""

    __slots__ = ("alt", "end", "high", "low", "ref", "start")

    def __init__(self, start: int, end: int, ref: str, alt: str) -> None:
        self.start, self.end, self.ref, self.alt = start, end, ref, alt
        self.low, self.high = (start, end) if ref else (end, start)


class Spot:
    """`left` to `right`, in the strand's direction, is what HGVS names; `first` to `last` what is read to find it.

    `event` is what HGVSc says of it and `offset` HGVS_OFFSET.
    """

    __slots__ = ("event", "first", "indel", "last", "left", "offset", "right")

    def __init__(
        self, left: int, right: int, event: str, offset: int | str, first: int, last: int, indel: Indel
    ) -> None:
        self.left, self.right, self.event, self.offset = left, right, event, offset
        self.first, self.last, self.indel = first, last, indel


class Spots:
    """An allele's spots, by strand, each found when first asked for."""

    __slots__ = ("_allele", "_found", "_sequence", "shifts")

    def __init__(self, sequence: ContigSequence, allele: Allele) -> None:
        self._sequence = sequence
        self._allele = allele
        self._found: list[Spot | None] = [None, None, None]
        # What `hgvs.shift` gave, for the general path.
        self.shifts: csq.Shifts = {}

    def on(self, strand: int) -> Spot:
        """The spot on a strand, 1 or -1."""
        found = self._found[strand]
        if found is None:
            one = self._allele
            moved, bases = hgvs.shift(self._sequence, one.start, one.end, one.ref, one.alt, strand)
            self.shifts[strand] = moved, bases
            found = self._found[strand] = _spot(self._sequence, one.start, one.end, one.alt, strand, moved, bases)
        return found


def _spot(sequence: ContigSequence, start: int, end: int, alt: str, strand: int, moved: int, bases: str) -> Spot:
    there, there_end = start + moved * strand, end + moved * strand
    offset = moved * strand or ""
    if not alt:
        left, right = (there, there_end)[::strand]
        return Spot(left, right, "del", offset, there, there_end, Indel(strand, end - start + 1, "", moved, ""))
    inserted, inserted_there = (alt, bases) if strand > 0 else (reverse_complement(alt), reverse_complement(bases))
    indel = Indel(strand, 0, inserted, moved, inserted_there)
    size = len(alt)
    first, last = (there - size, there_end) if strand > 0 else (there, there + size - 1)
    if sequence[max(first - 1, 0) : last] == bases:
        left, right = (first, last)[::strand]
        return Spot(left, right, "dup", offset, first, last, indel)
    left, right = (there_end, there)[::strand]
    return Spot(left, right, f"ins{inserted_there}", offset, min(first, there_end), max(last, there), indel)
