"""EC2 Auto Scaling: instance refreshes. Each takes AWS_STANDIN_REFRESH_SECONDS, and only one may be under way.

They replace nothing but the group's launch template: the stand-in's instances are not machines.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
"""

import time
import uuid
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.models import FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from . import settings

GOING = {"InProgress": "Successful", "RollbackInProgress": "RollbackSuccessful"}


class InProgress(AutoscalingClientError):
    code = "InstanceRefreshInProgress"


class NotFound(AutoscalingClientError):
    code = "ActiveInstanceRefreshNotFound"


def _group(response: AutoScalingResponse) -> FakeAutoScalingGroup:
    return response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]


def _refreshes(group: FakeAutoScalingGroup) -> list[dict[str, Any]]:
    """All of the group's refreshes, the newest first, as they stand now."""
    found: list[dict[str, Any]] = getattr(group, "instance_refreshes", [])
    seconds = settings.seconds("REFRESH")
    for refresh in found:
        if refresh["Status"] in GOING:
            part = (time.time() - refresh["began"]) / seconds if seconds else 1
            refresh["PercentageComplete"] = min(int(part * 100), 100)
            if part >= 1:
                _use(group, refresh["wanted"] if refresh["Status"] == "InProgress" else refresh["before"])
                refresh["Status"] = GOING[refresh["Status"]]
    return found


def _template(group: FakeAutoScalingGroup) -> dict[str, Any]:
    policy = group.mixed_instances_policy
    return dict(policy["LaunchTemplate"]["LaunchTemplateSpecification"] if policy else group.launch_template)


def _use(group: FakeAutoScalingGroup, template: dict[str, Any] | None) -> None:
    if not template:
        return
    group.launch_template_version = group.provided_launch_template_version = template["Version"]
    if group.mixed_instances_policy:
        group.mixed_instances_policy["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] = template["Version"]


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
def start_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    group = _group(self)
    if any(refresh["Status"] in GOING for refresh in _refreshes(group)):
        raise InProgress(
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        )
    asked = self._get_params().get("DesiredConfiguration", {})
    mixed = asked.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "InProgress",
        "PercentageComplete": 0,
        "InstancesToUpdate": 0,
        "Preferences": self._get_params().get("Preferences", {}),
        "began": time.time(),
        "before": _template(group),
        "wanted": asked.get("LaunchTemplate") or mixed,
    }
    group.instance_refreshes = [refresh, *_refreshes(group)]
    _refreshes(group)
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html
def rollback_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    for refresh in _refreshes(_group(self)):
        if refresh["Status"] == "InProgress":
            refresh.update(Status="RollbackInProgress", PercentageComplete=0, began=time.time())
            return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})
    raise NotFound("No in progress or pending Instance Refresh found for the Auto Scaling group.")


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html
def describe_instance_refreshes(self: AutoScalingResponse) -> ActionResult:
    wanted = self._get_param("InstanceRefreshIds", [])
    found = [refresh for refresh in _refreshes(_group(self)) if not wanted or refresh["InstanceRefreshId"] in wanted]
    return ActionResult({"InstanceRefreshes": found})


def install() -> None:
    AutoScalingResponse.start_instance_refresh = start_instance_refresh
    AutoScalingResponse.rollback_instance_refresh = rollback_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes
