import pytest

from gas import fleet
from gas.host.failures import NotReady
from gas.host.metadata import ENDPOINT, connect
from gas.host.roles import ROLES, identify
from scripts.local.metadata import instance, serving
from tests.conftest import ROOT

TAGS = {fleet.ROLE_TAG: "annotator", fleet.PREFIX_TAG: "lab", fleet.VERSION_TAG: "1.2"}


def refusal(tags: dict[str, str]) -> str:
    with serving(instance(tags)) as metadata, pytest.raises(NotReady) as refused:
        identify(connect({ENDPOINT: metadata.url}))
    return str(refused.value)


def test_an_instance_is_what_its_tags_say() -> None:
    with serving(instance(TAGS, instance_id="i-0123", zone="eu-west-1b")) as metadata:
        found = identify(connect({ENDPOINT: metadata.url}))
    assert (found.instance_id, found.region, found.role, found.name_prefix) == (
        "i-0123",
        "eu-west-1",
        "annotator",
        "lab",
    )
    assert found.release == "1.2"
    assert found.version


def test_roles_are_the_fleets_and_their_programs_exist() -> None:
    assert set(ROLES) == set(fleet.ROLES)
    for role in ROLES.values():
        assert {"lifecycle", "memmon"} <= set(role.programs)
        for program in role.programs:
            assert (ROOT / "ami" / "supervisor" / f"{program}.conf").is_file()


def test_every_program_runs_somewhere() -> None:
    known = {path.stem for path in (ROOT / "ami" / "supervisor").glob("*.conf")} - {"supervisord"}
    assert known == {program for role in ROLES.values() for program in role.programs}


def test_an_unknown_role_names_the_known_ones() -> None:
    assert refusal({**TAGS, fleet.ROLE_TAG: "database"}) == (
        "The tag gas:role of this instance is 'database'; it must be one of: web, annotator, utility."
    )


@pytest.mark.parametrize("missing", [fleet.ROLE_TAG, fleet.PREFIX_TAG])
def test_a_missing_tag_is_named(missing: str) -> None:
    assert f"no tag {missing}" in refusal({name: value for name, value in TAGS.items() if name != missing})


def test_a_launch_template_that_shows_no_tags_is_told_apart_from_a_missing_one() -> None:
    assert "tags/instance" in refusal({})


def test_no_metadata_service_is_a_sentence() -> None:
    with serving({}) as metadata:
        url = metadata.url
    with pytest.raises(NotReady, match=f"^Asking what this instance is: The instance metadata service at {url}"):
        identify(connect({ENDPOINT: url}))
