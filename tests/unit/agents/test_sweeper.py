import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from agents import sweeper as module
from agents.sweeper import MOST_ANNOUNCEMENTS, Sweeper
from gas import archives, aws, items
from gas.items import FIRST_REMINDER_SECONDS, reminder_seconds
from gas.job import to_item
from gas.jobs import LEASE_SLACK_SECONDS, Job, JobStatus, JobStore, Outcome
from gas.messages import JobRequest, JobResult, SubscriptionDowngrade, SubscriptionUpgrade
from gas.process import stop_signals
from gas.shares import ShareStore
from gas.submissions import APOLOGY
from gas.tiers import Tiers
from gas.users import Role, UserStore
from tests.conftest import AwsStandIn
from tests.deployment import Clock, Deployment, new_job
from tests.fixtures import Lines
from tests.unit.agents.conftest import run_until

OUTCOME = Outcome("results", "r", "i", "l", "c", "s", 100, 10, 7, 2, 1)
OUTBOX, LEASE = 30, 90


@dataclass
class Swept:
    """A deployment whose clock stands, and its sweeper."""

    place: Deployment
    clock: Clock
    jobs: JobStore
    users: UserStore
    sweeper: Sweeper

    def created(self) -> Job:
        job = new_job()
        assert self.jobs.create(job)
        return self.now(job)

    def now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        assert found is not None
        return found

    def after(self, seconds: float) -> int:
        self.clock.move(seconds)
        return self.sweeper.sweep()


@pytest.fixture
def swept(deploy: Callable[..., Deployment]) -> Swept:
    queues = ["job-requests", "notify", "archive", "restore", "thaw"]
    place = deploy(queues=queues, tables=["annotations", "users"], buckets=["inputs", "results"])
    clock = Clock(time.time())
    jobs = JobStore(aws.table(place.settings, "annotations"), clock, LEASE, OUTBOX)
    users = UserStore(aws.table(place.settings, "users"), clock, OUTBOX)
    tiers = Tiers.of(place.settings, jobs)
    stored = archives.of(place.settings)
    shares = ShareStore.of(place.settings, jobs)
    sweeper = Sweeper(place.settings, jobs, tiers, users, place.storage, stored, place.announcer, shares)
    return Swept(place, clock, jobs, users, sweeper)


def request(job: Job) -> JobRequest:
    return JobRequest(user_id=job.user_id, job_id=job.job_id)


def result(job: Job) -> JobResult:
    return JobResult(user_id=job.user_id, job_id=job.job_id)


def test_nothing_is_touched_before_its_time(swept: Swept, lines: Lines) -> None:
    job = swept.created()
    assert swept.after(OUTBOX - 1) == 0
    assert swept.now(job) == job
    assert swept.place.events("job-requests") == []
    assert lines.metrics("AttentionItems")[0]["AttentionItems"] == 0


# Jobs nobody was told of


def test_a_message_that_could_not_be_published_is(swept: Swept, lines: Lines) -> None:
    job = swept.created()
    assert swept.after(OUTBOX) == 1
    assert swept.place.events("job-requests") == [request(job)]
    assert swept.now(job).announcements == 1
    assert swept.after(0) == 0
    (line,) = lines.of("overdue")
    assert (line["job_id"], line["user_id"], line["job_status"]) == (job.job_id, job.user_id, "PENDING")


def test_a_waiting_job_is_announced_again_and_again_but_never_given_up(swept: Swept) -> None:
    job = swept.created()
    for count in range(1, MOST_ANNOUNCEMENTS + 5):
        seen = swept.now(job)
        swept.after((seen.attention_at or 0) - swept.jobs.now())
        assert swept.now(job).announcements == count
    assert swept.now(job).job_status is JobStatus.PENDING
    assert len(swept.place.events("job-requests")) == MOST_ANNOUNCEMENTS + 4


def test_while_it_cannot_be_published_a_job_stays_due(swept: Swept, faulty: AwsStandIn) -> None:
    job = swept.created()
    faulty.fault(service="sns", kind="error", code="AuthorizationError", status=403)
    assert swept.after(OUTBOX) == 1
    assert swept.after(1) == 1
    faulty.clear_faults()
    assert swept.after(1) == 1
    assert swept.place.events("job-requests") == [request(job)]
    assert swept.after(1) == 0


# Work that was lost


def test_a_job_whose_owner_lives_is_left_alone(swept: Swept) -> None:
    mine = swept.jobs.claim(swept.created(), "host:1")
    for _ in range(5):
        swept.clock.move(LEASE - 1)
        mine = swept.jobs.heartbeat(mine, 1, 2)
        assert swept.sweeper.sweep() == 0
    assert swept.after(LEASE + LEASE_SLACK_SECONDS - 1) == 0


def test_a_job_whose_owner_died_is_announced(swept: Swept) -> None:
    mine = swept.jobs.claim(swept.created(), "host:1")
    assert swept.after(LEASE + LEASE_SLACK_SECONDS) == 1
    assert swept.place.events("job-requests") == [request(mine)]
    left = swept.now(mine)
    assert (left.job_status, left.announcements) == (JobStatus.RUNNING, 1)
    assert swept.jobs.claim(left, "host:2").attempt == 2


def test_a_released_job_whose_message_was_lost_is_announced(swept: Swept) -> None:
    mine = swept.jobs.release(swept.jobs.claim(swept.created(), "host:1"), fault=False)
    # Its message should still be there, so the sweeper is in no hurry.
    assert swept.after(FIRST_REMINDER_SECONDS - 1) == 0
    assert swept.after(1) == 1
    assert swept.place.events("job-requests") == [request(mine)]


def test_a_job_that_kills_its_owners_is_given_up(swept: Swept, lines: Lines) -> None:
    job = swept.created()
    for deaths in range(1, swept.place.settings.max_faults + 1):
        assert swept.now(job).job_status is not JobStatus.FAILED
        swept.jobs.claim(swept.now(job), f"host:{deaths}")
        swept.after(LEASE + LEASE_SLACK_SECONDS)
    ended = swept.now(job)
    assert (ended.job_status, ended.error_message) == (JobStatus.FAILED, APOLOGY)
    assert swept.place.events("notify") == [result(job)]
    (line,) = lines.of("job_given_up")
    assert line["reference"] == ended.error_reference
    (measured,) = lines.metrics("JobSeconds")
    assert (measured["Outcome"], measured["JobSeconds"]) == ("failed", swept.jobs.now() - job.submit_time)


def test_faults_that_were_told_count_as_deaths_do(swept: Swept) -> None:
    job = swept.created()
    for _ in range(swept.place.settings.max_faults):
        job = swept.jobs.release(swept.jobs.claim(job, "host:1"), fault=True)
    swept.after(FIRST_REMINDER_SECONDS)
    assert swept.now(job).job_status is JobStatus.FAILED


def test_a_job_that_only_ever_meets_outages_is_never_given_up(swept: Swept) -> None:
    """An error of AWS is nobody's fault, and however long it lasts the job waits for its end."""
    job = swept.jobs.release(swept.jobs.claim(swept.created(), "host:1"), fault=False)
    began = swept.clock()
    for _ in range(MOST_ANNOUNCEMENTS + 4):
        swept.after((swept.now(job).attention_at or 0) - swept.jobs.now())
    assert swept.now(job).job_status is JobStatus.RUNNING
    assert len(swept.place.events("job-requests")) == MOST_ANNOUNCEMENTS + 4
    assert swept.clock() - began > 24 * 3600


def test_a_day_in_the_queue_does_not_count(swept: Swept) -> None:
    job = swept.created()
    for _ in range(MOST_ANNOUNCEMENTS + 1):
        swept.after((swept.now(job).attention_at or 0) - swept.jobs.now())
    swept.jobs.claim(swept.now(job), "host:1")
    swept.after(LEASE + LEASE_SLACK_SECONDS)
    assert swept.now(job).job_status is JobStatus.RUNNING


# Ends nobody was told of


@pytest.mark.parametrize("good", [True, False])
def test_an_end_is_announced_until_the_mail_is_out(swept: Swept, lines: Lines, good: bool) -> None:
    mine = swept.jobs.claim(swept.created(), "host:1")
    job = swept.jobs.complete(mine, OUTCOME) if good else swept.jobs.fail(mine, "why")
    assert swept.after(OUTBOX) == 1
    assert swept.place.events("notify") == [result(job)]
    swept.jobs.end_mail(swept.jobs.start_mail(swept.now(job)), sent=True)
    # A result is looked at once more; here it has no owner, and stays where it is.
    assert swept.after(OUTBOX) == (1 if good else 0)
    assert swept.after(10**6) == 0
    assert swept.place.events("notify") == []


def test_a_mail_that_can_never_be_sent_is_given_up_after_a_day(swept: Swept, lines: Lines) -> None:
    job = swept.jobs.fail(swept.jobs.claim(swept.created(), "host:1"), "why")
    began = swept.clock()
    while (seen := swept.now(job)).attention_at is not None:
        swept.after(seen.attention_at - swept.jobs.now())
    assert len(swept.place.events("notify")) == MOST_ANNOUNCEMENTS
    assert 12 * 3600 < swept.clock() - began < 48 * 3600
    assert lines.of("mail_given_up")[0]["job_id"] == job.job_id
    assert len(lines.metrics("MailsGivenUp")) == 1
    assert swept.now(job).job_status is JobStatus.FAILED


def test_a_cancelled_job_that_someone_marked_is_settled(swept: Swept) -> None:
    job = swept.jobs.cancel(swept.created().job_id)
    table = aws.table(swept.place.settings, "annotations")
    items.change(
        table, {"job_id": job.job_id}, items.same("job_status", "CANCELLED"), items.attend(job.job_id, swept.jobs.now())
    )
    assert swept.after(0) == 1
    # It needs no mail: noted as if it were out.
    assert swept.now(job) == replace(job, mail_time=swept.jobs.now())


# Deletions


def test_a_deletion_that_was_half_done_is_finished(swept: Swept, faulty: AwsStandIn, lines: Lines) -> None:
    job = swept.place.job(b"the user's data")
    gone = swept.jobs.mark_deleted(swept.jobs.cancel(job.job_id))
    faulty.fault(service="s3", kind="error", code="AccessDenied")
    assert swept.after(OUTBOX) == 1
    assert swept.now(gone) == gone
    assert lines.of("item_failed")[0]["job_id"] == job.job_id
    faulty.clear_faults()
    assert swept.after(0) == 1
    assert swept.jobs.get(job.job_id) is None
    versions = swept.place.storage.s3.list_object_versions(Bucket=job.s3_inputs_bucket)
    assert "Versions" not in versions


# Upgrades


def test_an_upgrade_that_was_not_announced_is(swept: Swept) -> None:
    user = swept.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
    swept.users.set_role(user.user_id, Role.PREMIUM)
    assert swept.after(OUTBOX - 1) == 0
    assert swept.after(1) == 1
    assert swept.place.events("restore") == [SubscriptionUpgrade(user_id=user.user_id, tier_epoch=1)]
    assert swept.after(0) == 0


def test_a_change_of_role_is_announced_until_it_is_carried_out(swept: Swept) -> None:
    user = swept.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
    swept.users.set_role(user.user_id, Role.PREMIUM)
    changed = swept.users.set_role(user.user_id, Role.FREE)
    for wait in (OUTBOX, reminder_seconds(1), reminder_seconds(2)):
        assert swept.after(wait - 1) == 0
        assert swept.after(1) == 1
        assert swept.place.events("restore") == [SubscriptionDowngrade(user_id=user.user_id, tier_epoch=2)]
    assert swept.users.carried_out(changed)
    assert swept.after(10**6) == 0


# What goes wrong


def test_one_item_that_cannot_be_read_stops_no_other(swept: Swept, lines: Lines) -> None:
    table = aws.table(swept.place.settings, "annotations")
    good = [swept.created() for _ in range(8)]
    bad = [new_job() for _ in range(8)]
    for job in bad:
        broken = {**to_item(job), "job_status": "PAUSED", **items.attend(job.job_id, swept.jobs.now() - 5)}
        items.create(table, "job_id", broken)
    lame = swept.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
    swept.users.set_role(lame.user_id, Role.PREMIUM)
    users = aws.table(swept.place.settings, "users")
    ghost = {"user_id": str(uuid.uuid4()), "role": "emperor"}
    items.create(users, "user_id", {**ghost, **items.attend(ghost["user_id"], swept.jobs.now() - 5)})
    assert swept.after(OUTBOX) == 18
    assert {event.job_id for event in swept.place.events("job-requests")} == {job.job_id for job in good}  # type: ignore[union-attr]
    assert len(swept.place.events("restore")) == 1
    assert {line.get("job_id") for line in lines.of("item_failed")} == {job.job_id for job in bad} | {None}
    assert "PAUSED" in lines.of("item_failed")[0]["reason"] or "emperor" in lines.of("item_failed")[0]["reason"]


def test_a_shard_that_cannot_be_read_stops_no_other(swept: Swept, faulty: AwsStandIn, lines: Lines) -> None:
    made = [swept.created() for _ in range(12)]
    faulty.fault(service="dynamodb", operation="Query", kind="error", code="AccessDeniedException", count=1)
    swept.after(OUTBOX)
    first = {event.job_id for event in swept.place.events("job-requests")}  # type: ignore[union-attr]
    assert first == {job.job_id for job in made if items.shard_of(job.job_id) != "0"}
    assert lines.of("sweep_failed")
    swept.after(0)
    rest = {event.job_id for event in swept.place.events("job-requests")}  # type: ignore[union-attr]
    assert first | rest == {job.job_id for job in made}


def test_an_index_that_lags_behind_does_no_harm(swept: Swept, lines: Lines) -> None:
    """Between the query and the look the job was claimed; between the look and the write it was cancelled."""
    job = swept.created()

    class Lagging(JobStore):
        def due(self, shard: int, until: int) -> list[str]:
            return [job.job_id, str(uuid.uuid4())] if shard == 0 else []

    table = aws.table(swept.place.settings, "annotations")
    mine = swept.jobs.claim(job, "host:1")
    sweeper = replace(swept.sweeper, jobs=Lagging(table, swept.clock, LEASE, OUTBOX))
    assert sweeper.sweep() == 2
    assert swept.now(job) == mine

    class Overtaken(Lagging):
        def get(self, job_id: str) -> Job | None:
            seen = super().get(job_id)
            if seen and not seen.finished:
                self.cancel(job_id)
            return seen

    swept.clock.move(LEASE * 20)
    impatient = swept.place.settings.model_copy(update={"max_faults": 1})
    sweeper = replace(swept.sweeper, settings=impatient, jobs=Overtaken(table, swept.clock, LEASE, OUTBOX))
    assert sweeper.sweep() == 2
    assert swept.now(job).job_status is JobStatus.CANCELLED
    assert lines.of("moved_on")
    assert swept.place.events("notify") == swept.place.events("job-requests") == []


def test_two_sweepers_at_once_leave_what_one_would(swept: Swept) -> None:
    waiting = [swept.created() for _ in range(5)]
    dying = [swept.created() for _ in range(5)]
    for job in dying:
        for _ in range(swept.place.settings.max_faults):
            job = swept.jobs.release(swept.jobs.claim(job, "host:1"), fault=True)
    swept.clock.move(FIRST_REMINDER_SECONDS)
    start = threading.Barrier(2)

    def sweep() -> None:
        start.wait()
        swept.sweeper.sweep()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [swept.now(job).announcements for job in waiting] == [1] * 5
    assert [swept.now(job).job_status for job in dying] == [JobStatus.FAILED] * 5
    # At least once each; a second message would be harmless.
    assert {event.job_id for event in swept.place.events("notify")} == {job.job_id for job in dying}  # type: ignore[union-attr]


# The process


def test_sweeps_follow_each_other_until_the_signal(swept: Swept) -> None:
    job = swept.created()
    swept.clock.move(OUTBOX)
    with stop_signals() as signals:
        sweeps = []

        class Counting(JobStore):
            def due(self, shard: int, until: int) -> list[str]:
                sweeps.append(shard)
                if len(sweeps) == 9:
                    os.kill(os.getpid(), signal.SIGTERM)
                return super().due(shard, until)

        counting = Counting(aws.table(swept.place.settings, "annotations"), swept.clock, LEASE, OUTBOX)
        module.run(replace(swept.sweeper, jobs=counting), signals, 0.01)
    assert sweeps == [0, 1, 2, 3] * 3
    assert swept.place.events("job-requests") == [request(job)]


def test_the_process_sweeps_until_its_signal(
    deploy: Callable[..., Deployment], lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    place = deploy(
        queues=["job-requests"], tables=["annotations", "users"], buckets=["inputs", "results"], outbox_seconds=1
    )
    job = place.job()

    run_until(module.main, place.settings, lambda: place.now(job).announcements)
    assert place.events("job-requests") == [request(job)]
    assert '"event": "overdue"' in capsys.readouterr().out
