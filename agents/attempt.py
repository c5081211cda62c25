"""One attempt at one job: S3 → scratch disk → annotation in a child → S3, all under the attempt's own keys."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agents import child, lease
from gas.config import Settings
from gas.effects import effect
from gas.filenames import printable
from gas.jobs import Job, JobStore, Outcome
from gas.queues import Delivery
from gas.storage import Storage, result_key
from gas.telemetry import logger

log = logger(__name__)

CONTENT_TYPES = {
    ".gz": "application/gzip",
    ".tbi": "application/octet-stream",
    ".csi": "application/octet-stream",
    ".log": "text/plain; charset=utf-8",
    ".json": "application/json",
}


def work(
    settings: Settings,
    storage: Storage,
    mine: Job,
    held: lease.Lease,
    delivery: Delivery,
    program: Sequence[str] = child.PROGRAM,
) -> Outcome:
    """Annotate the input of a claimed job; nothing of it counts until the caller commits the outcome.

    Raises `storage.ObjectMissing` or `ObjectChanged` when the input is not what was submitted, `child.Refused`
    when it cannot be annotated, `child.ChildFailed` for our own faults, `child.Stopped` or `lease.LeaseLost` when
    the work has to end early.
    """
    with scratch(settings.scratch_dir, mine.job_id) as folder:
        files = child.Files(folder, printable(mine.input_file_name))

        def check() -> None:
            held.check()
            if delivery.abandon.is_set():
                raise child.Stopped

        storage.download(
            mine.s3_inputs_bucket, mine.s3_key_input_file, files.input, mine.input_version, mine.input_etag, check
        )
        check()
        child.annotate(settings, files, mine.bundle, held.report, delivery.abandon, held.lost, program=program)
        return _upload(storage, mine, files, check)


def discard(jobs: JobStore, storage: Storage, mine: Job) -> None:
    """Remove what an attempt has written, unless it became the result after all: an answer may have been lost."""
    job = jobs.get(mine.job_id)
    ours = result_key(mine.user_id, mine.job_id, mine.attempt, child.Files(Path()).result.name)
    if job is None or (job.s3_key_result_file != ours and job.lease_owner != mine.lease_owner):
        storage.delete_attempt(mine.user_id, mine.job_id, mine.attempt)


def _upload(storage: Storage, mine: Job, files: child.Files, check: Callable[[], None]) -> Outcome:
    bucket = storage.results_bucket
    sizes: dict[Path, int] = {}
    keys: dict[Path, str] = {}
    for path in (files.result, files.index, files.log, files.receipt, files.summary):
        check()
        keys[path] = result_key(mine.user_id, mine.job_id, mine.attempt, path.name)
        with effect("annotator.upload"):
            sizes[path] = storage.upload(path, bucket, keys[path], CONTENT_TYPES[path.suffix], check).size
    records = json.loads(files.receipt.read_text("utf-8"))["records"]
    return Outcome(
        s3_results_bucket=bucket,
        s3_key_result_file=keys[files.result],
        s3_key_index_file=keys[files.index],
        s3_key_log_file=keys[files.log],
        s3_key_receipt_file=keys[files.receipt],
        s3_key_summary_file=keys[files.summary],
        result_size=sizes[files.result],
        records_read=records["read"],
        records_annotated=records["annotated"],
        records_passed=sum(records["passed"].values()),
        records_rejected=sum(records["rejected"].values()),
    )


@contextmanager
def scratch(parent: Path, job_id: str) -> Iterator[Path]:
    """A folder for one attempt, named after this process so that what a killed one leaves can be told apart."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{os.getpid()}-{job_id}-") as folder:
        yield Path(folder)


def in_hand(parent: Path) -> list[str]:
    """The folders of the attempts that processes of this host work at now."""
    return [folder.name for folder in parent.glob("*-*") if _lives(folder)]


def sweep_scratch(parent: Path) -> None:
    """Remove the folders of processes that are no more; a killed annotator cannot do it itself."""
    for folder in parent.glob("*-*"):
        if folder.name.split("-", 1)[0].isdigit() and not _lives(folder):
            log.info("scratch_removed", folder=folder.name)
            shutil.rmtree(folder, ignore_errors=True)


def _lives(folder: Path) -> bool:
    owner = folder.name.split("-", 1)[0]
    if not owner.isdigit():
        return False
    try:
        # Not /proc, where a host may hide the processes that `hide_from_peers` has hidden from each other.
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
