"""EC2 Auto Scaling: what a group was asked for comes back, lifecycle actions, instance refresh."""

import uuid
from collections.abc import Callable
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import FakeScalingPolicy
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

# moto forgets these when a group is made, so that Terraform plans them again for ever.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
KEPT_SETTINGS = {
    "DefaultInstanceWarmup": "default_instance_warmup",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "Context": "context",
}


def _keep_settings(operation: str) -> None:
    original: Callable[[AutoScalingResponse], Any] = getattr(AutoScalingResponse, operation)

    def keep(self: AutoScalingResponse) -> Any:
        answer = original(self)
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        for parameter, attribute in KEPT_SETTINGS.items():
            value = self._get_params().get(parameter)
            if value is not None:
                setattr(group, attribute, value)
        return answer

    setattr(AutoScalingResponse, operation, keep)


def _hooks_tell_what_was_asked() -> None:
    original = AutoScalingResponse.put_lifecycle_hook

    # moto shows every hook with a made-up target and role.
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html
    def put_lifecycle_hook(self: AutoScalingResponse) -> Any:
        answer = original(self)
        asked = self._get_params()
        for hook in self.autoscaling_backend.describe_lifecycle_hooks(
            as_name=asked["AutoScalingGroupName"], lifecycle_hook_names=[asked["LifecycleHookName"]]
        ):
            hook.notification_target_arn = asked.get("NotificationTargetARN")
            hook.role_arn = asked.get("RoleARN")
        return answer

    AutoScalingResponse.put_lifecycle_hook = put_lifecycle_hook


def _policies_are_enabled() -> None:
    original = FakeScalingPolicy.__init__

    # moto's policies have no Enabled, and an empty predictive configuration where there is none.
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ScalingPolicy.html
    def __init__(self: FakeScalingPolicy, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.enabled = True
        self.predictive_scaling_configuration = self.predictive_scaling_configuration or None

    FakeScalingPolicy.__init__ = __init__


def _active_hook(self: AutoScalingResponse) -> dict[str, Any]:
    asked = self._get_params()
    hooks = self.autoscaling_backend.describe_lifecycle_hooks(
        as_name=asked["AutoScalingGroupName"], lifecycle_hook_names=[asked["LifecycleHookName"]]
    )
    if not hooks:
        raise ValidationError(f"No active Lifecycle Action found with instance ID {asked.get('InstanceId')}")
    return asked


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
def complete_lifecycle_action(self: AutoScalingResponse) -> EmptyResult:
    asked = _active_hook(self)
    instance = asked.get("InstanceId")
    group = self.autoscaling_backend.autoscaling_groups[asked["AutoScalingGroupName"]]
    if any(state.instance.id == instance for state in group.instance_states):
        self.autoscaling_backend.terminate_instance(instance, False)
    return EmptyResult()


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
def record_lifecycle_action_heartbeat(self: AutoScalingResponse) -> EmptyResult:
    _active_hook(self)
    return EmptyResult()


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html
def start_instance_refresh(self: AutoScalingResponse) -> ActionResult:
    """Ends at once: the stand-in's instances are not machines that would need replacing."""
    name = self._get_params()["AutoScalingGroupName"]
    group = self.autoscaling_backend.autoscaling_groups[name]
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": name,
        "Status": "Successful",
        "PercentageComplete": 100,
        "InstancesToUpdate": 0,
    }
    group.instance_refreshes = [refresh, *getattr(group, "instance_refreshes", [])]
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


def describe_instance_refreshes(self: AutoScalingResponse) -> ActionResult:
    group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
    return ActionResult({"InstanceRefreshes": getattr(group, "instance_refreshes", [])})


def install() -> None:
    _keep_settings("create_auto_scaling_group")
    _keep_settings("update_auto_scaling_group")
    _hooks_tell_what_was_asked()
    _policies_are_enabled()
    AutoScalingResponse.complete_lifecycle_action = complete_lifecycle_action
    AutoScalingResponse.record_lifecycle_action_heartbeat = record_lifecycle_action_heartbeat
    AutoScalingResponse.start_instance_refresh = start_instance_refresh
    AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes
