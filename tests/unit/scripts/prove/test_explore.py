"""The explorer finds a promise that is not kept, and nothing where all are. A process of its own: it changes moto."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from agents import moves, places
from gas.archives import Archive
from scripts.prove import inprocess, scenarios
from scripts.prove.doors import Clock, deployment
from scripts.prove.explore import Report, explore
from scripts.prove.world import Broken


def explored(folder: Path, careless: bool) -> Report | str:
    """Let an archiver meet an upgrade. A careless one deletes the objects before its commit."""
    store = moves.store

    def store_and_delete(*arguments: object) -> Archive:
        archive = store(*arguments)  # type: ignore[arg-type]
        _, storage, _, mine, _ = arguments
        places.clear(storage, mine, spare=set())  # type: ignore[arg-type]
        return archive

    if careless:
        moves.store = store_and_delete  # type: ignore[assignment]
    with inprocess.aws(EXPEDITED=0):
        doors = deployment(folder, "glacier-vault")
        meeting = scenarios.scenario(doors, Clock(time.time()), scenarios.hot, ("archive",))
        try:
            return explore(meeting, kills=1)
        except Broken as broken:
            return str(broken)


@pytest.mark.parametrize("careless", [False, True])
def test_a_result_that_is_nowhere_is_found_with_the_schedule_that_led_there(tmp_path: Path, careless: bool) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(explored, tmp_path, careless).result()
    if careless:
        assert isinstance(found, str)
        assert "not in S3" in found
        assert "The schedule: ['archive'" in found
    else:
        assert isinstance(found, Report)
        # It can be killed before and after each of its seven effects. Before two of them, commit and delete, it has
        # done nothing since the one before, and so it is not killed twice.
        assert found.schedules == 1 + 2 * 7 - 2
