"""Every route for programs: no cookie opens it, and what is another's is not there."""

from collections.abc import Callable
from typing import Any

import pytest

from gas.job import Job
from tests.unit.webserver.api.programs import Program, new_program
from tests.unit.webserver.conftest import Clock, Member
from tests.unit.webserver.test_security import SOME_ID, concrete, name
from webserver.app import ROUTES, make_app
from webserver.services import Services
from webserver.web import Route

PROGRAMS = [route for route in ROUTES if route.api]
OPEN = {
    "GET /api/v1",
    "GET /api/v1/openapi.json",
    # With a token, which it reads by itself: there may be no account yet.
    "POST /api/v1/account",
    "GET /ga4gh/wes/v1/service-info",
}


@pytest.fixture(scope="module")
def stranger(built_services: tuple[Clock, Services]) -> Program:
    """Somebody else's program, for all tests that change nothing of theirs."""
    return new_program(make_app(built_services[1]), built_services[1])


def test_only_these_are_open_without_a_token() -> None:
    assert {name(route) for route in PROGRAMS if not route.signed_in} == OPEN


@pytest.mark.parametrize("route", [route for route in PROGRAMS if route.signed_in], ids=name)
def test_a_session_opens_none(member: Member, route: Route) -> None:
    answer = member.browser.request(route.method, concrete(route), b"", {"Sec-Fetch-Site": "same-origin"})
    assert (answer.status, answer.json["code"]) == (401, "token")


@pytest.mark.parametrize("route", [route for route in PROGRAMS if "<job_id" in route.path], ids=name)
def test_anothers_job_is_as_one_that_never_was(
    stranger: Program, services: Services, member: Member, job_in: Callable[..., Job], route: Route
) -> None:
    job = job_in(member.user)
    # Bodies are checked first, whosever the job is.
    body = {"days": 7} if (route.method, route.path.rpartition("/")[2]) == ("POST", "shares") else None
    theirs = stranger.call(route.method, concrete(route, job.job_id), body)
    nobodys = stranger.call(route.method, concrete(route, SOME_ID), body)
    assert (theirs.status, theirs.header("Content-Type")) == (404, "application/problem+json")
    assert theirs.json == nobodys.json
    assert services.jobs.get(job.job_id) == job


def test_the_sweep_knows_all_of_them() -> None:
    methods: dict[str, Any] = {}
    for route in PROGRAMS:
        methods.setdefault(route.method, []).append(route)
    assert set(methods) == {"GET", "POST", "PUT", "DELETE"}
