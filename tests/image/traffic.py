"""What users do all the time: pages, and small jobs. Every request that fails is counted, none is repeated."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from scripts.local import loopback
from scripts.local.site import VisitFailed, Visitor
from tests.image.cloud import SITE

PAGE_SECONDS, JOB_SECONDS = 0.2, 3.0


@dataclass
class Traffic:
    """What came of it: jobs' ids, how many pages came, what failed in words; `gap`: longest time between two pages."""

    sample: Path
    visitor: Visitor
    jobs: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    pages: int = 0
    gap: float = 0.0
    ends: threading.Event = field(default_factory=threading.Event)
    _answered: float = field(default_factory=time.monotonic)

    def look_at_pages(self) -> None:
        while not self.ends.wait(PAGE_SECONDS):
            with self._counted():
                loopback.get(f"{SITE}/")
                self.gap = max(self.gap, time.monotonic() - self._answered)
                self._answered = time.monotonic()
                self.pages += 1

    def submit(self) -> None:
        while not self.ends.wait(JOB_SECONDS):
            with self._counted():
                self.jobs.append(self.visitor.create_job(self.visitor.upload(self.sample)))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except (VisitFailed, requests.RequestException) as error:
            self.failures.append(f"{type(error).__name__}: {error}")


@contextmanager
def traffic(sample: Path, visitor: Visitor) -> Iterator[Traffic]:
    """Users come and go until the end of the block."""
    with ThreadPoolExecutor() as pool:
        users = Traffic(sample, visitor)
        works: list[Callable[[], None]] = [users.look_at_pages, users.submit]
        done = [pool.submit(work) for work in works]
        try:
            yield users
        finally:
            users.ends.set()
        for each in done:
            each.result()
