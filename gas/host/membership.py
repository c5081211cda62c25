"""What an instance tells its autoscaling group.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from ec2_metadata import EC2Metadata

from gas import aws, fleet
from gas.config import Settings
from gas.faults import explain
from gas.host.metadata import NoMetadata, asking
from gas.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient

log = logger(__name__)


@dataclass(frozen=True)
class Membership:
    """One instance of one group. Every call may be repeated."""

    autoscaling: "AutoScalingClient"
    name_prefix: str
    role: str
    instance_id: str

    @property
    def group(self) -> str:
        return fleet.group_name(self.name_prefix, self.role)

    @property
    def launch_hook(self) -> str:
        return fleet.launch_hook(self.name_prefix, self.role)

    @property
    def drain_hook(self) -> str:
        return fleet.drain_hook(self.name_prefix, self.role)

    def complete(self, hook: str) -> None:
        """Let the group go on with the instance. Raises an error of AWS, unless it says that it waits for nothing."""
        try:
            self.autoscaling.complete_lifecycle_action(
                AutoScalingGroupName=self.group,
                LifecycleHookName=hook,
                InstanceId=self.instance_id,
                LifecycleActionResult="CONTINUE",
            )
        except ClientError as error:
            # Completed before (by an agent that was killed since), or ended by its own timeout.
            if not _refused(error):
                raise
            log.warning("no_lifecycle_action", hook=hook, reason=explain(error))
        else:
            log.info("lifecycle_action_completed", hook=hook)

    def heartbeat(self, hook: str) -> None:
        """Have the group wait for another heartbeat timeout of the hook. Raises an error of AWS."""
        self.autoscaling.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=self.group, LifecycleHookName=hook, InstanceId=self.instance_id
        )

    def protect(self, wanted: bool) -> bool:
        """Protect the instance from scale-in, or no longer; False: not now, the group does not count it as in service.

        https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
        """
        try:
            self.autoscaling.set_instance_protection(
                AutoScalingGroupName=self.group, InstanceIds=[self.instance_id], ProtectedFromScaleIn=wanted
            )
        except ClientError as error:
            if not _refused(error):
                raise
            log.info("protection_not_changed", reason=explain(error))
            return False
        log.info("protection_changed", protected=wanted)
        return True


def _refused(error: ClientError) -> bool:
    """Whether the call does not fit the state that the group sees the instance in."""
    return error.response["Error"]["Code"] == "ValidationError"


def of(settings: Settings, metadata: EC2Metadata) -> Membership:
    """This instance's membership. Raises `NoMetadata`, also where the instance has no role."""
    with asking(metadata):
        role = metadata.tags.get(fleet.ROLE_TAG, "")
        instance_id = metadata.instance_id
    if role not in fleet.ROLES:
        raise NoMetadata(
            f"The tag {fleet.ROLE_TAG} of {instance_id} is {role!r}; it must be one of {', '.join(fleet.ROLES)}."
        )
    return Membership(aws.client(settings, "autoscaling"), settings.name_prefix, role, instance_id)
