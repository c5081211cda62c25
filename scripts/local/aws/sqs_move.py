"""SQS: StartMessageMoveTask, which redrives a dead-letter queue. moto has none of it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from .gate import gate

FASTEST_PER_SECOND = 500
# "Only the most recent message movement tasks (up to 10)."
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
LISTED_TASKS = 10


@dataclass
class MoveTask:
    source_arn: str
    destination_arn: str | None
    per_second: int | None
    to_move: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    status: str = "RUNNING"
    moved: int = 0
    reason: str | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a snapshot: the thread that moved messages ended with its process."""
        self.__dict__.update(state)
        if self.status in ("RUNNING", "CANCELLING"):
            self.status, self.reason = "FAILED", "The stand-in was restarted."

    @property
    def handle(self) -> str:
        return base64.b64encode(json.dumps({"taskId": self.id, "sourceArn": self.source_arn}).encode()).decode()


def _queue_by_arn(backend: SQSBackend, arn: str | None) -> Queue:
    for queue in backend.queues.values():
        if queue.queue_arn == arn:
            return queue
    raise SQSException(
        "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."
    )


def _tasks(queue: Queue) -> list[MoveTask]:
    if not hasattr(queue, "move_tasks"):
        queue.move_tasks = []
    return queue.move_tasks


def _move_one(backend: SQSBackend, source: Queue, task: MoveTask) -> bool:
    """Moves the oldest visible message. "Redriven messages are considered new", so it gets a new id and no receives."""
    now = unix_time_millis()
    with source._messages_lock:
        message = next((m for m in source._messages if max(m.visible_at, m.delayed_until) <= now), None)
        if message is None:
            return False
        target_arn = task.destination_arn or getattr(message, "dead_letter_source_arn", None)
        target = _queue_by_arn(backend, target_arn)
        source._messages.remove(message)
    fresh = Message(str(uuid.uuid4()), message.body, message.system_attributes)
    fresh.message_attributes, fresh.group_id = message.message_attributes, message.group_id
    fresh.mark_sent()
    target.add_message(fresh)
    task.moved += 1
    return True


def _run(backend: SQSBackend, source: Queue, task: MoveTask) -> None:
    def move() -> bool:
        with gate.working():
            gate.changed()
            return _move_one(backend, source, task)

    try:
        while task.status == "RUNNING" and task.moved < task.to_move and move():
            if task.per_second:
                time.sleep(1 / task.per_second)
    except SQSException as error:
        task.status, task.reason = "FAILED", error.message
    if task.status == "CANCELLING":
        task.status = "CANCELLED"
    elif task.status == "RUNNING":
        task.status = "COMPLETED"


def start_message_move_task(self: SQSResponse) -> ActionResult:
    backend = self.sqs_backend
    source = _queue_by_arn(backend, self._get_param("SourceArn"))
    if not backend.list_dead_letter_source_queues(source.name):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    if any(task.status == "RUNNING" for task in _tasks(source)):
        raise SQSException(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    rate = self._get_param("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= int(rate) <= FASTEST_PER_SECOND:
        raise InvalidParameterValue(f"Value {rate} for parameter MaxNumberOfMessagesPerSecond must be 1 to 500.")
    destination = self._get_param("DestinationArn")
    if destination:
        _queue_by_arn(backend, destination)
    task = MoveTask(source.queue_arn, destination, rate and int(rate), len(source._messages))
    _tasks(source).insert(0, task)
    threading.Thread(target=_run, args=(backend, source, task), daemon=True).start()
    return ActionResult({"TaskHandle": task.handle})


def list_message_move_tasks(self: SQSResponse) -> ActionResult:
    source = _queue_by_arn(self.sqs_backend, self._get_param("SourceArn"))
    shown = []
    for task in _tasks(source)[: min(int(self._get_param("MaxResults") or 1), LISTED_TASKS)]:
        entry = {
            "Status": task.status,
            "SourceArn": task.source_arn,
            "DestinationArn": task.destination_arn,
            "ApproximateNumberOfMessagesMoved": task.moved,
            "ApproximateNumberOfMessagesToMove": task.to_move,
            "StartedTimestamp": task.started,
            "MaxNumberOfMessagesPerSecond": task.per_second,
            "FailureReason": task.reason,
            "TaskHandle": task.handle if task.status == "RUNNING" else None,
        }
        shown.append({key: value for key, value in entry.items() if value is not None})
    return ActionResult({"Results": shown})


def cancel_message_move_task(self: SQSResponse) -> ActionResult:
    wanted = self._get_param("TaskHandle")
    for queue in self.sqs_backend.queues.values():
        for task in _tasks(queue):
            if task.handle == wanted and task.status == "RUNNING":
                task.status = "CANCELLING"
                return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
    raise SQSException("ResourceNotFoundException", "Task does not exist.")


def install() -> None:
    SQSResponse.start_message_move_task = start_message_move_task
    SQSResponse.list_message_move_tasks = list_message_move_tasks
    SQSResponse.cancel_message_move_task = cancel_message_move_task
