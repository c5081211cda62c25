"""A visitor of a running site: what a browser does to get a file annotated, over plain HTTP."""

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.cookies import RequestsCookieJar

from scripts.local import loopback
from scripts.local.loopback import TIMEOUT_SECONDS

FINISHED = {"COMPLETED", "FAILED", "CANCELLED"}
POLL_SECONDS = 0.1
CHUNK_BYTES = 1 << 20


class VisitFailed(Exception):
    """The site did not do what was asked; says in its own words why."""


class Visitor:
    """One browser session with the site at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = loopback.session()
        # A browser says with each POST which page it comes from; the site refuses those that do not.
        self._session.headers["Origin"] = url

    @property
    def cookies(self) -> RequestsCookieJar:
        """What a browser keeps between two visits."""
        return self._session.cookies

    @cookies.setter
    def cookies(self, kept: RequestsCookieJar) -> None:
        self._session.cookies = kept

    def sign_in(self, login: str, name: str = "") -> None:
        """Sign in through the Globus stand-in's page, as that person. Raises VisitFailed."""
        page = self._get(f"{self.url}/login?next=/annotations")
        form = read_form(page.text, "type")
        target = urljoin(page.url, form.action)
        landed = self._get(target, params={**form.fields, "login_as": login, "name": name})
        if urlsplit(landed.url)[:3] != urlsplit(f"{self.url}/annotations")[:3]:
            raise VisitFailed(f"Signing in ended at {landed.url}.")

    def upload(self, path: Path, name: str | None = None) -> str:
        """Upload a file in parts, straight to storage; returns the ticket that becomes a job. Raises VisitFailed."""
        size = path.stat().st_size
        begun = self.post("/annotate/uploads", {"name": name or path.name, "size": size})
        ticket, addresses = begun["ticket"], begun["addresses"]
        with path.open("rb") as file:
            for number in range(1, begun["part_count"] + 1):
                if str(number) not in addresses:
                    addresses = self.post("/annotate/uploads/parts", {"ticket": ticket, "numbers": [number]})[
                        "addresses"
                    ]
                part = file.read(begun["part_size"])
                self._put(addresses[str(number)], part)
        self.post("/annotate/uploads/complete", {"ticket": ticket})
        return str(ticket)

    def create_job(self, ticket: str) -> str:
        """Turn an upload into a job; returns its id. Raises VisitFailed."""
        return str(self.post("/annotate/job", {"ticket": ticket})["job_id"])

    def status(self, job_id: str) -> dict[str, Any]:
        """The job's page as JSON: `job`, `receipt`, `queue_position`, `can`. Raises VisitFailed."""
        answer = self._get(f"{self.url}/annotations/{job_id}/status", headers={"Accept": "application/json"})
        return dict(answer.json())

    def wait(
        self, job_id: str, patience: float, on_change: Callable[[dict[str, Any]], None] = lambda status: None
    ) -> dict[str, Any]:
        """The status once the job has ended; `on_change` sees each new one. Raises VisitFailed."""
        deadline = time.monotonic() + patience
        last: dict[str, Any] = {}
        while True:
            status = self.status(job_id)
            if status != last:
                on_change(status)
                last = status
            if status["job"]["status"] in FINISHED:
                return status
            if time.monotonic() > deadline:
                raise VisitFailed(f"After {patience:.0f} seconds the job is still {status['job']['status']}.")
            time.sleep(POLL_SECONDS)

    def log(self, job_id: str) -> str:
        """The job's log. Raises VisitFailed."""
        answer = self._get(f"{self.url}/annotations/{job_id}/log", headers={"Accept": "application/json"})
        return str(answer.json()["log"])

    def download(self, job_id: str, what: str, path: Path) -> Path:
        """Save the job's `input`, `result`, `index`, `log` or `receipt`. Raises VisitFailed."""
        answer = self._get(f"{self.url}/annotations/{job_id}/download/{what}", stream=True)
        with answer, path.open("wb") as file:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
        return path

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST an object to the site and return the one that it answers with. Raises VisitFailed."""
        answer = self._session.post(
            f"{self.url}{path}", json=body, headers={"Accept": "application/json"}, timeout=TIMEOUT_SECONDS
        )
        return dict(_good(answer).json())

    def _get(self, url: str, **options: Any) -> requests.Response:
        return _good(self._session.get(url, timeout=TIMEOUT_SECONDS, **options))

    def _put(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        _good(self._session.put(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS))


class Form:
    """A form of a page: where it goes and its hidden fields."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: dict[str, str] = {}


def read_form(page: str, form_id: str) -> Form:
    """The form with that id. Raises VisitFailed where the page has none."""
    parser = _FormParser(form_id)
    parser.feed(page)
    if parser.form is None:
        raise VisitFailed(f"The page has no form {form_id!r}.")
    return parser.form


class _FormParser(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self._form_id = form_id
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == self._form_id:
            self.form = Form(values.get("action", ""))
            self._inside = True
        elif tag == "input" and self._inside and self.form and values.get("type") == "hidden":
            self.form.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def _good(answer: requests.Response) -> requests.Response:
    """The answer, if it is a good one. Raises VisitFailed with the site's own sentence otherwise."""
    if answer.ok:
        return answer
    where = f"{answer.request.method} {urlsplit(answer.url).path}: {answer.status_code}"
    if "json" in answer.headers.get("Content-Type", ""):
        raise VisitFailed(f"{where}: {answer.json().get('detail', '')}")
    words = " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", answer.text).split())
    raise VisitFailed(f"{where}: {words[:300]}")
