"""Following jobs to their end."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gas.client.session import Session

FINISHED = ("COMPLETED", "FAILED", "CANCELLED")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0


def until_finished(
    session: Session, job_ids: Iterable[str], sleep: Callable[[float], None] = time.sleep
) -> Iterator[dict[str, Any]]:
    """Each job once it has ended, in the order in which they end; asks less often the longer it takes."""
    waiting = list(dict.fromkeys(job_ids))
    pause = FIRST_PAUSE
    while waiting:
        for job_id in list(waiting):
            job = session.call("GET", f"/jobs/{job_id}")["job"]
            if job["status"] in FINISHED:
                waiting.remove(job_id)
                yield job
        if waiting:
            sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
