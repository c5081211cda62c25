"""SQS: queue attributes and sending. Receiving is in `sqs_receive`, redrive in `sqs_move`."""

import json
import re
import uuid
from typing import Any

from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import MAXIMUM_MESSAGE_DELAY, Message, Queue, SQSBackend, sqs_backends

from . import sqs_move, sqs_receive

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
VALID_CHARACTERS = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
FORBIDDEN_CHARACTERS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _size(body: str, attributes: dict[str, Any]) -> int:
    """Bytes that count towards the limit: the body, and each attribute's name, type and value."""
    size = len(body.encode())
    for name, attribute in attributes.items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += (
            len(name.encode())
            + len(attribute.get("DataType", ""))
            + len(value.encode() if isinstance(value, str) else value)
        )
    return size


def _send_mended() -> None:
    original = SQSBackend.send_message

    # moto counts characters where SQS counts bytes (attributes included), takes control characters and negative
    # delays, and recomputes every queue attribute twice per message.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    def send_message(
        self: SQSBackend,
        queue_name: str,
        message_body: str,
        message_attributes: dict[str, Any] | None = None,
        delay_seconds: int | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        system_attributes: dict[str, Any] | None = None,
        validate_group_id: bool = True,
    ) -> Message:
        queue = self.get_queue(queue_name)
        if FORBIDDEN_CHARACTERS.search(message_body):
            message = f"Invalid characters found. Valid unicode characters are {VALID_CHARACTERS}"
            raise SQSException("InvalidMessageContents", message)
        if not message_body:
            raise SQSException("MissingParameter", "The request must contain the parameter MessageBody.")
        if _size(message_body, message_attributes or {}) > queue.maximum_message_size:
            limit = queue.maximum_message_size
            raise InvalidParameterValue(
                f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
            )
        if queue.fifo_queue:
            return original(
                self,
                queue_name,
                message_body,
                message_attributes,
                delay_seconds,
                deduplication_id,
                group_id,
                system_attributes,
                validate_group_id,
            )
        delay = int(queue.delay_seconds if delay_seconds is None else delay_seconds)
        if not 0 <= delay <= MAXIMUM_MESSAGE_DELAY:
            raise InvalidParameterValue(
                f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )
        message = Message(str(uuid.uuid4()), message_body, system_attributes)
        message.message_attributes = message_attributes or {}
        # Accepted on standard queues since 2025: it names the tenant of a fair queue.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        message.group_id = group_id
        message.mark_sent(delay_seconds=delay)
        queue.add_message(message)
        return message

    SQSBackend.send_message = send_message


def _attributes_mended() -> None:
    set_attributes, attributes = Queue._set_attributes, Queue.attributes.fget

    # moto has no RedriveAllowPolicy, and a SetQueueAttributes without a Policy wipes the policy.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    def _set_attributes(self: Queue, asked: dict[str, Any], now: float | None = None) -> None:
        kept = getattr(self, "policy", None)
        if asked.get("RedrivePolicy"):
            _check_redrive_allowed(self, asked["RedrivePolicy"])
        set_attributes(self, asked, now)
        if asked.get("RedriveAllowPolicy") == "":
            self.redrive_allow_policy = None
        if "Policy" not in asked:
            self.policy = kept

    # SQS answers with compact JSON; Terraform compares the text.
    def compact(self: Queue) -> dict[str, Any]:
        answer = attributes(self)
        if answer.get("RedrivePolicy"):
            answer["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        return answer

    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    Queue.redrive_allow_policy = None
    Queue._set_attributes = _set_attributes
    Queue.attributes = property(compact)


def _check_redrive_allowed(queue: Queue, policy: Any) -> None:
    """A dead-letter queue may say whose it is.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    target = (json.loads(policy) if isinstance(policy, str) else policy).get("deadLetterTargetArn")
    for other in sqs_backends[queue.account_id][queue.region].queues.values():
        if other.queue_arn == target and other.redrive_allow_policy:
            allow = json.loads(other.redrive_allow_policy)
            permission = allow.get("redrivePermission", "allowAll")
            listed = queue.queue_arn in allow.get("sourceQueueArns", [])
            if permission == "denyAll" or (permission == "byQueue" and not listed):
                raise InvalidParameterValue(
                    f"Value {json.dumps(policy)} for parameter RedrivePolicy is invalid. Reason: The dead-letter queue "
                    f"{target} does not allow {queue.queue_arn} as a source queue."
                )


def install() -> None:
    _send_mended()
    _attributes_mended()
    sqs_receive.install()
    sqs_move.install()
