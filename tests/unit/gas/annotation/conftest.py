"""The synthetic genome as a bundle, built once a test process."""

from pathlib import Path

import pytest

from gas.annotation import reference
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation.agreement import SYNTHETIC


@pytest.fixture(scope="session")
def synthetic_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of tests/data/synthetic."""
    out: Path = tmp_path_factory.mktemp("bundles") / "synthetic"
    return reference.build("synthetic", "made up", SYNTHETIC / "ref.fa", SYNTHETIC / "genes.gff3", [], out)
