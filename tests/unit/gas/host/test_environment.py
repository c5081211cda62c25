import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gas.host import environment
from gas.host.failures import NotReady
from gas.host.roles import Identity
from tests.conftest import AwsStandIn
from tests.deployment import environment_of, settings_of


@pytest.fixture
def identity(unique: str) -> Identity:
    return Identity("i-0123", "us-east-1", "annotator", unique, "1.2", "1.2")


@pytest.fixture
def ssm(aws_standin: AwsStandIn) -> Any:
    return aws_standin.client("ssm")


def put(ssm: Any, path: str, **values: str) -> None:
    for name, value in values.items():
        ssm.put_parameter(Name=f"{path}/{name}", Value=value, Type="String")


def test_settings_of_the_role_win_over_those_of_all(ssm: Any, identity: Identity) -> None:
    common, own = environment.paths(identity)
    put(ssm, common, **{f"GAS_S{number}": str(number) for number in range(25)}, GAS_BUNDLE="a")
    put(ssm, own, GAS_BUNDLE="b")
    put(ssm, f"/{identity.name_prefix}/env/web", GAS_WEB_PORT="1")
    found = environment.read(ssm, identity)
    assert found == {**{f"GAS_S{number}": str(number) for number in range(25)}, "GAS_BUNDLE": "b"}


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "gas_region"])
def test_only_settings_are_taken(ssm: Any, identity: Identity, name: str) -> None:
    put(ssm, environment.paths(identity)[0], **{name: "x"})
    with pytest.raises(NotReady, match=f"{name} is no setting of GAS"):
        environment.read(ssm, identity)


def test_a_clock_that_is_an_hour_off_is_named(ssm: Any, identity: Identity) -> None:
    with pytest.raises(NotReady, match=r"The clock of this host is 3,\d\d\d seconds ahead of AWS's"):
        environment.read(ssm, identity, now=lambda: time.time() + 3_600)


def test_expired_credentials_are_named(faulty: AwsStandIn, identity: Identity) -> None:
    faulty.fault(service="ssm", kind="error", code="ExpiredTokenException")
    with pytest.raises(NotReady, match="the AWS credentials have expired"):
        environment.read(faulty.client("ssm"), identity)


def test_what_follows_from_the_instance(identity: Identity) -> None:
    derived = environment.derive(identity, cores=4)
    assert derived["GAS_PROGRAM_FILES"] == "annotator.conf lifecycle.conf memmon.conf"
    assert derived["GAS_ANNOTATOR_PROCESSES"] == derived["GAS_WEB_WORKERS"] == "4"
    assert derived["GAS_REGION"] == derived["AWS_DEFAULT_REGION"] == "us-east-1"


def test_whole_settings_pass(identity: Identity, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert environment.check(environment_of(settings), identity) == settings


def test_each_missing_and_each_wrong_setting_is_named_and_where_it_belongs(identity: Identity, tmp_path: Path) -> None:
    whole = environment_of(settings_of(tmp_path))
    del whole["GAS_RESULTS_BUCKET"]
    with pytest.raises(NotReady) as failed:
        environment.check({**whole, "GAS_FREE_WINDOW": "soon"}, identity)
    assert "GAS_RESULTS_BUCKET is not set" in str(failed.value)
    assert "GAS_FREE_WINDOW is 'soon'" in str(failed.value)
    assert f"/{identity.name_prefix}/env/annotator" in str(failed.value)


def test_the_file_reads_as_it_was_written(tmp_path: Path) -> None:
    """A shell reads double quotes as systemd does; the image's test has systemd read it."""
    path = tmp_path / "host.env"
    value = "GAS \"the lab\" <no-reply@gas.example> $HOME `x` \\ 'y'"
    environment.write(path, {"GAS_MAIL_FROM": value, "GAS_BUNDLE": "b"})
    command = ["sh", "-c", '. "$0"; printf %s "$GAS_MAIL_FROM"', str(path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == value
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["host.env"]


def test_a_setting_of_two_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="GAS_BUNDLE has more than one line"):
        environment.write(tmp_path / "host.env", {"GAS_BUNDLE": "a\nLD_PRELOAD=b"})
