"""The rules themselves, and that every route of the application keeps them."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from gas.job import Job
from tests.unit.webserver.browser import Answer, Browser
from tests.unit.webserver.conftest import SITE_URL, Clock, Member, sign_in_somebody
from webserver.app import ROUTES, make_app
from webserver.pages import genome
from webserver.security import (
    Policy,
    cookies_for,
    foreign_request,
    inside,
    is_loopback,
    merge_headers,
    network_of,
    origin_of,
)
from webserver.services import Services
from webserver.web import Route

SOME_ID = "01234567-89ab-cdef-0123-456789abcdef"
SOME_LINK = "0123456789abcdef" * 4
# Programs' routes read no cookie: tests/unit/webserver/api tests what guards them.
PAGES = [route for route in ROUTES if not route.api]
POSTS = [route for route in PAGES if route.method == "POST"]
GETS = [route for route in PAGES if route.method == "GET"]


def concrete(route: Route, job_id: str = SOME_ID, what: str = "result") -> str:
    """A path that the route matches."""
    path = re.sub(r"<what[^>]*>", what, re.sub(r"<job_id[^>]*>", job_id, route.path))
    path = re.sub(r"<share_id[^>]*>", SOME_LINK, path)
    path = re.sub(r"<webhook_id[^>]*>", SOME_ID, path)
    path = re.sub(r"<kind[^>]*>", "tsv", re.sub(r"<row[^>]*>", "0", path))
    return re.sub(r"<queue[^>]*>", "archive", path)


def name(route: Route) -> str:
    return f"{route.method} {concrete(route)}"


@pytest.fixture(scope="module")
def bystander(built_services: tuple[Clock, Services]) -> Member:
    """A member for the many tests that change nothing of theirs."""
    return sign_in_somebody(make_app(built_services[1]), built_services[1])


# Every POST refuses what another site's page, or nobody in particular, sends


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.127.0.0.1"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": SITE_URL},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"{SITE_URL}.evil.example"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": SITE_URL.replace("http:", "https:")},
    {"Referer": f"{SITE_URL}/annotate"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("route", POSTS, ids=name)
def test_every_post_refuses_a_foreign_origin(bystander: Member, route: Route, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **headers}
    answer = bystander.browser.request("POST", concrete(route), b"institution=Evil", sent)
    assert (answer.status, answer.json["code"]) == (403, "foreign_origin")


def test_refused_posts_change_nothing(member: Member, services: Services, job_in: Callable[..., Job]) -> None:
    job = job_in(member.user)
    before = (services.users.get(member.user.user_id), services.jobs.get(job.job_id))
    for route in POSTS:
        member.browser.request("POST", concrete(route, job.job_id), b"", {"Origin": "https://evil.example"})
    assert (services.users.get(member.user.user_id), services.jobs.get(job.job_id)) == before
    assert member.browser.get("/profile").status == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": SITE_URL}], ids=str)
def test_the_sites_own_posts_are_taken(member: Member, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    assert member.browser.request("POST", "/profile", b"institution=Here", sent).status == 303


@pytest.mark.parametrize("route", GETS, ids=name)
def test_no_get_changes_the_account_or_the_job(
    member: Member, services: Services, job_in: Callable[..., Job], route: Route
) -> None:
    job = job_in(member.user)
    before = (services.users.get(member.user.user_id), services.jobs.get(job.job_id))
    member.browser.get(concrete(route, job.job_id))
    assert (services.users.get(member.user.user_id), services.jobs.get(job.job_id)) == before
    assert "gas" in member.browser.cookies


def test_a_state_change_cannot_be_asked_for_by_get(member: Member) -> None:
    gets = {route.path for route in GETS}
    for route in POSTS:
        if route.path not in gets:
            assert member.browser.get(concrete(route)).status == 405


# Every response carries the headers


def assert_guarded(answer: Answer) -> str:
    """The headers that protect; returns the CSP."""
    for header, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ):
        assert answer.all(header) == [value]
    assert answer.header("X-Request-Id")
    (policy,) = answer.all("Content-Security-Policy")
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' http"):
        assert rule in policy
    assert "unsafe" not in policy
    return policy


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_answer_is_guarded(app: Any, member: Member, route: Route, signed_in: bool) -> None:
    browser = member.browser if signed_in else Browser(app, SITE_URL)
    path = concrete(route)
    answer = browser.get(path) if route.method == "GET" else browser.post(path)
    assert_guarded(answer)
    if (answer.header("Content-Type") or "").startswith("text/html") and answer.body:
        assert answer.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("path", ["/nothing", "/static/gas.css", "/static/nothing", "/static/../app.py", "/%ff", "//"])
def test_answers_without_a_view_are_guarded_too(browser: Browser, path: str) -> None:
    assert_guarded(browser.get(path))


def test_nonces_differ_and_pages_have_no_inline_code(member: Member, job_in: Callable[..., Job]) -> None:
    job = job_in(member.user)
    policies = set()
    for path in ("/", "/annotations", f"/annotations/{job.job_id}", "/annotate", "/profile", "/subscribe", "/nothing"):
        answer = member.browser.get(path)
        policies.add(assert_guarded(answer))
        nonce = re.search(r"'nonce-([^']+)'", answer.header("Content-Security-Policy") or "")
        assert nonce
        for script in re.findall(r"<(?:script|style)\b[^>]*>", answer.text):
            assert " src=" in script or f'nonce="{nonce[1]}"' in script
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", answer.text)
    assert len(policies) == 7


def test_uploads_may_go_to_the_inputs_bucket_and_nowhere_else(browser: Browser, services: Services) -> None:
    policy = assert_guarded(browser.get("/"))
    origins = " ".join(services.uploads.origins())
    assert f"connect-src 'self' {origins};" in policy
    assert f"form-action 'self' {origins};" in policy


def test_only_https_sites_ask_browsers_to_stay_on_https() -> None:
    names = {header for header, _ in Policy("https://gas.example.org", ()).headers("n")}
    assert "Strict-Transport-Security" in names
    assert "Strict-Transport-Security" not in {header for header, _ in Policy(SITE_URL, ()).headers("n")}


# Another's things do not exist


OF_A_JOB = [route for route in PAGES if "<job_id" in route.path]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("route", OF_A_JOB, ids=name)
def test_another_users_job_does_not_exist(
    member_of: Callable[[], Member], services: Services, job_in: Callable[..., Job], route: Route, accept: str
) -> None:
    owner, other = member_of(), member_of()
    job = job_in(owner.user)
    for what in ("input", "result", "index", "log", "receipt") if "<what" in route.path else ("",):
        path = concrete(route, job.job_id, what)
        nobodys = concrete(route, SOME_ID, what)
        if route.method == "GET":
            mine, missing = other.browser.get(path, Accept=accept), other.browser.get(nobodys, Accept=accept)
        else:
            mine, missing = other.browser.post(path, Accept=accept), other.browser.post(nobodys, Accept=accept)
        assert mine.status == missing.status == 404
        # Word for word the answer for what has never been, apart from this response's own nonce and ids.
        assert _plain(mine.text, path) == _plain(missing.text, nobodys)
    assert services.jobs.get(job.job_id) == job


def _plain(text: str, path: str) -> str:
    return text.replace(path, "")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("route", [route for route in PAGES if route.admin], ids=name)
def test_an_operators_page_does_not_exist_for_others(
    bystander: Member, browser: Browser, route: Route, accept: str
) -> None:
    for one in (bystander.browser, browser):
        answers = [one.get, one.post][route.method == "POST"](concrete(route), Accept=accept)
        missing = one.get("/nothing", Accept=accept)
        assert answers.status == missing.status == 404
        assert _plain(answers.text, concrete(route)) == _plain(missing.text, "/nothing")


@pytest.mark.parametrize("route", [route for route in PAGES if route.signed_in and not route.admin], ids=name)
def test_strangers_are_sent_to_sign_in(browser: Browser, route: Route) -> None:
    path = concrete(route)
    if route.method == "GET":
        assert browser.get(path).location.startswith("/login?next=%2F")
        assert browser.get(path, Accept="application/json").status == 401
        assert browser.get(path, Sec_Fetch_Dest="empty").status == 401
    else:
        assert browser.post(path).status == 401
        assert browser.post(path, Accept="application/json").json["code"] == "sign_in"


VARIANTS = ("/variants", "/variants/0", "/variants/export/tsv")
GENOME = [f"/genome{path}" for path, _ in genome.VIEWS]


def test_only_these_routes_are_open_to_strangers() -> None:
    assert {name(route) for route in PAGES if not route.signed_in} == {
        "GET /",
        "GET /login",
        "GET /authcallback",
        "GET /profile/deleted",
        "POST /logout",
        "GET /logout/globus",
        # By a link, whose token is in a cookie: tests/unit/webserver/pages/test_shared.py.
        "GET /shared",
        "POST /shared",
        *(f"GET /shared/{SOME_LINK}{more}" for more in ("", "/status", "/download/result", *VARIANTS, *GENOME)),
        "GET /api",
        "GET /healthz",
        "GET /readyz",
    }


# The rules, each by itself


@pytest.mark.parametrize(
    "path",
    ["/annotations", "/annotations?status=FAILED&after=1.2", "/a%0Ab", "/a/../b", "/?next=https://evil.example", "/é"],
)
def test_paths_within_the_site_are_kept(path: str) -> None:
    assert inside(path) == path


@pytest.mark.parametrize(
    "path", [None, "", "x", "//x", "/\\x", "\\/x", "/\tx", "/\x00", "https://x", "/a b", "/\u2028"]
)
def test_paths_that_could_leave_the_site_are_not(path: str | None) -> None:
    assert inside(path, "/home") == "/home"


def test_a_request_from_a_page_of_the_site_is_not_foreign() -> None:
    assert foreign_request({"Sec-Fetch-Site": "same-origin"}, SITE_URL) is None
    assert foreign_request({"Origin": SITE_URL.upper()}, SITE_URL) is None
    assert foreign_request({}, SITE_URL) == "neither Sec-Fetch-Site nor Origin was sent"


def test_plain_http_is_for_this_machine_only() -> None:
    assert cookies_for("https://gas.example.org").session == "__Host-gas"
    assert not cookies_for("http://localhost:8080").secure
    assert not cookies_for("http://[::1]:8080").secure
    with pytest.raises(ValueError, match="must be https"):
        cookies_for("http://gas.example.org")
    with pytest.raises(ValueError, match="must be https"):
        cookies_for("http://127.0.0.1.example.org")


def test_loopback_addresses() -> None:
    assert is_loopback("127.9.9.9")
    assert not is_loopback("10.0.0.1")


def test_origins_have_no_path_and_no_capitals() -> None:
    assert origin_of("HTTP://Example.ORG:80/path?x") == "http://example.org:80"


def test_our_headers_win_over_a_views() -> None:
    merged = merge_headers([("x-frame-options", "ALLOW"), ("A", "1")], [("X-Frame-Options", "DENY")])
    assert merged == [("A", "1"), ("X-Frame-Options", "DENY")]


@pytest.mark.parametrize(
    ("forwarded", "peer", "network"),
    [
        ("", "203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.77", "10.0.0.1", "203.0.113.0/24"),
        # Only what our own balancer wrote, which is the last.
        ("6.6.6.6, 203.0.113.77", "10.0.0.1", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "", "203.0.113.0/24"),
        ("", "", ""),
        ("unknown", "10.0.0.1", ""),
        ("<script>", "", ""),
    ],
)
def test_of_an_address_only_the_network_is_kept(forwarded: str, peer: str, network: str) -> None:
    assert network_of(forwarded, peer) == network
