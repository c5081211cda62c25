"""Fixtures for every test: the AWS stand-in, one process per test worker. The test process itself stays as it was."""

import json
import os
import queue
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import coverage
import pytest
import structlog

from tests import sources

sources.prefer()
# As structlog would do it, but for tracebacks: drawing boxes around each was a tenth of the web layer's tests.
structlog.configure(
    [
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
REGION = "us-east-1"
# moto keeps an account per access key; any key that it does not know belongs to account 123456789012.
ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


# What gas and agents do is measured by their own tests. Watching every line costs a fifth, and these do the same again
# on their way to something else.
UNMEASURED = ("e2e", "faults", "integration", "unit/scripts", "unit/webserver")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """pytest-cov's own mark leaves out the test alone, not what is set up for it."""
    elsewhere = any(item.path.is_relative_to(ROOT / "tests" / folder) for folder in UNMEASURED)
    measuring = coverage.Coverage.current() if elsewhere or item.get_closest_marker("unmeasured") else None
    if measuring is None:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@cache
def _session() -> Any:
    """Made once: each reads AWS's list of endpoints again, a tenth of a second."""
    import boto3

    return boto3.session.Session()


@dataclass(frozen=True)
class AwsStandIn:
    """A running stand-in: its URL and its own (`/_standin/`) pages."""

    url: str
    process: subprocess.Popen[str]

    @property
    def env(self) -> dict[str, str]:
        """What a process (or a boto3 client, by keyword) needs to talk to this stand-in instead of AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this stand-in, independent of the environment."""
        return _session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            **options,
        )

    def outbox(self, **filters: str | float) -> list[dict[str, Any]]:
        """Mails sent, newest first; filters: `to`, `since` (epoch seconds)."""
        return self._ask("GET", "outbox?" + urllib.parse.urlencode(filters))

    def fault(self, **rule: Any) -> dict[str, Any]:
        """Make calls fail: service, operation, kind, code, count, probability, seed, match (see `faults.py`)."""
        return self._ask("POST", "faults", rule)

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each has fired."""
        return self._ask("GET", "faults")

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def health(self) -> dict[str, Any]:
        """`status`, and `saved`: whether everything is on disk (None without --data)."""
        return self._ask("GET", "health")

    def reset(self) -> None:
        """Forget everything: resources, mails, faults, timers."""
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_standin/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


def start_standin(*arguments: str, **environment: str) -> AwsStandIn:
    """Start a stand-in on a free port and wait until it serves. The caller ends it (`process.terminate()`)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.local.aws", "--port", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first_line: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda out: first_line.put(out.readline()), args=(process.stdout,), daemon=True)
    reader.start()
    try:
        line = first_line.get(timeout=START_SECONDS)
    except queue.Empty:
        line = ""
    if not line:
        process.kill()
        raise RuntimeError("The AWS stand-in did not start; its own words are on standard error above.")
    return AwsStandIn(json.loads(line)["url"], process)


def stop_standin(standin: AwsStandIn) -> int:
    """End it as `make run` does and return its exit status."""
    standin.process.terminate()
    try:
        return standin.process.wait(timeout=30)
    finally:
        standin.process.kill()
        if standin.process.stdout is not None:
            standin.process.stdout.close()


@pytest.fixture(scope="session")
def aws_standin() -> Iterator[AwsStandIn]:
    """One stand-in per test worker, with Glacier jobs, restores and time to live in tenths of a second."""
    standin = start_standin(
        AWS_STANDIN_EXPEDITED_SECONDS="0.3",
        AWS_STANDIN_STANDARD_SECONDS="0.6",
        AWS_STANDIN_BULK_SECONDS="3",
        AWS_STANDIN_RESTORE_EXPEDITED_SECONDS="0.3",
        AWS_STANDIN_RESTORE_STANDARD_SECONDS="0.6",
        AWS_STANDIN_RESTORE_BULK_SECONDS="3",
        AWS_STANDIN_INVENTORY_SECONDS="0.05",
        AWS_STANDIN_TTL_SWEEP_SECONDS="0.3",
        AWS_STANDIN_REFRESH_SECONDS="1",
    )
    yield standin
    assert stop_standin(standin) == 0


@pytest.fixture
def aws_env(aws_standin: AwsStandIn) -> dict[str, str]:
    """The environment that points any AWS SDK at this worker's stand-in."""
    return aws_standin.env
