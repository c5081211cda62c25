"""EC2 Auto Scaling: instance refreshes. One may be under way in a group; it replaces one instance after the other.

A new instance comes before an old one goes. The new one is in service when its host completes the action of the
launching hook, the old one is gone when its host completes that of the terminating hook. Where no host is behind an
instance the stand-in does it in its place, after AWS_STANDIN_REFRESH_SECONDS.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
"""

import time
import uuid
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState, autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from . import settings
from .autoscaling_hooks import IN_SERVICE, PENDING, WAITING, enter_service, leave, members_change, terminate
from .timers import timers

GOING = {"InProgress": "Successful", "RollbackInProgress": "RollbackSuccessful"}
LOOK, LOOK_SECONDS = "instance-refresh-look", 0.1
Refresh = dict[str, Any]


class InProgress(AutoscalingClientError):
    code = "InstanceRefreshInProgress"


class NotFound(AutoscalingClientError):
    code = "ActiveInstanceRefreshNotFound"


def _group(response: AutoScalingResponse) -> FakeAutoScalingGroup:
    return response.autoscaling_backend.autoscaling_groups[response._get_param("AutoScalingGroupName")]


def _refreshes(group: FakeAutoScalingGroup) -> list[Refresh]:
    """All of the group's refreshes, the newest first."""
    found: list[Refresh] = getattr(group, "instance_refreshes", [])
    return found


def _under_way(group: FakeAutoScalingGroup) -> Refresh | None:
    return next((refresh for refresh in _refreshes(group) if refresh["Status"] in GOING), None)


def _go_on(group: FakeAutoScalingGroup) -> None:
    """Do all that can be done now, and look again later where that is not all."""
    with members_change:
        refresh = _under_way(group)
        while refresh is not None and _step(group, refresh):
            refresh["since"] = time.time()
        if refresh is not None and refresh["Status"] in GOING:
            backend = group.autoscaling_backend
            timers.schedule(
                LOOK_SECONDS, LOOK, account=backend.account_id, region=backend.region_name, group=group.name
            )


def _look(account: str, region: str, group: str) -> None:
    found = autoscaling_backends[account][region].autoscaling_groups.get(group)
    if found is not None:
        _go_on(found)


def _step(group: FakeAutoScalingGroup, refresh: Refresh) -> bool:
    """Do the one next thing; False: there is nothing to do, or not yet."""
    members = group.instance_states
    old = [state for state in members if state.instance_id in refresh["old"] and state.lifecycle_state != WAITING]
    held = [state for state in members if state.lifecycle_state in (PENDING, WAITING) and state not in old]
    to_come = len(old) + len([state for state in held if state.lifecycle_state == WAITING])
    refresh["InstancesToUpdate"] = to_come
    refresh["PercentageComplete"] = 100 * (refresh["size"] - min(to_come, refresh["size"])) // max(refresh["size"], 1)
    if held:
        overdue = time.time() - refresh["since"] >= settings.seconds("REFRESH")
        if overdue:
            _act_for_the_host(held[0])
        return overdue
    if not old:
        _use(group, refresh["to"])
        refresh.update(Status=GOING[refresh["Status"]], PercentageComplete=100)
        return False
    staying = [state for state in members if state.lifecycle_state in (PENDING, IN_SERVICE)]
    if len(staying) > (group.desired_capacity or 0):
        # Of what a rollback takes back, first what has not come yet.
        leave(min(old, key=lambda state: state.lifecycle_state == IN_SERVICE))
    else:
        _launch(group, refresh["to"])
    return True


def _act_for_the_host(state: InstanceState) -> None:
    """Complete the lifecycle action that the instance is held by."""
    group = state.auto_scaling_group
    if state.lifecycle_state == PENDING:
        enter_service(state)
    else:
        terminate(group.autoscaling_backend, group.name, state.instance.id)


def _launch(group: FakeAutoScalingGroup, template: dict[str, Any]) -> None:
    """One more instance, from that version of the template; the group has the other until the refresh is over."""
    used = group.launch_template_version
    group.launch_template_version = template["Version"]
    try:
        group.replace_autoscaling_group_instances(1, group.get_propagated_tags())
    finally:
        group.launch_template_version = used
    group.instance_states[-1].lifecycle_state = PENDING


def _template(group: FakeAutoScalingGroup) -> dict[str, Any]:
    policy = group.mixed_instances_policy
    return dict(policy["LaunchTemplate"]["LaunchTemplateSpecification"] if policy else group.launch_template)


def _use(group: FakeAutoScalingGroup, template: dict[str, Any]) -> None:
    group.launch_template_version = group.provided_launch_template_version = template["Version"]
    if group.mixed_instances_policy:
        group.mixed_instances_policy["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] = template["Version"]


def _number(group: FakeAutoScalingGroup, version: str | None) -> int:
    return int(group.ec2_launch_template.get_version(version or "$Default").number)


def _others(group: FakeAutoScalingGroup, template: dict[str, Any]) -> set[str]:
    """The instances that another version of the template has made."""
    number = _number(group, template.get("Version"))
    return {state.instance_id for state in group.instance_states if state.template_number != number}


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
def start_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    group = _group(self)
    if _under_way(group):
        raise InProgress(
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        )
    asked = self._get_params().get("DesiredConfiguration", {})
    mixed = asked.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    preferences = self._get_params().get("Preferences", {})
    wanted = asked.get("LaunchTemplate") or mixed or _template(group)
    everyone = {state.instance_id for state in group.instance_states}
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "InProgress",
        "PercentageComplete": 0,
        "InstancesToUpdate": 0,
        "Preferences": preferences,
        "since": time.time(),
        "size": len(everyone),
        "before": _template(group),
        "to": wanted,
        "old": _others(group, wanted) if preferences.get("SkipMatching") else everyone,
    }
    group.instance_refreshes = [refresh, *_refreshes(group)]
    _go_on(group)
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RollbackInstanceRefresh.html
def rollback_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    group = _group(self)
    with members_change:
        refresh = _under_way(group)
        if refresh is None or refresh["Status"] != "InProgress":
            raise NotFound("No in progress or pending Instance Refresh found for the Auto Scaling group.")
        back = refresh["before"]
        refresh.update(
            Status="RollbackInProgress", PercentageComplete=0, since=time.time(), to=back, old=_others(group, back)
        )
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CancelInstanceRefresh.html
def cancel_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    with members_change:
        refresh = _under_way(_group(self))
        if refresh is None:
            raise NotFound("No in progress or pending Instance Refresh found for the Auto Scaling group.")
        # What has been replaced stays so.
        refresh["Status"] = "Cancelled"
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html
def describe_instance_refreshes(self: AutoScalingResponse) -> ActionResult:
    wanted = self._get_param("InstanceRefreshIds", [])
    found = _refreshes(_group(self))
    return ActionResult(
        {"InstanceRefreshes": [each for each in found if not wanted or each["InstanceRefreshId"] in wanted]}
    )


def _instances_know_their_template() -> None:
    launch = FakeAutoScalingGroup.replace_autoscaling_group_instances

    def replace_autoscaling_group_instances(self: FakeAutoScalingGroup, count: int, tags: dict[str, str]) -> None:
        launch(self, count, tags)
        for state in self.instance_states[-count:]:
            if self.ec2_launch_template:
                state.template_number = _number(self, self.launch_template_version)

    FakeAutoScalingGroup.replace_autoscaling_group_instances = replace_autoscaling_group_instances


def install() -> None:
    _instances_know_their_template()
    timers.handlers[LOOK] = _look
    AutoScalingResponse.start_instance_refresh = start_instance_refresh
    AutoScalingResponse.rollback_instance_refresh = rollback_instance_refresh
    AutoScalingResponse.cancel_instance_refresh = cancel_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes
