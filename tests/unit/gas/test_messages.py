import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gas import messages
from gas.messages import Event, JobRequest, JobResult, MalformedMessage, SubscriptionUpgrade
from tests.deployment import Deployment

# The same in every worker: they are part of the names of tests.
USER, JOB = "3f0c2a52-5a2c-4f0e-9c86-0d1f6f1f2a11", "a8f1d2de-7d59-4a9f-8b55-6a3f8c0b7e22"
EVENTS: list[Event] = [
    JobRequest(user_id=USER, job_id=JOB),
    JobResult(user_id=USER, job_id=JOB),
    SubscriptionUpgrade(user_id=USER, tier_epoch=3),
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


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_nothing_but_an_event_or_a_refusal_comes_of_a_body(body: str) -> None:
    with pytest.raises(MalformedMessage):
        messages.parse(body)


@pytest.mark.parametrize(
    ("event", "queue"), [(EVENTS[0], "job-requests"), (EVENTS[1], "notify"), (EVENTS[2], "restore")]
)
def test_an_event_reaches_the_queue_of_its_topic(deploy: Callable[..., Deployment], event: Event, queue: str) -> None:
    deployment = deploy(queues=[queue])
    deployment.announcer.publish(event)
    assert deployment.events(queue) == [event]
