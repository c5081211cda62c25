"""`gas ops hosts`: what it finds of hosts, and how it shows them."""

import json
from collections.abc import Callable

import pytest

from gas.fleet import group_name
from gas.ops import account as accounts
from gas.ops import hosts
from gas.ops.account import Account, NotPossible
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, client, new_job
from tests.unit.gas.ops.conftest import Command


def described(instance_id: str) -> dict[str, str]:
    return client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def test_hosts_of_all_roles_with_the_jobs_they_run(
    place: Deployment, group: Callable[..., list[str]], command: Command
) -> None:
    (web,) = group("web")
    first, second = group("annotator", size=2, version="2.0")
    label = described(first)["PrivateDnsName"].split(".")[0]
    place.jobs.claim(place.jobs.get(created(place)), f"{label}:17")
    place.jobs.claim(place.jobs.get(created(place)), f"{label}:18")
    place.jobs.claim(place.jobs.get(created(place)), f"{second}:1")
    created(place)
    client("autoscaling").set_instance_protection(
        AutoScalingGroupName=group_name(place.settings.name_prefix, "annotator"),
        InstanceIds=[first],
        ProtectedFromScaleIn=True,
    )
    status, out, _ = command("hosts", "--json")
    assert status == 0
    found = {host["instance_id"]: host for host in json.loads(out)}
    assert {key: (host["role"], host["version"], host["jobs"]) for key, host in found.items()} == {
        web: ("web", "1.0", 0),
        first: ("annotator", "2.0", 2),
        second: ("annotator", "2.0", 1),
    }
    assert found[first]["protected"]
    assert (found[web]["zone"], found[web]["state"], found[web]["health"]) == ("us-east-1a", "InService", "healthy")
    status, out, _ = command("hosts")
    head, *rows = out.splitlines()
    assert head.split()[:4] == ["HOST", "ROLE", "ZONE", "VERSION"]
    assert [row.split()[1] for row in rows] == ["web", "annotator", "annotator"]
    assert command("hosts", "web")[1].count("\n") == 2


def created(place: Deployment) -> str:
    """A job that was submitted just now."""
    job = new_job(submit_time=place.jobs.now())
    assert place.jobs.create(job)
    return job.job_id


def test_an_installation_without_hosts_says_so(place: Deployment, command: Command) -> None:
    assert command("hosts") == (0, f"{place.settings.name_prefix} has no host.\n", "")
    assert json.loads(command("hosts", "--json")[1]) == []


def test_a_host_is_named_by_id_beginning_or_address(account: Account, group: Callable[..., list[str]]) -> None:
    first, second = group("annotator", size=2)
    assert hosts.one(account, first).instance_id == first
    shared = next(n for n in range(len(first)) if first[n] != second[n])
    assert hosts.one(account, second[: shared + 1]).instance_id == second
    assert hosts.one(account, described(first)["PrivateIpAddress"]).instance_id == first
    with pytest.raises(NotPossible, match="'i-' fits several hosts"):
        hosts.one(account, "i-")
    with pytest.raises(NotPossible, match=r"There is no host '10\.9\.9\.9'"):
        hosts.one(account, "10.9.9.9")


def test_an_instance_outside_its_group_shows_what_ec2_says(account: Account, group: Callable[..., list[str]]) -> None:
    (instance,) = group("utility")
    client("autoscaling").detach_instances(
        AutoScalingGroupName=group_name(account.name_prefix, "utility"),
        InstanceIds=[instance],
        ShouldDecrementDesiredCapacity=True,
    )
    (host,) = hosts.find(account)
    assert (host.state, host.health, host.protected) == ("running", "none", False)


def test_a_role_that_there_is_not(account: Account) -> None:
    with pytest.raises(NotPossible, match="no role 'cook'; there are web, annotator, utility"):
        hosts.find(account, "cook")


def test_aws_refusing_is_a_sentence(place: Deployment, faulty: AwsStandIn, command: Command) -> None:
    faulty.fault(service="ec2", operation="DescribeInstances", kind="error", code="AccessDenied", status=403)
    status, _, err = command("hosts")
    assert status == 1
    assert "AWS refused the credentials or the permission is missing" in err


def test_hosts_are_shown_also_where_the_jobs_cannot_be_counted(
    group: Callable[..., list[str]], faulty: AwsStandIn, command: Command
) -> None:
    (web,) = group("web")
    faulty.fault(service="dynamodb", operation="Query", kind="error", code="AccessDenied", status=403)
    status, out, err = command("hosts")
    assert status == 0
    assert out.splitlines()[1].split()[-2] == "?"
    assert out.splitlines()[1].startswith(web)
    assert "The jobs could not be counted: AWS refused" in err


def test_the_region_has_to_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAS_REGION", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(NotPossible, match="Which region"):
        accounts.here(None, None)
    assert accounts.here("eu-west-1", None).region == "eu-west-1"


@pytest.mark.parametrize(
    ("seconds", "said"), [(59, "0 min"), (7 * 60, "7 min"), (5 * 3600 + 60, "5 h 1 min"), (90_000, "1 d 1 h")]
)
def test_an_age_in_two_units(seconds: float, said: str) -> None:
    assert hosts.age(seconds) == said
