"""What a host may do by itself, from boot to drain, whatever runs on it; and that IAM will take our policies."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from agents.lifecycle import Lifecycle
from gas import fleet, telemetry
from gas.config import Settings
from gas.host import boot, membership
from gas.host.metadata import ENDPOINT, connect
from scripts.local import fleet as local_fleet
from scripts.local import metadata
from tests.deployment import Clock, client, environment, environment_of, settings_of, until
from tests.fixtures import aws_environment
from tests.genome import bundles
from tests.supervisord import STEADY, supervisord, unhurried
from tests.terraform.policies import Grant, grants, render
from tests.terraform.requests import HERE, Need, Noted, needs

__all__ = ["aws_environment", "bundles"]

ROLES = ("web", "annotator", "utility")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LONGEST_POLICY = 6_144
# Session Manager's agent names no resource.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
# What the test itself does to the stand-in.
OWN_OPERATIONS = {
    "PutParameter",
    "CreateBucket",
    "PutObject",
    "CreateLaunchTemplate",
    "CreateAutoScalingGroup",
    "PutLifecycleHook",
    "DescribeAutoScalingGroups",
    "TerminateInstanceInAutoScalingGroup",
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Grant]]:
    documents = render(tmp_path_factory.mktemp("policies"))["hosts"]
    return {role: list(grants(document)) for role, document in documents.items()}


@pytest.fixture(scope="module")
def called(aws_environment: None, bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Need]:
    """What a host of annotators calls from its boot to its end, in a deployment called gas."""
    folder = tmp_path_factory.mktemp("host")
    settings = settings_of(folder, bundle="test-bundle")
    found: list[Need] = []
    # Another test's logging must not become that of a host.
    with noting(found, settings.name_prefix), patch.object(telemetry, "configure"):
        boot_host(settings, bundles, folder)
        live_and_leave(settings)
    return found


@contextmanager
def noting(found: list[Need], prefix: str) -> Iterator[None]:
    """Inside, every call of this process that is not a test's own becomes what IAM asks for it."""
    call = BaseClient._make_api_call

    def note(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        status = 200
        try:
            return call(self, operation, parameters)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise
        finally:
            service = self.meta.service_model.service_name
            path = f"/{parameters.get('Bucket')}/{parameters.get('Key', '')}"
            noted = Noted("gas-host", "header", service, operation, path, status, parameters=parameters)
            if operation not in OWN_OPERATIONS:
                found.extend(replace(need, resource=need.resource.replace(prefix, "gas")) for need in needs(noted))

    with patch.object(BaseClient, "_make_api_call", note):
        yield


def boot_host(settings: Settings, bundles: Path, folder: Path) -> None:
    """Boot before the bundle is in its bucket, and after."""
    reference, ssm = f"{settings.name_prefix}-reference", client("ssm")
    given = {**environment_of(settings), "GAS_REFERENCE_BUCKET": reference}
    for name, value in given.items():
        if value and not name.endswith("_DIR"):
            where = f"/{settings.name_prefix}/env/common/{name}"
            ssm.put_parameter(Name=where, Value=value, Type="String", Overwrite=True)
    client("s3").create_bucket(Bucket=reference)
    tags = {fleet.ROLE_TAG: "annotator", fleet.PREFIX_TAG: settings.name_prefix}
    own = {name: value for name, value in given.items() if name.endswith("_DIR")}
    (folder / "run").mkdir()
    with metadata.serving(metadata.instance(tags)) as imds, environment({ENDPOINT: imds.url, **own}):
        assert boot.main(folder / "run", waits=()) == 1
        for path in (bundles / "test-bundle").rglob("*"):
            if path.is_file():
                key = f"bundles/{path.relative_to(bundles).as_posix()}"
                client("s3").put_object(Bucket=reference, Key=key, Body=path.read_bytes())
        assert boot.main(folder / "run", waits=()) == 0


def live_and_leave(settings: Settings) -> None:
    """Enter service, be protected, and leave by scale-in while a program takes its time to stop."""
    ec2, autoscaling = client("ec2"), client("autoscaling")
    (instance,) = local_fleet.create_group(ec2, autoscaling, settings.name_prefix, "annotator")
    tags = {fleet.ROLE_TAG: "annotator", fleet.PREFIX_TAG: settings.name_prefix}
    with (
        metadata.serving(metadata.instance(tags, instance_id=instance)) as imds,
        supervisord({"lifecycle": STEADY, "annotator": unhurried(0.5)}, ()) as address,
    ):
        ask = connect({"AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url})
        agent = Lifecycle(settings, ask, membership.of, address, "lifecycle", Clock())
        agent.look()
        agent.look()
        autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)
        imds.scale_in()

        def left() -> bool:
            agent.look()
            return bool(agent.released)

        until(left)


def done_by(role: str, called: list[Need]) -> list[Need]:
    """Everything that a host of the role does, by our code or by an agent of AWS's."""
    stream = f"arn:aws:logs:{HERE}:log-group:/gas/{role}:log-stream:i-0123456789abcdef0"
    # All roles run the same code; those who annotate have a bundle, and those who show results a part of it.
    ours = [
        replace(need, resource=need.resource.replace("annotator", role))
        for need in called
        if role in ("annotator", "web") or not need.action.startswith(("s3:", "kms:"))
    ]
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html
    logs = [Need(f"logs:{action}", stream) for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")]
    return [*ours, *logs, *(Need(action, "*") for action in SESSION_MANAGER)]


@pytest.mark.parametrize("role", ROLES)
def test_a_host_may_do_what_it_does_and_nothing_else(
    hosts: dict[str, list[Grant]], called: list[Need], role: str
) -> None:
    done = done_by(role, called)
    assert [need for need in done if not any(grant.allows(need) for grant in hosts[role])] == []
    assert [str(grant) for grant in hosts[role] if not any(grant.allows(need) for need in done)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_host_may_not_touch_other_groups_logs_and_settings(
    hosts: dict[str, list[Grant]], called: list[Need], role: str
) -> None:
    other = next(name for name in ROLES if name != role)
    theirs = {need for need in done_by(other, called) if other in need.resource}
    assert {need.action.partition(":")[0] for need in theirs} == {"autoscaling", "logs", "ssm"}
    assert [need for need in theirs if any(grant.allows(need) for grant in hosts[role])] == []


@pytest.mark.parametrize("backend", ["glacier-vault", "s3-glacier"])
def test_policies_with_the_longest_names_are_short_enough(tmp_path: Path, backend: str) -> None:
    name, account = "a-name-of-20-letters", "123456789012"
    buckets = {short: f"{name}-{short}-{account}" for short in ("inputs", "results", "reference")}
    long = {"name": name, "bucket_names": buckets, "region": "ap-southeast-2", "partition": "aws-us-gov"}
    made = render(tmp_path, archive_backend=backend, mail_domain="a" * 63 + ".example", **long)
    sizes = {process: len(document) for documents in made.values() for process, document in documents.items()}
    assert max(sizes.values()) < LONGEST_POLICY, sizes


@pytest.mark.parametrize(
    ("grant", "need", "allowed"),
    [
        (Grant("s3:GetObject", "arn:aws:s3:::b/*/input", ()), Need("s3:GetObject", "arn:aws:s3:::b/u/j/input"), True),
        (Grant("s3:GetObject", "arn:aws:s3:::b/*/input", ()), Need("s3:GetObject", "arn:aws:s3:::b/u/j/result"), False),
        (Grant("s3:GetObject", "arn:aws:s3:::b", ()), Need("s3:GetObject", "arn:aws:s3:::b/key"), False),
        (Grant("s3:GetObject", "arn:aws:s3:::?", ()), Need("s3:GetObject", "arn:aws:s3:::bb"), False),
        (Grant("s3:GetObject", "*", ()), Need("s3:GetObjectVersion", "arn:aws:s3:::b/key"), False),
        (Grant("a:B", "*", (("StringEquals", "k", ("v", "w")),)), Need("a:B", "r", (("k", "w"),)), True),
        (Grant("a:B", "*", (("StringEquals", "k", ("v*",)),)), Need("a:B", "r", (("k", "vv"),)), False),
        (Grant("a:B", "*", (("StringLike", "k", ("v*",)),)), Need("a:B", "r", (("k", "vv"),)), True),
        (Grant("a:B", "*", (("StringLike", "k", ("*",)),)), Need("a:B", "r"), False),
    ],
)
def test_grants_are_read_as_iam_reads_them(grant: Grant, need: Need, allowed: bool) -> None:
    assert grant.allows(need) is allowed
