"""The application as a whole: the route table, what goes wrong, and how it starts."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL, Member
from webserver import app as app_module
from webserver import services as web_services
from webserver.app import ROUTES, make_app
from webserver.problems import PROBLEM_JSON
from webserver.services import Services
from webserver.web import MAX_BODY_BYTES, Route, Visit, prefers_json

ROOT = Path(__file__).resolve().parents[3]
JSON = {"Accept": "application/json"}


# The route table


def test_every_route_is_documented_and_every_documented_route_exists() -> None:
    documented = set()
    for method, path, who in re.findall(
        r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)` \| (\w+) \|", (ROOT / "docs" / "routes.md").read_text("utf-8"), re.M
    ):
        documented.add((method, path, who))
    existing = {
        (
            route.method,
            re.sub(r"<(\w+)\b[^>]*>", r"<\1>", re.sub(r"<job_id[^>]*>", "<id>", route.path)),
            ("program" if route.api else "admin" if route.admin else "member") if route.signed_in else "anyone",
        )
        for route in ROUTES
    }
    assert documented == existing | {("GET", "/static/<path>", "anyone")}


def test_every_problem_code_is_documented() -> None:
    text = (ROOT / "docs" / "routes.md").read_text("utf-8").split("## Codes")[1]
    sources = [*ROOT.glob("webserver/*.py"), *ROOT.glob("webserver/*/*.py")]
    used = {code for source in sources for code in re.findall(r'\bcode="(\w+)"', source.read_text("utf-8"))}
    assert used == set(re.findall(r"`(\w+)`", text.split("`reference`")[0]))


def test_no_two_routes_answer_the_same_request() -> None:
    keys = [(route.method, route.path) for route in ROUTES]
    assert len(keys) == len(set(keys))


# What goes wrong


def failing(services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Browser:
    """A site whose front page raises."""

    def view(visit: Visit) -> Any:
        raise error

    monkeypatch.setattr(app_module, "ROUTES", (Route("GET", "/", view, signed_in=False),))
    return Browser(make_app(services), SITE_URL)


def test_our_fault_shows_a_reference_and_no_traceback(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = failing(services, monkeypatch, RuntimeError("secret detail"))
    with structlog.testing.capture_logs() as logs:
        page = browser.get("/")
    assert page.status == 500
    reference = page.header("X-Request-Id")
    assert f"<code>{reference}</code>" in page.text
    assert "secret detail" not in page.text
    assert "Traceback" not in page.text
    (failure,) = [line for line in logs if line["event"] == "view_failed"]
    assert failure["reference"] == reference
    document = browser.get("/", **JSON)
    assert document.header("Content-Type") == PROBLEM_JSON
    assert document.json["status"] == 500
    assert document.json["reference"] == document.header("X-Request-Id")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://internal.example"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "internal.example"}}, "GetItem"),
    ],
    ids=str,
)
def test_a_dependency_that_does_not_answer_is_a_503(
    services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    browser = failing(services, monkeypatch, error)
    page = browser.get("/")
    assert page.status == 503
    assert page.header("Retry-After") == "30"
    assert "Your files and jobs are safe" in page.text
    assert "internal.example" not in page.text
    assert browser.get("/", **JSON).json["status"] == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/annotations/x", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("DELETE", "/annotations", 405),
        ("PUT", "/", 405),
        ("GET", "/logout", 405),
    ],
)
def test_what_does_not_exist_is_refused_as_page_and_as_problem(
    browser: Browser, method: str, path: str, status: int
) -> None:
    page = browser.request(method, path, b"", {})
    assert page.status == status
    assert (page.header("Content-Type") or "").startswith("text/html")
    assert f'<p class="eyebrow">{status}</p>' in page.text
    document = browser.request(method, path, b"", JSON)
    assert (document.status, document.header("Content-Type")) == (status, PROBLEM_JSON)
    assert document.json["status"] == status
    assert document.json["detail"]
    if status == 405:
        assert document.header("Allow")


def test_error_pages_know_who_is_signed_in(member: Member, browser: Browser) -> None:
    assert "Sign out" in member.browser.get("/nothing").text
    assert "Sign out" not in browser.get("/nothing").text


def test_a_refusal_links_to_what_can_be_done(member: Member) -> None:
    page = member.browser.get("/nothing").text
    assert '<a class="btn btn-primary" href="/annotations">' in page


def test_an_error_page_is_shown_even_when_sessions_cannot_be_read(
    member: Member, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise EndpointConnectionError(endpoint_url="dynamodb")

    monkeypatch.setattr(services.sessions, "find", down)
    assert member.browser.get("/nothing").status == 404
    assert member.browser.get("/profile").status == 503
    assert Browser(member.browser.app, SITE_URL).get("/healthz").status == 200


def test_a_large_body_is_refused(member: Member) -> None:
    answer = member.browser.post("/profile", {"institution": "x" * MAX_BODY_BYTES}, **JSON)
    assert answer.status == 413


def test_a_body_of_unknown_length_is_refused_before_it_is_read(member: Member) -> None:
    sent = {"Transfer-Encoding": "chunked", "Sec-Fetch-Site": "same-origin", **JSON}
    assert member.browser.request("POST", "/profile", b"institution=x", sent).status == 411


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(member: Member, body: bytes) -> None:
    sent = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", **JSON}
    answer = member.browser.request("POST", "/profile", body, sent)
    assert (answer.status, answer.json["status"]) == (400, 400)


# JSON or HTML


@pytest.mark.parametrize(
    ("accept", "json_wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/json, text/html;q=0.5", True),
        ("application/json;q=0.5, text/html", False),
        ("text/html, application/json", False),
        ("Application/JSON; charset=utf-8", True),
        ("application/json;q=x", False),
        (";;,,", False),
    ],
)
def test_who_gets_json(accept: str, json_wanted: bool) -> None:
    assert prefers_json(accept) is json_wanted


@pytest.mark.parametrize("path", ["/", "/profile", "/subscribe", "/annotations", "/annotate"])
def test_every_page_is_json_for_programs(member: Member, path: str) -> None:
    answer = member.browser.get(path, **JSON)
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    assert isinstance(answer.json, dict)
    assert "Accept" in (answer.header("Vary") or "")


# Static files


def test_static_files_with_their_digest_are_kept_by_browsers(browser: Browser) -> None:
    page = browser.get("/").text
    address = re.search(r'href="(/static/gas\.css\?v=[0-9a-f]{12})"', page)
    assert address
    answer = browser.get(address[1])
    assert answer.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert "immutable" not in (browser.get("/static/gas.css?v=0").header("Cache-Control") or "")


def test_everything_a_page_loads_exists(member: Member) -> None:
    page = member.browser.get("/annotate").text
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(found) >= 6
    for address in found:
        assert member.browser.get(address).status == 200, address
    styles = member.browser.get("/static/gas.css").text
    for font in re.findall(r'url\("([^"]+)"\)', styles):
        assert member.browser.get(f"/static/{font}").status == 200, font


# Starting


def test_a_public_site_without_https_does_not_start(services: Services) -> None:
    settings = services.settings.model_copy(update={"site_url": "http://gas.example.org"})
    with pytest.raises(ValueError, match="must be https"):
        web_services.build(settings)


def test_importing_the_module_reads_no_environment() -> None:
    code = "import webserver.app as a; print(callable(a.make_app))"
    done = subprocess.run([sys.executable, "-c", code], env={}, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_missing_setting_is_named_at_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from webserver.app import app"], env={}, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "GAS_SITE_URL is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_there_is_only_one_lazy_attribute() -> None:
    with pytest.raises(AttributeError):
        _ = app_module.nothing  # type: ignore[attr-defined]


def test_a_user_deleted_from_the_table_is_signed_out(
    member: Member, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.users, "get", lambda _: None)
    assert member.browser.get("/profile").status == 303


@pytest.mark.parametrize(
    "name", ["Accept", "Origin", "Sec-Fetch-Site", "Cookie", "Authorization", "HX-Request", "Host"]
)
def test_a_header_of_no_known_encoding_breaks_nothing(browser: Browser, name: str) -> None:
    for path in ("/", "/annotations", "/api/v1/account", "/login"):
        assert browser.get(path, **{name: "\xd7\xf8"}).status < 500
