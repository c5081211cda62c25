import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agents import notifier as module
from agents.notifier import Notifier
from gas import aws
from gas.jobs import Job, JobStatus, JobStore, Outcome
from gas.messages import JobRequest, JobResult
from gas.queues import Delivery, Reject, Retry
from gas.users import Role
from tests.conftest import AwsStandIn
from tests.deployment import Clock, Deployment, client, delivery
from tests.fixtures import Lines
from tests.unit.agents.conftest import run_until

OUTCOME = Outcome("results", "r", "i", "l", "c", "s", 100, 10, 7, 2, 1)


@pytest.fixture
def notifier(place: Deployment) -> Notifier:
    return Notifier(place.settings, place.jobs, place.users, client("sesv2"))


def completed(place: Deployment, **fields: Any) -> Job:
    return place.jobs.complete(place.jobs.claim(place.job(**fields), "host:1"), OUTCOME)


def failed(place: Deployment) -> Job:
    return place.jobs.fail(place.jobs.claim(place.job(), "host:1"), "Line 3 has no POS.", "ab12cd34")


def told(job: Job) -> Delivery:
    return delivery(JobResult(user_id=job.user_id, job_id=job.job_id))


def mails(standin: AwsStandIn, job: Job) -> list[dict[str, Any]]:
    return standin.outbox(to=job.user_email)


def test_a_finished_job_is_told_and_noted(
    place: Deployment, notifier: Notifier, aws_standin: AwsStandIn, lines: Lines
) -> None:
    job = completed(place)
    notifier.handle(told(job))
    (mail,) = mails(aws_standin, job)
    assert mail["subject"] == "sample.vcf: the annotation is ready"
    assert f"/annotations/{job.job_id}" in mail["text"]
    noted = place.now(job)
    assert noted.mail_time
    assert noted.mail_lease_until is None
    # A free user's result does not stay: it is looked at once more.
    assert (noted.announcements, noted.attention_at) == (0, noted.mail_time + place.settings.outbox_seconds)
    assert lines.of("mail_sent")


def test_a_failed_job_is_told_with_reason_and_reference(
    place: Deployment, notifier: Notifier, aws_standin: AwsStandIn
) -> None:
    job = failed(place)
    notifier.handle(told(job))
    (mail,) = mails(aws_standin, job)
    assert "Line 3 has no POS." in mail["text"]
    assert "ab12cd34" in mail["text"]
    noted = place.now(job)
    assert noted.mail_time
    assert (noted.mail_lease_until, noted.attention_at) == (None, None)


@pytest.mark.parametrize("role", [Role.FREE, Role.PREMIUM, None])
def test_only_a_free_user_has_a_window(
    place: Deployment, notifier: Notifier, aws_standin: AwsStandIn, role: Role | None
) -> None:
    job = completed(place)
    if role:
        place.users.sign_in(job.user_id, job.user_email, "Ada")
        place.users.set_role(job.user_id, role)
    notifier.handle(told(job))
    (mail,) = mails(aws_standin, job)
    assert ("for 5 minutes" in mail["text"]) is (role is not Role.PREMIUM)


# Two deliveries


def test_two_deliveries_are_one_mail(place: Deployment, notifier: Notifier, aws_standin: AwsStandIn) -> None:
    job = completed(place)
    notifier.handle(told(job))
    noted = place.now(job)
    notifier.handle(told(job))
    assert len(mails(aws_standin, job)) == 1
    assert place.now(job) == noted


def test_deliveries_at_once_are_one_mail(place: Deployment, notifier: Notifier, aws_standin: AwsStandIn) -> None:
    job = completed(place)
    start = threading.Barrier(4)
    pauses: list[float] = []

    def handle() -> None:
        start.wait()
        try:
            notifier.handle(told(job))
            pauses.append(0)
        except Retry as retry:
            pauses.append(retry.after)

    threads = [threading.Thread(target=handle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pauses) == 4
    assert all(0 <= pause <= place.settings.lease_seconds for pause in pauses)
    assert len(mails(aws_standin, job)) == 1


def test_a_delivery_while_another_sends_comes_back_when_that_claim_lapses(
    place: Deployment, notifier: Notifier, aws_standin: AwsStandIn
) -> None:
    clock = Clock(time.time())
    jobs = JobStore(aws.table(place.settings, "annotations"), clock, lease_seconds=90)
    mine = replace(notifier, jobs=jobs)
    job = completed(place)
    jobs.start_mail(job)
    clock.move(30)
    with pytest.raises(Retry) as later:
        mine.handle(told(job))
    assert later.value.after == 60
    assert mails(aws_standin, job) == []
    clock.move(60)
    mine.handle(told(job))
    assert len(mails(aws_standin, job)) == 1


def test_a_note_whose_answer_is_lost_makes_no_second_mail(
    place: Deployment, notifier: Notifier, faulty: AwsStandIn, lines: Lines
) -> None:
    job = completed(place)
    faulty.fault(
        service="dynamodb", operation="UpdateItem", kind="timeout_after_effect", count=1, match="set_mail_time"
    )
    notifier.handle(told(job))
    assert lines.of("mail_not_noted")
    notifier.handle(told(job))
    assert len(mails(faulty, job)) == 1


# SES down


def test_a_mail_that_ses_refuses_is_sent_by_the_next_delivery(
    place: Deployment, notifier: Notifier, faulty: AwsStandIn
) -> None:
    job = completed(place)
    faulty.fault(service="ses", kind="error", code="AccountSuspendedException", status=400)
    for _ in range(2):
        with pytest.raises(ClientError):
            notifier.handle(told(job))
        left = place.now(job)
        assert (left.mail_time, left.mail_lease_until) == (None, None)
        assert left.attention_at is not None
    faulty.clear_faults()
    notifier.handle(told(job))
    assert len(mails(faulty, job)) == 1


# Nothing to tell


def test_another_event_is_rejected(place: Deployment, notifier: Notifier) -> None:
    job = place.job()
    with pytest.raises(Reject, match="job-request"):
        notifier.handle(delivery(JobRequest(user_id=job.user_id, job_id=job.job_id)))


@pytest.mark.parametrize("state", ["unknown", "pending", "running", "cancelled", "retried", "deleted"])
def test_nothing_is_told_of_a_job_that_has_not_ended_or_is_gone(
    place: Deployment, notifier: Notifier, aws_standin: AwsStandIn, state: str
) -> None:
    job = place.job()
    match state:
        case "unknown":
            job = replace(job, job_id=str(uuid.uuid4()))
        case "running":
            place.jobs.claim(job, "host:1")
        case "cancelled":
            place.jobs.cancel(job.job_id)
        case "retried":
            place.jobs.fail(place.jobs.claim(job, "host:1"), "why")
            place.jobs.retry(job.job_id)
        case "deleted":
            place.jobs.mark_deleted(place.jobs.cancel(job.job_id))
    before = place.jobs.get(job.job_id)
    notifier.handle(told(job))
    assert mails(aws_standin, job) == []
    assert place.jobs.get(job.job_id) == before


def test_each_failure_of_a_retried_job_is_told(place: Deployment, notifier: Notifier, aws_standin: AwsStandIn) -> None:
    job = failed(place)
    notifier.handle(told(job))
    again = place.jobs.retry(job.job_id)
    place.jobs.fail(place.jobs.claim(again, "host:1"), "Line 4 has no POS.")
    notifier.handle(told(job))
    assert [("Line 4" in mail["text"]) for mail in mails(aws_standin, job)] == [True, False]
    assert place.now(job).job_status is JobStatus.FAILED


# The process


def test_the_process_sends_mail_until_its_signal(
    deploy: Callable[..., Deployment], aws_standin: AwsStandIn, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    place = deploy(queues=["notify"], tables=["annotations", "users"], buckets=["inputs"])
    job = completed(place)
    for _ in range(2):
        place.announcer.publish(JobResult(user_id=job.user_id, job_id=job.job_id))

    run_until(module.main, place.settings, lambda: place.now(job).mail_time and place.left_in("notify") == 0)
    assert len(mails(aws_standin, job)) == 1
    assert "consumer_stopped" in capsys.readouterr().out
