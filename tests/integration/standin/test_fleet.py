"""What Terraform asks for comes back: the mends that keep its second plan quiet."""

import json
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


def test_lifecycle_hooks_and_actions(group: Any, name: str) -> None:
    hook = {"AutoScalingGroupName": name, "LifecycleHookName": "drain"}
    group.put_lifecycle_hook(**hook, LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", HeartbeatTimeout=60)
    (found,) = group.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    assert found.get("NotificationTargetARN") is None
    assert found.get("RoleARN") is None
    instances = [instance["InstanceId"] for instance in described(group, name)["Instances"]]
    group.record_lifecycle_action_heartbeat(**hook, InstanceId=instances[0])
    group.complete_lifecycle_action(**hook, InstanceId=instances[0], LifecycleActionResult="CONTINUE")
    left = [instance["InstanceId"] for instance in described(group, name)["Instances"]]
    assert instances[0] not in left
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        group.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=name, LifecycleHookName="none", InstanceId=instances[1]
        )


def test_instance_refresh(group: Any, name: str) -> None:
    refresh = group.start_instance_refresh(AutoScalingGroupName=name)["InstanceRefreshId"]
    (found,) = group.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
    assert (found["InstanceRefreshId"], found["Status"]) == (refresh, "Successful")


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
