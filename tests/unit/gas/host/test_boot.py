import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gas import fleet
from gas.annotation import reference
from gas.host import boot
from gas.host.metadata import ENDPOINT
from scripts.local.metadata import Metadata, instance, serving
from tests.conftest import AwsStandIn
from tests.deployment import environment, environment_of, settings_of

READ_AT_BOOT = ("GAS_REGION", "GAS_NAME_PREFIX", "GAS_BUNDLES_DIR", "GAS_SCRATCH_DIR")


class Host:
    """An instance about to boot: what its metadata say, and what Parameter Store has."""

    def __init__(self, folder: Path, metadata: Metadata, prefix: str, ssm: Any) -> None:
        self.run_dir, self.metadata, self._prefix, self._ssm = folder / "run", metadata, prefix, ssm
        self.run_dir.mkdir()
        self.waited: list[float] = []

    def role(self, role: str) -> None:
        self.metadata.says[f"latest/meta-data/tags/instance/{fleet.ROLE_TAG}"] = role

    def put(self, **values: str) -> None:
        for name, value in values.items():
            self._ssm.put_parameter(
                Name=f"/{self._prefix}/env/common/{name}", Value=value, Type="String", Overwrite=True
            )

    def boot(self) -> int:
        return boot.main(self.run_dir, (1, 2), self.waited.append)

    def environment(self) -> dict[str, str]:
        lines = (self.run_dir / "host.env").read_text().splitlines()
        return {name: value.strip('"') for name, value in (line.split("=", 1) for line in lines)}


@pytest.fixture
def host(aws_standin: AwsStandIn, aws_environment: None, unique: str, tmp_path: Path) -> Iterator[Host]:
    """A web host with all of its settings."""
    tags = {fleet.ROLE_TAG: "web", fleet.PREFIX_TAG: unique, fleet.VERSION_TAG: "1.2"}
    whole = environment_of(settings_of(tmp_path))
    image = {name: whole[name] for name in ("GAS_BUNDLES_DIR", "GAS_SCRATCH_DIR")}
    with serving(instance(tags)) as metadata, environment({ENDPOINT: metadata.url, **image}):
        made = Host(tmp_path, metadata, unique, aws_standin.client("ssm"))
        # Parameter Store keeps no empty value.
        made.put(**{name: value for name, value in whole.items() if value and name not in READ_AT_BOOT})
        yield made


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], lines: Any) -> Callable[[str], list[dict[str, Any]]]:
    """What boot has logged of an event. (`lines` puts the logging back afterwards.)"""

    def of(event: str) -> list[dict[str, Any]]:
        read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in read if event in ("", line.get("event"))]

    return of


def test_a_host_is_made(host: Host, unique: str, said: Callable[[str], list[dict[str, Any]]]) -> None:
    host.put(GAS_OPS_KEYS="ssh-ed25519 AAAA one\nssh-ed25519 BBBB two", GAS_WEB_WORKERS="9")
    assert host.boot() == 0
    made = host.environment()
    assert made["GAS_NAME_PREFIX"] == unique
    assert made["GAS_PROGRAM_FILES"] == "web.conf lifecycle.conf memmon.conf"
    assert made["GAS_WEB_WORKERS"] == "9"
    assert "GAS_OPS_KEYS" not in made
    assert (host.run_dir / "ops-keys").read_text() == "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n"
    logs = json.loads((host.run_dir / "cloudwatch-agent.json").read_text())
    assert logs["logs"]["logs_collected"]["files"]["collect_list"][0]["log_group_name"] == f"/{unique}/web"
    assert said("boot_done")[0]["release"] == "1.2"


def test_an_annotator_is_ready_only_with_its_bundle(
    host: Host,
    aws_standin: AwsStandIn,
    unique: str,
    bundles: Path,
    tmp_path: Path,
    said: Callable[[str], list[dict[str, Any]]],
) -> None:
    host.role("annotator")
    host.put(GAS_REFERENCE_BUCKET=unique, GAS_BUNDLE="test-bundle")
    s3 = aws_standin.client("s3")
    s3.create_bucket(Bucket=unique)
    assert host.boot() == 1
    assert not (host.run_dir / "host.env").exists()
    assert "NoSuchKey" in said("boot_failed")[0]["reason"]
    put_bundle(s3, unique, bundles)
    assert host.boot() == 0
    assert reference.load(tmp_path / "bundles" / "test-bundle").name == "test-bundle"
    assert "GAS_REFERENCE_BUCKET" not in host.environment()


def put_bundle(s3: Any, bucket: str, bundles: Path) -> None:
    built = reference.load(bundles / "test-bundle")
    for path in built.path.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), bucket, f"bundles/test-bundle/{path.relative_to(built.path)}")


def test_a_web_host_has_of_the_bundle_what_it_shows_or_does_without(
    host: Host,
    aws_standin: AwsStandIn,
    unique: str,
    bundles: Path,
    tmp_path: Path,
    said: Callable[[str], list[dict[str, Any]]],
) -> None:
    host.put(GAS_REFERENCE_BUCKET=unique, GAS_BUNDLE="test-bundle")
    s3 = aws_standin.client("s3")
    s3.create_bucket(Bucket=unique)
    assert host.boot() == 0
    assert "NoSuchKey" in said("bundle_not_here")[0]["reason"]
    put_bundle(s3, unique, bundles)
    assert host.boot() == 0
    shown = tmp_path / "bundles" / "test-bundle"
    assert reference.load(shown).name == "test-bundle"
    assert not (shown / "models" / "cuts.npy").exists()


def test_tries_end_and_each_says_why(host: Host, said: Callable[[str], list[dict[str, Any]]]) -> None:
    host.role("wEb")
    assert host.boot() == 1
    assert host.waited == [1, 2]
    lines = said("")
    tries = [line for line in lines if line.get("event") == "boot_try_failed"]
    assert [(line["number"], line["next_seconds"]) for line in tries] == [(1, 1), (2, 2), (3, None)]
    assert {line["reason"].split(";")[0] for line in tries} == {"The tag gas:role of this instance is 'wEb'"}
    assert [line["BootFailed"] for line in lines if "BootFailed" in line] == [1]
    assert not (host.run_dir / "host.env").exists()


def test_what_was_missing_may_come(host: Host) -> None:
    host.role("")
    assert boot.main(host.run_dir, (1,), lambda _: host.role("utility")) == 0
    assert "sweeper.conf" in host.environment()["GAS_PROGRAM_FILES"]


def test_an_annotator_without_a_bucket_says_which_setting(
    host: Host, said: Callable[[str], list[dict[str, Any]]]
) -> None:
    host.role("annotator")
    assert host.boot() == 1
    assert said("boot_failed")[0]["reason"].startswith("GAS_REFERENCE_BUCKET is not set under /")
