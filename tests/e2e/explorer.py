"""The service whose one finished job all tests of the results' pages look at (`look` in conftest)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.local.environment import PROGRAMS
from scripts.local.stack import Stack
from tests.explored import BUNDLE


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
