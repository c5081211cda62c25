"""What the agents' tests share: a deployment with everything, a bundle, and a program in the child's place."""

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.annotator import Annotator
from gas.config import Settings
from gas.jobs import JobStore
from tests.deployment import Deployment, create, environment, environment_of, settings_of, until
from tests.fixtures import aws_environment, deploy, faulty, lines, unique
from tests.genome import bundles
from tests.shelf import Shelf
from tests.shelf import shelf as make_shelf

__all__ = ["aws_environment", "bundles", "deploy", "faulty", "lines", "unique"]

# Not the real child: does what the lines of its input say, so that a test decides when it waits, fails or dies.
PROGRAM = (sys.executable, "-I", "-S", str(Path(__file__).with_name("program.py")))


@pytest.fixture(scope="session")
def shared_settings(aws_environment: None, bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of one deployment for all tests that mind only jobs of their own."""
    settings = settings_of(tmp_path_factory.mktemp("shared"), bundles_dir=bundles)
    create(settings, queues=["job-requests", "notify"], tables=["annotations", "users"], buckets=["inputs", "results"])
    return settings


@pytest.fixture
def place(shared_settings: Settings, tmp_path: Path) -> Deployment:
    """That deployment, with a scratch folder of this test's own."""
    return Deployment(shared_settings.model_copy(update={"scratch_dir": tmp_path / "scratch"}))


@pytest.fixture(scope="session")
def archive_settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One deployment for all tests that move results of users of their own."""
    settings = settings_of(tmp_path_factory.mktemp("archive"))
    queues = ["job-requests", "notify", "archive", "restore", "thaw"]
    create(settings, queues=queues, tables=["annotations", "users"], buckets=["inputs", "results"])
    return settings


@pytest.fixture(params=["glacier-vault", "s3-glacier"])
def shelf(archive_settings: Settings, request: pytest.FixtureRequest) -> Shelf:
    """The agents that move results, over either backend."""
    return make_shelf(Deployment(archive_settings), archive_backend=request.param)


@pytest.fixture
def annotator_of() -> Callable[..., Annotator]:
    """Makes the annotator of a deployment: `annotator_of(place, program, setting=value, …)`."""

    def make(
        place: Deployment, program: Sequence[str] = PROGRAM, jobs: JobStore | None = None, **changes: Any
    ) -> Annotator:
        settings = place.settings.model_copy(update=changes)
        store = jobs or place.jobs
        made = Annotator(settings, store, place.storage, place.announcer, "test-host:1", random.Random(3))
        return replace(made, program=program)

    return make


def script(*commands: Sequence[Any]) -> bytes:
    """An input that tells `program.py` what to do."""
    return "".join(json.dumps(list(command)) + "\n" for command in commands).encode()


def run_until(main: Callable[[], object], settings: Settings, done: Callable[[], object]) -> None:
    """Run an agent's program in this process; SIGTERM ends it when what it is run for is done, or does not come."""

    def stop_when_done() -> None:
        try:
            until(done)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop_when_done)
    # Where the program has not begun to listen for the signal yet, the test's own process must outlive it.
    handler = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        stopper.start()
        with environment(environment_of(settings)):
            main()
    finally:
        stopper.join()
        signal.signal(signal.SIGTERM, handler)
