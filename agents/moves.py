"""Carries the bytes of a result into the archive and back. Whose turn it is, and what counts, the callers decide."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from agents import lease, places
from gas import archives, aws
from gas.archives import Archive, ArchiveStore, Draft, parcels
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.job import Job, result_keys
from gas.jobs import Conflict, JobStore
from gas.process import identity
from gas.queues import Delivery
from gas.storage import ObjectMissing, ObjectsRemain, Storage, result_key
from gas.telemetry import logger
from gas.tiers import Tiers, label_of
from gas.users import UserStore

log = logger(__name__)

CONTENT_TYPES = {".gz": "application/gzip"}
Check = Callable[[], None]


class Stopped(Exception):
    """The process has to end before all bytes are where they should be."""


@dataclass(frozen=True)
class Mover:
    """What those who move results work with; `owner` names this process in its claims."""

    settings: Settings
    jobs: JobStore
    tiers: Tiers
    users: UserStore
    storage: Storage
    archives: ArchiveStore
    owner: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The mover of the deployment that the settings describe."""
        jobs = JobStore.of(settings)
        storage = Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket)
        users = UserStore.of(settings)
        return cls(settings, jobs, Tiers.of(settings, jobs), users, storage, archives.of(settings), identity())

    def release(self, mine: Job) -> None:
        """Give a claim back; where that fails the lease lapses by itself."""
        try:
            self.tiers.release(mine)
        except (Conflict, BotoCoreError, ClientError) as error:
            log.warning("claim_not_released", reason=explain(error))


def check_of(held: lease.Lease, delivery: Delivery) -> Check:
    """Raises LeaseLost or Stopped when the move has to end."""

    def check() -> None:
        held.check()
        if delivery.abandon.is_set():
            raise Stopped

    return check


def store(shelf: ArchiveStore, storage: Storage, tiers: Tiers, mine: Job, check: Check) -> Archive:
    """Put the result's files into one archive; what is begun is noted on the item first, and cleared on failure."""
    drafts: list[Draft] = []

    def note(draft: Draft) -> None:
        drafts.append(draft)
        check()
        with effect("archiver.draft" if draft.tree_hash is None else "archiver.seal"):
            tiers.note_draft(mine, draft)

    files = _files(storage, mine)
    try:
        with effect("archiver.store"):
            return shelf.store(label_of(mine), parcels.packed_size(files), _checked(parcels.pack(files), check), note)
    except Exception:
        # It may be unnoted, or whoever has taken over may have looked before it was begun.
        _give_up(shelf, drafts[-1:])
        raise


def fetch(storage: Storage, mine: Job, chunks: Iterable[bytes], check: Check) -> dict[str, str]:
    """Write an archive's files under keys of this claim's own; returns the keys by attribute. Raises BrokenParcel."""
    attributes = {PurePosixPath(key).name: name for name, key in result_keys(mine).items()}
    keys: dict[str, str] = {}
    for name, content in parcels.unpack(_checked(chunks, check)):
        if name not in attributes:
            raise parcels.BrokenParcel(f"the archive has a file {name!r} that the job does not know")
        key = result_key(mine.user_id, mine.job_id, places.of_claim(mine), name)
        kind = CONTENT_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
        with effect("thawer.put"):
            storage.put_stream(content, content.size, str(mine.s3_results_bucket), key, kind)
        keys[attributes[name]] = key
    missing = set(attributes.values()) - set(keys)
    if missing:
        raise parcels.BrokenParcel(f"the archive lacks {', '.join(sorted(missing))}")
    return keys


def _checked(chunks: Iterable[bytes], check: Check) -> Iterator[bytes]:
    for chunk in chunks:
        check()
        yield chunk
        # It may be a large part: else it stays in memory while the next one comes.
        del chunk


def _files(storage: Storage, mine: Job) -> list[parcels.File]:
    bucket = str(mine.s3_results_bucket)

    def reader(key: str, version: str | None, etag: str) -> Callable[[], Iterator[bytes]]:
        return lambda: storage.stream_whole(bucket, key, version, etag)

    files = []
    for key in result_keys(mine).values():
        found = storage.head(bucket, key)
        if found is None:
            raise ObjectMissing(key)
        files.append(parcels.File(PurePosixPath(key).name, found.size, reader(key, found.version, found.etag)))
    return files


def _give_up(shelf: ArchiveStore, drafts: list[Draft]) -> None:
    try:
        for draft in drafts:
            shelf.abandon(draft)
    except (ObjectsRemain, BotoCoreError, ClientError) as error:
        log.warning("draft_not_abandoned", reason=explain(error))
