"""Keeps a claimed job's lease alive while its work goes on, and carries progress to its item."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from gas.faults import explain
from gas.jobs import Conflict, Job
from gas.telemetry import logger

log = logger(__name__)

# Several chances to reach DynamoDB before the lease lapses, and a cancellation is noticed within seconds.
BEATS_A_LEASE = 9


class Beats(Protocol):
    """Whatever extends a claim: `JobStore` for the work, `Tiers` for the result's way. Raises `Conflict` when lost."""

    def heartbeat(self, mine: Job, done: int, total: int | None) -> Job:
        """Extend it and note the progress."""


class LeaseLost(Exception):
    """The job was cancelled, or another process has taken it over."""


@dataclass
class Lease:
    """`lost` is set when the job is no longer ours; `report` says how far the work is."""

    lost: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    total: int | None = None

    def report(self, done: int, total: int | None) -> None:
        """Variants done, and how many there are if that is known. Written at the next beat."""
        self.done, self.total = done, total

    def check(self) -> None:
        """Raise `LeaseLost` when the job is no longer ours."""
        if self.lost.is_set():
            raise LeaseLost


@contextmanager
def kept(
    jobs: Beats,
    mine: Job,
    lease_seconds: float,
    progress_seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Lease]:
    """Extend the lease of `mine` in the background while inside."""
    lease = Lease()
    stop = threading.Event()

    def beat() -> None:
        written: tuple[int, int | None] = (0, None)
        beaten = monotonic()
        while not stop.wait(progress_seconds):
            progress = (lease.done, lease.total)
            now = monotonic()
            if progress == written and now - beaten < lease_seconds / BEATS_A_LEASE:
                continue
            try:
                jobs.heartbeat(mine, *progress)
            except Conflict:
                lease.lost.set()
                return
            except (BotoCoreError, ClientError) as error:
                # The commit's condition protects the result; here it is enough to try again.
                log.warning("lease_not_extended", reason=explain(error))
                continue
            written, beaten = progress, now

    keeper = threading.Thread(target=beat, name=f"lease-{mine.job_id}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        stop.set()
        keeper.join()
