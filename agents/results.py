"""What the sweeper does with a job that cannot be finished, and with the result of a finished one."""

import secrets

from agents import places
from gas import submissions
from gas.config import Settings
from gas.items import FIRST_REMINDER_SECONDS
from gas.job import Job, ResultTier
from gas.jobs import JobStore
from gas.messages import JobThaw
from gas.storage import Storage
from gas.submissions import APOLOGY, Announcer
from gas.telemetry import logger, metric
from gas.tiers import Tiers
from gas.users import UserStore

log = logger(__name__)


def tend(settings: Settings, tiers: Tiers, users: UserStore, storage: Storage, announcer: Announcer, job: Job) -> None:
    """See that the result is where its owner's role says: wake whoever has to move it, or look again in time.

    Raises `Conflict`.
    """
    owner = users.get(job.user_id)
    premium = owner is not None and owner.premium
    wanted_back = (premium or job.kept(tiers.jobs.now())) and job.result_tier is ResultTier.ARCHIVED
    if (
        job.result_tier is ResultTier.RESTORING
        and job.retrieval_due is not None
        and job.retrieval_due < tiers.jobs.now()
    ):
        log.warning("restore_overdue", retrieval_id=job.retrieval_id, retrieval_due=job.retrieval_due)
        metric("RestoresOverdue", 1)
    if job.result_tier is ResultTier.RESTORING or job.stale_archive_id or wanted_back:
        thaw = JobThaw(user_id=job.user_id, job_id=job.job_id)
        submissions.announce(tiers.jobs, announcer, job, thaw)
    elif job.result_tier is ResultTier.HOT and (owner is None or premium):
        # A thawer that lost its claim while it wrote a file, and died, has left that file behind.
        if job.tier_attempt:
            places.clear(storage, job, spare=places.in_use(job))
        tiers.postpone(job, None)
    elif job.result_tier is ResultTier.HOT and (closes := _closes(job, settings.free_window)) > tiers.jobs.now():
        tiers.postpone(job, closes)
    else:
        submissions.announce(tiers.jobs, announcer, job)


def give_up(jobs: JobStore, storage: Storage, announcer: Announcer, job: Job) -> None:
    """End a job that has used up its faults, with an apology, and clear what its attempts left."""
    reference = secrets.token_hex(4)
    failed = jobs.give_up(job, APOLOGY, reference)
    log.error("job_given_up", reference=reference, faults=job.faults, attempt=job.attempt)
    metric("JobSeconds", jobs.now() - job.submit_time, "Seconds", {"Outcome": "failed"}, job_id=job.job_id)
    submissions.announce(jobs, announcer, failed)
    storage.delete_attempts_before(job.user_id, job.job_id, job.attempt + 1)


def _closes(job: Job, free_window: int) -> int:
    # The queue's delay brings the result to the archiver a little earlier.
    return max((job.complete_time or 0) + free_window, job.keep_until or 0) + FIRST_REMINDER_SECONDS
