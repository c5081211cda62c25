"""HGVSc read back: a name must give the change it was made of, at the last place where the change is the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gas.annotation.codons import reverse_complement
from gas.annotation.transcripts import Transcript

_PLACE = re.compile(r"(?P<stop>\*)?(?P<number>-?\d+)(?P<offset>[+-]\d+)?")
_EVENT = re.compile(r"(delins|del|dup|ins|inv|\[\d+\]|[ACGT]>)([ACGT]*)$")


@dataclass
class Change:
    """A deletion or insertion on a contig: `bases` deleted from, or inserted before, 1-based `place`."""

    place: int
    bases: str
    deletion: bool

    @property
    def end(self) -> int:
        return self.place + len(self.bases) - 1 if self.deletion else self.place - 1

    def apply(self, sequence: str) -> str:
        """The sequence with the change."""
        tail = sequence[self.place - 1 + (len(self.bases) if self.deletion else 0) :]
        return sequence[: self.place - 1] + ("" if self.deletion else self.bases) + tail

    def moved(self, sequence: str, step: int) -> "Change | None":
        """The same change a base further on, if it is the same change there."""
        bases, place = self.bases, self.place
        if step > 0:
            passed = place - 1 + (len(bases) if self.deletion else 0)
            if passed >= len(sequence) or sequence[passed] != bases[0]:
                return None
            return Change(place + 1, bases[1:] + bases[0], self.deletion)
        if place < 2 or sequence[place - 2] != bases[-1]:
            return None
        return Change(place - 1, bases[-1] + bases[:-1], self.deletion)


def everywhere(sequence: str, change: Change) -> Iterator[Change]:
    """The change at every place where it is the same."""
    for step in (1, -1):
        at: Change | None = change
        while at:
            yield at
            at = at.moved(sequence, step)


def genomic(transcript: Transcript, name: str) -> int | None:
    """Where a base of a transcript's HGVS name lies on the contig; None where VEP's name is not HGVS's."""
    found = _PLACE.fullmatch(name)
    assert found, name
    number = int(found["number"])
    if found["stop"]:
        last = transcript.coding_end if transcript.strand > 0 else transcript.coding_start
        if last in (*transcript.exon_starts, *transcript.exon_ends):
            return None
        cdna = transcript.cds_last + number
    elif transcript.coding_start:
        cdna = transcript.cds_first + number - (1 if number > 0 else 0)
    else:
        cdna = number
    for start, end, offset in zip(transcript.exon_starts, transcript.exon_ends, transcript.offsets, strict=True):
        place = (cdna - offset) * transcript.strand
        if start <= place <= end:
            return place + int(found["offset"] or 0) * transcript.strand
    return None


def check_name(transcript: Transcript, name: str, sequence: str, altered: str) -> bool:
    """Assert that a name of this transcript, without its prefix, is that of the change from `sequence` to `altered`.

    False where that cannot be told: substitutions in a CDS that begins within a codon, and places that VEP names in a
    way of its own.
    """
    event = _EVENT.search(name)
    assert event, name
    kind, bases = event[1], event[2]
    if kind.endswith(">") and transcript.pad:
        return False
    ends = [genomic(transcript, place) for place in name[: event.start()].split("_")]
    if None in ends:
        return False
    low, high = min(place or 0 for place in ends), max(place or 0 for place in ends)
    named = sequence[low - 1 : high]
    written = bases if transcript.strand > 0 else reverse_complement(bases)
    if kind.endswith(">"):
        here = kind[0] if transcript.strand > 0 else reverse_complement(kind[0])
        assert here == named, f"{name}: the base is {named}"
    if kind in ("del", "dup", "ins"):
        assert not bases or kind == "ins", name
        read = {
            "del": Change(low, named, True),
            "dup": Change(high + 1 if transcript.strand > 0 else low, named, False),
            "ins": Change(high, written, False),
        }[kind]
        assert kind != "ins" or high == low + 1, f"{name}: its bases are no neighbours"
        assert read.apply(sequence) == altered, f"{name} is another change"
        last = read.moved(sequence, transcript.strand)
        inside = last and transcript.start <= min(last.place, last.end) <= max(last.place, last.end) <= transcript.end
        assert not inside, f"{name} can move on"
        return True
    if kind == "inv":
        written = reverse_complement(named)
    elif kind[0] == "[":
        written = named * int(kind[1:-1])
    assert sequence[: low - 1] + written + sequence[high:] == altered, f"{name} is another change"
    return True
