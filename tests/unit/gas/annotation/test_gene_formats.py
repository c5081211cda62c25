"""The same genes in every format give the same annotation."""

import gzip
from pathlib import Path

import pytest

from gas.annotation import engine, reference
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation import gene_formats
from tests.unit.gas.annotation.agreement import SYNTHETIC, read_csq

GENES = SYNTHETIC / "genes.gff3"


def annotated(bundle: Bundle, records: Path, out: Path) -> dict[object, dict[tuple[str, str], dict[str, str]]]:
    """Every row by record, allele and transcript without version; without what is only named otherwise."""
    engine.annotate(engine.Options(records, bundle, out))
    found: dict[object, dict[tuple[str, str], dict[str, str]]] = {}
    for record, rows in read_csq(out).items():
        found[record] = {}
        for (number, feature), row in rows.items():
            for name in ("Feature", "SOURCE"):
                del row[name]
            row["ENSP"] = row["ENSP"].partition(".")[0]
            found[record][number, feature.partition(".")[0]] = row
    return found


@pytest.fixture(scope="module")
def some_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sixth record of the synthetic set."""
    path = tmp_path_factory.mktemp("records") / "in.vcf"
    with gzip.open(SYNTHETIC / "input.vcf.gz", "rt", encoding="latin-1") as file:
        lines = list(file)
    header = [line for line in lines if line.startswith("#")]
    path.write_text("".join(header + [line for line in lines if line[0] != "#"][::6]), encoding="latin-1")
    return path


@pytest.mark.parametrize("kind", ["gtf", "ncbi", "gzip"])
def test_the_same_models_give_the_same_annotation(
    synthetic_bundle: Bundle, some_records: Path, tmp_path: Path, kind: str
) -> None:
    lengths = {name: contig.length for name, contig in synthetic_bundle.contigs.items()}
    given = tmp_path / "genes"
    if kind == "gzip":
        given.write_bytes(gzip.compress(GENES.read_bytes()))
    else:
        given.write_text(gene_formats.gtf(GENES) if kind == "gtf" else gene_formats.ncbi(GENES, lengths))
    bundle = reference.build("other", "made up", SYNTHETIC / "ref.fa", given, [], tmp_path / "bundle")
    assert bundle.manifest["models"]["transcripts"] == synthetic_bundle.manifest["models"]["transcripts"]
    expected = annotated(synthetic_bundle, some_records, tmp_path / "expected.vcf.gz")
    got = annotated(bundle, some_records, tmp_path / "got.vcf.gz")
    assert sum(map(len, expected.values())) > 15_000
    differing = [
        (record, key, {name: (value, got[record].get(key, {}).get(name)) for name, value in row.items()})
        for record, rows in expected.items()
        for key, row in rows.items()
        if got[record].get(key) != row
    ]
    assert differing[:1] == []
    assert [len(rows) for rows in got.values()] == [len(rows) for rows in expected.values()]
