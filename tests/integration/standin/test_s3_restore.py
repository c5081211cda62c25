"""Restoring objects of the Glacier storage classes, as S3 documents it."""

import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import AwsStandIn, start_standin, stop_standin


@dataclass
class Bucket:
    s3: Any
    name: str

    def put(self, key: str = "k", body: bytes = b"cold", storage: str = "GLACIER") -> dict[str, Any]:
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body, StorageClass=storage)

    def get(self, key: str = "k", **options: Any) -> bytes:
        return self.s3.get_object(Bucket=self.name, Key=key, **options)["Body"].read()

    def restore(self, key: str = "k", tier: str = "Expedited", days: int = 1, **options: Any) -> int:
        request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
        answer = self.s3.restore_object(Bucket=self.name, Key=key, RestoreRequest=request, **options)
        return answer["ResponseMetadata"]["HTTPStatusCode"]

    def state(self, key: str = "k", **options: Any) -> str | None:
        return self.s3.head_object(Bucket=self.name, Key=key, **options).get("Restore")

    def restored(self, key: str = "k", **options: Any) -> str:
        deadline = time.monotonic() + 30
        while (state := self.state(key, **options)) is None or 'ongoing-request="true"' in state:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return state


@pytest.fixture
def bucket(aws_standin: AwsStandIn) -> Bucket:
    return new_bucket(aws_standin)


def new_bucket(standin: AwsStandIn) -> Bucket:
    s3 = standin.client("s3", config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}))
    name = f"b{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return Bucket(s3, name)


def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as raised:
        call()
    answer = raised.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_restore_from_first_to_last(bucket: Bucket) -> None:
    body = os.urandom(100_000)
    bucket.put(body=body)
    assert refused(bucket.get) == (403, "InvalidObjectState")
    assert bucket.state() is None
    assert bucket.restore(tier="Bulk") == 202
    assert bucket.state() == 'ongoing-request="true"'
    assert refused(bucket.get) == (403, "InvalidObjectState")
    assert refused(lambda: bucket.restore(tier="Bulk")) == (409, "RestoreAlreadyInProgress")
    source = {"Bucket": bucket.name, "Key": "k"}
    copy = {"Bucket": bucket.name, "Key": "copy", "CopySource": source}
    assert refused(lambda: bucket.s3.copy_object(**copy))[0] == 403
    state = bucket.restored()
    assert 'ongoing-request="false"' in state
    assert "00:00:00 GMT" in state
    assert bucket.get() == body
    assert bucket.s3.head_object(Bucket=bucket.name, Key="k")["StorageClass"] == "GLACIER"
    assert bucket.restore(days=5) == 200
    assert bucket.state() != state
    bucket.s3.copy_object(**copy, StorageClass="STANDARD")
    assert bucket.get("copy") == body
    assert bucket.state("copy") is None


def test_a_restore_can_be_made_faster_but_not_slower(bucket: Bucket) -> None:
    bucket.put()
    bucket.restore(tier="Bulk")
    assert bucket.restore(tier="Expedited") == 202
    assert refused(lambda: bucket.restore(tier="Standard")) == (409, "RestoreAlreadyInProgress")
    bucket.restored()


def test_what_cannot_be_restored(bucket: Bucket) -> None:
    bucket.put("warm", storage="STANDARD")
    assert refused(lambda: bucket.restore("warm")) == (403, "InvalidObjectState")
    assert refused(lambda: bucket.restore("none")) == (404, "NoSuchKey")
    bucket.put()
    assert refused(lambda: bucket.restore(days=0))[0] == 400
    assert refused(lambda: bucket.restore(tier="Fast"))[0] == 400
    bucket.put("deep", storage="DEEP_ARCHIVE")
    assert refused(lambda: bucket.restore("deep", tier="Expedited"))[0] == 400
    assert bucket.restore("deep", tier="Standard") == 202


def test_events_of_a_restore_reach_topic_and_queue(aws_standin: AwsStandIn, bucket: Bucket) -> None:
    sqs, sns = aws_standin.client("sqs"), aws_standin.client("sns")
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    urls = [sqs.create_queue(QueueName=f"{kind}-{bucket.name}")["QueueUrl"] for kind in ("direct", "topic")]
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in urls
    ]
    topic = sns.create_topic(Name=bucket.name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[1], Attributes={"RawMessageDelivery": "true"})
    configuration = {
        "QueueConfigurations": [{"QueueArn": arns[0], "Events": ["s3:ObjectRestore:*"]}],
        "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectRestore:Completed"]}],
    }
    bucket.s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=configuration)
    version = bucket.put("u/1 ö/result")["VersionId"]
    bucket.restore("u/1 ö/result")

    def events(url: str, wanted: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 30
        while len(found) < wanted:
            assert time.monotonic() < deadline
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", []):
                found += json.loads(message["Body"]).get("Records", [])
        return found

    (completed,) = events(urls[1], 1)
    assert [event["eventName"] for event in events(urls[0], 2)] == ["ObjectRestore:Post", "ObjectRestore:Completed"]
    assert completed["eventName"] == "ObjectRestore:Completed"
    assert completed["s3"]["bucket"]["name"] == bucket.name
    assert completed["s3"]["object"]["key"] == "u/1+%C3%B6/result"
    assert completed["s3"]["object"]["versionId"] == version
    assert completed["glacierEventData"]["restoreEventData"]["lifecycleRestoreStorageClass"] == "GLACIER"


def test_an_old_version_is_restored_by_its_id(bucket: Bucket) -> None:
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    old = bucket.put(body=b"old")["VersionId"]
    bucket.put(body=b"new")
    bucket.restore(VersionId=old)
    bucket.restored(VersionId=old)
    assert bucket.get(VersionId=old) == b"old"
    assert bucket.state() is None
    assert refused(bucket.get) == (403, "InvalidObjectState")


def test_an_object_changes_its_class_in_place(bucket: Bucket) -> None:
    bucket.put(body=b"x" * 100_000, storage="STANDARD")
    source = {"Bucket": bucket.name, "Key": "k"}
    bucket.s3.copy_object(Bucket=bucket.name, Key="k", CopySource=source, StorageClass="GLACIER")
    assert refused(bucket.get) == (403, "InvalidObjectState")
    bucket.restore()
    bucket.restored()
    bucket.s3.copy_object(Bucket=bucket.name, Key="k", CopySource=source, StorageClass="STANDARD")
    assert bucket.get() == b"x" * 100_000
    assert bucket.state() is None


def test_the_restored_copy_expires() -> None:
    standin = start_standin(AWS_STANDIN_RESTORE_EXPEDITED_SECONDS="0", AWS_STANDIN_RESTORE_DAY_SECONDS="1")
    try:
        bucket = new_bucket(standin)
        bucket.put()
        bucket.restore()
        bucket.restored()
        deadline = time.monotonic() + 30
        while bucket.state() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert refused(bucket.get) == (403, "InvalidObjectState")
        assert bucket.restore() == 202
    finally:
        stop_standin(standin)


def test_a_restore_goes_on_after_a_restart(tmp_path: Any) -> None:
    times = {"AWS_STANDIN_RESTORE_STANDARD_SECONDS": "1"}
    first = start_standin("--data", str(tmp_path), **times)
    name = new_bucket(first).name
    bucket = Bucket(first.client("s3"), name)
    bucket.put()
    bucket.restore(tier="Standard")
    stop_standin(first)
    second = start_standin("--data", str(tmp_path), **times)
    try:
        bucket = Bucket(second.client("s3"), name)
        bucket.restored()
        assert bucket.get() == b"cold"
    finally:
        stop_standin(second)
