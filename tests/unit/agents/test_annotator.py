import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from agents import annotator as module
from agents import child
from agents.annotator import Annotator
from gas import aws
from gas.items import Conflict
from gas.jobs import Job, JobStatus, JobStore, Outcome
from gas.messages import JobRequest, JobResult
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.submissions import APOLOGY
from tests.conftest import AwsStandIn
from tests.deployment import Clock, Deployment, delivery, new_job, until
from tests.fixtures import Lines
from tests.genome import vcf
from tests.unit.agents.conftest import run_until, script

Make = Callable[..., Annotator]


def asked(job: Job, **fields: Any) -> Delivery:
    return delivery(JobRequest(user_id=job.user_id, job_id=job.job_id), **fields)


def results_of(place: Deployment, job: Job) -> list[JobResult]:
    """The job-result messages of one job: they are taken from a queue that other tests share."""
    found = [event for event in place.events("notify") if isinstance(event, JobResult)]
    return [event for event in found if event.job_id == job.job_id]


@contextmanager
def working(annotator: Annotator, received: Delivery) -> Iterator[list[BaseException | None]]:
    """The handler at work in a thread; the list has how it ended."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            annotator.handle(received)
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        thread.join(60)
        assert not thread.is_alive()


def waiting(tmp_path: Path) -> tuple[bytes, Path, Path]:
    """An input whose child says that it has started, and waits."""
    started, go = tmp_path / "started", tmp_path / "go"
    return script(["progress", [3, 10]], ["touch", str(started)], ["wait", str(go)]), started, go


# The good end


def test_a_job_is_annotated_for_real(place: Deployment, annotator_of: Make, lines: Lines) -> None:
    job = place.job(vcf(100))
    annotator_of(place, program=child.PROGRAM).handle(asked(job))
    ended = place.now(job)
    assert ended.job_status is JobStatus.COMPLETED
    assert (ended.records_read, ended.records_annotated, ended.records_rejected) == (100, 100, 0)
    assert (ended.progress_done, ended.progress_total) == (100, 100)
    assert (ended.attempt, ended.faults) == (1, 0)
    result = b"".join(place.storage.stream(ended.s3_results_bucket or "", ended.s3_key_result_file or ""))
    assert result[:2] == b"\x1f\x8b"
    (line,) = lines.of("job_ended")
    assert (line["outcome"], line["attempt"]) == ("completed", 1)
    assert lines.metrics("JobSeconds")[0]["Outcome"] == "completed"


def test_the_end_is_announced(place: Deployment, annotator_of: Make) -> None:
    job = place.job()
    annotator_of(place).handle(asked(job))
    assert results_of(place, job) == [JobResult(user_id=job.user_id, job_id=job.job_id)]
    assert place.now(job).announcements == 1


def test_progress_is_on_the_item_while_the_child_works(place: Deployment, annotator_of: Make, tmp_path: Path) -> None:
    content, _, go = waiting(tmp_path)
    job = place.job(content)
    with working(annotator_of(place), asked(job)) as ended:
        seen = until(lambda: (now := place.now(job)).progress_done and now)
        assert (seen.job_status, seen.progress_done, seen.progress_total) == (JobStatus.RUNNING, 3, 10)
        assert seen.lease_owner == "test-host:1:1"
        go.touch()
    assert ended == [None]
    assert place.now(job).job_status is JobStatus.COMPLETED


# Nothing to do


def test_another_event_is_rejected(place: Deployment, annotator_of: Make) -> None:
    job = place.job()
    with pytest.raises(Reject, match="job-result"):
        annotator_of(place).handle(delivery(JobResult(user_id=job.user_id, job_id=job.job_id)))


@pytest.mark.parametrize("state", ["unknown", "cancelled", "failed", "completed", "deleted"])
def test_there_is_nothing_to_do_for_a_job_that_has_ended(place: Deployment, annotator_of: Make, state: str) -> None:
    job = place.job(script(["kill", 9]))
    jobs = place.jobs
    match state:
        case "unknown":
            jobs.mark_deleted(jobs.cancel(job.job_id))
            jobs.remove(job.job_id)
        case "cancelled":
            jobs.cancel(job.job_id)
        case "deleted":
            jobs.mark_deleted(jobs.cancel(job.job_id))
        case "failed":
            jobs.fail(jobs.claim(job, "host:1"), "why")
        case "completed":
            outcome = Outcome("results", "r", "i", "l", "c", "s", 1, 1, 1, 0, 0)
            jobs.complete(jobs.claim(job, "host:1"), outcome)
    before = jobs.get(job.job_id)
    annotator_of(place).handle(asked(job))
    assert jobs.get(job.job_id) == before


# The input's fault


def test_a_refused_input_ends_the_job_with_the_sentence(place: Deployment, annotator_of: Make, lines: Lines) -> None:
    job = place.job(b"Dear Sir or Madam,\n")
    annotator_of(place, program=child.PROGRAM).handle(asked(job))
    ended = place.now(job)
    assert ended.job_status is JobStatus.FAILED
    assert ended.error_message
    assert ended.error_message.endswith(".")
    assert (ended.error_reference, ended.faults) == (None, 0)
    assert results_of(place, job)
    assert lines.of("input_refused")[0]["reason"] == ended.error_message


def test_a_missing_input_ends_the_job(place: Deployment, annotator_of: Make) -> None:
    job = place.job()
    place.storage.delete(job.s3_inputs_bucket, job.s3_key_input_file, job.input_version)
    annotator_of(place).handle(asked(job))
    ended = place.now(job)
    assert (ended.job_status, ended.error_reference) == (JobStatus.FAILED, None)
    assert "no longer there" in (ended.error_message or "")


def test_an_input_with_another_checksum_ends_the_job(place: Deployment, annotator_of: Make) -> None:
    original = place.job()
    job = replace(new_job(), **{name: getattr(original, name) for name in ("s3_inputs_bucket", "s3_key_input_file")})
    job = replace(job, input_etag='"another"', bundle="test-bundle")
    assert place.jobs.create(job)
    annotator_of(place).handle(asked(job))
    ended = place.now(job)
    assert ended.job_status is JobStatus.FAILED
    assert "replaced after the job was submitted" in (ended.error_message or "")


# Two deliveries


def test_a_second_delivery_while_the_first_is_at_work_comes_back_later(
    place: Deployment, annotator_of: Make, tmp_path: Path
) -> None:
    content, started, go = waiting(tmp_path)
    job = place.job(content)
    with working(annotator_of(place), asked(job)):
        until(started.exists)
        with pytest.raises(Retry) as later:
            annotator_of(place).handle(asked(job))
        assert 0 < later.value.after <= place.settings.lease_seconds + 5
        # Its last one: the item's attention brings the job back, should its owner die.
        annotator_of(place).handle(asked(job, last_receive=True))
        go.touch()
    assert place.now(job).attempt == 1
    assert len(results_of(place, job)) == 1


def test_two_deliveries_at_once_have_one_effect(place: Deployment, annotator_of: Make) -> None:
    job = place.job()
    with working(annotator_of(place), asked(job)) as first, working(annotator_of(place), asked(job)) as second:
        pass
    ended = place.now(job)
    assert (ended.job_status, ended.attempt) == (JobStatus.COMPLETED, 1)
    assert None in [*first, *second]
    assert all(isinstance(how, Retry | None) for how in [*first, *second])
    assert len(results_of(place, job)) == 1


def test_a_claim_that_another_wins_comes_back_later(place: Deployment, annotator_of: Make) -> None:
    class Overtaken(JobStore):
        def claim(self, seen: Job, owner: str) -> Job:
            super().claim(seen, "other:1")
            return super().claim(seen, owner)

    jobs = Overtaken(aws.table(place.settings, "annotations"))
    job = place.job()
    with pytest.raises(Retry) as later:
        annotator_of(place, jobs=jobs).handle(asked(job))
    assert 1 <= later.value.after <= 5
    assert place.now(job).lease_owner == "other:1:1"


def test_a_job_whose_owner_died_is_taken_over(place: Deployment, annotator_of: Make) -> None:
    clock = Clock(time.time())
    jobs = JobStore(aws.table(place.settings, "annotations"), clock, lease_seconds=90)
    job = place.job()
    jobs.claim(job, "dead:1")
    with pytest.raises(Retry):
        annotator_of(place, jobs=jobs).handle(asked(job))
    clock.move(90)
    annotator_of(place, jobs=jobs).handle(asked(job))
    ended = place.now(job)
    assert (ended.job_status, ended.attempt, ended.faults) == (JobStatus.COMPLETED, 2, 1)
    assert "/result/2/" in (ended.s3_key_result_file or "")


# Stopping in the middle


def test_a_cancelled_job_s_child_is_ended(place: Deployment, annotator_of: Make, lines: Lines) -> None:
    job = place.job(script(["progress", [1, 2]], ["hang"]))
    # A third of it is the longest time between two heartbeats.
    with working(annotator_of(place, lease_seconds=1), asked(job)) as ended:
        until(lambda: place.now(job).progress_done)
        place.jobs.cancel(job.job_id)
    assert ended == [None]
    assert place.now(job).job_status is JobStatus.CANCELLED
    assert lines.of("job_taken_away")
    assert results_of(place, job) == []


def test_a_zombie_s_result_is_not_committed(place: Deployment, annotator_of: Make, tmp_path: Path) -> None:
    """Its heartbeats do not get through, its lease lapses, another finishes the job, and then it is done itself."""
    clock = Clock(time.time())

    class Deaf(JobStore):
        def heartbeat(self, mine: Job, done: int, total: int | None) -> Job:
            return mine

    table = aws.table(place.settings, "annotations")
    content, started, go = waiting(tmp_path)
    job = place.job(content)
    with working(annotator_of(place, jobs=Deaf(table, clock)), asked(job)) as ended:
        until(started.exists)
        clock.move(100)
        heir = JobStore(table, clock).claim(place.now(job), "heir:1")
        go.touch()
    assert ended == [None]
    assert place.now(job) == heir
    assert results_of(place, job) == []


def test_an_abandoned_job_is_released_and_given_back(place: Deployment, annotator_of: Make) -> None:
    job = place.job(script(["progress", [1, 2]], ["hang"]))
    received = asked(job)
    with working(annotator_of(place), received) as ended:
        until(lambda: place.now(job).progress_done)
        received.stopping.set()
        received.abandon.set()
    assert isinstance(ended[0], GiveBack)
    left = place.now(job)
    assert (left.job_status, left.lease_owner, left.faults) == (JobStatus.RUNNING, None, 0)
    assert (left.lease_until or 0) <= place.jobs.now()
    # Another has it at once.
    assert place.jobs.claim(left, "other:1").faults == 0


# Our own faults


@pytest.mark.parametrize("commands", [[["exit", 1]], [["kill", 9]], [["garble"], ["hang"]]])
def test_our_own_fault_is_counted_and_tried_again(
    place: Deployment, annotator_of: Make, commands: list[list[Any]]
) -> None:
    job = place.job(script(*commands))
    with pytest.raises((child.ChildFailed, ValueError)):
        annotator_of(place).handle(asked(job))
    left = place.now(job)
    assert (left.job_status, left.faults, left.lease_owner) == (JobStatus.RUNNING, 1, None)
    assert left.error_message is None


def test_after_five_faults_the_job_fails_with_an_apology_and_a_reference(
    place: Deployment, annotator_of: Make, lines: Lines
) -> None:
    job = place.job(script(["say", "secret internals"], ["exit", 1]))
    annotator = annotator_of(place)
    for faults in range(1, 5):
        with pytest.raises(child.ChildFailed):
            annotator.handle(asked(job))
        assert place.now(job).faults == faults
    annotator.handle(asked(job))
    ended = place.now(job)
    assert ended.job_status is JobStatus.FAILED
    assert ended.error_message == APOLOGY
    assert ended.attempt == 5
    (line,) = lines.of("job_given_up")
    assert line["reference"] == ended.error_reference
    assert len(ended.error_reference or "") == 8
    assert "secret internals" in line["reason"]
    assert len(results_of(place, job)) == 1


def test_a_job_that_kills_its_owners_is_given_up(place: Deployment, annotator_of: Make) -> None:
    clock = Clock(time.time())
    jobs = JobStore(aws.table(place.settings, "annotations"), clock, lease_seconds=90)
    job = place.job(script(["hang"]))
    for _ in range(5):
        job = jobs.claim(job, "dead:1")
        clock.move(90)
    annotator_of(place, jobs=jobs).handle(asked(job))
    ended = place.now(job)
    assert (ended.job_status, ended.error_message) == (JobStatus.FAILED, APOLOGY)
    assert ended.error_reference


@pytest.mark.parametrize(
    ("operation", "error"),
    [("GetObject", ClientError), ("PutObject", S3UploadFailedError), ("HeadObject", ClientError)],
)
def test_an_error_of_s3_is_not_the_job_s_fault(
    place: Deployment, annotator_of: Make, faulty: AwsStandIn, operation: str, error: type[Exception]
) -> None:
    job = place.job()
    faulty.fault(service="s3", operation=operation, kind="error", code="AccessDenied", match=job.job_id)
    with pytest.raises(error):
        annotator_of(place).handle(asked(job))
    left = place.now(job)
    assert (left.job_status, left.faults, left.lease_owner) == (JobStatus.RUNNING, 0, None)
    faulty.clear_faults()
    annotator_of(place).handle(asked(job))
    assert place.now(job).job_status is JobStatus.COMPLETED


def test_a_commit_that_dynamodb_refuses_is_tried_again(
    place: Deployment, annotator_of: Make, faulty: AwsStandIn, lines: Lines
) -> None:
    job = place.job()
    annotator = annotator_of(place)
    mine: list[Job] = []

    class Refusing(JobStore):
        def claim(self, seen: Job, owner: str) -> Job:
            mine.append(super().claim(seen, owner))
            faulty.fault(service="dynamodb", operation="UpdateItem", kind="error", code="AccessDeniedException")
            return mine[-1]

    jobs = Refusing(aws.table(place.settings, "annotations"))
    with pytest.raises(ClientError):
        replace(annotator, jobs=jobs).handle(asked(job))
    # Not even released: the lease lapses by itself.
    assert lines.of("claim_not_released")
    faulty.clear_faults()
    assert place.now(job).lease_owner == mine[0].lease_owner


def test_a_commit_whose_answer_is_lost_counts_and_is_announced_by_the_outbox(
    place: Deployment, annotator_of: Make, faulty: AwsStandIn
) -> None:
    """The SDK repeats the write, whose condition then fails: for the annotator the job was taken away."""
    job = place.job()
    faulty.fault(service="dynamodb", operation="UpdateItem", kind="timeout_after_effect", count=1, match="COMPLETED")
    annotator_of(place).handle(asked(job))
    ended = place.now(job)
    assert ended.job_status is JobStatus.COMPLETED
    assert ended.attention_at is not None
    assert ended.announcements == 0


def test_a_message_that_cannot_be_sent_does_not_undo_the_end(
    place: Deployment, annotator_of: Make, faulty: AwsStandIn
) -> None:
    job = place.job()
    faulty.fault(service="sns", kind="error", code="AuthorizationError", status=403)
    annotator_of(place).handle(asked(job))
    ended = place.now(job)
    assert (ended.job_status, ended.announcements) == (JobStatus.COMPLETED, 0)
    assert ended.attention_at is not None


def test_two_of_racing_releases_do_no_harm(place: Deployment, annotator_of: Make, lines: Lines) -> None:
    """Taken over between its failure and its release: the release is refused, the failure is told."""

    class Slow(JobStore):
        def release(self, mine: Job, fault: bool) -> Job:
            raise Conflict("taken over")

    jobs = Slow(aws.table(place.settings, "annotations"))
    job = place.job(script(["exit", 1]))
    with pytest.raises(child.ChildFailed):
        annotator_of(place, jobs=jobs).handle(asked(job))
    assert lines.of("claim_not_released")


# The process


def test_the_process_annotates_until_its_signal(
    deploy: Callable[..., Deployment], bundles: Path, lines: Lines, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = deploy(
        queues=["job-requests", "notify"],
        tables=["annotations"],
        buckets=["inputs", "results"],
        bundles_dir=bundles,
    )
    job = place.job(vcf(10))
    place.announcer.publish(JobRequest(user_id=job.user_id, job_id=job.job_id))

    run_until(module.main, place.settings, lambda: place.now(job).finished)
    assert place.now(job).job_status is JobStatus.COMPLETED
    assert "consumer_stopped" in capsys.readouterr().out
