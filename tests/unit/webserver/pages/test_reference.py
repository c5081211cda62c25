"""What the upload page's script is told, which must be what intake itself goes by."""

from pathlib import Path

import pytest

from gas.annotation import reference
from gas.annotation.intake import InputRefused, open_input
from tests.genome import bundles
from tests.unit.webserver.conftest import Member
from webserver.services import Services

__all__ = ["bundles"]


def test_the_bundles_contigs_by_all_their_names(
    member: Member, services: Services, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "webserver.pages.reference.local_bundle", lambda folder, name: reference.load(bundles / "test-bundle")
    )
    told = member.browser.get("/annotate/reference").json
    assert (told["bundle"], told["assembly"]) == (services.settings.bundle, "TEST")
    assert told["contigs"] == [{"name": "1", "length": 600, "synonyms": ["chr1"]}]


def test_assemblies_and_their_lengths(member: Member) -> None:
    told = {one["name"]: one for one in member.browser.get("/annotate/reference").json["assemblies"]}
    assert told["GRCh38 (hg38)"]["lengths"]["1"] == 248_956_422
    assert "hs37" in told["GRCh37 (hg19)"]["called"]
    assert not any(one["own"] for one in told.values())


def test_without_a_bundle_on_this_host_nobody_says_what_fits(member: Member) -> None:
    told = member.browser.get("/annotate/reference").json
    assert told["assembly"] is told["contigs"] is None


def test_what_is_no_vcf_is_what_intake_refuses_in_the_same_words(member: Member, bundles: Path, tmp_path: Path) -> None:
    kinds = member.browser.get("/annotate/reference").json["foreign"]
    assert len(kinds) > 20
    opened = reference.load(bundles / "test-bundle")
    for kind in kinds:
        file = tmp_path / "x"
        file.write_bytes(bytes.fromhex(kind["begins"]) + b"x" * 40)
        with pytest.raises(InputRefused) as refused:
            open_input(file, opened)
        assert str(refused.value) == f"The file is {kind['what']}; {kind['advice']}."
