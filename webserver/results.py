"""Whether a job's result may be downloaded now, decided by the clock and the owner's role.

The archiver's progress decides nothing here: a free user's window closes at `complete_time` + window even while
the bytes are still in the bucket, and a premium user's result is there unless it lies in the archive. So is one that an
operator has brought back, for as long as that was said.
"""

from dataclasses import dataclass
from enum import StrEnum

from gas.job import Job, JobStatus, ResultTier
from gas.users import User


class Access(StrEnum):
    """What the site does with a request for the result."""

    NONE = "none"
    OPEN = "open"
    EXPIRED = "expired"
    RESTORING = "restoring"


@dataclass(frozen=True)
class Availability:
    """`until`: epoch second at which an OPEN result of a free user closes, None when it stays."""

    access: Access
    until: int | None = None


def availability(job: Job, user: User, free_window: int, now: float) -> Availability:
    """The state of a job's result for its owner. `free_window` in seconds, `now` in epoch seconds."""
    if job.job_status is not JobStatus.COMPLETED or job.complete_time is None:
        return Availability(Access.NONE)
    kept = job.kept(now)
    if not (user.premium or kept):
        until = job.complete_time + free_window
        return Availability(Access.OPEN, until) if now < until else Availability(Access.EXPIRED, until)
    if job.result_tier in (ResultTier.ARCHIVED, ResultTier.RESTORING):
        return Availability(Access.RESTORING)
    if not user.premium:
        return Availability(Access.OPEN, max(job.complete_time + free_window, job.keep_until or 0))
    return Availability(Access.OPEN)
