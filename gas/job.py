"""The job's record: one item of the table `annotations`, its two state machines' states, and its outcome."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """Where the work stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


UNFINISHED = (JobStatus.PENDING, JobStatus.RUNNING)
FINISHED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class ResultTier(StrEnum):
    """Where the bytes of a completed job's result are."""

    HOT = "HOT"
    ARCHIVING = "ARCHIVING"
    ARCHIVED = "ARCHIVED"
    RESTORING = "RESTORING"


@dataclass(frozen=True)
class Job:
    """One item of `annotations`. Times are integer epoch seconds, sizes bytes; None means not (yet) there."""

    job_id: str
    user_id: str
    user_email: str
    input_file_name: str
    s3_inputs_bucket: str
    s3_key_input_file: str
    submit_time: int
    job_status: JobStatus = JobStatus.PENDING
    input_size: int = 0
    input_etag: str = ""
    input_version: str | None = None
    bundle: str = ""

    attempt: int = 0
    faults: int = 0
    lease_owner: str | None = None
    lease_until: int | None = None
    start_time: int | None = None
    progress_done: int = 0
    progress_total: int | None = None

    complete_time: int | None = None
    result_tier: ResultTier | None = None
    s3_results_bucket: str | None = None
    s3_key_result_file: str | None = None
    s3_key_index_file: str | None = None
    s3_key_table_file: str | None = None
    s3_key_log_file: str | None = None
    s3_key_receipt_file: str | None = None
    s3_key_summary_file: str | None = None
    result_size: int | None = None
    records_read: int | None = None
    records_annotated: int | None = None
    records_passed: int | None = None
    records_rejected: int | None = None

    # The result's way into the archive and back. Each claim of it raises `tier_attempt`.
    tier_attempt: int = 0
    archive_upload: str | None = None
    archive_size: int | None = None
    archive_tree_hash: str | None = None
    archive_time: int | None = None
    results_file_archive_id: str | None = None
    retrieval_id: str | None = None
    retrieval_tier: str | None = None
    retrieval_due: int | None = None
    stale_archive_id: str | None = None
    # Until then a free user's result counts as a premium user's: an operator has brought it back.
    keep_until: int | None = None

    error_message: str | None = None
    error_reference: str | None = None
    mail_lease_until: int | None = None
    mail_time: int | None = None
    # The `complete_time` of the end that the owner's webhooks were told of.
    webhook_time: int | None = None
    delete_time: int | None = None
    # The links to it that there are (`gas.shares`).
    share_ids: list[str] | None = None

    announcements: int = 0
    attention_shard: str | None = None
    attention_at: int | None = None
    # By it operators find the jobs that ended last; of a hidden job it is gone.
    finished_shard: str | None = None

    @property
    def finished(self) -> bool:
        """True when no more work will be done unless someone asks for it."""
        return self.job_status in FINISHED

    def kept(self, now: float) -> bool:
        """True while an operator's word keeps the result out of the archive."""
        return self.keep_until is not None and now < self.keep_until


@dataclass(frozen=True)
class Outcome:
    """What a successful attempt leaves on the item: where its files are and what became of the records.

    `s3_key_table_file` None: the site has the table made when somebody wants to explore the result.
    """

    s3_results_bucket: str
    s3_key_result_file: str
    s3_key_index_file: str
    s3_key_log_file: str
    s3_key_receipt_file: str
    s3_key_summary_file: str
    result_size: int
    records_read: int
    records_annotated: int
    records_passed: int
    records_rejected: int
    s3_key_table_file: str | None = None


# Attributes with the keys of the files that hold variants: they leave S3 together. Log, receipt and summary stay.
RESULT_KEYS = ("s3_key_result_file", "s3_key_index_file", "s3_key_table_file")


def result_keys(job: Job) -> dict[str, str]:
    """The keys of the job's result files in the results bucket, by attribute."""
    return {name: key for name in RESULT_KEYS if (key := getattr(job, name)) is not None}


_NAMES = frozenset(field.name for field in fields(Job))


def to_item(job: Job) -> dict[str, Any]:
    """The attributes to store; those that are None stay absent."""
    return {field.name: value for field in fields(job) if (value := getattr(job, field.name)) is not None}


def from_item(item: dict[str, Any]) -> Job:
    """A stored item as a job. Attributes that this version does not know are left alone: a newer one wrote them."""
    known: dict[str, Any] = {name: value for name, value in item.items() if name in _NAMES}
    known["job_status"] = JobStatus(known["job_status"])
    if known.get("result_tier"):
        known["result_tier"] = ResultTier(known["result_tier"])
    return Job(**known)
