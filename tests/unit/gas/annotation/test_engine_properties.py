"""What must hold for every variant on every gene, whatever VEP says of it."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gas.annotation import csq, engine, reference, rows
from gas.annotation.codons import reverse_complement
from gas.annotation.reference import Bundle
from gas.annotation.segments import Segments, open_segments
from gas.annotation.templates import CHANGES, Templates
from tests.fuzz.names import Change, check_name, everywhere
from tests.unit.gas.annotation.agreement import lines
from tests.unit.gas.annotation.test_mirror import comparable

CONSEQUENCE, FEATURE, HGVSC, HGVSP = map(csq.FIELDS.index, ("Consequence", "Feature", "HGVSc", "HGVSp"))
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
quick = settings(slow, max_examples=100)


# --- names -----------------------------------------------------------------------------------------------------------


def rows_of(segments: Segments, change: Change) -> dict[str, list[str]]:
    """A change's rows by transcript."""
    ref, alt = (change.bases, "") if change.deletion else ("", change.bases)
    found = rows.any_allele(segments, change.place, change.end, ref, alt, 1)
    return {row.split("|")[FEATURE]: row.split("|") for row in found.split(",")}


@st.composite
def changes(draw: st.DrawFn, contig_length: int) -> tuple[int, int, bool, bool, str]:
    """Place, size, deletion or not, whether an insertion repeats what stands before it, other bases."""
    size = draw(st.integers(1, 9))
    place = draw(st.integers(30, contig_length - 40))
    return place, size, draw(st.booleans()), draw(st.booleans()), draw(st.text("ACGT", min_size=size, max_size=size))


def change_on(sequence: str, drawn: tuple[int, int, bool, bool, str]) -> Change | None:
    place, size, deletion, repeats, bases = drawn
    if deletion or repeats:
        bases = sequence[place - 1 : place - 1 + size]
    return Change(place, bases, deletion) if set(bases) <= set("ACGT") else None


@quick
@given(st.data())
def test_a_change_has_one_name_wherever_in_a_repeat_it_was_found(synthetic_bundle: Bundle, data: st.DataObject) -> None:
    contig = data.draw(st.sampled_from(list(synthetic_bundle.contigs)))
    segments = open_segments(synthetic_bundle, contig)
    sequence = synthetic_bundle.sequence(contig)[:]
    change = change_on(sequence, data.draw(changes(len(sequence))))
    if change is None:
        return
    places = list(everywhere(sequence, change))
    found = [rows_of(segments, place) for place in places]
    for feature in set().union(*found):
        names = {one[feature][HGVSC] for one in found if feature in one and one[feature][HGVSC]}
        assert len(names) <= 1, f"{change}: {feature} {names}"
        proteins: dict[str, set[str]] = {}
        for row in (one[feature] for one in found if feature in one):
            # VEP decides what happens to the codons where the change was found, and names it by that.
            proteins.setdefault(row[CONSEQUENCE], set()).update([row[HGVSP]] if row[HGVSP] else [])
        assert all(len(one) <= 1 for one in proteins.values()), f"{change}: {feature} {proteins}"


@quick
@given(st.data())
def test_a_name_read_back_is_the_change_and_its_last_place(synthetic_bundle: Bundle, data: st.DataObject) -> None:
    contig = data.draw(st.sampled_from(list(synthetic_bundle.contigs)))
    segments = open_segments(synthetic_bundle, contig)
    sequence = synthetic_bundle.sequence(contig)[:]
    change = change_on(sequence, data.draw(changes(len(sequence))))
    if change is None:
        return
    altered = change.apply(sequence)
    transcripts = {t.id: t for t in segments.near(change.place, change.end)}
    for feature, row in rows_of(segments, change).items():
        named = row[HGVSC].partition(":")[2][2:]
        if named:
            check_name(transcripts[feature], named, sequence, altered)


# --- genes -----------------------------------------------------------------------------------------------------------


@dataclass
class Gene:
    """A random gene on a random genome, in both readings."""

    bases: str
    exons: list[tuple[int, int]]
    coding: tuple[int, int] | None
    strand: str
    phase: int
    variants: list[tuple[int, int, str]] = field(default_factory=list)

    def gff3(self) -> str:
        def row(kind: str, start: int, end: int, attributes: str, phase: str = ".") -> str:
            return f"1\tx\t{kind}\t{start}\t{end}\t.\t{self.strand}\t{phase}\t{attributes}"

        first, last = self.exons[0][0], self.exons[-1][1]
        found = [row("gene", first, last, "ID=gene:G"), row("mRNA", first, last, "ID=transcript:T;Parent=gene:G")]
        found += [row("exon", *exon, "Parent=transcript:T") for exon in self.exons]
        if self.coding:
            parts = [(max(a, self.coding[0]), min(b, self.coding[1])) for a, b in self.exons]
            parts = [part for part in parts if part[0] <= part[1]]
            found += [row("CDS", *part, "Parent=transcript:T;protein_id=P", str(self.phase)) for part in parts]
        return "\n".join(found) + "\n"

    def mirrored(self) -> "Gene":
        size = len(self.bases) + 1
        coding = (size - self.coding[1], size - self.coding[0]) if self.coding else None
        exons = [(size - end, size - start) for start, end in reversed(self.exons)]
        return Gene(reverse_complement(self.bases), exons, coding, "-" if self.strand == "+" else "+", self.phase)

    def bundle(self, folder: Path) -> Bundle:
        folder.mkdir()
        (folder / "genome.fa").write_text(f">1\n{self.bases}\n")
        (folder / "genes.gff3").write_text(self.gff3())
        return reference.build("random", "made up", folder / "genome.fa", folder / "genes.gff3", [], folder / "bundle")


@st.composite
def genes(draw: st.DrawFn) -> Gene:
    """One to four exons, introns however short, a coding region anywhere in the exons, contig ends nearby."""
    place = draw(st.integers(1, 30))
    exons: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(1, 4))):
        end = place + draw(st.integers(0, 25))
        exons.append((place, end))
        place = end + 1 + draw(st.integers(1, 45))
    size = exons[-1][1] + draw(st.integers(0, 30))
    bases = draw(st.text("ACGT", min_size=size, max_size=size))
    exonic = [place for start, end in exons for place in range(start, end + 1)]
    coding = (
        tuple(sorted((draw(st.sampled_from(exonic)), draw(st.sampled_from(exonic))))) if draw(st.booleans()) else None
    )
    variant = st.tuples(st.integers(1, size), st.integers(0, 6), st.text("ACGT", max_size=6))
    strand, phase = draw(st.sampled_from("+-")), draw(st.integers(0, 2))
    return Gene(bases, exons, coding, strand, phase, draw(st.lists(variant, min_size=8, max_size=8)))  # type: ignore[arg-type]


def alleles(gene: Gene) -> Iterator[tuple[int, int, str, str]]:
    """Every variant of the gene that VEP treats alike from both sides: substitutions, insertions and deletions."""
    for place, size, alt in gene.variants:
        ref = gene.bases[place - 1 : place - 1 + size]
        if ref == alt or (ref and alt and len(ref) != len(alt)):
            continue
        if len(ref) > 1 and any(a == b for a, b in zip(ref, alt, strict=False)):
            continue
        yield place, place + len(ref) - 1, ref, alt


@slow
@given(genes())
def test_the_other_strand_says_the_same_of_any_gene(gene: Gene) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = open_segments(gene.bundle(Path(folder) / "here"), "1")
        there = open_segments(gene.mirrored().bundle(Path(folder) / "there"), "1")
        size = len(gene.bases) + 1
        for start, end, ref, alt in alleles(gene):
            straight = rows.any_allele(here, start, end, ref, alt, 1)
            turned = rows.any_allele(
                there, size - end, size - start, reverse_complement(ref), reverse_complement(alt), 1
            )
            for one, other in comparable(straight, turned):
                assert one == other, f"{start} {ref}>{alt}"


@slow
@given(genes())
def test_segments_say_what_the_general_path_says_of_any_gene(gene: Gene) -> None:
    with tempfile.TemporaryDirectory() as folder:
        segments = open_segments(gene.bundle(Path(folder) / "here"), "1")
        transcript = segments.transcripts[0]
        layout = csq.Layout(transcript, segments.source)
        templates = Templates(segments, "1")
        for place, ref in enumerate(gene.bases, 1):
            alt = "ACGT"[("ACGT".index(ref) + 1 + place % 3) % 4]
            quick, _ = templates.single_base(segments.onward(-1, place), place, CHANGES[ref, alt])
            found = quick.decode()
            assert found == csq.row(transcript, layout, place, place, ref, alt, 1, {}), f"{place} {ref}>{alt}"
        for start, end, ref, alt in alleles(gene):
            if bool(ref) != bool(alt):
                quick, _ = rows.indel(templates, segments.onward(-1, min(start, end)), start, end, ref, alt)
                whole = csq.row(transcript, layout, start, end, ref, alt, 1, {})
                assert quick.decode() == whole, f"{start} {ref}>{alt}"


# --- accounts --------------------------------------------------------------------------------------------------------

ODD = st.sampled_from(["*", ".", "<DEL>", "<NON_REF>", "A[syn2:200[", "C.", "R", "N", "a", "", "-", "<DUP>", "]MT:9]T"])
ALLELE = st.one_of(st.text("ACGT", min_size=1, max_size=5), st.text("ACGT", min_size=1, max_size=5), ODD)


@st.composite
def records(draw: st.DrawFn) -> tuple[str, int, int, str, str]:
    chrom = draw(st.sampled_from(["syn1", "syn1", "syn2", "chrMT", "nowhere"]))
    place, size = draw(st.integers(1, 3300)), draw(st.integers(1, 4))
    alts = ",".join(draw(st.lists(ALLELE, min_size=1, max_size=3)))
    return (
        chrom,
        place,
        size,
        alts,
        draw(st.sampled_from([".", "END=1500", "SVLEN=40", "SVTYPE=DEL;END=9", "END=x;CSQ=y"])),
    )


@settings(slow, max_examples=40)
@given(st.lists(records(), min_size=1, max_size=40), st.booleans())
@example([("syn1", 100, 1, "<DEL>,A,*", "SVLEN=40,.,.")], True)
def test_every_record_is_accounted_for(
    synthetic_bundle: Bundle, drawn: list[tuple[str, int, int, str, str]], some_wrong: bool
) -> None:
    text = ["##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"]
    for number, (chrom, place, size, alts, info) in enumerate(drawn):
        contig = synthetic_bundle.resolve(chrom)
        # Where nearly all are wrong the file is refused as one for another genome.
        wrong = contig is None or (some_wrong and number % 4 == 0)
        ref = "A" * size if wrong else synthetic_bundle.sequence(contig.name)[place - 1 : place - 1 + size]
        text.append(f"{chrom}\t{place}\tid{number}\t{ref or 'A'}\t{alts}\t.\t.\t{info}\n")
    text.append(f"syn1\t1\tlast\t{synthetic_bundle.sequence('syn1')[0]}\t*\t.\t.\t.\n")
    with tempfile.TemporaryDirectory() as folder:
        given_file, out = Path(folder) / "in.vcf", Path(folder) / "out.vcf.gz"
        given_file.write_text("".join(text))
        receipt = engine.annotate(engine.Options(given_file, synthetic_bundle, out))
        written = [line.split("\t") for line in lines(out) if not line.startswith("#")]
    tally = receipt.tally
    assert tally.read == len(drawn) + 1
    assert tally.read == tally.annotated + tally.passed.total() + tally.rejected.total()
    assert len(written) == tally.annotated + tally.passed.total()
    assert len({fields[2] for fields in written}) == len(written)
    assert sum("CSQ=" in fields[7] for fields in written) == tally.annotated


def test_the_properties_cover_all_kinds_of_names(synthetic_bundle: Bundle) -> None:
    """The checks above are worth something only if the genome has names of every kind."""
    segments = open_segments(synthetic_bundle, "syn1")
    sequence = synthetic_bundle.sequence("syn1")[:]
    kinds = set()
    for place in range(6000, 12_000, 7):
        for drawn in ((place, 2, True, False, "A"), (place, 1, False, True, "A"), (place, 3, False, False, "ACG")):
            change = change_on(sequence, drawn)
            for row in rows_of(segments, change).values() if change else ():
                kinds.update(re.findall(r"del|dup|ins|\*|[+]|\d-\d|:c\.-", row[HGVSC]))
    assert {"del", "dup", "ins", "*", "+", ":c.-"} <= kinds
