"""What becomes of a free user's result: the window ends, the archive takes it, a subscription brings it back."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.local.site import VisitFailed, Visitor
from scripts.local.stack import Stack

# Five minutes and the vault's times, shortened so that the whole life takes about half a minute.
SHORT_TIMES = {
    "GAS_FREE_WINDOW": "8",
    "GAS_OUTBOX_SECONDS": "5",
    "GAS_SWEEP_SECONDS": "1",
    "AWS_STANDIN_EXPEDITED_SECONDS": "4",
    "AWS_STANDIN_RESTORE_EXPEDITED_SECONDS": "4",
}
PATIENCE_SECONDS = 120
Step = Callable[[str], Any]


class LifeFailed(Exception):
    """The result was not where it had to be; says what was seen."""


def follow(stack: Stack, visitor: Visitor, job_id: str, first: Path, step: Step) -> None:
    """Follow the result through all its states. Raises LifeFailed where it is not what was downloaded at first."""
    with step("the free user's window ends: no download any more"):
        _await(lambda: _access(visitor, job_id) == "expired", "the window to end")
        _refused(visitor, job_id, first)
    with step("archived: nothing of it is left in S3"):
        _await(lambda: _tier(stack, job_id) == "ARCHIVED" and not _in_s3(stack, job_id), "the archiver")
    with step("subscribe"):
        visitor.post("/subscribe", {})
    with step("restoring, as the page says"):
        _await(lambda: _access(visitor, job_id) == "restoring", "the page to say that it is restored")
        _refused(visitor, job_id, first)
    with step("restored, and the page has the link again"):
        _await(lambda: _access(visitor, job_id) == "open", "the result to come back")
    again = visitor.download(job_id, "result", first.with_name("restored.vcf.gz"))
    if _digest(again) != _digest(first):
        raise LifeFailed("what came back from the archive is not what went in.")
    print(f"  byte-identical: sha256 {_digest(again)}", flush=True)


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise LifeFailed(f"waited {PATIENCE_SECONDS} seconds for {what}.")
        time.sleep(0.2)


def _access(visitor: Visitor, job_id: str) -> str:
    return str(visitor.status(job_id)["job"]["result"]["access"])


def _refused(visitor: Visitor, job_id: str, near: Path) -> None:
    try:
        visitor.download(job_id, "result", near.with_name("not-now.vcf.gz"))
    except VisitFailed:
        return
    raise LifeFailed("the result could be downloaded when it should not.")


def _item(stack: Stack, job_id: str) -> dict[str, Any]:
    table = f"{stack.env.get('GAS_NAME_PREFIX', 'gas')}-annotations"
    answer = stack.client("dynamodb").get_item(TableName=table, Key={"job_id": {"S": job_id}}, ConsistentRead=True)
    return {name: next(iter(value.values())) for name, value in answer["Item"].items()}


def _tier(stack: Stack, job_id: str) -> str:
    return str(_item(stack, job_id).get("result_tier"))


def _in_s3(stack: Stack, job_id: str) -> bool:
    item = _item(stack, job_id)
    listed = stack.client("s3").list_object_versions(
        Bucket=item["s3_results_bucket"], Prefix=item["s3_key_result_file"]
    )
    return bool(listed.get("Versions") or listed.get("DeleteMarkers"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
