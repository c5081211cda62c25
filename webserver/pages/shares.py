"""A job's links, for its owner: made, listed with who used them, revoked."""

from dataclasses import asdict
from typing import Any

import bottle

from gas.items import Conflict
from gas.job import JobStatus
from gas.shares import DAYS, MOST_LINKS, Share, TooManyLinks
from webserver.problems import Link, Problem, moved_on, not_found
from webserver.reading import JOB, job_path, owned_job
from webserver.web import Route, Visit

MAX_NOTE_LETTERS = 100
# What follows "#" stays in the browser: it is in no request's address, no log and no Referer header.
ENTRANCE = "/shared"


def index(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """The job's links, newest first, each with its audit list."""
    return visit.page("shares.html", _data(visit, job_id), made=None, done=visit.query("done"))


def create(visit: Visit, job_id: str) -> bottle.HTTPResponse:
    """Make a link. Its address is in this answer and nowhere else."""
    job = owned_job(visit, job_id)
    back = Link(f"{job_path(job)}/shares", "The links")
    days, note = visit.form("days"), " ".join(visit.form("note").split())
    if days not in map(str, DAYS):
        raise Problem(400, f"A link holds for {DAYS[0]}, {DAYS[1]} or {DAYS[2]} days: choose one of them.", link=back)
    if len(note) > MAX_NOTE_LETTERS or not note.isprintable():
        raise Problem(400, f"The note must be plain text of at most {MAX_NOTE_LETTERS} characters.", link=back)
    if job.job_status is not JobStatus.COMPLETED:
        raise moved_on("Only a completed job can be shared.", job_path(job))
    try:
        share, token = visit.services.shares.create(job, int(days), note)
    except TooManyLinks:
        why = f"This job has {MOST_LINKS} links that hold, which is the most. Revoke one that is not needed."
        raise Problem(409, why, code="conflict", link=back) from None
    except Conflict as error:
        raise moved_on("The job has changed meanwhile. No link was made.", job_path(job)) from error
    url = f"{visit.services.settings.site_url}{ENTRANCE}#{token}"
    if visit.wants_json:
        return visit.json({"share": _described(visit, share), "url": url}, 201)
    return visit.page("shares.html", _data(visit, job_id), made=url, done=None)


def revoke(visit: Visit, job_id: str, share_id: str) -> bottle.HTTPResponse:
    """End a link now; a repeat changes nothing."""
    job = owned_job(visit, job_id)
    share = visit.services.shares.get(share_id)
    if share is None or share.job_id != job.job_id:
        raise not_found()
    visit.services.shares.revoke(share)
    return visit.done({"share_id": share_id, "state": "revoked"}, f"{job_path(job)}/shares?done=revoked")


def _data(visit: Visit, job_id: str) -> dict[str, Any]:
    # Read after a link was made, so that it is among them.
    job = owned_job(visit, job_id)
    links = visit.services.shares.of_job(job)
    return {
        "job_id": job.job_id,
        "input_file_name": job.input_file_name,
        "can_share": job.job_status is JobStatus.COMPLETED,
        "shares": [_described(visit, share) for share in reversed(links)],
    }


def _described(visit: Visit, share: Share) -> dict[str, Any]:
    return {
        "share_id": share.share_id,
        "note": share.note,
        "state": str(share.state(visit.services.clock())),
        "created_time": share.created_time,
        "expires_at": share.expires_at,
        "revoked_time": share.revoked_time,
        "uses": share.uses,
        "last_used": share.last_used,
        "looks": [asdict(look) for look in reversed(share.looks)],
    }


SHARES = f"{JOB}/shares"
ROUTES = (
    Route("GET", SHARES, index),
    Route("POST", SHARES, create),
    Route("POST", f"{SHARES}/<share_id:re:[0-9a-f]{{64}}>/revoke", revoke),
)
