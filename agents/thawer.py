"""The thawer: brings a retrieved result back to S3, and then deletes its archive.

Woken by the vault's own notice, or S3's, and by the sweeper should that be lost.
"""

from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from agents import lease, moves, places
from agents.consume import consume, start
from agents.retrieval import begin
from gas.archives import TIER_SECONDS, Progress
from gas.effects import effect
from gas.faults import explain
from gas.job import ResultTier
from gas.jobs import Conflict, Job, JobStatus
from gas.messages import JobThaw
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.storage import ObjectsRemain
from gas.telemetry import logger, metric
from gas.tiers import archive_of

log = logger(__name__)


class Thawer(moves.Mover):
    """Handles one message at a time."""

    def handle(self, delivery: Delivery) -> None:
        """Take the result of the job of one `JobThaw` one step further, if there is one to take."""
        if not isinstance(delivery.event, JobThaw):
            raise Reject(f"expected a job-thaw, not {delivery.event.type}")
        job = self.jobs.get(delivery.event.job_id)
        if job is None or job.delete_time is not None or job.job_status is not JobStatus.COMPLETED:
            return
        if not self.tiers.lapsed(job):
            if delivery.last_receive:
                return
            raise Retry((job.lease_until or 0) - self.jobs.now())
        try:
            self._step(job, delivery)
        except (Conflict, lease.LeaseLost):
            log.info("result_taken_away")

    def _step(self, job: Job, delivery: Delivery) -> None:
        if job.result_tier is ResultTier.HOT and job.stale_archive_id:
            self.discard_archive(job)
            return
        if job.result_tier not in (ResultTier.ARCHIVED, ResultTier.RESTORING):
            return
        owner = self.users.get(job.user_id)
        if not (job.kept(self.jobs.now()) or (owner and owner.premium)):
            if job.result_tier is ResultTier.RESTORING:
                self.tiers.retrieval_unwanted(job)
            return
        if job.retrieval_id is None:
            begin(self.tiers, self.archives, job, self.owner, self.settings.retrieval_tier)
            return
        progress = self.archives.status(archive_of(job), job.retrieval_id)
        if progress is Progress.WAITING:
            self.tiers.still_waiting(job)
        elif progress is Progress.GONE:
            log.warning("retrieval_gone", retrieval_id=job.retrieval_id)
            self.tiers.retrieval_gone(self.tiers.claim_restoring(job, self.owner))
        else:
            self._thaw(job, job.retrieval_id, delivery)

    def _thaw(self, job: Job, retrieval_id: str, delivery: Delivery) -> None:
        with effect("thawer.claim"):
            mine = self.tiers.claim_restoring(job, self.owner)
        try:
            with lease.kept(self.tiers, mine, self.settings.lease_seconds, self.settings.heartbeat_seconds) as held:
                chunks = self.archives.fetch(archive_of(mine), retrieval_id)
                keys = moves.fetch(self.storage, mine, chunks, moves.check_of(held, delivery))
                hot = self._commit(mine, keys)
        except Exception as error:
            self._undo(mine)
            if isinstance(error, moves.Stopped):
                raise GiveBack from None
            raise
        log.info("restored", archive_id=mine.results_file_archive_id)
        if mine.retrieval_due is not None and mine.retrieval_tier is not None:
            asked = mine.retrieval_due - TIER_SECONDS[mine.retrieval_tier]
            metric("RestoreSeconds", self.jobs.now() - asked, "Seconds", {"Tier": mine.retrieval_tier})
        self.discard_archive(hot)

    def _commit(self, mine: Job, keys: dict[str, str]) -> Job:
        try:
            with effect("thawer.commit"):
                return self.tiers.restored(mine, keys)
        except Conflict:
            now = self.jobs.get(mine.job_id)
            if now is not None and now.result_tier is ResultTier.HOT and now.tier_attempt == mine.tier_attempt:
                # The write was done; only its answer was lost.
                return now
            raise

    def discard_archive(self, job: Job) -> None:
        """Delete the archive of a result that is back, and what interrupted moves of it have left in S3."""
        if job.stale_archive_id is None:
            return
        places.clear(self.storage, job, spare=places.in_use(job))
        with effect("thawer.discard"):
            self.archives.discard(job.stale_archive_id)
        with effect("thawer.settle"):
            self.tiers.archive_discarded(job)

    def _undo(self, mine: Job) -> None:
        try:
            with suppress(Conflict):
                self.tiers.release(mine)
            # Released or lost, this claim can commit no more: the files are the result by now, or never will be.
            now = self.jobs.get(mine.job_id)
            if now is None or places.of_claim(mine) not in places.in_use(now):
                self.storage.delete_attempt(mine.user_id, mine.job_id, places.of_claim(mine))
        except (ObjectsRemain, BotoCoreError, ClientError) as error:
            # The lease lapses by itself, and what was written goes when the result is moved next.
            log.warning("thaw_not_undone", reason=explain(error))


def main() -> None:
    """Run the thawer until SIGTERM."""
    settings = start("thawer")
    consume(settings, "thaw", Thawer.of(settings).handle, concurrency=2)


if __name__ == "__main__":
    main()
