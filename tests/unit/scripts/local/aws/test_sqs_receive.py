"""Which messages a receive takes, by the clock that it is given."""

import base64

import pytest
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, sqs_backends

from scripts.local.aws import sqs_receive
from scripts.local.aws.sqs_receive import Handle, change_message_visibility, read_handle, take

NOW = 1_800_000_000_000.0
HOUR = 3_600_000


@pytest.fixture
def queue() -> Queue:
    return Queue("q", "us-east-1", "123456789012")


def put(queue: Queue, body: str = "x", group: str | None = None, sent: float = NOW) -> Message:
    message = Message(f"id-{len(queue._messages)}", body)
    message.group_id, message.sent_timestamp = group, int(sent)
    queue._messages.append(message)
    return message


def bodies(queue: Queue, count: int = 10, visibility: int = 30, now: float = NOW) -> list[str]:
    return [message.body for message in take(queue, count, visibility, now)[0]]


def test_taken_messages_hide_until_their_time(queue: Queue) -> None:
    put(queue)
    assert bodies(queue) == ["x"]
    taken, next_at = take(queue, 10, 30, NOW + 29_999)
    assert (taken, next_at) == ([], NOW + 30_000)
    assert bodies(queue, now=NOW + 30_000) == ["x"]


def test_delayed_messages_wait_and_say_how_long(queue: Queue) -> None:
    put(queue).delayed_until = NOW + 5000
    assert take(queue, 10, 30, NOW) == ([], NOW + 5000)
    assert bodies(queue, now=NOW + 5000) == ["x"]


def test_what_is_older_than_the_retention_is_gone(queue: Queue) -> None:
    put(queue, "old", sent=NOW - 4 * 24 * HOUR - 1)
    put(queue, "young", sent=NOW - 4 * 24 * HOUR + 1)
    assert bodies(queue) == ["young"]
    assert len(queue._messages) == 1


def test_a_quiet_tenant_goes_before_a_noisy_one(queue: Queue) -> None:
    for _ in range(5):
        put(queue, "noisy", "a")
    assert bodies(queue, count=2) == ["noisy"] * 2
    put(queue, "quiet", "b")
    assert bodies(queue) == ["quiet", "noisy", "noisy", "noisy"]


def test_after_max_receives_a_message_is_buried_with_its_id(queue: Queue) -> None:
    grave = Queue("grave", "us-east-1", "123456789012")
    queue.dead_letter_queue, queue.redrive_policy = grave, {"maxReceiveCount": 2}
    message = put(queue)
    assert [bodies(queue, visibility=0, now=NOW + n) for n in range(3)] == [["x"], ["x"], []]
    assert [buried.id for buried in grave._messages] == [message.id]
    assert take(grave, 1, 30, NOW + 3)[0][0].dead_letter_source_arn == queue.queue_arn


def test_handles_are_read_back_and_others_refused(queue: Queue) -> None:
    handle = Handle(queue.queue_arn, "id", "r").encode()
    assert read_handle(queue, handle).message_id == "id"
    other = Handle("arn:other", "id", "r").encode()
    for wrong in (other, "", "%%%", base64.urlsafe_b64encode(b"[1]").decode(), base64.urlsafe_b64encode(b"5").decode()):
        with pytest.raises(ReceiptHandleIsInvalid):
            read_handle(queue, wrong)


def test_twelve_hours_count_from_the_receive_not_from_the_sending(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = sqs_backends["123456789012"]["us-east-1"]
    monkeypatch.setitem(backend.queues, "q", queue)
    put(queue, sent=NOW - 13 * HOUR)
    (message,), _ = take(queue, 1, 60, NOW)
    monkeypatch.setattr(sqs_receive, "unix_time_millis", lambda: NOW + 50_000)
    change_message_visibility(backend, "q", message.receipt_handle, 43_150)
    with pytest.raises(InvalidParameterValue, match="beyond the limit"):
        change_message_visibility(backend, "q", message.receipt_handle, 43_151)
