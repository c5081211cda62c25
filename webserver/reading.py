"""Who may read a job: its owner, and whoever holds a link to it. Every view of one job begins here."""

from dataclasses import dataclass

from gas.items import Conflict
from gas.job import Job
from gas.shares import Share, share_id_of
from gas.users import User
from webserver.problems import Problem, not_found
from webserver.security import network_of
from webserver.web import Visit

JOB = "/annotations/<job_id:re:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}>"


@dataclass(frozen=True)
class Reading:
    """A job that this visit may read. `owner`: whose role says whether the result can be had; `here`: its page.

    `share` is the link by which it is read, None for the owner, who alone may change anything.
    """

    job: Job
    owner: User
    here: str
    share: Share | None = None


def readable(visit: Visit, what: str | None, job_id: str | None = None, share_id: str | None = None) -> Reading:
    """The job that the address names: by `job_id` for its owner, by `share_id` for whoever has that link's token.

    `what` names what is about to be seen, for the link's audit list; None: nothing worth a line. Raises the 404
    problem for any other job, and the same for a link that is unknown, revoked or over.
    """
    if job_id is not None:
        return Reading(owned_job(visit, job_id), visit.member, f"/annotations/{job_id}")
    return _shared(visit, what, share_id or "")


def owned_job(visit: Visit, job_id: str) -> Job:
    """The user's own job, for what only its owner may do. Raises the 404 problem for any other."""
    job = visit.services.jobs.owned(job_id, visit.member.user_id)
    if job is None:
        raise not_found()
    return job


def job_path(job: Job) -> str:
    """The page of a job for its owner."""
    return f"/annotations/{job.job_id}"


def shared_path(share: Share) -> str:
    """The page of a job for whoever has the link."""
    return f"/shared/{share.share_id}"


def _shared(visit: Visit, what: str | None, share_id: str) -> Reading:
    services = visit.services
    token = visit.request.get_cookie(services.cookies.shared) or ""
    share = services.shares.holding(share_id) if share_id_of(token) == share_id else None
    job = services.jobs.get(share.job_id) if share else None
    owner = services.users.get(share.user_id) if share else None
    if share is None or job is None or job.delete_time is not None or owner is None or owner.delete_time is not None:
        raise not_found()
    if what is not None:
        share = _noted(visit, share, what)
    return Reading(job, owner, shared_path(share), share)


def _noted(visit: Visit, share: Share, what: str) -> Share:
    environ = visit.request.environ
    network = network_of(environ.get("HTTP_X_FORWARDED_FOR", ""), environ.get("REMOTE_ADDR", ""))
    try:
        used = visit.services.shares.use(share, what, network)
    except Conflict:
        raise Problem(
            503, "Very many people use this link at this moment. Try again.", headers={"Retry-After": "2"}
        ) from None
    if used is None:
        raise not_found()
    return used
