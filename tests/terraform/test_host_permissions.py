"""What a host may do by itself, whatever runs on it; and that IAM will take our policies."""

from pathlib import Path

import pytest

from tests.terraform.policies import Grant, grants, render
from tests.terraform.requests import HERE, KEY, Need

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


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Grant]]:
    documents = render(tmp_path_factory.mktemp("policies"))["hosts"]
    return {role: list(grants(document)) for role, document in documents.items()}


def done_by(role: str) -> list[Need]:
    """Everything that a host of the role does, by the code or the agent that does it."""
    group = f"arn:aws:autoscaling:{HERE}:autoScalingGroup:0:autoScalingGroupName/gas-{role}"
    stream = f"arn:aws:logs:{HERE}:log-group:/gas/{role}:log-stream:i-0123456789abcdef0"
    found = [
        # Boot: the settings.
        Need("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/gas/env/common"),
        Need("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/gas/env/{role}"),
        # The lifecycle agent.
        Need("autoscaling:CompleteLifecycleAction", group),
        Need("autoscaling:RecordLifecycleActionHeartbeat", group),
        Need("autoscaling:SetInstanceProtection", group),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html
        *(Need(f"logs:{action}", stream) for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")),
        *(Need(action, "*") for action in SESSION_MANAGER),
    ]
    if role == "annotator":
        # Boot: the reference bundle. One that is not there is told from one that is denied.
        found += [
            Need("s3:GetObject", "arn:aws:s3:::gas-reference/bundles/mitochondrion/manifest.json"),
            Need("s3:ListBucket", "arn:aws:s3:::gas-reference"),
            Need("kms:Decrypt", KEY, (("kms:ViaService", "s3.us-east-1.amazonaws.com"),)),
        ]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_host_may_do_what_it_does_and_nothing_else(hosts: dict[str, list[Grant]], role: str) -> None:
    done = done_by(role)
    assert [need for need in done if not any(grant.allows(need) for grant in hosts[role])] == []
    assert [str(grant) for grant in hosts[role] if not any(grant.allows(need) for need in done)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_host_may_not_touch_other_groups_logs_and_settings(hosts: dict[str, list[Grant]], role: str) -> None:
    other = next(name for name in ROLES if name != role)
    mine = {need for need in done_by(role) if not any(need.action.startswith(f"{name}:") for name in ("s3", "kms"))}
    theirs = [need for need in done_by(other) if need not in mine and role in need.resource.replace(other, role)]
    assert len(theirs) == 7
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
