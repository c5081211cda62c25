"""Fixtures that the tests of `gas` and of `agents` share; their conftest modules import them."""

import io
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from gas import telemetry
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, clients_made_once, create, environment, settings_of


@pytest.fixture(scope="session")
def aws_environment(aws_standin: AwsStandIn) -> Iterator[None]:
    """The process's own environment leads to the stand-in."""
    with environment(aws_standin.env), clients_made_once():
        yield


@pytest.fixture
def faulty(aws_standin: AwsStandIn, aws_environment: None) -> Iterator[AwsStandIn]:
    """The stand-in, to be given fault rules; they end with the test."""
    yield aws_standin
    aws_standin.clear_faults()


@pytest.fixture
def deploy(aws_environment: None, tmp_path: Path) -> Callable[..., Deployment]:
    """Creates a deployment: `deploy(queues=[…], tables=[…], buckets=[…], setting=value, …)`."""

    def make(
        queues: tuple[str, ...] = (), tables: tuple[str, ...] = (), buckets: tuple[str, ...] = (), **changes: Any
    ) -> Deployment:
        settings = settings_of(tmp_path, **changes)
        create(settings, queues, tables, buckets)
        return Deployment(settings)

    return make


@dataclass
class Lines:
    """The log lines that were written so far."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.all if line.get("event") == event]

    def metrics(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.all if "_aws" in line and name in line]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The log as an operator reads it."""
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    written = Lines()
    telemetry.configure("test", stream=written.stream)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    telemetry._metrics = telemetry._Metrics()


@pytest.fixture
def unique() -> str:
    """A name that nothing else in the stand-in has."""
    return f"t{uuid.uuid4().hex}"
