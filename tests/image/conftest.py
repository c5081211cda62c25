"""What the tests share: the baked layers, a folder for hosts, a file that takes a while, and the figures."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gas.annotation import reference
from scripts.local.environment import BUNDLE, BUNDLES
from tests.image import bake
from tests.image.__main__ import FIGURES
from tests.image.bake import run
from tests.image.machine import CGROUPS

# Long enough to be stopped and cut off in the middle; a second of one core annotates about 100,000.
SLOW_POSITIONS, SLOW_TIMES = 3_000, 350
SLOW_RECORDS = SLOW_POSITIONS * SLOW_TIMES

figures: dict[str, float | str] = {}


@pytest.fixture(scope="session", autouse=True)
def namespaces() -> None:
    """The namespaces that `make image-test` makes; systemd needs a cgroup tree with nothing of ours in it."""
    if not os.environ.get("IMAGE_TEST"):
        pytest.skip("These tests are run by `make image-test`.")
    run("mount", "-t", "cgroup2", "none", str(CGROUPS))


@pytest.fixture(scope="session")
def layers() -> list[Path]:
    return bake.layers()


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where a module's hosts keep what they write."""
    folder = bake.FOLDER / request.path.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose job takes a while: SLOW_RECORDS records."""
    path = tmp_path_factory.mktemp("slow") / "slow.vcf"
    bases = reference.load(BUNDLES / BUNDLE).sequence("MT")[:SLOW_POSITIONS]
    with path.open("w") as file:
        file.write(
            "##fileformat=VCFv4.2\n##contig=<ID=MT,length=16569>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
        for position, base in enumerate(bases, start=1):
            file.write(f"MT\t{position}\t.\t{base}\t{'T' if base != 'T' else 'C'}\t.\t.\t.\n" * SLOW_TIMES)
    return path


@pytest.fixture(scope="session")
def figure() -> dict[str, float | str]:
    """What is printed at the end: what was measured → how much."""
    return figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, with those of the bake."""
    baked = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    terminalreporter.section("figures")
    for name, value in {**baked, **figures}.items():
        terminalreporter.write_line(f"{name:<58} {value if isinstance(value, str) else f'{value:,.1f}':>10}")
