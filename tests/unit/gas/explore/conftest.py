"""An explorer over the human-like result, and the result's rows as plain data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gas.explore.blocks import LocalFile
from gas.explore.engine import Explorer
from gas.explore.table import VariantTable
from tests.explored import Annotated, annotated

__all__ = ["annotated"]


@pytest.fixture(scope="session")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    return Explorer(tmp_path_factory.mktemp("blocks") / "explorer", 50_000_000)


@pytest.fixture(scope="session")
def table(explorer: Explorer, annotated: Annotated) -> VariantTable:
    return explorer.open(LocalFile(annotated.table))


@pytest.fixture(scope="session")
def rows(annotated: Annotated) -> list[dict[str, Any]]:
    """Every row, in the file's order."""
    return list(pq.read_table(annotated.table).to_pylist())


@pytest.fixture
def vcf(annotated: Annotated) -> Iterator[LocalFile]:
    return LocalFile(Path(annotated.vcf))
