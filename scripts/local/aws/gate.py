"""Lets a snapshot find everybody at rest: requests and timers work inside the gate, which it closes for a moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._working = 0
        self._closed = False
        self._here = threading.local()
        # Counts what may have changed something; a snapshot that has seen this number is up to date.
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1

    def _enter(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: not self._closed)
            self._working += 1
        self._here.inside = True

    def _leave(self) -> None:
        self._here.inside = False
        with self._condition:
            self._working -= 1
            self._condition.notify_all()

    @contextmanager
    def working(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Inside `working`: a wait during which nothing is half done (a long poll). Hold no lock on leaving it."""
        if not getattr(self._here, "inside", False):
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._enter()

    @contextmanager
    def closed(self, patience_seconds: float) -> Iterator[bool]:
        """Yields whether everybody came to rest in time; nobody begins anything until the end of the block."""
        with self._condition:
            self._closed = True
            quiet = self._condition.wait_for(lambda: self._working == 0, patience_seconds)
        try:
            yield quiet
        finally:
            with self._condition:
                self._closed = False
                self._condition.notify_all()


gate = Gate()
