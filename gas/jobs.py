"""Every change of a job between its states, each one conditional write.

`job_status` runs PENDING → RUNNING → COMPLETED | FAILED, PENDING | RUNNING → CANCELLED, and FAILED → PENDING
by an explicit retry. Of two processes that try the same change one wins and the other gets `Conflict`.
An item in a state that should not last carries `attention_at`; the sweeper looks at it then.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from gas import aws, items
from gas.config import Settings
from gas.items import (
    ATTENTION_SHARDS,
    LONGEST_REMINDER_SECONDS,
    NO_ATTENTION,
    Check,
    Conflict,
    attend,
    reminder_seconds,
    same,
    shard_of,
)
from gas.job import FINISHED, UNFINISHED, Job, JobStatus, Outcome, ResultTier, from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

__all__ = ["FINISHED", "UNFINISHED", "Conflict", "Job", "JobStatus", "JobStore", "Outcome", "ResultTier"]

Clock = Callable[[], float]

# Time for a process whose lease has lapsed to be replaced by SQS's own redelivery before the sweeper steps in.
LEASE_SLACK_SECONDS = 15
# A page is read in pieces of at least this many items, because deleted jobs are dropped from it.
LEAST_QUERY_ITEMS = 25
# With a filter by status most items may be dropped: larger pieces, and an end to them. A page may then hold fewer
# jobs than asked for, even none, and still have a next one.
FILTERED_QUERY_ITEMS = 500
MOST_QUERIES = 4
# A job that is being deleted stays due until it is: nobody else may take its `attention_at` away.
KEPT = Attr("delete_time").not_exists()
# How long a queue is beyond this interests nobody, and counting it costs reads.
MOST_COUNTED = 1_000


class JobStore:
    """Jobs in DynamoDB. Every method that changes one raises `Conflict` when the item has moved on."""

    def __init__(self, table: "Table", clock: Clock = time.time, lease_seconds: int = 90, outbox_seconds: int = 30):
        self.table = table
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.outbox_seconds = outbox_seconds

    @classmethod
    def of(cls, settings: Settings) -> "JobStore":
        """The jobs of the deployment that the settings describe."""
        table = aws.table(settings, "annotations")
        return cls(table, lease_seconds=settings.lease_seconds, outbox_seconds=settings.outbox_seconds)

    def now(self) -> int:
        """The present second."""
        return int(self._clock())

    # Reading

    def get(self, job_id: str) -> Job | None:
        """The job as it is now (a consistent read), or None."""
        item = self.table.get_item(Key={"job_id": job_id}, ConsistentRead=True).get("Item")
        return from_item(items.native(item)) if item else None

    def owned(self, job_id: str, user_id: str) -> Job | None:
        """The job if it is this user's and not deleted, else None: to others it does not exist."""
        job = self.get(job_id)
        return job if job and job.user_id == user_id and job.delete_time is None else None

    def page(
        self, user_id: str, limit: int, after: dict[str, Any] | None = None, status: JobStatus | None = None
    ) -> tuple[list[Job], dict[str, Any] | None]:
        """Up to `limit` of the user's jobs, newest first, and the cursor of the next page (None at the end).

        `after` is a cursor that an earlier call returned: {"job_id": str, "submit_time": int}. With a `status` a page
        may hold fewer jobs and still have a next one.
        """
        condition: ConditionBase = KEPT
        if status:
            condition &= Attr("job_status").eq(str(status))
        request = items.query("user_id_index", Key("user_id").eq(user_id), condition)
        piece = FILTERED_QUERY_ITEMS if status else max(limit + 1, LEAST_QUERY_ITEMS)
        request |= {"ScanIndexForward": False, "Limit": piece}
        start: Any = {**after, "user_id": user_id} if after else None
        jobs: list[Job] = []
        for queries in count(1):
            answer = self.table.query(**request, **({"ExclusiveStartKey": start} if start else {}))
            jobs.extend(from_item(items.native(item)) for item in answer["Items"])
            start = answer.get("LastEvaluatedKey")
            # One more than asked tells whether there is a next page.
            if len(jobs) > limit:
                return jobs[:limit], _cursor(to_item(jobs[limit - 1]))
            if not start:
                break
            if queries == MOST_QUERIES:
                return jobs, _cursor(items.native(start))
        return jobs, None

    def ids_of(self, user_id: str) -> Iterator[str]:
        """The ids of all the user's jobs, hidden ones too, as the index has them: it lags behind the table."""
        request = items.query("user_id_index", Key("user_id").eq(user_id))
        while True:
            answer = self.table.query(**request)
            yield from (str(item["job_id"]) for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def due(self, shard: int, until: int) -> list[str]:
        """Ids of the jobs of one attention shard whose `attention_at` is not after `until`, the longest waiting first.

        Only ids: the index lags behind the table, and an item that cannot be read must not hide the others.
        """
        return [str(item["job_id"]) for item in items.due(self.table, shard, until)]

    def waiting_before(self, job: Job) -> int:
        """How many jobs that nobody has begun were submitted before this one; counting ends at MOST_COUNTED."""
        earlier = Attr("job_status").eq(str(JobStatus.PENDING)) & Attr("submit_time").lt(job.submit_time)
        far = self.now() + 2 * LONGEST_REMINDER_SECONDS
        counts = (items.count_due(self.table, shard, far, earlier, MOST_COUNTED) for shard in range(ATTENTION_SHARDS))
        return min(sum(counts), MOST_COUNTED)

    # Life

    def create(self, job: Job) -> bool:
        """Put a new PENDING job, to be announced. False when the job exists already: nothing is written then."""
        new = replace(job, **attend(job.job_id, self.now() + self.outbox_seconds))
        return items.create(self.table, "job_id", to_item(new))

    def claim(self, seen: Job, owner: str) -> Job:
        """PENDING, or RUNNING with a lapsed lease → RUNNING with a lease of ours: a new attempt.

        A lease that lapsed without being released counts as a fault: its owner died. The announcements of the
        time in the queue are forgotten: from here on they count the times that nobody could finish the job.
        """
        now = self.now()
        lapsed = seen.job_status is JobStatus.RUNNING and (seen.lease_until or 0) <= now
        if not (seen.job_status is JobStatus.PENDING or lapsed):
            raise Conflict(f"job {seen.job_id} is {seen.job_status} and leased")
        attempt = seen.attempt + 1
        return self.change(
            seen.job_id,
            unmoved(seen) & KEPT,
            job_status=JobStatus.RUNNING,
            attempt=attempt,
            faults=seen.faults + (1 if lapsed and seen.lease_owner else 0),
            announcements=seen.announcements if lapsed else 0,
            lease_owner=f"{owner}:{attempt}",
            start_time=now,
            progress_done=0,
            progress_total=None,
            **self.lease(seen.job_id, now),
        )

    def heartbeat(self, mine: Job, done: int, total: int | None) -> Job:
        """Extend the lease and tell how many variants are done. `Conflict` means: cancelled or taken over, stop."""
        lease = self.lease(mine.job_id, self.now())
        return self.change(mine.job_id, _held(mine), progress_done=done, progress_total=total, **lease)

    def complete(self, mine: Job, outcome: Outcome) -> Job:
        """RUNNING → COMPLETED: what this attempt wrote becomes the result; to be announced."""
        return self._finish(
            mine,
            _held(mine),
            job_status=JobStatus.COMPLETED,
            result_tier=ResultTier.HOT,
            progress_done=outcome.records_read,
            progress_total=outcome.records_read,
            **{field.name: getattr(outcome, field.name) for field in fields(outcome)},
        )

    def fail(self, mine: Job, message: str, reference: str | None = None, **files: str) -> Job:
        """RUNNING → FAILED by the process that holds the lease. `message` is a sentence for the user."""
        status = JobStatus.FAILED
        return self._finish(
            mine, _held(mine), job_status=status, error_message=message, error_reference=reference, **files
        )

    def give_up(self, seen: Job, message: str, reference: str) -> Job:
        """Unfinished → FAILED by the sweeper, only if nobody has touched the job since it was read."""
        untouched = unmoved(seen) & Attr("job_status").is_in([str(status) for status in UNFINISHED])
        status = JobStatus.FAILED
        return self._finish(seen, untouched, job_status=status, error_message=message, error_reference=reference)

    def release(self, mine: Job, fault: bool) -> Job:
        """Give the claim back so that the next delivery takes it at once. `fault`: it was our own failure.

        The message that brought the job is still there; the reminder waits as long as after its announcement.
        """
        now = self.now()
        wait = max(self.outbox_seconds, reminder_seconds(mine.announcements))
        return self.change(
            mine.job_id,
            _held(mine),
            lease_owner=None,
            lease_until=now,
            faults=mine.faults + (1 if fault else 0),
            progress_done=0,
            progress_total=None,
            **attend(mine.job_id, now + wait),
        )

    def cancel(self, job_id: str) -> Job:
        """PENDING | RUNNING → CANCELLED. Whoever works on it learns it at its next heartbeat.

        `lease_until` stays: until then somebody may still write.
        """
        return self.change(
            job_id,
            Attr("job_status").is_in([str(status) for status in UNFINISHED]),
            job_status=JobStatus.CANCELLED,
            complete_time=self.now(),
            lease_owner=None,
            finished_shard=shard_of(job_id),
            **NO_ATTENTION,
        )

    def retry(self, job_id: str) -> Job:
        """FAILED → PENDING, to be announced anew."""
        return self.change(
            job_id,
            Attr("job_status").eq(str(JobStatus.FAILED)) & KEPT,
            job_status=JobStatus.PENDING,
            faults=0,
            announcements=0,
            complete_time=None,
            finished_shard=None,
            error_message=None,
            error_reference=None,
            mail_lease_until=None,
            mail_time=None,
            **attend(job_id, self.now() + self.outbox_seconds),
        )

    # The outbox

    def announced(self, seen: Job) -> Job:
        """The job's message was sent: look again later, in case it is lost. Each time the wait is longer."""
        count = seen.announcements + 1
        return self.change(
            seen.job_id,
            Attr("job_status").eq(str(seen.job_status)) & same("attention_at", seen.attention_at) & KEPT,
            announcements=count,
            **attend(seen.job_id, self.now() + reminder_seconds(count)),
        )

    def settle(self, seen: Job) -> Job:
        """The owner has been told, or cannot be, or need not be, of the end of the job as it was seen."""
        same_end = Attr("job_status").eq(str(seen.job_status)) & same("attention_at", seen.attention_at)
        told = {"mail_time": seen.mail_time or self.now(), **self._after_mail(seen)}
        return self.change(seen.job_id, same_end & KEPT, **told)

    def start_mail(self, seen: Job) -> Job:
        """Claim the mail of a finished job. `Conflict`: it was sent, or someone is sending it."""
        now = self.now()
        free = Attr("mail_lease_until").not_exists() | Attr("mail_lease_until").lte(now)
        return self.change(
            seen.job_id,
            Attr("job_status").eq(str(seen.job_status)) & Attr("mail_time").not_exists() & free & KEPT,
            mail_lease_until=now + self._lease_seconds,
        )

    def end_mail(self, mine: Job, sent: bool) -> Job:
        """Give the claim of `start_mail` back. `sent`: the mail is out, and nothing is left to announce."""
        held = Attr("job_status").eq(str(mine.job_status)) & same("mail_lease_until", mine.mail_lease_until)
        if not sent:
            return self.change(mine.job_id, held, mail_lease_until=None)
        told = {"mail_lease_until": None, "mail_time": self.now(), **self._after_mail(mine)}
        return self.change(mine.job_id, held & KEPT, **told)

    def webhooks_told(self, seen: Job) -> Job:
        """The owner's webhooks were told of the end of the job as it was seen, or given up."""
        same_end = Attr("job_status").eq(str(seen.job_status)) & same("complete_time", seen.complete_time)
        return self.change(seen.job_id, same_end & KEPT, webhook_time=seen.complete_time)

    def _after_mail(self, job: Job) -> dict[str, Any]:
        """A result is looked at once more: a free user's does not stay where it is."""
        if job.job_status is JobStatus.COMPLETED:
            return {"announcements": 0, **attend(job.job_id, self.now() + self.outbox_seconds)}
        return NO_ATTENTION

    # The end

    def mark_deleted(self, job: Job) -> Job:
        """Hide a finished job for ever; its objects and then its item are removed afterwards."""
        return self.change(
            job.job_id,
            Attr("job_status").is_in([str(status) for status in FINISHED]) & same("lease_until", job.lease_until),
            **self._hidden(job),
        )

    def withdraw(self, seen: Job, account: Check) -> Job:
        """`mark_deleted` in one transaction with its account; an unfinished job is cancelled with it."""
        cancelled = {"job_status": JobStatus.CANCELLED, "complete_time": self.now(), "lease_owner": None}
        as_it_was = Attr("job_status").eq(str(seen.job_status)) & same("lease_until", seen.lease_until) & KEPT
        changes = {**({} if seen.finished else cancelled), **self._hidden(seen)}
        items.change_if(self.table, {"job_id": seen.job_id}, as_it_was, changes, account)
        hidden = self.get(seen.job_id)
        if hidden is None:
            raise Conflict(f"job {seen.job_id} is gone")
        return hidden

    def _hidden(self, job: Job) -> dict[str, Any]:
        last_writer = (job.lease_until or 0) + LEASE_SLACK_SECONDS
        return {
            "delete_time": self.now(),
            "finished_shard": None,
            **attend(job.job_id, max(self.now() + self.outbox_seconds, last_writer)),
        }

    def may_be_written(self, job: Job) -> bool:
        """True while a process that has not yet noticed the job's end may still write objects of it."""
        return (job.lease_until or 0) + LEASE_SLACK_SECONDS > self.now()

    def remove(self, job_id: str) -> None:
        """Delete the item of a job that was marked deleted; harmless when it is gone."""
        items.remove(self.table, {"job_id": job_id}, Attr("delete_time").exists())

    # One write

    def _finish(self, job: Job, condition: ConditionBase, **changes: Any) -> Job:
        now = self.now()
        return self.change(
            job.job_id,
            condition,
            complete_time=now,
            finished_shard=shard_of(job.job_id),
            lease_owner=None,
            lease_until=None,
            announcements=0,
            **attend(job.job_id, now + self.outbox_seconds),
            **changes,
        )

    def lease(self, job_id: str, now: int) -> dict[str, Any]:
        """The attributes that extend a claim, and bring the sweeper should it lapse."""
        until = now + self._lease_seconds
        return {"lease_until": until, **attend(job_id, until + LEASE_SLACK_SECONDS)}

    def change(self, job_id: str, condition: ConditionBase, **changes: Any) -> Job:
        """Set these attributes (None removes one) if the condition holds; the job as it is then."""
        return from_item(items.change(self.table, {"job_id": job_id}, condition, changes))


def _cursor(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"job_id": item["job_id"], "submit_time": item["submit_time"]}


def unmoved(seen: Job) -> ConditionBase:
    """Nobody has claimed or ended the job since it was read."""
    return (
        Attr("job_status").eq(str(seen.job_status))
        & Attr("attempt").eq(seen.attempt)
        & same("lease_owner", seen.lease_owner)
        & same("lease_until", seen.lease_until)
    )


def _held(mine: Job) -> ConditionBase:
    if mine.lease_owner is None:
        raise Conflict(f"nobody holds job {mine.job_id}")
    return Attr("job_status").eq(str(JobStatus.RUNNING)) & Attr("lease_owner").eq(mine.lease_owner)
