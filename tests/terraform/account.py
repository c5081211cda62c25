"""An account in the AWS stand-in: what an operator has before Terraform, and what is left after it."""

from collections.abc import Callable
from typing import Any

ZONE = "example.org"
ARCHITECTURE = "arm64"

Client = Callable[[str], Any]


def hosted_zone(client: Client) -> str:
    """The id of the operator's zone in Route 53, made here."""
    zone = client("route53").create_hosted_zone(Name=ZONE, CallerReference="gas")
    return str(zone["HostedZone"]["Id"].rpartition("/")[2])


def image(client: Client, version: str) -> str:
    """The id of an image as `make image` leaves one in the account."""
    ec2 = client("ec2")
    registered = ec2.register_image(
        Name=f"gas-{version}", Architecture=ARCHITECTURE, RootDeviceName="/dev/xvda", VirtualizationType="hvm"
    )
    ec2.create_tags(Resources=[registered["ImageId"]], Tags=[{"Key": "gas:version", "Value": version}])
    return str(registered["ImageId"])


def left(client: Client, prefix: str) -> list[str]:
    """The names of everything in the account that carries the prefix, of each kind that Terraform makes."""
    look: dict[str, Callable[[], list[str]]] = {
        "topic": lambda: _each(client("sns").list_topics(), "Topics", "TopicArn"),
        "queue": lambda: client("sqs").list_queues().get("QueueUrls", []),
        "table": lambda: client("dynamodb").list_tables()["TableNames"],
        "bucket": lambda: _each(client("s3").list_buckets(), "Buckets", "Name"),
        "vault": lambda: _each(client("glacier").list_vaults(), "VaultList", "VaultName"),
        "secret": lambda: _each(client("secretsmanager").list_secrets(), "SecretList", "Name"),
        "parameter": lambda: _each(client("ssm").describe_parameters(), "Parameters", "Name"),
        "load balancer": lambda: _each(client("elbv2").describe_load_balancers(), "LoadBalancers", "LoadBalancerName"),
        "target group": lambda: _each(client("elbv2").describe_target_groups(), "TargetGroups", "TargetGroupName"),
        "firewall": lambda: _each(client("wafv2").list_web_acls(Scope="REGIONAL"), "WebACLs", "Name"),
        "group": lambda: _each(
            client("autoscaling").describe_auto_scaling_groups(), "AutoScalingGroups", "AutoScalingGroupName"
        ),
        "launch template": lambda: _each(
            client("ec2").describe_launch_templates(), "LaunchTemplates", "LaunchTemplateName"
        ),
        "security group": lambda: _each(client("ec2").describe_security_groups(), "SecurityGroups", "GroupName"),
        "role": lambda: _each(client("iam").list_roles(), "Roles", "RoleName"),
        "policy": lambda: _each(client("iam").list_policies(Scope="Local"), "Policies", "PolicyName"),
        "instance profile": lambda: _each(
            client("iam").list_instance_profiles(), "InstanceProfiles", "InstanceProfileName"
        ),
        "alarm": lambda: _each(client("cloudwatch").describe_alarms(), "MetricAlarms", "AlarmName"),
        "dashboard": lambda: _each(client("cloudwatch").list_dashboards(), "DashboardEntries", "DashboardName"),
        "schedule": lambda: _each(client("scheduler").list_schedules(), "Schedules", "Name"),
        "log group": lambda: _each(client("logs").describe_log_groups(), "logGroups", "logGroupName"),
        "key": lambda: _each(client("kms").list_aliases(), "Aliases", "AliasName"),
    }
    found = [
        f"{kind} {name}"
        for kind, names in look.items()
        for name in names()
        if prefix in name.replace("/", "-").split("-")
    ]
    made_networks = [vpc["VpcId"] for vpc in client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    records = [
        f"record {record['Name']} {record['Type']}"
        for zone in client("route53").list_hosted_zones()["HostedZones"]
        for record in client("route53").list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if record["Type"] not in ("NS", "SOA")
    ]
    identities = _each(client("sesv2").list_email_identities(), "EmailIdentities", "IdentityName")
    return [*found, *(f"VPC {name}" for name in made_networks), *records, *(f"sender {name}" for name in identities)]


def _each(answer: dict[str, Any], kind: str, name: str) -> list[str]:
    return [str(one[name]) for one in answer.get(kind, [])]
