"""Codons that the gene models read against the genetic code: the answers are worked out by hand."""

from pathlib import Path

import pytest

from gas.annotation import reference, rows
from gas.annotation.codons import reverse_complement
from gas.annotation.csq import FIELDS
from gas.annotation.segments import open_segments
from gas.annotation.templates import CHANGES, Templates

#              1   2   3   4   5   6   7   8
CDS = "ATGGCTTGAGCAAAACTGCCCTAA"
FLANK = "CACACACACACACACACACA"
GENOME = FLANK + CDS + FLANK
FIRST, LAST = len(FLANK) + 1, len(FLANK) + len(CDS)
NCBI = "ID=cds-P1;Parent=rna-T1;protein_id=P1"


def gff3(strand: str, coding: str, extra: str = "", tag: str = "") -> str:
    return "\n".join(
        [
            f"1\tx\tgene\t1\t{len(GENOME)}\t.\t{strand}\t.\tID=gene-G1;Name=ONE",
            f"1\tx\tmRNA\t1\t{len(GENOME)}\t.\t{strand}\t.\tID=rna-T1;Parent=gene-G1;transcript_id=T1{tag}",
            f"1\tx\texon\t1\t{len(GENOME)}\t.\t{strand}\t.\tID=exon-1;Parent=rna-T1",
            f"1\tx\tCDS\t{FIRST}\t{LAST}\t.\t{strand}\t0\t{coding}",
            extra,
        ]
    )


SELENOCYSTEINE = f"{FIRST + 6}..{FIRST + 8}"
CODON = f"\t{FIRST + 6}\t{FIRST + 8}\t.\t+\t.\t"
NAMES = 'gene_id "G1"; transcript_id "T1"; gene_name "ONE"; transcript_biotype "protein_coding"; protein_id "P1";'
STATED = {
    "ncbi": gff3("+", f"{NCBI};transl_except=(pos:{SELENOCYSTEINE}%2Caa:Sec)"),
    "gencode": gff3("+", NCBI, f"1\tx\tstop_codon_redefined_as_selenocysteine{CODON}Parent=rna-T1"),
    "tag": gff3("+", NCBI, tag=";tag=basic,seleno"),
    "gtf": f"1\tx\texon\t1\t{len(GENOME)}\t.\t+\t.\t{NAMES}\n"
    f"1\tx\tCDS\t{FIRST}\t{LAST - 3}\t.\t+\t0\t{NAMES}\n"
    f"1\tx\tstop_codon\t{LAST - 2}\t{LAST}\t.\t+\t0\t{NAMES}\n1\tx\tSelenocysteine{CODON}{NAMES}\n",
}


def annotate(tmp_path: Path, genes: str, place: int, ref: str, alt: str, genome: str = GENOME) -> dict[str, str]:
    """CSQ of one record; `place` counts from the first coding base."""
    (tmp_path / "genome.fa").write_text(f">1\n{genome}\n")
    (tmp_path / "genes").write_text(genes + "\n")
    bundle = reference.build("tiny", "made up", tmp_path / "genome.fa", tmp_path / "genes", [], tmp_path / "bundle")
    segments = open_segments(bundle, "1")
    start = FIRST + place - 1
    (found,) = [rows.any_allele(segments, start, start + len(ref) - 1, ref, alt, 1)]
    if len(ref) == len(alt) == 1:
        # The way of most records must not differ.
        quick, _ = Templates(segments, "1").single_base(segments.onward(0, start), start, CHANGES[ref, alt])
        assert quick.decode() == found
    return dict(zip(FIELDS, found.split("|"), strict=True))


@pytest.mark.parametrize("how", sorted(STATED))
@pytest.mark.parametrize(
    ("place", "ref", "alt", "terms", "residues", "name"),
    [
        pytest.param(9, "A", "C", "missense_variant", "U/C", "Sec3Cys", id="to cysteine"),
        pytest.param(7, "T", "C", "missense_variant", "U/R", "Sec3Arg", id="to arginine"),
        pytest.param(8, "G", "A", "stop_gained", "U/*", "Sec3Ter", id="to another stop"),
        pytest.param(6, "T", "A", "synonymous_variant", "A", "Ala2%3D", id="the codon before"),
        pytest.param(6, "TTGAG", "ATGAC", "missense_variant", "AUA/AUP", "Ala4Pro", id="codons around it"),
        pytest.param(7, "TGA", "", "inframe_deletion", "U/-", "Sec3del", id="deleted"),
        pytest.param(5, "C", "", "frameshift_variant", "A/X", "Ala2ValfsTer?", id="frame before it"),
        pytest.param(13, "A", "T", "stop_gained", "K/*", "Lys5Ter", id="a stop behind it"),
        pytest.param(22, "T", "C", "stop_lost", "*/Q", "Ter8GlnextTer?", id="the stop"),
    ],
)
def test_selenocysteine(
    tmp_path: Path, how: str, place: int, ref: str, alt: str, terms: str, residues: str, name: str
) -> None:
    row = annotate(tmp_path, STATED[how], place, ref, alt)
    assert (row["Consequence"], row["Amino_acids"]) == (terms, residues)
    assert row["HGVSp"].partition(":p.")[2] == name


def test_a_stop_where_nothing_is_stated(tmp_path: Path) -> None:
    row = annotate(tmp_path, gff3("+", NCBI), 9, "A", "C")
    assert (row["Consequence"], row["Amino_acids"]) == ("stop_lost", "*/C")


def test_on_the_reverse_strand(tmp_path: Path) -> None:
    genes = gff3("-", f"{NCBI};transl_except=(pos:complement({LAST - 8}..{LAST - 6})%2Caa:Sec)")
    row = annotate(tmp_path, genes, len(CDS) - 8, "T", "G", reverse_complement(GENOME))
    assert (row["Consequence"], row["HGVSp"]) == ("missense_variant", "P1.1:p.Sec3Cys")


def test_any_other_residue(tmp_path: Path) -> None:
    genes = gff3("+", f"{NCBI};transl_except=(pos:{FIRST + 15}..{FIRST + 17}%2Caa:Met)")
    row = annotate(tmp_path, genes, 16, "C", "A")
    assert (row["Consequence"], row["Amino_acids"], row["HGVSp"]) == ("synonymous_variant", "M", "P1.1:p.Met6%3D")


@pytest.mark.parametrize(
    ("place", "ref", "alt", "terms", "name"),
    [
        (5, "C", "A", "missense_variant", "Ala2Asp"),
        (14, "A", "C", "coding_sequence_variant", ""),
        (13, "AAA", "", "coding_sequence_variant", ""),
        (14, "A", "", "frameshift_variant", ""),
    ],
)
def test_behind_a_slip_of_the_ribosome_codons_are_unknown(
    tmp_path: Path, place: int, ref: str, alt: str, terms: str, name: str
) -> None:
    head = gff3("+", NCBI).rpartition("\n1\tx\tCDS")[0]
    parts = [
        f"1\tx\tCDS\t{start}\t{end}\t.\t+\t0\t{NCBI};exception=ribosomal slippage"
        for start, end in ((FIRST, FIRST + 8), (FIRST + 10, LAST))
    ]
    row = annotate(tmp_path, "\n".join([head, *parts]), place, ref, alt)
    assert row["Consequence"] == terms
    assert row["HGVSp"].partition(":p.")[2] == name


def test_the_genetic_code_of_the_gene(tmp_path: Path) -> None:
    row = annotate(tmp_path, gff3("+", f"{NCBI};transl_table=4"), 9, "A", "C")
    assert (row["Consequence"], row["Amino_acids"]) == ("missense_variant", "W/C")
