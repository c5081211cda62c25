"""What the stand-in knows outlives its process, however that ends."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, AwsStandIn, start_standin, stop_standin

Start = Callable[[], AwsStandIn]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[AwsStandIn] = []

    def start() -> AwsStandIn:
        started.append(start_standin("--data", str(tmp_path / "data"), AWS_STANDIN_SNAPSHOT_SECONDS="0.2"))
        return started[-1]

    yield start
    for standin in started:
        stop_standin(standin)


def await_saved(standin: AwsStandIn) -> None:
    deadline = time.monotonic() + 30
    while not standin.health()["saved"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def fill(standin: AwsStandIn) -> dict[str, Any]:
    s3, sqs, sns, dynamodb, mail = (standin.client(name) for name in ("s3", "sqs", "sns", "dynamodb", "sesv2"))
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    body = os.urandom(3_000_000)
    version = s3.put_object(Bucket="kept", Key="large", Body=body)["VersionId"]
    s3.put_object(Bucket="kept", Key="gone", Body=b"x" * 100_000)
    s3.delete_object(Bucket="kept", Key="gone", VersionId=s3.head_object(Bucket="kept", Key="gone")["VersionId"])
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=b"y" * 200_000)["ETag"]
    grave = sqs.create_queue(QueueName="grave")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, grave), "maxReceiveCount": 2})
    queue = sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(sqs, queue), Attributes=raw)
    sns.publish(TopicArn=topic, Message="in flight")
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    dynamodb.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"k": {"S": "1"}, "n": {"N": "1.5"}, "m": {"M": {"a": {"L": [{"BOOL": True}]}}}}
    dynamodb.put_item(TableName="kept", Item=item)
    mail.create_email_identity(EmailIdentity="gas.example")
    send(mail, "before")
    standin.client("secretsmanager").create_secret(Name="keys", SecretString='{"a":1}')
    return {
        "body": body,
        "version": version,
        "upload": (upload, part),
        "message": message,
        "topic": topic,
        "item": item,
    }


def arn(sqs: Any, url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def send(mail: Any, subject: str) -> None:
    content = {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "text"}}}}
    mail.send_email(FromEmailAddress="a@gas.example", Destination={"ToAddresses": ["u@e.org"]}, Content=content)


def check(standin: AwsStandIn, kept: dict[str, Any]) -> None:
    s3, sqs, sns, dynamodb, mail = (standin.client(name) for name in ("s3", "sqs", "sns", "dynamodb", "sesv2"))
    assert s3.get_object(Bucket="kept", Key="large", VersionId=kept["version"])["Body"].read() == kept["body"]
    upload, part = kept["upload"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="kept", Key="parts", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket="kept", Key="parts")["Body"].read() == b"y" * 200_000
    queue = sqs.get_queue_url(QueueName="queue")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    handle = kept["message"]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0, MessageSystemAttributeNames=["All"])["Messages"][0]
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("in flight", "2")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    grave = sqs.get_queue_url(QueueName="grave")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=grave)["Messages"][0]["Body"] == "in flight"
    sns.publish(TopicArn=kept["topic"], Message="after")
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]["Body"] == "after"
    assert dynamodb.get_item(TableName="kept", Key={"k": {"S": "1"}})["Item"] == kept["item"]
    send(mail, "after")
    assert [mail["subject"] for mail in standin.outbox()] == ["after", "before"]
    secret = standin.client("secretsmanager").get_secret_value(SecretId="keys")
    assert secret["SecretString"] == '{"a":1}'


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_restart_finds_everything(start: Start, end: str) -> None:
    standin = start()
    kept = fill(standin)
    if end == "SIGTERM":
        assert stop_standin(standin) == 0
    else:
        await_saved(standin)
        standin.process.kill()
        standin.process.wait()
    check(start(), kept)


def test_the_files_are_the_users_alone_and_only_those_in_use(start: Start, tmp_path: Path) -> None:
    standin = start()
    fill(standin)
    stop_standin(standin)
    data = tmp_path / "data"
    assert stat.S_IMODE((data / "state.pickle").stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "objects").stat().st_mode) == 0o700
    assert sorted(path.stat().st_size for path in (data / "objects").iterdir()) == [200_000, 3_000_000]


@pytest.mark.parametrize("damage", ["cut", "rubbish", "readable by others"])
def test_a_state_that_cannot_be_used_is_set_aside(
    start: Start, tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    standin = start()
    fill(standin)
    stop_standin(standin)
    state = tmp_path / "data" / "state.pickle"
    if damage == "cut":
        os.truncate(state, state.stat().st_size // 2)
    elif damage == "rubbish":
        state.write_bytes(b"not a pickle")
    else:
        state.chmod(0o644)
    assert start().client("s3").list_buckets()["Buckets"] == []
    assert len(list(state.parent.glob("state.pickle.unusable-*"))) == 1
    assert "set aside" in capfd.readouterr().err


def test_two_stand_ins_do_not_share_a_folder(start: Start, tmp_path: Path) -> None:
    start()
    command = [sys.executable, "-m", "scripts.local.aws", "--data", str(tmp_path / "data")]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert "Another stand-in is using" in second.stderr


def test_nothing_is_left_without_a_folder(tmp_path: Path) -> None:
    standin = start_standin(TMPDIR=str(tmp_path))
    s3 = standin.client("s3")
    s3.create_bucket(Bucket="temporary")
    s3.put_object(Bucket="temporary", Key="k", Body=b"x" * 100_000)
    assert len(list(tmp_path.glob("*/*"))) == 1
    stop_standin(standin)
    assert list(tmp_path.iterdir()) == []


def test_only_loopback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.local.aws", "--host", "0.0.0.0"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "127.0.0.1 only" in refused.stderr
