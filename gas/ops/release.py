"""A release: an image, a new version of each launch template, and an instance refresh of each group.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
"""

import copy
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from gas.fleet import ROLLBACK_ALARMS, VERSION_TAG, group_name
from gas.ops.account import Account, NotPossible

LOOK_SECONDS = 10.0
GOING = {"Pending", "InProgress", "Baking", "RollbackInProgress", "Cancelling"}
GOOD = {"Successful", "RollbackSuccessful"}
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Refresh:
    """One group's replacement of its hosts, that is under way."""

    role: str
    group: str
    id: str


@dataclass(frozen=True)
class Template:
    """The launch template that a group uses now. `data` as EC2 describes it."""

    id: str
    version: int
    data: dict[str, Any]


def bake_command(region: str, architecture: str) -> list[str]:
    """What bakes an image of this checkout's version (docs/images.md)."""
    return ["make", "image", f"REGION={region}", f"ARCH={architecture}"]


def bake(checkout: Path, region: str, command: Sequence[str], tell: Tell) -> str:
    """Bake an image; returns its id. What Packer says is passed on. Raises `NotPossible`."""
    if not (checkout / "ami").is_dir():
        raise NotPossible(f"{checkout} is no checkout of GAS: bake from one, or name a baked image with --image.")
    baked = None
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as baking:
        assert baking.stdout is not None
        for line in baking.stdout:
            tell(line.rstrip())
            # Its last words: "us-east-1: ami-0123456789abcdef0".
            if match := re.search(rf"\b{re.escape(region)}: (ami-[0-9a-f]{{8,17}})\b", line):
                baked = match[1]
    if baking.returncode or baked is None:
        raise NotPossible(f"`{' '.join(command)}` ended with {baking.returncode} and named no image in {region}.")
    return baked


def release(account: Account, image_id: str, roles: Iterable[str], alarms: Sequence[str], tell: Tell) -> list[Refresh]:
    """Begin to bring every role's hosts to an image; one that runs it already is left alone. Raises `NotPossible`."""
    version = _version(account, image_id)
    groups = {role: _group(account, role) for role in roles}
    started = []
    for role, group in groups.items():
        template = _template(account, group)
        if template.data["ImageId"] == image_id:
            tell(f"{role}: runs {image_id} already")
            continue
        number = _new_version(account, template, image_id, version)
        tell(f"{role}: {template.data['ImageId']} (template version {template.version}) → {image_id} ({number})")
        started.append(_start(account, role, group, number, [*_alarms(account, role), *alarms]))
    return started


def roll_back(account: Account, roles: Iterable[str], tell: Tell) -> list[Refresh]:
    """Take back a release that is under way, or go to the image before this one. Raises `NotPossible`."""
    autoscaling = account.client("autoscaling")
    started = []
    for role, group in {role: _group(account, role) for role in roles}.items():
        name = group["AutoScalingGroupName"]
        latest = autoscaling.describe_instance_refreshes(AutoScalingGroupName=name, MaxRecords=1)["InstanceRefreshes"]
        if latest and latest[0]["Status"] in GOING:
            tell(f"{role}: takes back the release that is under way")
            answer = autoscaling.rollback_instance_refresh(AutoScalingGroupName=name)
            started.append(Refresh(role, name, answer["InstanceRefreshId"]))
            continue
        template = _template(account, group)
        before = _before(account, template)
        tell(f"{role}: {template.data['ImageId']} → {before.data['ImageId']} (template version {before.version})")
        started.append(_start(account, role, group, before.version, ()))
    return started


def follow(account: Account, refreshes: Sequence[Refresh], tell: Tell) -> bool:
    """Tell how the refreshes go on until all have ended; True: all well."""
    autoscaling = account.client("autoscaling")
    said: dict[str, str] = {}
    while True:
        statuses = []
        for refresh in refreshes:
            (now,) = autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=refresh.group, InstanceRefreshIds=[refresh.id]
            )["InstanceRefreshes"]
            statuses.append(now["Status"])
            line = f"{refresh.role}: {now['Status']} {now.get('PercentageComplete', 0)} %"
            line += f" ({now['StatusReason']})" if now.get("StatusReason") else ""
            if said.get(refresh.id) != line:
                tell(line)
                said[refresh.id] = line
        if not GOING & set(statuses):
            return set(statuses) <= GOOD
        account.sleep(LOOK_SECONDS)


def _version(account: Account, image_id: str) -> str:
    """The software's version that an image carries."""
    try:
        found = account.client("ec2").describe_images(ImageIds=[image_id])["Images"]
    except ClientError as error:
        raise NotPossible(f"There is no image {image_id} in {account.region}.") from error
    if not found or found[0]["State"] != "available":
        raise NotPossible(f"The image {image_id} cannot be used (yet): {found[0]['State'] if found else 'gone'}.")
    tags = {tag["Key"]: tag["Value"] for tag in found[0].get("Tags", [])}
    return tags.get(VERSION_TAG) or str(found[0].get("Name") or image_id)


def _alarms(account: Account, role: str) -> list[str]:
    """Those of the role's alarms that there are: AWS refuses a refresh that names another."""
    names = [f"{account.name_prefix}-{alarm}" for alarm in ROLLBACK_ALARMS[role]]
    found = account.client("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, [])]


def _group(account: Account, role: str) -> dict[str, Any]:
    name = group_name(account.name_prefix, role)
    found: list[dict[str, Any]] = account.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[name]
    )["AutoScalingGroups"]
    if not found:
        raise NotPossible(f"There is no autoscaling group {name} in {account.region}. Is the name prefix right?")
    return found[0]


def _specification(group: dict[str, Any]) -> dict[str, Any]:
    policy = group.get("MixedInstancesPolicy")
    used: dict[str, Any] = (
        policy["LaunchTemplate"]["LaunchTemplateSpecification"] if policy else group["LaunchTemplate"]
    )
    return used


def _template(account: Account, group: dict[str, Any]) -> Template:
    used = _specification(group)
    (found,) = account.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=used["LaunchTemplateId"], Versions=[used.get("Version", "$Default")]
    )["LaunchTemplateVersions"]
    return Template(used["LaunchTemplateId"], found["VersionNumber"], found["LaunchTemplateData"])


def _before(account: Account, template: Template) -> Template:
    """The latest earlier version with another image."""
    pages = account.client("ec2").get_paginator("describe_launch_template_versions")
    versions = [
        Template(template.id, found["VersionNumber"], found["LaunchTemplateData"])
        for page in pages.paginate(LaunchTemplateId=template.id)
        for found in page["LaunchTemplateVersions"]
    ]
    earlier = [
        version
        for version in versions
        if version.version < template.version and version.data["ImageId"] != template.data["ImageId"]
    ]
    if not earlier:
        raise NotPossible(f"The launch template {template.id} has no earlier version with another image.")
    return max(earlier, key=lambda version: version.version)


def _new_version(account: Account, template: Template, image_id: str, version: str) -> int:
    data: dict[str, Any] = {"ImageId": image_id}
    tags = copy.deepcopy(template.data.get("TagSpecifications", []))
    for tag in (tag for specification in tags for tag in specification["Tags"]):
        if tag["Key"] == VERSION_TAG:
            tag["Value"] = version
    if tags:
        data["TagSpecifications"] = tags
    made = account.client("ec2").create_launch_template_version(
        # A repeat with the same token makes no second version.
        ClientToken=f"{template.id}-{template.version}-{image_id}",
        LaunchTemplateId=template.id,
        SourceVersion=str(template.version),
        VersionDescription=f"GAS {version}"[:255],
        LaunchTemplateData=data,
    )
    return int(made["LaunchTemplateVersion"]["VersionNumber"])


def _start(account: Account, role: str, group: dict[str, Any], version: int, alarms: Sequence[str]) -> Refresh:
    wanted: dict[str, Any]
    if group.get("MixedInstancesPolicy"):
        wanted = {"MixedInstancesPolicy": copy.deepcopy(group["MixedInstancesPolicy"])}
    else:
        wanted = {"LaunchTemplate": copy.deepcopy(group["LaunchTemplate"])}
    used = _specification(wanted)
    # AWS takes the id or the name.
    used.pop("LaunchTemplateName", None)
    used["Version"] = str(version)
    preferences: dict[str, Any] = {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 200,
        "AutoRollback": True,
        "SkipMatching": True,
        # Protected hosts have a job in hand. They drain like the others; what they cannot finish goes back.
        "ScaleInProtectedInstances": "Refresh",
    }
    if alarms:
        preferences["AlarmSpecification"] = {"Alarms": list(alarms)}
    name = group["AutoScalingGroupName"]
    try:
        answer = account.client("autoscaling").start_instance_refresh(
            AutoScalingGroupName=name, DesiredConfiguration=wanted, Preferences=preferences
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "InstanceRefreshInProgress":
            raise
        raise NotPossible(
            f"{role}: hosts are being replaced already. Wait for that, or take it back with --rollback."
        ) from error
    return Refresh(role, name, answer["InstanceRefreshId"])
