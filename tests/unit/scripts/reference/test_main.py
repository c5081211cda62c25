"""The whole way, from the publishers' layout of folders to an annotated record, with a small genome for the human."""

import gzip
import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pysam
import pytest

from gas.annotation import engine, reference
from scripts.reference import main as build_reference
from scripts.reference import recipe as recipes
from scripts.reference.download import Downloader
from tests.unit.scripts.reference.publisher import Publisher
from tests.unit.scripts.reference.test_checksums import bsd_sum
from tests.unit.scripts.reference.test_download import md5

DATA = build_reference.ROOT / "tests" / "data" / "synthetic"
FASTA = "/ensembl/release-115/fasta/homo_sapiens/dna/Homo_sapiens.GRCh38.dna.primary_assembly.fa.gz"
GFF3 = "/ensembl/release-115/gff3/homo_sapiens/Homo_sapiens.GRCh38.115.gff3.gz"
CLINVAR = "/ncbi/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz"
DBSNP = "/ncbi/snp/archive/b157/VCF/GCF_000001405.40.gz"
GNOMAD = "/gnomad/release/4.1/vcf/genomes/gnomad.genomes.v4.1.sites.chr{}.vcf.bgz"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"

# The record of the synthetic input at syn1:123, under the names that the publishers have for the first chromosome.
CLINVAR_VCF = f"""##fileformat=VCFv4.1
##fileDate=2026-11-01
##source=ClinVar
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Aggregate germline classification">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status">
##INFO=<ID=CLNDN,Number=.,Type=String,Description="Preferred disease name">
{COLUMNS}1\t123\t7\tT\tC\t.\t.\tCLNDN=Made_up,_type_1|not_provided;CLNREVSTAT=no_assertion;CLNSIG=Benign
"""
DBSNP_VCF = f"""##fileformat=VCFv4.2
##dbSNP_BUILD_ID=157
##INFO=<ID=RS,Number=1,Type=Integer,Description="dbSNP ID">
{COLUMNS}NC_000001.11\t123\trs123\tT\tA,C\t.\t.\tRS=123
NT_113889.1\t5\trs5\tT\tA\t.\t.\tRS=5
"""
GNOMAD_VCF = f"""##fileformat=VCFv4.2
##INFO=<ID=AF,Number=A,Type=Float,Description="Alternate allele frequency">
##INFO=<ID=AF_grpmax,Number=A,Type=Float,Description="Highest">
##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="Homozygotes">
{COLUMNS}"""


def bgzf(text: str, path: Path) -> bytes:
    with pysam.BGZFile(str(path), "w") as file:
        file.write(text.encode())
    return path.read_bytes()


@pytest.fixture
def recipe(site: Publisher, tmp_path: Path) -> Path:
    """The recipe of GRCh38 with the checksums of the small files that `site` has for gnomAD."""
    names = {"syn1": "1", "syn2": "2"}
    fasta, gff3 = ((DATA / name).read_text("utf-8") for name in ("ref.fa", "genes.gff3"))
    for old, new in names.items():
        fasta, gff3 = fasta.replace(f">{old}", f">{new}"), re.sub(rf"\b{old}\b", new, gff3)
    genomes = {
        "1": bgzf(f"{GNOMAD_VCF}chr1\t123\t.\tT\tC\t.\t.\tAF=0.25;AF_grpmax=0.5;nhomalt=3\n", tmp_path / "1"),
        "2": bgzf(GNOMAD_VCF, tmp_path / "2"),
    }
    site.files = {
        FASTA: gzip.compress(fasta.encode()),
        GFF3: gzip.compress(gff3.encode()),
        CLINVAR: gzip.compress(CLINVAR_VCF.encode()),
        DBSNP: bgzf(DBSNP_VCF, tmp_path / "dbsnp"),
        **{GNOMAD.format(name): content for name, content in genomes.items()},
    }
    for path in (FASTA, GFF3):
        folder, _, name = path.rpartition("/")
        site.files[f"{folder}/CHECKSUMS"] = f"00001 1 other\n{bsd_sum(site.files[path])} {name}\n".encode()
    for path in (CLINVAR, DBSNP):
        site.files[f"{path}.md5"] = f"{md5(site.files[path])}  {path.rpartition('/')[2]}\n".encode()
    text = (recipes.FOLDER / "GRCh38.toml").read_text("utf-8")
    text, _, after = text.partition('[[sources]]\nname = "gnomad-exomes"')
    genome_source = "[[sources]]\n" + after[after.index('name = "gnomad-genomes"') :]
    md5s = "\n".join(f'{name} = "{md5(content)}"' for name, content in genomes.items())
    path = tmp_path / "small.toml"
    path.write_text(f"{text}{genome_source.partition('[sources.md5]')[0]}[sources.md5]\n{md5s}\n")
    return path


@pytest.fixture
def command(site: Publisher, recipe: Path, tmp_path: Path) -> list[str]:
    mirrors = [f"--mirror={name}={site.url}/{name}" for name in ("ensembl", "ncbi", "gnomad")]
    return [str(recipe), "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "bundles" / "small"), *mirrors]


@pytest.fixture(autouse=True)
def _room_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe reckons with a human genome; nothing here is as large, nor is every disk."""
    monkeypatch.setattr(build_reference.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**13))
    monkeypatch.setattr(build_reference, "Downloader", partial(Downloader, pause=lambda seconds: None))


def test_a_bundle_is_built_of_downloads_that_are_cut_off(
    site: Publisher, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.faults = {FASTA: ["", "cut 9000", "cut 1000"], CLINVAR: ["", "503", "cut 100"]}
    assert build_reference.main(command) == 0
    out, err = capsys.readouterr()
    assert out.count("fetched and checked") == 6
    assert "\x1b" not in err
    assert site.gets(FASTA) == ["", "bytes=9000-", "bytes=10000-"]
    bundle = reference.load(tmp_path / "bundles" / "small")
    assert (bundle.name, bundle.assembly) == ("small", "GRCh38")
    sources = {source["name"]: source for source in bundle.manifest["sources"]}
    assert {name: source["version"] for name, source in sources.items()} == {
        "sequence": "Ensembl 115",
        "gene models": "Ensembl 115",
        "CLINVAR": "2026-11-01",
        "DBSNP": "157",
        "GNOMADG": "4.1",
    }
    assert sources["GNOMADG"]["url"] == f"{site.url}{GNOMAD.format('*')}"
    assert sources["CLINVAR"]["licence"].startswith("NCBI data")
    given = tmp_path / "in.vcf"
    given.write_text(f"##fileformat=VCFv4.2\n{COLUMNS}chr1\t123\t.\tT\tC\t.\t.\t.\n")
    engine.annotate(engine.Options(given, bundle, tmp_path / "out.vcf.gz"))
    with pysam.BGZFile(str(tmp_path / "out.vcf.gz")) as file:
        info = list(file)[-1].decode().split("\t")[7]
    assert info.rpartition("CLINVAR_CLNSIG")[2] == (
        "=Benign;CLINVAR_CLNREVSTAT=no_assertion;CLINVAR_CLNDN=Made_up%2C_type_1|not_provided;DBSNP_ID=rs123;"
        "GNOMADG_AF=0.25;GNOMADG_AF_grpmax=0.5;GNOMADG_nhomalt=3"
    )


def test_nothing_is_fetched_twice(
    site: Publisher, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[list[str]] = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        built.append([*command, json.loads(Path(command[-1]).read_text("utf-8"))["clinvar.vcf.gz"]["url"]])
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(build_reference, "subprocess", SimpleNamespace(run=run))
    only = [*command, "--only", "clinvar", "--name", "mine"]
    assert build_reference.main(only) == 3
    assert build_reference.main(only) == 3
    assert [len(site.gets(path)) for path in (FASTA, GFF3, CLINVAR, DBSNP)] == [1, 1, 1, 0]
    first = built[0]
    assert first[first.index("--name") + 1] == "mine"
    assert first[first.index("--overlay") + 1] == (
        f"CLINVAR={tmp_path}/cache/GRCh38/clinvar/clinvar.vcf.gz:CLNSIG,CLNREVSTAT,CLNDN"
    )
    assert first.count("--overlay") == 1
    assert first[-1] == f"{site.url}{CLINVAR}"


def test_a_dry_run_says_what_would_be_fetched(
    site: Publisher, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_reference.main([*command, "--dry-run", "--only", "clinvar,gnomad-genomes"]) == 0
    out = capsys.readouterr().out
    assert f"clinvar: Clinical significance; latest; {len(site.files[CLINVAR])} B; NCBI data" in out
    assert f"  {site.url}{CLINVAR}\n" in out
    assert re.search(r"gnomad-genomes: .*; 4\.1; \d+ B, 2 files; gnomAD, CC0", out)
    assert "dbsnp" not in out
    assert "building takes up to 58.0 GB" in out
    assert not (tmp_path / "cache").exists()
    assert {method for method, _, _ in site.requests} == {"HEAD"}


def test_a_full_disk_is_told_before_anything_is_fetched(
    site: Publisher, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_reference.shutil, "disk_usage", lambda path: SimpleNamespace(free=60 * 10**9))
    assert build_reference.main(command) == 1
    assert "has 60.0 GB free and 128 GB are needed; make room" in capsys.readouterr().err
    assert {method for method, _, _ in site.requests} == {"HEAD"}


def test_a_bundle_that_exists_is_left_alone(
    site: Publisher, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundles" / "small").mkdir(parents=True)
    assert build_reference.main(command) == 1
    assert "exists already" in capsys.readouterr().err
    assert site.requests == []


@pytest.mark.parametrize(
    ("extra", "about"),
    [
        (["--only", "cadd"], "The recipe has no overlay cadd"),
        (["--set", "ensembl"], "'ensembl' is not of the form NAME=VALUE"),
        (["--set", "refseq=1"], "no refseq among its versions"),
    ],
)
def test_wrong_wishes_are_told(
    command: list[str], extra: list[str], about: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_reference.main([*command, *extra]) == 1
    assert about in capsys.readouterr().err


def test_an_interruption_is_no_fault(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(parts: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_reference, "_download", interrupted)
    assert build_reference.main(command) == 130
    assert "run it again to go on from here" in capsys.readouterr().err


def test_the_script_runs_from_anywhere(tmp_path: Path) -> None:
    script = build_reference.ROOT / "scripts" / "build-reference"
    done = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "GRCh37, GRCh38, or a recipe file" in done.stdout
