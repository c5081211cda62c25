"""What goes wrong, as one thing that becomes an HTML page or problem+json (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True)
class Link:
    """What the user can do next."""

    path: str
    text: str


class Problem(Exception):
    """Raised by a view to end a request: what was wrong and what to do, in words for the user.

    `code` names the problem for programs; `reference` is set where operators find more in the log.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        code: str | None = None,
        link: Link | None = None,
        reference: str | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.code = code
        self.link = link
        self.reference = reference
        self.headers = headers or {}

    def document(self) -> dict[str, str | int]:
        """The members of the problem document; `type` is about:blank because the status says all that programs need."""
        document: dict[str, str | int] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.code:
            document["code"] = self.code
        if self.reference:
            document["reference"] = self.reference
        return document


def not_found() -> Problem:
    """Also for what exists but is another's: to everyone else it does not exist."""
    return Problem(
        404,
        "There is nothing at this address, or it is not yours to see.",
        title="Not found",
        link=Link("/annotations", "Your annotations"),
    )


def sign_in_first() -> Problem:
    """For what only a signed-in user may do."""
    return Problem(
        401,
        "Your session has ended or you have not signed in. Sign in and do this again.",
        title="Sign in first",
        code="sign_in",
        link=Link("/login", "Sign in"),
    )


def moved_on(detail: str, path: str) -> Problem:
    """For an action that the job's present state does not allow."""
    return Problem(409, detail, title="Not possible now", code="conflict", link=Link(path, "See where it stands"))


def our_fault(reference: str) -> Problem:
    """For whatever a view did not expect."""
    return Problem(
        500,
        "Something broke on our side, and nothing you did caused it. Try again in a minute; if it stays, "
        "tell the operators the reference below.",
        title="Our mistake",
        reference=reference,
        link=Link("/", "Back to the start"),
    )


def unavailable(reference: str) -> Problem:
    """For a dependency that does not answer."""
    return Problem(
        503,
        "A part of the service does not answer right now. Your files and jobs are safe. Try again in a minute.",
        title="One moment",
        reference=reference,
        headers={"Retry-After": "30"},
        link=Link("/", "Back to the start"),
    )
