"""One operation of the API: its route, and what the OpenAPI document says of it.

The views are those of the site's pages, which answer programs with JSON; what an operation adds is the check of
the body against its type, before the view reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import bottle
from pydantic import BaseModel, ValidationError

from webserver.api.models import Request
from webserver.problems import Problem
from webserver.web import Route, Visit

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Parameter:
    """One parameter of the query string, or of the headers."""

    name: str
    schema: dict[str, object]
    description: str
    where: str = "query"


@dataclass(frozen=True)
class Operation:
    """`path` is Bottle's, below the prefix; `answers`: the type of the answer, None for a redirect.

    `takes` is the type of a JSON body, `form` the schemas of a form's fields.
    `refusals`: the statuses of problems beyond those that every operation may answer with.
    """

    method: str
    path: str
    view: Callable[..., bottle.HTTPResponse]
    summary: str
    answers: type[BaseModel] | None
    status: int = 200
    takes: type[Request] | None = None
    form: dict[str, dict[str, object]] | None = None
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    signed_in: bool = True
    prefix: str = PREFIX

    @property
    def name(self) -> str:
        """The operation's name in the OpenAPI document."""
        return f"{self.view.__module__.rsplit('.', 1)[-1]}_{self.view.__name__}"

    def route(self) -> Route:
        """The route that serves it."""
        view = self.view if self.takes is None else _checked(self.view, self.takes)
        return Route(self.method, f"{self.prefix}{self.path}", view, self.signed_in, api=True)


def _checked(view: Callable[..., bottle.HTTPResponse], model: type[Request]) -> Callable[..., bottle.HTTPResponse]:
    def checked(visit: Visit, **parameters: str) -> bottle.HTTPResponse:
        if not visit.request.content_type.lower().startswith("application/json"):
            raise Problem(415, "The body of this request must be JSON, with `Content-Type: application/json`.")
        try:
            model.model_validate(visit.json_body())
        except ValidationError as error:
            raise Problem(400, explain(error), code="body") from None
        return view(visit, **parameters)

    return checked


def explain(error: ValidationError) -> str:
    """What is wrong with a body: one sentence a member, by its name."""
    return " ".join(
        f"`{'.'.join(map(str, problem['loc']))}`: {problem['msg'][0].lower()}{problem['msg'][1:]}."
        for problem in error.errors(include_url=False)
    )
