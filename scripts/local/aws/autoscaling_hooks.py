"""EC2 Auto Scaling: lifecycle actions. An instance of a group with a terminating hook waits before it goes.

The action of a launching hook stays open until somebody completes it. Only an instance of a refresh waits for that
(`autoscaling_refresh`); any other is in service at once.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import (
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
    LifecycleHook,
    TerminateInstanceActivity,
    autoscaling_backends,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import EmptyResult

from .timers import timers

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
PENDING, IN_SERVICE, WAITING = "Pending:Wait", "InService", "Terminating:Wait"
TIMED_OUT = "lifecycle-action-timed-out"
# Requests and timers change who is in a group.
members_change = threading.RLock()


def leave(state: InstanceState) -> None:
    """The group lets the instance go: at once, or when the action of its terminating hook is completed."""
    group = state.auto_scaling_group
    hook = _terminating_hook(group)
    if hook is None:
        terminate(group.autoscaling_backend, group.name, state.instance.id)
    else:
        _wait(state, hook)


def enter_service(state: InstanceState) -> None:
    state.launched = True
    if state.lifecycle_state == PENDING:
        state.lifecycle_state = IN_SERVICE


def terminate(backend: AutoScalingBackend, group: str, instance: str) -> None:
    with members_change:
        members = backend.autoscaling_groups[group].instance_states
        left = [state for state in members if state.instance.id != instance]
        backend.autoscaling_groups[group].instance_states = left
    backend.ec2_backend.terminate_instances([instance])


def _terminating_hook(group: FakeAutoScalingGroup) -> LifecycleHook | None:
    hooks = group.autoscaling_backend.describe_lifecycle_hooks(as_name=group.name)
    return next((hook for hook in hooks if hook.lifecycle_transition == TERMINATING), None)


def _wait(state: InstanceState, hook: LifecycleHook) -> None:
    """Hold the instance at the hook, for a heartbeat timeout from now."""
    seconds = hook.heartbeat_timeout
    state.lifecycle_state = WAITING
    state.waits_until = time.time() + seconds
    backend = state.auto_scaling_group.autoscaling_backend
    place = {"account": backend.account_id, "region": backend.region_name}
    timers.schedule(seconds, TIMED_OUT, **place, group=hook.auto_scaling_group_name, instance=state.instance.id)


def _time_out(account: str, region: str, group: str, instance: str) -> None:
    backend = autoscaling_backends[account][region]
    state = _state(backend, group, instance)
    # A heartbeat has set another time, and a timer of its own.
    if state is not None and state.lifecycle_state == WAITING and state.waits_until <= time.time():
        terminate(backend, group, instance)


def _state(backend: AutoScalingBackend, group: str, instance: str) -> InstanceState | None:
    members = backend.autoscaling_groups[group].instance_states if group in backend.autoscaling_groups else []
    return next((state for state in members if state.instance.id == instance), None)


def _groups_wait_for_hooks() -> None:
    terminate_now: Callable[..., Any] = AutoScalingBackend.terminate_instance
    resize: Callable[..., Any] = FakeAutoScalingGroup.set_desired_capacity

    # moto's instances are gone at once, whatever hooks their group has.
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    def terminate_instance(self: AutoScalingBackend, instance_id: str, should_decrement: bool) -> Any:
        for group in self.autoscaling_groups.values():
            state = _state(self, group.name, instance_id)
            hook = _terminating_hook(group)
            if state is None or hook is None:
                continue
            size = group.desired_capacity
            if state.lifecycle_state != WAITING:
                _wait(state, hook)
                group.set_desired_capacity(size - 1 if should_decrement else size)
            return TerminateInstanceActivity(state.instance, size)
        return terminate_now(self, instance_id, should_decrement)

    # Scale-in leaves protected instances alone.
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
    def set_desired_capacity(self: FakeAutoScalingGroup, new_capacity: int | None) -> None:
        hook = _terminating_hook(self)
        active = self.active_instances()
        if hook is not None and new_capacity is not None:
            free = [state for state in active if not state.protected_from_scale_in]
            for state in free[: max(len(active) - new_capacity, 0)]:
                _wait(state, hook)
        resize(self, new_capacity)

    AutoScalingBackend.terminate_instance = terminate_instance
    FakeAutoScalingGroup.set_desired_capacity = set_desired_capacity


def _action(response: AutoScalingResponse) -> tuple[LifecycleHook, InstanceState]:
    """The hook and the instance of an action that is open."""
    asked = response._get_params()
    backend, group, instance = response.autoscaling_backend, asked["AutoScalingGroupName"], asked.get("InstanceId")
    hooks = backend.describe_lifecycle_hooks(as_name=group, lifecycle_hook_names=[asked["LifecycleHookName"]])
    state = _state(backend, group, instance)
    if hooks and state is not None:
        waits = state.lifecycle_state == WAITING
        if waits if hooks[0].lifecycle_transition == TERMINATING else not getattr(state, "launched", False):
            return hooks[0], state
    raise ValidationError(f"No active Lifecycle Action found with instance ID {instance}")


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
def complete_lifecycle_action(self: AutoScalingResponse) -> EmptyResult:
    hook, state = _action(self)
    if hook.lifecycle_transition == TERMINATING:
        terminate(self.autoscaling_backend, hook.auto_scaling_group_name, state.instance.id)
    else:
        enter_service(state)
    return EmptyResult()


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
def record_lifecycle_action_heartbeat(self: AutoScalingResponse) -> EmptyResult:
    hook, state = _action(self)
    if hook.lifecycle_transition == TERMINATING:
        _wait(state, hook)
    return EmptyResult()


def install() -> None:
    _groups_wait_for_hooks()
    timers.handlers[TIMED_OUT] = _time_out
    AutoScalingResponse.complete_lifecycle_action = complete_lifecycle_action
    AutoScalingResponse.record_lifecycle_action_heartbeat = record_lifecycle_action_heartbeat
