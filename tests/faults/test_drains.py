"""Hosts that have to go in mid-job. `python -m scripts.drains` does the same a hundred times."""

from pathlib import Path

import pytest

from scripts.prove import drains

pytestmark = pytest.mark.xdist_group("drains")

ROUNDS = 4


def test_hosts_go_at_random_moments_and_every_job_is_finished(tmp_path: Path) -> None:
    tally = drains.run(tmp_path / "stack", ROUNDS, "tests", hosts=2)
    assert sum(tally.rounds.values()) == len(tally.seconds) == ROUNDS
    assert max(tally.seconds) < drains.NOTICE_SECONDS
    assert tally.jobs >= ROUNDS
    assert tally.failed == tally.faults == 0


def test_a_broken_promise_is_told() -> None:
    with pytest.raises(drains.Broken, match=r"Waited 0 s for rain"):
        drains.await_true(lambda: False, "rain", patience=0)
