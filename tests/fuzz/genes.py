"""Random genomes with random genes, and the same from the other strand beside them, as a bundle."""

import random
from dataclasses import dataclass, field
from pathlib import Path

from gas.annotation import reference
from gas.annotation.codons import reverse_complement
from gas.annotation.reference import Bundle

HERE, THERE = "1", "2"
STOPS = ("TAA", "TAG", "TGA")


@dataclass
class Transcript:
    """Exons and coding region in 1-based positions along the contig; `phase` bases are missing no codon."""

    name: str
    strand: str
    exons: list[tuple[int, int]]
    coding: tuple[int, int] | None = None
    phase: int = 0

    def mirrored(self, size: int) -> "Transcript":
        """The transcript on the other strand of a contig of `size` bases."""
        turned = [(size + 1 - end, size + 1 - start) for start, end in reversed(self.exons)]
        coding = (size + 1 - self.coding[1], size + 1 - self.coding[0]) if self.coding else None
        return Transcript(f"{self.name}m", "-" if self.strand == "+" else "+", turned, coding, self.phase)

    def gff3(self, contig: str) -> str:
        """Its rows and its gene's."""

        def row(kind: str, start: int, end: int, attributes: str, phase: int | str = ".") -> str:
            return f"{contig}\tx\t{kind}\t{start}\t{end}\t.\t{self.strand}\t{phase}\t{attributes}\n"

        start, end, name = self.exons[0][0], self.exons[-1][1], self.name
        found = row("gene", start, end, f"ID=gene:G{name};biotype=protein_coding")
        found += row("mRNA", start, end, f"ID=transcript:{name};Parent=gene:G{name};biotype=protein_coding;version=1")
        found += "".join(row("exon", *exon, f"Parent=transcript:{name}") for exon in self.exons)
        phase, parts = self.phase, self.coding_parts()
        for part in parts if self.strand == "+" else parts[::-1]:
            found += row("CDS", *part, f"Parent=transcript:{name};protein_id=P{name}", phase)
            phase = (phase - (part[1] - part[0] + 1)) % 3
        return found

    def coding_parts(self) -> list[tuple[int, int]]:
        """The coding part of each exon that has one."""
        if self.coding is None:
            return []
        parts = [(max(start, self.coding[0]), min(end, self.coding[1])) for start, end in self.exons]
        return [part for part in parts if part[0] <= part[1]]

    def places(self) -> list[int]:
        """The positions of its exons' bases in the direction of transcription."""
        along = [place for start, end in self.exons for place in range(start, end + 1)]
        return along if self.strand == "+" else along[::-1]


@dataclass
class Genome:
    """One contig's bases and transcripts."""

    bases: str
    transcripts: list[Transcript] = field(default_factory=list)

    def bundle(self, folder: Path) -> Bundle:
        """A bundle of the contig (`HERE`) and its other strand (`THERE`)."""
        fasta, gff3 = folder / "genome.fa", folder / "genes.gff3"
        fasta.write_text(f">{HERE}\n{self.bases}\n>{THERE}\n{reverse_complement(self.bases)}\n")
        mirrored = [one.mirrored(len(self.bases)) for one in self.transcripts]
        rows = [one.gff3(HERE) for one in self.transcripts] + [one.gff3(THERE) for one in mirrored]
        gff3.write_text("".join(rows))
        return reference.build("random", "made up", fasta, gff3, [], folder / "bundle")


def make(rng: random.Random) -> Genome:
    """A contig of a few hundred bases, a third of it repeats, with one to three transcripts."""
    bases = ""
    size = rng.randrange(150, 900)
    while len(bases) < size:
        if rng.random() < 0.3:
            bases += "".join(rng.choices("ACGT", k=rng.randint(1, 4))) * rng.randint(2, 8)
        else:
            bases += "".join(rng.choices("ACGT", k=rng.randint(5, 40)))
    genome = Genome(bases)
    for number in range(rng.randint(1, 3)):
        transcript = _transcript(rng, f"T{number}", len(bases))
        if transcript.coding and rng.random() < 0.8:
            _open_frame(genome, transcript, rng)
        genome.transcripts.append(transcript)
    return genome


def _transcript(rng: random.Random, name: str, size: int) -> Transcript:
    place = rng.randint(1, max(1, size // 3))
    exons: list[tuple[int, int]] = []
    for _ in range(rng.randint(1, 5)):
        end = min(place + rng.choice((0, 1, 2, 8, 30, 60, 100, 160)), size)
        exons.append((place, end))
        place = end + 1 + rng.choice((1, 2, 5, 12, 13, 20, 40, 70))
        if place > size - 3:
            break
    transcript = Transcript(name, rng.choice("+-"), exons)
    places = sorted(transcript.places())
    if rng.random() < 0.85:
        ends = sorted((rng.randrange(len(places)), rng.randrange(len(places))))
        transcript.coding = places[ends[0]], places[ends[1]]
        transcript.phase = rng.choice((0, 0, 0, 0, 1, 2))
    return transcript


def _open_frame(genome: Genome, transcript: Transcript, rng: random.Random) -> None:
    """Give the coding region a start codon, a stop codon at its end and none before."""
    assert transcript.coding is not None
    low, high = transcript.coding
    places = [place for place in transcript.places() if low <= place <= high][transcript.phase :]
    bases = list(genome.bases)
    codons = [places[start : start + 3] for start in range(0, len(places) - 2, 3)]
    for number, codon in enumerate(codons):
        wanted = "".join(rng.choices("ACGT", k=3)) if number else "ATG"
        if number == len(codons) - 1 and number and rng.random() < 0.85:
            wanted = rng.choice(STOPS)
            # The stop codon ends the coding region, unless its last codon is to be incomplete.
            if rng.random() < 0.9:
                transcript.coding = (low, codon[2]) if transcript.strand == "+" else (codon[2], high)
        else:
            now = "".join(genome.bases[place - 1] for place in codon)
            current = now if transcript.strand == "+" else reverse_complement(now[::-1])
            if number and current not in STOPS:
                continue
            while wanted in STOPS:
                wanted = "".join(rng.choices("ACGT", k=3))
        for place, base in zip(codon, wanted, strict=True):
            bases[place - 1] = base if transcript.strand == "+" else reverse_complement(base)
    genome.bases = "".join(bases)
