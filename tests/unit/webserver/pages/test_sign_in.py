import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import boto3
import globus_sdk
import pytest
import structlog

from gas.topology import resource_name
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL, Clock, Member
from webserver import sessions
from webserver.app import make_app
from webserver.globus import Globus
from webserver.services import Services


def someone() -> str:
    return f"u{uuid.uuid4().hex}@example.org"


def begin(browser: Browser, next_path: str = "/annotations") -> str:
    """Start a sign-in; the address at Globus to which the browser is sent."""
    return browser.get(f"/login?next={quote(next_path, safe='')}").location


def rows(services: Services) -> list[dict[str, Any]]:
    name = resource_name(services.settings.name_prefix, "sessions")
    return boto3.resource("dynamodb", region_name="us-east-1").Table(name).scan()["Items"]


def test_sign_in_opens_a_session_and_leads_where_the_user_wanted_to_go(browser: Browser) -> None:
    answer = browser.sign_in(someone(), "/profile?x=1")
    assert (answer.status, answer.location) == (303, "/profile?x=1")
    profile = browser.get("/profile", Accept="application/json")
    assert profile.status == 200
    assert profile.json["role"] == "free_user"


def test_the_authorization_request_carries_state_nonce_and_a_pkce_challenge(browser: Browser) -> None:
    first, second = (parse_qs(urlsplit(begin(Browser(browser.app, SITE_URL))).query) for _ in range(2))
    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [f"{SITE_URL}/authcallback"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43


def test_a_signed_in_user_is_not_sent_to_globus_again(member: Member) -> None:
    assert member.browser.get("/login?next=/profile").location == "/profile"


def test_login_under_another_host_name_moves_to_the_sites_own(browser: Browser) -> None:
    answer = browser.get("/login?next=/profile", Host="localhost:8080")
    assert answer.location == f"{SITE_URL}/login?next=%2Fprofile"
    assert not browser.cookies


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/ /evil.example",
        "http:/evil.example",
        "@evil.example",
        "",
    ],
)
def test_nobody_is_led_off_the_site_after_signing_in(browser: Browser, target: str) -> None:
    assert browser.sign_in(someone(), target).location == "/annotations"


def assert_refused(browser: Browser, path: str) -> None:
    before = browser.cookies.get("gas")
    answer = browser.get(path)
    assert answer.status == 400, answer.text
    assert "Sign in again" in answer.text
    assert browser.cookies.get("gas") == before is None


def test_a_wrong_state_is_refused(browser: Browser) -> None:
    back = browser.at_globus(begin(browser), someone())
    query = dict(parse_qsl(urlsplit(back).query)) | {"state": "another"}
    assert_refused(browser, f"/authcallback?{urlencode(query)}")


def test_a_missing_state_is_refused(browser: Browser) -> None:
    query = dict(parse_qsl(urlsplit(browser.at_globus(begin(browser), someone())).query))
    del query["state"]
    assert_refused(browser, f"/authcallback?{urlencode(query)}")


def test_a_wrong_nonce_is_refused(browser: Browser) -> None:
    assert_refused(browser, browser.at_globus(begin(browser), someone(), nonce="another"))


def test_an_id_token_of_another_issuer_is_refused(services: Services) -> None:
    elsewhere = Globus(services.globus._read_secrets, SITE_URL, "https://issuer.example")
    browser = Browser(make_app(replace(services, globus=elsewhere)), SITE_URL)
    assert_refused(browser, browser.at_globus(begin(browser), someone()))


def test_a_callback_works_once(app: Any) -> None:
    browser, thief = Browser(app, SITE_URL), Browser(app, SITE_URL)
    back = browser.at_globus(begin(browser), someone())
    thief.cookies = dict(browser.cookies)
    assert browser.get(back).status == 303
    assert_refused(thief, back)


def test_a_code_that_was_redeemed_is_refused_in_a_new_sign_in(app: Any) -> None:
    first, second = Browser(app, SITE_URL), Browser(app, SITE_URL)
    back = first.at_globus(begin(first), someone())
    assert first.get(back).status == 303
    state = parse_qs(urlsplit(begin(second)).query)["state"][0]
    used = dict(parse_qsl(urlsplit(back).query)) | {"state": state}
    assert_refused(second, f"/authcallback?{urlencode(used)}")


def test_another_sign_ins_fresh_code_is_refused_by_pkce(app: Any) -> None:
    victim, attacker = Browser(app, SITE_URL), Browser(app, SITE_URL)
    stolen = dict(parse_qsl(urlsplit(attacker.at_globus(begin(attacker), someone())).query))["code"]
    state = parse_qs(urlsplit(begin(victim)).query)["state"][0]
    assert_refused(victim, f"/authcallback?{urlencode({'code': stolen, 'state': state})}")


def test_a_callback_in_another_browser_is_refused(app: Any) -> None:
    browser = Browser(app, SITE_URL)
    back = browser.at_globus(begin(browser), someone())
    assert_refused(Browser(app, SITE_URL), back)


def test_a_sign_in_that_took_too_long_is_refused(browser: Browser, clock: Clock) -> None:
    back = browser.at_globus(begin(browser), someone())
    clock.moved = sessions.SIGN_IN_SECONDS + 1
    assert_refused(browser, back)


def test_cancelling_at_globus_is_said_plainly(browser: Browser) -> None:
    back = browser.at_globus(begin(browser), "", cancel="1")
    answer = browser.get(back)
    assert answer.status == 400
    assert "it was cancelled" in answer.text


def test_every_sign_in_gets_a_new_session_and_ends_the_old_one(browser: Browser, services: Services) -> None:
    login = someone()
    browser.sign_in(login)
    first = browser.cookies["gas"]
    # As if the session had just ended elsewhere: /login would not begin a sign-in for somebody signed in.
    del browser.cookies["gas"]
    authorize = begin(browser)
    browser.cookies["gas"] = first
    assert browser.get(browser.at_globus(authorize, login)).status == 303
    assert browser.cookies["gas"] != first
    assert services.sessions.find(first) is None


def test_logging_out_ends_the_session_on_the_server(member: Member) -> None:
    cookies = dict(member.browser.cookies)
    assert member.browser.post("/logout").location == "/?done=signed-out"
    assert "gas" not in member.browser.cookies
    member.browser.cookies = cookies
    assert member.browser.get("/profile").location == "/login?next=%2Fprofile"


def test_logging_out_without_a_session_is_harmless(browser: Browser) -> None:
    assert browser.post("/logout").status == 303


def test_globus_own_sign_out_is_one_click_away(browser: Browser, globus_url: str) -> None:
    assert browser.get("/logout/globus").location.startswith(f"{globus_url}/v2/web/logout?")


def test_no_token_outlives_the_sign_in_or_is_kept(browser: Browser, services: Services) -> None:
    seen: list[str] = []
    real = globus_sdk.ConfidentialAppAuthClient.oauth2_token

    def remembering(*arguments: Any, **named: Any) -> Any:
        answer = real(*arguments, **named)
        seen.extend([answer["access_token"], answer["id_token"]])
        return answer

    with (
        patch.object(globus_sdk.ConfidentialAppAuthClient, "oauth2_token", remembering),
        structlog.testing.capture_logs() as logs,
    ):
        browser.sign_in(someone())
    access_token, id_token = seen
    assert services.globus.client.oauth2_token_introspect(access_token)["active"] is False
    everywhere = repr(rows(services)) + repr(browser.cookie_headers) + repr(logs)
    assert access_token not in everywhere
    assert id_token not in everywhere


def test_the_table_does_not_hold_what_the_cookie_holds(member: Member, services: Services) -> None:
    assert member.browser.cookies["gas"] not in repr(rows(services))


def test_neither_code_nor_state_reach_the_log(browser: Browser) -> None:
    back = browser.at_globus(begin(browser), someone())
    with structlog.testing.capture_logs() as logs:
        browser.get(back)
    for value in dict(parse_qsl(urlsplit(back).query)).values():
        assert value not in repr(logs)


def test_cookies_are_for_this_host_only_and_out_of_scripts_reach(browser: Browser) -> None:
    browser.sign_in(someone())
    for line in browser.cookie_headers:
        flags = {flag.strip().lower() for flag in line.split(";")[1:]}
        assert {"httponly", "path=/", "samesite=lax"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)


def test_on_a_real_site_cookies_are_secure_and_prefixed(services: Services) -> None:
    settings = services.settings.model_copy(update={"site_url": "https://gas.example.org"})
    # The same clients, but what depends on the address is worked out anew.
    browser = Browser(make_app(replace(services, settings=settings)), settings.site_url)
    browser.get("/login")
    assert list(browser.cookies) == ["__Host-gas-sign-in"]
    assert "; secure" in browser.cookie_headers[0].lower()


@pytest.mark.parametrize(
    ("seconds", "alive"), [(sessions.IDLE_SECONDS - 60, True), (sessions.IDLE_SECONDS + 60, False)]
)
def test_a_session_ends_when_it_is_not_used(member: Member, clock: Clock, seconds: int, alive: bool) -> None:
    clock.moved = seconds
    assert (member.browser.get("/profile").status == 200) is alive


def test_a_session_ends_in_any_case(member: Member, clock: Clock) -> None:
    step = sessions.IDLE_SECONDS // 2
    for _ in range(sessions.ABSOLUTE_SECONDS // step - 1):
        clock.moved += step
        assert member.browser.get("/profile").status == 200
    clock.moved = sessions.ABSOLUTE_SECONDS + 1
    assert member.browser.get("/profile").status == 303


def test_the_cookie_of_a_sign_in_is_no_session(browser: Browser) -> None:
    begin(browser)
    browser.cookies["gas"] = browser.cookies["gas-sign-in"]
    assert browser.get("/profile").status == 303


def test_globus_out_of_reach_is_said_plainly(services: Services) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise globus_sdk.NetworkError("gone", OSError("gone"))

    browser = Browser(make_app(services), SITE_URL)
    back = browser.at_globus(begin(browser), someone())
    with patch.object(globus_sdk.ConfidentialAppAuthClient, "oauth2_token", unreachable):
        answer = browser.get(back)
    assert answer.status == 503
    assert "Try again in a minute" in answer.text


def test_a_user_who_signs_in_again_keeps_role_and_institution(
    member_of: Callable[[], Member], app: Any, services: Services
) -> None:
    member = member_of()
    member.browser.post("/subscribe")
    member.browser.post("/profile", {"institution": "Elsewhere"})
    again = Browser(app, SITE_URL)
    again.sign_in(member.user.email)
    profile = again.get("/profile", Accept="application/json").json
    assert (profile["role"], profile["institution"]) == ("premium_user", "Elsewhere")
