"""GTF as Ensembl, GENCODE and NCBI write it."""

from pathlib import Path

import pytest

from gas.annotation import gene_files
from gas.annotation.models import Model
from gas.annotation.reference import BundleError

NAMES = 'gene_id "G1"; transcript_id "T1";'
ABOUT = f'{NAMES} gene_name "ONE"; transcript_biotype "protein_coding"; tag "basic"; tag "MANE_Select";'


def read(tmp_path: Path, *rows: str) -> list[Model]:
    path = tmp_path / "genes.gtf"
    path.write_text("#!genome-build x\n" + "\n".join(row.replace(" ", "\t", 8) for row in rows) + "\n")
    return gene_files.read(path, lambda name: name if name in ("1", "X", "Y") else None)


def test_a_transcript_of_ensembl(tmp_path: Path) -> None:
    (model,) = read(
        tmp_path,
        f"1 havana gene 10 900 . + . {ABOUT.replace(NAMES, '')}",
        f'1 havana transcript 10 900 . + . {ABOUT} transcript_version "3";',
        f"1 havana exon 10 200 . + . {ABOUT} exon_number 1;",
        f"1 havana exon 500 900 . + . {ABOUT} exon_number 2;",
        f'1 havana CDS 100 200 . + 2 {ABOUT} protein_id "P1"; protein_version "4";',
        f'1 havana CDS 500 700 . + 1 {ABOUT} protein_id "P1"; protein_version "4";',
        f"1 havana stop_codon 701 703 . + 0 {ABOUT}",
        f"1 havana five_prime_utr 10 99 . + . {ABOUT}",
    )
    assert (model.id, model.version, model.gene, model.symbol) == ("T1", "3", "G1", "ONE")
    assert (model.protein, model.protein_version, model.biotype) == ("P1", "4", "protein_coding")
    assert model.tags == ("basic", "MANE_Select")
    assert model.exons == [(10, 200), (500, 900)]
    assert (model.coding, model.phase, model.slip) == ([(100, 200), (500, 703)], 2, 0)


@pytest.mark.parametrize(
    ("coding", "stop", "joined"),
    [
        (((502, 800),), ((199, 200), (501, 501)), [(199, 200), (501, 800)]),
        (((501, 800),), ((198, 200),), [(198, 200), (501, 800)]),
        (((100, 200), (501, 800)), ((97, 99),), [(97, 200), (501, 800)]),
        (((97, 200), (501, 800)), ((97, 99),), [(97, 200), (501, 800)]),
    ],
)
def test_the_stop_codon_belongs_to_the_coding_sequence(
    tmp_path: Path,
    coding: tuple[tuple[int, int], ...],
    stop: tuple[tuple[int, int], ...],
    joined: list[tuple[int, int]],
) -> None:
    (model,) = read(
        tmp_path,
        *(f"1 x exon {start} {end} . - . {NAMES}" for start, end in ((501, 900), (50, 200))),
        *(f"1 x CDS {start} {end} . - 1 {NAMES}" for start, end in coding),
        *(f"1 x stop_codon {start} {end} . - 0 {NAMES}" for start, end in stop),
    )
    assert (model.coding, model.phase, model.slip) == (joined, 1, 0)


def test_without_transcript_rows(tmp_path: Path) -> None:
    (model,) = read(tmp_path, f"1 ncRNA exon 500 900 . + . {NAMES}", f"1 ncRNA exon 10 200 . + . {NAMES}")
    assert (model.start, model.end, model.strand, model.biotype) == (10, 900, 1, "ncRNA")


def test_a_name_on_two_contigs_is_two_transcripts(tmp_path: Path) -> None:
    models = read(tmp_path, f"X x exon 10 20 . + . {NAMES}", f"Y x exon 30 40 . + . {NAMES}")
    assert [(model.contig, model.exons) for model in models] == [("X", [(10, 20)]), ("Y", [(30, 40)])]


def test_selenocysteine(tmp_path: Path) -> None:
    rows = [f"1 x {kind} 10 90 . - 0 {NAMES}" for kind in ("transcript", "exon", "CDS")]
    (model,) = read(tmp_path, *rows, f"1 x Selenocysteine 40 42 . - . {NAMES}")
    assert model.recoded == [(42, "U")]
    stated = rows[2] + ' transl_except "(pos:complement(40..42),aa:Sec)";'
    (model,) = read(tmp_path, *rows[:2], stated)
    assert model.recoded == [(42, "U")]


def test_names_of_gencode_and_ncbi(tmp_path: Path) -> None:
    models = read(
        tmp_path,
        '1 HAVANA transcript 1 9 . + . gene_id "ENSG1.5"; transcript_id "ENST1.2"; gene_type "lncRNA"; '
        'gene_name "ONE"; transcript_type "lncRNA"; hgnc_id "HGNC:7"; tag "basic"; tag "Ensembl_canonical"; level 2;',
        '1 HAVANA exon 1 9 . + . gene_id "ENSG1.5"; transcript_id "ENST1.2";',
        '1 BestRefSeq transcript 1 9 . + . gene_id "TWO"; transcript_id "NR_2.1"; db_xref "GeneID:7"; '
        'gbkey "misc_RNA"; gene "TWO"; tag "MANE Select"; transcript_biotype "transcript";',
        '1 BestRefSeq exon 1 9 . + . gene_id "TWO"; transcript_id "NR_2.1";',
    )
    assert [(m.id, m.gene, m.symbol, m.biotype, m.hgnc_id) for m in models] == [
        ("ENST1.2", "ENSG1.5", "ONE", "lncRNA", "HGNC:7"),
        ("NR_2.1", "TWO", "TWO", "transcript", ""),
    ]
    assert [model.tags for model in models] == [("basic", "Ensembl_canonical"), ("MANE_Select", "RefSeq_Select")]


def test_the_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"genes.gtf, line 3: this is not a GTF row"):
        read(tmp_path, f"1 x exon 1 9 . + . {NAMES}", f"1 x exon one 9 . + . {NAMES}")
