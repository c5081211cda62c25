"""A whole service with shortened times, on which these tests do what happens to services."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local import loopback
from scripts.local.environment import BUNDLE, BUNDLES, ROOT
from scripts.local.site import Visitor
from scripts.local.stack import Stack

SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
PATIENCE_SECONDS = 120
# The proportions of production, twenty times as fast.
SHORT_TIMES = {
    "GAS_LEASE_SECONDS": "4",
    "GAS_HEARTBEAT_SECONDS": "2",
    "GAS_VISIBILITY_SECONDS": "6",
    "GAS_PROGRESS_SECONDS": "0.3",
    "GAS_SWEEP_SECONDS": "1",
    "GAS_OUTBOX_SECONDS": "2",
    "GAS_POLL_SECONDS": "1",
    "GAS_GRACE_SECONDS": "3",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of this module's own."""
    with Stack(tmp_path_factory.mktemp("service") / "stack", SHORT_TIMES) as running:
        yield running


@pytest.fixture
def stack(service: Stack) -> Iterator[Stack]:
    """The service, whole again after each test."""
    yield service
    heal(service)
    service.supervisor.start_groups(service.programs)
    service.supervisor.await_running(service.programs, time.monotonic() + PATIENCE_SECONDS)


@pytest.fixture
def visitor(stack: Stack) -> Visitor:
    """Ada, signed in."""
    browser = Visitor(stack.url)
    browser.sign_in("ada@example.org")
    return browser


def until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait for a condition and return its value; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.1)
    pytest.fail(f"waited {seconds:.0f} s for {what}")


def submit(visitor: Visitor, path: Path, name: str | None = None) -> str:
    """Upload a file and create its job; returns the job's id."""
    return visitor.create_job(visitor.upload(path, name))


def kill(stack: Stack, group: str) -> int:
    """`kill -9` one process of a supervised program; returns its old pid."""
    pid = next(process.pid for process in stack.supervisor.processes() if process.group == group and process.pid)
    os.kill(pid, signal.SIGKILL)
    return pid


def answers(stack: Stack) -> bool:
    """Whether the site answers."""
    try:
        return loopback.get(f"{stack.url}/healthz").ok
    except OSError:
        return False


def inject(stack: Stack, **rule: Any) -> None:
    """Make calls to the stand-in fail (see `scripts/local/aws/faults.py`)."""
    assert loopback.session().post(f"{stack.aws_url}/_standin/faults", json=rule, timeout=30).ok


def heal(stack: Stack) -> None:
    """Let every call succeed again."""
    assert loopback.session().delete(f"{stack.aws_url}/_standin/faults", timeout=30).ok


def mails(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """The mails that name a job."""
    return [mail for mail in stack.outbox() if job_id in json.dumps(mail)]


def many_variants(folder: Path, positions: int) -> Path:
    """A VCF with every possible SNV of the first positions of the mitochondrion: long enough to be interrupted."""
    sequence = (BUNDLES / BUNDLE / "sequence.bin").read_bytes().decode("ascii")
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for position, reference in enumerate(sequence[:positions], start=1):
        lines += [f"MT\t{position}\t.\t{reference}\t{base}\t.\t.\t." for base in "ACGT" if base != reference != "N"]
    path = folder / "many.vcf"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
