"""Where one job stands, and where each of its files is."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gas.archives import ArchiveStore
from gas.filenames import printable
from gas.job import Job, ResultTier
from gas.storage import Storage
from gas.tiers import archive_of
from gas.users import User

FILES = {
    "result": "s3_key_result_file",
    "index": "s3_key_index_file",
    "table": "s3_key_table_file",
    "log": "s3_key_log_file",
    "receipt": "s3_key_receipt_file",
    "summary": "s3_key_summary_file",
}
TIMES = ("submit_time", "start_time", "complete_time", "mail_time", "keep_until", "delete_time")


@dataclass(frozen=True)
class Place:
    """One file. `exists` None: only a vault's inventory would tell."""

    what: str
    at: str
    exists: bool | None
    size: int | None = None


def where(
    job: Job, owner: User | None, storage: Storage, archives: ArchiveStore, vault: bool, now: int
) -> dict[str, Any]:
    """What is known of the job, for people and programs. Times in epoch seconds, sizes in bytes.

    `vault`: archives are in one, so that nobody can see at once whether one exists.
    """
    lapses = job.lease_until
    return {
        "job_id": job.job_id,
        "user_id": job.user_id,
        "role": str(owner.role) if owner else None,
        "input_file_name": job.input_file_name,
        "job_status": str(job.job_status),
        "attempt": job.attempt,
        "result_tier": str(job.result_tier) if job.result_tier else None,
        "lease": {"owner": job.lease_owner, "until": lapses, "lapsed": (lapses or 0) <= now}
        if job.lease_owner
        else None,
        "times": {name: getattr(job, name) for name in TIMES if getattr(job, name) is not None},
        "files": [asdict(place) for place in _files(job, storage, vault)],
        "retrieval": _retrieval(job, archives),
        "attention_at": job.attention_at,
        "error": {"message": job.error_message, "reference": job.error_reference} if job.error_message else None,
    }


def _files(job: Job, storage: Storage, vault: bool) -> Iterator[Place]:
    yield _object(storage, "input", job.s3_inputs_bucket, job.s3_key_input_file, job.input_version)
    for what, attribute in FILES.items():
        key = getattr(job, attribute)
        if key is not None and job.s3_results_bucket is not None:
            yield _object(storage, what, job.s3_results_bucket, key)
    for what, archive_id in {"archive": job.results_file_archive_id, "stale archive": job.stale_archive_id}.items():
        if archive_id is not None and vault:
            yield Place(what, f"vault: {archive_id}", None, job.archive_size)
        elif archive_id is not None:
            yield _object(storage, what, storage.results_bucket, archive_id)


def _object(storage: Storage, what: str, bucket: str, key: str, version: str | None = None) -> Place:
    found = storage.head(bucket, key, version)
    return Place(what, f"s3://{bucket}/{key}", found is not None, found.size if found else None)


def _retrieval(job: Job, archives: ArchiveStore) -> dict[str, Any] | None:
    if job.retrieval_id is None or job.result_tier is not ResultTier.RESTORING:
        return None
    return {
        "id": job.retrieval_id,
        "tier": job.retrieval_tier,
        "expected": job.retrieval_due,
        "progress": str(archives.status(archive_of(job), job.retrieval_id)),
    }


def table(found: dict[str, Any], now: int) -> Iterator[str]:
    """The same, line by line for people."""
    lease, retrieval, error = found["lease"], found["retrieval"], found["error"]
    rows = {
        "Job": found["job_id"],
        "Owner": f"{found['user_id']} ({found['role'] or 'no such user'})",
        "File": printable(found["input_file_name"]),
        "Status": f"{found['job_status']}, attempt {found['attempt']}",
        "Tier": found["result_tier"] or "none",
        "Lease": f"{lease['owner']}, {'lapsed' if lease['lapsed'] else 'until'} {moment(lease['until'], now)}"
        if lease
        else "none",
        **{name.replace("_", " ").capitalize(): moment(at, now) for name, at in found["times"].items()},
        "Retrieval": f"{retrieval['progress']}, {retrieval['tier']}, expected {moment(retrieval['expected'], now)}"
        if retrieval
        else "none",
        "Looked at": moment(found["attention_at"], now) if found["attention_at"] is not None else "no need",
    }
    if error:
        rows["Error"] = f"{error['message']} ({error['reference'] or 'no reference'})"
    for name, text in rows.items():
        yield f"{name:<14} {text}"
    yield ""
    away = found["result_tier"] in (ResultTier.ARCHIVED, ResultTier.RESTORING)
    for place in found["files"]:
        state = {True: "there", False: "NOT THERE", None: "see verify"}[place["exists"]]
        if away and place["what"] in ("result", "index", "table") and not place["exists"]:
            state = "archived"
        size = f"{place['size']:,} bytes" if place["size"] is not None else ""
        yield f"{place['what']:<14} {state:<11} {size:>22}  {place['at']}"


def moment(at: int | None, now: int) -> str:
    """A time and how far it is: `2026-11-25 18:30:00 UTC (in 90 s)`."""
    if at is None:
        return "unknown"
    far = at - now
    away = f"in {far:,} s" if far >= 0 else f"{-far:,} s ago"
    return f"{datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%d %H:%M:%S UTC')} ({away})"
