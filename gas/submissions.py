"""What a user asks for, and the message that follows: item first, message second, outbox behind.

When the message cannot be sent the item's `attention_at` stays, and the sweeper sends it later; so each
function here succeeds as soon as the item is written.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gas import aws, topology
from gas.config import Settings
from gas.jobs import Conflict, Job, JobStatus, JobStore
from gas.messages import TOPIC_OF, Event, JobRequest, JobResult, SubscriptionUpgrade, publish
from gas.storage import ObjectsRemain, Storage
from gas.telemetry import logger
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


def announce(jobs: JobStore, announcer: Announcer, job: Job) -> bool:
    """Send the job's message and note it. False when it could not be sent: the sweeper will."""
    event = announcement(job)
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


def delete(jobs: JobStore, storage: Storage, job_id: str) -> None:
    """Delete a job for ever: hide it, then remove its objects, then its item.

    Raises `Conflict` while it is unfinished. What fails after it is hidden is done again by the sweeper.
    """
    seen = jobs.get(job_id)
    if seen is None:
        return
    job = jobs.mark_deleted(seen)
    try:
        erase(jobs, storage, job)
    except (BotoCoreError, ClientError, ObjectsRemain) as error:
        log.warning("deletion_postponed", job_id=job_id, error=str(error))


def erase(jobs: JobStore, storage: Storage, job: Job) -> None:
    """Remove the objects of a job marked deleted, and then its item. A repeat is harmless.

    While an annotator may not yet have noticed that the job was cancelled, the hidden item stays: the sweeper comes
    back for what is written until then.
    """
    storage.delete_job(job.user_id, job.job_id)
    if jobs.may_be_written(job):
        return
    jobs.remove(job.job_id)
    log.info("job_deleted", job_id=job.job_id, user_id=job.user_id)


def set_role(users: UserStore, announcer: Announcer, user_id: str, role: Role) -> User:
    """Subscribe or unsubscribe. A repeat changes nothing; an upgrade is announced."""
    user = users.set_role(user_id, role)
    announce_upgrade(users, announcer, user)
    return user


def announce_upgrade(users: UserStore, announcer: Announcer, user: User) -> bool:
    """Send the user's upgrade if one waits to be sent. False when it could not be sent: the sweeper will."""
    if user.attention_at is None:
        return True
    try:
        if user.premium:
            announcer.publish(SubscriptionUpgrade(user_id=user.user_id, tier_epoch=user.tier_epoch))
        users.announced(user)
    except Conflict:
        return True
    except (BotoCoreError, ClientError) as error:
        log.warning("announcement_failed", user_id=user.user_id, error=str(error))
        return False
    return True
