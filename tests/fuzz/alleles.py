"""What must hold for any allele on any gene: paths agree, names read back, proteins, the other strand, repeats."""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from gas.annotation import csq, rows
from gas.annotation.codons import reverse_complement
from gas.annotation.consequence import differing_regions
from gas.annotation.reference import Bundle
from gas.annotation.segments import Segments, open_segments
from gas.annotation.templates import Templates
from tests.fuzz import genes, proteins
from tests.fuzz.names import Change, check_name, everywhere

ALLELES = 150
_COLUMN = {name: place for place, name in enumerate(csq.FIELDS)}
CONSEQUENCE, FEATURE, HGVSC, HGVSP = (_COLUMN[name] for name in ("Consequence", "Feature", "HGVSc", "HGVSp"))
_STRANDED = [_COLUMN[name] for name in ("Allele", "Gene", "Feature", "STRAND", "ENSP")]
_OFFSET = _COLUMN["HGVS_OFFSET"]

Rows = dict[str, list[str]]


def run(seed: int, seconds: float, folder: Path, genomes: int | None = None) -> Counter[str]:
    """Check random genomes for some seconds, or so many of them; returns how often each check was made.

    Raises AssertionError, which names the seed of the genome and the allele.
    """
    done: Counter[str] = Counter()
    began = time.monotonic()
    while time.monotonic() - began < seconds and (genomes is None or done["genomes"] < genomes):
        check_genome(f"{seed}:{done['genomes']}", folder, done)
        done["genomes"] += 1
    return done


def check_genome(seed: str, folder: Path, done: Counter[str]) -> None:
    """Check the genome of a seed with alleles of every kind."""
    rng = random.Random(seed)
    genome = genes.make(rng)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        bundle = genome.bundle(Path(name))
        checker = Checker(genome, bundle, done)
        for _ in range(ALLELES):
            start, ref, alt = at_an_edge(rng, genome) if rng.random() < 0.25 else allele(rng, genome.bases)
            try:
                checker.check(start, ref, alt)
            except AssertionError as error:
                raise AssertionError(f"genome {seed}, {start} {ref}>{alt}: {error}") from error


def allele(rng: random.Random, bases: str) -> tuple[int, str, str]:
    """A random change of any kind: 1-based start, the bases replaced and those that replace them, either may be ""."""
    start = rng.randint(1, len(bases))
    size = rng.choice((1, 1, 1, 2, 3, 4, 6, 9, 30, rng.randint(1, 250)))
    ref = bases[start - 1 : start - 1 + size]
    kind = rng.choice(("snv", "deletion", "deletion", "copy", "copy", "insertion", "delins", "mnv", "inversion"))
    if kind == "snv":
        return start, ref[0], rng.choice([base for base in "ACGT" if base != ref[0]])
    if kind == "deletion":
        return start, ref, ""
    if kind == "copy":
        return start + len(ref), "", ref
    if kind == "insertion":
        return start, "", "".join(rng.choices("ACGT", k=size))
    if kind == "inversion":
        return start, ref, reverse_complement(ref)
    return start, ref, "".join(rng.choices("ACGT", k=len(ref) if kind == "mnv" else rng.randint(1, 9)))


def at_an_edge(rng: random.Random, genome: genes.Genome) -> tuple[int, str, str]:
    """As `allele`: what deletes a transcript, an exon, an intron, a base more or less, or adds beside one."""
    edges = [1, len(genome.bases)]
    for transcript in genome.transcripts:
        edges += [place for start, end in transcript.exons for place in (start, end + 1)]
        edges += [transcript.coding[0], transcript.coding[1] + 1] if transcript.coding else []
    first, last = sorted(
        min(max(rng.choice(edges) + rng.choice((-1, 0, 0, 0, 1)), 1), len(genome.bases)) for _ in range(2)
    )
    if first == last or rng.random() < 0.3:
        return first, "", "".join(rng.choices("ACGT", k=rng.randint(1, 7)))
    return first, genome.bases[first - 1 : last - 1], ""


class Checker:
    """Checks alleles of one genome against its bundle, counting in `done` what was checked."""

    def __init__(self, genome: genes.Genome, bundle: Bundle, done: Counter[str]) -> None:
        self.genome = genome
        self.here, self.there = open_segments(bundle, genes.HERE), open_segments(bundle, genes.THERE)
        self.templates = Templates(self.here, genes.HERE)
        self.done = done

    def check(self, start: int, ref: str, alt: str) -> None:
        """Check one allele, given as `allele` makes it."""
        if ref == alt:
            return
        ((start, ref, alt),) = rows.trim(start, ref, [alt]) if ref and alt else ((start, ref, alt),)
        end = start + len(ref) - 1
        found = self.rows(self.here, start, end, ref, alt)
        self.check_paths(start, ref, alt)
        self.check_names(start, ref, alt, found)
        self.check_proteins(start, ref, alt, found)
        self.check_mirror(start, end, ref, alt, found)
        if bool(ref) != bool(alt):
            self.check_repeats(Change(start, ref or alt, bool(ref)))

    def rows(self, segments: Segments, start: int, end: int, ref: str, alt: str) -> Rows:
        """The rows by transcript."""
        found = [row.split("|") for row in rows.any_allele(segments, start, end, ref, alt, 1).split(",")]
        return {row[FEATURE]: row for row in found}

    def check_paths(self, start: int, ref: str, alt: str) -> None:
        """The record, with what templates and segments know, says what the general path says."""
        if not ref or not alt:
            if start < 2:
                return
            start, base = start - 1, self.genome.bases[start - 2]
            ref, alt = base + ref, base + alt
        whole = rows.record(self.templates, self.here.onward(-1, start), start, ref, alt)
        ((first, left, right),) = rows.trim(start, ref, [alt])
        assert whole == rows.any_allele(self.here, first, first + len(left) - 1, left, right, 1)
        self.done["paths"] += 1

    def check_names(self, start: int, ref: str, alt: str, found: Rows) -> None:
        """HGVSc, read back, is the change."""
        bases = self.genome.bases
        altered = bases[: start - 1] + alt + bases[start - 1 + len(ref) :]
        for transcript in self.here.near(start, start + len(ref) - 1):
            named = found[transcript.id][HGVSC].partition(":")[2][2:]
            self.done["names"] += bool(named) and check_name(transcript, named, bases, altered)

    def check_proteins(self, start: int, ref: str, alt: str, found: Rows) -> None:
        """HGVSp, read back, is the protein that the altered genome makes."""
        for transcript in self.genome.transcripts:
            named = found[transcript.name][HGVSP].partition(":")[2] if transcript.name in found else ""
            # VEP takes some frameshifts in a stop codon for one that is retained, and names them so.
            shifts = (len(ref) - len(alt)) % 3 > 0
            if not named or (shifts and "stop_retained_variant" in found[transcript.name][CONSEQUENCE]):
                continue
            place, end, inserted = self.last_place(start, ref, alt, 1 if transcript.strand == "+" else -1)
            made = proteins.both(self.genome.bases, transcript, place, end, inserted)
            if not made:
                continue
            before, after = made
            said = proteins.apply(named, before)
            if said is None:
                continue
            assert said.rstrip("*") == after[: len(said)].rstrip("*"), f"{named} says {said}, the genome makes {after}"
            proteins.check_stop(named, after)
            self.done["proteins"] += 1

    def last_place(self, start: int, ref: str, alt: str, strand: int) -> tuple[int, int, str]:
        """Start, end and inserted bases of a change where HGVS names it; behind an intron it is another protein's."""
        if bool(ref) == bool(alt):
            return start, start + len(ref) - 1, alt
        change = Change(start, ref or alt, bool(ref))
        while moved := change.moved(self.genome.bases, strand):
            change = moved
        return change.place, change.end, "" if change.deletion else change.bases

    def check_mirror(self, start: int, end: int, ref: str, alt: str, found: Rows) -> None:
        """The same from the other strand, for what VEP treats alike from both sides."""
        if len(differing_regions(start, end, ref, alt)) > 1 or (len(ref) != len(alt) and ref and alt):
            return
        size = len(self.genome.bases) + 1
        turned = self.rows(self.there, size - end, size - start, reverse_complement(ref), reverse_complement(alt))
        assert {name.rstrip("m") for name in turned} == set(found)
        for name, row in found.items():
            sides = [list(row), turned[f"{name}m" if name else ""]]
            for side in sides:
                side[HGVSC], side[HGVSP] = (side[place].partition(":")[2] for place in (HGVSC, HGVSP))
                side[_OFFSET] = side[_OFFSET].lstrip("-")
                for place in _STRANDED:
                    side[place] = ""
            if not (sides[0][HGVSC] and sides[1][HGVSC]):
                # VEP names a base before the first exon along the genome, but not one behind the last.
                for side in sides:
                    side[HGVSC] = side[_OFFSET] = ""
            assert sides[0] == sides[1]
            self.done["mirrored"] += 1

    def check_repeats(self, change: Change) -> None:
        """One name wherever in a repeat the change was found."""
        names: dict[str, set[str]] = {}
        for place in everywhere(self.genome.bases, change):
            ref, alt = (place.bases, "") if place.deletion else ("", place.bases)
            for feature, row in self.rows(self.here, place.place, place.end, ref, alt).items():
                names.setdefault(feature, set()).update([row[HGVSC]] if row[HGVSC] else [])
        for feature, found in names.items():
            assert len(found) <= 1, f"{feature} has {found}"
        self.done["repeats"] += 1
