"""`gas ops release`: images, launch templates and instance refreshes, there and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from gas.fleet import ROLES, VERSION_TAG, group_name
from gas.ops import release
from gas.ops.account import Account, NotPossible
from scripts.local.fleet import IMAGE
from tests.conftest import AwsStandIn
from tests.deployment import client
from tests.unit.gas.ops.conftest import Command


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "LOOK_SECONDS", 0.1)


@pytest.fixture
def image(account: Account, group: Callable[..., list[str]]) -> str:
    """An image that carries version 2.0, baked from a host."""
    (instance,) = group("utility")
    baked = client("ec2").create_image(InstanceId=instance, Name=f"gas-{account.name_prefix}")["ImageId"]
    client("ec2").create_tags(Resources=[baked], Tags=[{"Key": VERSION_TAG, "Value": "2.0"}])
    return str(baked)


def template_of(account: Account, role: str) -> tuple[str, str]:
    """Version of the launch template that the group uses, and its image."""
    name = group_name(account.name_prefix, role)
    (found,) = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    version = found["LaunchTemplate"]["Version"]
    answer = client("ec2").describe_launch_template_versions(LaunchTemplateName=name, Versions=[version])
    return version, answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"]


def test_there_and_back_again(account: Account, group: Callable[..., list[str]], image: str, command: Command) -> None:
    group("web")
    group("annotator")
    status, out, _ = command("release", "--image", image)
    assert status == 0
    lines = out.splitlines()
    assert f"web: {IMAGE} (template version 1) → {image} (2)" in lines
    assert any(line.startswith("utility: InProgress ") for line in lines)
    assert "annotator: Successful 100 %" in lines
    assert "terraform.tfvars (ami_id)" in lines[-1]
    assert {template_of(account, role) for role in ROLES} == {("2", image)}
    again = command("release", "--image", image)[1].splitlines()
    assert again[:3] == [f"{role}: runs {image} already" for role in ROLES]
    status, out, _ = command("release", "--rollback")
    assert status == 0
    assert f"web: {image} → {IMAGE} (template version 1)" in out.splitlines()
    assert {template_of(account, role) for role in ROLES} == {("1", IMAGE)}


def test_one_role_alone(account: Account, group: Callable[..., list[str]], image: str, command: Command) -> None:
    group("web")
    assert command("release", "--image", image, "--role", "utility")[0] == 0
    assert template_of(account, "utility") == ("2", image)
    assert template_of(account, "web") == ("1", IMAGE)


def test_a_version_carries_the_software_s_version_and_all_else(account: Account, image: str, command: Command) -> None:
    name = group_name(account.name_prefix, "utility")
    tags = [{"Key": VERSION_TAG, "Value": "1.0"}, {"Key": "gas:role", "Value": "utility"}]
    client("ec2").create_launch_template_version(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": IMAGE,
            "InstanceType": "t4g.large",
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        },
    )
    client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"}
    )
    assert command("release", "--image", image, "--role", "utility")[0] == 0
    answer = client("ec2").describe_launch_template_versions(LaunchTemplateName=name, Versions=["3"])
    (made,) = answer["LaunchTemplateVersions"]
    data = made["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (image, "t4g.large")
    (specification,) = data["TagSpecifications"]
    assert {tag["Key"]: tag["Value"] for tag in specification["Tags"]} == {VERSION_TAG: "2.0", "gas:role": "utility"}
    assert made["VersionDescription"] == "GAS 2.0"


def test_a_release_under_way_is_taken_back(account: Account, image: str) -> None:
    said: list[str] = []
    (begun,) = release.release(account, image, ["utility"], ["bad-answers"], said.append)
    with pytest.raises(NotPossible, match="being replaced already"):
        release.release(account, image, ["utility"], [], said.append)
    (back,) = release.roll_back(account, ["utility"], said.append)
    assert back.id == begun.id
    assert "utility: takes back the release that is under way" in said
    assert release.follow(account, [back], said.append)
    assert said[-1] == "utility: RollbackSuccessful 100 %"
    assert template_of(account, "utility") == ("1", IMAGE)


def test_the_role_s_own_alarms_take_a_release_back(account: Account, image: str) -> None:
    alarm = f"{account.name_prefix}-archive-fails"
    client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="GAS",
        MetricName="m",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
    )
    (begun,) = release.release(account, image, ["utility"], ["mine"], [].append)
    (found,) = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=begun.group)["InstanceRefreshes"]
    assert found["Preferences"]["AlarmSpecification"]["Alarms"] == [alarm, "mine"]


def test_a_group_of_mixed_instances_keeps_its_mix(account: Account) -> None:
    group: dict[str, Any] = {
        "AutoScalingGroupName": "g",
        "MixedInstancesPolicy": {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": "lt-1",
                    "LaunchTemplateName": "g",
                    "Version": "1",
                },
                "Overrides": [{"InstanceType": "m7g.large"}],
            },
            "InstancesDistribution": {"OnDemandBaseCapacity": 1},
        },
    }
    asked: dict[str, Any] = {}

    class Group:
        def start_instance_refresh(self, **given: Any) -> dict[str, str]:
            asked.update(given)
            return {"InstanceRefreshId": "r"}

    release._start(Account("r", "p", _clients={"autoscaling": Group()}), "annotator", group, 7, ["alarm"])
    mixed = asked["DesiredConfiguration"]["MixedInstancesPolicy"]
    assert mixed["LaunchTemplate"]["LaunchTemplateSpecification"] == {"LaunchTemplateId": "lt-1", "Version": "7"}
    assert mixed["LaunchTemplate"]["Overrides"] == [{"InstanceType": "m7g.large"}]
    assert asked["Preferences"]["AlarmSpecification"] == {"Alarms": ["alarm"]}
    assert group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] == "1"


def test_hosts_that_do_not_come_up_are_told_with_the_reason(aws_standin: AwsStandIn) -> None:
    # The group of the stand-in never fails: its hosts are no machines.
    autoscaling = aws_standin.client("autoscaling")
    names = {"AutoScalingGroupName": "g", "InstanceRefreshIds": ["r"]}
    statuses: list[dict[str, Any]] = [
        {"Status": "Pending"},
        {"Status": "InProgress", "PercentageComplete": 50},
        {"Status": "InProgress", "PercentageComplete": 50},
        {"Status": "Failed", "PercentageComplete": 50, "StatusReason": "The hosts did not become ready."},
    ]
    said: list[str] = []
    stubbed = Account("us-east-1", "p", sleep=lambda _: None, _clients={"autoscaling": autoscaling})
    with Stubber(autoscaling) as stub:
        for status in statuses:
            stub.add_response("describe_instance_refreshes", {"InstanceRefreshes": [status]}, names)
        assert not release.follow(stubbed, [release.Refresh("web", "g", "r")], said.append)
    assert said == [
        "web: Pending 0 %",
        "web: InProgress 50 %",
        "web: Failed 50 % (The hosts did not become ready.)",
    ]


def test_an_image_is_baked_from_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "ami").mkdir()
    said: list[str] = []
    words = (
        "echo 'us-east-1: Creating snapshot'; echo '--> AMIs were created:'; echo 'us-east-1: ami-0123456789abcdef0'"
    )
    baked = release.bake(tmp_path, "us-east-1", ["sh", "-c", words], said.append)
    assert baked == "ami-0123456789abcdef0"
    assert said[0] == "us-east-1: Creating snapshot"
    for failing in ["exit 3", "true", f"{words}; exit 1", words.replace("us-east-1: ami", "eu-west-1: ami")]:
        with pytest.raises(NotPossible, match="named no image in us-east-1"):
            release.bake(tmp_path, "us-east-1", ["sh", "-c", failing], said.append)
    with pytest.raises(NotPossible, match="no checkout of GAS"):
        release.bake(tmp_path / "ami", "us-east-1", ["true"], said.append)


def test_without_an_image_the_checkout_is_baked_first(
    account: Account, image: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ami").mkdir()
    (tmp_path / "Makefile").write_text(f"image:\n\t@echo 'baking for $(ARCH)'; echo '$(REGION): {image}'\n")
    monkeypatch.chdir(tmp_path)
    status, _, err = command("release", "--role", "utility", "--arch", "amd64")
    assert status == 0
    assert "baking for amd64" in err
    assert template_of(account, "utility") == ("2", image)
    monkeypatch.chdir("/")
    assert "/ is no checkout of GAS" in command("release")[2]


def test_mistakes_are_sentences(
    account: Account, group: Callable[..., list[str]], image: str, command: Command, aws_standin: AwsStandIn
) -> None:
    assert "There is no image ami-00000000" in command("release", "--image", "ami-00000000")[2]
    assert "no autoscaling group" in command("release", "--image", image, "--role", "web")[2]
    assert "no earlier version with another image" in command("release", "--rollback", "--role", "utility")[2]
    assert "finds the image before by itself" in command("release", "--rollback", "--image", image)[2]
