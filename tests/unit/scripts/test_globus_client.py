"""The Globus client gets into the secret, and the session key stays there."""

import json
import uuid
from typing import Any

import pytest
from click.testing import CliRunner

from scripts.globus_client import main
from tests.conftest import AwsStandIn


@pytest.fixture
def secret(aws_standin: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in aws_standin.env.items():
        monkeypatch.setenv(name, value)
    name = f"{uuid.uuid4()}/web"
    placeholder = {"globus_client_id": "not-set", "globus_client_secret": "not-set", "session_key": "kept"}
    aws_standin.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(placeholder))
    return name


def read(aws_standin: AwsStandIn, name: str) -> Any:
    return json.loads(aws_standin.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def test_client_is_written_and_the_session_key_kept(aws_standin: AwsStandIn, secret: str) -> None:
    done = CliRunner().invoke(main, ["the-id", "--secret", secret], input="the-secret\n")
    assert done.exit_code == 0
    assert "the-secret" not in done.output
    assert read(aws_standin, secret) == {
        "globus_client_id": "the-id",
        "globus_client_secret": "the-secret",
        "session_key": "kept",
    }


def test_nothing_given_changes_nothing(aws_standin: AwsStandIn, secret: str) -> None:
    done = CliRunner().invoke(main, ["the-id", "--secret", secret], input="\n")
    assert done.exit_code == 1
    assert read(aws_standin, secret)["globus_client_id"] == "not-set"


def test_an_unknown_secret_is_told_in_a_sentence(secret: str) -> None:
    done = CliRunner().invoke(main, ["the-id", "--secret", "none/such"], input="the-secret\n")
    assert done.exit_code == 1
    assert "The secret none/such could not be changed" in done.output
