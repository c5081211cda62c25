"""Symbolic alleles and breakends: the answers follow from Ensembl VEP's rules by hand."""

import random
from pathlib import Path

import pytest

from gas.annotation import engine, reference, structural
from gas.annotation.csq import FIELDS
from gas.annotation.receipt import Receipt
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation.agreement import lines

GENES = """\
1 x gene 6001 8100 . + . ID=gene:G1;Name=ONE
1 x mRNA 6001 8100 . + . ID=transcript:T1;Parent=gene:G1;biotype=protein_coding
1 x exon 6001 6100 . + . Parent=transcript:T1
1 x exon 7001 7100 . + . Parent=transcript:T1
1 x exon 8001 8100 . + . Parent=transcript:T1
1 x CDS 6051 6100 . + 0 Parent=transcript:T1;protein_id=P1
1 x CDS 7001 7100 . + 1 Parent=transcript:T1;protein_id=P1
1 x CDS 8001 8051 . + 0 Parent=transcript:T1;protein_id=P1
1 x gene 15001 16100 . - . ID=gene:G2;Name=TWO
1 x lnc_RNA 15001 16100 . - . ID=transcript:T2;Parent=gene:G2;biotype=lncRNA
1 x exon 15001 15200 . - . Parent=transcript:T2
1 x exon 16001 16100 . - . Parent=transcript:T2
2 x gene 3001 4000 . + . ID=gene:G3;Name=THREE
2 x lnc_RNA 3001 4000 . + . ID=transcript:T3;Parent=gene:G3;biotype=lncRNA
2 x exon 3001 4000 . + . Parent=transcript:T3
a|b=c x gene 3001 4000 . + . ID=gene:G4;Name=THREE
a|b=c x lnc_RNA 3001 4000 . + . ID=transcript:T4;Parent=gene:G4;biotype=lncRNA
a|b=c x exon 3001 4000 . + . Parent=transcript:T4
"""
HEAD = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("structural")
    bases = "".join(random.Random(4).choices("CGT", k=20_000))
    (folder / "genome.fa").write_text(f">1\n{bases}\n>2\n{bases[:5000]}\n>a|b=c\n{bases[:5000]}\n")
    (folder / "genes.gff3").write_text("\n".join(row.replace(" ", "\t", 8) for row in GENES.splitlines()) + "\n")
    return reference.build("sv", "made up", folder / "genome.fa", folder / "genes.gff3", [], folder / "bundle")


def annotate(
    bundle: Bundle, tmp_path: Path, *records: tuple[int, str, str]
) -> tuple[list[list[dict[str, str]]], Receipt]:
    """The rows of each record (POS, ALT with R for REF, INFO) on contig 1, and the receipt."""
    sequence = bundle.sequence("1")
    text = [f"1\t{pos}\t.\t{sequence[pos - 1]}\t{alt.replace('R', sequence[pos - 1])}\t.\t.\t{info}\n"
            for pos, alt, info in records]  # fmt: skip
    (tmp_path / "in.vcf").write_text(HEAD + "".join(text))
    receipt = engine.annotate(engine.Options(tmp_path / "in.vcf", bundle, tmp_path / "out.vcf.gz"))
    found = []
    for line in lines(tmp_path / "out.vcf.gz"):
        if not line.startswith("#"):
            csq = next((entry[4:] for entry in line.split("\t")[7].split(";") if entry.startswith("CSQ=")), "")
            found.append([dict(zip(FIELDS, row.split("|"), strict=True)) for row in csq.split(",") if row])
    assert receipt.balanced
    return found, receipt


@pytest.mark.parametrize(
    ("alt", "pos", "info", "allele", "terms", "places"),
    [
        ("<DEL>", 5900, "END=8200", "deletion", "transcript_ablation", ""),
        ("<DUP>", 5900, "END=8200", "duplication", "transcript_amplification", ""),
        ("<DUP:TANDEM>", 6000, "END=8100", "tandem_duplication", "transcript_amplification", ""),
        (
            "<CNV>", 5900, "END=8200", "copy_number_variation",
            "coding_sequence_variant&5_prime_UTR_variant&3_prime_UTR_variant&intron_variant", "",
        ),
        ("<DEL>", 7000, "END=7030", "deletion", "feature_truncation&inframe_deletion", "101-130|51-80|17-27"),
        ("<DEL>", 7000, "SVLEN=-30", "deletion", "feature_truncation&inframe_deletion", "101-130|51-80|17-27"),
        (
            "<DEL:ME:ALU>", 7000, "END=7031", "Alu_deletion",
            "frameshift_variant&feature_truncation", "101-131|51-81|17-27",
        ),
        (
            "<DEL:ME>", 7050, "END=7500", "mobile_element_deletion",
            "feature_truncation&coding_sequence_variant&intron_variant", "151-?|101-?|34-?",
        ),
        ("<CN0>", 7200, "END=7400", "deletion", "intron_variant", "||"),
        (
            "<DEL>", 8039, "END=8080", "deletion",
            "frameshift_variant&stop_lost&feature_truncation&3_prime_UTR_variant", "240-280|190-?|64-?",
        ),
        (
            "<INV>", 6000, "END=6080", "inversion",
            "start_lost&coding_sequence_variant&5_prime_UTR_variant", "1-80|?-30|?-10",
        ),
        (
            "<DUP>", 7000, "END=7031", "duplication",
            "feature_elongation&coding_sequence_variant", "101-131|51-81|17-27",
        ),
        ("<INS>", 7010, "SVLEN=40", "insertion", "feature_elongation&coding_sequence_variant", "111-150|61-100|21-34"),
        (
            "<INS:ME:L1>", 7010, "END=7010", "LINE1_insertion",
            "feature_elongation&coding_sequence_variant", "110-111|60-61|20-21",
        ),
        ("<DUP>", 7090, "END=8010", "duplication", "feature_elongation&coding_sequence_variant&intron_variant",
         "191-210|141-160|47-54"),
    ],
)  # fmt: skip
def test_a_coding_transcript(
    bundle: Bundle, tmp_path: Path, alt: str, pos: int, info: str, allele: str, terms: str, places: str
) -> None:
    ((row,),), _ = annotate(bundle, tmp_path, (pos, alt, info))
    assert (row["Allele"], row["Consequence"], row["Feature"], row["ALLELE_NUM"]) == (allele, terms, "T1", "1")
    assert (row["HGVSc"], row["HGVSp"], row["Codons"], row["Amino_acids"]) == ("", "", "", "")
    if places:
        assert "|".join([row["cDNA_position"], row["CDS_position"], row["Protein_position"]]) == places


def test_what_is_touched_and_what_is_near(bundle: Bundle, tmp_path: Path) -> None:
    found, _ = annotate(bundle, tmp_path, (1500, "<DEL>", "END=2000"), (15_100, "<DEL>", "END=15300"))
    ((upstream,), (exonic,)) = found
    assert (upstream["Consequence"], upstream["DISTANCE"]) == ("upstream_gene_variant", "4001")
    assert exonic["Consequence"] == "feature_truncation&non_coding_transcript_exon_variant&intron_variant"
    assert (exonic["Feature"], exonic["EXON"], exonic["INTRON"]) == ("T2", "2/2", "1/1")


def test_a_breakend_breaks_at_both_ends(bundle: Bundle, tmp_path: Path) -> None:
    found, receipt = annotate(
        bundle, tmp_path,
        (7499, "R[2:3500[", "SVTYPE=BND"), (7499, "]2:3500]R", "SVTYPE=BND"), (7499, "R.", "SVTYPE=BND"),
        (7499, "<BND>", "CHR2=2;END2=3500"), (12_000, "R[1:15100[", "."), (13_150, "R[none:1[", "."),
    )  # fmt: skip
    base = bundle.sequence("1")[7498]
    rows = [[(row["Allele"], row["Feature"], row["Consequence"]) for row in one] for one in found]
    here = ("T1", "feature_truncation&intron_variant")
    assert rows[:4] == [
        [(f"{base}.", *here), (f"{base}[2:3500[", "T3", "feature_truncation")],
        [(f".{base}", *here), (f"]2:3500]{base}", "T3", "feature_truncation")],
        [(f"{base}.", *here)],
        [(f"{base}.", *here), ("<BND>", "T3", "feature_truncation")],
    ]
    assert [row[1:] for row in rows[4]] == [
        ("T1", "downstream_gene_variant"),
        ("T2", "downstream_gene_variant"),
        ("T2", "feature_truncation"),
    ]
    assert [row[1:] for row in rows[5]] == [("T2", "downstream_gene_variant")]
    assert receipt.tally.annotated == 6


def test_a_contigs_name_breaks_no_field(bundle: Bundle, tmp_path: Path) -> None:
    ((*_, far),), _ = annotate(bundle, tmp_path, (7499, "R[a|b=c:3500[", "SVTYPE=BND"))
    base = bundle.sequence("1")[7498]
    assert (far["Allele"], far["Feature"]) == (f"{base}[a_b_c:3500[", "T4")


def test_what_cannot_be_annotated_is_passed_through_with_the_reason(bundle: Bundle, tmp_path: Path) -> None:
    found, receipt = annotate(
        bundle, tmp_path,
        (100, "<DEL>", f"END={100 + 2 + structural.LARGEST}"), (101, "<DUP>", "."), (102, "<DEL>", "END=50"),
        (103, "<DEL>", "END=x"), (104, "<NON_REF>", "END=200"), (105, "*", "."),
    )  # fmt: skip
    assert found == [[]] * 6
    assert receipt.tally.passed == {
        "structural variant longer than 10,000,000 bases": 1,
        "structural variant without its end (INFO/END or SVLEN)": 3,
        "symbolic allele": 1,
        "overlapping deletion (*)": 1,
    }


def test_every_allele_of_a_record(bundle: Bundle, tmp_path: Path) -> None:
    base = bundle.sequence("1")[6999]
    alt = "A" if base != "A" else "C"
    ((*rows,),), _ = annotate(bundle, tmp_path, (7000, f"<DEL>,{alt},<DUP>,<X>", "SVLEN=-30,.,31,5"))
    assert [(row["ALLELE_NUM"], row["Allele"]) for row in rows] == [("2", alt), ("1", "deletion"), ("3", "duplication")]
    assert rows[2]["cDNA_position"] == "101-131"


def test_an_event_that_no_transcript_is_near(bundle: Bundle, tmp_path: Path) -> None:
    ((row,),), _ = annotate(bundle, tmp_path, (500, "<INV>", "END=900"))
    assert (row["Consequence"], row["Allele"]) == ("intergenic_variant", "inversion")
