"""The archiver: takes a free user's result out of S3 once its window is over.

Claim, store, commit, delete: the objects in S3 go only after the item names an archive whose tree hash was compared,
and that commit holds only while the owner's `tier_epoch` is the one that was read before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from botocore.exceptions import BotoCoreError, ClientError

from agents import lease, places
from agents.consume import consume, start
from gas import archives, aws
from gas.archives import Archive, ArchiveStore, Draft, parcels
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.job import ResultTier, result_keys
from gas.jobs import Conflict, Job, JobStatus, JobStore
from gas.messages import JobResult
from gas.process import identity
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.storage import ObjectMissing, Storage
from gas.telemetry import logger, metric
from gas.tiers import Tiers, draft_of
from gas.users import User, UserStore

log = logger(__name__)


class Stopped(Exception):
    """The process has to end before the archive is made."""


@dataclass(frozen=True)
class Archiver:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    tiers: Tiers
    users: UserStore
    storage: Storage
    archives: ArchiveStore
    owner: str

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
            begun = draft_of(mine)
            if begun is not None:
                with effect("archiver.abandon"):
                    self.archives.abandon(begun)
                self.tiers.note_draft(mine, None)
            if owner.premium or mine.kept(self.jobs.now()):
                with effect("archiver.stay-hot"):
                    self.tiers.stay_hot(mine)
                return
            with lease.kept(self.tiers, mine, self.settings.lease_seconds, self.settings.heartbeat_seconds) as held:
                archive = self._store(mine, held, delivery)
                archived = self._commit(mine, archive, owner)
        except (lease.LeaseLost, Conflict):
            log.info("result_taken_away")
            return
        except Stopped:
            self._release(mine)
            raise GiveBack from None
        except Exception:
            self._release(mine)
            raise
        if archived:
            self.clear(archived)

    def _store(self, mine: Job, held: lease.Lease, delivery: Delivery) -> Archive:
        def check() -> None:
            held.check()
            if delivery.abandon.is_set():
                raise Stopped

        def note(draft: Draft) -> None:
            check()
            with effect("archiver.draft" if draft.tree_hash is None else "archiver.seal"):
                self.tiers.note_draft(mine, draft)

        def checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                check()
                yield chunk

        files = self._files(mine)
        label = f"{mine.user_id}/{mine.job_id}/{mine.tier_attempt}"
        with effect("archiver.store"):
            return self.archives.store(label, parcels.packed_size(files), checked(parcels.pack(files)), note)

    def _files(self, mine: Job) -> list[parcels.File]:
        bucket = str(mine.s3_results_bucket)

        def reader(key: str, version: str | None, etag: str) -> Callable[[], Iterator[bytes]]:
            return lambda: self.storage.stream_whole(bucket, key, version, etag)

        files = []
        for key in result_keys(mine).values():
            found = self.storage.head(bucket, key)
            if found is None:
                raise ObjectMissing(key)
            files.append(parcels.File(PurePosixPath(key).name, found.size, reader(key, found.version, found.etag)))
        return files

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

    def _release(self, mine: Job) -> None:
        try:
            self.tiers.release(mine)
        except (Conflict, BotoCoreError, ClientError) as error:
            # The lease lapses by itself.
            log.warning("claim_not_released", reason=explain(error))


def main() -> None:
    """Run the archiver until SIGTERM."""
    settings = start("archiver")
    jobs = JobStore.of(settings)
    archiver = Archiver(
        settings,
        jobs,
        Tiers.of(settings, jobs),
        UserStore.of(settings),
        Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket),
        archives.of(settings),
        identity(),
    )
    consume(settings, "archive", archiver.handle, concurrency=2)


if __name__ == "__main__":
    main()
