"""What the bootstrap leaves in the stand-in is what the topology says, however often it runs."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from gas import aws, config, topology
from gas.aws import Secrets
from gas.config import Settings
from scripts.local import bootstrap
from tests.conftest import AwsStandIn

SECRETS = Secrets("client", "a secret", "a key")


@contextmanager
def account(standin: dict[str, str]) -> Iterator[Settings]:
    """An environment whose names no other test uses: the stand-in is shared by a worker's tests."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    environment = standin | {
        "GAS_REGION": "us-east-1",
        "GAS_ACCOUNT_ID": "123456789012",
        "GAS_NAME_PREFIX": prefix,
        "GAS_SITE_URL": "http://127.0.0.1:8080",
        "GAS_INPUTS_BUCKET": f"{prefix}-inputs",
        "GAS_RESULTS_BUCKET": f"{prefix}-results",
        "GAS_MAIL_FROM": f"GAS <no-reply@{prefix}.example>",
        "GAS_SECRETS_NAME": f"{prefix}/web",
        "GAS_BUNDLES_DIR": "bundles",
        "GAS_SCRATCH_DIR": "scratch",
    }
    with patch.dict(os.environ, environment):
        yield config.load()


@pytest.fixture(scope="module")
def made(aws_standin: AwsStandIn) -> Iterator[Settings]:
    """An account that was filled once, for tests that only look."""
    with account(aws_standin.env) as settings:
        assert bootstrap.apply(settings, SECRETS)
        yield settings


@pytest.fixture
def empty(aws_standin: AwsStandIn) -> Iterator[Settings]:
    """An account with nothing in it."""
    with account(aws_standin.env) as settings:
        yield settings


def test_second_run_changes_nothing(made: Settings) -> None:
    assert bootstrap.apply(made, SECRETS) == []


def test_queues_have_their_times_and_dead_letters(made: Settings) -> None:
    sqs = aws.client(made, "sqs")
    for queue in topology.load().queues.values():
        url = sqs.get_queue_url(QueueName=f"{made.name_prefix}-{queue.name}")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["DelaySeconds"] == str(queue.delay_seconds)
        assert found["VisibilityTimeout"] == str(queue.visibility_seconds)
        redrive = json.loads(found["RedrivePolicy"])
        assert int(redrive["maxReceiveCount"]) == queue.max_receives
        assert redrive["deadLetterTargetArn"].endswith(f":{made.name_prefix}-{queue.name}-dlq")


def test_a_published_message_arrives_raw_in_every_subscribed_queue(made: Settings) -> None:
    sns, sqs = aws.client(made, "sns"), aws.client(made, "sqs")
    for topic in topology.load().topics:
        sns.publish(
            TopicArn=topology.topic_arn(made.region, made.account_id, made.name_prefix, topic), Message='{"v": 1}'
        )
    for queue in topology.load().queues.values():
        if queue.delay_seconds:
            continue
        url = sqs.get_queue_url(QueueName=f"{made.name_prefix}-{queue.name}")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
        bodies = [message["Body"] for message in messages]
        # S3 tries its notification out when it is set.
        assert [body for body in bodies if "s3:TestEvent" not in body] == ['{"v": 1}']


def test_tables_have_indexes_and_time_to_live(made: Settings) -> None:
    dynamodb = aws.client(made, "dynamodb")
    for table in topology.load().tables.values():
        name = f"{made.name_prefix}-{table.name}"
        found = dynamodb.describe_table(TableName=name)["Table"]
        assert found["KeySchema"] == [{"AttributeName": table.hash_key, "KeyType": "HASH"}]
        keys = {
            index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
            for index in found.get("GlobalSecondaryIndexes", [])
        }
        assert keys == {index.name: [index.hash_key, index.range_key] for index in table.indexes}
        held = {
            i["IndexName"]: i["Projection"].get("NonKeyAttributes") for i in found.get("GlobalSecondaryIndexes", [])
        }
        assert held == {index.name: index.includes for index in table.indexes}
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert ttl.get("AttributeName") == table.ttl_attribute


def test_buckets_are_versioned_and_let_the_site_in(made: Settings) -> None:
    s3 = aws.client(made, "s3")
    allowed = {}
    for bucket in (made.inputs_bucket, made.results_bucket):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        (rule,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert rule["AllowedOrigins"] == ["http://127.0.0.1:8080"]
        allowed[bucket] = (set(rule["AllowedMethods"]), set(rule["ExposeHeaders"]))
    assert allowed[made.inputs_bucket] == ({"PUT", "POST"}, {"ETag"})
    methods, headers = allowed[made.results_bucket]
    assert methods == {"GET", "HEAD"}
    assert {"Content-Range", "Content-Length"} <= headers


def test_what_was_uploaded_and_left_expires(made: Settings) -> None:
    s3 = aws.client(made, "s3")
    rules = {
        bucket: {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
        for bucket in (made.inputs_bucket, made.results_bucket)
    }
    unclaimed = rules[made.inputs_bucket]["unclaimed-uploads"]
    assert unclaimed["Filter"] == {"Tag": {"Key": "gas-state", "Value": "unclaimed"}}
    assert unclaimed["Expiration"]["Days"] == topology.load().buckets["inputs"].expire_unclaimed_days
    assert set(rules[made.results_bucket]) == {"abandoned-uploads"}


def test_vault_reports_to_the_thaw_topic(made: Settings) -> None:
    glacier = aws.client(made, "glacier")
    found = glacier.get_vault_notifications(vaultName=f"{made.name_prefix}-archive")["vaultNotificationConfig"]
    assert found["SNSTopic"].endswith(f":{made.name_prefix}-job-thaws")
    assert "ArchiveRetrievalCompleted" in found["Events"]


def test_mail_can_be_sent_from_the_sender(made: Settings) -> None:
    aws.client(made, "sesv2").send_email(
        FromEmailAddress=made.mail_from,
        Destination={"ToAddresses": ["ada@example.org"]},
        Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
    )


def test_secret_is_what_the_processes_read_and_follows_a_change(empty: Settings) -> None:
    bootstrap.apply(empty, SECRETS)
    aws.secrets.cache_clear()
    assert aws.secrets(empty) == SECRETS
    changed = Secrets("client", "another", "a key")
    assert bootstrap.apply(empty, changed) == [f"Wrote the secret {empty.secrets_name}."]
    aws.secrets.cache_clear()
    assert aws.secrets(empty) == changed


def test_a_changed_site_and_a_changed_queue_are_mended(empty: Settings) -> None:
    bootstrap.apply(empty, SECRETS)
    sqs = aws.client(empty, "sqs")
    url = sqs.get_queue_url(QueueName=f"{empty.name_prefix}-notify")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    moved = empty.model_copy(update={"site_url": "http://127.0.0.1:8081"})
    changes = bootstrap.apply(moved, SECRETS)
    assert f"Set VisibilityTimeout of queue {empty.name_prefix}-notify." in changes
    (rule,) = aws.client(empty, "s3").get_bucket_cors(Bucket=empty.inputs_bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == ["http://127.0.0.1:8081"]


def test_another_error_than_absence_is_not_taken_for_absence() -> None:
    def denied() -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DescribeTable")

    with pytest.raises(ClientError, match="AccessDenied"):
        bootstrap._found(denied)


COMMAND = [sys.executable, "-m", "scripts.local.bootstrap"]
ARGUMENTS = ["--client-id", "client", "--client-secret", "a secret", "--session-key", "a key"]


def test_command_creates_and_then_has_nothing_to_do(empty: Settings) -> None:
    first = subprocess.run([*COMMAND, *ARGUMENTS], capture_output=True, text=True, check=True, timeout=120)
    assert f"Created table {empty.name_prefix}-annotations." in first.stdout
    second = subprocess.run([*COMMAND, *ARGUMENTS], capture_output=True, text=True, check=True, timeout=120)
    assert second.stdout == "Nothing to change.\n"


def test_command_never_touches_a_real_account() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"}
    done = subprocess.run(
        [*COMMAND, *ARGUMENTS], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "AWS_ENDPOINT_URL must name the stand-in" in done.stderr
