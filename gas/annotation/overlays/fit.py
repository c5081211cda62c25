"""Whether a source fits the reference: contigs found under their many names, and what is counted when they are not."""

from collections import Counter
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from gas.annotation import accessions
from gas.annotation.overlays.alleles import Bases
from gas.annotation.reference import BundleError, Contig

NOT_ON_REFERENCE = "contig is not in the reference"
REF_DIFFERS = "REF differs from the reference"
BEYOND_END = "interval ends beyond its contig"


class Reference(Protocol):
    """What building needs of `reference.Bundle`."""

    assembly: str

    def resolve(self, name: str) -> Contig | None: ...

    def sequence(self, contig_name: str) -> Any: ...


class Place(NamedTuple):
    """A contig: its name in the bundle, its bases to slice, and their ASCII codes to look at one by one."""

    name: str
    bases: Bases
    codes: "memoryview[int] | NDArray[Any]"


class Places:
    """Contigs by the names a source has for them."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._found: dict[str, Place | None] = {}

    def find(self, written: str) -> Place | None:
        """The contig that a source calls `written`, or None when the reference has none of that name."""
        try:
            return self._found[written]
        except KeyError:
            names = (written, *accessions.synonyms(written, self._reference.assembly))
            contig = next(filter(None, map(self._reference.resolve, names)), None)
            place = None
            if contig:
                sequence = self._reference.sequence(contig.name)
                place = Place(contig.name, sequence, memoryview(sequence.codes))
            self._found[written] = place
            return place


def unfit(name: str, assembly: str, records: int, rows: int, skipped: Counter[str]) -> BundleError:
    """The exception for a source of which too little can be used."""
    faults = ", ".join(f"{count:,} times: {reason}" for reason, count in sorted(skipped.items()) if count)
    return BundleError(
        f"{name} does not fit: of its {records:,} records {rows:,} alleles or intervals can be used ({faults}); "
        f"is it of another assembly than {assembly}?"
    )
