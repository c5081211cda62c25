"""What an attempt left behind for people: the receipt and the log, read from the results bucket."""

import json
from dataclasses import dataclass
from typing import Any

from gas.job import Job
from gas.storage import ObjectMissing, Storage
from gas.telemetry import logger

# A receipt lists at most a thousand rejected records; a few hundred kilobytes at the very most.
MAX_RECEIPT_BYTES = 4 * 1024 * 1024
SHOWN_REJECTS = 20

log = logger(__name__)


@dataclass(frozen=True)
class Account:
    """What the page shows of a receipt; pairs are (name, number or version), the larger numbers first."""

    passed: list[tuple[str, int]]
    rejected: list[tuple[str, int]]
    rejects: list[tuple[int, str]]
    notes: list[str]
    bundle: str
    assembly: str
    sources: list[tuple[str, str]]
    software: list[tuple[str, str]]
    seconds: list[tuple[str, float]]
    input_sha256: str
    result_sha256: str


def read(storage: Storage, job: Job) -> dict[str, Any] | None:
    """The job's receipt, or None when there is none (yet)."""
    raw = start_of(storage, job.s3_results_bucket, job.s3_key_receipt_file, MAX_RECEIPT_BYTES)
    if raw is None:
        return None
    try:
        receipt = json.loads(raw)
    except ValueError:
        receipt = None
    if not isinstance(receipt, dict):
        log.error("receipt_unreadable", job_id=job.job_id, key=job.s3_key_receipt_file)
        return None
    return receipt


def account(receipt: dict[str, Any] | None) -> Account | None:
    """The receipt in the shape of the page; what an older receipt lacks stays empty, one of no known shape is None."""
    if receipt is None:
        return None
    try:
        records, bundle = receipt.get("records", {}), receipt.get("bundle", {})
        return Account(
            passed=_largest(records.get("passed", {})),
            rejected=_largest(records.get("rejected", {})),
            rejects=[(reject["line"], reject["reason"]) for reject in receipt.get("rejects", [])[:SHOWN_REJECTS]],
            notes=[str(note) for note in receipt.get("notes", [])],
            bundle=str(bundle.get("name", "")),
            assembly=str(bundle.get("assembly", "")),
            sources=[(str(s.get("name", "")), str(s.get("version") or "")) for s in bundle.get("sources", [])],
            software=[(str(name), str(version)) for name, version in receipt.get("software", {}).items()],
            seconds=[(str(stage), float(seconds)) for stage, seconds in receipt.get("seconds", {}).items()],
            input_sha256=str(receipt.get("input", {}).get("sha256", "")),
            result_sha256=str(receipt.get("result", {}).get("sha256", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        log.exception("receipt_of_unknown_shape")
        return None


def log_text(storage: Storage, job: Job, limit: int) -> tuple[str | None, bool]:
    """The first `limit` bytes of the job's log as text, and whether that is all. (None, True) when there is no log."""
    raw = start_of(storage, job.s3_results_bucket, job.s3_key_log_file, limit + 1)
    if raw is None:
        return None, True
    return raw[:limit].decode("utf-8", "replace"), len(raw) <= limit


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((str(name), int(count)) for name, count in counts.items()), key=lambda pair: (-pair[1], pair[0]))


def start_of(storage: Storage, bucket: str | None, key: str | None, limit: int) -> bytes | None:
    """The first `limit` bytes of an object, None where there is none."""
    if bucket is None or key is None:
        return None
    try:
        return b"".join(storage.stream(bucket, key, length=limit))
    except ObjectMissing:
        return None
