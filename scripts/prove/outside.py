"""A deployment seen from outside, through AWS's own doors: what people do there, and what is stored."""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agents.archiver import Archiver
from gas import archives, aws, topology
from gas.aws import Secrets
from gas.config import Settings
from gas.job import Job, Outcome, ResultTier, result_keys
from gas.jobs import JobStore
from gas.messages import Event, JobResult
from gas.queues import Delivery
from gas.storage import Storage, input_key, result_key
from gas.submissions import Announcer
from gas.tiers import Tiers
from gas.users import Role, User, UserStore
from scripts.local import bootstrap, loopback
from scripts.prove.world import Broken

FILES = ("annotated.vcf.gz", "annotated.vcf.gz.tbi", "annotation.log", "receipt.json", "summary.json")
INPUT = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t73\t.\tA\tG\t.\t.\t.\n"
# Leases lapse within seconds; on a machine that has other things to do, everything else takes its time.
PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.3


@dataclass
class Outside:
    """What leads into one deployment; the environment must lead to its stand-in."""

    settings: Settings
    bodies: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        bootstrap.apply(settings, Secrets("client", "secret", "key"))
        self.jobs = JobStore.of(settings)
        self.users = UserStore.of(settings)
        self.tiers = Tiers.of(settings, self.jobs)
        self.storage = Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket)
        self.archives = archives.of(settings)
        self.announcer = Announcer.of(settings)
        self.glacier = aws.client(settings, "glacier")
        self._sqs = aws.client(settings, "sqs")
        self.vault = topology.resource_name(settings.name_prefix, topology.load().vault)

    @cached_property
    def _queues(self) -> list[str]:
        names = [name for queue in topology.load().queues.values() for name in (queue.name, queue.dead_letter_name)]
        return [
            str(self._sqs.get_queue_url(QueueName=topology.resource_name(self.settings.name_prefix, name))["QueueUrl"])
            for name in names
        ]

    # What people do

    def user(self, role: Role = Role.FREE) -> User:
        user_id = str(uuid.uuid4())
        user = self.users.sign_in(user_id, f"{user_id}@example.org", "Ada")
        return self.users.set_role(user_id, role) if role is Role.PREMIUM else user

    def new(self, user: User) -> Job:
        """A job that is not yet in the table; its file is uploaded."""
        job_id = str(uuid.uuid4())
        key = input_key(user.user_id, job_id)
        put = self.storage.s3.put_object(Bucket=self.settings.inputs_bucket, Key=key, Body=INPUT)
        return Job(
            job_id=job_id,
            user_id=user.user_id,
            user_email=f"{job_id}@example.org",
            input_file_name="sample.vcf",
            s3_inputs_bucket=self.settings.inputs_bucket,
            s3_key_input_file=key,
            submit_time=self.jobs.now(),
            input_size=len(INPUT),
            input_etag=put["ETag"],
            input_version=put["VersionId"],
            bundle=self.settings.bundle,
        )

    def finished(self, user: User) -> Job:
        """A completed job, its owner told, its window over."""
        past = JobStore(self.jobs.table, lambda: time.time() - self.settings.free_window, outbox_seconds=1)
        job = self.new(user)
        past.create(job)
        mine = past.claim(job, "host:1")
        bodies = {name: os.urandom(300) for name in FILES}
        keys = {name: result_key(user.user_id, job.job_id, mine.attempt, name) for name in FILES}
        for name, key in keys.items():
            self.storage.s3.put_object(Bucket=self.settings.results_bucket, Key=key, Body=bodies[name])
        self.bodies[job.job_id] = {name: bodies[name] for name in FILES[:2]}
        done = past.complete(mine, Outcome(self.settings.results_bucket, *keys.values(), 300, 10, 7, 2, 1))
        return past.end_mail(past.start_mail(done), sent=True)

    def archived(self, user: User) -> Job:
        """The same, archived by a process of ours."""
        job = self.finished(user)
        ended = JobResult(user_id=job.user_id, job_id=job.job_id)
        shared: Any = (self.settings, self.jobs, self.tiers, self.users, self.storage, self.archives)
        Archiver(*shared, "host:2").handle(_delivery(ended))
        return self.now(job)

    def now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        if found is None:
            raise Broken(f"job {job.job_id} is gone")
        return found

    # What is there

    def archives_of(self, job: Job) -> int:
        """How many archives there are of a job."""
        if self.settings.archive_backend == "s3-glacier":
            return sum("/archive/" in key for key in self.objects_of(job))
        asked = {"Type": "inventory-retrieval", "Format": "JSON"}
        begun = self.glacier.initiate_job(vaultName=self.vault, jobParameters=asked)["jobId"]
        until(lambda: self.glacier.describe_job(vaultName=self.vault, jobId=begun)["Completed"], "the inventory")
        listed = json.loads(self.glacier.get_job_output(vaultName=self.vault, jobId=begun)["body"].read())
        return sum(entry["ArchiveDescription"].startswith(_prefix(job)) for entry in listed["ArchiveList"])

    def uploads_of(self, job: Job) -> int:
        """How many uploads of it are neither completed nor aborted."""
        bucket = self.settings.results_bucket
        parts = self.storage.s3.list_multipart_uploads(Bucket=bucket, Prefix=_prefix(job)).get("Uploads", [])
        pages = self.glacier.get_paginator("list_multipart_uploads").paginate(vaultName=self.vault)
        begun = [upload["ArchiveDescription"] for page in pages for upload in page["UploadsList"]]
        return len(parts) + sum(label.startswith(_prefix(job)) for label in begun)

    def retrieval_jobs(self) -> list[dict[str, Any]]:
        """Every retrieval of an archive that was ever begun in the vault."""
        pages = self.glacier.get_paginator("list_jobs").paginate(vaultName=self.vault)
        return [job for page in pages for job in page["JobList"] if job.get("ArchiveId")]

    def retrievals(self) -> list[str]:
        """The archive of each."""
        return [str(job["ArchiveId"]) for job in self.retrieval_jobs()]

    def objects_of(self, job: Job, bucket: str | None = None) -> set[str]:
        """The keys of all versions of all objects of a job, by default of its results."""
        pages = self.storage.s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket or self.settings.results_bucket, Prefix=_prefix(job)
        )
        return {version["Key"] for page in pages for version in page.get("Versions", ())}

    def mails_to(self, address: str) -> int:
        """How many mails were sent to an address."""
        return len(loopback.get(f"{os.environ['AWS_ENDPOINT_URL']}/_standin/outbox?to={address}").json())

    def waiting(self) -> int:
        """How many messages there are in all queues, hidden and dead ones too."""
        found = [
            self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in self._queues
        ]
        return sum(int(count) for a in found for name, count in a.items() if name.startswith("ApproximateNumber"))

    # What must hold

    def check_hot(self, job: Job) -> None:
        """In S3, byte by byte, and nowhere else."""
        now = self.now(job)
        keys = result_keys(now)
        if now.result_tier is not ResultTier.HOT or self.archives_of(job) or self.uploads_of(job):
            raise Broken(f"{now.result_tier}, {self.archives_of(job)} archives, {self.uploads_of(job)} uploads")
        for key in keys.values():
            read = b"".join(self.storage.stream_whole(self.settings.results_bucket, key))
            if (expected := self.bodies.get(job.job_id)) and read != expected[key.rsplit("/", 1)[1]]:
                raise Broken(f"{key} is not what was stored")
        self._check_objects(now, {*self._kept(now), *keys.values()})

    def check_archived(self, job: Job) -> None:
        """In one archive, and nothing of it in S3."""
        now = self.now(job)
        found = (now.result_tier, self.archives_of(job), self.uploads_of(job))
        if found != (ResultTier.ARCHIVED, 1, 0):
            raise Broken(f"tier, archives, unfinished uploads: {found}")
        self._check_objects(now, self._kept(now))

    def check_gone(self, job: Job) -> None:
        """Deleted: nothing is left anywhere."""
        left = self.objects_of(job) | self.objects_of(job, self.settings.inputs_bucket)
        if left or self.archives_of(job) or self.uploads_of(job) or self.jobs.get(job.job_id):
            raise Broken(f"a deleted job has left {left or 'an archive, an upload, or its item'}")

    def _kept(self, job: Job) -> set[str]:
        return {str(key) for key in (job.s3_key_log_file, job.s3_key_receipt_file, job.s3_key_summary_file)}

    def _check_objects(self, job: Job, expected: set[str]) -> None:
        found = {key for key in self.objects_of(job) if "/archive/" not in key}
        if found != expected:
            raise Broken(f"objects left {found - expected}, missing {expected - found}")


def until(holds: Callable[[], Any], what: str, patience: float = PATIENCE_SECONDS, every: float = LOOK_SECONDS) -> None:
    """Look until it holds. Raises Broken when that takes too long."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise Broken(f"waited {patience:.0f} s for {what}")
        time.sleep(every)


def _prefix(job: Job) -> str:
    return f"{job.user_id}/{job.job_id}/"


def _delivery(event: Event) -> Delivery:
    return Delivery(event, "id", 1, False, threading.Event(), threading.Event())
