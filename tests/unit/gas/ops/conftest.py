"""What the tests of `gas ops` share: groups of hosts in the stand-in, and the command line itself."""

from collections.abc import Callable, Iterator

import pytest

from gas import cli
from gas.ops.account import Account
from scripts.local import fleet
from tests.conftest import REGION
from tests.deployment import Deployment, client, create, environment, settings_of
from tests.fixtures import aws_environment, faulty

__all__ = ["aws_environment", "faulty"]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """An installation with a table of jobs and no hosts; `gas ops` looks at it."""
    settings = settings_of(tmp_path_factory.mktemp("ops"))
    create(settings, tables=["annotations"])
    with environment({"GAS_NAME_PREFIX": settings.name_prefix, "GAS_REGION": REGION}):
        yield Deployment(settings)


@pytest.fixture
def account(place: Deployment) -> Account:
    """The same, with a clock that moves only when somebody sleeps."""
    clock = [1_000_000.0]
    return Account(REGION, place.settings.name_prefix, lambda: clock[0], lambda s: clock.__setitem__(0, clock[0] + s))


@pytest.fixture
def group(place: Deployment) -> Callable[..., list[str]]:
    """Makes a role's group; returns the ids of its instances: `group("web", size=2)`."""

    def make(role: str, size: int = 1, version: str = "1.0") -> list[str]:
        return fleet.create_group(client("ec2"), client("autoscaling"), place.settings.name_prefix, role, size, version)

    return make


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `gas ops …`; returns exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.run(["ops", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
