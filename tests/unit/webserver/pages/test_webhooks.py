"""A user's webhooks on the site: what may be registered, who sees them, and that a secret is shown once."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gas.outbound import Outbound
from gas.webhooks import MOST_WEBHOOKS, Call, CallState
from tests.unit.webserver.api.programs import new_program
from tests.unit.webserver.browser import Answer, Browser
from tests.unit.webserver.conftest import SITE_URL, Member, sign_in_somebody
from webserver.app import make_app
from webserver.services import Services

JSON = {"Accept": "application/json"}
PATH, URL = "/profile/webhooks", "https://hooks.example.org/gas?from=gas"
NAMES = {"hooks.example.org": "8.8.8.8", "inside.example.org": "10.0.0.7", "metadata.example.org": "169.254.169.254"}


def look_up(host: str, port: int, **_: Any) -> list[Any]:
    """A resolver that knows NAMES and what is an address already."""
    if host not in NAMES and not host[0].isdigit() and ":" not in host:
        raise socket.gaierror(host)
    return [(2, 1, 6, "", (NAMES.get(host, host), port))]


@pytest.fixture
def site(services: Services) -> Iterator[Any]:
    """The site with the rules of a deployment, and a resolver of its own."""
    return make_app(replace(services, outbound=Outbound(look_up=look_up)))


@pytest.fixture
def somebody(site: Any, services: Services) -> Member:
    return sign_in_somebody(site, services)


def register(member: Member, url: str = URL) -> Answer:
    return member.browser.post_json(PATH, {"url": url})


def test_an_address_is_registered_and_its_secret_shown_once(somebody: Member, services: Services) -> None:
    page = somebody.browser.post(PATH, {"url": f" {URL} "})
    assert page.status == 200
    (secret,) = re.findall(r'value="(whsec_[\w+/=]+)"', page.text)
    (webhook,) = somebody.browser.get(PATH, **JSON).json["webhooks"]
    assert (webhook["url"], webhook["calls"]) == (URL, [])
    listed = somebody.browser.get(PATH)
    assert "Not called yet" in listed.text
    assert secret not in listed.text
    assert "whsec_" not in somebody.browser.get(PATH, **JSON).text
    stored = services.webhooks.get(webhook["webhook_id"])
    assert stored is not None
    assert services.webhooks.secret(stored) == secret
    assert PATH in somebody.browser.get("/profile").text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.org/", "must begin with https"),
        ("https://inside.example.org/", "leads to an address that is not public"),
        ("https://metadata.example.org/", "not public"),
        ("https://127.0.0.1/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://169.254.169.254/latest/", "not public"),
        ("https://nothing.example.org/", "not in the DNS"),
        ("https://ada:secret@hooks.example.org/", "no user name"),
        ("https://hooks.example.org:8443/", "port 443"),
        ("javascript:alert(1)", "must begin with https"),
        ("", "must begin with https"),
    ],
)
def test_what_is_not_public_https_is_refused_in_words(somebody: Member, url: str, words: str) -> None:
    answer = register(somebody, url)
    assert (answer.status, answer.json["code"]) == (400, "webhook_address")
    assert words in answer.json["detail"]
    assert "10.0.0.7" not in answer.text
    assert somebody.browser.get(PATH, **JSON).json["webhooks"] == []


def test_what_became_of_the_calls_is_shown(somebody: Member, services: Services) -> None:
    webhook_id = register(somebody).json["webhook"]["webhook_id"]
    job_id = "01234567-89ab-cdef-0123-456789abcdef"
    for number, state in enumerate(CallState):
        stored = services.webhooks.get(webhook_id)
        assert stored is not None
        services.webhooks.note(stored, Call(f"m{number}", job_id, state, number + 1, "<b>answered</b>", 1_700_000_000))
    page = somebody.browser.get(PATH).text
    for words in ("Delivered", "Tried again", "Given up", "&lt;b&gt;answered", f'href="/annotations/{job_id}"'):
        assert words in page
    (listed,) = somebody.browser.get(PATH, **JSON).json["webhooks"]
    assert [call["state"] for call in listed["calls"]] == ["given_up", "waiting", "delivered"]


def test_a_user_may_have_a_few(somebody: Member) -> None:
    for number in range(MOST_WEBHOOKS):
        assert register(somebody, f"{URL}&n={number}").status == 201
    answer = register(somebody)
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert "Register" not in somebody.browser.get(PATH).text.split("<h1>")[1].split("<footer")[0].replace(
        "Registered", ""
    )


def test_a_removed_one_is_gone_with_its_secret(somebody: Member, services: Services) -> None:
    webhook_id = register(somebody).json["webhook"]["webhook_id"]
    stored = services.webhooks.get(webhook_id)
    assert stored is not None
    assert somebody.browser.post(f"{PATH}/{webhook_id}/remove").location == f"{PATH}?done=unhooked"
    assert "The webhook is removed" in somebody.browser.get(f"{PATH}?done=unhooked").text
    assert somebody.browser.get(PATH, **JSON).json["webhooks"] == []
    assert services.webhooks.secret(stored) is None
    assert somebody.browser.post(f"{PATH}/{webhook_id}/remove").status == 404


def test_anothers_webhook_is_as_one_that_never_was(
    somebody: Member, member_of: Callable[[], Member], services: Services
) -> None:
    webhook_id = register(somebody).json["webhook"]["webhook_id"]
    other = member_of().browser
    theirs = other.post(f"{PATH}/{webhook_id}/remove", **JSON)
    never = other.post(f"{PATH}/{'0' * 36}/remove", **JSON)
    assert (theirs.status, theirs.json) == (404, never.json)
    assert other.get(PATH, **JSON).json["webhooks"] == []
    assert services.webhooks.get(webhook_id) is not None


def test_what_changes_in_that_moment_is_told(
    somebody: Member, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = register(somebody).json["webhook"]["webhook_id"]
    seen = services.users.get(somebody.user.user_id)
    assert seen is not None
    register(somebody)
    monkeypatch.setattr(services.users, "get", lambda _: seen)
    for answer in (register(somebody), somebody.browser.post(f"{PATH}/{webhook_id}/remove", **JSON)):
        assert (answer.status, answer.json["code"]) == (409, "conflict")


def test_programs_register_list_and_remove(site: Any, services: Services) -> None:
    program = new_program(site, services)
    path = "/api/v1/account/webhooks"
    made = program.call("POST", path, {"url": URL})
    assert made.status == 201
    assert made.json["secret"].startswith("whsec_")
    listed = program.call("GET", path)
    assert [webhook["url"] for webhook in listed.json["webhooks"]] == [URL]
    assert made.json["secret"] not in json.dumps(listed.json)
    webhook_id = made.json["webhook"]["webhook_id"]
    other = new_program(site, services)
    assert other.call("DELETE", f"{path}/{webhook_id}").status == 404
    assert program.call("DELETE", f"{path}/{webhook_id}").json == {"webhook_id": webhook_id, "removed": True}
    assert program.call("POST", path, {"url": "https://10.0.0.1/"}).json["code"] == "webhook_address"


def test_a_strangers_browser_is_sent_to_sign_in(site: Any) -> None:
    assert Browser(site, SITE_URL).get(PATH).location.startswith("/login?next=")
