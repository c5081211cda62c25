"""What operators see of jobs: counted right, from a bounded look, and no more than they should see."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from gas.admin import job_numbers
from gas.admin.job_numbers import Seen, Use
from gas.items import shard_of
from gas.job import FINISHED, UNFINISHED, Job, JobStatus, Outcome
from gas.jobs import JobStore
from tests.deployment import Clock, Deployment, new_job

OUTCOME = Outcome("results", "r.vcf.gz", "r.tbi", "r.log", "r.json", "s.json", 100, 10, 7, 2, 1)
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(deploy: Callable[..., Deployment], clock: Clock) -> JobStore:
    return JobStore(deploy(tables=("annotations",)).jobs.table, clock)


@pytest.fixture
def submit(jobs: JobStore) -> Callable[..., Job]:
    def submit(**fields: object) -> Job:
        job = replace(new_job(submit_time=jobs.now(), input_size=100), **fields)  # type: ignore[arg-type]
        assert jobs.create(job)
        found = jobs.get(job.job_id)
        assert found is not None
        return found

    return submit


def counts(states: list[job_numbers.State]) -> dict[str, tuple[int, tuple[int, ...], int | None]]:
    return {str(state.status): (state.count, state.ages, state.oldest) for state in states}


def test_jobs_by_state_and_age(jobs: JobStore, clock: Clock, submit: Callable[..., Job]) -> None:
    submit()
    begun = jobs.claim(submit(), "host-1:7")
    ended = jobs.claim(submit(), "host-1:8")
    failed = jobs.claim(submit(), "host-2:1")
    hidden = jobs.cancel(submit().job_id)
    clock.move(10 * MINUTE)
    jobs.cancel(submit().job_id)
    jobs.complete(ended, OUTCOME)
    clock.move(2 * HOUR)
    jobs.fail(failed, "Line 3 has no POS column.")
    jobs.mark_deleted(hidden)
    submit()
    now = jobs.now()
    open_ones = job_numbers.unfinished(jobs.table, now)
    old = 2 * HOUR + 10 * MINUTE
    assert open_ones.whole
    assert counts(job_numbers.states(open_ones, UNFINISHED, now)) == {
        "PENDING": (2, (1, 0, 1, 0), old),
        "RUNNING": (1, (0, 0, 1, 0), old),
    }
    assert open_ones.lease_owners == (begun.lease_owner,)
    done = job_numbers.finished(jobs.table)
    assert (done.whole, done.since) == (True, None)
    assert counts(job_numbers.states(done, FINISHED, now)) == {
        "COMPLETED": (1, (0, 0, 1, 0), 2 * HOUR),
        "FAILED": (1, (1, 0, 0, 0), 0),
        "CANCELLED": (1, (0, 0, 1, 0), 2 * HOUR),
    }
    assert job_numbers.seconds_to_result(done) == [10 * MINUTE]


def test_a_job_that_is_tried_again_has_not_ended(jobs: JobStore, submit: Callable[..., Job]) -> None:
    failed = jobs.fail(jobs.claim(submit(), "host"), "no")
    assert [job.job_id for job in job_numbers.finished(jobs.table).jobs] == [failed.job_id]
    jobs.retry(failed.job_id)
    assert job_numbers.finished(jobs.table).jobs == ()


def test_nothing_but_ids_states_times_and_sizes(jobs: JobStore, submit: Callable[..., Job]) -> None:
    job = submit(input_file_name="patient-17.vcf", user_email="somebody@example.org")
    jobs.complete(jobs.claim(job, "host"), OUTCOME)
    submit(input_file_name="patient-18.vcf")
    seen = [*job_numbers.finished(jobs.table).jobs, *job_numbers.unfinished(jobs.table, jobs.now()).jobs]
    assert len(seen) == 2
    assert all(set(asdict(one)) == set(job_numbers.SHOWN) for one in seen)
    assert "patient" not in repr(seen)
    assert "somebody" not in repr(seen)


def test_a_look_is_bounded_and_says_so(
    jobs: JobStore, clock: Clock, submit: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {}
    waiting: Counter[str] = Counter()
    for _ in range(24):
        clock.move(1)
        job = jobs.cancel(submit().job_id)
        ends[job.job_id] = job.complete_time
        waiting[shard_of(submit().job_id)] += 1
    monkeypatch.setattr(job_numbers, "MOST_FINISHED", 2)
    monkeypatch.setattr(job_numbers, "MOST_UNFINISHED", 2)
    seen = job_numbers.finished(jobs.table)
    assert not seen.whole
    assert seen.since is not None
    # All that have ended since then, and no other.
    assert {job.job_id for job in seen.jobs} == {job for job, end in ends.items() if end and end >= seen.since}
    assert 2 <= len(seen.jobs) <= 8
    open_ones = job_numbers.unfinished(jobs.table, jobs.now())
    assert not open_ones.whole
    assert len(open_ones.jobs) == sum(min(2, count) for count in waiting.values())


def seen(user: str, ran: int | None, size: int = 1, **fields: object) -> Seen:
    start, end = (None, None) if ran is None else (1_000, 1_000 + ran)
    return Seen(f"{user}-{ran}", user, JobStatus.COMPLETED, 900, start, end, size, **fields)  # type: ignore[arg-type]


def test_who_uses_most_and_what_took_longest() -> None:
    some = [seen("ada", 5), seen("ben", 40, 7), seen("ada", 30), seen("eve", None)]
    assert job_numbers.use(some, 2_000) == [Use("ben", 1, 7, 40), Use("ada", 2, 2, 35), Use("eve", 1, 1, 0)]
    assert [job.job_id for job in job_numbers.slowest(some, 2_000)] == ["ben-40", "ada-30", "ada-5"]
    many = [seen(f"user{number}", number) for number in range(100)]
    assert len(job_numbers.use(many, 2_000)) == job_numbers.MOST_USERS
    assert len(job_numbers.slowest(many, 2_000)) == job_numbers.MOST_SLOWEST


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3], 0.95, 3), ([1, 2, 3, 4], 0.5, 2), (range(1, 101), 0.95, 95), ([2, 1], 0.0, 1)],
)
def test_percentiles(values: list[int], share: float, expected: int | None) -> None:
    assert job_numbers.percentile(values, share) == expected
