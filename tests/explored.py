"""A human-like result to explore: the synthetic genome under human names, with ClinVar, frequencies and a family."""

import gzip
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gas.annotation import reference
from gas.annotation.overlays import OverlaySpec

SYNTHETIC = Path(__file__).parent / "data" / "synthetic"
BUNDLE = "human-like"
SAMPLES = ("child", "mother", "father")
_NAMES = {"syn1": "chr17", "syn2": "chrX"}
_CLASSES = (
    "Pathogenic",
    "Pathogenic/Likely_pathogenic",
    "Likely_pathogenic",
    "Uncertain_significance",
    "Conflicting_classifications_of_pathogenicity",
    "Likely_benign",
    "Benign|drug_response",
    "risk_factor",
)
_GENOTYPES = ("0/0", "0/1", "1|1", "./.", "0/.", "1", "1/2", "0|2")


def build(folder: Path) -> Path:
    """Write a bundle, its overlays and an input into `folder`; returns the input, a VCF with three samples."""
    rng = random.Random(7)
    for name in ("ref.fa", "genes.gff3"):
        (folder / name).write_text(_renamed((SYNTHETIC / name).read_text("ascii")))
    records = [line.split("\t") for line in _lines(SYNTHETIC / "input.vcf.gz") if not line.startswith("#")][::3]
    plain = [fields for fields in records if set(fields[3] + fields[4]) <= set("ACGT")]
    head = ["##fileformat=VCFv4.3"]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    clinvar = [*head, '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="class">', columns]
    gnomad = [*head, '##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">', columns]
    for fields in plain:
        at = "\t".join((*fields[:2], ".", *fields[3:5], ".", "."))
        if rng.random() < 0.3:
            clinvar.append(f"{at}\tCLNSIG={rng.choice(_CLASSES)}")
        if rng.random() < 0.6:
            gnomad.append(f"{at}\tAF={rng.choice((0, 0.00005, 0.0004, 0.003, 0.01, 0.02, 0.3, 0.9))}")
    specs = []
    for name, lines, field in (("CLINVAR", clinvar, "CLNSIG"), ("GNOMADG", gnomad, "AF")):
        path = folder / f"{name}.vcf"
        path.write_text("\n".join(lines) + "\n")
        specs.append(OverlaySpec(name, path, (field,)))
    reference.build(BUNDLE, "GRCh38", folder / "ref.fa", folder / "genes.gff3", specs, folder / BUNDLE)
    given = folder / "family.vcf"
    given.write_text(
        "\n".join([*head, f"{columns}\tFORMAT\t{chr(9).join(SAMPLES)}", *map(_given(rng), records)]) + "\n"
    )
    return given


def _given(rng: random.Random) -> Callable[[list[str]], str]:
    def line(fields: list[str]) -> str:
        called = "\t".join(f"{rng.choice(_GENOTYPES)}:{rng.randrange(99)}" for _ in SAMPLES)
        name = f"rs{rng.randrange(10**6)}" if rng.random() < 0.5 else "."
        quality = rng.choice((".", "12.5", "30", "99"))
        mark = rng.choice((".", "PASS", "q10"))
        return "\t".join((*fields[:2], name, *fields[3:5], quality, mark, fields[7], "GT:DP", called))

    return line


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            yield _renamed(line.rstrip("\n"))


def _renamed(text: str) -> str:
    for old, new in _NAMES.items():
        text = text.replace(f"{old}\t", f"{new}\t").replace(f">{old}", f">{new}").replace(f"ID={old}", f"ID={new}")
    return text


class Annotated:
    """The annotated input: what the annotator leaves in a job's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.input = build(folder)
        self.vcf = folder / "annotated.vcf.gz"
        self.table = folder / "variants.parquet"
        self.summary = folder / "summary.json"
        gas = [Path(sys.executable).with_name("gas"), "annotate", self.input, "--bundle", folder / BUNDLE]
        outputs = ["-o", self.vcf, "--parquet", self.table, "--summary", self.summary]
        # In a process of its own, which runs what was compiled.
        subprocess.run([*gas, *outputs], check=True, timeout=120)


@pytest.fixture(scope="session")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    """Made once a test process."""
    return Annotated(tmp_path_factory.mktemp("explored"))
