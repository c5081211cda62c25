"""Each process may do what it does, and nothing else."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from scripts.local.stack import Stack
from tests.terraform.life import SHORT_TIMES, Life, live
from tests.terraform.policies import Grant, grants, render
from tests.terraform.requests import Need, Noted, needs, read

# One life for both tests of a backend: wherever they run, they run in the same worker.
BACKENDS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("glacier-vault", "s3-glacier")]
Calls = dict[str, dict[Need, Noted]]


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def allowed(backend: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Grant]]:
    """What each process may do."""
    documents = render(tmp_path_factory.mktemp("policies"), archive_backend=backend)["processes"]
    return {process: list(grants(document)) for process, document in documents.items()}


@pytest.fixture(scope="module")
def needed(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """What each process needs to be allowed, and a call that shows it."""
    folder = tmp_path_factory.mktemp("life")
    faults, calls = folder / "faults", folder / "calls.jsonl"
    faults.mkdir()
    settings = {"GAS_ARCHIVE_BACKEND": backend, "GAS_FAULTS": str(faults), "AWS_STANDIN_CALLS": str(calls)}
    with Stack(folder / "stack", {**SHORT_TIMES, **settings}) as stack:
        live(Life(stack, faults))
    found: Calls = defaultdict(dict)
    for call in read(calls):
        for process in callers(call):
            for need in needs(call):
                found[process].setdefault(need, call)
    return found


def callers(call: Noted) -> Iterator[str]:
    """The process that made the call, or signed it for a browser."""
    if call.signed == "presigned":
        yield "web"
    elif call.app.startswith("gas-"):
        # An annotator is one of several: gas-annotator-0.
        yield call.app.removeprefix("gas-").rstrip("-0123456789")


def test_every_call_is_allowed(needed: Calls, allowed: dict[str, list[Grant]]) -> None:
    missing = [
        f"{process} lacks {need.action} on {need.resource}, for {call.operation} {dict(need.context) or ''}"
        for process, calls in needed.items()
        for need, call in calls.items()
        if not any(grant.allows(need) for grant in allowed[process])
    ]
    assert not missing, "\n".join(sorted(missing))


def test_everything_allowed_is_needed(needed: Calls, allowed: dict[str, list[Grant]]) -> None:
    unused = [
        f"{process} never uses {grant}"
        for process, all_grants in allowed.items()
        for grant in all_grants
        if not any(grant.allows(need) for need in needed[process])
    ]
    assert not unused, "\n".join(sorted(unused))
