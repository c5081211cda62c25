"""Moves the dead letters of a queue back into it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from gas import topology
from gas.topology import resource_name

# More are moved, but not looked at.
MOST_LOOKED_AT = 1_000
BATCH = 10
LOOK_SECONDS = 60
UNTOLD = "received too often; the log of its handler says why"


@dataclass(frozen=True)
class DeadLetters:
    """What was found: how many, of how many the reason was looked at, and how often each reason."""

    count: int
    reasons: Counter[str]


class NoQueue(Exception):
    """str() names the queues that there are."""


class MoveFailed(Exception):
    """SQS has given up; str() says why."""


class Moving(Exception):
    """The dead letters of this queue are being moved already."""


@dataclass(frozen=True)
class Move:
    """How far the newest move is. `status` is SQS's: RUNNING, COMPLETED, FAILED, …; `begun` in epoch seconds."""

    status: str
    moved: int
    to_move: int
    begun: float
    failure: str | None


@dataclass(frozen=True)
class Redrive:
    """One queue and its dead letters, by URL and ARN."""

    sqs: Any
    dead_url: str
    dead_arn: str
    queue_arn: str

    @classmethod
    def of(cls, sqs: Any, name_prefix: str, queue: str) -> "Redrive":
        """By the queue's short name, such as `archive`. Raises NoQueue for any other."""
        queues = topology.load().queues
        spec = queues.get(queue.removesuffix("-dlq"))
        if spec is None:
            raise NoQueue(f"There is no queue {queue}; there are {', '.join(queues)}.")
        names = [resource_name(name_prefix, name) for name in (spec.dead_letter_name, spec.name)]
        dead_url, queue_url = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in names)
        return cls(sqs, dead_url, _arn(sqs, dead_url), _arn(sqs, queue_url))

    def look(self, most: int | None = None) -> DeadLetters:
        """Count the dead letters, at most so many of them by reason. Each is shown again at once.

        Looking removes nothing.
        """
        most = MOST_LOOKED_AT if most is None else most
        reasons: Counter[str] = Counter()
        held: list[str] = []
        seen: set[str] = set()
        try:
            while len(seen) < most:
                found = self.sqs.receive_message(
                    QueueUrl=self.dead_url,
                    MaxNumberOfMessages=BATCH,
                    VisibilityTimeout=LOOK_SECONDS,
                    WaitTimeSeconds=1,
                    MessageAttributeNames=["reason"],
                ).get("Messages", [])
                if not found:
                    break
                held += [message["ReceiptHandle"] for message in found]
                for message in found:
                    if message["MessageId"] not in seen:
                        seen.add(message["MessageId"])
                        reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
                        reasons[reason or UNTOLD] += 1
        finally:
            self._show(held)
        return DeadLetters(max(self._count(), len(seen)), reasons)

    def _show(self, held: list[str]) -> None:
        # What is hidden is not moved.
        for start in range(0, len(held), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(held[start : start + BATCH])
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.dead_url, Entries=entries)

    def _count(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def begin(self) -> None:
        """Have all of them moved back, which SQS does by itself. Raises Moving while an earlier move goes on.

        The destination is named, because SQS does not know the source of what a handler has rejected: it was sent to
        the dead-letter queue, and not moved there.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
        """
        try:
            self.sqs.start_message_move_task(SourceArn=self.dead_arn, DestinationArn=self.queue_arn)
        except ClientError as error:
            if error.response["Error"]["Code"].removeprefix("AWS.SimpleQueueService.") == "UnsupportedOperation":
                raise Moving("The dead letters of this queue are being moved already.") from error
            raise

    def newest(self) -> Move | None:
        """The newest move, None where there was none. What was begun just now may not be listed yet."""
        for task in self.sqs.list_message_move_tasks(SourceArn=self.dead_arn, MaxResults=1).get("Results", []):
            return Move(
                status=task["Status"],
                moved=int(task.get("ApproximateNumberOfMessagesMoved", 0)),
                to_move=int(task.get("ApproximateNumberOfMessagesToMove", 0)),
                begun=int(task["StartedTimestamp"]) / 1000,
                failure=task.get("FailureReason"),
            )
        return None

    def move(self, sleep: Callable[[float], None] = time.sleep) -> int:
        """Move all of them back and wait for it; returns how many that were. Raises MoveFailed, Moving."""
        before = self.newest()
        self.begin()
        while True:
            move = self.newest()
            # Until it is listed, the newest is an earlier one.
            if move and (before is None or move.begun > before.begun):
                if move.status == "COMPLETED":
                    return move.moved
                if move.status != "RUNNING":
                    raise MoveFailed(f"{move.status} after {move.moved} messages: {move.failure or 'no reason'}")
            sleep(0.5)


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
