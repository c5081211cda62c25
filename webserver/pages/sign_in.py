"""Sign in and out. A GET to /login only sends the browser to Globus; nothing of an account changes."""

from hmac import compare_digest
from urllib.parse import urlencode

import bottle

from gas.telemetry import logger
from gas.users import BeingDeleted
from webserver.globus import SignInRefused
from webserver.problems import Link, Problem
from webserver.security import inside
from webserver.sessions import ABSOLUTE_SECONDS, SIGN_IN_SECONDS
from webserver.web import Route, Visit

log = logger(__name__)


def login_path(next_path: str) -> str:
    """The address that signs in and then leads to `next_path`."""
    return f"/login?{urlencode({'next': next_path})}"


def login(visit: Visit) -> bottle.HTTPResponse:
    """Begin a sign-in and go to Globus."""
    services = visit.services
    next_path = inside(visit.query("next"))
    if visit.request.get_header("Host") != services.site_host:
        # Globus leads back to the site's own name, and only there is the cookie of this sign-in read.
        return visit.redirect(services.settings.site_url + login_path(next_path))
    if visit.user:
        return visit.redirect(next_path)
    cookie, sign_in = services.sessions.begin_sign_in(next_path)
    answer = visit.redirect(services.globus.authorize_url(sign_in))
    _set_cookie(visit, answer, services.cookies.sign_in, cookie, SIGN_IN_SECONDS)
    return answer


def callback(visit: Visit) -> bottle.HTTPResponse:
    """Where Globus sends the browser back to: check everything, then open a session under a new id."""
    services = visit.services
    cookie = visit.request.get_cookie(services.cookies.sign_in)
    sign_in = services.sessions.take_sign_in(cookie) if cookie else None
    if sign_in is None:
        raise _again("This sign-in took too long, was used already or began in another browser.")
    if not compare_digest((visit.query("state") or "").encode(), sign_in.state.encode()):
        log.warning("sign_in_refused", reason="state is not the one of this sign-in", reference=visit.reference)
        raise _again("This sign-in was not begun on this page.")
    if visit.query("error"):
        log.info("sign_in_declined", error=visit.query("error"))
        raise _again("Globus did not sign you in: it was cancelled, or the permission to see your name was not given.")
    try:
        identity = services.globus.identity(visit.query("code") or "", sign_in)
    except SignInRefused as error:
        log.warning("sign_in_refused", reason=str(error), reference=visit.reference)
        raise _again("What Globus answered could not be verified.") from error
    try:
        user = services.users.sign_in(identity.user_id, identity.email, identity.name, identity.institution)
    except BeingDeleted as error:
        raise account_ending() from error
    end_session(visit)
    answer = visit.redirect(sign_in.next)
    _set_cookie(visit, answer, services.cookies.session, services.sessions.open(user.user_id), ABSOLUTE_SECONDS)
    _drop_cookie(visit, answer, services.cookies.sign_in)
    log.info("signed_in", user_id=user.user_id)
    return answer


def logout(visit: Visit) -> bottle.HTTPResponse:
    """End the session. Globus's tokens were revoked when the sign-in ended; its own session is Globus's to end."""
    end_session(visit)
    return forget_session(visit, visit.done({"signed_in": False}, "/?done=signed-out"))


def end_session(visit: Visit) -> None:
    """The browser's session is no longer known here."""
    cookie = visit.request.get_cookie(visit.services.cookies.session)
    if cookie:
        visit.services.sessions.end(cookie)


def forget_session(visit: Visit, answer: bottle.HTTPResponse) -> bottle.HTTPResponse:
    """The answer, by which the browser forgets its session as well."""
    _drop_cookie(visit, answer, visit.services.cookies.session)
    return answer


def account_ending() -> Problem:
    """For whoever comes back while their earlier account is still being deleted."""
    return Problem(
        409,
        "You asked us to delete your account here, and that is still under way. It takes a few minutes, a little "
        "longer if a job of yours was running. A mail tells you when everything is gone; from then on signing in "
        "makes a new account.",
        title="Your account is being deleted",
        code="account_deletion",
        link=Link("/", "Back to the start"),
    )


def _again(what: str) -> Problem:
    return Problem(
        400,
        f"{what} Nothing was changed; sign in again.",
        title="Sign-in did not work",
        code="sign_in_failed",
        link=Link("/login", "Sign in again"),
    )


def _set_cookie(visit: Visit, answer: bottle.HTTPResponse, name: str, value: str, seconds: int) -> None:
    secure = visit.services.cookies.secure
    answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, secure=secure, samesite="lax")


def _drop_cookie(visit: Visit, answer: bottle.HTTPResponse, name: str) -> None:
    _set_cookie(visit, answer, name, "", 0)


ROUTES = (
    Route("GET", "/login", login, signed_in=False),
    Route("GET", "/authcallback", callback, signed_in=False),
    Route("POST", "/logout", logout, signed_in=False),
)
