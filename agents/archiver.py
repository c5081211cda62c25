"""The archiver: takes a free user's result out of S3 once its window is over.

Claim, store, commit, delete: the objects in S3 go only after the item names an archive whose tree hash was compared,
and that commit holds only while the owner's `tier_epoch` is the one that was read before.
"""

from agents import lease, moves, places
from agents.consume import consume, start
from gas.archives import Archive
from gas.effects import effect
from gas.job import ResultTier
from gas.jobs import Conflict, Job, JobStatus
from gas.messages import JobResult
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.telemetry import logger, metric
from gas.tiers import draft_of, label_of
from gas.users import User

log = logger(__name__)


class Archiver(moves.Mover):
    """Handles one message at a time."""

    def handle(self, delivery: Delivery) -> None:
        """Bring the result of the job of one `JobResult` into the archive, if that is where it belongs."""
        if not isinstance(delivery.event, JobResult):
            raise Reject(f"expected a job-result, not {delivery.event.type}")
        job = self.jobs.get(delivery.event.job_id)
        if job is None or job.delete_time is not None or job.job_status is not JobStatus.COMPLETED:
            return
        try:
            self._step(job, delivery)
        except Conflict:
            log.info("result_taken_away")

    def _step(self, job: Job, delivery: Delivery) -> None:
        if job.result_tier is ResultTier.ARCHIVED:
            self.clear(job)
            return
        if job.result_tier not in (ResultTier.HOT, ResultTier.ARCHIVING) or job.stale_archive_id:
            return
        owner = self.users.get(job.user_id)
        if owner is None:
            return
        if job.result_tier is ResultTier.HOT:
            if owner.premium or job.kept(self.jobs.now()):
                return
            left = (job.complete_time or 0) + self.settings.free_window - self.jobs.now()
            if left > 0:
                raise Retry(left)
        if not self.tiers.lapsed(job):
            if delivery.last_receive:
                # Should whoever holds it die, the item's attention_at brings the job back.
                return
            raise Retry((job.lease_until or 0) - self.jobs.now())
        self._archive(job, owner, delivery)

    def _archive(self, job: Job, owner: User, delivery: Delivery) -> None:
        with effect("archiver.claim"):
            mine = self.tiers.claim_archiving(job, self.owner)
        try:
            if job.result_tier is ResultTier.ARCHIVING:
                self._clear_up_after_others(mine)
            if owner.premium or mine.kept(self.jobs.now()):
                with effect("archiver.stay-hot"):
                    self.tiers.stay_hot(mine)
                return
            with lease.kept(self.tiers, mine, self.settings.lease_seconds, self.settings.heartbeat_seconds) as held:
                check = moves.check_of(held, delivery)
                archive = moves.store(self.archives, self.storage, self.tiers, mine, check)
                archived = self._commit(mine, archive, owner)
        except (lease.LeaseLost, Conflict):
            log.info("result_taken_away")
            return
        except moves.Stopped:
            self.release(mine)
            raise GiveBack from None
        except Exception:
            self.release(mine)
            raise
        if archived:
            self.clear(archived)

    def _clear_up_after_others(self, mine: Job) -> None:
        begun = draft_of(mine)
        with effect("archiver.abandon"):
            if begun is not None:
                self.archives.abandon(begun)
            self.archives.abandon_unnoted(label_of(mine))
        if begun is not None:
            self.tiers.note_draft(mine, None)

    def _commit(self, mine: Job, archive: Archive, owner: User) -> Job | None:
        try:
            with effect("archiver.commit"):
                archived = self.tiers.archived(mine, archive, owner.tier_epoch)
        except Conflict:
            now = self.jobs.get(mine.job_id)
            if now is not None and now.results_file_archive_id == archive.archive_id:
                # The write was done; only its answer was lost.
                return now
            with effect("archiver.discard"):
                self.archives.discard(archive.archive_id)
            # Still ours: then it was the owner's role that changed.
            self.tiers.stay_hot(mine)
            log.info("stays_hot")
            return None
        log.info("archived", archive_id=archive.archive_id, archive_size=archive.size)
        metric("ArchivedBytes", archive.size, "Bytes")
        return archived

    def clear(self, job: Job) -> None:
        """Remove the S3 objects of an ARCHIVED result. A repeat is harmless; their keys are never used again."""
        # Whoever was held up may find the result on its way back, or back under other keys.
        if job.result_tier is not ResultTier.ARCHIVED or job.attention_at is None:
            return
        with effect("archiver.delete"):
            places.clear(self.storage, job, spare=set())
        owner = self.users.get(job.user_id)
        if not (job.kept(self.jobs.now()) or (owner and owner.premium)):
            with effect("archiver.settle"):
                self.tiers.postpone(job, None)


def main() -> None:
    """Run the archiver until SIGTERM."""
    settings = start("archiver")
    consume(settings, "archive", Archiver.of(settings).handle, concurrency=2)


if __name__ == "__main__":
    main()
