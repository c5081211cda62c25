"""The recipes name what the publishers have; the URLs are spelt out here so that a template cannot go wrong unseen."""

import re
from pathlib import Path

import pytest

from scripts.reference import recipe as recipes
from scripts.reference.recipe import RecipeError, RemoteFile

ENSEMBL = "https://ftp.ensembl.org/pub"
NCBI = "https://ftp.ncbi.nlm.nih.gov"
GNOMAD = "https://storage.googleapis.com/gcp-public-data--gnomad"


def files(assembly: str, **versions: str) -> dict[str, tuple[RemoteFile, ...]]:
    return {source.name: source.files for source in recipes.read(assembly, versions, {}).sources}


def test_grch38() -> None:
    found = files("GRCh38")
    fasta = f"{ENSEMBL}/release-115/fasta/homo_sapiens/dna"
    gff3 = f"{ENSEMBL}/release-115/gff3/homo_sapiens"
    assert found["sequence"] == (
        RemoteFile(f"{fasta}/Homo_sapiens.GRCh38.dna.primary_assembly.fa.gz", "sum", f"{fasta}/CHECKSUMS"),
    )
    assert found["genes"] == (RemoteFile(f"{gff3}/Homo_sapiens.GRCh38.115.gff3.gz", "sum", f"{gff3}/CHECKSUMS"),)
    clinvar, dbsnp = f"{NCBI}/pub/clinvar/vcf_GRCh38/clinvar.vcf.gz", f"{NCBI}/snp/archive/b157/VCF/GCF_000001405.40.gz"
    assert found["clinvar"] == (RemoteFile(clinvar, "md5", f"{clinvar}.md5"),)
    assert found["dbsnp"] == (RemoteFile(dbsnp, "md5", f"{dbsnp}.md5"),)
    for kind, first in (
        ("exomes", "848be4d85c953bc73a8e4f0c97026a72"),
        ("genomes", "328b4578212afec2cde394a1b02d544f"),
    ):
        own = found[f"gnomad-{kind}"]
        start = f"{GNOMAD}/release/4.1/vcf/{kind}/gnomad.{kind}.v4.1.sites.chr"
        assert own[0] == RemoteFile(f"{start}1.vcf.bgz", "md5", md5=first)
        assert [file.url for file in own[-3:]] == [f"{start}{name}.vcf.bgz" for name in (22, "X", "Y")]


def test_grch37() -> None:
    found = files("GRCh37")
    fasta = f"{ENSEMBL}/grch37/release-87/fasta/homo_sapiens/dna"
    gff3 = f"{ENSEMBL}/grch37/release-87/gff3/homo_sapiens"
    assert found["sequence"][0].url == f"{fasta}/Homo_sapiens.GRCh37.dna.primary_assembly.fa.gz"
    assert found["genes"][0].url == f"{gff3}/Homo_sapiens.GRCh37.87.gff3.gz"
    assert found["clinvar"][0].url == f"{NCBI}/pub/clinvar/vcf_GRCh37/clinvar.vcf.gz"
    assert found["dbsnp"][0].url == f"{NCBI}/snp/archive/b157/VCF/GCF_000001405.25.gz"
    assert found["gnomad-genomes"] == (
        RemoteFile(
            f"{GNOMAD}/release/2.1.1/vcf/genomes/gnomad.genomes.r2.1.1.sites.vcf.bgz",
            "md5",
            md5="e6eadf5ac7b2821b40f350da6e1279a2",
        ),
    )


@pytest.mark.parametrize("assembly", recipes.assemblies())
def test_every_source_is_described(assembly: str) -> None:
    recipe = recipes.read(assembly, {}, {})
    assert [source.role for source in recipe.sources][:2] == ["fasta", "gff3"]
    for source in recipe.sources:
        assert source.what
        assert "https://" in source.licence
        assert source.building > 0
        assert bool(source.overlay) == bool(source.fields) == (source.role == "overlay")
        for file in source.files:
            assert bool(file.checksums) != bool(re.fullmatch("[0-9a-f]{32}", file.md5))


def test_versions_and_servers_can_be_others() -> None:
    found = files("GRCh38", ensembl="114")
    assert found["genes"][0].url.endswith("/release-114/gff3/homo_sapiens/Homo_sapiens.GRCh38.114.gff3.gz")
    mirrored = recipes.read("GRCh38", {}, {"ensembl": "http://mirror/pub/"}).sources[0].files[0].url
    assert mirrored.startswith("http://mirror/pub/release-115/fasta/")


def test_overlays_are_chosen_by_name() -> None:
    recipe = recipes.read("GRCh38", {}, {})
    assert [source.name for source in recipe.only(["dbsnp", "clinvar"]).sources] == [
        "sequence", "genes", "clinvar", "dbsnp",
    ]  # fmt: skip
    with pytest.raises(RecipeError, match="has no overlay genes; it has clinvar, dbsnp, gnomad-exomes"):
        recipe.only(["genes"])


def test_what_is_not_in_the_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"hg18 is no recipe .*; give GRCh37, GRCh38 or a recipe file"):
        recipes.read("hg18", {}, {})
    with pytest.raises(RecipeError, match="no refseq among its versions, which are ensembl, dbsnp, gnomad"):
        recipes.read("GRCh38", {"refseq": "1"}, {})
    own = tmp_path / "own.toml"
    own.write_text('assembly = "x"\nsources = []\n')
    assert recipes.read(str(own), {}, {}).sources == ()
    own.write_text("sources = []\n")
    with pytest.raises(RecipeError, match="has nothing called 'assembly'"):
        recipes.read(str(own), {}, {})
