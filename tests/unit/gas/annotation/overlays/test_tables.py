"""Overlays of tables: the columns that CADD, AlphaMissense and REVEL publish, and others of that shape."""

import gzip
import zipfile
from pathlib import Path

import pytest

from gas.annotation.overlays import Overlays
from gas.annotation.reference import BundleError
from tests.unit.gas.annotation.overlays.genome import GENOME, Genome, look_up

CADD = """## CADD GRCh38-v1.7 (c) University of Washington, Hudson-Alpha Institute for Biotechnology and Berlin \
Institute of Health 2013-2023. All rights reserved.
#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED
1\t1\tA\tC\t0.702541\t8.478
1\t1\tA\tG\t0.750954\t8.921
1\t8\tT\tTT\t-0.1\t1.2
"""

ALPHAMISSENSE = """# Copyright 2023 DeepMind Technologies Limited
#
# Licensed under CC BY-NC-SA 4.0 license, see https://creativecommons.org
#CHROM\tPOS\tREF\tALT\tgenome\tuniprot_id\ttranscript_id\tprotein_variant\tam_pathogenicity\tam_class
chr1\t1\tA\tC\thg38\tQ8NH21\tENST00000335137.4\tV2L\t0.2937\tlikely_benign
chr1\t1\tA\tC\thg38\tA0A087\tENST00000000001.1\tV9L\t0.61\tlikely_pathogenic
"""

REVEL = """chr,hg19_pos,grch38_pos,ref,alt,aaref,aaalt,REVEL,Ensembl_transcriptid
1,3,1,A,C,T,M,0.027,ENST00000370460
1,4,.,A,G,T,M,0.5,ENST00000370460;ENST00000361445
1,7,2,C,G,T,M,.,ENST00000370460
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores"


def test_cadd(genome: Genome, path: Path) -> None:
    path.write_bytes(gzip.compress(CADD.encode()))
    entry = genome.add(path, "PHRED,RawScore", "CADD")
    assert (entry["alleles"], entry["source"]["version"]) == (3, "GRCh38-v1.7")
    assert look_up(genome, (1, "A", "G,C"), (3, "G", "GT"), (1, "A", "T")) == [
        "CADD_PHRED=8.921,8.478;CADD_RawScore=0.750954,0.702541",
        "CADD_PHRED=1.2;CADD_RawScore=-0.1",
        "",
    ]
    assert Overlays.open(genome).header_lines()[0] == (
        '##INFO=<ID=CADD_PHRED,Number=A,Type=Float,Description="CADD score scaled by rank, as PHRED is '
        '[CADD: GRCh38-v1.7]">'
    )


def test_alphamissense_has_a_row_for_each_transcript(genome: Genome, path: Path) -> None:
    path.write_text(ALPHAMISSENSE)
    genome.add(path, "am_pathogenicity,am_class,protein_variant", "AM")
    assert look_up(genome, (1, "A", "C")) == [
        "AM_am_pathogenicity=0.61;AM_am_class=likely_benign&likely_pathogenic;AM_protein_variant=V2L&V9L"
    ]


@pytest.mark.parametrize(
    ("assembly", "position", "skipped"), [("GRCh38.p14", 1, {"no position on this assembly": 1}), ("GRCh37", 3, {})]
)
def test_revel_has_positions_for_two_assemblies(
    tmp_path: Path, path: Path, assembly: str, position: int, skipped: dict[str, int]
) -> None:
    genome = Genome({"1": "ACAAGGC" if assembly == "GRCh37" else "AC"}, tmp_path, assembly)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("revel_with_transcript_ids", REVEL)
    entry = genome.add(path, "REVEL", "REVEL")
    assert entry["skipped"] == skipped
    assert look_up(genome, (position, "A", "C")) == ["REVEL_REVEL=0.027"]


def test_no_column_for_the_assembly_is_told(tmp_path: Path, path: Path) -> None:
    path.write_text(REVEL)
    with pytest.raises(BundleError, match=r"has the position as hg19_pos, grch38_pos, none of them for T2T-CHM13v2.0"):
        Genome(GENOME, tmp_path, "T2T-CHM13v2.0").add(path, "REVEL")


def test_other_tables_are_read_for_their_types(genome: Genome, path: Path) -> None:
    path.write_text(
        "chromosome\tposition\treference\talternate\tcount\tscore\tword\tnothing\n"
        '1\t1\tA\tC\t3\t2\t"a b"\t.\n'
        "1\t1\tA\tG\t-4\t2.5\t7\tNA\n"
    )
    entry = genome.add(path, "count,score,word,nothing")
    assert [field["type"] for field in entry["fields"]] == ["Integer", "Float", "String", "String"]
    assert look_up(genome, (1, "A", "C"), (1, "A", "G")) == [
        'DB1_count=3;DB1_score=2;DB1_word="a%20b"', "DB1_count=-4;DB1_score=2.5;DB1_word=7",
    ]  # fmt: skip


def test_quotes_of_comma_separated_tables(genome: Genome, path: Path) -> None:
    path.write_text('chrom,pos,ref,alt,word\n1,1,A,C,"a,b"\n')
    genome.add(path, "word")
    assert look_up(genome, (1, "A", "C")) == ["DB1_word=a%2Cb"]


@pytest.mark.parametrize(
    ("text", "field", "about"),
    [
        (CADD, "NOPE", "has no column NOPE; it has Chrom, Pos, Ref, Alt, RawScore, PHRED"),
        (CADD.replace("RawScore", "PHRED"), "PHRED", "several columns called PHRED"),
        (CADD.replace("\tAlt", "\tAltered"), "PHRED", "has no column for the alternate allele"),
        (CADD.replace("8.478", "high"), "PHRED", "line 3: PHRED is 'high', which is no number"),
        (CADD.replace("1\t8\t", "1\tx\t"), "PHRED", "line 5: 'x' is no position"),
        (CADD.replace("1\t8\tT\t", "1\t8\t\t"), "PHRED", "line 5: the chromosome or an allele is missing"),
        (CADD.replace("\t1.2", ""), "PHRED", "line 5: 5 columns, but the header has 6"),
        (CADD.replace("\tA\t", "\tG\t"), "PHRED", "is it of another assembly than GRCh38"),
    ],
)
def test_unusable_tables_are_refused_in_words(genome: Genome, path: Path, text: str, field: str, about: str) -> None:
    path.write_text(text)
    with pytest.raises(BundleError, match=about):
        genome.add(path, field)


def test_an_archive_of_several_files_is_refused(genome: Genome, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", REVEL)
        archive.writestr("b", REVEL)
    with pytest.raises(BundleError, match="holds 2 files"):
        genome.add(path, "REVEL")


def test_files_of_different_kinds_are_refused(genome: Genome, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(CADD.replace("PHRED", "name"))
    (tmp_path / "a.bed").write_text("1\t0\t5\tname\n")
    with pytest.raises(BundleError, match="not all of one kind"):
        genome.add(tmp_path / "a.*", "name")
