import threading
from typing import Any

import pytest

from agents import lease
from agents.lease import BEATS_A_LEASE, LeaseLost
from gas import aws
from gas.jobs import Job, JobStatus, JobStore
from tests.conftest import AwsStandIn
from tests.deployment import Clock, Deployment, until
from tests.fixtures import Lines

LEASE = 90
BEAT = 0.01


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(place: Deployment, clock: Clock) -> JobStore:
    return JobStore(aws.table(place.settings, "annotations"), clock, lease_seconds=LEASE)


@pytest.fixture
def mine(place: Deployment, jobs: JobStore) -> Job:
    return jobs.claim(place.job(), "host:1")


def now(jobs: JobStore, mine: Job) -> Job:
    found = jobs.get(mine.job_id)
    assert found is not None
    return found


class Counted:
    """A store that tells how often it was asked for a heartbeat."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.beats: list[tuple[int, int | None]] = []

    def heartbeat(self, mine: Job, done: int, total: int | None) -> Job:
        self.beats.append((done, total))
        return self._jobs.heartbeat(mine, done, total)


def test_progress_reaches_the_item_at_the_next_beat(jobs: JobStore, mine: Job) -> None:
    with lease.kept(jobs, mine, LEASE, BEAT) as held:
        held.report(5, None)
        until(lambda: now(jobs, mine).progress_done == 5)
        held.report(400, 1000)
        until(lambda: now(jobs, mine).progress_done == 400)
        assert now(jobs, mine).progress_total == 1000
        held.check()


def test_the_lease_is_extended_several_times_within_its_time_and_not_oftener(jobs: JobStore, mine: Job) -> None:
    seconds = Clock()
    looks: list[int] = []

    def monotonic() -> float:
        looks.append(1)
        return seconds()

    counted: Any = Counted(jobs)
    with lease.kept(counted, mine, LEASE, BEAT, monotonic):
        seconds.move(LEASE / BEATS_A_LEASE - 1)
        until(lambda: len(looks) > 5)
        assert counted.beats == []
        seconds.move(1)
        until(lambda: counted.beats)
        seen = len(looks)
        until(lambda: len(looks) > seen + 5)
        assert counted.beats == [(0, None)]


def test_a_job_that_is_cancelled_is_lost(jobs: JobStore, mine: Job) -> None:
    with lease.kept(jobs, mine, LEASE, BEAT) as held:
        jobs.cancel(mine.job_id)
        held.report(1, 2)
        assert held.lost.wait(30)
        with pytest.raises(LeaseLost):
            held.check()
    assert now(jobs, mine).job_status is JobStatus.CANCELLED


def test_a_job_that_another_has_taken_over_is_lost(jobs: JobStore, mine: Job, clock: Clock) -> None:
    with lease.kept(jobs, mine, LEASE, BEAT) as held:
        clock.move(LEASE)
        heir = jobs.claim(mine, "host:2")
        held.report(1, 2)
        assert held.lost.wait(30)
    assert now(jobs, mine) == heir


@pytest.mark.parametrize("fault", [{"kind": "error", "code": "AccessDeniedException"}, {"kind": "timeout"}])
def test_a_beat_that_fails_is_told_and_tried_again(
    jobs: JobStore, mine: Job, faulty: AwsStandIn, lines: Lines, fault: dict[str, Any]
) -> None:
    # The SDK itself tries a cut connection again four times.
    faulty.fault(service="dynamodb", operation="UpdateItem", match=mine.job_id, count=5, **fault)
    with lease.kept(jobs, mine, LEASE, BEAT) as held:
        held.report(5, 10)
        until(lambda: now(jobs, mine).progress_done == 5)
        assert not held.lost.is_set()
    assert lines.of("lease_not_extended")[0]["reason"]


def test_nothing_beats_afterwards(jobs: JobStore, mine: Job) -> None:
    def keepers() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == f"lease-{mine.job_id}"]

    class Odd(Exception):
        pass

    def work() -> None:
        with lease.kept(jobs, mine, LEASE, BEAT):
            assert len(keepers()) == 1
            raise Odd

    with pytest.raises(Odd):
        work()
    assert keepers() == []


def test_an_end_that_is_committed_inside_is_not_disturbed(jobs: JobStore, mine: Job) -> None:
    seconds = Clock()
    with lease.kept(jobs, mine, LEASE, BEAT, seconds) as held:
        ended = jobs.fail(mine, "why")
        seconds.move(LEASE)
        assert held.lost.wait(30)
    assert now(jobs, mine) == ended
