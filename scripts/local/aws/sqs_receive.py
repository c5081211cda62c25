"""SQS: receiving, deleting and changing visibility, under one lock per queue.

moto takes messages without a lock, so two receivers may get the same one; it wakes every second in a long poll and
copies each message deeply; it deletes by any receipt handle a message ever had and keeps every handle for ever.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

import base64
import binascii
import copy
import json
import socket
import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import unix_time, unix_time_millis
from moto.sqs.exceptions import InvalidParameterValue, QueueDoesNotExist, ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes
from moto.sqs.responses import SQSResponse

from .gate import gate

LONGEST_VISIBILITY_SECONDS = 43_200

_call = threading.local()


@dataclass(frozen=True)
class Handle:
    """A receipt handle names the queue, the message and which of its receives; only the newest one deletes."""

    queue_arn: str
    message_id: str
    receive: str

    def encode(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.queue_arn, self.message_id, self.receive]).encode()).decode()


def read_handle(queue: Queue, handle: str) -> Handle:
    """Raises ReceiptHandleIsInvalid for what is not a handle of this queue."""
    try:
        found = Handle(*json.loads(base64.urlsafe_b64decode(handle.encode())))
    except (binascii.Error, ValueError, TypeError):
        raise ReceiptHandleIsInvalid from None
    if found.queue_arn != queue.queue_arn:
        raise ReceiptHandleIsInvalid
    return found


def _find(queue: Queue, message_id: str) -> Message | None:
    return next((message for message in queue._messages if message.id == message_id), None)


def _client_is_gone() -> bool:
    """Whether the receiver hung up during its long poll; a message given to it would only be lost for a while."""
    connection = getattr(_call, "socket", None)
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def take(queue: Queue, count: int, visibility_seconds: int, now: float) -> tuple[list[Message], float]:
    """Takes up to `count` available messages; the caller holds the lock. `now` in milliseconds.

    Returns copies, as they are at this receive, and when (in milliseconds) the next hidden message appears.
    """
    oldest = now - queue.message_retention_period * 1000
    queue._messages = [message for message in queue._messages if message.sent_timestamp > oldest]
    available, next_at = [], float("inf")
    in_flight: Counter[str | None] = Counter()
    for message in queue._messages:
        appears = max(message.visible_at, message.delayed_until)
        if appears <= now:
            available.append(message)
        else:
            next_at = min(next_at, appears)
            if message.visible_at > now:
                in_flight[message.group_id] += 1
    if queue.fifo_queue:
        available = [message for message in available if not in_flight[message.group_id]]
    elif in_flight and len({message.group_id for message in available}) > 1:
        # A fair queue serves the tenants with little in flight first.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        available.sort(key=lambda message: in_flight[message.group_id] if message.group_id else 0)
    taken: list[Message] = []
    for message in available:
        if len(taken) == count:
            break
        if _is_dead(queue, message):
            _bury(queue, message)
            continue
        message.approximate_receive_count += 1
        message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or int(now)
        message.received_at = now
        message.visible_at = now + visibility_seconds * 1000
        message.receipt_handle = Handle(queue.queue_arn, message.id, uuid.uuid4().hex).encode()
        taken.append(copy.copy(message))
    return taken, next_at


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
def _is_dead(queue: Queue, message: Message) -> bool:
    return (
        queue.dead_letter_queue is not None
        and bool(queue.redrive_policy)
        and message.approximate_receive_count >= queue.redrive_policy["maxReceiveCount"]
    )


def _bury(queue: Queue, message: Message) -> None:
    """The dead-letter queue keeps the message's id, attributes and time of sending."""
    queue._messages.remove(message)
    message.dead_letter_source_arn = queue.queue_arn
    message.visible_at = message.delayed_until = 0.0
    grave = queue.dead_letter_queue
    with grave._messages_lock:
        grave._messages.append(message)
        changed(grave)


def receive_message(
    self: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Message]:
    """Waits at most `wait_seconds_timeout` and without using the processor until there is a message."""
    queue = self.get_queue(queue_name)
    end = unix_time() + wait_seconds_timeout
    while not _client_is_gone():
        now = unix_time_millis()
        with queue._messages_lock:
            taken, next_at = take(queue, count, int(visibility_timeout), now)
            seen = changes_of(queue)
        left = end - now / 1000
        if taken or left <= 0:
            for message in taken:
                gate.changed()
                _filter_message_attributes(message, message_attribute_names or [])
            return taken
        with gate.resting(), queue._messages_lock:
            nap = min(left, max(0.001, (next_at - now) / 1000))
            queue._messages_lock.wait_for(lambda seen=seen: changes_of(queue) != seen, nap)
        if self.queues.get(queue_name) is not queue:
            raise QueueDoesNotExist
    return []


def changes_of(queue: Queue) -> int:
    return getattr(queue, "changes", 0)


def changed(queue: Queue) -> None:
    """Wakes whoever waits for messages; the caller holds the lock."""
    queue.changes = changes_of(queue) + 1
    queue._messages_lock.notify_all()


# "You must provide the most recently received ReceiptHandle for the message (otherwise, the request succeeds, but
# the message will not be deleted)."
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
def delete_message(self: Queue, receipt_handle: str) -> None:
    handle = read_handle(self, receipt_handle)
    with self._messages_lock:
        message = _find(self, handle.message_id)
        if message is not None and message.receipt_handle == receipt_handle:
            self._messages.remove(message)


# "If you try to extend the visibility timeout beyond 12 hours …": counted from this receive, moto counts from sending.
# An expired or superseded handle is taken and does nothing; a deleted message is an error.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
def change_message_visibility(self: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    queue = self.get_queue(queue_name)
    handle = read_handle(queue, receipt_handle)
    if not 0 <= int(visibility_timeout) <= LONGEST_VISIBILITY_SECONDS:
        raise InvalidParameterValue(
            f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid. "
            f"Reason: VisibilityTimeout must be an integer between 0 and {LONGEST_VISIBILITY_SECONDS}."
        )
    with queue._messages_lock:
        message = _find(queue, handle.message_id)
        if message is None:
            raise InvalidParameterValue(
                f"Value {receipt_handle} for parameter ReceiptHandle is invalid. "
                "Reason: Message does not exist or is not available for visibility timeout change."
            )
        now = unix_time_millis()
        if message.receipt_handle != receipt_handle or message.visible_at <= now:
            return
        until = now + int(visibility_timeout) * 1000
        if until - message.received_at > LONGEST_VISIBILITY_SECONDS * 1000:
            raise InvalidParameterValue(
                f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid. Reason: Total "
                f"VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY_SECONDS} seconds]"
            )
        message.visible_at = until
        changed(queue)


def change_message_visibility_batch(
    self: SQSBackend, queue_name: str, entries: list[dict[str, Any]]
) -> tuple[list[str], list[dict[str, Any]]]:
    """One entry's error is that entry's alone; moto fails the whole batch."""
    done, failed = [], []
    for entry in entries:
        try:
            self.change_message_visibility(queue_name, entry["ReceiptHandle"], int(entry["VisibilityTimeout"]))
            done.append(entry["Id"])
        except SQSException as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
    return done, failed


def _add_message(self: Queue, message: Message) -> None:
    with self._messages_lock:
        self._messages.append(message)
        changed(self)


def _response_mended() -> None:
    original = SQSResponse.receive_message

    # moto lacks DeadLetterQueueSourceArn.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    def receive(self: SQSResponse) -> ActionResult:
        _call.socket = self.normalized_request.environ.get("werkzeug.socket")
        try:
            answer = original(self)
        finally:
            _call.socket = None
        asked = {*self._get_param("AttributeNames", []), *self._get_param("MessageSystemAttributeNames", [])}
        messages = answer.result.get("Messages", [])
        if messages and asked & {"All", "DeadLetterQueueSourceArn"}:
            queue = self.sqs_backend.get_queue(self._get_queue_name())
            with queue._messages_lock:
                sources = {m.id: getattr(m, "dead_letter_source_arn", None) for m in queue._messages}
            for message in messages:
                if sources.get(message["MessageId"]):
                    message.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = sources[message["MessageId"]]
        return answer

    SQSResponse.receive_message = receive


def _locked(operation: str) -> None:
    original = getattr(SQSBackend, operation)

    def locked(self: SQSBackend, queue_name: str) -> None:
        queue = self.get_queue(queue_name)
        with queue._messages_lock:
            original(self, queue_name)
            changed(queue)

    setattr(SQSBackend, operation, locked)


def install() -> None:
    fifo_add = Queue.add_message
    Queue.add_message = lambda self, message: (fifo_add if self.fifo_queue else _add_message)(self, message)
    Queue.delete_message = delete_message
    SQSBackend.receive_message = receive_message
    SQSBackend.change_message_visibility = change_message_visibility
    SQSBackend.change_message_visibility_batch = change_message_visibility_batch
    # Those in a long poll must learn of it.
    _locked("purge_queue")
    _locked("delete_queue")
    _response_mended()
