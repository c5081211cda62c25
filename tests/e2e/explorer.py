"""One finished job to look at, with a family and databases, that all tests of its pages share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from scripts.local.environment import PROGRAMS
from scripts.local.stack import Stack
from tests.e2e.conftest import Visit, state
from tests.explored import BUNDLE, build


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VCF with a family, beside the bundle that annotates it."""
    return build(tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="module")
def stack(family: Path, serve: Callable[[dict[str, str], tuple[str, ...]], Stack]) -> Stack:
    settings = {
        "GAS_PROGRESS_SECONDS": "0.3",
        "GAS_POLL_SECONDS": "1",
        "GAS_BUNDLES_DIR": str(family.parent),
        "GAS_BUNDLE": BUNDLE,
        "GAS_FREE_WINDOW": "3600",
    }
    return serve(settings, PROGRAMS)


@pytest.fixture(scope="module")
def done() -> dict[str, Any]:
    """The one job that all of these look at."""
    return {}


@pytest.fixture
def look(enter: Callable[..., Visit], family: Path, done: dict[str, Any]) -> Callable[..., Visit]:
    """Opens a page of the job, in a browser of its owner."""

    def look(path: str = "", **options: Any) -> Visit:
        visit = enter(**options)
        if not done:
            done["job"] = visit.submit(family)
            expect(state(visit.page)).to_have_text("Completed", timeout=60_000)
            done["cookies"] = visit.context.cookies()
        visit.context.clear_cookies()
        visit.context.add_cookies(done["cookies"])
        visit.open(f"/annotations/{done['job']}{path}")
        return visit

    return look
