from pathlib import Path
from typing import Any

import pytest

from tests.unit.gas.annotation.overlays.genome import GENOME, HEADER, Add, Genome


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return Genome(GENOME, tmp_path)


@pytest.fixture
def add(genome: Genome, tmp_path: Path) -> Add:
    def build_from(fields: str, *records: str, name: str = "DB1", header: str = HEADER) -> dict[str, Any]:
        path = tmp_path / f"{name}.vcf"
        path.write_text(header + "".join("\t".join(record.split(" ")) + "\n" for record in records), encoding="latin-1")
        return genome.add(path, fields, name)

    return build_from
