"""Is every result where its item says, and does everything that is stored belong to an item?

Items, objects and archives are listed into a database on disk and compared there, so memory stays bounded however many
there are. Meanwhile jobs go on: whatever looks wrong is read again before it is said to be.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gas import items, topology
from gas.admin.inventory import Inventory
from gas.job import UNFINISHED, Job, JobStatus, ResultTier, from_item, result_keys
from gas.jobs import JobStore
from gas.storage import Storage

# Objects of the results bucket, objects of the inputs bucket, archives in a vault.
OBJECT, INPUT, ARCHIVE = "object", "input", "archive"
DAY = 86_400
# Lifecycle rules are carried out once a day.
UNCLAIMED_DAYS = (topology.load().buckets["inputs"].expire_unclaimed_days or 0) + 2
# What was stored, or removed, so shortly before the inventory was taken may not show in it as it is.
INVENTORY_SLACK_SECONDS = 3600

_SCHEMA = """
CREATE TABLE needed (kind TEXT, name TEXT, job_id TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE stored (kind TEXT, name TEXT, label TEXT, shown INT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
"""
# An object that only old versions are left of cannot be read, but is stored all the same.
_MISSING = """
SELECT kind, name, job_id FROM needed WHERE NOT EXISTS (
  SELECT 1 FROM stored WHERE stored.kind = needed.kind AND stored.name = needed.name AND stored.shown
)"""
_SPARE = """
SELECT kind, name, label FROM stored WHERE NOT EXISTS (
  SELECT 1 FROM needed WHERE needed.kind = stored.kind AND needed.name = stored.name
)"""
_NEEDED = "INSERT OR IGNORE INTO needed VALUES (?, ?, ?)"
# The newest version of an object is listed first.
_STORED = "INSERT OR IGNORE INTO stored VALUES (?, ?, ?, ?)"


@dataclass
class Verification:
    """One look at everything. `inventory` is that of the vault, None where archives are S3 objects or none was taken.

    After `run`, `counts` says how many jobs, objects and archives were seen, and how many could not be judged because
    they changed after the inventory was taken.
    """

    jobs: JobStore
    storage: Storage
    vault: bool
    inventory: Inventory | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> Iterator[str]:
        """A line for each thing that is wrong."""
        # An empty name is a file that SQLite removes by itself.
        database = sqlite3.connect("")
        try:
            database.executescript(_SCHEMA)
            yield from self._scan(database)
            for kind in (OBJECT, INPUT):
                database.executemany(_STORED, self._objects(kind))
            if self.inventory is not None:
                database.executemany(_STORED, self._archives(self.inventory))
            for kind, name, job_id in database.execute(_MISSING):
                if wrong := self._missing(kind, name, job_id):
                    yield wrong
            for kind, name, label in database.execute(_SPARE):
                if wrong := self._spare(kind, name, label):
                    yield wrong
        finally:
            database.close()

    # Listing

    def _scan(self, database: sqlite3.Connection) -> Iterator[str]:
        request: dict[str, Any] = {"ConsistentRead": True}
        while True:
            answer = self.jobs.table.scan(**request)
            for item in answer["Items"]:
                self.counts["jobs"] += 1
                try:
                    job = from_item(items.native(item))
                except (KeyError, TypeError, ValueError) as error:
                    yield f"unreadable item: job {item.get('job_id')!s}: {type(error).__name__}: {error}"
                    continue
                database.executemany(_NEEDED, ((kind, name, job.job_id) for kind, name in self._needs(job)))
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _objects(self, kind: str) -> Iterator[tuple[str, str, str, bool]]:
        pages = self.storage.s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket(kind))
        for page in pages:
            for version in page.get("Versions", ()):
                self.counts["objects"] += 1
                yield kind, version["Key"], "", version["IsLatest"]

    def _bucket(self, kind: str) -> str:
        return self.storage.inputs_bucket if kind == INPUT else self.storage.results_bucket

    def _archives(self, inventory: Inventory) -> Iterator[tuple[str, str, str, bool]]:
        for archive_id, label in inventory.archives:
            self.counts["archives"] += 1
            yield ARCHIVE, archive_id, label, True

    # Judging

    def _needs(self, job: Job) -> set[tuple[str, str]]:
        """What must be stored for this job, by kind and name."""
        if job.delete_time is not None:
            return set()
        if job.job_status in UNFINISHED:
            return {(INPUT, job.s3_key_input_file)}
        if job.job_status is not JobStatus.COMPLETED:
            return set()
        kept = {job.s3_key_log_file, job.s3_key_receipt_file, job.s3_key_summary_file}
        needs = {(OBJECT, key) for key in kept if key}
        if job.result_tier in (ResultTier.HOT, ResultTier.ARCHIVING):
            return needs | {(OBJECT, key) for key in result_keys(job).values()}
        return needs | {
            (ARCHIVE if self.vault else OBJECT, job.results_file_archive_id or f"(none is named by {job.job_id})")
        }

    def _missing(self, kind: str, name: str, job_id: str) -> str | None:
        job = self.jobs.get(job_id)
        if job is None or (kind, name) not in self._needs(job):
            return None
        if kind == ARCHIVE:
            if self.inventory is None or (job.archive_time or 0) >= self.inventory.date - INVENTORY_SLACK_SECONDS:
                self.counts["unjudged"] += 1
                return None
            return f"missing archive: job {job_id} is {job.result_tier}, but the vault has no archive {name}"
        if self.storage.head(self._bucket(kind), name) is not None:
            return None
        place = f"s3://{self._bucket(kind)}/{name}"
        return f"missing object: job {job_id} is {job.result_tier or job.job_status}, but {place} is not there"

    def _spare(self, kind: str, name: str, label: str) -> str | None:
        parts = (label if kind == ARCHIVE else name).split("/")
        job = self.jobs.get(parts[1]) if len(parts) > 2 and parts[1] else None
        if job is not None and job.user_id != parts[0]:
            job = None
        if job is not None and ((kind, name) in self._needs(job) or self._passing(job, name)):
            return None
        whose = f"job {job.job_id} does not name it" if job else "there is no such job"
        if kind != ARCHIVE:
            stored = self._last_stored(kind, name)
            # An upload may wait for its job; what waits too long the bucket itself removes.
            may_wait = kind == INPUT and job is None and stored > time.time() - UNCLAIMED_DAYS * DAY
            return None if may_wait or not stored else f"orphan object: s3://{self._bucket(kind)}/{name}: {whose}"
        if job is not None and self.inventory is not None and self._moved_at(job) >= self.inventory.date:
            self.counts["unjudged"] += 1
            return None
        return f"orphan archive: {name} ({ascii(label)[1:-1]}): {whose}"

    def _passing(self, job: Job, name: str) -> bool:
        """Somebody is still at the job, and clears up afterwards."""
        under_way = not job.finished or job.attention_at is not None or self.jobs.may_be_written(job)
        files = {job.s3_key_log_file, job.s3_key_receipt_file, job.s3_key_summary_file, job.s3_key_input_file}
        return under_way or name in files or name == job.stale_archive_id

    def _moved_at(self, job: Job) -> float:
        """About when the result was last put where it is."""
        if job.result_tier in (ResultTier.ARCHIVED, ResultTier.RESTORING):
            moved = float(job.archive_time or 0)
        elif job.s3_key_result_file and job.s3_results_bucket:
            listed = self.storage.s3.list_objects_v2(Bucket=job.s3_results_bucket, Prefix=job.s3_key_result_file)
            moved = max((entry["LastModified"].timestamp() for entry in listed.get("Contents", ())), default=0.0)
        else:
            moved = 0.0
        return moved + INVENTORY_SLACK_SECONDS

    def _last_stored(self, kind: str, key: str) -> float:
        """The epoch second of the object's newest version, 0 when it is gone by now."""
        listed = self.storage.s3.list_object_versions(Bucket=self._bucket(kind), Prefix=key)
        versions = [version for version in listed.get("Versions", ()) if version["Key"] == key]
        return max((version["LastModified"].timestamp() for version in versions), default=0.0)
