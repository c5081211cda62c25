"""The consumer: takes messages from an SQS queue, runs a handler for each, and acknowledges last.

A poller thread receives no more than there are free handlers; handler threads work; a keeper thread extends
the visibility of what is being handled. On stop the poller ends first, then the handlers, the keeper last, so
that nothing still worked on is given to someone else. What cannot finish in time gets visibility 0.
"""

import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gas import aws
from gas.faults import explain
from gas.messages import Event, MalformedMessage, parse
from gas.process import StopSignals
from gas.telemetry import bound, logger, metric
from gas.topology import Queue, resource_name

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logger(__name__)

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_MESSAGES_A_RECEIVE = 10
# 12 hours from the receipt, which SQS dates a little earlier than we do.
LONGEST_VISIBILITY_SECONDS = 12 * 3600 - 60
LONGEST_REASON = 256

FIRST_BACKOFF_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 900.0
LONGEST_RECONNECT_SECONDS = 30.0
# After the grace period handlers are told to give up; this is what they get to do so.
ABANDON_SECONDS = 10.0
TICK_SECONDS = 0.5
# A heartbeat that failed is tried again after this part of the time between two, well before the message shows.
HEARTBEAT_RETRIES = 4


class Retry(Exception):
    """Not now: deliver the message again after so many seconds."""

    def __init__(self, after: float):
        super().__init__(f"again in {after:.0f} s")
        self.after = after


class GiveBack(Exception):
    """This process cannot finish the message: let another have it at once."""


class Reject(Exception):
    """The message can never be handled: to the dead-letter queue with the reason, at once."""


@dataclass(frozen=True)
class Delivery:
    """One receipt of a message, as its handler sees it.

    `stopping` is set when the process was told to stop: finish what is begun. `abandon` is set when the time
    for that is over: undo, and raise `GiveBack`.
    """

    event: Event
    message_id: str
    receive_count: int
    last_receive: bool
    stopping: threading.Event
    abandon: threading.Event


@dataclass(eq=False)
class _Held:
    """A message in this process's hands; times on the monotonic clock."""

    message: "MessageTypeDef"
    received: float
    extend_at: float
    done: bool = field(default=False)
    # Held during each visibility call: a heartbeat that overtook "visibility 0" would hide the message again.
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def receipt(self) -> str:
        return self.message["ReceiptHandle"]


def backoff_seconds(receive_count: int, rng: random.Random) -> float:
    """Exponential with full jitter over the upper half: 2.5 to 5 s after the first receive, doubling.

    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """
    longest = min(FIRST_BACKOFF_SECONDS * 2 ** min(max(receive_count - 1, 0), 32), LONGEST_BACKOFF_SECONDS)
    return rng.uniform(longest / 2, longest)


class Consumer:
    """Feeds the messages of one queue to `handle`. `start`, then `stop`, then `join`; or `run` for all three."""

    def __init__(
        self,
        connect: Callable[[], "SQSClient"],
        spec: Queue,
        name_prefix: str,
        handle: Callable[[Delivery], None],
        *,
        concurrency: int = 1,
        visibility_seconds: int = 120,
        heartbeat_seconds: float = 60,
        grace_seconds: float = 90,
        poll_seconds: int = 20,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._connect = connect
        self._spec = spec
        self._name = resource_name(name_prefix, spec.name)
        self._dead_letter_name = resource_name(name_prefix, spec.dead_letter_name)
        self._handle = handle
        self._concurrency = concurrency
        self._visibility = visibility_seconds
        self._heartbeat = heartbeat_seconds
        self._grace = grace_seconds
        self._poll_seconds = poll_seconds
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._monotonic = monotonic

        self._sqs: SQSClient | None = None
        self._urls: dict[str, str] = {}
        self._work: queue.SimpleQueue[_Held | None] = queue.SimpleQueue()
        self._slots = threading.Semaphore(concurrency)
        self._held: set[_Held] = set()
        self._stopping = threading.Event()
        self._abandon = threading.Event()
        self._ended = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    # Life

    def run(self, signals: StopSignals) -> None:
        """Consume until a stop signal, then drain. A second signal ends the grace period."""
        self.start()
        signals.wait()
        self.stop()
        while not self.join(TICK_SECONDS):
            if signals.wait(0):
                self._abandon.set()

    def start(self) -> None:
        """Begin to receive."""
        log.info("consumer_started", queue=self._name, concurrency=self._concurrency)
        self._spawn("poller", self._poll)
        self._spawn("keeper", self._keep)
        for number in range(self._concurrency):
            self._spawn(f"handler-{number}", self._handle_all)

    def stop(self) -> None:
        """Receive no more; handlers have the grace period to finish."""
        if not self._stopping.is_set():
            log.info("consumer_stopping", queue=self._name, in_hand=len(self._held))
            self._stopping.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until all is finished or given back; True when it is."""
        return self._ended.wait(seconds)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        # Daemons: a handler that hangs must not keep a stopping process alive.
        thread = threading.Thread(target=target, name=f"{self._spec.name}-{name}", daemon=True)
        self._threads[name] = thread
        thread.start()

    # Receiving

    def _poll(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=TICK_SECONDS):
                continue
            taken = 1
            while taken < MOST_MESSAGES_A_RECEIVE and self._slots.acquire(blocking=False):
                taken += 1
            used = 0
            try:
                used = self._receive(taken)
                failures = 0
            except Exception as error:
                failures += 1
                log.error("receive_failed", queue=self._name, reason=explain(error), failures=failures)
                self._reconnect(failures)
            finally:
                for _ in range(taken - used):
                    self._slots.release()
        for _ in range(self._concurrency):
            self._work.put(None)

    def _receive(self, most: int) -> int:
        sqs = self._client()
        answer = sqs.receive_message(
            QueueUrl=self._url(self._name),
            MaxNumberOfMessages=most,
            WaitTimeSeconds=self._poll_seconds,
            VisibilityTimeout=self._visibility,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        now = self._monotonic()
        messages = answer.get("Messages", [])
        for message in messages:
            held = _Held(message, received=now, extend_at=now + self._heartbeat)
            self._held.add(held)
            if self._stopping.is_set():
                self._end(held, lambda held=held: self._set_visibility(held, 0))  # type: ignore[misc]
                self._held.discard(held)
                self._slots.release()
            else:
                self._work.put(held)
        return len(messages)

    def _reconnect(self, failures: int) -> None:
        """The next client reads credentials and queue addresses anew."""
        self._sqs = None
        self._urls.clear()
        aws.forget_credentials()
        longest = min(2.0 ** min(failures, 10), LONGEST_RECONNECT_SECONDS)
        self._stopping.wait(self._rng.uniform(longest / 2, longest))

    def _client(self) -> "SQSClient":
        if self._sqs is None:
            self._sqs = self._connect()
        return self._sqs

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self._client().get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]

    # Handling

    def _handle_all(self) -> None:
        while (held := self._work.get()) is not None:
            try:
                self._handle_one(held)
            except Exception:
                log.exception("handler_thread_failed", queue=self._name)
            finally:
                self._held.discard(held)
                self._slots.release()

    def _handle_one(self, held: _Held) -> None:
        message = held.message
        receives = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        started = self._monotonic()
        with bound(queue=self._name, message_id=message.get("MessageId")):
            try:
                event = parse(message.get("Body", ""))
            except MalformedMessage as error:
                self._reject(held, f"malformed: {error}")
                return
            delivery = Delivery(
                event,
                message.get("MessageId", ""),
                receives,
                receives >= self._spec.max_receives,
                self._stopping,
                self._abandon,
            )
            with bound(job_id=getattr(event, "job_id", None), user_id=event.user_id):
                outcome = self._outcome(held, delivery)
            seconds = self._monotonic() - started
            metric("HandlerSeconds", seconds, "Seconds", {"Queue": self._name}, outcome=outcome)
            if outcome == "failed":
                metric("HandlerFailures", 1, dimensions={"Queue": self._name})

    def _outcome(self, held: _Held, delivery: Delivery) -> str:
        try:
            self._handle(delivery)
        except Retry as retry:
            after = retry.after
            log.info("retry", after_seconds=round(after), receive_count=delivery.receive_count)
            self._end(held, lambda: self._set_visibility(held, after))
            return "retry"
        except GiveBack:
            log.info("given_back")
            self._end(held, lambda: self._set_visibility(held, 0))
            return "given_back"
        except Reject as reject:
            self._reject(held, str(reject))
            return "rejected"
        # Also what is no Exception: a handler that calls sys.exit must not end its thread and leave its message held.
        except BaseException as error:
            pause = backoff_seconds(delivery.receive_count, self._rng)
            log.exception(
                "handler_failed",
                reason=explain(error),
                receive_count=delivery.receive_count,
                again_in_seconds=round(pause),
                last_receive=delivery.last_receive,
            )
            self._end(held, lambda: self._set_visibility(held, pause))
            return "failed"
        self._end(held, lambda: self._delete(held))
        return "done"

    def _reject(self, held: _Held, reason: str) -> None:
        log.error("message_rejected", reason=reason)
        self._end(held, lambda: self._dead_letter(held, reason))

    # What SQS is told at the end

    def _end(self, held: _Held, tell: Callable[[], Any]) -> None:
        with held.lock:
            if held.done:
                return
            held.done = True
            try:
                tell()
            except (BotoCoreError, ClientError) as error:
                # Harmless: the message comes again when its visibility ends, and every effect is idempotent.
                log.warning("acknowledgement_failed", queue=self._name, reason=explain(error))

    def _delete(self, held: _Held) -> None:
        self._client().delete_message(QueueUrl=self._url(self._name), ReceiptHandle=held.receipt)

    def _set_visibility(self, held: _Held, seconds: float) -> None:
        left = LONGEST_VISIBILITY_SECONDS - (self._monotonic() - held.received)
        self._client().change_message_visibility(
            QueueUrl=self._url(self._name),
            ReceiptHandle=held.receipt,
            VisibilityTimeout=max(round(min(seconds, left)), 0),
        )

    def _dead_letter(self, held: _Held, reason: str) -> None:
        printable = "".join(c if c.isprintable() else "?" for c in reason)[:LONGEST_REASON] or "no reason given"
        self._client().send_message(
            QueueUrl=self._url(self._dead_letter_name),
            MessageBody=held.message.get("Body") or " ",
            MessageAttributes={"reason": {"DataType": "String", "StringValue": printable}},
        )
        self._delete(held)

    # Keeping

    def _keep(self) -> None:
        """Extend what is being handled; once stopping, end the grace period and finally the consumer."""
        stopped_at: float | None = None
        abandoned_at: float | None = None
        while True:
            # `_ended` is set only below, so this is a pause.
            self._ended.wait(TICK_SECONDS)
            now = self._monotonic()
            self._extend(now)
            if not self._stopping.is_set():
                continue
            if not self._held and not self._threads["poller"].is_alive():
                break
            stopped_at = stopped_at or now
            if now >= stopped_at + self._grace and not self._abandon.is_set():
                log.warning("grace_period_over", queue=self._name, in_hand=len(self._held))
                self._abandon.set()
            if self._abandon.is_set():
                abandoned_at = abandoned_at or now
                if now >= abandoned_at + ABANDON_SECONDS:
                    self._give_back_all()
                    # It gives back what its last receive brings; only then may the process end.
                    if not self._threads["poller"].is_alive():
                        break
        log.info("consumer_stopped", queue=self._name)
        self._ended.set()

    def _extend(self, now: float) -> None:
        for held in [held for held in list(self._held) if held.extend_at <= now]:
            # Taken: the message is being ended.
            if not held.lock.acquire(blocking=False):
                continue
            try:
                self._extend_one(held, now)
            except Exception as error:
                held.extend_at = now + self._heartbeat / HEARTBEAT_RETRIES
                log.warning("heartbeat_failed", queue=self._name, reason=explain(error))
            finally:
                held.lock.release()

    def _extend_one(self, held: _Held, now: float) -> None:
        if held.done or now - held.received >= LONGEST_VISIBILITY_SECONDS:
            return
        self._set_visibility(held, self._visibility)
        held.extend_at = now + self._heartbeat

    def _give_back_all(self) -> None:
        for held in [held for held in list(self._held) if not held.done]:
            log.warning("given_back_unfinished", queue=self._name, message_id=held.message.get("MessageId"))
            self._end(held, lambda held=held: self._set_visibility(held, 0))  # type: ignore[misc]
