"""The end of an account: a job of its own, begun by one write, carried on by the sweeper until nothing is left.

The user's item is hidden first and removed last, so whatever is interrupted is found again. Each job goes by the same
way as one that its owner deletes (`gas.submissions.erase`). Every change of a job is one transaction with the item of
the account, and so whoever was held up cannot touch a new account of the same person.
"""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from gas import aws, mail, submissions
from gas.archives import ArchiveStore
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.items import reminder_seconds
from gas.jobs import Conflict, Job, JobStore
from gas.mail import Mail
from gas.shares import ShareStore
from gas.storage import ObjectsRemain, Storage
from gas.telemetry import logger
from gas.users import INDEX_LAG_SECONDS, User, UserStore
from gas.webhooks import WebhookStore

log = logger(__name__)

# A sweep has other things to do as well: the rest follows in the next.
MOST_JOBS_A_LOOK = 100
# With the reminders' growing waits this is about a day.
MOST_RECEIPTS = 8


def begin(users: UserStore, user_id: str) -> User:
    """Close the account for ever; the sweeper does the rest. A repeat changes nothing.

    Raises KeyError when there is no such user.
    """
    with effect("erasure.begin"):
        user = users.mark_deleted(user_id)
    log.info("account_deletion_begun", user_id=user_id)
    return user


@dataclass(frozen=True)
class Erasure:
    """What an account's deletion works with. Whoever looks at an account keeps others away for `lease_seconds`."""

    jobs: JobStore
    shares: ShareStore
    users: UserStore
    webhooks: WebhookStore
    storage: Storage
    archives: ArchiveStore
    send: Callable[[Mail], object]
    lease_seconds: int

    @classmethod
    def of(
        cls,
        settings: Settings,
        jobs: JobStore,
        shares: ShareStore,
        users: UserStore,
        storage: Storage,
        archives: ArchiveStore,
    ) -> "Erasure":
        """The end of accounts of the deployment that the settings describe."""
        ses = aws.client(settings, "sesv2", aws.ONCE)
        return cls(
            jobs,
            shares,
            users,
            WebhookStore.of(settings, users),
            storage,
            archives,
            lambda receipt: mail.send(ses, settings.mail_from, receipt),
            settings.lease_seconds,
        )

    def carry_on(self, seen: User) -> None:
        """Take a deletion that has begun one step further. Raises `Conflict` where somebody else is at it."""
        if seen.attention_at is None or seen.attention_at > self.users.now():
            return
        with effect("erasure.claim"):
            mine = self.users.claim_deletion(seen, self.lease_seconds)
        # What was written just before the account was closed shows in the index by then.
        settled = (mine.delete_time or 0) + INDEX_LAG_SECONDS - self.users.now()
        wait = self._withdraw_jobs(mine)
        if wait is None and settled > 0:
            wait = settled
        if wait is None:
            self._finish(mine)
        else:
            self._later(mine, wait)

    def _withdraw_jobs(self, mine: User) -> int | None:
        """Hide and erase the account's jobs. Returns the seconds until the next look, None when there was no job."""
        withdrawn, wait = 0, None
        for job_id in self.jobs.ids_of(mine.user_id):
            job = self.jobs.get(job_id)
            if job is None:
                continue
            wait = self.jobs.outbox_seconds
            if job.delete_time is None:
                if withdrawn == MOST_JOBS_A_LOOK:
                    return 0
                withdrawn += 1
                self._withdraw(mine, job)
        return wait

    def _withdraw(self, mine: User, job: Job) -> None:
        try:
            with effect("erasure.job"):
                hidden = self.jobs.withdraw(job, self.users.being_deleted(mine))
            submissions.erase(self.jobs, self.shares, self.storage, hidden, self.archives)
        except Conflict:
            # Its owner has just extended the lease, for instance: the next look sees it as it is then.
            log.info("job_moved_on", job_id=job.job_id)
        except (BotoCoreError, ClientError, ObjectsRemain) as error:
            # The next look finds it again, hidden or not. It stops no other job's deletion.
            log.warning("deletion_postponed", job_id=job.job_id, reason=explain(error))

    def _finish(self, mine: User) -> None:
        with effect("erasure.webhooks"):
            self.webhooks.remove_all(mine)
        # Uploads that never became a job. Not those that came later: they may be a new account's.
        with effect("erasure.uploads"):
            self.storage.delete_user(mine.user_id, before=(mine.delete_time or 0) + INDEX_LAG_SECONDS / 2)
        with effect("erasure.last-claim"):
            mine = self.users.claim_deletion(mine, self.lease_seconds)
        if not self._receipt(mine):
            return
        with effect("erasure.account"):
            self.users.remove(mine)
        log.info("account_deleted", user_id=mine.user_id, jobs=mine.deleted_jobs)

    def _receipt(self, mine: User) -> bool:
        """Send the receipt; True when the item may go. Between SES's answer and that, a crash makes a second mail."""
        if not mine.email:
            return True
        try:
            with effect("erasure.receipt"):
                self.send(mail.account_deleted(mine, self.users.now()))
        except HTTPClientError:
            # SES may have taken it and only its answer was lost: the claim stands until it lapses.
            raise
        except (BotoCoreError, ClientError) as error:
            count = mine.announcements + 1
            if count < MOST_RECEIPTS:
                log.warning("receipt_failed", user_id=mine.user_id, reason=explain(error))
                self._later(mine, reminder_seconds(count), count)
                return False
            log.error("receipt_given_up", user_id=mine.user_id, reason=explain(error))
        return True

    def _later(self, mine: User, seconds: int, announcements: int | None = None) -> None:
        with effect("erasure.pause"):
            self.users.look_again(mine, seconds, announcements)
