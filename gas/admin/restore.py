"""Brings one result back from the archive, whatever its owner's role."""

from gas import submissions
from gas.job import Job, JobStatus, ResultTier
from gas.jobs import JobStore
from gas.messages import JobThaw
from gas.submissions import Announcer
from gas.tiers import Tiers


class NotPossible(Exception):
    """str() says why, for the operator."""


def restore(jobs: JobStore, tiers: Tiers, announcer: Announcer, job_id: str, seconds: int) -> Job:
    """Keep the job's result out of the archive for so long, and have it brought back if it is there.

    `keep_until` on the item is what every agent goes by: the thawer fetches the result although its owner is a free
    user, archiver and sweeper leave it alone, and the site serves it. Once that time is over, the sweeper has it
    archived again. Item first, message second: what is not sent now the sweeper sends. A repeat only moves the time.

    Raises NotPossible where there is no result.
    """
    seen = jobs.get(job_id)
    if seen is None or seen.delete_time is not None:
        raise NotPossible(f"There is no job {job_id}, or it is being deleted.")
    if seen.job_status is not JobStatus.COMPLETED:
        raise NotPossible(f"Job {job_id} is {seen.job_status}: it has no result.")
    job = tiers.keep(job_id, jobs.now() + seconds)
    if job.result_tier in (ResultTier.ARCHIVED, ResultTier.RESTORING):
        submissions.announce(jobs, announcer, job, JobThaw(user_id=job.user_id, job_id=job.job_id))
    return job
