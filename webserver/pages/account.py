"""Profile and subscription."""

import bottle

from gas import submissions
from gas.users import Role
from webserver.problems import Link, Problem
from webserver.web import Route, Visit

MAX_INSTITUTION_LETTERS = 200


def profile(visit: Visit) -> bottle.HTTPResponse:
    """Who GAS takes the user for."""
    user = visit.member
    data = {
        "user_id": user.user_id,
        "name": user.name,
        "email": user.email,
        "institution": user.institution,
        "role": str(user.role),
        "member_since": user.created_time,
    }
    return visit.page("profile.html", data, done=visit.query("done"))


def update_profile(visit: Visit) -> bottle.HTTPResponse:
    """Change the institution, the one field that is the user's and not Globus's."""
    institution = " ".join(visit.form("institution").split())
    if len(institution) > MAX_INSTITUTION_LETTERS or not institution.isprintable():
        raise Problem(
            400,
            f"The institution must be plain text of at most {MAX_INSTITUTION_LETTERS} characters.",
            link=Link("/profile", "Back to your profile"),
        )
    visit.services.users.set_institution(visit.member.user_id, institution)
    return visit.done({"institution": institution}, "/profile?done=saved")


def subscription(visit: Visit) -> bottle.HTTPResponse:
    """What each role means, and the button that changes it."""
    settings = visit.services.settings
    data = {
        "role": str(visit.member.role),
        "free_size_limit": settings.free_size_limit,
        "premium_size_limit": settings.premium_size_limit,
        "free_window": settings.free_window,
    }
    return visit.page("subscription.html", data, done=visit.query("done"))


def subscribe(visit: Visit) -> bottle.HTTPResponse:
    """Become a premium user; archived results come back. A repeat changes nothing."""
    return _become(visit, Role.PREMIUM, "subscribed")


def unsubscribe(visit: Visit) -> bottle.HTTPResponse:
    """Become a free user again. A repeat changes nothing."""
    return _become(visit, Role.FREE, "unsubscribed")


def _become(visit: Visit, role: Role, done: str) -> bottle.HTTPResponse:
    services = visit.services
    user = submissions.set_role(services.users, services.announcer, visit.member.user_id, role)
    return visit.done({"role": str(user.role)}, f"/subscribe?done={done}")


ROUTES = (
    Route("GET", "/profile", profile),
    Route("POST", "/profile", update_profile),
    Route("GET", "/subscribe", subscription),
    Route("POST", "/subscribe", subscribe),
    Route("GET", "/unsubscribe", subscription),
    Route("POST", "/unsubscribe", unsubscribe),
)
