"""Profile and subscription."""

import bottle

from gas import erasure, submissions
from gas.users import INDEX_LAG_SECONDS, Role
from webserver.pages.sign_in import end_session, forget_session
from webserver.problems import Link, Problem
from webserver.web import Route, Visit

MAX_INSTITUTION_LETTERS = 200
# What must be typed, so that no slip deletes an account.
CONFIRMATION = "delete"
# Until the index is sure to show every job, and the sweeper has looked once more.
DELETION_MINUTES = INDEX_LAG_SECONDS // 60 + 1


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


def delete(visit: Visit) -> bottle.HTTPResponse:
    """Close the account for ever and end the session. What belongs to it goes in the minutes after."""
    if visit.form("confirm").strip().lower() != CONFIRMATION:
        raise Problem(
            400,
            f"To delete your account, type the word “{CONFIRMATION}” into the field. Nothing was changed.",
            link=Link("/profile", "Back to your profile"),
        )
    user = erasure.begin(visit.services.users, visit.member.user_id)
    end_session(visit)
    data = {
        "user_id": user.user_id,
        "delete_time": user.delete_time,
        "goes": ["uploads", "results", "archives", "logs", "receipts", "profile"],
        "receipt_to": user.email or None,
    }
    return forget_session(visit, visit.done(data, "/profile/deleted", 202))


def deleted(visit: Visit) -> bottle.HTTPResponse:
    """What happens once an account was closed: the same for everyone, because nobody is signed in."""
    if visit.user:
        return visit.redirect("/profile")
    return visit.page("account_deleted.html", {"minutes": DELETION_MINUTES})


ROUTES = (
    Route("GET", "/profile", profile),
    Route("POST", "/profile", update_profile),
    Route("POST", "/profile/delete", delete),
    Route("GET", "/profile/deleted", deleted, signed_in=False),
    Route("GET", "/subscribe", subscription),
    Route("POST", "/subscribe", subscribe),
    Route("GET", "/unsubscribe", subscription),
    Route("POST", "/unsubscribe", unsubscribe),
)
