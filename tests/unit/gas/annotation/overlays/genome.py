"""A made-up genome, and what overlay tests do with it: build an overlay from a file, look records up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gas.annotation.overlays import Overlays, OverlaySpec
from gas.annotation.overlays.build import build
from gas.annotation.reference import Contig, ContigSequence

#            1234567890123456789012345678901234567890
GENOME = {"1": "ACGTTTTTGACACACACGTNNACGTACGGATTACAGATTC", "2": "GGGGCCCCAAAATTTT"}


HEADER = """##fileformat=VCFv4.2
##source=Made up
##fileDate=2026-11-23
##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=AD,Number=R,Type=Integer,Description="Depth">
##INFO=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##INFO=<ID=SIG,Number=.,Type=String,Description="The \\"significance\\"">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Class">
##INFO=<ID=DB,Number=0,Type=Flag,Description="In dbSNP">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


# Builds an overlay from VCF records, columns split at blanks; returns its manifest entry.
Add = Callable[..., dict[str, Any]]


class Genome:
    """What building and look-ups need of a bundle; the overlays are in its folder and its manifest."""

    def __init__(self, sequences: dict[str, str], path: Path, assembly: str = "GRCh38") -> None:
        self.path = path
        self.manifest: dict[str, Any] = {"overlays": []}
        self.assembly = assembly
        self._sequences = sequences
        (path / "overlays").mkdir(exist_ok=True)

    def resolve(self, name: str) -> Contig | None:
        name = name.removeprefix("chr")
        return Contig(name, len(self._sequences[name]), (), 1) if name in self._sequences else None

    def sequence(self, contig_name: str) -> ContigSequence:
        return ContigSequence(np.frombuffer(self._sequences[contig_name].encode(), dtype=np.uint8))

    def add(self, file: Path, fields: str, name: str = "DB1") -> dict[str, Any]:
        """Build an overlay from a file; returns its manifest entry."""
        entry = build(OverlaySpec.parse(f"{name}={file}:{fields}"), self, self.path / "overlays")
        self.manifest["overlays"].append(entry)
        return entry


def look_up(genome: Genome, *records: tuple[int, str, str], contig: str = "1") -> list[str]:
    """What the overlays of a bundle, opened anew, know of (POS, REF, ALT) records."""
    return ask(Overlays.open(genome), *records, contig=contig)


def ask(overlays: Overlays, *records: tuple[int, str, str], contig: str = "1") -> list[str]:
    """What opened overlays know of (POS, REF, ALT) records."""
    positions = np.array([pos for pos, _, _ in records], dtype=np.int64)
    refs, alts = [ref for _, ref, _ in records], [alt for _, _, alt in records]
    return overlays.look_up(contig, positions, refs, alts)


def edits(sequence: str) -> st.SearchStrategy[tuple[int, str, str]]:
    """(POS, REF, ALT) of changes to a sequence."""

    def edit(place: tuple[int, int, str]) -> tuple[int, str, str]:
        pos, length, alt = place
        return pos, sequence[pos - 1 : pos - 1 + length], alt

    places = st.tuples(st.integers(1, len(sequence)), st.integers(1, 5), st.text("AC", min_size=1, max_size=6))
    return places.map(edit)
