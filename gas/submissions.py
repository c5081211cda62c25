"""What a user asks for, and the message that follows: item first, message second, outbox behind.

When the message cannot be sent the item's `attention_at` stays, and the sweeper sends it later; so each
function here succeeds as soon as the item is written.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gas import aws, topology
from gas.archives import ArchiveStore
from gas.config import Settings
from gas.effects import effect
from gas.jobs import Conflict, Job, JobStatus, JobStore, ResultTier
from gas.messages import TOPIC_OF, Event, JobRequest, JobResult, SubscriptionDowngrade, SubscriptionUpgrade, publish
from gas.shares import ShareStore
from gas.storage import ObjectsRemain, Storage
from gas.telemetry import logger
from gas.tiers import draft_of, label_of
from gas.users import Role, User, UserStore

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

log = logger(__name__)

APOLOGY = (
    "We are sorry: the annotation failed on our side, several times. Your file is kept: you can start the job again."
)


@dataclass(frozen=True)
class Announcer:
    """Publishes events to this deployment's topics."""

    sns: "SNSClient"
    region: str
    account_id: str
    name_prefix: str

    @classmethod
    def of(cls, settings: Settings, patience: aws.Patience = aws.STEADY) -> "Announcer":
        """The announcer of the deployment that the settings describe."""
        return cls(aws.client(settings, "sns", patience), settings.region, settings.account_id, settings.name_prefix)

    def publish(self, event: Event) -> None:
        """Send one event to its topic; raises botocore's errors."""
        arn = topology.topic_arn(self.region, self.account_id, self.name_prefix, TOPIC_OF[type(event)])
        publish(self.sns, arn, event)


def announcement(job: Job) -> Event | None:
    """The message that others need to learn of the job's present state; None where nobody waits for one."""
    if job.job_status in (JobStatus.PENDING, JobStatus.RUNNING):
        return JobRequest(user_id=job.user_id, job_id=job.job_id)
    if job.job_status in (JobStatus.COMPLETED, JobStatus.FAILED):
        return JobResult(user_id=job.user_id, job_id=job.job_id)
    return None


def announce(jobs: JobStore, announcer: Announcer, job: Job, event: Event | None = None) -> bool:
    """Send a message about the job (by default that of its state) and note it.

    False when it could not be sent: the sweeper will.
    """
    event = event or announcement(job)
    if event is None:
        return True
    try:
        announcer.publish(event)
        jobs.announced(job)
    except Conflict:
        # Whoever received the message was faster than this note.
        return True
    except (BotoCoreError, ClientError) as error:
        log.warning("announcement_failed", job_id=job.job_id, message_type=event.type, error=str(error))
        return False
    return True


def submit(jobs: JobStore, announcer: Announcer, job: Job) -> Job:
    """Create the job and announce it. The same job_id again returns the job there is."""
    created = jobs.create(job)
    stored = jobs.get(job.job_id)
    if stored is None:
        raise LookupError(f"job {job.job_id} was deleted while it was created")
    if created:
        announce(jobs, announcer, stored)
    return stored


def retry(jobs: JobStore, announcer: Announcer, job_id: str) -> Job:
    """Begin a failed job anew. Raises `Conflict` when it is not FAILED."""
    job = jobs.retry(job_id)
    announce(jobs, announcer, job)
    return job


@dataclass(frozen=True)
class DeletionReceipt:
    """What goes with a deleted job: its "input", "result", "archive", "log" and "receipt", as far as there are any.

    `rest_from`: the epoch second at which the sweeper begins to remove what is left, None when all is gone.
    """

    goes: tuple[str, ...]
    rest_from: int | None


def delete(jobs: JobStore, shares: ShareStore, storage: Storage, job_id: str) -> DeletionReceipt:
    """Delete a job for ever: hide it, then remove the links to it and its objects, then its item.

    Raises `Conflict` while it is unfinished. What fails after it is hidden is done again by the sweeper.
    """
    seen = jobs.get(job_id)
    if seen is None:
        return DeletionReceipt((), None)
    with effect("deletion.mark"):
        job = jobs.mark_deleted(seen)
    gone = False
    try:
        gone = erase(jobs, shares, storage, job)
    except (BotoCoreError, ClientError, ObjectsRemain) as error:
        log.warning("deletion_postponed", job_id=job_id, error=str(error))
    return DeletionReceipt(_belongings(job), None if gone else job.attention_at)


def _belongings(job: Job) -> tuple[str, ...]:
    completed, hot = job.job_status is JobStatus.COMPLETED, job.result_tier in (ResultTier.HOT, ResultTier.ARCHIVING)
    there = {
        "input": True,
        "result": completed and hot,
        "archive": completed and (not hot or job.stale_archive_id is not None),
        "log": job.s3_key_log_file is not None,
        "receipt": job.s3_key_receipt_file is not None,
    }
    return tuple(name for name, is_there in there.items() if is_there)


def erase(jobs: JobStore, shares: ShareStore, storage: Storage, job: Job, archives: ArchiveStore | None = None) -> bool:
    """Remove the links, objects and archives of a job marked deleted, and then its item. A repeat is harmless.

    False when something is left for the sweeper.

    Who may not touch archives gives none: then a job that has one keeps its hidden item, and the sweeper does the rest.

    While an annotator may not yet have noticed that the job was cancelled, the hidden item stays: the sweeper comes
    back for what is written until then.
    """
    with effect("deletion.shares"):
        shares.remove_all(job)
    with effect("deletion.objects"):
        storage.delete_job(job.user_id, job.job_id)
    if jobs.may_be_written(job):
        return False
    # Only now: a claim that had not lapsed could have noted another.
    archiving = job.result_tier is ResultTier.ARCHIVING
    archived = [archive_id for archive_id in (job.results_file_archive_id, job.stale_archive_id) if archive_id]
    if archiving or archived:
        if archives is None:
            return False
        with effect("deletion.archives"):
            if begun := draft_of(job):
                archives.abandon(begun)
            if archiving:
                archives.abandon_unnoted(label_of(replace(job, tier_attempt=job.tier_attempt + 1)))
            for archive_id in archived:
                archives.discard(archive_id)
    with effect("deletion.item"):
        jobs.remove(job.job_id)
    log.info("job_deleted", job_id=job.job_id, user_id=job.user_id)
    return True


def set_role(users: UserStore, announcer: Announcer, user_id: str, role: Role) -> User:
    """Subscribe or unsubscribe. A repeat changes nothing; a change is announced, by a repeat if it could not be."""
    with effect("role.change"):
        user = users.set_role(user_id, role)
    if user.announcements == 0:
        announce_role(users, announcer, user)
    return user


def announce_role(users: UserStore, announcer: Announcer, user: User) -> bool:
    """Send the user's change of role if one waits to be sent. False when it could not be sent: the sweeper will."""
    if user.attention_at is None:
        return True
    kind = SubscriptionUpgrade if user.premium else SubscriptionDowngrade
    event = kind(user_id=user.user_id, tier_epoch=user.tier_epoch)
    try:
        announcer.publish(event)
        users.announced(user)
    except Conflict:
        return True
    except (BotoCoreError, ClientError) as error:
        log.warning("announcement_failed", user_id=user.user_id, message_type=event.type, error=str(error))
        return False
    return True
