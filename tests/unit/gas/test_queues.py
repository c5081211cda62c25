import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config

from gas import aws, queues, topology
from gas.messages import JobResult
from gas.process import stop_signals
from gas.queues import Consumer, Delivery, GiveBack, Reject, Retry, backoff_seconds
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, client, create, until
from tests.fixtures import Lines
from tests.proxy import relay

QUEUE = topology.load().queues["notify"]


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(queues, "FIRST_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(queues, "LONGEST_RECONNECT_SECONDS", 0.2)
    monkeypatch.setattr(queues, "ABANDON_SECONDS", 0.5)


@pytest.fixture
def place(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy(queues=["notify"])


def event() -> JobResult:
    return JobResult(user_id=str(uuid.uuid4()), job_id=str(uuid.uuid4()))


@dataclass
class Handler:
    """Notes what it is given; does as the test says."""

    do: Callable[[Delivery], None] = lambda _: None
    seen: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> None:
        self.seen.append(delivery)
        self.do(delivery)

    @property
    def counts(self) -> list[int]:
        return [delivery.receive_count for delivery in self.seen]


def consumer_of(place: Deployment, handle: Callable[[Delivery], None], **options: Any) -> Consumer:
    chosen: dict[str, Any] = {
        "connect": lambda: client("sqs"),
        "visibility_seconds": 20,
        "heartbeat_seconds": 0.3,
        "grace_seconds": 20,
        "poll_seconds": 0,
        "rng": random.Random(7),
        **options,
    }
    return Consumer(chosen.pop("connect"), QUEUE, place.settings.name_prefix, handle, **chosen)


@contextmanager
def consuming(place: Deployment, handle: Callable[[Delivery], None], **options: Any) -> Iterator[Consumer]:
    consumer = consumer_of(place, handle, **options)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()
        assert consumer.join(30)


def visible(place: Deployment) -> int:
    url = place.queue_url("notify")
    attributes = place.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


# How a handler ends


def test_a_message_is_acknowledged_after_its_handler(place: Deployment, lines: Lines) -> None:
    left: list[int] = []
    handler = Handler(lambda _: left.append(place.left_in("notify")))
    sent = event()
    place.send("notify", sent)
    with consuming(place, handler):
        until(lambda: place.left_in("notify") == 0)
    assert left == [1]
    (delivery,) = handler.seen
    assert (delivery.event, delivery.receive_count, delivery.last_receive) == (sent, 1, False)
    (measured,) = lines.metrics("HandlerSeconds")
    assert measured["outcome"] == "done"
    assert measured["HandlerSeconds"] >= 0
    assert [line["event"] for line in lines.all if "event" in line] == [
        "consumer_started",
        "consumer_stopping",
        "consumer_stopped",
    ]


def test_retry_hides_the_message_for_as_long_as_it_says(place: Deployment, lines: Lines) -> None:
    def later(delivery: Delivery) -> None:
        raise Retry(3600)

    handler = Handler(later)
    place.send("notify", event())
    with consuming(place, handler):
        until(lambda: lines.metrics("HandlerSeconds"))
        assert (visible(place), place.left_in("notify")) == (0, 1)
    assert handler.counts == [1]
    (line,) = lines.of("retry")
    assert (line["after_seconds"], line["receive_count"]) == (3600, 1)
    assert line["job_id"] == handler.seen[0].event.job_id  # type: ignore[union-attr]


@pytest.mark.parametrize("after", [0.3, 0, -5])
def test_retry_soon_brings_the_message_again(place: Deployment, after: float) -> None:
    def once(delivery: Delivery) -> None:
        if delivery.receive_count < 3:
            raise Retry(after)

    handler = Handler(once)
    place.send("notify", event())
    with consuming(place, handler):
        until(lambda: place.left_in("notify") == 0)
    assert handler.counts == [1, 2, 3]


def test_a_retry_beyond_what_sqs_takes_is_shortened(place: Deployment, lines: Lines) -> None:
    def much_later(delivery: Delivery) -> None:
        raise Retry(10**9)

    place.send("notify", event())
    with consuming(place, Handler(much_later)):
        until(lambda: lines.metrics("HandlerSeconds"))
    assert not lines.of("acknowledgement_failed")
    assert (visible(place), place.left_in("notify")) == (0, 1)


def test_what_is_given_back_another_consumer_has_at_once(place: Deployment, lines: Lines) -> None:
    consumers: list[Consumer] = []

    def cannot(delivery: Delivery) -> None:
        consumers[0].stop()
        raise GiveBack

    sent = event()
    place.send("notify", sent)
    consumers.append(consumer_of(place, cannot, visibility_seconds=600))
    consumers[0].start()
    assert consumers[0].join(30)
    other = Handler()
    with consuming(place, other):
        until(lambda: other.seen)
    assert [delivery.event for delivery in other.seen] == [sent]
    assert lines.of("given_back")


def test_a_rejected_message_is_dead_lettered_with_the_reason_at_once(place: Deployment, lines: Lines) -> None:
    def never(delivery: Delivery) -> None:
        raise Reject("of no use\n\x00to anybody")

    handler = Handler(never)
    sent = event()
    place.send("notify", sent)
    with consuming(place, handler):
        (dead,) = until(lambda: place.receive("notify-dlq"))
    assert handler.counts == [1]
    assert dead["Body"] == sent.model_dump_json()
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "of no use??to anybody"
    assert place.left_in("notify") == 0
    assert lines.of("message_rejected")[0]["reason"] == "of no use\n\x00to anybody"


@pytest.mark.parametrize("reason", ["", "x" * 10_000])
def test_any_reason_can_be_told(place: Deployment, reason: str) -> None:
    def never(delivery: Delivery) -> None:
        raise Reject(reason)

    place.send("notify", event())
    with consuming(place, Handler(never)):
        (dead,) = until(lambda: place.receive("notify-dlq"))
    assert dead["MessageAttributes"]["reason"]["StringValue"] == (reason[:256] or "no reason given")


GARBAGE = [
    "not json, patient Doe",
    "{}",
    '{"v":2,"type":"job-result"}',
    '{"v":1,"type":"party"}',
    "\u00fc\u20ac\U0001f40d",
]


def test_garbage_is_dead_lettered_with_the_reason_and_never_handled(place: Deployment, lines: Lines) -> None:
    handler = Handler()
    for body in GARBAGE:
        place.send("notify", body)
    good = event()
    place.send("notify", good)
    dead: list[dict[str, Any]] = []
    with consuming(place, handler, concurrency=2):
        until(lambda: dead.extend(place.receive("notify-dlq")) or len(dead) == len(GARBAGE))
        until(lambda: place.left_in("notify") == 0)
    assert sorted(message["Body"] for message in dead) == sorted(GARBAGE)
    reasons = [message["MessageAttributes"]["reason"]["StringValue"] for message in dead]
    assert all(reason.startswith("malformed: ") for reason in reasons)
    assert [delivery.event for delivery in handler.seen] == [good]
    assert len(lines.of("message_rejected")) == len(GARBAGE)
    assert "Doe" not in lines.stream.getvalue()


def test_a_handler_that_fails_for_ever_ends_in_the_dead_letter_queue(place: Deployment, lines: Lines) -> None:
    def broken(delivery: Delivery) -> None:
        raise RuntimeError("disk on fire")

    handler = Handler(broken)
    sent = event()
    place.send("notify", sent)
    with consuming(place, handler):
        (dead,) = until(lambda: place.receive("notify-dlq"))
    assert dead["Body"] == sent.model_dump_json()
    assert handler.counts == list(range(1, QUEUE.max_receives + 1))
    assert [delivery.last_receive for delivery in handler.seen] == [False] * (QUEUE.max_receives - 1) + [True]
    failures = lines.of("handler_failed")
    assert len(lines.metrics("HandlerFailures")) == len(failures)
    assert len(failures) == QUEUE.max_receives
    assert failures[0]["reason"] == "RuntimeError: disk on fire"
    assert "Traceback" in failures[0]["exception"]
    assert [failure["last_receive"] for failure in failures] == [delivery.last_receive for delivery in handler.seen]


def test_a_failed_message_stays_hidden_while_it_backs_off(
    place: Deployment, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "FIRST_BACKOFF_SECONDS", 600.0)

    def broken(delivery: Delivery) -> None:
        raise RuntimeError

    place.send("notify", event())
    with consuming(place, Handler(broken)):
        until(lambda: lines.metrics("HandlerSeconds"))
        assert (visible(place), place.left_in("notify")) == (0, 1)
    assert 300 <= lines.of("handler_failed")[0]["again_in_seconds"] <= 600


def test_backoff_doubles_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "FIRST_BACKOFF_SECONDS", 5.0)
    rng = random.Random(1)
    for count, longest in [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (9, 900), (50, 900), (5000, 900)]:
        drawn = [backoff_seconds(count, rng) for _ in range(300)]
        assert longest / 2 <= min(drawn) < longest * 0.55
        assert longest * 0.95 < max(drawn) <= longest
    assert backoff_seconds(3, random.Random(5)) == backoff_seconds(3, random.Random(5))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException, RecursionError])
def test_whatever_a_handler_raises_the_next_message_is_handled(
    place: Deployment, lines: Lines, error: type[BaseException]
) -> None:
    def wild(delivery: Delivery) -> None:
        if delivery.receive_count == 1:
            raise error

    handler = Handler(wild)
    sent = event()
    place.send("notify", sent)
    with consuming(place, handler):
        until(lambda: place.left_in("notify") == 0)
    assert handler.counts == [1, 2]
    assert lines.of("handler_failed")[0]["reason"].startswith(error.__name__)


def test_a_defect_in_the_end_of_a_message_does_not_end_its_thread(
    place: Deployment, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Consumer._delete
    defects = [RuntimeError("defect")]

    def defective(self: Consumer, held: Any) -> None:
        if defects:
            raise defects.pop()
        delete(self, held)

    monkeypatch.setattr(Consumer, "_delete", defective)
    place.send("notify", event())
    with consuming(place, Handler(), visibility_seconds=1):
        until(lambda: place.left_in("notify") == 0)
    assert lines.of("handler_thread_failed")


# Concurrency


def test_as_many_at_once_as_asked_and_no_more_are_received(place: Deployment) -> None:
    gate, inside, most = threading.Event(), [], []

    def wait(delivery: Delivery) -> None:
        inside.append(delivery)
        most.append(len(inside))
        assert gate.wait(30)
        inside.remove(delivery)

    handler = Handler(wait)
    for _ in range(8):
        place.send("notify", event())
    with consuming(place, handler, concurrency=3):
        until(lambda: len(inside) == 3)
        # What no handler is free for stays with SQS, for other processes.
        assert visible(place) == 5
        gate.set()
        until(lambda: place.left_in("notify") == 0)
    assert max(most) == 3
    assert len(handler.seen) == 8


# Heartbeats


def test_a_slow_handler_s_message_stays_hidden_past_its_visibility(place: Deployment) -> None:
    gate = threading.Event()
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=1, heartbeat_seconds=0.2):
        until(lambda: handler.seen)
        url = place.queue_url("notify")
        assert "Messages" not in place.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)
        gate.set()
        until(lambda: place.left_in("notify") == 0)
    assert handler.counts == [1]


def test_without_heartbeats_it_does_not(place: Deployment) -> None:
    """The test above could pass for another reason; this one shows that it does not."""
    gate = threading.Event()
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=1, heartbeat_seconds=600):
        until(lambda: handler.seen)
        url = place.queue_url("notify")
        assert place.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3)["Messages"]
        gate.set()


def test_a_failed_heartbeat_is_told_and_tried_again_soon(place: Deployment, faulty: AwsStandIn, lines: Lines) -> None:
    gate = threading.Event()
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    faulty.fault(
        service="sqs", operation="ChangeMessageVisibility", kind="error", code="ExpiredToken", count=2,
        match=place.settings.name_prefix,
    )  # fmt: skip
    with consuming(place, handler, visibility_seconds=3, heartbeat_seconds=1.2):
        until(lambda: handler.seen)
        url = place.queue_url("notify")
        assert "Messages" not in place.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=4)
        gate.set()
        until(lambda: place.left_in("notify") == 0)
    failures = lines.of("heartbeat_failed")
    assert len(failures) == 2
    assert "credentials have expired" in failures[0]["reason"]
    assert handler.counts == [1]


def test_a_message_is_not_extended_beyond_the_twelve_hours_of_sqs(place: Deployment, lines: Lines) -> None:
    gate, hours = threading.Event(), [0.0]
    asked: list[int] = []
    sqs = Session().client("sqs")
    sqs.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibility",
        lambda params, **_: asked.append(params["VisibilityTimeout"]),
    )
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    with consuming(
        place,
        handler,
        connect=lambda: sqs,
        visibility_seconds=120,
        heartbeat_seconds=60,
        monotonic=lambda: time.monotonic() + hours[0] * 3600,
    ):
        until(lambda: handler.seen)
        hours[0] = 11.97
        until(lambda: asked)
        hours[0] = 12.1
        # Some looks of the keeper.
        time.sleep(0.3)
        gate.set()
        until(lambda: place.left_in("notify") == 0)
    assert len(asked) == 1
    assert 0 < asked[0] < 0.03 * 3600
    assert not lines.of("heartbeat_failed")


# Stopping


def test_on_stop_a_handler_finishes_in_its_grace_and_nothing_more_is_received(place: Deployment) -> None:
    gate = threading.Event()
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=1, heartbeat_seconds=0.2) as consumer:
        (delivery,) = until(lambda: handler.seen)
        assert not delivery.stopping.is_set()
        consumer.stop()
        consumer.stop()
        assert delivery.stopping.is_set()
        place.send("notify", event())
        assert not consumer.join(1.5)
        # Still hidden, thanks to the keeper, and still worked on.
        assert (visible(place), place.left_in("notify")) == (1, 2)
        assert not delivery.abandon.is_set()
        gate.set()
    assert len(handler.seen) == 1
    assert (visible(place), place.left_in("notify")) == (1, 1)


def test_when_the_grace_is_over_handlers_are_told_to_give_back(place: Deployment, lines: Lines) -> None:
    def undo(delivery: Delivery) -> None:
        assert delivery.abandon.wait(30)
        raise GiveBack

    handler = Handler(undo)
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=600, grace_seconds=0.1) as consumer:
        until(lambda: handler.seen)
        consumer.stop()
    assert visible(place) == 1
    assert lines.of("grace_period_over")[0]["in_hand"] == 1


def test_a_handler_that_hangs_does_not_keep_its_message(place: Deployment, lines: Lines) -> None:
    gate = threading.Event()
    handler = Handler(lambda _: gate.wait(30) and None)
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=600, grace_seconds=0.1) as consumer:
        until(lambda: handler.seen)
        consumer.stop()
    assert visible(place) == 1
    (line,) = lines.of("given_back_unfinished")
    assert line["message_id"] == handler.seen[0].message_id
    # It wakes up too late: the message is another's now.
    gate.set()
    until(lambda: lines.metrics("HandlerSeconds"))
    assert visible(place) == 1


def test_what_the_last_receive_brings_is_given_back(place: Deployment, lines: Lines) -> None:
    handler = Handler()
    with consuming(place, handler, visibility_seconds=600, grace_seconds=0, poll_seconds=3) as consumer:
        until(lambda: consumer._sqs)
        time.sleep(0.3)
        consumer.stop()
        place.send("notify", event())
    assert handler.seen == []
    assert visible(place) == 1


def test_a_signal_drains_and_a_second_one_ends_the_grace(place: Deployment, lines: Lines) -> None:
    def undo(delivery: Delivery) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert delivery.stopping.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)
        assert delivery.abandon.wait(30)
        raise GiveBack

    place.send("notify", event())
    consumer = consumer_of(place, undo, grace_seconds=600)
    with stop_signals() as signals:
        consumer.run(signals)
    assert visible(place) == 1
    assert lines.all[-1]["event"] == "consumer_stopped"


def test_an_idle_consumer_stops(place: Deployment) -> None:
    consumer = consumer_of(place, Handler())
    consumer.start()
    consumer.stop()
    assert consumer.join(30)


# What it outlives


def test_a_service_that_is_down_for_a_while(place: Deployment, aws_standin: AwsStandIn, lines: Lines) -> None:
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, signature_version="v4")
    handler = Handler()
    with relay(aws_standin.url) as line:
        connects: list[Any] = []

        def connect() -> Any:
            connects.append(Session().client("sqs", endpoint_url=line.url, config=once))
            return connects[-1]

        with consuming(place, handler, connect=connect):
            place.send("notify", event())
            until(lambda: place.left_in("notify") == 0)
            line.down()
            place.send("notify", event())
            until(lambda: len(lines.of("receive_failed")) >= 3)
            assert len(handler.seen) == 1
            line.up()
            until(lambda: len(handler.seen) == 2 and place.left_in("notify") == 0)
    assert "AWS cannot be reached" in lines.of("receive_failed")[-1]["reason"]
    assert [failure["failures"] for failure in lines.of("receive_failed")][:3] == [1, 2, 3]
    # A new client each time.
    assert len(connects) >= 4


def test_expired_credentials(
    place: Deployment, faulty: AwsStandIn, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr(aws, "forget_credentials", lambda: forgotten.append(len(lines.of("receive_failed"))))
    faulty.fault(
        service="sqs", operation="ReceiveMessage", kind="error", code="ExpiredToken", count=3,
        match=place.settings.name_prefix,
    )  # fmt: skip
    handler = Handler()
    place.send("notify", event())
    with consuming(place, handler):
        until(lambda: place.left_in("notify") == 0)
    failures = lines.of("receive_failed")
    assert [failure["failures"] for failure in failures] == [1, 2, 3]
    assert "credentials have expired" in failures[0]["reason"]
    assert forgotten == [1, 2, 3], "once for each failure, so that the next client has others"
    assert len(handler.seen) == 1


def test_a_queue_deleted_and_made_again(place: Deployment, lines: Lines) -> None:
    handler = Handler()
    place.send("notify", event())
    with consuming(place, handler):
        until(lambda: place.left_in("notify") == 0)
        place.sqs.delete_queue(QueueUrl=place.queue_url("notify"))
        until(lambda: lines.of("receive_failed"))
        assert "queue does not exist" in lines.of("receive_failed")[0]["reason"]
        create(place.settings, queues=["notify"])
        place.send("notify", event())
        until(lambda: len(handler.seen) == 2)
        until(lambda: place.left_in("notify") == 0)


def test_an_acknowledgement_that_fails_brings_the_message_again(
    place: Deployment, faulty: AwsStandIn, lines: Lines
) -> None:
    faulty.fault(
        service="sqs", operation="DeleteMessage", kind="error", code="AccessDenied", count=1,
        match=place.settings.name_prefix,
    )  # fmt: skip
    handler = Handler()
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=1):
        until(lambda: place.left_in("notify") == 0)
    assert handler.counts == [1, 2]
    assert "permission is missing" in lines.of("acknowledgement_failed")[0]["reason"]


def test_a_receive_whose_answer_is_lost_loses_nothing(place: Deployment, faulty: AwsStandIn) -> None:
    faulty.fault(
        service="sqs", operation="ReceiveMessage", kind="timeout_after_effect", count=1,
        match=place.settings.name_prefix,
    )  # fmt: skip
    handler = Handler()
    place.send("notify", event())
    with consuming(place, handler, visibility_seconds=1):
        until(lambda: place.left_in("notify") == 0)
    assert handler.counts == [2]
