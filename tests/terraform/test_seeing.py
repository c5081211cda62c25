"""Every alarm says what to do and where that is written; every metric is one that somebody emits."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.terraform.modules import outputs

RUNBOOK = ROOT / "docs" / "runbook.md"
NAMES: dict[str, Any] = {
    "name": "gas",
    "region": "us-east-1",
    "topology": json.loads((ROOT / "gas" / "topology.json").read_text("utf-8")),
    "log_group_names": {role: f"/gas/{role}" for role in ("web", "annotator", "utility")},
    "bucket_names": {"inputs": "gas-inputs", "results": "gas-results"},
    "load_balancer": "app/gas-web/0123456789abcdef",
    "target_group": "targetgroup/gas-web/0123456789abcdef",
    "annotator_max": 7,
    "retrieval_tier": "Expedited",
    "runbook_url": "https://git.example/gas/docs/runbook.md",
}
# What AWS measures, and the dimensions by which it does.
AWS_METRICS = {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    "AWS/ApplicationELB": {
        "RequestCount": [{"LoadBalancer"}],
        "TargetResponseTime": [{"LoadBalancer"}],
        "HTTPCode_Target_5XX_Count": [{"LoadBalancer"}],
        "HTTPCode_ELB_5XX_Count": [{"LoadBalancer"}],
        "ConsumedLCUs": [{"LoadBalancer"}],
        "HealthyHostCount": [{"LoadBalancer", "TargetGroup"}],
        "UnHealthyHostCount": [{"LoadBalancer", "TargetGroup"}],
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible": [{"QueueName"}],
        "ApproximateAgeOfOldestMessage": [{"QueueName"}],
    },
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
    "AWS/AutoScaling": {
        "GroupInServiceInstances": [{"AutoScalingGroupName"}],
        "GroupDesiredCapacity": [{"AutoScalingGroupName"}],
    },
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
    "AWS/EC2": {"CPUUtilization": [{"AutoScalingGroupName"}]},
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
    "AWS/SES": {"Send": [set()], "Bounce": [set()], "Complaint": [set()]},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    "AWS/Logs": {"IncomingBytes": [{"LogGroupName"}]},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": {"ConsumedReadCapacityUnits": [{"TableName"}], "ConsumedWriteCapacityUnits": [{"TableName"}]},
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
    "AWS/S3": {"BucketSizeBytes": [{"BucketName", "StorageType"}]},
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
LONGEST_DESCRIPTION = 1024
LONGEST_EVALUATION_SECONDS = 86_400


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    names = ("alarms", "dashboard", "error_metrics", "namespace")
    return outputs(tmp_path_factory.mktemp("seeing"), "seeing", names, NAMES)


@pytest.fixture(scope="module")
def dashboard(seen: dict[str, Any]) -> list[dict[str, Any]]:
    return list(json.loads(seen["dashboard"])["widgets"])


def emitted() -> dict[str, set[str]]:
    """Every metric that the code of gas, agents and webserver writes, with the names of its dimensions."""
    found: dict[str, set[str]] = {}
    for package in ("gas", "agents", "webserver"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "metric":
                    name = ast.literal_eval(node.args[0])
                    keyed = {keyword.arg: keyword.value for keyword in node.keywords}
                    given = node.args[3] if len(node.args) > 3 else keyed.get("dimensions")
                    keys = {ast.literal_eval(key) for key in given.keys} if isinstance(given, ast.Dict) else set()
                    assert found.setdefault(name, keys) == keys, f"{name} has other dimensions elsewhere"
    return found


def shown(seen: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric of an alarm or a graph."""
    for alarm in seen["alarms"].values():
        for metric in alarm["metrics"].values():
            yield metric["namespace"], metric["name"], metric["dimensions"]
    for widget in json.loads(seen["dashboard"])["widgets"]:
        for namespace, name, *rest in widget["properties"].get("metrics", []):
            *pairs, _ = rest
            yield namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True))


def test_every_metric_is_one_that_somebody_emits(seen: dict[str, Any]) -> None:
    ours = {name: [keys] for name, keys in emitted().items()} | {
        name: [set()] for name in seen["error_metrics"].values()
    }
    known = {**AWS_METRICS, seen["namespace"]: ours}
    for namespace, name, dimensions in shown(seen):
        assert set(dimensions) in known[namespace].get(name, []), f"nobody emits {namespace} {name} by {dimensions}"


def test_every_metric_of_ours_is_shown(seen: dict[str, Any]) -> None:
    assert set(emitted()) - {name for namespace, name, _ in shown(seen) if namespace == "GAS/gas"} == set()


def test_the_namespace_is_the_one_that_processes_write_to(seen: dict[str, Any]) -> None:
    source = (ROOT / "gas" / "telemetry.py").read_text("utf-8")
    assert 'f"GAS/{_metrics.name_prefix}"' in source
    assert seen["namespace"] == "GAS/gas"


def test_values_of_dimensions_are_ones_that_occur(seen: dict[str, Any]) -> None:
    queues = {f"gas-{name}{suffix}" for name in NAMES["topology"]["queues"] for suffix in ("", "-dlq")}
    known = {
        "Queue": queues,
        "QueueName": queues,
        "Outcome": {"completed", "refused", "failed"},
        "Tier": {"Expedited", "Standard", "Bulk"},
        "AutoScalingGroupName": {"gas-web", "gas-annotator", "gas-utility"},
        "TableName": {f"gas-{name}" for name in NAMES["topology"]["tables"]},
        "LogGroupName": set(NAMES["log_group_names"].values()),
        "BucketName": set(NAMES["bucket_names"].values()),
        "StorageType": {"StandardStorage", "GlacierStorage"},
        "LoadBalancer": {NAMES["load_balancer"]},
        "TargetGroup": {NAMES["target_group"]},
    }
    for _, _, dimensions in shown(seen):
        for name, value in dimensions.items():
            assert value in known[name]


def anchors() -> set[str]:
    """The anchors of the runbook's headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alarm_says_what_to_do_and_where_that_is_written(seen: dict[str, Any]) -> None:
    for name, alarm in seen["alarms"].items():
        words, _, section = alarm["description"].rpartition(f" {NAMES['runbook_url']}#")
        assert section in anchors(), f"{name}: docs/runbook.md has no section #{section}"
        # What it means, and then what to do.
        assert len(re.split(r"[.:;] ", words)) >= 2, f"{name} says only: {words}"
        assert len(alarm["description"]) <= LONGEST_DESCRIPTION


def test_every_alarm_of_a_queue_exists_for_every_queue(seen: dict[str, Any]) -> None:
    for queue in NAMES["topology"]["queues"]:
        assert {f"{queue}-waits", f"{queue}-dead-letters", f"{queue}-fails"} <= set(seen["alarms"])


def test_cloudwatch_takes_the_alarms(seen: dict[str, Any]) -> None:
    for name, alarm in seen["alarms"].items():
        assert alarm["period"] % 60 == 0, name
        assert alarm["period"] * alarm["periods"] <= LONGEST_EVALUATION_SECONDS, name
        assert alarm["periods"] == int(alarm["periods"]) >= 1, name
        # An expression names exactly the metrics that it is given.
        words = set(re.findall(r"\b[a-z][a-z_]*\b", alarm["expression"] or "it"))
        assert words == set(alarm["metrics"]), name


def test_what_falls_silent_rings(seen: dict[str, Any]) -> None:
    ringing = {name for name, alarm in seen["alarms"].items() if alarm["silence"] == "breaching"}
    assert ringing == {"site-down", "sweeper-silent"}


def test_users_come_first_and_graphs_do_not_overlap(dashboard: list[dict[str, Any]]) -> None:
    assert dashboard[0]["properties"]["markdown"].startswith("## Users")
    places = {
        (widget["x"] + dx, widget["y"] + dy)
        for widget in dashboard
        for dx in range(widget["width"])
        for dy in range(widget["height"])
    }
    assert len(places) == sum(widget["width"] * widget["height"] for widget in dashboard)
    assert max(x for x, _ in places) < 24


def test_the_runbook_lists_the_alarms(seen: dict[str, Any]) -> None:
    listed = set(re.findall(r"^\| `([A-Za-z-]+)` \| .* \| .* \|$", RUNBOOK.read_text("utf-8"), re.MULTILINE))
    queues, roles = NAMES["topology"]["queues"], NAMES["log_group_names"]
    each = {name.replace("QUEUE", queue) for name in listed if name.startswith("QUEUE-") for queue in queues}
    each |= {name.replace("ROLE", role) for name in listed if name.startswith("ROLE-") for role in roles}
    assert each | {name for name in listed if not name.startswith(("QUEUE-", "ROLE-"))} == set(seen["alarms"])
