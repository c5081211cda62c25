"""The restorer: carries a change of role out on all of a user's results.

A premium user's archived results are asked back; a free user's results go on to the archive.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from agents.consume import consume, start
from agents.retrieval import begin
from gas import archives
from gas.archives import ArchiveStore
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.job import ResultTier
from gas.jobs import Conflict, Job, JobStatus, JobStore
from gas.messages import JobResult, SubscriptionDowngrade, SubscriptionUpgrade
from gas.process import identity
from gas.queues import Delivery, GiveBack, Reject
from gas.submissions import Announcer
from gas.telemetry import bound, logger
from gas.tiers import Tiers
from gas.users import UserStore

log = logger(__name__)

PAGE_JOBS = 100
# Glacier answers more requests a second than this with ThrottlingException, depending on what the vault holds:
# "35 random restore requests per pebibyte (PiB) stored per day" are free of that; ten a second stay polite.
# https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Restorer:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    tiers: Tiers
    users: UserStore
    archives: ArchiveStore
    announcer: Announcer
    owner: str
    sleep: Callable[[float], None] = time.sleep

    def handle(self, delivery: Delivery) -> None:
        """Look through all results of one user. What is under way already is left alone, so a repeat is harmless."""
        event = delivery.event
        if not isinstance(event, SubscriptionUpgrade | SubscriptionDowngrade):
            raise Reject(f"expected a change of subscription, not {event.type}")
        user = self.users.get(event.user_id)
        if user is None or user.delete_time is not None:
            return
        count = 0
        failure: Exception | None = None
        for listed in self._completed(user.user_id):
            if delivery.abandon.is_set():
                raise GiveBack
            with bound(job_id=listed.job_id):
                try:
                    count += self._ask_back(listed) if user.premium else self._send_on(listed)
                except Exception as error:
                    # One that fails stops no other.
                    log.exception("result_not_moved", reason=explain(error))
                    failure = error
        if failure:
            raise failure
        log.info("role_carried_out", user_id=user.user_id, role=user.role, results=count)
        with effect("restorer.carried-out"):
            self.users.carried_out(user)

    def _completed(self, user_id: str) -> Iterator[Job]:
        after = None
        while True:
            page, after = self.jobs.page(user_id, PAGE_JOBS, after, JobStatus.COMPLETED)
            yield from page
            if after is None:
                return

    def _ask_back(self, listed: Job) -> int:
        # The index lags behind the table; what it gets wrong now is seen at the next pass (`UserStore.carried_out`).
        if listed.result_tier is ResultTier.HOT:
            return 0
        job = self.jobs.get(listed.job_id)
        if job is None or job.delete_time is not None:
            return 0
        waits = job.result_tier is ResultTier.RESTORING and job.retrieval_id is None and self.tiers.lapsed(job)
        if job.result_tier is not ResultTier.ARCHIVED and not waits:
            return 0
        try:
            begin(self.tiers, self.archives, job, self.owner, self.settings.retrieval_tier)
        except Conflict:
            return 0
        self.sleep(PAUSE_SECONDS)
        return 1

    def _send_on(self, listed: Job) -> int:
        if listed.result_tier is not ResultTier.HOT:
            return 0
        with effect("restorer.send-on"):
            self.announcer.publish(JobResult(user_id=listed.user_id, job_id=listed.job_id))
        with suppress(Conflict):
            # Should the message be lost, the sweeper sends another.
            self.jobs.announced(listed)
        return 1


def main() -> None:
    """Run the restorer until SIGTERM."""
    settings = start("restorer")
    jobs = JobStore.of(settings)
    restorer = Restorer(
        settings,
        jobs,
        Tiers.of(settings, jobs),
        UserStore.of(settings),
        archives.of(settings),
        Announcer.of(settings),
        identity(),
    )
    consume(settings, "restore", restorer.handle)


if __name__ == "__main__":
    main()
