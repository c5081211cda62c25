"""A host's settings come from two paths of Parameter Store, one parameter a setting."""

import uuid
from typing import Any

import pytest

from scripts.local.deployed import host_settings, stack_settings
from tests.conftest import AwsStandIn


@pytest.fixture
def ssm(aws_standin: AwsStandIn) -> Any:
    return aws_standin.client("ssm")


@pytest.fixture
def prefix(ssm: Any) -> str:
    """A deployment with more settings than one page of the answer holds."""
    name = f"t{uuid.uuid4().hex[:8]}"
    common = {f"GAS_N{number}": str(number) for number in range(12)}
    paths = {"common": {**common, "GAS_SCRATCH_DIR": "/somewhere"}, "web": {"GAS_WEB_PORT": "8080"}, "utility": {}}
    for path, settings in paths.items():
        for setting, value in settings.items():
            ssm.put_parameter(Name=f"/{name}/env/{path}/{setting}", Value=value, Type="String")
    return name


def test_a_host_has_what_all_share_and_its_own(ssm: Any, prefix: str) -> None:
    web, utility = (host_settings(ssm, prefix, role) for role in ("web", "utility"))
    assert len(utility) == 13
    assert web == {**utility, "GAS_WEB_PORT": "8080"}


def test_a_stack_on_this_machine_keeps_its_own_folders(ssm: Any, prefix: str) -> None:
    made = stack_settings(ssm, prefix, ("web", "utility"))
    assert made["GAS_WEB_PORT"] == "8080"
    assert "GAS_SCRATCH_DIR" not in made
