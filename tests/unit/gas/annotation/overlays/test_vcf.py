"""Overlays of VCFs are built and looked up as the engine does."""

import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from gas.annotation.overlays import Overlays, alleles, build_alleles, columns
from gas.annotation.reference import BundleError
from gas.annotation.summary import Summary
from tests.unit.gas.annotation.overlays.genome import GENOME, HEADER, Add, Genome, look_up


def test_values_of_the_exact_allele_only(genome: Genome, add: Add) -> None:
    add("AC,AF", "1 1 . A C,G . . AC=3,4;AF=0.5,1e-05", "2 1 . G T . . AC=9")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G"), (1, "A", "T"), (2, "C", "G")) == [
        "DB1_AC=3;DB1_AF=0.5",
        "DB1_AC=4;DB1_AF=1e-05",
        "",
        "",
    ]
    assert look_up(genome, (1, "G", "T"), contig="2") == ["DB1_AC=9"]
    assert look_up(genome, (1, "C", "T"), contig="2") == [""]  # REF is not what the contig holds


def test_multi_allelic_records_get_a_value_each(genome: Genome, add: Add) -> None:
    add("AC,SIG,DB", "1 1 . A C . . AC=3;SIG=benign", "1 1 . A G . . DB;SIG=bad", "1 8 . T TT . . AC=7")
    assert look_up(genome, (1, "A", "T,C,G"), (1, "A", "T,<DEL>"), (4, "T", "TT,*"), (1, "A", "G")) == [
        "DB1_AC=.,3,.;DB1_SIG=.,benign,bad;DB1_DB=.,.,1",
        "",
        "DB1_AC=7,.",
        "DB1_SIG=bad;DB1_DB=1",
    ]


def test_indels_match_wherever_they_are_written(genome: Genome, add: Add) -> None:
    add("SIG", "1 8 . T TT . . SIG=ins", "1 9 . GAC G . . SIG=del", "1 1 . ACG ATG . . SIG=padded")
    same = [(3, "G", "GT"), (5, "TT", "TTT"), (15, "CAC", "C"), (2, "C", "T")]
    assert look_up(genome, *same) == ["DB1_SIG=ins", "DB1_SIG=ins", "DB1_SIG=del", "DB1_SIG=padded"]
    assert look_up(genome, (3, "G", "GTT"), (9, "GACAC", "G")) == ["", ""]


def test_classes_and_frequencies_are_counted_by_allele(genome: Genome, add: Add) -> None:
    entry = add(
        "AF", "1 1 . A C . . AF=0", "1 1 . A G . . AF=0.01", "1 1 . A T . . AF=0.009999", "1 2 . C A . . AF=0.5",
        "1 2 . C G . . AF=1e-06", "1 2 . C T . . AF=.", "1 3 . G A . . AF=0.0001", name="GNOMAD",
    )  # fmt: skip
    assert [field["id"] for field in entry["fields"]] == ["GNOMAD_AF"]
    add("AF", "1 1 . A C . . AF=0.02", name="OTHER")
    classes = ("1 1 . A C . . CLNSIG=Benign", "1 1 . A G . . CLNSIG=Benign", "1 2 . C G . . CLNSIG=Pathogenic")
    add("CLNSIG", *classes, name="CV")
    counts = Summary()
    records = [
        (1, "A", "C,G"),
        (1, "A", "T"),
        (2, "C", "G"),
        (2, "C", "A,T"),
        (3, "G", "A"),
        (4, "T", "C"),
        (1, "A", "C"),
    ]
    columns = [list(column) for column in zip(*records, strict=True)]
    Overlays.open(genome).look_up("1", np.array(columns[0]), columns[1], columns[2], counts)
    assert counts.clinvar_classes == {"Benign": 3, "Pathogenic": 1}
    assert counts.by_frequency == {
        "up to 0.0001": 2,
        "0.001 to 0.01": 2,
        "0.01 to 0.05": 2,
        "0.05 to 0.5": 1,
        "unknown": 2,
    }


LONG = ["A" * 12, "ACGTACGTACGTACG", "C" * 11 + "N", "T" * 40]


def test_long_alleles_are_compared_letter_by_letter(genome: Genome, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alleles.zlib, "crc32", lambda text: 7)  # every long allele at a position has one hash
    records = [f"1 28 . G G{bases} . . SIG=n{number}" for number, bases in enumerate(LONG)]
    entry = add("SIG", *records, f"1 1 . {GENOME['1'][:36]} A . . SIG=deletion")
    assert entry["alleles"] == 5
    found = look_up(genome, *[(28, "G", f"G{bases}") for bases in LONG], (28, "G", "G" + "C" * 13), (28, "GG", "G"))
    assert found == ["DB1_SIG=n0", "DB1_SIG=n1", "DB1_SIG=n2", "DB1_SIG=n3", "", ""]
    assert look_up(genome, (1, GENOME["1"][:36], "A"), (1, GENOME["1"][:35], "A")) == ["DB1_SIG=deletion", ""]


def test_numbers_keep_their_digits_in_the_smallest_width(genome: Genome, add: Add) -> None:
    header = HEADER.replace("#CHROM", '##INFO=<ID=X,Number=1,Type=Float,Description="x">\n#CHROM', 1)
    entry = add("AC,AF,X", "1 1 . A C . . AC=5000000000;AF=0.000351493848857645;X=15.0", header=header)
    assert [field["kind"] for field in entry["fields"]] == ["int64", "float64", "int32"]
    assert [field["type"] for field in entry["fields"]] == ["Integer", "Float", "Float"]
    assert look_up(genome, (1, "A", "C")) == ["DB1_AC=5000000000;DB1_AF=0.000351493848857645;DB1_X=15"]
    entry = add("AF", "1 1 . A C . . AF=6.57168e-06", "1 2 . C G . . AF=0", name="DB2")
    assert entry["fields"][0]["kind"] == "float32"
    assert look_up(genome, (1, "A", "C"), (2, "C", "G"))[0].endswith(";DB2_AF=6.57168e-06")


def test_lists_go_to_their_alleles_and_texts_stay_whole(genome: Genome, add: Add) -> None:
    add("AD,AN,SIG,ID,QUAL,FILTER", "1 1 rs1 A C,G 30.5 PASS AD=9,1,2;AN=12;SIG=a,b", "1 2 . C G . . AD=1,2,3")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G"), (2, "C", "G")) == [
        "DB1_AD=1;DB1_AN=12;DB1_SIG=a%2Cb;DB1_ID=rs1;DB1_QUAL=30.5;DB1_FILTER=PASS",
        "DB1_AD=2;DB1_AN=12;DB1_SIG=a%2Cb;DB1_ID=rs1;DB1_QUAL=30.5;DB1_FILTER=PASS",
        "",
    ]


def test_values_are_encoded_as_vcf_demands() -> None:
    assert columns.encoded("a;b=c,d e%3Bf%zz%2c\t") == "a%3Bb%3Dc%2Cd%20e%3Bf%25zz%252c%09"


def test_bytes_beyond_ascii_survive(genome: Genome, add: Add) -> None:
    text = "M\u00e9ni\u00e8re"
    add("SIG", f"1 1 . A C . . SIG={text.encode().decode('latin-1')}")
    assert look_up(genome, (1, "A", "C"))[0].encode("latin-1").decode() == f"DB1_SIG={text}"


def test_header_names_source_and_version(genome: Genome, add: Add) -> None:
    add("SIG,DB", "1 1 . A C . . SIG=a;DB")
    add("AC", "1 1 . A C . . AC=1", name="DB2", header=HEADER.replace("##source=Made up\n##fileDate=2026-11-23\n", ""))
    opened = Overlays.open(genome)
    assert opened.header_lines() == [
        '##INFO=<ID=DB1_SIG,Number=A,Type=String,Description="The \\"significance\\" [DB1: Made up, 2026-11-23]">',
        '##INFO=<ID=DB1_DB,Number=A,Type=Integer,Description="In dbSNP [DB1: Made up, 2026-11-23]">',
        '##INFO=<ID=DB2_AC,Number=A,Type=Integer,Description="Allele count [DB2: DB2.vcf]">',
    ]
    assert opened.columns() == [("DB1_SIG", "String"), ("DB1_DB", "Integer"), ("DB2_AC", "Integer")]
    assert look_up(genome, (1, "A", "C")) == ["DB1_SIG=a;DB1_DB=1;DB2_AC=1"]


def test_field_names_become_info_keys(genome: Genome, add: Add) -> None:
    add("AC-raw", "1 1 . A C . . AC-raw=3", header=HEADER.replace("ID=AC,", "ID=AC-raw,", 1))
    assert look_up(genome, (1, "A", "C")) == ["DB1_AC_raw=3"]


def test_two_overlays_of_one_name_are_refused(add: Add) -> None:
    add("AC", "1 1 . A C . . AC=3")
    with pytest.raises(BundleError, match="Two overlays are called DB1"):
        add("AC", "1 1 . A C . . AC=3")


@pytest.mark.parametrize("text", ["nan", "NaN", ".", ""])
def test_no_number_is_no_value(genome: Genome, add: Add, text: str) -> None:
    entry = add("AF,SIG", f"1 1 . A C . . AF={text};SIG=x", "1 2 . C G . . AF=0.25;SIG=.")
    assert entry["skipped"] == {}
    assert look_up(genome, (1, "A", "C"), (2, "C", "G")) == ["DB1_SIG=x", "DB1_AF=0.25"]


def test_what_is_no_number_is_counted(genome: Genome, add: Add) -> None:
    entry = add("AC,AF", f"1 1 . A C . . AC={1 << 63};AF=x", "1 2 . C G . . AC=-5;AF=-2.5")
    assert entry["skipped"] == {"AC is not an Integer": 1, "AF is not a Float": 1}
    assert look_up(genome, (1, "A", "C"), (2, "C", "G")) == ["", "DB1_AC=-5;DB1_AF=-2.5"]


def test_first_known_value_of_a_repeated_allele_counts(genome: Genome, add: Add) -> None:
    entry = add("AC,SIG", "1 8 . T TT . . SIG=first", "1 4 . T TT . . AC=2;SIG=second", "1 5 . T TT . . AC=3")
    assert entry["alleles"] == 1
    assert entry["skipped"] == {"allele occurs again": 2}
    assert look_up(genome, (3, "G", "GT")) == ["DB1_AC=2;DB1_SIG=first"]


def test_what_cannot_be_looked_up_is_counted(genome: Genome, add: Add) -> None:
    records = ["1 1 . A C,<DEL>,* . . AC=1,2,3", "chr2 1 . G T . . AC=x", "3 1 . A C . . AC=1", "1 2 . A C . . AC=1"]
    entry = add("AC", *records)
    assert (entry["records"], entry["alleles"]) == (4, 2)
    assert entry["skipped"] == {
        "AC is not an Integer": 1,
        "REF differs from the reference": 1,
        "allele is not a sequence": 2,
        "contig is not in the reference": 1,
    }
    assert look_up(genome, (1, "G", "T"), contig="2") == [""]


def test_a_list_of_another_length_is_no_value(genome: Genome, add: Add) -> None:
    add("AC,SIG", "1 1 . A C,G . . AC=1;SIG=x")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G")) == ["DB1_SIG=x", "DB1_SIG=x"]


@pytest.mark.parametrize(
    ("fields", "records", "about"),
    [
        ("NOPE", ["1 1 . A C . . AC=1"], "no INFO field NOPE; it has ID, QUAL, FILTER, AC, AN"),
        ("AC", ["1 1 . G C . . AC=1", "1 2 . G T . . AC=1", "1 3 . G T . . AC=1"], "is it of another assembly"),
        ("AC", ["7 1 . G C . . AC=1"], "1 times: contig is not in the reference"),
        ("AC", ["1 x . G C . . AC=1"], "DB1.vcf, line 13: this is no VCF record"),
        ("AC", ["1 1 . G"], "DB1.vcf, line 13: this is no VCF record"),
    ],
)
def test_unusable_sources_are_refused_in_words(add: Add, fields: str, records: list[str], about: str) -> None:
    with pytest.raises(BundleError, match=about):
        add(fields, *records)


def test_a_file_of_another_assembly_is_not_read_to_its_end(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_alleles, "DIFFERING_AT_LEAST", 2)
    wrong = ["1 1 . G C . . AC=1"] * 5
    with pytest.raises(BundleError, match=r"of its 3 records 0 .* \(3 times: REF differs from the reference\)"):
        add("AC", *wrong)
    entry = add("AC", "1 1 . A C,G,T . . AC=1,1,1", *wrong[:3], name="DB2")
    assert entry["skipped"]["REF differs from the reference"] == 3


def test_unreadable_files_are_refused_in_words(genome: Genome, tmp_path: Path) -> None:
    path = tmp_path / "none.vcf"
    with pytest.raises(BundleError, match="cannot be read"):
        genome.add(path, "AC")
    path.write_text("chrom\tpos\n")
    with pytest.raises(BundleError, match="is no VCF"):
        genome.add(path, "AC")
    cut = gzip.compress((HEADER + "1\t1\t.\tA\tC\t.\t.\tAC=1\n" * 9000).encode())[:-30]
    path.write_bytes(cut)
    with pytest.raises(BundleError, match="cannot be read"):
        genome.add(path, "AC")


DBSNP = """##fileformat=VCFv4.2
##dbSNP_BUILD_ID=157
##INFO=<ID=RS,Number=1,Type=Integer,Description="dbSNP ID (i.e. rs number)">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


@pytest.mark.parametrize(
    ("assembly", "accession"), [("GRCh38", "NC_000001.11"), ("GRCh38.p14", "NC_000001.11"), ("hg19", "NC_000001.10")]
)
def test_contigs_are_found_by_their_accession(tmp_path: Path, assembly: str, accession: str) -> None:
    genome = Genome(GENOME, tmp_path, assembly)
    path = tmp_path / "dbsnp.vcf"
    path.write_text(f"{DBSNP}{accession}\t1\trs7\tA\tC\t.\t.\tRS=7\nNC_000001.1\t1\trs8\tA\tG\t.\t.\tRS=8\n")
    entry = genome.add(path, "ID", "DBSNP")
    assert entry["source"]["version"] == "157"
    assert entry["skipped"] == {"contig is not in the reference": 1}
    assert look_up(genome, (1, "A", "C"), (1, "A", "G")) == ["DBSNP_ID=rs7", ""]


SPLICEAI = """##fileformat=VCFv4.2
##INFO=<ID=SpliceAI,Number=.,Type=String,Description="SpliceAIv1.3 variant annotation. These include delta scores (DS) \
and delta positions (DP) for acceptor gain (AG), acceptor loss (AL), donor gain (DG), and donor loss (DL). \
Format: ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


def test_parts_of_a_field_are_fields(genome: Genome, add: Add) -> None:
    entry = add(
        "DS_max,SpliceAI.DS_AG,DP_AG,SYMBOL",
        "1 1 . A C,G . . SpliceAI=C|ONE|0.01|0.00|0.91|0.20|-28|3|1|2,C|TWO|0.10|0.02|0.03|0.04|5|6|7|8,"
        "G|ONE|0.5|.|.|.|9|.|.|.",
        "1 2 . C G . . SpliceAI=G|ONE|.|.|.|.|.|.|.|.",
        name="SPLICE",
        header=SPLICEAI,
    )
    assert [field["id"] for field in entry["fields"]] == [
        "SPLICE_DS_max", "SPLICE_SpliceAI.DS_AG", "SPLICE_DP_AG", "SPLICE_SYMBOL",
    ]  # fmt: skip
    assert [field["type"] for field in entry["fields"]] == ["Float", "Float", "String", "String"]
    assert look_up(genome, (1, "A", "C"), (1, "A", "G,C"), (2, "C", "G")) == [
        "SPLICE_DS_max=0.91;SPLICE_SpliceAI.DS_AG=0.1;SPLICE_DP_AG=-28&5;SPLICE_SYMBOL=ONE&TWO",
        "SPLICE_DS_max=0.5,0.91;SPLICE_SpliceAI.DS_AG=0.5,0.1;SPLICE_DP_AG=9,-28&5;SPLICE_SYMBOL=ONE,ONE&TWO",
        "SPLICE_SYMBOL=ONE",
    ]


def test_an_allele_of_several_genes_on_several_lines_is_joined(genome: Genome, add: Add) -> None:
    records = [f"1 1 . A C . . SpliceAI=C|{gene}|{score}|0|0|0|1|1|1|1" for gene, score in (("B", 0.2), ("A", 0.1))]
    add("DS_max,SYMBOL", *records, name="S", header=SPLICEAI)
    assert look_up(genome, (1, "A", "C")) == ["S_DS_max=0.2;S_SYMBOL=B&A"]


def test_a_part_that_two_fields_have_must_name_its_field(genome: Genome, add: Add) -> None:
    csq = '##INFO=<ID=CSQ,Number=.,Type=String,Description="From VEP. Format: Allele|SYMBOL|Gene">\n#CHROM'
    header = SPLICEAI.replace("#CHROM", csq, 1)
    with pytest.raises(BundleError, match=r"has SYMBOL in several fields; write SpliceAI.SYMBOL or CSQ.SYMBOL"):
        add("SYMBOL", header=header)
    add("CSQ.SYMBOL", "1 7 . TT TTT,T . . CSQ=TT|ONE|g,-|TWO|g,TT|THREE|g", name="DB2", header=header)
    assert look_up(genome, (3, "G", "GT"), (3, "GT", "G")) == ["DB2_CSQ.SYMBOL=ONE&THREE", "DB2_CSQ.SYMBOL=TWO"]


def test_several_files_are_one_overlay(genome: Genome, tmp_path: Path) -> None:
    """gnomAD comes as one file a chromosome, BGZF under the name .bgz."""
    for number, record in enumerate(["1\t1\t.\tA\tC\t.\t.\tAC=1", "2\t1\t.\tG\tT\t.\t.\tAC=2"], 1):
        with pysam.BGZFile(str(tmp_path / f"sites.chr{number}.vcf.bgz"), "wb") as file:
            file.write(f"{HEADER}{record}\n".encode())
    entry = genome.add(tmp_path / "sites.chr*.vcf.bgz", "AC", "GNOMAD")
    assert (entry["records"], entry["alleles"]) == (2, 2)
    assert entry["source"]["file"] == "sites.chr*.vcf.bgz"
    assert look_up(genome, (1, "A", "C")) + look_up(genome, (1, "G", "T"), contig="2") == ["GNOMAD_AC=1", "GNOMAD_AC=2"]
    with pytest.raises(BundleError, match="No file matches"):
        genome.add(tmp_path / "none*.vcf", "AC", "NONE")


def test_types_that_differ_between_files_are_widened(genome: Genome, tmp_path: Path) -> None:
    (tmp_path / "a1.vcf").write_text(HEADER + "1\t1\t.\tA\tC\t.\t.\tAC=1\n")
    (tmp_path / "a2.vcf").write_text(
        HEADER.replace("AC,Number=A,Type=Integer", "AC,Number=A,Type=Float") + "2\t1\t.\tG\tT\t.\t.\tAC=0.5\n"
    )
    assert genome.add(tmp_path / "a?.vcf", "AC", "A")["fields"][0]["type"] == "Float"
    assert look_up(genome, (1, "A", "C")) == ["A_AC=1"]
    (tmp_path / "a2.vcf").write_text(HEADER.replace("DB,Number=0,Type=Flag", "DB,Number=1,Type=String"))
    with pytest.raises(BundleError, match="different types for the field DB"):
        genome.add(tmp_path / "a?.vcf", "DB", "B")
