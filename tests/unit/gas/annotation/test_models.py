"""GFF3 as Ensembl writes it, and what must be said of GFF3 that is not."""

from pathlib import Path

import pytest

from gas.annotation import gene_files
from gas.annotation.models import Model
from gas.annotation.reference import BundleError


def read(tmp_path: Path, *rows: str) -> list[Model]:
    path = tmp_path / "genes.gff3"
    path.write_text("##gff-version 3\n" + "\n".join(row.replace(" ", "\t", 8) for row in rows) + "\n")
    return gene_files.read(path, lambda name: {"chr1": "1", "1": "1"}.get(name))


GENE = "1 x gene 1 900 . - . ID=gene:G1;Name=ONE;gene_id=G1;description=One [Source:HGNC Symbol%3BAcc:HGNC:42]"
MRNA = "1 x mRNA 10 900 . - . ID=transcript:T1;Parent=gene:G1;biotype=protein_coding;version=3;tag=basic,MANE_Select"


def test_a_coding_transcript(tmp_path: Path) -> None:
    (model,) = read(
        tmp_path,
        GENE,
        MRNA,
        "1 x exon 500 900 . - . Parent=transcript:T1",
        "1 x exon 10 200 . - . Parent=transcript:T1",
        "1 x CDS 500 800 . - 2 ID=CDS:P1;Parent=transcript:T1;protein_id=P1",
        "1 x CDS 100 200 . - 0 ID=CDS:P1;Parent=transcript:T1;protein_id=P1",
    )
    assert (model.id, model.version, model.gene, model.symbol, model.protein) == ("T1", "3", "G1", "ONE", "P1")
    assert (model.symbol_source, model.hgnc_id) == ("HGNC", "HGNC:42")
    assert (model.start, model.end, model.strand, model.phase) == (10, 900, -1, 2)
    assert model.exons == [(10, 200), (500, 900)]
    assert model.coding == [(100, 200), (500, 800)]
    assert model.tags == ("basic", "MANE_Select")


def test_exons_of_several_parents_and_other_names_of_the_contig(tmp_path: Path) -> None:
    models = read(
        tmp_path,
        "chr1 x ncRNA_gene 1 9 . + . ID=gene:G1",
        "chr1 x lnc_RNA 1 9 . + . ID=transcript:T1;Parent=gene:G1",
        "chr1 x lnc_RNA 1 9 . + . ID=transcript:T2;Parent=gene:G1",
        "chr1 x exon 1 9 . + . Parent=transcript:T1,transcript:T2",
        "2 x lnc_RNA 1 9 . + . ID=transcript:T3;Parent=gene:G9",
        "2 x exon 1 9 . + . Parent=transcript:T3",
    )
    assert [(model.id, model.contig, model.exons, model.biotype) for model in models] == [
        ("T1", "1", [(1, 9)], "lnc_RNA"),
        ("T2", "1", [(1, 9)], "lnc_RNA"),
    ]


def test_coding_rows_stand_in_for_exons(tmp_path: Path) -> None:
    (model,) = read(tmp_path, GENE, MRNA, "1 x CDS 20 70 . - 0 Parent=transcript:T1;ID=CDS:P7")
    assert (model.exons, model.protein) == ([(20, 70)], "P7")
    assert (model.start, model.end) == (10, 900)


def test_what_csq_cannot_carry_is_replaced_and_escapes_stay(tmp_path: Path) -> None:
    (model,) = read(
        tmp_path, "1 x gene 1 9 . + . ID=gene:G1;Name=A|B,C%2CD", "1 x RNA 1 9 . + . ID=T1;Parent=gene:G1",
        "1 x exon 1 9 . + . Parent=T1",
    )  # fmt: skip
    assert model.symbol == "A_B_C%2CD"


def test_everything_after_fasta_is_left_alone(tmp_path: Path) -> None:
    rows = [GENE, MRNA, "1 x exon 1 9 . - . Parent=transcript:T1", "##FASTA", ">1", "ACGT"]
    assert len(read(tmp_path, *rows)) == 1


@pytest.mark.parametrize("row", ["1 x exon one 9 . + . Parent=T", "1 x exon 1 9", "1 row"])
def test_the_broken_line_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(BundleError, match=r"genes.gff3, line 3"):
        read(tmp_path, GENE, row)


def test_no_transcripts(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no transcript"):
        read(tmp_path, GENE)
