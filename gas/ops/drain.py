"""Have one host go: the group starts another, and the host's own lifecycle agent empties it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gas.faults import explain
from gas.ops.account import Account, NotPossible
from gas.ops.hosts import Host

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

LOOK_SECONDS = 5.0


def drain(account: Account, host: Host, shrink: bool, patience: float, tell: Callable[[str], None]) -> bool:
    """Ask the group to let the host go, and wait until it is gone; False: it is not, after `patience` seconds.

    Scale-in protection does not hold it. `shrink`: without another in its place. A repeat only waits.
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    """
    autoscaling = account.client("autoscaling")
    state = _state(autoscaling, host.instance_id)
    if state is None:
        raise NotPossible(f"{host.instance_id} is in no autoscaling group; stop its programs with supervisorctl.")
    if not state.startswith("Terminat"):
        try:
            autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=host.instance_id, ShouldDecrementDesiredCapacity=shrink
            )
        except ClientError as error:
            # Such as a group that has its least size already.
            raise NotPossible(f"{host.instance_id} stays: {explain(error)}") from error
    deadline = account.now() + patience
    said = ""
    while (state := _state(autoscaling, host.instance_id)) is not None:
        if state != said:
            tell(f"{host.instance_id}: {state}")
            said = state
        if account.now() >= deadline:
            return False
        account.sleep(LOOK_SECONDS)
    tell(f"{host.instance_id}: gone")
    return True


def _state(autoscaling: "AutoScalingClient", instance_id: str) -> str | None:
    found = autoscaling.describe_auto_scaling_instances(InstanceIds=[instance_id])["AutoScalingInstances"]
    return found[0]["LifecycleState"] if found else None
