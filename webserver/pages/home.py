"""The front page: what GAS is and for whom."""

import bottle

from webserver.web import Route, Visit


def home(visit: Visit) -> bottle.HTTPResponse:
    """For everyone."""
    settings = visit.services.settings
    data = {
        "service": "GAS, the Genomics Annotation Service",
        "bundle": settings.bundle,
        "free_size_limit": settings.free_size_limit,
        "free_window": settings.free_window,
        "signed_in": visit.user is not None,
    }
    signed_out = visit.query("done") == "signed-out" and visit.user is None
    return visit.page("home.html", data, signed_out=signed_out)


def globus_logout(visit: Visit) -> bottle.HTTPResponse:
    """On to Globus's own sign-out; changes nothing here."""
    return visit.redirect(visit.services.globus.logout_url())


ROUTES = (Route("GET", "/", home, signed_in=False), Route("GET", "/logout/globus", globus_logout, signed_in=False))
