"""EC2 Auto Scaling: what a group was asked for comes back; `autoscaling_hooks` and `_refresh` do the rest."""

from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import FakeScalingPolicy
from moto.autoscaling.responses import AutoScalingResponse

from . import autoscaling_hooks, autoscaling_refresh

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


def install() -> None:
    _keep_settings("create_auto_scaling_group")
    _keep_settings("update_auto_scaling_group")
    _hooks_tell_what_was_asked()
    _policies_are_enabled()
    autoscaling_hooks.install()
    autoscaling_refresh.install()
