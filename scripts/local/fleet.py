"""The fleet in the stand-in: an autoscaling group of each role, with the hooks and tags that Terraform gives them."""

from typing import Any

from gas import fleet

IMAGE = "ami-12345678"
# The least that AWS takes.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
HEARTBEAT_SECONDS = 30


def create_group(
    ec2: Any,
    autoscaling: Any,
    name_prefix: str,
    role: str,
    size: int = 1,
    version: str = "1.0",
    heartbeat_seconds: int = HEARTBEAT_SECONDS,
) -> list[str]:
    """Create one role's group with `size` instances; returns their ids. `version`: of the software, for the tag.
    `heartbeat_seconds`: how long the group waits for a host that is to go, and says nothing."""
    name = fleet.group_name(name_prefix, role)
    tags = {fleet.ROLE_TAG: role, fleet.PREFIX_TAG: name_prefix, fleet.VERSION_TAG: version}
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    template = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": IMAGE,
            "InstanceType": "t4g.small",
            "TagSpecifications": [{"ResourceType": "instance", "Tags": given}],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=100,
        DesiredCapacity=size,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        AvailabilityZones=["us-east-1a"],
    )
    for hook, transition in (
        (fleet.launch_hook(name_prefix, role), "LAUNCHING"),
        (fleet.drain_hook(name_prefix, role), "TERMINATING"),
    ):
        autoscaling.put_lifecycle_hook(
            AutoScalingGroupName=name,
            LifecycleHookName=hook,
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
            HeartbeatTimeout=heartbeat_seconds,
        )
    return [instance["InstanceId"] for instance in describe(autoscaling, name_prefix, role)]


def describe(autoscaling: Any, name_prefix: str, role: str) -> list[dict[str, Any]]:
    """A group's instances as DescribeAutoScalingGroups has them."""
    name = fleet.group_name(name_prefix, role)
    found: list[dict[str, Any]] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ][0]["Instances"]
    return found
