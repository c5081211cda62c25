"""`gas ops drain`: the host goes, and another comes in its place."""

import threading
from collections.abc import Callable

import pytest

from gas.fleet import drain_hook, group_name
from gas.ops import drain as drains
from gas.ops import hosts
from gas.ops.account import Account, NotPossible
from scripts.local import fleet
from tests.conftest import AwsStandIn
from tests.deployment import client, until
from tests.unit.gas.ops.conftest import Command


def states(account: Account) -> dict[str, str]:
    found = fleet.describe(client("autoscaling"), account.name_prefix, "annotator")
    return {instance["InstanceId"]: instance["LifecycleState"] for instance in found}


def complete(account: Account, instance: str) -> None:
    """What the host's lifecycle agent does in the end."""
    client("autoscaling").complete_lifecycle_action(
        AutoScalingGroupName=group_name(account.name_prefix, "annotator"),
        LifecycleHookName=drain_hook(account.name_prefix, "annotator"),
        InstanceId=instance,
        LifecycleActionResult="CONTINUE",
    )


def test_a_host_is_drained_and_replaced(
    account: Account, group: Callable[..., list[str]], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance,) = group("annotator")
    monkeypatch.setattr(drains, "LOOK_SECONDS", 0.02)

    def lifecycle() -> None:
        until(lambda: states(account).get(instance) == "Terminating:Wait")
        complete(account, instance)

    agent = threading.Thread(target=lifecycle)
    agent.start()
    status, out, _ = command("drain", instance)
    agent.join()
    assert status == 0
    assert out.splitlines()[-1] == f"{instance}: gone"
    (new,) = states(account)
    assert new != instance


def test_a_host_that_is_not_gone_in_time_is_waited_for_again(
    account: Account, group: Callable[..., list[str]], command: Command
) -> None:
    first, second = group("annotator", size=2)
    host = hosts.one(account, first)
    said: list[str] = []
    assert not drains.drain(account, host, True, 11, said.append)
    assert not drains.drain(account, host, True, 11, said.append)
    assert said == [f"{first}: Terminating:Wait"] * 2
    assert states(account) == {first: "Terminating:Wait", second: "InService"}, "one less, and no third"
    complete(account, first)
    assert states(account) == {second: "InService"}


def test_patience_ends_in_a_sentence(
    account: Account, group: Callable[..., list[str]], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance,) = group("annotator")
    monkeypatch.setattr(drains, "LOOK_SECONDS", 0.3)
    status, _, err = command("drain", instance, "--wait", "1")
    assert status == 1
    assert f"{instance} is not gone after 1 s" in err


def test_a_group_that_may_not_shrink_says_so(
    account: Account, group: Callable[..., list[str]], faulty: AwsStandIn
) -> None:
    (instance,) = group("annotator")
    host = hosts.one(account, instance)
    operation = "TerminateInstanceInAutoScalingGroup"
    faulty.fault(service="autoscaling", operation=operation, kind="error", code="ValidationError", status=400, count=1)
    with pytest.raises(NotPossible, match="stays"):
        drains.drain(account, host, True, 1, print)


def test_what_is_in_no_group_cannot_be_drained(account: Account, group: Callable[..., list[str]]) -> None:
    (instance,) = group("annotator")
    host = hosts.one(account, instance)
    client("autoscaling").detach_instances(
        AutoScalingGroupName=group_name(account.name_prefix, "annotator"),
        InstanceIds=[instance],
        ShouldDecrementDesiredCapacity=True,
    )
    with pytest.raises(NotPossible, match="in no autoscaling group"):
        drains.drain(account, host, False, 1, print)
