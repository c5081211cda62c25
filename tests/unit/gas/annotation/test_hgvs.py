"""HGVS names on a gene made for it, whose bases and codons can be read here."""

from pathlib import Path

import numpy as np
import pytest

from gas.annotation import csq, hgvs, reference, rows
from gas.annotation.codons import reverse_complement
from gas.annotation.reference import Bundle, ContigSequence
from gas.annotation.segments import open_segments

# Transcript F, forward: exon 11-40, intron 41-80, exon 81-120. CDS from 21: ATG GCA AAA CAG CAG GTA TT|A GGC TGC TAA.
# Behind it the frame goes on with TCT TAG.
LEFT = "CCGCCGCCGC"
EXON1 = "TTCCATTCCA" + "ATGGCAAAACAGCAGGTATT"
INTRON = "GTAAGTCC" + "CTATATCGATCCGATCCATTGCATCC" + "TTTCAG"
EXON2 = "AGGCTGCTAA" + "TCTTAGCCATTCGGCATTCCATTGGCATTC"
RIGHT = "GGCCGGCCGGCC"
FORWARD = LEFT + EXON1 + INTRON + EXON2 + RIGHT
LENGTH = len(FORWARD)


def gff3(contig: str, strand: str, intervals: list[tuple[str, int, int, str]]) -> str:
    lines = [f"{contig}\tx\tgene\t1\t{LENGTH}\t.\t{strand}\t.\tID=gene:G{contig};Name=G{contig}"]
    ends = [end for _, start, stop, _ in intervals for end in (start, stop)]
    attributes = f"ID=transcript:T{contig};Parent=gene:G{contig};biotype=protein_coding;version=1"
    lines.append(f"{contig}\tx\tmRNA\t{min(ends)}\t{max(ends)}\t.\t{strand}\t.\t{attributes}")
    for kind, start, end, phase in intervals:
        attributes = f"Parent=transcript:T{contig}" + (f";protein_id=P{contig}" if kind == "CDS" else "")
        lines.append(f"{contig}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t{phase}\t{attributes}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder: Path = tmp_path_factory.mktemp("hgvs")
    (folder / "ref.fa").write_text(f">F\n{FORWARD}\n>R\n{reverse_complement(FORWARD)}\n")
    forward = [("exon", 11, 40, "."), ("exon", 81, 120, "."), ("CDS", 21, 40, "0"), ("CDS", 81, 90, "1")]
    turned = [(kind, LENGTH + 1 - end, LENGTH + 1 - start, phase) for kind, start, end, phase in forward]
    (folder / "genes.gff3").write_text(gff3("F", "+", forward) + gff3("R", "-", turned))
    return reference.build("hgvs", "made up", folder / "ref.fa", folder / "genes.gff3", [], folder / "bundle")


@pytest.mark.parametrize(
    ("start", "ref", "alt", "coding", "protein"),
    [
        pytest.param(24, "G", "T", "c.4G>T", "p.Ala2Ser", id="missense"),
        pytest.param(26, "A", "G", "c.6A>G", "p.Ala2%3D", id="synonymous"),
        pytest.param(30, "C", "T", "c.10C>T", "p.Gln4Ter", id="stop gained"),
        pytest.param(21, "A", "G", "c.1A>G", "p.Met1?", id="start lost"),
        pytest.param(88, "T", "C", "c.28T>C", "p.Ter10GlnextTer2", id="stop lost"),
        pytest.param(27, "A", "", "c.9del", "p.Lys3AsnfsTer5", id="deletion shifted in a run"),
        pytest.param(27, "", "A", "c.9dup", "p.Gln4ThrfsTer?", id="insertion that duplicates"),
        pytest.param(30, "CAG", "", "c.13_15del", "p.Gln5del", id="one of two equal codons deleted"),
        pytest.param(30, "", "CAG", "c.13_15dup", "p.Gln5dup", id="one codon more"),
        pytest.param(33, "", "GGG", "c.12_13insGGG", "p.Gln4_Gln5insGly", id="inframe insertion"),
        pytest.param(24, "GCA", "TTT", "c.4_6delinsTTT", "p.Ala2Phe", id="codon replaced"),
        pytest.param(24, "GCAAAA", "TTTTTT", "c.4_9delinsTTTTTT", "p.Ala2_Lys3delinsPhePhe", id="two codons replaced"),
        pytest.param(27, "AA", "TT", "c.7_8inv", "p.Lys3Leu", id="inversion"),
        pytest.param(41, "G", "A", "c.20+1G>A", "", id="donor"),
        pytest.param(80, "G", "A", "c.21-1G>A", "", id="acceptor"),
        pytest.param(60, "", "GA", "c.20+19_20+20insGA", "", id="insertion in the intron"),
        pytest.param(49, "C", "", "c.20+9del", "", id="deletion shifted in the intron"),
        pytest.param(15, "A", "G", "c.-6A>G", "", id="before the start codon"),
        pytest.param(93, "T", "G", "c.*3T>G", "", id="behind the stop codon"),
        pytest.param(38, "ATTG", "", "c.18_20+1del", "", id="across the donor"),
    ],
)
@pytest.mark.parametrize("contig", ["F", "R"])
def test_names(bundle: Bundle, contig: str, start: int, ref: str, alt: str, coding: str, protein: str) -> None:
    end = start + len(ref) - 1
    if contig == "R":
        start, end = LENGTH + 1 - end, LENGTH + 1 - start
        ref, alt = reverse_complement(ref), reverse_complement(alt)
    if ref:
        assert bundle.sequence(contig)[start - 1 : end] == ref, "the case itself is wrong"
    row = rows.any_allele(open_segments(bundle, contig), start, end, ref, alt, 1).split("|")
    named = dict(zip(csq.FIELDS, row, strict=True))
    assert named["HGVSc"] == f"T{contig}.1:{coding}"
    assert named["HGVSp"] == (f"P{contig}.1:{protein}" if protein else "")


@pytest.mark.parametrize(
    ("start", "ref", "alt", "strand", "moved", "bases"),
    [
        (3, "A", "", 1, 4, "A"),
        (6, "A", "", -1, 3, "A"),
        (3, "", "A", 1, 5, "A"),
        (9, "CT", "", 1, 5, "TC"),
        (14, "", "TC", -1, 5, "CT"),
        (1, "G", "T", 1, 0, ""),
        (1, "GG", "T", 1, 0, ""),
    ],
)
def test_shift(start: int, ref: str, alt: str, strand: int, moved: int, bases: str) -> None:
    sequence = ContigSequence(np.frombuffer(b"GGAAAAAGCTCTCTCG", np.uint8))
    assert hgvs.shift(sequence, start, start + len(ref) - 1, ref, alt, strand) == (moved, bases)


@pytest.mark.parametrize("strand", [1, -1])
def test_long_repeats_are_followed_within_the_window(strand: int) -> None:
    sequence = ContigSequence(np.frombuffer(b"A" * 5000, np.uint8))
    moved, _ = hgvs.shift(sequence, 2500, 2500, "A", "", strand)
    assert moved == hgvs.SHIFT_WINDOW
