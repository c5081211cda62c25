"""Which hosts there are: from the instances' tags, the autoscaling groups, and the leases of running jobs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gas.fleet import PREFIX_TAG, ROLE_TAG, ROLES, VERSION_TAG
from gas.items import ATTENTION_SHARDS
from gas.job import JobStatus
from gas.ops.account import Account, NotPossible
from gas.topology import resource_name

ALIVE = ["pending", "running", "shutting-down", "stopping", "stopped"]
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html
MOST_IDS_A_CALL = 50
# A running job is looked at again when its lease ends; no lease is longer.
LONGEST_LEASE_SECONDS = 3600


@dataclass(frozen=True)
class Host:
    """One instance. `launched` in epoch seconds; `state` and `health` are the group's, else EC2's and "none"; `jobs` is
    None until somebody counts them."""

    instance_id: str
    role: str
    zone: str
    version: str
    launched: float
    state: str
    health: str
    protected: bool
    address: str
    name: str
    jobs: int | None = None


def find(account: Account, role: str | None = None) -> list[Host]:
    """All hosts, or those of one role, by role and age."""
    if role is not None and role not in ROLES:
        raise NotPossible(f"There is no role {role!r}; there are {', '.join(ROLES)}.")
    instances = list(_instances(account, role))
    members = _members(account, [instance["InstanceId"] for instance in instances])
    hosts = [_host(instance, members.get(instance["InstanceId"])) for instance in instances]
    return sorted(hosts, key=lambda host: (ROLES.index(host.role) if host.role in ROLES else 9, host.launched))


def one(account: Account, text: str) -> Host:
    """The host that `text` names: an instance id or its beginning, or an address. Raises `NotPossible`."""
    hosts = find(account)
    fitting = [host for host in hosts if text in (host.address, host.name) or host.instance_id.startswith(text)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{host.instance_id} ({host.role})" for host in fitting or hosts) or "none"
    what = f"{text!r} fits several hosts" if fitting else f"There is no host {text!r} of {account.name_prefix}"
    raise NotPossible(f"{what} in {account.region}: {known}.")


def with_jobs(account: Account, hosts: Sequence[Host]) -> list[Host]:
    """The same hosts, each with how many jobs it runs. Raises an error of AWS, where the table cannot be read."""
    return counted(hosts, _owners(account) if hosts else ())


def counted(hosts: Sequence[Host], lease_owners: Iterable[str]) -> list[Host]:
    """The same hosts, each with how many of the running jobs, named by their leases' owners, it runs."""
    running = Counter(map(_label, lease_owners))
    # The subnet decides which of the two an instance calls itself.
    return [replace(host, jobs=running[_label(host.name)] + running[host.instance_id]) for host in hosts]


def _instances(account: Account, role: str | None) -> Iterator[dict[str, Any]]:
    filters = [
        {"Name": f"tag:{PREFIX_TAG}", "Values": [account.name_prefix]},
        {"Name": "instance-state-name", "Values": ALIVE},
        *([{"Name": f"tag:{ROLE_TAG}", "Values": [role]}] if role else []),
    ]
    for page in account.client("ec2").get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _members(account: Account, ids: list[str]) -> dict[str, dict[str, Any]]:
    autoscaling = account.client("autoscaling")
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), MOST_IDS_A_CALL):
        answer = autoscaling.describe_auto_scaling_instances(InstanceIds=ids[start : start + MOST_IDS_A_CALL])
        found |= {member["InstanceId"]: member for member in answer["AutoScalingInstances"]}
    return found


def _owners(account: Account) -> Iterator[str]:
    """The owners of the leases of all running jobs."""
    paginator = account.client("dynamodb").get_paginator("query")
    for shard in range(ATTENTION_SHARDS):
        pages = paginator.paginate(
            TableName=resource_name(account.name_prefix, "annotations"),
            IndexName="attention_index",
            KeyConditionExpression="attention_shard = :shard AND attention_at <= :until",
            FilterExpression="job_status = :running",
            ProjectionExpression="lease_owner",
            ExpressionAttributeValues={
                ":shard": {"S": str(shard)},
                ":until": {"N": str(int(account.now()) + LONGEST_LEASE_SECONDS)},
                ":running": {"S": str(JobStatus.RUNNING)},
            },
        )
        for page in pages:
            yield from (item["lease_owner"]["S"] for item in page["Items"] if "lease_owner" in item)


def _label(owner: str) -> str:
    """`ip-10-0-0-10` of a host's name, or of a lease owner's: `host:pid:attempt`."""
    return owner.split(":", 1)[0].split(".", 1)[0]


def _host(instance: dict[str, Any], member: dict[str, Any] | None) -> Host:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return Host(
        instance_id=instance["InstanceId"],
        role=tags.get(ROLE_TAG, "none"),
        zone=instance["Placement"]["AvailabilityZone"],
        version=tags.get(VERSION_TAG, "unknown"),
        launched=instance["LaunchTime"].timestamp(),
        state=member["LifecycleState"] if member else instance["State"]["Name"],
        health=member["HealthStatus"].lower() if member else "none",
        protected=bool(member and member.get("ProtectedFromScaleIn")),
        address=instance.get("PrivateIpAddress", ""),
        name=instance.get("PrivateDnsName", ""),
    )


def table(rows: Iterable[Iterable[object]], head: tuple[str, ...]) -> Iterator[str]:
    """Lines of a table for people, as wide as its cells."""
    cells = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def age(seconds: float) -> str:
    """`3 d 4 h`, `5 h 6 min`, `7 min`: two units tell enough."""
    minutes = int(seconds // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
