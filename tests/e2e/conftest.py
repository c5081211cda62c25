"""A real browser in front of a real service: modules say which service they need, each test has its own browsers."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from scripts.local import loopback
from scripts.local.environment import PROGRAMS, ROOT
from scripts.local.site import Visitor
from scripts.local.stack import Stack
from tests.explored import build

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 30_000
BUCKET = "gas-inputs"
SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
JOB_PAGE = re.compile(r"/annotations/[0-9a-f-]{36}$")


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, str], tuple[str, ...]], Stack]]:
    """Starts a service, one at a time; a module that wants what the one before it had gets the same."""
    running: dict[object, Stack] = {}
    with ExitStack() as last:

        def serve(settings: dict[str, str], programs: tuple[str, ...]) -> Stack:
            wanted = (frozenset(settings.items()), programs)
            if wanted not in running:
                running.clear()
                last.close()
                running[wanted] = last.enter_context(Stack(tmp_path_factory.mktemp("e2e") / "s", settings, programs))
            return running[wanted]

        yield serve


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, serve: Callable[[dict[str, str], tuple[str, ...]], Stack]) -> Stack:
    """A service with the module's SETTINGS and its choice of PROGRAMS."""
    return serve(getattr(request.module, "SETTINGS", {}), getattr(request.module, "PROGRAMS", PROGRAMS))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "These tests drive Debian's Chromium: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """Somebody's browser: a window, and what can be done to its network."""

    stack: Stack
    context: BrowserContext
    page: Page
    cookies: list[Any]
    devtools: Any
    job_id: str = ""

    def open(self, path: str = "/annotate") -> None:
        self.page.goto(f"{self.stack.url}{path}")

    def choose(self, *files: Path) -> None:
        self.page.locator("#file").wait_for()
        self.loaded()
        self.page.locator("#file").set_input_files([str(file) for file in files])

    def loaded(self) -> None:
        """Wait for the page's scripts as a user does, who needs longer than they to find the next key or button."""
        self.page.wait_for_load_state("load")

    @property
    def row(self) -> Any:
        return self.page.locator(".transfer").first

    @property
    def status(self) -> Any:
        return self.row.locator('[data-part="status"]')

    def button(self, name: str) -> Any:
        return self.row.locator(f'[data-part="{name}"]')

    def slow_down(self, bytes_per_second: int) -> None:
        """As on a slow line; 0 lifts it."""
        self._network(uploadThroughput=bytes_per_second or -1)

    def cut_off(self) -> None:
        """As when the cable is pulled."""
        self._network(offline=True)

    def _network(self, **conditions: Any) -> None:
        usual = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.devtools.send("Network.emulateNetworkConditions", {**usual, **conditions})

    def submit(self, file: Path) -> str:
        """Upload a file; returns the id of its job, whose page is then open."""
        self.open()
        self.choose(file)
        return self.arrived()

    def arrived(self) -> str:
        """Wait for the job's page; returns the job's id."""
        self.page.wait_for_url(JOB_PAGE, timeout=PATIENCE_MS)
        return self.page.url.rpartition("/")[2]

    def arrives(self, file: Path) -> None:
        """The upload ends on the job's page, and storage has exactly the file."""
        assert self.stored(self.arrived()) == file.read_bytes()

    def stored(self, job_id: str) -> bytes:
        s3 = self.stack.client("s3")
        (found,) = [key for key in objects(self.stack) if f"/{job_id}/" in key]
        return bytes(s3.get_object(Bucket=BUCKET, Key=found)["Body"].read())


def objects(stack: Stack, bucket: str = BUCKET) -> list[str]:
    """The keys of what is stored."""
    pages = stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def state(page: Page) -> Locator:
    """The word for the job's state, on the job's page."""
    return page.get_by_role("region", name="Status").get_by_role("status")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


@pytest.fixture
def browse(stack: Stack, chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a browser in which nobody is signed in; afterwards no script may have failed or been refused."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    def browse(**options: Any) -> Visit:
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note)
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        return Visit(stack, context, page, [], devtools)

    yield browse
    for context in contexts:
        context.close()
    loopback.session().delete(f"{stack.aws_url}/_standin/faults", timeout=10)
    assert wrong == []


@pytest.fixture
def enter(stack: Stack, browse: Callable[..., Visit]) -> Callable[..., Visit]:
    """Signs somebody new in and opens the upload page."""

    def enter(**options: Any) -> Visit:
        visitor = Visitor(stack.url)
        visitor.sign_in(f"u{random.getrandbits(64):x}@example.org")
        visit = browse(**options)
        visit.cookies = [
            {"name": cookie.name, "value": cookie.value, "url": stack.url, "httpOnly": True, "sameSite": "Lax"}
            for cookie in visitor.cookies
        ]
        visit.context.add_cookies(visit.cookies)
        visit.open()
        return visit

    return enter


@pytest.fixture
def visit(enter: Callable[..., Visit]) -> Visit:
    return enter()


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VCF with a family, beside the bundle that annotates it."""
    return build(tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="session")
def finished() -> dict[str, tuple[str, list[Any]]]:
    """Of each service the one job that is looked at, and the cookies of its owner."""
    return {}


@pytest.fixture
def look(
    enter: Callable[..., Visit], stack: Stack, family: Path, finished: dict[str, tuple[str, list[Any]]]
) -> Callable[..., Visit]:
    """Opens a page of the job, in a browser of its owner."""

    def look(path: str = "", **options: Any) -> Visit:
        visit = enter(**options)
        if stack.url not in finished:
            job_id = visit.submit(family)
            expect(state(visit.page)).to_have_text("Completed", timeout=60_000)
            finished[stack.url] = (job_id, visit.context.cookies())
        visit.job_id, cookies = finished[stack.url]
        visit.context.clear_cookies()
        visit.context.add_cookies(cookies)
        visit.open(f"/annotations/{visit.job_id}{path}")
        return visit

    return look
