"""AWS that fails for a while, objects that vanish, messages that are garbage."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.local.site import Visitor
from scripts.local.stack import Stack
from tests.faults.conftest import SAMPLE, heal, inject, mails, submit, until

pytestmark = pytest.mark.xdist_group("dependencies")

OUTAGE_SECONDS = 8
QUEUES = ("job-requests", "notify")


@pytest.mark.parametrize(
    "rule",
    [
        {"service": "s3", "operation": "GetObject", "kind": "error", "code": "SlowDown"},
        {"service": "s3", "operation": "PutObject", "kind": "timeout"},
        {"service": "dynamodb", "operation": "UpdateItem", "kind": "error", "code": "InternalServerError"},
        {"service": "dynamodb", "operation": "UpdateItem", "kind": "timeout_after_effect"},
        {"service": "sns", "operation": "Publish", "kind": "error", "code": "InternalError"},
        {"service": "sqs", "operation": "ReceiveMessage", "kind": "timeout"},
        {"service": "sqs", "operation": "DeleteMessage", "kind": "error", "code": "InternalError"},
        {"service": "ses", "operation": "SendEmail", "kind": "error", "code": "InternalError"},
    ],
    ids=lambda rule: f"{rule['operation']}-{rule['kind']}",
)
def test_a_job_outlives_an_outage(stack: Stack, visitor: Visitor, rule: dict[str, Any]) -> None:
    ticket = visitor.upload(SAMPLE)
    stack.supervisorctl("stop", "annotator:*")
    job_id = visitor.create_job(ticket)
    inject(stack, **rule)
    stack.supervisorctl("start", "annotator:*")
    time.sleep(OUTAGE_SECONDS)
    heal(stack)
    assert visitor.wait(job_id, 120)["job"]["status"] == "COMPLETED"
    until(lambda: mails(stack, job_id), "the mail")
    assert len(mails(stack, job_id)) == 1


def test_a_job_whose_message_could_not_be_sent_is_sent_by_the_sweeper(stack: Stack, visitor: Visitor) -> None:
    ticket = visitor.upload(SAMPLE)
    inject(stack, service="sns", operation="Publish", kind="error", code="InternalError")
    job_id = visitor.create_job(ticket)
    assert visitor.status(job_id)["job"]["status"] == "PENDING"
    heal(stack)
    assert visitor.wait(job_id, 60)["job"]["status"] == "COMPLETED"


def _remove(s3: Any, where: dict[str, str]) -> None:
    for version in s3.list_object_versions(Bucket=where["Bucket"], Prefix=where["Key"])["Versions"]:
        s3.delete_object(**where, VersionId=version["VersionId"])


def _swap(s3: Any, where: dict[str, str]) -> None:
    s3.put_object(**where, Body=b"##fileformat=VCFv4.2\n", ContentType="text/plain")


@pytest.mark.parametrize(
    ("meddle", "status", "words"), [(_remove, "FAILED", "no longer there"), (_swap, "COMPLETED", "")]
)
def test_what_is_annotated_is_what_was_submitted(
    stack: Stack, visitor: Visitor, meddle: Callable[[Any, dict[str, str]], None], status: str, words: str
) -> None:
    stack.supervisorctl("stop", "annotator:*")
    job_id = submit(visitor, SAMPLE)
    item = stack.client("dynamodb").get_item(TableName="gas-annotations", Key={"job_id": {"S": job_id}})["Item"]
    meddle(stack.client("s3"), {"Bucket": "gas-inputs", "Key": item["s3_key_input_file"]["S"]})
    stack.supervisorctl("start", "annotator:*")
    ended = visitor.wait(job_id, 60)["job"]
    assert ended["status"] == status
    assert words in ((ended["error"] or {}).get("message") or "")


def test_garbage_goes_to_the_dead_letter_queue_and_jobs_go_on(stack: Stack, visitor: Visitor) -> None:
    sqs = stack.client("sqs")
    garbage = ["", "}", "[]", '{"v": 2, "type": "job-request"}', json.dumps({"v": 1, "type": "job-request"}), "\u2603"]
    for queue in QUEUES:
        url = sqs.get_queue_url(QueueName=f"gas-{queue}")["QueueUrl"]
        for body in filter(None, garbage):
            sqs.send_message(QueueUrl=url, MessageBody=body)
    assert visitor.wait(submit(visitor, SAMPLE), 60)["job"]["status"] == "COMPLETED"
    for queue in QUEUES:
        found: dict[str, str] = {}

        def gather(queue: str = queue, found: dict[str, str] = found) -> bool:
            url = sqs.get_queue_url(QueueName=f"gas-{queue}-dlq")["QueueUrl"]
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            for message in answer.get("Messages", []):
                if message["Body"] not in garbage:
                    continue
                found[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
            return len(found) == len(garbage) - 1

        until(gather, f"the garbage in gas-{queue}-dlq")
        assert all(reason.startswith("malformed: ") for reason in found.values())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"this is not a VCF\n", "VCF"),
        (b"%PDF-1.7\n" + b"x" * 100, "PDF"),
        (b"\x1f\x8b\x08\x00truncated", "gzip"),
    ],
)
def test_bad_input_ends_in_a_sentence_for_the_user(
    stack: Stack, visitor: Visitor, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.vcf"
    path.write_bytes(content)
    job_id = submit(visitor, path)
    ended = visitor.wait(job_id, 60)["job"]
    assert ended["status"] == "FAILED"
    assert words in ended["error"]["message"]
    assert "Traceback" not in ended["error"]["message"]
    assert ended["error"]["reference"] is None
    mail = until(lambda: mails(stack, job_id), "the mail")[0]
    assert ended["error"]["message"] in json.dumps(mail, ensure_ascii=False).replace('\\"', '"')
