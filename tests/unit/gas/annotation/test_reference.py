"""Bundles: built whole or not at all, found by name, checked when opened."""

import gzip
import json
from pathlib import Path

import pytest

from gas.annotation import reference
from gas.annotation.reference import Bundle, BundleError

GENES = (
    "##gff-version 3\n"
    "1\tx\tgene\t3\t8\t.\t+\t.\tID=gene:G1;Name=ONE;biotype=lncRNA\n"
    "1\tx\tlnc_RNA\t3\t8\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=lncRNA;version=2\n"
    "1\tx\texon\t3\t8\t.\t+\t.\tParent=transcript:T1\n"
)


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    fasta, gff3 = tmp_path / "ref.fa", tmp_path / "genes.gff3"
    fasta.write_text(">1 the first\nacgtn\nACGTA\n>chrM\nACGT\n")
    gff3.write_text(GENES)
    return fasta, gff3


def build(sources: tuple[Path, Path], out: Path) -> Bundle:
    return reference.build("tiny", "T1", *sources, [], out)


def test_sequence_and_contigs(sources: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = build(sources, tmp_path / "b")
    assert list(bundle.contigs) == ["1", "chrM"]
    sequence = bundle.sequence("1")
    assert (len(sequence), sequence[:], sequence[2:5], sequence[9]) == (10, "ACGTNACGTA", "GTN", "A")
    assert bundle.sequence("chrM")[:] == "ACGT"
    assert [contig.codon_table for contig in bundle.contigs.values()] == [1, 2]


def test_synonyms(sources: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = build(sources, tmp_path / "b")
    found = {name: bundle.resolve(name) for name in ("1", "chr1", "M", "MT", "chrM", "chrMT", "2", "NC_012920.1")}
    assert {name for name, contig in found.items() if contig and contig.name == "1"} == {"1", "chr1"}
    assert {name for name, contig in found.items() if contig and contig.name == "chrM"} == {"M", "MT", "chrM", "chrMT"}
    assert found["2"] is None
    assert found["NC_012920.1"] is None, "only the rCRS itself has this accession"


def test_accessions_of_human_chromosomes(sources: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = reference.build("named", "GRCh38.p14", *sources, [], tmp_path / "b")
    contig = bundle.resolve("NC_000001.11")
    assert contig is not None
    assert contig.name == "1"
    assert bundle.resolve("NC_000001.10") is None, "that is GRCh37's"


def test_genetic_codes_of_contigs(sources: tuple[Path, Path], tmp_path: Path) -> None:
    def made(**codes: int) -> dict[str, int]:
        bundle = reference.build(
            "c", "x", *sources, [], tmp_path / f"b{len(list(tmp_path.iterdir()))}", None, "", codes
        )
        return {name: contig.codon_table for name, contig in bundle.contigs.items()}

    assert made() == {"1": 1, "chrM": 2}
    assert made(chrM=3) == {"1": 1, "chrM": 3}
    with pytest.raises(BundleError, match=r"'2'.*does not have"):
        made(**{"2": 3})
    with pytest.raises(BundleError, match="7 is no genetic code"):
        made(chrM=7)


def test_gzip_sources_give_the_same_arrays(sources: tuple[Path, Path], tmp_path: Path) -> None:
    plain = build(sources, tmp_path / "plain")
    for path in sources:
        path.write_bytes(gzip.compress(path.read_bytes()))
    zipped = build(sources, tmp_path / "zipped")
    assert plain.manifest["files"] == zipped.manifest["files"]


def test_manifest_names_sources_and_checksums(sources: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = build(sources, tmp_path / "b").manifest
    assert [(source["name"], source["file"]) for source in manifest["sources"]] == [
        ("sequence", "ref.fa"),
        ("gene models", "genes.gff3"),
    ]
    assert manifest["sources"][0]["sha256"] == reference.sha256_of(sources[0])
    assert manifest["models"]["transcripts"] == 1
    assert "sequence.bin" in manifest["files"]


def test_found_by_name(sources: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(sources, tmp_path / "shelf" / "tiny")
    assert reference.load("tiny", tmp_path / "shelf").name == "tiny"
    monkeypatch.setenv("GAS_BUNDLES_DIR", str(tmp_path / "shelf"))
    assert reference.load("tiny").name == "tiny"
    for name in ("other", "../shelf/tiny", ""):
        with pytest.raises(BundleError, match="There is no reference bundle"):
            reference.load(name)


def test_a_changed_file_is_noticed(sources: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "b"
    build(sources, out)
    sequence = out / "sequence.bin"
    sequence.write_bytes(sequence.read_bytes().replace(b"N", b"A"))
    with pytest.raises(BundleError, match=r"sequence.bin is not what"):
        reference.load(out)
    sequence.unlink()
    with pytest.raises(BundleError, match="not whole"):
        reference.load(out)


def test_large_files_are_compared_by_size_and_hashed_on_demand(
    sources: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b"
    build(sources, out).verify()
    monkeypatch.setattr(reference, "HASHED_ON_LOAD", 1)
    sequence = out / "sequence.bin"
    sequence.write_bytes(sequence.read_bytes().replace(b"N", b"A"))
    bundle = reference.load(out)
    with pytest.raises(BundleError, match=r"sequence.bin"):
        bundle.verify()
    sequence.write_bytes(b"ACGT")
    with pytest.raises(BundleError, match=r"sequence.bin"):
        reference.load(out)


def test_another_format_is_refused(sources: tuple[Path, Path], tmp_path: Path) -> None:
    build(sources, tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))
    with pytest.raises(BundleError, match="another version"):
        reference.load(tmp_path / "b")
    manifest.write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        reference.load(tmp_path / "b")


@pytest.mark.parametrize(
    ("fasta", "sentence"),
    [
        ("", "holds no sequence"),
        ("ACGT\n", "line 1: this is not nucleotide"),
        (">1\nACGT\n>\nAC\n", "line 3: the sequence has no name"),
        (">1\nACGT\nAC-GT\n", "line 3: this is not nucleotide"),
        (">1\nACGT\n>1\nAC\n", "two sequences called 1"),
        (">1\nACGT\n", "ends beyond 1"),
        (">2\nACGTACGT\n", "no transcript on any contig"),
    ],
)
def test_broken_sequence(sources: tuple[Path, Path], tmp_path: Path, fasta: str, sentence: str) -> None:
    sources[0].write_text(fasta)
    with pytest.raises(BundleError, match=sentence):
        build(sources, tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genes.gff3", "ref.fa"]


def test_bundles_are_never_replaced(sources: tuple[Path, Path], tmp_path: Path) -> None:
    build(sources, tmp_path / "b")
    with pytest.raises(BundleError, match="exists already"):
        build(sources, tmp_path / "b")


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "é"])
def test_names_fit_for_paths(sources: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="cannot name a bundle"):
        reference.build(name, "T1", *sources, [], tmp_path / "b")


def test_a_missing_source_is_named(sources: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere.fa"):
        reference.build("tiny", "T1", tmp_path / "nowhere.fa", sources[1], [], tmp_path / "b")
