"""The WSGI application. `granian … webserver.app:app` builds it from the environment; tests call `make_app`."""

import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import bottle
import globus_sdk
from botocore.exceptions import BotoCoreError, ClientError

from gas import config, telemetry
from gas.annotation.sandbox import die_with_parent
from gas.users import User
from webserver import problems, rendering
from webserver.api import bearer, openapi
from webserver.pages import (
    account,
    annotations,
    downloads,
    genome,
    health,
    home,
    operator,
    reference,
    shared,
    shares,
    sign_in,
    uploads,
    variants,
    webhooks,
)
from webserver.pages.shares import ENTRANCE
from webserver.problems import Problem
from webserver.security import NOTHING_MORE, foreign_request, merge_headers
from webserver.services import Services, build
from webserver.sessions import Session
from webserver.web import MAX_BODY_BYTES, Route, Visit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTES: tuple[Route, ...] = (
    *home.ROUTES,
    *sign_in.ROUTES,
    *account.ROUTES,
    *webhooks.ROUTES,
    *uploads.ROUTES,
    *reference.ROUTES,
    *annotations.ROUTES,
    *downloads.ROUTES,
    *variants.ROUTES,
    *genome.ROUTES,
    *shares.ROUTES,
    *shared.ROUTES,
    *operator.ROUTES,
    *health.ROUTES,
    *openapi.ROUTES,
)

ONE_YEAR = 365 * 86_400
PROGRAMS = ("/api/", "/ga4gh/")
# Asked for so often that their lines would hide the others.
UNREMARKABLE = ("/static/", "/healthz")

log = telemetry.logger(__name__)


def make_app(services: Services) -> "WSGIApplication":
    """The whole site over the given services."""
    app = bottle.Bottle()
    app.config["catchall"] = False
    for route in ROUTES:
        app.route(route.path, route.method, _serve(services, route), name=f"{route.method} {route.path}")
    app.route("/static/<path:path>", "GET", _static)
    app.default_error_handler = lambda error: _http_error(services, error)
    return _around(app, services)


def _serve(services: Services, route: Route) -> Callable[..., bottle.HTTPResponse]:
    """The Bottle callback of one route: who asks, may they, and whatever goes wrong as a page for people."""

    def serve(**parameters: str) -> bottle.HTTPResponse:
        visit = _visit(services)
        visit.api = route.api
        try:
            if route.method != "GET":
                _refuse_large(visit)
            if route.api:
                if route.signed_in:
                    visit.user = _caller(visit)
                return route.view(visit, **parameters)
            if route.method != "GET":
                _refuse_foreign(visit)
            visit.session, visit.user = _who(visit)
            if route.admin and not visit.admin:
                raise problems.not_found()
            if route.signed_in and visit.user is None:
                return _stranger(visit, route)
            return route.view(visit, **parameters)
        except Problem as problem:
            return visit.problem(problem)
        except (BotoCoreError, ClientError, globus_sdk.GlobusError):
            log.exception("dependency_failed", reference=visit.reference)
            return visit.problem(problems.unavailable(visit.reference))
        except bottle.HTTPResponse:
            raise
        except Exception:
            log.exception("view_failed", reference=visit.reference)
            return visit.problem(problems.our_fault(visit.reference))

    return serve


def _visit(services: Services) -> Visit:
    environ = bottle.request.environ
    return Visit(services, bottle.request, environ["gas.nonce"], environ["gas.reference"])


def _refuse_foreign(visit: Visit) -> None:
    reason = foreign_request(visit.request.headers, visit.services.policy.site_origin)
    if reason:
        log.warning("foreign_request", reason=reason, reference=visit.reference)
        raise Problem(
            403,
            "This request did not come from a page of this site, so nothing was changed. "
            "Open the page here and press the button again.",
            title="Refused",
            code="foreign_origin",
        )


def _refuse_large(visit: Visit) -> None:
    if visit.request.get_header("Transfer-Encoding"):
        # Without a length the limit below could not be kept before the body is read.
        raise Problem(411, "Requests here must say how long they are, in a Content-Length header.")
    if (visit.request.content_length or 0) > MAX_BODY_BYTES:
        raise Problem(413, f"Requests here may be at most {MAX_BODY_BYTES} bytes; files go to storage directly.")


def _who(visit: Visit) -> tuple[Session | None, Any]:
    cookie = visit.request.get_cookie(visit.services.cookies.session)
    session = visit.services.sessions.find(cookie) if cookie else None
    user = visit.services.users.get(session.user_id) if session else None
    if session and user and (user.delete_time is not None or session.created_at < user.created_time):
        # The account is gone, or soon is. One that was made anew since is for new sessions only.
        user = None
    visit.request.environ["gas.user_id"] = user.user_id if user else None
    return (session, user) if user else (None, None)


def _caller(visit: Visit) -> User:
    """The user behind a program's token; no token makes an account by itself."""
    caller = visit.services.bearers.caller(visit.request.get_header("Authorization"))
    visit.services.limits.count(caller.user_id)
    user = visit.services.users.get(caller.user_id)
    if user is None or user.delete_time is not None:
        raise bearer.refused_account()
    visit.request.environ["gas.user_id"] = user.user_id
    return user


def _stranger(visit: Visit, route: Route) -> bottle.HTTPResponse:
    if visit.wants_fragment:
        answer = visit.problem(problems.sign_in_first())
        # The page reloads and is led to the sign-in, instead of asking in vain for ever.
        answer.set_header("HX-Refresh", "true")
        return answer
    if route.method == "GET" and not visit.wants_json and not visit.by_script:
        return visit.redirect(sign_in.login_path(visit.path))
    return visit.problem(problems.sign_in_first())


def _http_error(services: Services, error: Any) -> Any:
    """What Bottle itself refuses: unknown addresses, wrong methods, broken requests."""
    visit = _visit(services)
    visit.api = visit.request.path.startswith(PROGRAMS)
    try:
        if not visit.api:
            visit.session, visit.user = _who(visit)
    except (BotoCoreError, ClientError):
        log.exception("dependency_failed", reference=visit.reference)
    # Bottle answers 403 for a path out of the static folder; nothing there is worth more words than elsewhere.
    if error.status_code in (403, 404):
        problem = problems.not_found()
    elif error.status_code == 405:
        problem = Problem(
            405, "This address does not take such requests.", headers={"Allow": error.get_header("Allow", "GET")}
        )
    else:
        problem = Problem(error.status_code, "The request could not be read. Go back and try again.")
    answer = visit.problem(problem)
    answer.apply(bottle.response)
    return answer.body


def _static(path: str) -> bottle.HTTPResponse:
    answer = bottle.static_file(path, root=rendering.STATIC)
    if bottle.request.query.v and bottle.request.query.v == rendering.digest(path):
        answer.set_header("Cache-Control", f"public, max-age={ONE_YEAR}, immutable")
    return answer


def _make_readable(environ: "WSGIEnvironment") -> None:
    """Headers are bytes; Bottle reads them as UTF-8 and fails where they are not, wherever one is first looked at."""
    for name, value in environ.items():
        if name.startswith("HTTP_") and not value.isascii():
            readable = value.encode("latin-1").decode("utf-8", "replace")
            environ[name] = readable.encode("utf-8").decode("latin-1")


def _around(app: bottle.Bottle, services: Services) -> "WSGIApplication":
    """What happens to every request: a nonce, a reference, the security headers, one log line."""

    def wsgi(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        started = time.perf_counter()
        nonce, reference = secrets.token_urlsafe(16), secrets.token_hex(5).upper()
        environ["gas.nonce"], environ["gas.reference"] = nonce, reference
        _make_readable(environ)
        ours = [("X-Request-Id", reference)]
        if environ.get("PATH_INFO", "").startswith(ENTRANCE):
            ours.append(("X-Robots-Tag", "noindex, nofollow"))

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            path = environ.get("PATH_INFO", "")
            # The query is left out: a sign-in's holds a code.
            (log.debug if path.startswith(UNREMARKABLE) else log.info)(
                "request",
                method=environ["REQUEST_METHOD"],
                path=path,
                status=int(status.split()[0]),
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                user_id=environ.get("gas.user_id"),
            )
            policy = services.policy.headers(nonce, environ.get("gas.allowance", NOTHING_MORE))
            return start_response(status, merge_headers(headers, [*policy, *ours]), exc_info)

        with telemetry.bound(reference=reference):
            return app(environ, start)

    return wsgi


def __getattr__(name: str) -> "WSGIApplication":
    # granian asks for `app`; importing this module must not read the environment.
    if name != "app":
        raise AttributeError(name)
    # A worker whose server was killed would hold the port for ever, and serve beside the next release.
    die_with_parent()
    settings = config.load()
    telemetry.configure("web", settings.log_level, name_prefix=settings.name_prefix)
    globals()["app"] = make_app(build(settings))
    return globals()["app"]
