"""A user's jobs: the list, one job with its live status, its log, and what can be done with it."""

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import bottle

from gas import submissions
from gas.items import Conflict
from gas.job import Job, JobStatus
from gas.users import User
from webserver import receipts, summaries, words
from webserver.pictures import pictures
from webserver.problems import Problem, moved_on
from webserver.reading import JOB, Reading, job_path, owned_job, readable
from webserver.results import Access, availability
from webserver.web import Route, Visit

PAGE_JOBS = 20
MAX_PAGE_JOBS = 100
# A log is a few kilobytes unless thousands of records were rejected; the rest of a longer one is in the download.
MAX_LOG_BYTES = 512 * 1024

T = TypeVar("T")
_CURSOR = re.compile(r"([0-9]{1,12})\.([0-9a-f-]{36})")


def describe(visit: Visit, job: Job, owner: User) -> dict[str, Any]:
    """A job as JSON says it. Times in epoch seconds, sizes in bytes."""
    found = availability(job, owner, visit.services.settings.free_window, visit.services.clock())
    return {
        "job_id": job.job_id,
        "input_file_name": job.input_file_name,
        "input_size": job.input_size,
        "status": str(job.job_status),
        "submit_time": job.submit_time,
        "start_time": job.start_time,
        "complete_time": job.complete_time,
        "bundle": job.bundle,
        "progress": {"done": job.progress_done, "total": job.progress_total},
        "records": {
            "read": job.records_read,
            "annotated": job.records_annotated,
            "passed": job.records_passed,
            "rejected": job.records_rejected,
        },
        "result": {
            "access": str(found.access),
            "until": found.until,
            "size": job.result_size,
            "expected": job.retrieval_due if found.access is Access.RESTORING else None,
        },
        "error": {"message": job.error_message, "reference": job.error_reference} if job.error_message else None,
    }


def index(visit: Visit) -> bottle.HTTPResponse:
    """The user's jobs, newest first, a page at a time; `status` filters, `after` is the previous page's `next`."""
    wanted = _status(visit.query("status"))
    jobs, following = page_of(visit, visit.query("limit"), visit.query("after"), wanted)
    data = {
        "jobs": [describe(visit, job, visit.member) for job in jobs],
        "status": str(wanted) if wanted else None,
        "next": following,
    }
    return visit.page(
        "annotations.html",
        data,
        statuses=list(JobStatus),
        live=any(not job.finished for job in jobs),
        later=visit.query("after") is not None,
        done=visit.query("done"),
        gone=words.deletion((visit.query("goes") or "").split("."), visit.query("minutes")),
    )


def page_of(
    visit: Visit, limit: str | None, after: str | None, wanted: JobStatus | None = None
) -> tuple[list[Job], str | None]:
    """One page of the user's jobs, newest first, and what `after` takes for the next; None on the last."""
    jobs, cursor = visit.services.jobs.page(visit.member.user_id, _limit(limit), _cursor(after), wanted)
    return jobs, f"{cursor['submit_time']}.{cursor['job_id']}" if cursor else None


def show(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """One job: status, receipt, downloads, actions."""
    reading = readable(visit, "page", **address)
    data = _live(visit, reading)
    return visit.page("annotation.html", data, **_told(visit, reading, data), done=visit.query("done"))


def status(visit: Visit, **address: str) -> bottle.HTTPResponse:
    """The part of a job's page that changes: an HTML fragment for the page itself, JSON for programs."""
    reading = readable(visit, None, **address)
    data = _live(visit, reading)
    return visit.page("annotation_live.html", data, **_told(visit, reading, data))


def log(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """The job's log. It holds line numbers and reasons, no variants, and stays readable for ever."""
    job = owned_job(visit, job_id)
    text, whole = receipts.log_text(visit.services.storage, job, MAX_LOG_BYTES)
    data = {"job": describe(visit, job, visit.member), "log": text, "complete": whole}
    return visit.page("log.html", data)


def cancel(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """Stop a job that is not finished."""
    job = owned_job(visit, job_id)
    _change(job, visit.services.jobs.cancel, "This job is finished already, so there is nothing to cancel.")
    return visit.done({"job_id": job_id, "status": str(JobStatus.CANCELLED)}, f"{job_path(job)}?done=cancelled")


def retry(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """Begin a failed job anew."""
    services = visit.services
    job = owned_job(visit, job_id)
    _change(
        job,
        lambda job_id: submissions.retry(services.jobs, services.announcer, job_id),
        "Only a job that has failed can be tried again.",
    )
    return visit.done({"job_id": job_id, "status": str(JobStatus.PENDING)}, f"{job_path(job)}?done=retried")


def delete(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """Delete a finished job with everything that belongs to it, for ever. The receipt says what that is."""
    services = visit.services
    job = owned_job(visit, job_id)
    receipt = _change(
        job,
        lambda job_id: submissions.delete(services.jobs, services.shares, services.storage, job_id),
        "A job that is still under way must be cancelled before it can be deleted.",
    )
    gone_by = None if receipt.rest_from is None else receipt.rest_from + math.ceil(services.settings.sweep_seconds)
    left = "" if gone_by is None else f"&minutes={math.ceil(max(gone_by - services.clock(), 1) / 60)}"
    data = {"job_id": job_id, "deleted": True, "goes": list(receipt.goes), "gone_by": gone_by}
    return visit.done(data, f"/annotations?done=deleted&goes={'.'.join(receipt.goes)}{left}")


def _live(visit: Visit, reading: Reading) -> dict[str, Any]:
    job, own = reading.job, reading.share is None
    waiting = job.job_status is JobStatus.PENDING
    described = describe(visit, job, reading.owner)
    return {
        "job": described,
        "queue_position": visit.services.jobs.waiting_before(job) + 1 if waiting else None,
        "receipt": receipts.read(visit.services.storage, job) if job.job_status is JobStatus.COMPLETED else None,
        "files": {"log": own and job.s3_key_log_file is not None, "input": own},
        "can": {
            "cancel": own and not job.finished,
            "retry": own and job.job_status is JobStatus.FAILED,
            "delete": own and job.finished,
            "share": own and job.job_status is JobStatus.COMPLETED,
            "download": described["result"]["access"] == Access.OPEN,
        },
    }


def _told(visit: Visit, reading: Reading, data: dict[str, Any]) -> dict[str, Any]:
    """The receipt and the pictures as the page shows them."""
    if visit.wants_json:
        return {}
    variants = f"{reading.here}/variants" if data["can"]["download"] else ""
    drawn = pictures(summaries.read(visit.services.storage, reading.job), variants)
    return {"account": receipts.account(data["receipt"]), "pictures": drawn, "reading": reading}


def _change(job: Job, action: Callable[[str], T], why_not: str) -> T:
    try:
        return action(job.job_id)
    except Conflict as error:
        raise moved_on(why_not, job_path(job)) from error


def _status(text: str | None) -> JobStatus | None:
    if not text:
        return None
    try:
        return JobStatus(text)
    except ValueError as error:
        raise Problem(400, f"There is no status {text!r}; there are {', '.join(JobStatus)}.") from error


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE_JOBS
    if not text.isdecimal() or not 1 <= int(text[:4]) <= MAX_PAGE_JOBS:
        raise Problem(400, f"`limit` must be a number from 1 to {MAX_PAGE_JOBS}.")
    return int(text[:4])


def _cursor(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise Problem(400, "`after` must be the `next` of an earlier page.")
    return {"submit_time": int(parts[1]), "job_id": parts[2]}


ROUTES = (
    Route("GET", "/annotations", index),
    Route("GET", JOB, show),
    Route("GET", f"{JOB}/status", status),
    Route("GET", f"{JOB}/log", log),
    Route("POST", f"{JOB}/cancel", cancel),
    Route("POST", f"{JOB}/retry", retry),
    Route("POST", f"{JOB}/delete", delete),
)
