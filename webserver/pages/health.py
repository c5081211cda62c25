"""For load balancers and operators: does the process live, and do the things that it needs answer."""

import bottle

from webserver import probes
from webserver.web import Route, Visit


def healthz(visit: Visit) -> bottle.HTTPResponse:
    """The process answers. Nothing else is asked, so that a dependency's fault does not end healthy processes."""
    return visit.json({"status": "ok"})


def readyz(visit: Visit) -> bottle.HTTPResponse:
    """200 when every dependency answers within its short time limit, else 503 with the names of those that do not."""
    found = probes.ask(visit.services.probes)
    ready = all(found.values())
    data = {
        "status": "ok" if ready else "not ready",
        "dependencies": {name: "ok" if good else "not usable" for name, good in found.items()},
    }
    return visit.json(data, 200 if ready else 503)


ROUTES = (
    Route("GET", "/healthz", healthz, signed_in=False),
    Route("GET", "/readyz", readyz, signed_in=False),
)
