"""Links to other sites, by assembly."""

import pytest

from gas.explore.links import links


def urls(*place: object) -> dict[str, str]:
    return {one.site: one.url for one in links(*place)}  # type: ignore[arg-type]


def test_a_variant_of_grch38() -> None:
    assert urls("GRCh38", "chr17", 43044295, "G", "A") == {
        "Ensembl": "https://www.ensembl.org/Homo_sapiens/Location/View?r=17:43044270-43044320",
        "ClinVar": "https://www.ncbi.nlm.nih.gov/clinvar/?term=17%5Bchr%5D+AND+43044295%5Bchrpos38%5D",
        "gnomAD": "https://gnomad.broadinstitute.org/variant/17-43044295-G-A?dataset=gnomad_r4",
        "UCSC": "https://genome.ucsc.edu/cgi-bin/hgTracks?db=hg38&position=chr17:43044270-43044320",
    }


def test_an_rs_number_is_looked_up_by_name() -> None:
    found = urls("GRCh37.p13", "X", 5, "G", "A", "x rs12;rs13")
    assert found["Ensembl"] == "https://grch37.ensembl.org/Homo_sapiens/Variation/Explore?v=rs12"
    assert found["ClinVar"].endswith("?term=rs12")
    assert found["gnomAD"].endswith("X-5-G-A?dataset=gnomad_r2_1")
    assert found["UCSC"].endswith("db=hg19&position=chrX:1-30")


def test_the_mitochondrion() -> None:
    found = urls("rCRS", "MT", 3243, "A", "G")
    assert found["gnomAD"].endswith("M-3243-A-G?dataset=gnomad_r4")
    assert "chrM:" in found["UCSC"]
    assert "MT%5Bchr%5D" in found["ClinVar"]


@pytest.mark.parametrize("place", [("R64", "I"), ("GRCh38", "chrUn_1"), ("", "1"), ("GRCh38", "23")])
def test_what_the_sites_do_not_know_has_no_links(place: tuple[str, str]) -> None:
    assert urls(*place, 5, "G", "A") == {}


def test_a_symbolic_allele_is_not_in_gnomad() -> None:
    assert set(urls("hg38", "1", 5, "G", "<DEL>")) == {"Ensembl", "ClinVar", "UCSC"}
