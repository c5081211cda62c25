"""The operator's page: queues, jobs, hosts and use, and dead letters back into their queue. For admins only."""

import bottle

from gas import topology
from gas.admin.redrive import Move, Moving, Redrive
from gas.telemetry import logger
from webserver.problems import Link, Problem, not_found
from webserver.web import Route, Visit

HERE = "/operator"
QUEUE = f"{HERE}/queues/<queue:re:[a-z]+(?:-[a-z]+)*>"
# Ten requests at most; `gas admin redrive --look` looks at more.
MOST_LOOKED_AT = 100

log = logger(__name__)


def index(visit: Visit) -> bottle.HTTPResponse:
    """What goes on: the numbers are at most half a minute old."""
    settings = visit.services.settings
    data = {**visit.services.overview.get(), "dashboard": dashboard(settings.region, settings.name_prefix)}
    return visit.page("operator.html", data)


def dashboard(region: str, name: str) -> str:
    """CloudWatch's dashboard that Terraform makes, with the same numbers over time: its output `dashboard_url`."""
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{name}"


def queue(visit: Visit, queue: str) -> bottle.HTTPResponse:
    """One queue's dead letters: why they are there, and how far their way back is."""
    redrive = _redrive(visit, queue)
    found = redrive.look(MOST_LOOKED_AT)
    data = {
        "queue": queue,
        "dead_letters": found.count,
        "reasons": [{"reason": reason, "count": count} for reason, count in found.reasons.most_common()],
        "not_looked_at": max(found.count - found.reasons.total(), 0),
        "move": _described(redrive.newest()),
    }
    return visit.page("operator_queue.html", data, done=visit.query("done"))


def move(visit: Visit, queue: str) -> bottle.HTTPResponse:
    """Have SQS move a queue's dead letters back into it. While it does, another try is refused."""
    redrive = _redrive(visit, queue)
    try:
        redrive.begin()
    except Moving as error:
        link = Link(f"{HERE}/queues/{queue}", "See how far it is")
        raise Problem(409, str(error), title="Not possible now", code="conflict", link=link) from error
    log.warning("dead_letters_moved", queue=queue, user_id=visit.member.user_id, reference=visit.reference)
    visit.services.overview.forget()
    return visit.done({"queue": queue, "moving": True}, f"{HERE}/queues/{queue}?done=moving", 202)


def _redrive(visit: Visit, queue: str) -> Redrive:
    if queue not in topology.load().queues:
        raise not_found()
    return Redrive.of(visit.services.operators.client("sqs"), visit.services.settings.name_prefix, queue)


def _described(newest: Move | None) -> dict[str, object] | None:
    if newest is None:
        return None
    return {
        "status": newest.status,
        "moved": newest.moved,
        "to_move": newest.to_move,
        "begun": int(newest.begun),
        "failure": newest.failure,
    }


ROUTES = (
    Route("GET", HERE, index, admin=True),
    Route("GET", QUEUE, queue, admin=True),
    Route("POST", f"{QUEUE}/redrive", move, admin=True),
)
