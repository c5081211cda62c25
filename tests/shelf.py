"""A deployment with an archive, its clock in the test's hands, and the three agents that move results."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from agents.archiver import Archiver
from agents.restorer import Restorer
from agents.sweeper import Sweeper
from agents.thawer import Thawer
from gas import archives, aws, effects
from gas.archives import ArchiveStore
from gas.archives.s3_glacier import S3Glacier
from gas.job import ResultTier, result_keys
from gas.jobs import Job, JobStore, Outcome
from gas.messages import JobResult, JobThaw, SubscriptionDowngrade, SubscriptionUpgrade
from gas.queues import Retry
from gas.shares import ShareStore
from gas.storage import Storage, result_key
from gas.submissions import Announcer
from gas.tiers import Tiers
from gas.topology import resource_name
from gas.users import Role, User, UserStore
from tests.deployment import Clock, Deployment, client, delivery, until
from tests.vault import archives_in, retrievals_in, uploads_in

FILES = {"result": "annotated.vcf.gz", "index": "annotated.vcf.gz.tbi", "log": "job.log"}
KEPT = ("receipt.json", "summary.json")
TABLE = "variants.parquet"
OUTBOX, LEASE, WINDOW = 30, 90, 300


@dataclass
class Shelf:
    """What moves results, and looks at where they are."""

    place: Deployment
    clock: Clock
    owner: str = "test-host:1"
    bodies: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.place.settings
        self.jobs = JobStore(aws.table(settings, "annotations"), self.clock, LEASE, OUTBOX)
        self.users = UserStore(aws.table(settings, "users"), self.clock, OUTBOX)
        self.tiers = Tiers.of(settings, self.jobs)
        self.storage: Storage = self.place.storage
        self.announcer: Announcer = self.place.announcer
        self.archives: ArchiveStore = archives.of(settings)
        shared: tuple[Any, ...] = (settings, self.jobs, self.tiers, self.users)
        self.archiver = Archiver(*shared, self.storage, self.archives, self.owner)
        self.restorer = Restorer(*shared, self.archives, self.announcer, self.owner, sleep=lambda _: None)
        self.thawer = Thawer(*shared, self.storage, self.archives, self.owner)
        self.shares = ShareStore(aws.table(settings, "shares"), self.jobs.table, self.clock)
        self.sweeper = Sweeper(*shared, self.storage, self.archives, self.announcer, self.shares)

    # Users and results

    def user(self, role: Role = Role.FREE) -> User:
        user = self.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
        return self.users.set_role(user.user_id, role) if role is Role.PREMIUM else user

    def completed(self, user: User, size: int = 1000) -> Job:
        """A completed job of this user, its mail sent, its files in the results bucket."""
        created = self.place.job(user_id=user.user_id)
        mine = self.jobs.claim(created, "host:1")
        bodies = {name: os.urandom(size if name == FILES["result"] else 50) for name in (*FILES.values(), *KEPT)}
        keys = {name: result_key(user.user_id, mine.job_id, mine.attempt, name) for name in bodies}
        for name, key in keys.items():
            self.storage.s3.put_object(Bucket=self.place.settings.results_bucket, Key=key, Body=bodies[name])
        chosen = [keys[name] for name in (*FILES.values(), *KEPT)]
        table = result_key(user.user_id, mine.job_id, mine.attempt, TABLE)
        bodies[TABLE] = os.urandom(70)
        self.storage.s3.put_object(Bucket=self.place.settings.results_bucket, Key=table, Body=bodies[TABLE])
        outcome = Outcome(self.place.settings.results_bucket, *chosen, size, 10, 7, 2, 1, table)
        job = self.jobs.complete(mine, outcome)
        self.bodies[job.job_id] = {name: bodies[name] for name in (FILES["result"], FILES["index"], TABLE)}
        return self.jobs.end_mail(self.jobs.start_mail(job), sent=True)

    def now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        assert found is not None
        return found

    # Steps

    def archive(self, job: Job) -> Job:
        """Deliver the job's end to the archiver, after the window."""
        self.clock.move(max((job.complete_time or 0) + WINDOW - self.clock(), 0))
        self.tell_archiver(job)
        return self.now(job)

    def tell_archiver(self, job: Job) -> None:
        self.archiver.handle(delivery(JobResult(user_id=job.user_id, job_id=job.job_id)))

    def change_role(self, user: User, role: Role) -> User:
        """Change the role and carry it out once."""
        changed = self.users.set_role(user.user_id, role)
        kind = SubscriptionUpgrade if changed.premium else SubscriptionDowngrade
        self.restorer.handle(delivery(kind(user_id=user.user_id, tier_epoch=changed.tier_epoch)))
        return changed

    def tell_thawer(self, job: Job) -> None:
        self.thawer.handle(delivery(JobThaw(user_id=job.user_id, job_id=job.job_id)))

    def thaw(self, job: Job) -> Job:
        """Wait for the retrieval, and bring the result back."""

        def back() -> Job | None:
            try:
                self.tell_thawer(job)
            except Retry:
                return None
            now = self.now(job)
            return now if now.result_tier is ResultTier.HOT else None

        return until(back, every=0.2)

    # Looks

    def hot_bytes(self, job: Job) -> dict[str, bytes]:
        """What S3 has of the result files that the item names."""
        found = {}
        for key in result_keys(job).values():
            if self.storage.head(self.place.settings.results_bucket, key):
                found[key.rsplit("/", 1)[1]] = b"".join(self.storage.stream(self.place.settings.results_bucket, key))
        return found

    def objects(self, job: Job) -> set[str]:
        """Every object version of the job in the results bucket, by the end of its key."""
        pages = self.storage.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.place.settings.results_bucket, Prefix=f"{job.user_id}/{job.job_id}/"
        )
        return {entry["Key"].split("/", 2)[2] for page in pages for entry in page.get("Versions", ())}

    def archives_of(self, job: Job) -> int:
        """How many archives of the job there are."""
        if isinstance(self.archives, S3Glacier):
            return sum(name.startswith("archive/") for name in self.objects(job))
        prefix = f"{job.user_id}/{job.job_id}/"
        return sum(label.startswith(prefix) for label in archives_in(client("glacier"), self._vault).values())

    def uploads_of(self, job: Job) -> int:
        """How many uploads of the job are neither completed nor aborted."""
        prefix = f"{job.user_id}/{job.job_id}/"
        bucket = self.place.settings.results_bucket
        parts = self.storage.s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", [])
        return len(parts) + sum(label.startswith(prefix) for label in uploads_in(client("glacier"), self._vault))

    def retrievals_of(self, job: Job) -> int:
        """How often the job's archives were asked back from the vault. Of S3's restores there is only one at a time."""
        prefix = f"{job.user_id}/{job.job_id}/"
        begun = retrievals_in(client("glacier"), self._vault)
        return sum(str(retrieval["JobDescription"]).startswith(prefix) for retrieval in begun)

    @property
    def _vault(self) -> str:
        return resource_name(self.place.settings.name_prefix, "archive")

    def assert_archived(self, job: Job) -> None:
        """One archive, nothing else begun, nothing of the result left in S3, and nobody needs to look again."""
        now = self.now(job)
        assert now.result_tier is ResultTier.ARCHIVED
        assert (self.archives_of(job), self.uploads_of(job)) == (1, 0)
        assert {name for name in self.objects(job) if not name.startswith("archive/")} == self.kept(job)
        assert now.attention_at is None

    def assert_hot(self, job: Job) -> None:
        """The result is in S3, byte by byte, and nowhere else."""
        now = self.now(job)
        assert now.result_tier is ResultTier.HOT
        assert self.hot_bytes(now) == self.bodies[job.job_id]
        assert (self.archives_of(job), self.uploads_of(job), now.stale_archive_id) == (0, 0, None)
        named = {str(key).split("/", 2)[2] for key in result_keys(now).values()}
        assert self.objects(job) == self.kept(job) | named

    def kept(self, job: Job) -> set[str]:
        """The objects that stay whatever happens to the result."""
        return {f"result/{job.attempt}/{name}" for name in (FILES["log"], *KEPT)}

    def at_rest(self, job: Job) -> bool:
        """Whether nobody needs to look at the job again."""
        return self.now(job).attention_at is None


class Died(BaseException):
    """The process has gone: no handler of its own gets to see it."""


@contextmanager
def at_effect(label: str, phase: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something the first time that an effect is about to happen ("before") or has happened ("after")."""
    reached: list[str] = []
    armed = effects._armed.hook

    def hook(found: str, when: str) -> None:
        if (found, when) == (label, phase) and not reached:
            reached.append(found)
            act()
        if armed:
            armed(found, when)

    effects.arm(hook)
    try:
        yield
    finally:
        effects.arm(armed)
    assert reached, f"{label} was never reached"


@contextmanager
def dying(label: str, phase: str) -> Iterator[None]:
    """The process dies at an effect."""

    def die() -> None:
        raise Died

    with at_effect(label, phase, die), suppress(Died):
        yield


def shelf(place: Deployment, **changes: Any) -> Shelf:
    """The agents over a deployment, with some settings changed."""
    settings = place.settings.model_copy(update={"free_window": WINDOW, **changes})
    return Shelf(replace(place, settings=settings), Clock(time.time()))
