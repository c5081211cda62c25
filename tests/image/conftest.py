"""The hosts that the tests share: they boot once, and each test leaves them running."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import bake
from tests.image.__main__ import FIGURES
from tests.image.bake import run
from tests.image.cloud import Cloud, cloud
from tests.image.machine import CGROUPS

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


@pytest.fixture(scope="session")
def account(layers: list[Path]) -> Iterator[Cloud]:
    """The account, with no host in it yet."""
    folder = bake.FOLDER / "hosts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with cloud(layers, folder) as made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)


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
