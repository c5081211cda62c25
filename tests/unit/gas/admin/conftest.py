"""What the tests of the operator's commands share: the agents over one deployment, and the command line itself."""

import time
from collections.abc import Callable, Iterator

import pytest

from gas import cli, telemetry
from tests.deployment import Deployment, create, environment, environment_of, settings_of
from tests.fixtures import Lines
from tests.shelf import WINDOW, Shelf
from tests.shelf import shelf as make_shelf

Command = Callable[..., tuple[int, str, str]]
# The stand-in's own clock is the real one: what the agents do happened long before any inventory.
LONG_AGO = 10_000


@pytest.fixture(params=["glacier-vault", "s3-glacier"])
def shelf(
    aws_environment: None, lines: Lines, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Shelf]:
    """The agents that move results, over either backend, in a deployment of its own."""
    settings = settings_of(tmp_path_factory.mktemp("admin"), archive_backend=request.param, free_window=WINDOW)
    queues = ["job-requests", "notify", "webhooks", "archive", "restore", "thaw"]
    create(settings, queues=queues, tables=["annotations", "users"], buckets=["inputs", "results"])
    made = make_shelf(Deployment(settings), archive_backend=request.param)
    made.clock.seconds = time.time() - LONG_AGO
    with environment(environment_of(made.place.settings)):
        yield made


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `gas admin …`; returns exit status, standard output and standard error."""
    # Log lines go where the test reads them.
    monkeypatch.setattr(telemetry, "configure", lambda *_: None)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.run(["admin", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
