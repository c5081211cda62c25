"""The sweeper: looks at every item that has been in a passing state too long, and does the one right thing.

It is the outbox (a message that could not be sent after its item was written) and the finder of lost work
(a lost message, a dead host). Any number may run: each change is conditional.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from agents import results
from agents.consume import start
from gas import archives, aws, submissions
from gas.archives import ArchiveStore
from gas.config import Settings
from gas.effects import effect
from gas.erasure import Erasure
from gas.faults import explain
from gas.items import ATTENTION_SHARDS
from gas.jobs import Conflict, Job, JobStatus, JobStore
from gas.process import StopSignals, stop_signals
from gas.shares import ShareStore
from gas.storage import Storage
from gas.submissions import Announcer
from gas.telemetry import bound, logger, metric
from gas.tiers import Tiers
from gas.users import UserStore

log = logger(__name__)

# With the reminders' growing waits this is about a day.
MOST_ANNOUNCEMENTS = 8


@dataclass(frozen=True)
class Sweeper:
    """What a sweep works with."""

    settings: Settings
    jobs: JobStore
    tiers: Tiers
    users: UserStore
    storage: Storage
    archives: ArchiveStore
    announcer: Announcer
    shares: ShareStore

    @cached_property
    def erasure(self) -> Erasure:
        """What ends accounts."""
        return Erasure.of(self.settings, self.jobs, self.shares, self.users, self.storage, self.archives)

    def sweep(self) -> int:
        """Look at everything that is due; returns how many items were looked at. One that fails stops no other."""
        looked_at = 0
        for shard in range(ATTENTION_SHARDS):
            try:
                jobs = self.jobs.due(shard, self.jobs.now())
                users = self.users.due(shard, self.jobs.now())
            except Exception as error:
                log.error("sweep_failed", reason=explain(error))
                continue
            looked_at += len(jobs) + len(users)
            for job_id in jobs:
                with bound(job_id=job_id):
                    _guarded(self._look_at_job, job_id)
            for user_id in users:
                with bound(user_id=user_id):
                    _guarded(self._look_at_user, user_id)
        metric("AttentionItems", looked_at)
        return looked_at

    def _look_at_job(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job and job.attention_at is not None and job.attention_at <= self.jobs.now():
            with bound(user_id=job.user_id), effect("sweeper.tend"):
                self.tend(job)

    def _look_at_user(self, user_id: str) -> None:
        user = self.users.get(user_id)
        if user and user.delete_time is not None:
            self.erasure.carry_on(user)
        elif user:
            with effect("sweeper.role"):
                submissions.announce_role(self.users, self.announcer, user)

    def tend(self, job: Job) -> None:
        """Do what the state of one overdue job asks for. Raises `Conflict` when it moves on meanwhile."""
        log.info("overdue", job_status=job.job_status, attempt=job.attempt, announcements=job.announcements)
        if job.delete_time is not None:
            submissions.erase(self.jobs, self.shares, self.storage, job, self.archives)
        elif job.job_status is JobStatus.PENDING:
            # However long the queue is, a job that nobody has tried is not given up.
            submissions.announce(self.jobs, self.announcer, job)
        elif job.job_status is JobStatus.RUNNING:
            # An owner that died is a fault; an outage of AWS, however long, is no reason to give up.
            if job.faults + bool(job.lease_owner) >= self.settings.max_faults:
                results.give_up(self.jobs, self.storage, self.announcer, job)
            else:
                submissions.announce(self.jobs, self.announcer, job)
        elif job.mail_time is not None and job.job_status is JobStatus.COMPLETED:
            results.tend(self.settings, self.tiers, self.users, self.storage, self.announcer, job)
        elif job.mail_time is not None or job.job_status is JobStatus.CANCELLED:
            self.jobs.settle(job)
        elif job.announcements >= MOST_ANNOUNCEMENTS:
            log.error("mail_given_up")
            metric("MailsGivenUp", 1)
            self.jobs.settle(job)
        else:
            submissions.announce(self.jobs, self.announcer, job)


def _guarded(look: Callable[[str], None], key: str) -> None:
    try:
        look(key)
    except Conflict:
        log.info("moved_on")
    except Exception as error:
        log.exception("item_failed", reason=explain(error))


def run(sweeper: Sweeper, signals: StopSignals, seconds: float) -> None:
    """Sweep every so many seconds until a stop signal."""
    while True:
        sweeper.sweep()
        if signals.wait(seconds):
            return


def main() -> None:
    """Run the sweeper until SIGTERM."""
    settings = start("sweeper")
    jobs = JobStore.of(settings)
    sweeper = Sweeper(
        settings,
        jobs,
        Tiers.of(settings, jobs),
        UserStore.of(settings),
        Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket),
        archives.of(settings),
        Announcer.of(settings),
        ShareStore.of(settings, jobs),
    )
    with stop_signals() as signals:
        run(sweeper, signals, settings.sweep_seconds)


if __name__ == "__main__":
    main()
