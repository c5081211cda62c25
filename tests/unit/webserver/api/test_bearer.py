"""Tokens: what Globus vouches for is let in, everything else is not, and nothing is remembered for long."""

import urllib.parse
import urllib.request
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import globus_sdk
import pytest

from tests.unit.webserver.api.programs import new_program, token_of
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import CLIENT_ID, NATIVE_CLIENT_ID, SITE_URL, Clock
from webserver.api.bearer import REMEMBERED_SECONDS, Bearers
from webserver.api.limits import Limits
from webserver.app import make_app
from webserver.services import Services


def ask(app: Any, authorization: str | None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    return Browser(app, SITE_URL).request("GET", "/api/v1/account", b"", headers)


def revoke(services: Services, token: str) -> None:
    form = urllib.parse.urlencode({"token": token, "client_id": NATIVE_CLIENT_ID}).encode()
    url = f"{services.settings.globus_issuer}/v2/oauth2/token/revoke"
    with urllib.request.urlopen(urllib.request.Request(url, form), timeout=30):
        pass


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer made-up", "Bearer " + "x" * 5000]
)
def test_what_is_no_token_is_refused(app: Any, authorization: str | None) -> None:
    answer = ask(app, authorization)
    assert (answer.status, answer.json["code"]) == (401, "token")
    assert answer.header("WWW-Authenticate").startswith('Bearer realm="GAS"')


def test_a_session_is_worth_nothing_here(app: Any, member: Any) -> None:
    assert member.browser.get("/api/v1/account").status == 401


def test_a_token_for_something_else_is_refused(app: Any, services: Services) -> None:
    openid = token_of(services, "somebody@example.org", "openid email profile")
    assert ask(app, f"Bearer {openid}").status == 401
    sibling = token_of(services, "somebody@example.org", f"https://auth.globus.org/scopes/{CLIENT_ID}/other")
    answer = ask(app, f"Bearer {sibling}")
    assert (answer.status, answer.json["code"]) == (403, "scope")
    assert services.bearers.scope in answer.header("WWW-Authenticate")


def test_a_token_makes_no_account_by_itself(app: Any, services: Services) -> None:
    login = f"n{uuid.uuid4().hex}@example.org"
    token = token_of(services, login)
    answer = ask(app, f"Bearer {token}")
    assert (answer.status, answer.json["code"]) == (403, "no_account")
    program = new_program(app, services, login)
    account = program.call("GET", "/api/v1/account").json
    assert (account["email"], account["role"]) == (login, "free_user")


def test_an_account_that_is_being_deleted_is_none(app: Any, services: Services) -> None:
    program = new_program(app, services)
    services.users.mark_deleted(program.user_id)
    assert program.call("GET", "/api/v1/account").json["code"] == "no_account"
    assert program.call("POST", "/api/v1/account").json["code"] == "account_deletion"


def test_a_revoked_token_ends_within_a_minute(app: Any, services: Services, clock: Clock) -> None:
    program = new_program(app, services)
    revoke(services, program.token)
    assert program.call("GET", "/api/v1/account").status == 200
    clock.moved += REMEMBERED_SECONDS + 1
    assert program.call("GET", "/api/v1/account").status == 401


def test_while_globus_is_silent_nobody_is_let_in(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(services)
    token = token_of(services, "somebody@example.org")

    def silent(_: str) -> Any:
        raise globus_sdk.NetworkError("no route", OSError())

    monkeypatch.setattr(services.globus, "introspect", silent)
    answer = ask(app, f"Bearer {token}")
    assert (answer.status, answer.header("Retry-After")) == (503, "30")


GOOD: dict[str, Any] = {
    "active": True,
    "sub": "s",
    "aud": [CLIENT_ID],
    "exp": 10_000,
    "nbf": 0,
    "scope": f"https://auth.globus.org/scopes/{CLIENT_ID}/api",
}


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, False),
        ({"aud": CLIENT_ID}, False),
        ({"active": "true"}, True),
        ({"aud": ["another"]}, True),
        ({"aud": None}, True),
        ({"iss": "https://evil.example"}, True),
        ({"exp": 999}, True),
        ({"exp": None}, True),
        ({"nbf": 2000}, True),
        ({"sub": ""}, True),
    ],
)
def test_every_claim_counts(services: Services, change: dict[str, Any], refused: bool) -> None:
    class Fixed:
        issuer, client_id = "https://auth.example", CLIENT_ID

        def introspect(self, _: str) -> dict[str, Any]:
            return {**GOOD, "iss": self.issuer, **change}

    bearers = Bearers(Fixed(), lambda: 1000.0)  # type: ignore[arg-type]
    if refused:
        with pytest.raises(Exception, match="does not vouch"):
            bearers.caller("Bearer t")
    else:
        assert bearers.caller("Bearer t").user_id == "s"


def test_who_calls_too_often_waits(services: Services) -> None:
    app = make_app(replace(services, limits=Limits(4)))
    # Opening an account counts too.
    program, other = new_program(app, services), new_program(app, services)
    answers = [program.call("GET", "/api/v1/bundles") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].header("Retry-After") or 0) <= 60
    assert other.call("GET", "/api/v1/bundles").status == 200
    assert program.call("POST", "/api/v1/account").status == 429


def test_all_bundles_are_listed(services: Services, tmp_path: Path) -> None:
    for name, manifest in (("GRCh38", '{"assembly": "GRCh38.p14"}'), ("broken", "{"), ("draft", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(manifest, "utf-8")
    settings = services.settings.model_copy(update={"bundles_dir": tmp_path, "bundle": "GRCh38"})
    app = make_app(replace(services, settings=settings))
    program = new_program(app, services)
    grch38 = {"name": "GRCh38", "assembly": "GRCh38.p14", "default": True}
    assert program.call("GET", "/api/v1/bundles").json == {"bundles": [grch38]}
    # A web host of a fleet has no folder of bundles.
    settings = settings.model_copy(update={"bundles_dir": tmp_path / "nowhere"})
    program.browser.app = make_app(replace(services, settings=settings))
    assert program.call("GET", "/api/v1/bundles").json == {"bundles": [{**grch38, "assembly": None}]}


def test_a_program_may_subscribe(app: Any, services: Services) -> None:
    program = new_program(app, services)
    assert program.call("PUT", "/api/v1/account/subscription", {"role": "premium_user"}).json == {
        "role": "premium_user"
    }
    assert program.call("PUT", "/api/v1/account/subscription", {"role": "admin"}).status == 400
    user = services.users.get(program.user_id)
    assert user is not None
    assert user.premium


def test_how_to_sign_in_is_no_secret(browser: Browser) -> None:
    told = browser.get("/api/v1").json
    assert told["native_client_id"] == NATIVE_CLIENT_ID
    assert told["scope"] == f"https://auth.globus.org/scopes/{CLIENT_ID}/api"
