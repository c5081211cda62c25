"""What is to happen later (a retrieval is done, a restored copy expires), as data, so that a snapshot can hold it."""

import heapq
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .gate import gate


@dataclass(order=True)
class Task:
    at: float
    id: str
    kind: str = field(compare=False)
    arguments: dict[str, Any] = field(compare=False)


class Timers:
    """Runs tasks by the function registered for their kind, each once, those overdue after a restart at once."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.handlers: dict[str, Callable[..., None]] = {}
        self._clock = clock
        self._tasks: list[Task] = []
        self._condition = threading.Condition()

    def schedule(self, after_seconds: float, kind: str, **arguments: Any) -> None:
        with self._condition:
            heapq.heappush(self._tasks, Task(self._clock() + after_seconds, uuid.uuid4().hex, kind, arguments))
            self._condition.notify_all()

    def pending(self) -> list[Task]:
        with self._condition:
            return sorted(self._tasks)

    def load(self, tasks: list[Task]) -> None:
        with self._condition:
            self._tasks = sorted(tasks)
            self._condition.notify_all()

    def run_due(self) -> int:
        """Runs every task that is due; returns how many."""
        done = 0
        while (task := self._take_due()) is not None:
            with gate.working():
                gate.changed()
                try:
                    self.handlers[task.kind](**task.arguments)
                except Exception as error:
                    print(f"The timer {task.kind} failed: {type(error).__name__}: {error}", file=sys.stderr)
            done += 1
        return done

    def _take_due(self) -> Task | None:
        with self._condition:
            if self._tasks and self._tasks[0].at <= self._clock():
                return heapq.heappop(self._tasks)
        return None

    def start(self) -> None:
        def run() -> None:
            while True:
                self.run_due()
                with self._condition:
                    left = self._tasks[0].at - self._clock() if self._tasks else None
                    if left is None or left > 0:
                        self._condition.wait(left)

        threading.Thread(target=run, name="timers", daemon=True).start()


timers = Timers()
