"""The seam between Bottle and the views: a route table, one request as a `Visit`, one answer as HTML or JSON.

A view takes a `Visit` and the path's parameters and returns a Bottle `HTTPResponse`. The same view serves people
and programs: `Accept: application/json` gets the data that the template would have shown.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import bottle

from gas.users import User
from webserver import rendering
from webserver.problems import PROBLEM_JSON, Problem, sign_in_first
from webserver.security import Allowance
from webserver.services import Services
from webserver.sessions import Session

# Forms and JSON bodies here are small; files go to S3 directly.
MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True)
class Route:
    """One way in. `signed_in`: only for users; others are sent to sign in. GET changes no state.

    `api`: for programs: a bearer token says who calls, no cookie is read, and every answer is JSON.
    `admin`: for operators; to everybody else there is nothing at this address.
    """

    method: str
    path: str
    view: Callable[..., bottle.HTTPResponse]
    signed_in: bool = True
    api: bool = False
    admin: bool = False


@dataclass
class Visit:
    """One request: the services, the browser's session and its user (None for a stranger), the CSP nonce."""

    services: Services
    request: Any
    nonce: str
    reference: str
    session: Session | None = None
    user: User | None = None
    api: bool = False

    @property
    def member(self) -> User:
        """The signed-in user. Raises the 401 problem for a stranger."""
        if self.user is None:
            raise sign_in_first()
        return self.user

    @property
    def admin(self) -> bool:
        """True for an operator: whoever runs the deployment has named their identity in its settings."""
        return self.user is not None and self.user.user_id in self.services.admins

    @property
    def wants_json(self) -> bool:
        """True when the client prefers JSON to HTML."""
        return self.api or prefers_json(self.request.headers.get("Accept", ""))

    @property
    def wants_fragment(self) -> bool:
        """True for a request that htmx makes to replace a part of the page."""
        return bool(self.request.headers.get("HX-Request") == "true")

    @property
    def by_script(self) -> bool:
        """True for what a page's script asks for, which cannot be led to another site to sign in."""
        return bool(self.request.headers.get("Sec-Fetch-Dest") == "empty")

    @property
    def path(self) -> str:
        """This request's path and query, for coming back to it."""
        query = self.request.query_string
        return quote(self.request.path) + (f"?{query}" if query else "")

    def allow(self, more: Allowance) -> None:
        """Let the page of this answer do what others may not."""
        self.request.environ["gas.allowance"] = more

    def form(self, name: str, default: str = "") -> str:
        """One field of a posted form or JSON object, as text."""
        if self.request.content_type.startswith("application/json"):
            value = self.json_body().get(name, default)
            return str(value) if isinstance(value, str | int) else default
        return str(self.request.forms.getunicode(name, default))

    def json_body(self) -> dict[str, Any]:
        """The posted JSON object. Raises the 400 problem when the body is anything else."""
        try:
            body = json.loads(self.request.body.read(MAX_BODY_BYTES))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Problem(400, "The body of this request must be one JSON object.")
        return body

    def query(self, name: str) -> str | None:
        """One parameter of the query string, None when it is absent."""
        value = self.request.query.getunicode(name)
        return None if value is None else str(value)

    def page(self, template: str, data: dict[str, Any], status: int = 200, **only_html: Any) -> bottle.HTTPResponse:
        """Answer with `data`: as JSON, or as the template filled with it and with `only_html`.

        `data` holds what JSON can say; `only_html` holds what merely helps the template.
        """
        if self.wants_json:
            return self.json(data, status)
        body = rendering.render(template, visit=self, **data, **only_html)
        answer = bottle.HTTPResponse(body, status)
        answer.content_type = "text/html; charset=utf-8"
        return self._private(answer)

    def json(self, data: Any, status: int = 200, content_type: str = "application/json") -> bottle.HTTPResponse:
        """Answer with JSON."""
        answer = bottle.HTTPResponse(json.dumps(data), status)
        answer.content_type = content_type
        return self._private(answer)

    def text(self, body: str) -> bottle.HTTPResponse:
        """Answer with plain text."""
        answer = bottle.HTTPResponse(body, 200)
        answer.content_type = "text/plain; charset=utf-8"
        return self._private(answer)

    def redirect(self, location: str) -> bottle.HTTPResponse:
        """Send the browser elsewhere with a GET (303)."""
        return self._private(bottle.HTTPResponse("", 303, Location=location))

    def done(self, data: dict[str, Any], location: str, status: int = 200) -> bottle.HTTPResponse:
        """Answer a POST that succeeded: JSON for programs, for people the page that shows the outcome."""
        return self.json(data, status) if self.wants_json else self.redirect(location)

    def problem(self, problem: Problem) -> bottle.HTTPResponse:
        """Answer with what went wrong."""
        if self.wants_json:
            answer = self.json(problem.document(), problem.status, PROBLEM_JSON)
        else:
            answer = self.page("problem.html", {"problem": problem}, problem.status)
        for name, value in problem.headers.items():
            answer.set_header(name, value)
        return answer

    def _private(self, answer: bottle.HTTPResponse) -> bottle.HTTPResponse:
        answer.set_header("Cache-Control", "no-store")
        answer.set_header("Vary", "Accept, Cookie, HX-Request")
        return answer


def prefers_json(accept: str) -> bool:
    """Whether an Accept header ranks JSON above HTML; a browser's never does, nor does `*/*`."""
    ranks: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        rank = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        try:
            ranks[media] = float(rank)
        except ValueError:
            ranks[media] = 0.0
    json_rank = max(ranks.get("application/json", 0.0), ranks.get(PROBLEM_JSON, 0.0))
    return json_rank > ranks.get("text/html", 0.0)
