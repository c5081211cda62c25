"""bcftools reads what we write: its split-vep plugin takes CSQ apart, its index finds records."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from gas.annotation import csq, engine, reference
from tests.unit.gas.annotation.agreement import SYNTHETIC, lines

BCFTOOLS = shutil.which("bcftools")
pytestmark = pytest.mark.skipif(not BCFTOOLS, reason="Debian's bcftools is not here: apt-get install bcftools")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotated")
    bundle = reference.build("s", "s", SYNTHETIC / "ref.fa", SYNTHETIC / "genes.gff3", [], folder / "bundle")
    engine.annotate(engine.Options(SYNTHETIC / "input.vcf.gz", bundle, folder / "out.vcf.gz"))
    return folder / "out.vcf.gz"


def bcftools(*arguments: object) -> list[str]:
    command = [str(BCFTOOLS), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_it_knows_every_field(annotated: Path) -> None:
    assert [line.split("\t")[1] for line in bcftools("+split-vep", "-l", annotated)] == list(csq.FIELDS)


def test_it_splits_every_row_of_every_record(annotated: Path) -> None:
    columns = "\t".join(f"%{field}" for field in csq.FIELDS)
    split = Counter(bcftools("+split-vep", "-d", "-f", f"%POS\t{columns}\n", annotated))
    ours: Counter[str] = Counter()
    for line in lines(annotated):
        fields = line.split("\t")
        for row in fields[7].partition("CSQ=")[2].split(",") if line[0] != "#" and "CSQ=" in line else ():
            ours["\t".join([fields[1], *(cell or "." for cell in row.split("|"))])] += 1
    assert split == ours
    assert split.total() > 100_000


def test_it_picks_the_worst_and_finds_by_the_index(annotated: Path) -> None:
    worst = bcftools("+split-vep", "-s", "worst", "-i", 'Consequence~"stop_gained"', "-f", "%Consequence\n", annotated)
    assert worst
    assert all("stop_gained" in consequence for consequence in worst)
    found = bcftools("view", "-H", annotated, "syn2:1000-2000")
    on_syn2 = [line.split("\t") for line in lines(annotated) if line.startswith("syn2\t")]
    overlapping = [row for row in on_syn2 if int(row[1]) <= 2000 and int(row[1]) + len(row[3]) > 1000]
    assert [line.split("\t")[:5] for line in found] == [row[:5] for row in overlapping]
