"""Instance refreshes: one instance after the other, as the hosts behind them answer their lifecycle hooks."""

import base64
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gas.fleet import VERSION_TAG
from tests.conftest import AwsStandIn
from tests.deployment import until

OLD, NEW = "1", "2"


@dataclass(frozen=True)
class Group:
    """A group of one instance of template version 1, which tags it 1.0; version 2 tags 2.0."""

    name: str
    autoscaling: Any
    ec2: Any

    def put_hook(self, transition: str) -> None:
        self.autoscaling.put_lifecycle_hook(
            AutoScalingGroupName=self.name,
            LifecycleHookName=transition.lower(),
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
            HeartbeatTimeout=60,
        )

    def complete(self, transition: str, instance_id: str) -> None:
        self.autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=self.name,
            LifecycleHookName=transition.lower(),
            InstanceId=instance_id,
            LifecycleActionResult="CONTINUE",
        )

    def start(self, **preferences: Any) -> str:
        return str(
            self.autoscaling.start_instance_refresh(
                AutoScalingGroupName=self.name,
                DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": self.name, "Version": NEW}},
                Preferences=preferences,
            )["InstanceRefreshId"]
        )

    def latest(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=self.name)[
            "InstanceRefreshes"
        ]
        return found[0]

    def described(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])[
            "AutoScalingGroups"
        ]
        return found[0]

    def states(self) -> dict[str, str]:
        return {found["InstanceId"]: found["LifecycleState"] for found in self.described()["Instances"]}

    def version(self, instance_id: str) -> str:
        (reservation,) = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        tags = {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}
        return str(tags[VERSION_TAG])


def data(version: str) -> dict[str, Any]:
    tags = [{"Key": VERSION_TAG, "Value": version}]
    return {
        "ImageId": "ami-12345678",
        "InstanceType": "t4g.small",
        # As Terraform's templates have it.
        "UserData": base64.b64encode(b"#cloud-config").decode(),
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
    }


@pytest.fixture
def group(aws_standin: AwsStandIn) -> Group:
    made = Group(f"n{uuid.uuid4().hex[:10]}", aws_standin.client("autoscaling"), aws_standin.client("ec2"))
    made.ec2.create_launch_template(LaunchTemplateName=made.name, LaunchTemplateData=data("1.0"))
    made.ec2.create_launch_template_version(LaunchTemplateName=made.name, LaunchTemplateData=data("2.0"))
    made.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=made.name,
        MinSize=0,
        MaxSize=9,
        DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateName": made.name, "Version": OLD},
        AvailabilityZones=["us-east-1a"],
    )
    return made


def test_where_no_host_is_it_ends_by_itself(group: Group) -> None:
    (old,) = group.states()
    refresh = group.start(AutoRollback=True)
    with pytest.raises(ClientError, match="already in progress"):
        group.start()
    assert group.described()["LaunchTemplate"]["Version"] == OLD, "as long as it is under way"
    until(lambda: group.latest()["Status"] == "Successful")
    assert (group.latest()["InstanceRefreshId"], group.latest()["PercentageComplete"]) == (refresh, 100)
    assert group.described()["LaunchTemplate"]["Version"] == NEW
    ((new, state),) = group.states().items()
    assert (new != old, state, group.version(new)) == (True, "InService", "2.0")
    with pytest.raises(ClientError, match="No in progress"):
        group.autoscaling.rollback_instance_refresh(AutoScalingGroupName=group.name)


def test_hosts_say_when_they_are_there_and_when_they_are_done(group: Group) -> None:
    for transition in ("LAUNCHING", "TERMINATING"):
        group.put_hook(transition)
    (old,) = group.states()
    group.start()
    (new,) = set(group.states()) - {old}
    assert group.states() == {old: "InService", new: "Pending:Wait"}, "the new one comes first"
    group.complete("LAUNCHING", new)
    until(lambda: group.states() == {old: "Terminating:Wait", new: "InService"})
    group.complete("TERMINATING", old)
    until(lambda: group.latest()["Status"] == "Successful")
    assert group.states() == {new: "InService"}


def test_what_matches_already_may_be_skipped(group: Group) -> None:
    group.start()
    until(lambda: group.latest()["Status"] == "Successful")
    members = group.states()
    group.start(SkipMatching=True)
    assert group.latest()["Status"] == "Successful"
    assert group.states() == members
    group.start()
    until(lambda: group.latest()["Status"] == "Successful")
    assert not members.keys() & group.states().keys()


def test_a_rollback_replaces_what_is_new_and_keeps_what_is_old(group: Group) -> None:
    group.put_hook("LAUNCHING")
    (old,) = group.states()
    group.start()
    assert sorted(group.states().values()) == ["InService", "Pending:Wait"]
    group.autoscaling.rollback_instance_refresh(AutoScalingGroupName=group.name)
    until(lambda: group.latest()["Status"] == "RollbackSuccessful")
    assert group.states() == {old: "InService"}
    assert group.described()["LaunchTemplate"]["Version"] == OLD
    assert group.version(old) == "1.0"


def test_a_refresh_that_is_cancelled_leaves_what_it_has_done(group: Group) -> None:
    group.put_hook("LAUNCHING")
    refresh = group.start()
    answer = group.autoscaling.cancel_instance_refresh(AutoScalingGroupName=group.name)
    assert (answer["InstanceRefreshId"], group.latest()["Status"]) == (refresh, "Cancelled")
    assert sorted(group.states().values()) == ["InService", "Pending:Wait"]
    with pytest.raises(ClientError, match="No in progress"):
        group.autoscaling.cancel_instance_refresh(AutoScalingGroupName=group.name)
    assert group.start() != refresh
