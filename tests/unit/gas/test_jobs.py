import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gas import aws
from gas import jobs as module
from gas.items import (
    ATTENTION_SHARDS,
    FIRST_REMINDER_SECONDS,
    LONGEST_REMINDER_SECONDS,
    reminder_seconds,
    shard_of,
)
from gas.job import FINISHED, UNFINISHED
from gas.jobs import (
    LEASE_SLACK_SECONDS,
    LEAST_QUERY_ITEMS,
    MOST_QUERIES,
    Conflict,
    Job,
    JobStatus,
    JobStore,
    Outcome,
    ResultTier,
)
from tests.deployment import Clock, Deployment, new_job, settings_of

LEASE, OUTBOX = 90, 30
OUTCOME = Outcome("results", "r.vcf.gz", "r.tbi", "r.log", "r.json", "s.json", 100, 10, 7, 2, 1)


@pytest.fixture(scope="module")
def table(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One table for all tests here: each works on jobs and users of its own."""
    from tests.deployment import create

    settings = settings_of(tmp_path_factory.mktemp("jobs"))
    create(settings, tables=["annotations"])
    return aws.table(settings, "annotations")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(table: Any, clock: Clock) -> JobStore:
    return JobStore(table, clock, lease_seconds=LEASE, outbox_seconds=OUTBOX)


# The states that a job can be in; some statuses have more than one.


@dataclass(frozen=True)
class State:
    """How a new job gets into a state, and what it is called."""

    status: JobStatus
    reach: Callable[[JobStore, Clock, Job], Job]


def _same(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return job


def _running(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return jobs.claim(job, "host:1")


def _lapsed(jobs: JobStore, clock: Clock, job: Job) -> Job:
    mine = jobs.claim(job, "host:1")
    clock.move(LEASE)
    return mine


def _released(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return jobs.release(jobs.claim(job, "host:1"), fault=False)


def _completed(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return jobs.complete(jobs.claim(job, "host:1"), OUTCOME)


def _failed(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return jobs.fail(jobs.claim(job, "host:1"), "Line 3 has no POS.", "ref")


def _cancelled(jobs: JobStore, clock: Clock, job: Job) -> Job:
    return jobs.cancel(job.job_id)


def _deleted(reach: Callable[[JobStore, Clock, Job], Job]) -> Callable[[JobStore, Clock, Job], Job]:
    return lambda jobs, clock, job: jobs.mark_deleted(reach(jobs, clock, job))


STATES = {
    "pending": State(JobStatus.PENDING, _same),
    "running": State(JobStatus.RUNNING, _running),
    "lapsed": State(JobStatus.RUNNING, _lapsed),
    "released": State(JobStatus.RUNNING, _released),
    "completed": State(JobStatus.COMPLETED, _completed),
    "failed": State(JobStatus.FAILED, _failed),
    "cancelled": State(JobStatus.CANCELLED, _cancelled),
    "completed, deleted": State(JobStatus.COMPLETED, _deleted(_completed)),
    "failed, deleted": State(JobStatus.FAILED, _deleted(_failed)),
    "cancelled, deleted": State(JobStatus.CANCELLED, _deleted(_cancelled)),
}

# Every change: how it is asked for, from which states it is allowed, and to which status it leads.
# `seen` is the item as the caller read it last.
CHANGES: dict[str, tuple[Callable[[JobStore, Job], Job], set[str], JobStatus | None]] = {
    "claim": (lambda jobs, seen: jobs.claim(seen, "host:2"), {"pending", "lapsed", "released"}, JobStatus.RUNNING),
    "heartbeat": (lambda jobs, seen: jobs.heartbeat(seen, 1, 2), {"running", "lapsed"}, JobStatus.RUNNING),
    "complete": (lambda jobs, seen: jobs.complete(seen, OUTCOME), {"running", "lapsed"}, JobStatus.COMPLETED),
    "fail": (lambda jobs, seen: jobs.fail(seen, "why"), {"running", "lapsed"}, JobStatus.FAILED),
    "release": (lambda jobs, seen: jobs.release(seen, fault=True), {"running", "lapsed"}, JobStatus.RUNNING),
    "give up": (
        lambda jobs, seen: jobs.give_up(seen, "sorry", "ref"),
        {"pending", "running", "lapsed", "released"},
        JobStatus.FAILED,
    ),
    "cancel": (
        lambda jobs, seen: jobs.cancel(seen.job_id),
        {"pending", "running", "lapsed", "released"},
        JobStatus.CANCELLED,
    ),
    "retry": (lambda jobs, seen: jobs.retry(seen.job_id), {"failed"}, JobStatus.PENDING),
    "delete": (
        lambda jobs, seen: jobs.mark_deleted(seen),
        {name for name, state in STATES.items() if state.status in FINISHED},
        None,
    ),
}


def created(jobs: JobStore, **fields: Any) -> Job:
    job = new_job(**fields)
    assert jobs.create(job)
    return now(jobs, job)


def now(jobs: JobStore, job: Job) -> Job:
    found = jobs.get(job.job_id)
    assert found is not None
    return found


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("state", STATES)
def test_every_change_from_every_state(jobs: JobStore, clock: Clock, state: str, change: str) -> None:
    ask, allowed, leads_to = CHANGES[change]
    seen = STATES[state].reach(jobs, clock, created(jobs))
    assert seen.job_status is STATES[state].status
    before = now(jobs, seen)
    if state not in allowed:
        with pytest.raises(Conflict):
            ask(jobs, seen)
        assert now(jobs, seen) == before
        return
    after = ask(jobs, seen)
    assert after == now(jobs, seen)
    assert after.job_status is (leads_to or before.job_status)


def test_a_job_is_created_once(jobs: JobStore, clock: Clock) -> None:
    job = new_job()
    assert jobs.create(job)
    assert not jobs.create(replace(job, input_file_name="other.vcf"))
    found = now(jobs, job)
    assert found == replace(
        job, attention_shard=shard_of(job.job_id), attention_at=int(clock()) + OUTBOX, job_status=JobStatus.PENDING
    )


def test_an_unknown_job_is_none_and_cannot_be_changed(jobs: JobStore) -> None:
    ghost = new_job()
    assert jobs.get(ghost.job_id) is None
    assert jobs.owned(ghost.job_id, ghost.user_id) is None
    for ask, _, _ in CHANGES.values():
        with pytest.raises(Conflict):
            ask(jobs, replace(ghost, lease_owner="host:1:1"))
    assert jobs.get(ghost.job_id) is None
    jobs.remove(ghost.job_id)


def test_only_its_owner_sees_a_job_and_nobody_a_deleted_one(jobs: JobStore, clock: Clock) -> None:
    job = created(jobs)
    assert jobs.owned(job.job_id, job.user_id) == job
    assert jobs.owned(job.job_id, str(uuid.uuid4())) is None
    gone = _deleted(_cancelled)(jobs, clock, job)
    assert jobs.owned(gone.job_id, gone.user_id) is None


# Claims and leases


def race(tries: list[Callable[[], Any]]) -> list[Any]:
    """All at once; the answers of those that were not refused."""
    start = threading.Barrier(len(tries))
    won: list[Any] = []

    def run(attempt: Callable[[], Any]) -> None:
        start.wait()
        with contextlib.suppress(Conflict):
            won.append(attempt())

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


@pytest.mark.parametrize("state", ["pending", "lapsed", "released"])
def test_of_racing_claims_one_wins(jobs: JobStore, clock: Clock, state: str) -> None:
    seen = STATES[state].reach(jobs, clock, created(jobs))
    (winner,) = race([lambda n=n: jobs.claim(seen, f"host:{n}") for n in range(6)])
    assert now(jobs, seen) == winner
    assert winner.attempt == seen.attempt + 1


def test_of_a_commit_and_a_cancellation_at_once_one_wins(jobs: JobStore) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    (winner,) = race([lambda: jobs.complete(mine, OUTCOME), lambda: jobs.cancel(mine.job_id)])
    assert now(jobs, mine) == winner


def test_a_claim_says_whose_and_until_when(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:7")
    assert mine.lease_owner == "host:7:1"
    assert mine.start_time == int(clock())
    assert mine.lease_until == int(clock()) + LEASE
    # The sweeper looks only after SQS has had time to deliver the message to somebody else.
    assert mine.attention_at == mine.lease_until + LEASE_SLACK_SECONDS
    assert (mine.attempt, mine.faults, mine.progress_done, mine.progress_total) == (1, 0, 0, None)


def test_a_lease_holds_to_its_last_second(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    clock.move(LEASE - 1)
    with pytest.raises(Conflict):
        jobs.claim(mine, "host:2")
    clock.move(1)
    assert jobs.claim(mine, "host:2").lease_owner == "host:2:2"


def test_a_heartbeat_extends_the_lease_and_tells_progress(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    clock.move(60)
    beaten = jobs.heartbeat(mine, 500, 1000)
    assert (beaten.progress_done, beaten.progress_total) == (500, 1000)
    assert beaten.lease_until == int(clock()) + LEASE
    assert beaten.attention_at == beaten.lease_until + LEASE_SLACK_SECONDS
    clock.move(60)
    with pytest.raises(Conflict):
        jobs.claim(now(jobs, mine), "host:2")


def test_a_claim_on_an_old_sight_of_the_job_is_refused_even_after_its_lease(jobs: JobStore, clock: Clock) -> None:
    old = jobs.claim(created(jobs), "host:1")
    clock.move(60)
    jobs.heartbeat(old, 1, 2)
    clock.move(40)
    with pytest.raises(Conflict):
        jobs.claim(old, "host:2")


def test_a_takeover_shuts_the_zombie_out(jobs: JobStore, clock: Clock) -> None:
    zombie = jobs.claim(created(jobs), "host:1")
    jobs.heartbeat(zombie, 900, 1000)
    clock.move(LEASE)
    heir = jobs.claim(now(jobs, zombie), "host:2")
    assert (heir.attempt, heir.progress_done, heir.progress_total) == (2, 0, None)
    late: list[Callable[[], Job]] = [
        lambda: jobs.complete(zombie, replace(OUTCOME, s3_key_result_file="zombie")),
        lambda: jobs.fail(zombie, "zombie"),
        lambda: jobs.heartbeat(zombie, 1000, 1000),
        lambda: jobs.release(zombie, fault=True),
    ]
    for call in late:
        with pytest.raises(Conflict):
            call()
    assert now(jobs, heir) == heir
    ended = jobs.complete(heir, OUTCOME)
    for call in late:
        with pytest.raises(Conflict):
            call()
    assert now(jobs, heir) == ended


def test_the_same_process_that_takes_over_from_itself_is_two_owners(jobs: JobStore, clock: Clock) -> None:
    first = jobs.claim(created(jobs), "host:1")
    clock.move(LEASE)
    second = jobs.claim(first, "host:1")
    assert first.lease_owner != second.lease_owner
    with pytest.raises(Conflict):
        jobs.complete(first, OUTCOME)


# Faults


def test_a_dead_owner_is_a_fault_and_a_released_claim_is_one_if_it_says_so(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    clock.move(LEASE)
    mine = jobs.claim(mine, "host:2")
    assert mine.faults == 1
    released = jobs.release(mine, fault=False)
    with pytest.raises(Conflict):
        jobs.complete(mine, OUTCOME)
    assert (released.faults, released.lease_owner, released.lease_until) == (1, None, int(clock()))
    mine = jobs.claim(released, "host:3")
    assert mine.faults == 1
    mine = jobs.claim(jobs.release(mine, fault=True), "host:4")
    assert (mine.faults, mine.attempt) == (2, 4)


def test_a_released_claim_can_be_taken_at_once_and_is_looked_at_soon(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.heartbeat(jobs.claim(created(jobs), "host:1"), 5, 10)
    released = jobs.release(mine, fault=False)
    assert (released.progress_done, released.progress_total) == (0, None)
    assert released.attention_at == int(clock()) + reminder_seconds(0)
    assert jobs.claim(released, "host:1").attempt == 2


def test_the_wait_in_the_queue_does_not_count_against_a_job_that_was_begun(jobs: JobStore, clock: Clock) -> None:
    job = created(jobs)
    for _ in range(3):
        job = jobs.announced(job)
    mine = jobs.claim(job, "host:1")
    assert mine.announcements == 0
    clock.move(LEASE)
    assert jobs.claim(jobs.announced(mine), "host:2").announcements == 1


# Ends


def test_completion_makes_the_attempt_s_files_the_result(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    clock.move(10)
    ended = jobs.complete(mine, OUTCOME)
    assert ended.result_tier is ResultTier.HOT
    assert ended.complete_time == int(clock())
    assert (ended.lease_owner, ended.lease_until) == (None, None)
    assert (ended.s3_results_bucket, ended.s3_key_result_file) == ("results", "r.vcf.gz")
    assert (ended.records_read, ended.records_annotated, ended.records_passed, ended.records_rejected) == (10, 7, 2, 1)
    assert (ended.progress_done, ended.progress_total) == (10, 10)
    assert (ended.announcements, ended.attention_at) == (0, int(clock()) + OUTBOX)


def test_a_failure_keeps_its_words_and_its_reference(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(created(jobs), "host:1")
    ended = jobs.fail(mine, "Line 3 has no POS.", "ab12")
    assert (ended.error_message, ended.error_reference) == ("Line 3 has no POS.", "ab12")
    assert (ended.complete_time, ended.lease_owner, ended.result_tier) == (int(clock()), None, None)


def test_a_job_that_has_moved_is_not_given_up(jobs: JobStore, clock: Clock) -> None:
    pending = created(jobs)
    running = jobs.claim(pending, "host:1")
    with pytest.raises(Conflict):
        jobs.give_up(pending, "sorry", "ref")
    clock.move(60)
    jobs.heartbeat(running, 1, 2)
    with pytest.raises(Conflict):
        jobs.give_up(running, "sorry", "ref")


def test_cancellation_ends_all_that_would_follow(jobs: JobStore, clock: Clock) -> None:
    ended = jobs.cancel(jobs.claim(created(jobs), "host:1").job_id)
    assert (ended.lease_owner, ended.attention_at) == (None, None)
    assert jobs.may_be_written(ended), "until the lease lapses, whoever held it may not have noticed"
    assert ended.complete_time == int(clock())


def test_a_retry_starts_clean_but_never_repeats_an_attempt(jobs: JobStore, clock: Clock) -> None:
    mine = jobs.claim(jobs.release(jobs.claim(created(jobs), "host:1"), fault=True), "host:1")
    failed = jobs.announced(jobs.fail(mine, "sorry", "ref"))
    mailed = jobs.end_mail(jobs.start_mail(failed), sent=True)
    assert mailed.mail_time
    again = jobs.retry(mailed.job_id)
    assert again.attempt == 2
    assert (again.faults, again.announcements, again.complete_time) == (0, 0, None)
    assert (again.error_message, again.error_reference, again.mail_time, again.mail_lease_until) == (None,) * 4
    assert again.attention_at == int(clock()) + OUTBOX
    assert jobs.claim(again, "host:1").attempt == 3


def test_a_deleted_job_is_removed_and_one_that_is_not_deleted_stays(jobs: JobStore, clock: Clock) -> None:
    job = jobs.cancel(created(jobs).job_id)
    jobs.remove(job.job_id)
    assert now(jobs, job) == job
    gone = jobs.mark_deleted(job)
    assert (gone.delete_time, gone.attention_at) == (int(clock()), int(clock()) + OUTBOX)
    jobs.remove(job.job_id)
    jobs.remove(job.job_id)
    assert jobs.get(job.job_id) is None


# The outbox


@pytest.mark.parametrize("state", ["pending", "lapsed", "released", "completed", "failed"])
def test_each_announcement_waits_longer(jobs: JobStore, clock: Clock, state: str) -> None:
    job = STATES[state].reach(jobs, clock, created(jobs))
    for count, pause in enumerate([60, 240, 960, 3840, 15360, 21600, 21600], start=1):
        job = jobs.announced(job)
        assert (job.announcements, job.attention_at) == (count, int(clock()) + pause)
        clock.move(pause)


def test_reminders_grow_from_a_minute_to_six_hours() -> None:
    assert reminder_seconds(0) == reminder_seconds(1) == FIRST_REMINDER_SECONDS
    assert [reminder_seconds(n) for n in range(2, 5)] == [240, 960, 3840]
    assert reminder_seconds(40) == LONGEST_REMINDER_SECONDS


def test_an_announcement_of_what_has_moved_on_is_not_noted(jobs: JobStore, clock: Clock) -> None:
    pending = created(jobs)
    mine = jobs.claim(pending, "host:1")
    for call in (jobs.announced, jobs.settle):
        with pytest.raises(Conflict):
            call(pending)
    clock.move(1)
    beaten = jobs.heartbeat(mine, 1, 2)
    with pytest.raises(Conflict):
        jobs.announced(mine)
    assert now(jobs, beaten) == beaten


def test_what_is_settled_is_looked_at_no_more(jobs: JobStore, clock: Clock) -> None:
    job = _failed(jobs, clock, created(jobs))
    settled = jobs.settle(job)
    assert (settled.attention_at, settled.attention_shard) == (None, None)
    far = jobs.now() + 10 * LONGEST_REMINDER_SECONDS
    assert job.job_id not in {found for n in range(ATTENTION_SHARDS) for found in jobs.due(n, far)}


# Mail


def test_of_racing_mail_claims_one_wins(jobs: JobStore, clock: Clock) -> None:
    job = _completed(jobs, clock, created(jobs))
    (mine,) = race([lambda: jobs.start_mail(job) for _ in range(4)])
    assert mine.mail_lease_until == int(clock()) + LEASE


@pytest.mark.parametrize("good", [True, False])
def test_a_sent_mail_is_sent_for_good_and_only_a_result_is_looked_at_again(
    jobs: JobStore, clock: Clock, good: bool
) -> None:
    job = jobs.announced((_completed if good else _failed)(jobs, clock, created(jobs)))
    clock.move(7)
    sent = jobs.end_mail(jobs.start_mail(job), sent=True)
    assert (sent.mail_time, sent.mail_lease_until) == (int(clock()), None)
    again = (0, shard_of(job.job_id), int(clock()) + OUTBOX)
    assert (sent.announcements, sent.attention_shard, sent.attention_at) == (again if good else (1, None, None))
    with pytest.raises(Conflict):
        jobs.start_mail(sent)


def test_a_deletion_while_the_mail_is_sent_stays_due(jobs: JobStore, clock: Clock) -> None:
    """Both may set the same `attention_at`; what ends the mail must not take the deletion's away."""
    mine = jobs.start_mail(_failed(jobs, clock, created(jobs)))
    gone = jobs.mark_deleted(mine)
    assert gone.attention_at == mine.attention_at
    for late in (lambda: jobs.end_mail(mine, sent=True), lambda: jobs.settle(mine)):
        with pytest.raises(Conflict):
            late()
    assert now(jobs, mine) == gone
    assert jobs.end_mail(mine, sent=False).attention_at == gone.attention_at


def test_a_mail_that_was_not_sent_can_be_tried_again_at_once(jobs: JobStore, clock: Clock) -> None:
    job = _completed(jobs, clock, created(jobs))
    unsent = jobs.end_mail(jobs.start_mail(job), sent=False)
    assert (unsent.mail_time, unsent.mail_lease_until, unsent.attention_at) == (None, None, job.attention_at)
    jobs.start_mail(unsent)


def test_a_mail_claim_lapses(jobs: JobStore, clock: Clock) -> None:
    job = _completed(jobs, clock, created(jobs))
    first = jobs.start_mail(job)
    clock.move(LEASE)
    jobs.start_mail(job)
    with pytest.raises(Conflict):
        jobs.end_mail(first, sent=True)


def test_the_mail_of_a_state_that_is_over_is_not_claimed(jobs: JobStore, clock: Clock) -> None:
    failed = _failed(jobs, clock, created(jobs))
    mine = jobs.start_mail(failed)
    jobs.retry(failed.job_id)
    with pytest.raises(Conflict):
        jobs.start_mail(failed)
    with pytest.raises(Conflict):
        jobs.end_mail(mine, sent=True)


# Lists


@pytest.fixture(scope="module")
def crowd(table: Any) -> tuple[str, list[Job]]:
    """Sixty jobs of one user, the oldest first: every third deleted, of the others every second cancelled."""
    jobs = JobStore(table, Clock())
    user_id = str(uuid.uuid4())
    made = []
    for n in range(60):
        job = created(jobs, user_id=user_id, submit_time=1_000 + n)
        if n % 3 == 0 or n % 2 == 0:
            job = jobs.cancel(job.job_id)
        if n % 3 == 0:
            job = jobs.mark_deleted(job)
        made.append(job)
    return user_id, made


def pages(jobs: JobStore, user_id: str, limit: int, status: JobStatus | None = None) -> Iterator[list[Job]]:
    after = None
    while True:
        page, after = jobs.page(user_id, limit, after, status)
        yield page
        if after is None:
            return


@pytest.mark.parametrize("limit", [1, 7, 10, 40, 100])
@pytest.mark.parametrize("status", [None, JobStatus.CANCELLED, JobStatus.PENDING, JobStatus.FAILED])
def test_pages_hold_every_job_once_newest_first(
    jobs: JobStore, crowd: tuple[str, list[Job]], limit: int, status: JobStatus | None
) -> None:
    user_id, made = crowd
    wanted = [job for job in made if job.delete_time is None and status in (None, job.job_status)]
    found = list(pages(jobs, user_id, limit, status))
    assert [job for page in found for job in page] == wanted[::-1]
    assert all(len(page) == limit for page in found[:-1])
    assert len(found) == max(1, -(-len(wanted) // limit))


def test_a_page_is_gathered_from_several_queries(jobs: JobStore) -> None:
    """A filter applies after the limit: the newest jobs are all deleted, the ones to be shown come later."""
    user_id = str(uuid.uuid4())
    wanted = [created(jobs, user_id=user_id, submit_time=n) for n in range(3)]
    for n in range(2 * LEAST_QUERY_ITEMS):
        job = created(jobs, user_id=user_id, submit_time=100 + n)
        jobs.mark_deleted(jobs.cancel(job.job_id))
    found, after = jobs.page(user_id, 2)
    assert found == wanted[:0:-1]
    assert after == {"job_id": wanted[1].job_id, "submit_time": 1}
    assert jobs.page(user_id, 2, after) == ([wanted[0]], None)


def test_another_user_s_page_is_empty(jobs: JobStore, crowd: tuple[str, list[Job]]) -> None:
    assert jobs.page(str(uuid.uuid4()), 10) == ([], None)


def test_a_page_of_a_rare_status_ends_before_the_user_waits_for_ever(
    jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILTERED_QUERY_ITEMS", 2)
    user_id = str(uuid.uuid4())
    for n in range(2 * MOST_QUERIES + 3):
        job = created(jobs, user_id=user_id, submit_time=n)
        if n == 0:
            jobs.cancel(job.job_id)
    found, after = jobs.page(user_id, 5, None, JobStatus.CANCELLED)
    assert found == []
    assert after is not None
    assert after["submit_time"] == 3
    found, after = jobs.page(user_id, 5, after, JobStatus.CANCELLED)
    assert ([job.submit_time for job in found], after) == ([0], None)


def test_a_queue_is_counted_no_further_than_anyone_cares(
    deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = deploy(tables=["annotations"]).jobs
    last = [created(jobs, submit_time=n) for n in range(12)][-1]
    monkeypatch.setattr(module, "MOST_COUNTED", 5)
    assert jobs.waiting_before(last) == 5


def test_a_job_waits_behind_what_nobody_has_begun_and_came_earlier(deploy: Callable[..., Deployment]) -> None:
    jobs = deploy(tables=["annotations"]).jobs
    first, second, third = (created(jobs, submit_time=n) for n in (10, 20, 30))
    assert [jobs.waiting_before(job) for job in (first, second, third)] == [0, 1, 2]
    jobs.announced(first)
    assert jobs.waiting_before(third) == 2
    jobs.claim(now(jobs, first), "host:1")
    jobs.cancel(second.job_id)
    assert jobs.waiting_before(third) == 0


def test_what_is_due(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy(tables=["annotations"])
    clock = Clock()
    jobs = JobStore(aws.table(deployment.settings, "annotations"), clock, LEASE, OUTBOX)

    def due() -> set[str]:
        return {found for n in range(ATTENTION_SHARDS) for found in jobs.due(n, jobs.now())}

    made = [created(jobs) for _ in range(8)]
    assert due() == set()
    clock.move(OUTBOX)
    assert due() == {job.job_id for job in made}
    jobs.claim(made[0], "host:1")
    jobs.announced(made[1])
    jobs.cancel(made[2].job_id)
    assert due() == {job.job_id for job in made[3:]}
    clock.move(FIRST_REMINDER_SECONDS)
    assert made[1].job_id in due()
    assert made[0].job_id not in due()
    clock.move(LEASE + LEASE_SLACK_SECONDS)
    assert made[0].job_id in due()
    assert made[2].job_id not in due()


def test_the_settings_reach_the_store(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy(tables=["annotations"], lease_seconds=7, outbox_seconds=3)
    jobs = JobStore.of(deployment.settings)
    job = created(jobs)
    assert (job.attention_at or 0) - jobs.now() in (2, 3)
    mine = jobs.claim(job, "host:1")
    assert (mine.lease_until or 0) - (mine.start_time or 0) == 7


def test_unfinished_and_finished_are_all() -> None:
    assert set(UNFINISHED) | set(FINISHED) == set(JobStatus)
