"""A whole deployment in one process: the agents' own handlers, a bus in SQS's place, and a clock in our hands.

The bus keeps SQS's promise and no more: every message at least once, in any order. DynamoDB, S3, Glacier and SES are
the stand-in.
"""

import hashlib
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from agents.annotator import Annotator
from agents.archiver import Archiver
from agents.notifier import Notifier
from agents.restorer import Restorer
from agents.sweeper import Sweeper
from agents.thawer import Thawer
from gas import effects, submissions, topology
from gas.config import Settings
from gas.job import Job, JobStatus, Outcome, ResultTier, from_item, result_keys
from gas.jobs import JobStore
from gas.messages import TOPIC_OF, Event
from gas.queues import Delivery, GiveBack, Retry
from gas.shares import ShareStore
from gas.storage import Storage, input_key, result_key
from gas.tiers import Tiers
from gas.users import Role, User, UserStore
from scripts.prove import inprocess, peek
from scripts.prove.doors import Clock, Doors

FILES = ("annotated.vcf.gz", "annotated.vcf.gz.tbi", "job.log", "receipt.json", "summary.json")
MOST_ROUNDS = 400
T = TypeVar("T")


class Killed(BaseException):
    """The process is gone: nothing of what it would have done next happens. No handler may catch this."""


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass(eq=False)
class Message:
    """One message in one queue. `visible_at` on the world's clock."""

    queue: str
    event: Event
    visible_at: float
    receives: int = 0


@dataclass
class World:
    """One deployment's agents, users and messages. Nothing happens but by its methods."""

    doors: Doors
    clock: Clock
    rng: random.Random
    bodies: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    dead_letters: int = 0
    members: list[str] = field(default_factory=list)
    mails: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    explored: bool = False

    def __post_init__(self) -> None:
        settings = self.settings = self.doors.settings
        self.jobs = JobStore(self.doors.annotations, self.clock)
        self.users = UserStore(self.doors.users, self.clock)
        self.tiers = Tiers.of(settings, self.jobs)
        self.s3 = self.doors.s3
        self.storage = Storage(self.s3, settings.inputs_bucket, settings.results_bucket)
        self.archives = self.doors.archives
        bus: Any = self
        shared: tuple[Any, ...] = (settings, self.jobs, self.tiers, self.users)
        annotator = Annotator(settings, self.jobs, self.storage, bus, "host:1", self.rng, work=self._annotate)
        self.shares = ShareStore(self.doors.shares, self.doors.annotations, self.clock)
        self.sweeper = Sweeper(*shared, self.storage, self.archives, bus, self.shares)
        self.handlers: dict[str, Callable[[Delivery], None]] = {
            "job-requests": annotator.handle,
            "notify": Notifier(settings, self.jobs, self.users, self._mailer()).handle,
            "archive": Archiver(*shared, self.storage, self.archives, "host:2").handle,
            "restore": Restorer(*shared, self.archives, bus, "host:3", sleep=lambda _: None).handle,
            "thaw": Thawer(*shared, self.storage, self.archives, "host:4").handle,
        }

    # What people do

    def user(self, role: Role = Role.FREE) -> User:
        user = self.users.sign_in(str(uuid.UUID(int=self.rng.getrandbits(128))), "ada@example.org", "Ada")
        self.members.append(user.user_id)
        return self.change_role(user, role)

    def change_role(self, user: User, role: Role) -> User:
        bus: Any = self
        return self._insist(lambda: submissions.set_role(self.users, bus, user.user_id, role))

    def submit(self, user: User) -> Job:
        job_id = str(uuid.UUID(int=self.rng.getrandbits(128)))
        key = input_key(user.user_id, job_id)
        put = self.s3.put_object(Bucket=self.settings.inputs_bucket, Key=key, Body=b"##fileformat=VCFv4.3\n")
        job = Job(
            job_id=job_id,
            user_id=user.user_id,
            user_email=f"{job_id}@example.org",
            input_file_name="sample.vcf",
            s3_inputs_bucket=self.settings.inputs_bucket,
            s3_key_input_file=key,
            submit_time=self.jobs.now(),
            input_etag=put["ETag"],
            input_version=put["VersionId"],
        )
        bus: Any = self
        return submissions.submit(self.jobs, bus, job)

    def finished(self, user: User) -> Job:
        """A result that was made a while ago: its owner knows of it, and a free user's window is over."""
        job_id = str(uuid.UUID(int=self.rng.getrandbits(128)))
        made = self._make(user.user_id, job_id, 1)
        job = Job(
            job_id=job_id,
            user_id=user.user_id,
            user_email=f"{job_id}@example.org",
            input_file_name="sample.vcf",
            s3_inputs_bucket=self.settings.inputs_bucket,
            s3_key_input_file=input_key(user.user_id, job_id),
            submit_time=self.jobs.now(),
            job_status=JobStatus.COMPLETED,
            result_tier=ResultTier.HOT,
            attempt=1,
            complete_time=self.jobs.now() - self.settings.free_window,
            mail_time=self.jobs.now(),
            **vars(made),
        )
        self.jobs.create(job)
        self.mails[job_id] = 1
        return job

    def delete(self, job_id: str) -> None:
        """As the web server does: without a right to touch archives."""
        self._insist(lambda: submissions.delete(self.jobs, self.shares, self.storage, job_id))
        self.deleted.add(job_id)

    def start_again(self, job: Job) -> Job:
        """A job that was given up. Raises Broken when that was too early, or was not said."""
        # The fault that a job is given up for is not counted on it any more.
        if job.faults + 1 < self.settings.max_faults or not job.error_message or not self.mails.get(job.job_id):
            raise Broken(f"given up, and nobody was told why: {job}")
        bus: Any = self
        return self._insist(lambda: submissions.retry(self.jobs, bus, job.job_id))

    def _insist(self, act: Callable[[], T]) -> T:
        """Whoever presses a button and sees an error page presses it again."""
        for _ in range(MOST_ROUNDS):
            try:
                return act()
            except Killed:
                # In an exploration the actor itself is gone.
                if self.explored:
                    raise
            except (BotoCoreError, ClientError):
                continue
        raise Broken("a button that never works")

    # What the service does

    def publish(self, event: Event) -> None:
        """SNS and its subscriptions."""
        topic = TOPIC_OF[type(event)]
        for queue in topology.load().queues.values():
            # Who calls users' webhooks moves no result.
            if queue.topic == topic and queue.name in self.handlers:
                self.messages.append(Message(queue.name, event, self.clock() + queue.delay_seconds))

    def deliver(self, message: Message) -> str:
        """One receipt of a message; says how it ended. A handled one is gone, any other comes again."""
        message.receives += 1
        last = message.receives >= 5
        seen = Delivery(message.event, "id", message.receives, last, threading.Event(), threading.Event())
        again = float(self.settings.visibility_seconds)
        try:
            self.handlers[message.queue](seen)
        except Retry as retry:
            message.visible_at, how = self.clock() + retry.after, "retry"
            message.receives -= 1
        except GiveBack:
            message.visible_at, how = self.clock(), "given back"
        except Killed:
            message.visible_at, how = self.clock() + again, "killed"
        except Exception as error:
            message.visible_at, how = self.clock() + again, f"failed: {error}"
        else:
            how = "handled"
        if how == "handled":
            self.messages.remove(message)
        elif last and how.startswith(("failed", "killed")):
            self.messages.remove(message)
            self.dead_letters += 1
        return how

    def sweep(self) -> None:
        """One round of the sweeper; killed, it is started again later."""
        try:
            self.sweeper.sweep()
        except Killed:
            return

    def quiesce(self) -> None:
        """Let everything happen that still has to, in order of time. Raises Broken when it never ends."""
        for _ in range(MOST_ROUNDS):
            inprocess.pass_time()
            for message in [m for m in self.messages if m.visible_at <= self.clock()]:
                self.deliver(message)
            if min(self._attention(), default=self.clock() + 1) <= self.clock():
                self.sweep()
            times = [m.visible_at for m in self.messages] + self._attention()
            if not times:
                return
            self.clock.seconds = max(self.clock.seconds, min(times))
        raise Broken(f"still not at rest: {self.messages}, {self._attention()}")

    def _attention(self) -> list[float]:
        jobs = [job.attention_at for job in self.all_jobs()]
        users = [user.get("attention_at") for user in self.all_users()]
        return [float(at) for at in jobs + users if at is not None]

    def _annotate(self, _: Settings, __: Storage, mine: Job, *___: Any) -> Outcome:
        return self._make(mine.user_id, mine.job_id, mine.attempt)

    def _make(self, user_id: str, job_id: str, attempt: int) -> Outcome:
        """The files of an attempt, in S3."""
        bodies = {name: self.rng.randbytes(200) for name in FILES}
        keys = [result_key(user_id, job_id, attempt, name) for name in FILES]
        for name, key in zip(FILES, keys, strict=True):
            with effects.effect("annotator.upload"):
                self.s3.put_object(Bucket=self.storage.results_bucket, Key=key, Body=bodies[name])
        self.bodies[f"{job_id}/{attempt}"] = bodies
        return Outcome(self.storage.results_bucket, *keys, 200, 10, 7, 2, 1)

    def _mailer(self) -> Any:
        world = self

        class Mailer:
            def send_email(self, Destination: dict[str, Any], **_: Any) -> dict[str, str]:
                job_id = Destination["ToAddresses"][0].partition("@")[0]
                world.mails[job_id] = world.mails.get(job_id, 0) + 1
                return {"MessageId": job_id}

        return Mailer()

    def forget(self) -> None:
        """The world is over: leave nothing of it in the stand-in."""
        prefix = self.settings.name_prefix
        for bucket in (self.settings.inputs_bucket, self.settings.results_bucket):
            for table in (f"{prefix}-annotations", f"{prefix}-users"):
                peek.forget(table, bucket, f"{prefix}-{topology.load().vault}", set(self.members))

    # What must hold

    def all_jobs(self) -> list[Job]:
        """Every item of these users, hidden ones too."""
        rows = peek.rows(self.jobs.table.name)
        return [from_item(row) for row in rows if row["user_id"] in self.members]

    def all_users(self) -> list[dict[str, Any]]:
        """The items of these users."""
        return [row for row in peek.rows(f"{self.settings.name_prefix}-users") if row["user_id"] in self.members]

    def vault(self) -> list[str]:
        """The id of every archive of these users, the oldest first."""
        mine = tuple(self.members)
        if self.settings.archive_backend == "s3-glacier":
            keys = peek.objects(self.settings.results_bucket)
            return [key for key in keys if "/archive/" in key and key.startswith(mine)]
        stored = peek.archives(f"{self.settings.name_prefix}-{topology.load().vault}")
        return [archive_id for archive_id, description in stored.items() if description.startswith(mine)]

    def uploads(self) -> int:
        """How many uploads to the vault are neither completed nor aborted."""
        begun = peek.uploads(f"{self.settings.name_prefix}-{topology.load().vault}")
        return sum(description.startswith(tuple(self.members)) for description in begun)

    def stored(self) -> list[str]:
        """What lies where, without the bytes: the keys of these users' objects, and what the vault has begun."""
        buckets = (self.settings.inputs_bucket, self.settings.results_bucket)
        keys = [key for bucket in buckets for key in peek.objects(bucket) if key.startswith(tuple(self.members))]
        asked = peek.retrievals(f"{self.settings.name_prefix}-{topology.load().vault}")
        return [*sorted(keys), f"{self.uploads()} uploads", f"{len(asked)} retrievals"]

    def check_retrievals(self) -> None:
        """No archive was asked for twice, which would be paid twice. Raises Broken."""
        asked = Counter(peek.retrievals(f"{self.settings.name_prefix}-{topology.load().vault}"))
        twice = [archive_id for archive_id, count in asked.items() if count > 1]
        if twice:
            raise Broken(f"asked for more than once: {twice}")

    def check_bytes(self) -> None:
        """A completed job's result exists in at least one place. Raises Broken."""
        stored = self.vault()
        for job in self.all_jobs():
            if job.job_status is not JobStatus.COMPLETED or job.delete_time is not None:
                continue
            if job.result_tier in (ResultTier.HOT, ResultTier.ARCHIVING):
                if self._in_s3(job) != self._expected(job):
                    raise Broken(f"{job.result_tier} but not in S3: {job}")
            elif job.results_file_archive_id not in stored:
                raise Broken(f"{job.result_tier} but not in the archive: {job}")

    def check_rest(self) -> None:
        """At rest: everybody's results are where they belong, and nothing is left over. Raises Broken."""
        self.check_bytes()
        named: set[str] = set()
        for job in self.all_jobs():
            user = self.users.get(job.user_id)
            if job.delete_time is not None or job.job_id in self.deleted:
                raise Broken(f"deleted, but still there: {job}")
            if job.job_status is not JobStatus.COMPLETED or user is None:
                raise Broken(f"not completed: {job}")
            wanted = ResultTier.HOT if user.premium else ResultTier.ARCHIVED
            if job.result_tier is not wanted:
                raise Broken(f"the owner is {user.role}, the result is {job.result_tier}")
            if self.mails.get(job.job_id, 0) < 1:
                raise Broken(f"no mail: {job}")
            if job.results_file_archive_id:
                named.add(job.results_file_archive_id)
            self._check_objects(job)
        if set(self.vault()) != named:
            raise Broken(f"archives that no job names: {set(self.vault()) - named}")
        if self.uploads():
            raise Broken(f"{self.uploads()} uploads that nobody will complete")
        for bucket in (self.settings.results_bucket, self.settings.inputs_bucket):
            left = [key for key in peek.objects(bucket) if key.split("/")[1] in self.deleted]
            if left:
                raise Broken(f"objects of deleted jobs are left: {left}")

    def _check_objects(self, job: Job) -> None:
        found = set(peek.objects(self.settings.results_bucket, f"{job.user_id}/{job.job_id}/"))
        kept = {job.s3_key_log_file, job.s3_key_receipt_file, job.s3_key_summary_file}
        hot = set(result_keys(job).values()) if job.result_tier is ResultTier.HOT else set()
        extra = {key for key in found - kept - hot if "/archive/" not in key}
        if extra or (kept | hot) - found:
            raise Broken(f"objects left {extra}, objects missing {(kept | hot) - found}")

    def _expected(self, job: Job) -> dict[str, str]:
        return {name: _digest(body) for name, body in self._made(job).items() if name in FILES[:2]}

    def _made(self, job: Job) -> dict[str, bytes]:
        attempt = str(job.s3_key_log_file).split("/")[3]
        return self.bodies[f"{job.job_id}/{attempt}"]

    def _in_s3(self, job: Job) -> dict[str, str]:
        stored = peek.objects(self.settings.results_bucket, f"{job.user_id}/{job.job_id}/")
        return {key.rsplit("/", 1)[1]: stored[key] for key in result_keys(job).values() if key in stored}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
