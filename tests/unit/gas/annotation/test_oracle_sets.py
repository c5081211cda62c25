"""The engine against Ensembl VEP on real genomes, where GAS_ORACLE names a folder that has them: every cell agrees."""

import os
from pathlib import Path

import pytest

from gas.annotation import reference
from tests.unit.gas.annotation.agreement import FIELDS, Exclusions, annotate, compare

ORACLE = Path(os.environ.get("GAS_ORACLE", "nowhere"))
# Of a record with several alleles VEP's shift of one leaks into another; exclude.tsv corrects the names only.
COMPARED = [name for name in FIELDS if name != "HGVS_OFFSET"]

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="GAS_ORACLE names no folder with reference sets")


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    ("name", "genome", "pairs"),
    [
        # The other sets hold less awkward variants and take longer.
        ("A3_human_boundary", "refs/human_chr9_1mb", 48_385),
        ("B_yeast", "refs/yeast_chr1_2", 27_265),
    ],
)
def test_every_cell_agrees(name: str, genome: str, pairs: int, tmp_path: Path) -> None:
    source = ORACLE / genome
    bundle = reference.build("oracle", "x", source / "ref.fa", source / "genes.gff3", [], tmp_path / "bundle")
    out = annotate(ORACLE / name / "input.vcf.gz", bundle, tmp_path)
    found = compare(ORACLE / name / "expected.vcf.gz", out, Exclusions(ORACLE / name / "exclude.tsv"))
    assert found.pairs == pairs
    assert (found.missing, found.extra) == ([], [])
    assert [difference for difference in found.differences if difference[0] in COMPARED] == []
