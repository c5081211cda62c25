import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gas import messages
from gas.messages import (
    Event,
    JobRequest,
    JobResult,
    JobThaw,
    MalformedMessage,
    SubscriptionDowngrade,
    SubscriptionUpgrade,
)
from tests.deployment import Deployment

# The same in every worker: they are part of the names of tests.
USER, JOB = "3f0c2a52-5a2c-4f0e-9c86-0d1f6f1f2a11", "a8f1d2de-7d59-4a9f-8b55-6a3f8c0b7e22"
EVENTS: list[Event] = [
    JobRequest(user_id=USER, job_id=JOB),
    JobResult(user_id=USER, job_id=JOB),
    SubscriptionUpgrade(user_id=USER, tier_epoch=3),
    SubscriptionDowngrade(user_id=USER, tier_epoch=4),
    JobThaw(user_id=USER, job_id=JOB),
]
REQUEST = {"v": 1, "type": "job-request", "user_id": USER, "job_id": JOB}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_what_is_written_is_read(event: Event) -> None:
    body = event.model_dump_json()
    assert messages.parse(body) == event
    assert json.loads(body)["v"] == 1


def test_a_newer_sender_may_add_fields() -> None:
    assert messages.parse(json.dumps({**REQUEST, "priority": "high"})) == EVENTS[0]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("", "body"),
        ("not json", "body"),
        ("[]", "body"),
        ("null", "body"),
        ("{}", "body"),
        ('{"v":1,"type":"job-request"', "body"),
        (json.dumps({**REQUEST, "type": "job-party"}), "body"),
        (json.dumps({**REQUEST, "v": 2}), "v"),
        (json.dumps({**REQUEST, "v": "1"}), "v"),
        (json.dumps({**REQUEST, "job_id": None}), "job_id"),
        (json.dumps({**REQUEST, "job_id": JOB.upper()}), "job_id"),
        (json.dumps({**REQUEST, "job_id": f"{JOB}\n"}), "job_id"),
        (json.dumps({**REQUEST, "job_id": "../" + JOB}), "job_id"),
        (json.dumps({**REQUEST, "user_id": 7}), "user_id"),
        (json.dumps({name: value for name, value in REQUEST.items() if name != "user_id"}), "user_id"),
        (json.dumps({"v": 1, "type": "subscription-upgrade", "user_id": USER, "tier_epoch": "3"}), "tier_epoch"),
    ],
)
def test_garbage_is_refused_with_the_place(body: str, where: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        messages.parse(body)
    assert where in str(refused.value).partition(": ")[0]


def test_a_refusal_does_not_repeat_the_body() -> None:
    with pytest.raises(MalformedMessage) as refused:
        messages.parse(json.dumps({**REQUEST, "job_id": "patient Doe"}))
    assert "Doe" not in str(refused.value)


# Notices of the services

THAW = JobThaw(user_id=USER, job_id=JOB)
# https://docs.aws.amazon.com/amazonglacier/latest/dev/api-describe-job-get.html
NOTICE = {
    "Action": "ArchiveRetrieval",
    "ArchiveId": "NkbByEejwEggmBz2fTHgJrg0XBoDfjP4q6iu87-EXAMPLEArchiveId",
    "Completed": True,
    "JobDescription": f"{USER}/{JOB}/2",
    "JobId": "HkF9p6o7yjhFx-K3CGl6fuSm6VzW9T7esGQfco8nUXVYwS0jlb5gq1JZ55yHgt5vP54ZShjoQzQVVh7vEXAMPLEjobID",
    "StatusCode": "Succeeded",
    "Tier": "Expedited",
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
RECORD = {
    "eventSource": "aws:s3",
    "eventName": "ObjectRestore:Completed",
    "s3": {"bucket": {"name": "results"}, "object": {"key": f"{USER}/{JOB}/archive/2.tar", "size": 1024}},
}


@pytest.mark.parametrize("status", ["Succeeded", "Failed"])
def test_a_vaults_notice_says_that_a_retrieval_has_ended_well_or_not(status: str) -> None:
    assert messages.parse(json.dumps({**NOTICE, "StatusCode": status})) == THAW


def test_an_event_of_s3_says_that_a_copy_is_there() -> None:
    assert messages.parse(json.dumps({"Records": [RECORD]})) == THAW


@pytest.mark.parametrize(
    "body",
    [
        {**NOTICE, "Action": "InventoryRetrieval", "JobDescription": None},
        {**NOTICE, "JobDescription": None},
        {**NOTICE, "JobDescription": "somebody else's"},
        {**NOTICE, "JobDescription": f"../{JOB}/2"},
        {name: value for name, value in NOTICE.items() if name != "JobDescription"},
        {"Records": []},
        {"Records": None},
        {"Records": [{**RECORD, "s3": {}}]},
        {"Records": [{**RECORD, "s3": {"object": {"key": "report.csv"}}}]},
        {"Records": [{**RECORD, "s3": {"object": {"key": [USER, JOB]}}}]},
    ],
    ids=[
        "inventory",
        "no description",
        "other description",
        "no identity",
        "nothing to read",
        "no record",
        "null",
        "no object",
        "other key",
        "key is a list",
    ],
)
def test_other_notices_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        messages.parse(json.dumps(body))


@pytest.mark.parametrize("body", ["[" * 200_000, '{"Records":' * 100_000], ids=["lists", "objects"])
def test_a_body_that_is_nested_too_deep_is_refused(body: str) -> None:
    with pytest.raises(MalformedMessage):
        messages.parse(body)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_nothing_but_an_event_or_a_refusal_comes_of_a_body(body: str) -> None:
    with pytest.raises(MalformedMessage):
        messages.parse(body)


@pytest.mark.parametrize(
    ("event", "queue"),
    [
        (EVENTS[0], "job-requests"),
        (EVENTS[1], "notify"),
        (EVENTS[2], "restore"),
        (EVENTS[3], "restore"),
        (EVENTS[4], "thaw"),
    ],
)
def test_an_event_reaches_the_queue_of_its_topic(deploy: Callable[..., Deployment], event: Event, queue: str) -> None:
    deployment = deploy(queues=[queue])
    deployment.announcer.publish(event)
    assert deployment.events(queue) == [event]


def test_s3_trying_its_notification_out_is_about_no_job() -> None:
    tried = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "results", "Time": "2026-01-01T00:00:00Z"}
    event = messages.parse(json.dumps(tried))
    assert isinstance(event, JobThaw)
    assert set(event.job_id) == {"0", "-"}
