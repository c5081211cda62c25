"""Every change of where a completed job's result is, each one conditional write.

`result_tier` runs HOT → ARCHIVING → ARCHIVED → RESTORING → HOT. Whoever works on one of the arrows holds the item's
lease; a claim whose lease has lapsed may be taken over. As in `gas.jobs`, a change that comes too late gets `Conflict`.
"""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from gas import items
from gas.archives import TIER_SECONDS, Archive, Draft, Retrieval
from gas.config import Settings
from gas.items import NO_ATTENTION, Check, attend, reminder_seconds, same
from gas.job import Job, JobStatus, ResultTier
from gas.jobs import KEPT, Conflict, JobStore, unmoved
from gas.topology import resource_name

# A retrieval is asked after this often, should the notice of its end get lost.
LEAST_POLL_SECONDS = 60
# Polls within the published time of a retrieval.
POLLS = 10

_NO_LEASE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_NO_RETRIEVAL: dict[str, Any] = {"retrieval_id": None, "retrieval_tier": None, "retrieval_due": None}
_NO_ARCHIVE: dict[str, Any] = {
    "archive_upload": None,
    "archive_size": None,
    "archive_tree_hash": None,
    "results_file_archive_id": None,
    "archive_time": None,
}


def archive_of(job: Job) -> Archive:
    """The archive that an ARCHIVED or RESTORING job names. Raises ValueError when it names none."""
    if job.results_file_archive_id is None or job.archive_size is None or job.archive_tree_hash is None:
        raise ValueError(f"job {job.job_id} names no archive")
    return Archive(job.results_file_archive_id, job.archive_size, job.archive_tree_hash)


def draft_of(job: Job) -> Draft | None:
    """What an interrupted archiving has begun, None where there is nothing to clear away."""
    if job.archive_upload is None:
        return None
    return Draft(job.archive_upload, job.archive_size, job.archive_tree_hash)


def label_of(mine: Job) -> str:
    """What an archive, and a retrieval, of this claim is called: by it whatever is found in a vault is told apart."""
    return f"{mine.user_id}/{mine.job_id}/{mine.tier_attempt}"


class Tiers:
    """The tier's changes, on the items of a `JobStore`."""

    def __init__(self, jobs: JobStore, users_table: str):
        self.jobs = jobs
        self._users_table = users_table

    @classmethod
    def of(cls, settings: Settings, jobs: JobStore) -> "Tiers":
        """The results of the deployment that the settings describe."""
        return cls(jobs, resource_name(settings.name_prefix, "users"))

    def lapsed(self, job: Job) -> bool:
        """True when nobody holds the job, or whoever did must be taken for dead."""
        return (job.lease_until or 0) <= self.jobs.now()

    # Into the archive

    def claim_archiving(self, seen: Job, owner: str) -> Job:
        """HOT, or ARCHIVING with a lapsed lease → ARCHIVING with a lease of ours."""
        return self._claim(seen, owner, (ResultTier.HOT, ResultTier.ARCHIVING), ResultTier.ARCHIVING)

    def note_draft(self, mine: Job, draft: Draft | None) -> Job:
        """Remember what the archiving under way has begun; None: it was cleared away."""
        found = {"archive_upload": draft.upload, "archive_size": draft.size} if draft else {}
        hashed = {"archive_tree_hash": draft.tree_hash} if draft else {}
        return self._change(mine, _held(mine, ResultTier.ARCHIVING), **{**_NO_ARCHIVE, **found, **hashed})

    def archived(self, mine: Job, archive: Archive, tier_epoch: int) -> Job:
        """ARCHIVING → ARCHIVED, only while the owner's `tier_epoch` is still the one that was read before.

        The objects in S3 are still there: whoever looks at the item next removes them.
        """
        changes = {
            **_NO_LEASE,
            "result_tier": ResultTier.ARCHIVED,
            "results_file_archive_id": archive.archive_id,
            "archive_size": archive.size,
            "archive_tree_hash": archive.tree_hash,
            "archive_upload": None,
            "archive_time": self.jobs.now(),
            "announcements": 0,
            **attend(mine.job_id, self.jobs.now() + self.jobs.outbox_seconds),
        }
        unchanged = Check(self._users_table, {"user_id": mine.user_id}, Attr("tier_epoch").eq(tier_epoch))
        held = _held(mine, ResultTier.ARCHIVING) & KEPT
        items.change_if(self.jobs.table, {"job_id": mine.job_id}, held, changes, unchanged)
        return self._now(mine)

    def stay_hot(self, mine: Job) -> Job:
        """ARCHIVING → HOT: the owner has become premium, or the archive could not be made. Looked at again soon."""
        return self._change(
            mine,
            _held(mine, ResultTier.ARCHIVING),
            result_tier=ResultTier.HOT,
            **_NO_LEASE,
            **_NO_ARCHIVE,
            **attend(mine.job_id, self.jobs.now() + reminder_seconds(mine.announcements)),
        )

    # Out of it

    def claim_restoring(self, seen: Job, owner: str) -> Job:
        """ARCHIVED, or RESTORING with a lapsed lease → RESTORING with a lease of ours."""
        return self._claim(seen, owner, (ResultTier.ARCHIVED, ResultTier.RESTORING), ResultTier.RESTORING)

    def retrieving(self, mine: Job, retrieval: Retrieval) -> Job:
        """A retrieval is under way. Its end is told by a notice, and asked for in case the notice is lost."""
        now = self.jobs.now()
        due = now + TIER_SECONDS[retrieval.tier]
        return self._change(
            mine,
            _held(mine, ResultTier.RESTORING),
            **_NO_LEASE,
            retrieval_id=retrieval.retrieval_id,
            retrieval_tier=retrieval.tier,
            retrieval_due=due,
            **attend(mine.job_id, now + poll_seconds(retrieval.tier)),
        )

    def still_waiting(self, seen: Job) -> Job:
        """The retrieval is not done: ask again later."""
        wait = poll_seconds(seen.retrieval_tier or "Standard")
        unread = same("retrieval_id", seen.retrieval_id) & Attr("result_tier").eq(str(ResultTier.RESTORING))
        return self._change(seen, unread & unmoved(seen), **attend(seen.job_id, self.jobs.now() + wait))

    def retrieval_gone(self, mine: Job) -> Job:
        """RESTORING → ARCHIVED: the retrieval failed, or its output has expired. The next look begins another."""
        return self._change(
            mine,
            _held(mine, ResultTier.RESTORING),
            result_tier=ResultTier.ARCHIVED,
            **_NO_LEASE,
            **_NO_RETRIEVAL,
            **attend(mine.job_id, self.jobs.now()),
        )

    def restored(self, mine: Job, keys: Mapping[str, str]) -> Job:
        """RESTORING → HOT with these keys, by attribute. The archive is still there: it goes next."""
        return self._change(
            mine,
            _held(mine, ResultTier.RESTORING),
            result_tier=ResultTier.HOT,
            **_NO_LEASE,
            **_NO_RETRIEVAL,
            **_NO_ARCHIVE,
            stale_archive_id=mine.results_file_archive_id,
            announcements=0,
            **keys,
            **attend(mine.job_id, self.jobs.now() + self.jobs.outbox_seconds),
        )

    def retrieval_unwanted(self, seen: Job) -> Job:
        """RESTORING → ARCHIVED: the owner has become a free user again before anything was fetched."""
        if not self.lapsed(seen):
            raise Conflict(f"the result of job {seen.job_id} is being fetched")
        waiting = unmoved(seen) & Attr("result_tier").eq(str(ResultTier.RESTORING))
        return self._change(
            seen,
            waiting & same("retrieval_id", seen.retrieval_id),
            result_tier=ResultTier.ARCHIVED,
            **_NO_LEASE,
            **_NO_RETRIEVAL,
            **attend(seen.job_id, self.jobs.now() + self.jobs.outbox_seconds),
        )

    def archive_discarded(self, seen: Job) -> Job:
        """The archive of a restored result is deleted."""
        return self._change(seen, same("stale_archive_id", seen.stale_archive_id), stale_archive_id=None)

    # Both

    def keep(self, job_id: str, until: int) -> Job:
        """The result counts as a premium user's until then. To be announced, so that it is brought back."""
        completed = Attr("job_status").eq(str(JobStatus.COMPLETED)) & KEPT
        again = attend(job_id, self.jobs.now() + self.jobs.outbox_seconds)
        return self.jobs.change(job_id, completed, keep_until=until, announcements=0, **again)

    def heartbeat(self, mine: Job, done: int = 0, total: int | None = None) -> Job:
        """Extend the lease. `Conflict` means: taken over, or the job is being deleted."""
        return self._change(mine, _held(mine), **self.jobs.lease(mine.job_id, self.jobs.now()))

    def release(self, mine: Job) -> Job:
        """Give the claim back as it is; the next look takes it over."""
        now = self.jobs.now()
        again = attend(mine.job_id, now + reminder_seconds(mine.announcements))
        return self._change(mine, _held(mine), lease_owner=None, lease_until=now, **again)

    def postpone(self, seen: Job, at: int | None) -> Job:
        """Look at the item again at that time, None for never, unless something has happened meanwhile."""
        attention = NO_ATTENTION if at is None else attend(seen.job_id, at)
        untouched = unmoved(seen) & same("result_tier", seen.result_tier) & same("attention_at", seen.attention_at)
        return self._change(seen, untouched, **attention)

    def _claim(self, seen: Job, owner: str, sources: tuple[ResultTier, ...], target: ResultTier) -> Job:
        if seen.result_tier not in sources or seen.job_status is not JobStatus.COMPLETED or not self.lapsed(seen):
            raise Conflict(f"the result of job {seen.job_id} is {seen.result_tier}, or leased")
        attempt = seen.tier_attempt + 1
        free = (
            unmoved(seen) & Attr("result_tier").eq(str(seen.result_tier)) & Attr("tier_attempt").eq(seen.tier_attempt)
        )
        return self._change(
            seen,
            free,
            result_tier=target,
            tier_attempt=attempt,
            lease_owner=f"{owner}:tier-{attempt}",
            **self.jobs.lease(seen.job_id, self.jobs.now()),
        )

    def _change(self, job: Job, condition: ConditionBase, **changes: Any) -> Job:
        return self.jobs.change(job.job_id, condition & KEPT, **changes)

    def _now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        if found is None:
            raise Conflict(f"job {job.job_id} was deleted")
        return found


def poll_seconds(tier: str) -> int:
    """How long to wait between two looks at a retrieval of that tier."""
    return max(TIER_SECONDS[tier] // POLLS, LEAST_POLL_SECONDS)


def _held(mine: Job, *tiers: ResultTier) -> ConditionBase:
    """Ours, and in one of these tiers (by default either of those in which a result is held)."""
    if mine.lease_owner is None:
        raise Conflict(f"nobody holds job {mine.job_id}")
    expected = [str(tier) for tier in tiers or (ResultTier.ARCHIVING, ResultTier.RESTORING)]
    return Attr("lease_owner").eq(mine.lease_owner) & Attr("result_tier").is_in(expected)
