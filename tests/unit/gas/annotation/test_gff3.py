"""GFF3 as NCBI and GENCODE write it; what is Ensembl's is in test_models.py."""

from pathlib import Path

import pytest

from gas.annotation import gene_files
from gas.annotation.models import Model
from gas.annotation.reference import BundleError

REGION = "NC_1.1 RefSeq region 1 9000 . + . ID=NC_1.1:1..9000;Name=1;chromosome=1;genome=chromosome"
MITO = "NC_2.1 RefSeq region 1 900 . + . ID=NC_2.1:1..900;Is_circular=true;Name=MT;genome=mitochondrion"
GENE = (
    "NC_1.1 BestRefSeq gene 1 900 . - . ID=gene-ONE;Dbxref=GeneID:7,HGNC:HGNC:42;Name=ONE;gene_biotype=protein_coding"
)
ABOUT = "ID=rna-NM_1.2;Parent=gene-ONE;Dbxref=GeneID:7,GenBank:NM_1.2,HGNC:HGNC:42;gbkey=mRNA;gene=ONE"
MRNA = f"NC_1.1 BestRefSeq mRNA 10 900 . - . {ABOUT};tag=MANE_Select;transcript_id=NM_1.2"
EXONS = (
    "NC_1.1 BestRefSeq exon 500 900 . - . ID=exon-NM_1.2-1;Parent=rna-NM_1.2",
    "NC_1.1 BestRefSeq exon 10 200 . - . ID=exon-NM_1.2-2;Parent=rna-NM_1.2",
)


def cds(start: int, end: int, phase: int = 0, more: str = "") -> str:
    return f"NC_1.1 BestRefSeq CDS {start} {end} . - {phase} ID=cds-NP_1.1;Parent=rna-NM_1.2;protein_id=NP_1.1{more}"


def read(tmp_path: Path, *rows: str) -> list[Model]:
    path = tmp_path / "genes.gff3"
    # NCBI's tags have a space, which the rows above write as "_".
    text = "\n".join(row.replace(" ", "\t", 8).replace("MANE_Select", "MANE Select") for row in rows)
    path.write_text(f"##gff-version 3\n{text}\n")
    return gene_files.read(path, lambda name: name if name in ("1", "MT") else None)


def test_a_transcript_of_ncbi(tmp_path: Path) -> None:
    (model,) = read(tmp_path, REGION, GENE, MRNA, *EXONS, cds(500, 800), cds(100, 200, 2))
    assert (model.contig, model.id, model.version, model.protein) == ("1", "NM_1.2", "", "NP_1.1")
    assert (model.gene, model.symbol, model.symbol_source, model.hgnc_id) == ("7", "ONE", "HGNC", "HGNC:42")
    assert model.biotype == "protein_coding"
    assert model.tags == ("MANE_Select", "RefSeq_Select")
    assert (model.coding, model.phase, model.slip) == ([(100, 200), (500, 800)], 0, 0)


def test_only_the_chromosome_itself_is_the_chromosome(tmp_path: Path) -> None:
    unplaced = "NT_9.1 RefSeq region 1 50 . + . ID=NT_9.1:1..50;Name=1;chromosome=1;genome=genomic"
    tail = "RefSeq exon 1 40 . + . ID=id-9;Parent=gene-NINE"
    models = read(
        tmp_path,
        unplaced,
        "NT_9.1 RefSeq pseudogene 1 40 . + . ID=gene-NINE;Name=NINE;gbkey=Gene;gene_biotype=pseudogene",
        f"NT_9.1 {tail}",
        REGION,
        GENE,
        MRNA,
        *EXONS,
    )
    assert [(model.id, model.contig) for model in models] == [("NM_1.2", "1")]


def test_a_pseudogene_and_a_gene_without_transcript(tmp_path: Path) -> None:
    models = read(
        tmp_path,
        REGION,
        "NC_1.1 Curated pseudogene 1 40 . + . ID=gene-NINE;Dbxref=GeneID:9;Name=NINE;gene_biotype=pseudogene",
        "NC_1.1 Curated exon 1 40 . + . ID=id-9;Parent=gene-NINE;gbkey=exon",
        MITO,
        "NC_2.1 RefSeq gene 10 60 . + . ID=gene-ND1;Dbxref=GeneID:4535;Name=ND1;gene_biotype=protein_coding",
        "NC_2.1 RefSeq CDS 10 60 . + 0 ID=cds-YP_1.1;Parent=gene-ND1;protein_id=YP_1.1;transl_table=2;"
        "transl_except=(pos:59..60%2Caa:TERM)",
    )
    assert [(m.contig, m.id, m.gene, m.symbol, m.biotype) for m in models] == [
        ("1", "NINE", "9", "NINE", "pseudogene"),
        ("MT", "ND1", "4535", "ND1", "protein_coding"),
    ]
    assert (models[1].codon_table, models[1].protein, models[1].recoded) == (2, "YP_1.1", [])


def test_a_mature_mirna_is_no_transcript(tmp_path: Path) -> None:
    models = read(
        tmp_path,
        REGION,
        "NC_1.1 BestRefSeq gene 1 90 . + . ID=gene-MIR1;Dbxref=GeneID:5;Name=MIR1;description=microRNA 1",
        "NC_1.1 BestRefSeq primary_transcript 1 90 . + . ID=rna-NR_1.1;Parent=gene-MIR1;transcript_id=NR_1.1",
        "NC_1.1 BestRefSeq exon 1 90 . + . ID=exon-NR_1.1-1;Parent=rna-NR_1.1",
        "NC_1.1 BestRefSeq miRNA 6 27 . + . ID=rna-MIR1;Parent=rna-NR_1.1;product=hsa-miR-1-5p",
        "NC_1.1 BestRefSeq exon 6 27 . + . ID=exon-MIR1-1;Parent=rna-MIR1",
    )
    assert [(model.id, model.biotype) for model in models] == [("NR_1.1", "miRNA")]


@pytest.mark.parametrize(
    ("kind", "attributes", "biotype"),
    [
        ("mRNA", "gbkey=mRNA", "protein_coding"),
        ("lnc_RNA", "gbkey=ncRNA", "ncRNA"),
        ("ncRNA", "ncrna_class=lncRNA;gbkey=ncRNA", "lncRNA"),
        ("V_gene_segment", "gbkey=V_segment", "IG_V_gene"),
        ("snoRNA", "", "snoRNA"),
        ("transcript", "transcript_type=nonsense_mediated_decay", "nonsense_mediated_decay"),
    ],
)
def test_biotypes_as_vep_works_them_out(tmp_path: Path, kind: str, attributes: str, biotype: str) -> None:
    (model,) = read(
        tmp_path,
        REGION,
        GENE,
        f"NC_1.1 x {kind} 10 900 . - . ID=rna-1;Parent=gene-ONE;{attributes}",
        "NC_1.1 x exon 10 900 . - . ID=exon-1;Parent=rna-1",
    )
    assert model.biotype == biotype


@pytest.mark.parametrize(
    ("place", "base"), [("complement(740..742)", 742), ("complement(join(199..200,500))", 500), ("740..742", 742)]
)
def test_selenocysteine(tmp_path: Path, place: str, base: int) -> None:
    stated = f";transl_except=(pos:{place.replace(',', '%2C')}%2Caa:Sec)"
    (model,) = read(tmp_path, REGION, GENE, MRNA, *EXONS, cds(500, 800, 0, stated), cds(100, 200, 2, stated))
    assert model.recoded == [(base, "U")]


def test_several_exceptions_in_one_attribute(tmp_path: Path) -> None:
    stated = ";transl_except=(pos:complement(740..742)%2Caa:Sec),(pos:complement(600..602)%2Caa:Met)"
    (model,) = read(tmp_path, REGION, GENE, MRNA, *EXONS, cds(500, 800, 0, stated), cds(100, 200, 2, stated))
    assert model.recoded == [(742, "U"), (602, "M")]


def test_selenocysteine_of_gencode(tmp_path: Path) -> None:
    (model,) = read(
        tmp_path,
        "1 HAVANA gene 10 900 . - . ID=ENSG1.1;gene_id=ENSG1.1;gene_name=ONE",
        "1 HAVANA transcript 10 900 . - . ID=ENST1.2;Parent=ENSG1.1;gene_id=ENSG1.1;gene_name=ONE;"
        "transcript_id=ENST1.2;transcript_type=protein_coding;hgnc_id=HGNC:42;tag=basic,seleno,Ensembl_canonical",
        "1 HAVANA exon 10 900 . - . ID=exon:ENST1.2:1;Parent=ENST1.2",
        "1 HAVANA CDS 100 399 . - 0 ID=CDS:ENST1.2;Parent=ENST1.2;protein_id=ENSP1.1",
        "1 HAVANA stop_codon_redefined_as_selenocysteine 307 309 . - . ID=x:ENST1.2;Parent=ENST1.2",
    )
    assert (model.id, model.gene, model.symbol, model.protein) == ("ENST1.2", "ENSG1.1", "ONE", "ENSP1.1")
    assert (model.hgnc_id, model.tags) == ("HGNC:42", ("basic", "seleno", "Ensembl_canonical"))
    assert model.recoded == [(309, "U")]


def test_open_ends(tmp_path: Path) -> None:
    (model,) = read(
        tmp_path,
        REGION,
        GENE,
        MRNA.replace("tag=MANE_Select", "partial=true;end_range=900,."),
        *EXONS,
        cds(500, 900, 1, ";partial=true;end_range=900,."),
        cds(10, 200, 0, ";partial=true;start_range=.,10"),
    )
    assert model.tags == ("mRNA_start_NF", "cds_end_NF", "cds_start_NF")
    assert model.phase == 1


@pytest.mark.parametrize(
    ("segments", "slip"),
    [
        (((500, 800), (100, 200)), 0),
        (((700, 800), (500, 698), (100, 200)), 699),
        (((700, 800), (500, 700), (100, 200)), 699),
        (((500, 800), (100, 150)), 200),
        (((500, 800), (100, 197)), 200),
    ],
)
def test_where_the_frame_slips(tmp_path: Path, segments: tuple[tuple[int, int], ...], slip: int) -> None:
    """The last two: bases between the second exon's begin and the coding sequence's are not translated."""
    rows = [cds(start, end, 0, ";exception=ribosomal slippage") for start, end in segments]
    (model,) = read(tmp_path, REGION, GENE, MRNA, *EXONS, *rows)
    assert model.slip == slip


def test_an_unknown_genetic_code(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"NM_1\.2.*transl_table=27"):
        read(tmp_path, REGION, GENE, MRNA, *EXONS, cds(500, 800, 0, ";transl_table=27"))
