"""What Terraform asks for comes back: the mends that keep its second plan quiet."""

import json
import time
import uuid
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import AwsStandIn


@pytest.fixture
def name() -> str:
    return f"n{uuid.uuid4().hex[:10]}"


@pytest.fixture
def group(aws_standin: AwsStandIn, name: str) -> Any:
    """An autoscaling client whose group `name` has two instances."""
    template = aws_standin.client("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "t4g.small"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    client = aws_standin.client("autoscaling")
    client.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=1,
        MaxSize=3,
        DesiredCapacity=2,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        AvailabilityZones=["us-east-1a"],
        DefaultInstanceWarmup=60,
        MaxInstanceLifetime=604_800,
        InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
    )
    return client


def described(group: Any, name: str) -> dict[str, Any]:
    return group.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]


def test_a_groups_settings_come_back_and_change(group: Any, name: str) -> None:
    found = described(group, name)
    assert (found["DefaultInstanceWarmup"], found["MaxInstanceLifetime"]) == (60, 604_800)
    assert found["InstanceMaintenancePolicy"]["MaxHealthyPercentage"] == 150
    group.update_auto_scaling_group(AutoScalingGroupName=name, DefaultInstanceWarmup=90)
    assert described(group, name)["DefaultInstanceWarmup"] == 90


def hook(group: Any, name: str, which: str, transition: str, timeout: int = 60) -> dict[str, str]:
    """Put a hook; returns what names it."""
    named = {"AutoScalingGroupName": name, "LifecycleHookName": which}
    group.put_lifecycle_hook(**named, LifecycleTransition=f"autoscaling:{transition}", HeartbeatTimeout=timeout)
    return named


def states(group: Any, name: str) -> dict[str, str]:
    return {found["InstanceId"]: found["LifecycleState"] for found in described(group, name)["Instances"]}


def test_a_hook_has_no_target_that_nobody_gave(group: Any, name: str) -> None:
    hook(group, name, "drain", "EC2_INSTANCE_TERMINATING")
    (found,) = group.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    assert found.get("NotificationTargetARN") is None
    assert found.get("RoleARN") is None


def test_an_instance_waits_at_the_terminating_hook(group: Any, name: str) -> None:
    drain = hook(group, name, "drain", "EC2_INSTANCE_TERMINATING")
    first, second = states(group, name)
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        group.complete_lifecycle_action(**drain, InstanceId=first, LifecycleActionResult="CONTINUE")
    group.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=False)
    now = states(group, name)
    assert (now[first], now[second], len(now)) == ("Terminating:Wait", "InService", 3), "and another is started"
    group.record_lifecycle_action_heartbeat(**drain, InstanceId=first)
    group.complete_lifecycle_action(**drain, InstanceId=first, LifecycleActionResult="CONTINUE")
    assert first not in states(group, name)
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        group.record_lifecycle_action_heartbeat(**drain, InstanceId=first)


def test_scale_in_takes_what_is_not_protected_and_waits(group: Any, name: str) -> None:
    hook(group, name, "drain", "EC2_INSTANCE_TERMINATING")
    first, second = states(group, name)
    group.set_instance_protection(AutoScalingGroupName=name, InstanceIds=[first], ProtectedFromScaleIn=True)
    group.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    assert states(group, name) == {first: "InService", second: "Terminating:Wait"}
    group.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=True)
    assert states(group, name)[first] == "Terminating:Wait", "this call minds no protection"


def test_a_hook_s_timeout_ends_the_wait_unless_a_heartbeat_comes(group: Any, name: str) -> None:
    # AWS wants 30 seconds or more.
    drain = hook(group, name, "drain", "EC2_INSTANCE_TERMINATING", timeout=1)
    first, second = states(group, name)
    for instance in (first, second):
        group.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=False)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        group.record_lifecycle_action_heartbeat(**drain, InstanceId=second)
        time.sleep(0.1)
    now = states(group, name)
    assert first not in now
    assert now[second] == "Terminating:Wait"


def test_the_action_of_a_launching_hook_is_completed_once(group: Any, name: str) -> None:
    launch = hook(group, name, "launch", "EC2_INSTANCE_LAUNCHING")
    first, second = states(group, name)
    group.complete_lifecycle_action(**launch, InstanceId=first, LifecycleActionResult="CONTINUE")
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        group.complete_lifecycle_action(**launch, InstanceId=first, LifecycleActionResult="CONTINUE")
    assert states(group, name) == {first: "InService", second: "InService"}


def test_a_version_made_from_another_inherits_what_it_does_not_say(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    data = {"ImageId": "ami-12345678", "InstanceType": "t4g.small"}
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    made = ec2.create_launch_template_version(
        LaunchTemplateName=name, SourceVersion="1", LaunchTemplateData={"ImageId": "ami-87654321"}
    )["LaunchTemplateVersion"]
    assert made["LaunchTemplateData"] == {"ImageId": "ami-87654321", "InstanceType": "t4g.small"}


def test_a_scaling_policy_is_enabled(group: Any, name: str) -> None:
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50}
    group.put_scaling_policy(
        AutoScalingGroupName=name,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=metric,
    )
    (policy,) = group.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    assert policy["Enabled"]
    assert "PredictiveScalingConfiguration" not in policy


def test_a_templates_own_tags_stay_out_of_its_data(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    tags = [{"Key": "a", "Value": "1"}]
    ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName=name)["LaunchTemplateVersions"]
    assert [spec["ResourceType"] for spec in version["LaunchTemplateData"]["TagSpecifications"]] == ["instance"]


def test_composite_alarms(aws_standin: AwsStandIn, name: str) -> None:
    cloudwatch = aws_standin.client("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=f'ALARM("{name}-a")', AlarmDescription="read the runbook")
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [alarm["AlarmRule"] for alarm in found] == [f'ALARM("{name}-a")']


def test_a_tls_only_bucket_can_be_used_and_a_plain_denial_denies(aws_standin: AwsStandIn, name: str) -> None:
    s3 = aws_standin.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket=name)
    resource = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": resource}
    insecure = {**denial, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [insecure]}))
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"1"
    writes = {**denial, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [writes]}))
    with pytest.raises(ClientError, match=r"403|AccessDenied|Forbidden"):
        s3.put_object(Bucket=name, Key="k", Body=b"2")


def test_the_eventbridge_switch_comes_back(aws_standin: AwsStandIn, name: str) -> None:
    s3 = aws_standin.client("s3")
    s3.create_bucket(Bucket=name)
    configuration = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name)


def test_a_queue_policy_survives_other_attributes(aws_standin: AwsStandIn, name: str) -> None:
    sqs = aws_standin.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*"}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    assert json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["Policy"])


def test_an_image_stays_what_it_is(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    asked = {"Architecture": "arm64", "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm"}
    image = ec2.register_image(Name=name, **asked)["ImageId"]
    (found,) = ec2.describe_images(ImageIds=[image])["Images"]
    assert {key: found[key] for key in asked} == asked


def test_a_rule_for_a_group_keeps_its_description(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)["GroupId"]
    pair = {"GroupId": group, "Description": "from its own kind"}
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [pair]}
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    identity = {"SecurityGroupRuleIds": [made["SecurityGroupRuleId"]]}
    (found,) = ec2.describe_security_group_rules(**identity)["SecurityGroupRules"]
    assert found["Description"] == "from its own kind"


def test_instance_connect_endpoints(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    tags = [{"ResourceType": "instance-connect-endpoint", "Tags": [{"Key": "Name", "Value": name}]}]
    made = ec2.create_instance_connect_endpoint(SubnetId=subnet, TagSpecifications=tags)["InstanceConnectEndpoint"]
    asked = {"InstanceConnectEndpointIds": [made["InstanceConnectEndpointId"]]}
    (found,) = ec2.describe_instance_connect_endpoints(**asked)["InstanceConnectEndpoints"]
    assert (found["State"], found["VpcId"], found["SubnetId"]) == ("create-complete", vpc, subnet)
    assert found["Tags"] == [{"Key": "Name", "Value": name}]
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=made["InstanceConnectEndpointId"])
    with pytest.raises(ClientError, match=r"NotFound"):
        ec2.describe_instance_connect_endpoints(**asked)


def test_a_template_can_be_deleted_once(aws_standin: AwsStandIn, name: str) -> None:
    ec2 = aws_standin.client("ec2")
    made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t4g.small"})
    asked = {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"]}
    ec2.delete_launch_template(**asked)
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.NotFound"):
        ec2.delete_launch_template(**asked)
