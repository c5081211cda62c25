"""The metadata stand-in keeps the rules of the real one, and says what it is told to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests
from botocore.utils import InstanceMetadataFetcher

from gas.host.metadata import connect
from scripts.local import loopback, metadata
from scripts.local.metadata import META, SPOT_ACTION, TARGET_STATE, TOKEN_HEADER, TTL_HEADER, Metadata
from tests.conftest import ROOT


@pytest.fixture
def imds() -> Iterator[Metadata]:
    with metadata.serving(metadata.instance({"gas:role": "web", "Name": "gas-web"}, zone="eu-west-1b")) as served:
        yield served


def ask(imds: Metadata, method: str, path: str, **headers: str) -> requests.Response:
    return loopback.session().request(method, f"{imds.url}/{path}", headers=headers, timeout=10)


def read(imds: Metadata, path: str) -> requests.Response:
    token = ask(imds, "PUT", "latest/api/token", **{TTL_HEADER: "60"}).text
    return ask(imds, "GET", path, **{TOKEN_HEADER: token})


def test_the_aws_libraries_find_what_they_look_for(imds: Metadata) -> None:
    found = connect({"AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url})
    assert found.instance_id == imds.says[f"{META}/instance-id"]
    assert (found.region, found.availability_zone) == ("eu-west-1", "eu-west-1b")
    assert dict(found.tags) == {"gas:role": "web", "Name": "gas-web"}
    assert found.autoscaling_target_lifecycle_state == "InService"
    assert found.spot_instance_action is None
    imds.spot_notice(120)
    assert 110 < found.spot_instance_action.time.timestamp() - time.time() <= 120


def test_credentials_of_the_role(imds: Metadata) -> None:
    fetcher = InstanceMetadataFetcher(timeout=5, config={"ec2_metadata_service_endpoint": imds.url})
    found = fetcher.retrieve_iam_role_credentials()
    assert (found["role_name"], found["access_key"]) == ("gas", "AKIAIOSFODNN7EXAMPLE")


def test_nothing_is_said_without_a_token(imds: Metadata) -> None:
    assert ask(imds, "GET", f"{META}/instance-id").status_code == 401
    assert ask(imds, "GET", f"{META}/instance-id", **{TOKEN_HEADER: "made up"}).status_code == 401


@pytest.mark.parametrize("ttl", ["", "0", "21601", "x"])
def test_a_token_has_a_time(imds: Metadata, ttl: str) -> None:
    assert ask(imds, "PUT", "latest/api/token", **{TTL_HEADER: ttl}).status_code == 400


def test_a_proxy_gets_no_token(imds: Metadata) -> None:
    headers = {TTL_HEADER: "60", "X-Forwarded-For": "10.0.0.1"}
    assert ask(imds, "PUT", "latest/api/token", **headers).status_code == 403


def test_folders_are_listed(imds: Metadata) -> None:
    assert read(imds, f"{META}/tags/instance/").text.splitlines() == ["Name", "gas:role"]
    assert "placement/" in read(imds, META).text.splitlines()
    assert read(imds, f"{META}/nothing").status_code == 404


def test_another_process_changes_what_is_said(imds: Metadata) -> None:
    assert ask(imds, "POST", "_standin/scale-in").ok
    assert read(imds, TARGET_STATE).text == "Terminated"
    assert ask(imds, "POST", "_standin/spot-notice?seconds=60").ok
    assert json.loads(read(imds, SPOT_ACTION).text)["action"] == "terminate"
    assert ask(imds, "DELETE", f"_standin/{SPOT_ACTION}").ok
    assert read(imds, SPOT_ACTION).status_code == 404
    assert loopback.session().put(f"{imds.url}/_standin/{META}/ami-id", data="ami-1", timeout=10).ok
    assert read(imds, f"{META}/ami-id").text == "ami-1"
    assert ask(imds, "DELETE", "_standin/nothing").status_code == 404
    assert ask(imds, "POST", "_standin/nothing").status_code == 404
    assert ask(imds, "PUT", "nothing").status_code == 405


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "scripts.local.metadata", "--tag", "gas:role=web", "--instance-id", "i-1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert connect({"AWS_EC2_METADATA_SERVICE_ENDPOINT": said["url"]}).instance_id == "i-1"
        os.kill(said["pid"], signal.SIGTERM)
        assert process.wait(30) == 0
