"""SNS and SQS deliver at least once. Here they deliver everything at least twice, to real processes, two of each kind:
each message has one effect, and each user gets one mail.
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gas import submissions
from gas.job import Job
from gas.jobs import JobStatus
from gas.messages import JobResult
from gas.submissions import announcement
from gas.users import Role
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, until
from tests.fixtures import aws_environment, deploy, faulty
from tests.genome import bundles, vcf
from tests.processes import Process, processes

# Fixtures that the tests here use.
__all__ = ["aws_environment", "bundles", "deploy", "faulty"]

AGENTS = ("annotator", "annotator", "notifier", "notifier", "sweeper", "sweeper")
QUEUES = ("job-requests", "notify", "restore")

# How everything comes twice. The stand-in fits the rules to each call in turn.
WAYS: dict[str, list[dict[str, Any]]] = {
    "published twice": [{"service": "sns", "operation": "Publish", "kind": "twice"}],
    "never acknowledged at the first time": [
        {"service": "sqs", "operation": "DeleteMessage", "kind": "error", "code": "AccessDenied", "count": 16}
    ],
    "sent, but the sender was not told": [
        {"service": "sns", "operation": "Publish", "kind": "timeout_after_effect", "probability": 0.5, "seed": 5}
    ],
}


@pytest.fixture
def place(deploy: Callable[..., Deployment], bundles: Path) -> Deployment:
    return deploy(
        queues=QUEUES,
        tables=["annotations", "users"],
        buckets=["inputs", "results"],
        bundles_dir=bundles,
        lease_seconds=3,
        outbox_seconds=2,
        sweep_seconds=0.5,
    )


def submitted(place: Deployment, content: bytes) -> Job:
    """A job as the web layer makes it: the item first, then the message."""
    job = place.job(content)
    submissions.announce(place.jobs, place.announcer, job)
    return job


def settled(place: Deployment, job: Job) -> Job | None:
    """The job once nothing is left to be done for it."""
    now = place.now(job)
    return now if now.finished and now.attention_at is None else None


def objects_of(place: Deployment, job: Job) -> list[str]:
    """Every version of every object of a job's results."""
    answer = place.storage.s3.list_object_versions(
        Bucket=place.settings.results_bucket, Prefix=f"{job.user_id}/{job.job_id}/"
    )
    return sorted(found["Key"].rpartition("/result/")[2] for found in answer.get("Versions", []))


ONE_ATTEMPT = [
    "annotated.vcf.gz",
    "annotated.vcf.gz.tbi",
    "annotation.log",
    "receipt.json",
    "summary.json",
    "variants.parquet",
]


@pytest.mark.parametrize("way", WAYS)
def test_everything_twice_is_one_effect_and_one_mail(
    place: Deployment, faulty: AwsStandIn, tmp_path: Path, way: str
) -> None:
    for rule in WAYS[way]:
        faulty.fault(match=place.settings.name_prefix, **rule)
    with processes(place, tmp_path) as start:
        running = [start(agent) for agent in AGENTS]
        good = [submitted(place, vcf(records)) for records in (1, 50, 3000)]
        refused = submitted(place, b"Dear Sir or Madam,\n")
        cancelled = submitted(place, vcf(10))
        place.jobs.cancel(cancelled.job_id)
        user = place.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
        for _ in range(2):
            submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM)

        ended = [until(lambda job=job: settled(place, job), patience=90) for job in (*good, refused, cancelled)]
        # Whatever comes late must come while all are there to do it again.
        until(lambda: place.left_in("job-requests") == place.left_in("notify") == 0, patience=90)
        stop(running)

    for job in ended[:3]:
        assert (job.job_status, job.attempt, job.faults) == (JobStatus.COMPLETED, 1, 0)
        assert job.records_read == job.records_annotated
        assert objects_of(place, job) == [f"1/{name}" for name in ONE_ATTEMPT]
    assert (ended[3].job_status, ended[3].attempt) == (JobStatus.FAILED, 1)
    assert ended[4].job_status is JobStatus.CANCELLED
    for job in ended:
        mails = faulty.outbox(to=job.user_email)
        assert len(mails) == (0 if job.job_status is JobStatus.CANCELLED else 1), job.job_status
    upgraded = place.users.get(user.user_id)
    assert upgraded is not None
    assert (upgraded.role, upgraded.tier_epoch) == (Role.PREMIUM, 1)
    faulty.clear_faults()
    for queue in QUEUES:
        assert place.receive(f"{queue}-dlq") == []
    assert twice(way, place, running)


def stop(running: list[Process]) -> None:
    for process in running:
        process.popen.terminate()
    assert [process.popen.wait(60) for process in running] == [0] * len(running)


def twice(way: str, place: Deployment, running: list[Process]) -> bool:
    """That the faults did strike: more messages were handled than there were events."""
    if way == "never acknowledged at the first time":
        return any(process.lines("acknowledgement_failed") for process in running)
    handled = sum(process.log.read_text().count('"HandlerSeconds": ') for process in running)
    events = 5 + 4
    return handled > events and len(place.events("restore")) >= 1


def test_a_finished_job_is_not_begun_again_by_any_number_of_late_messages(
    place: Deployment, faulty: AwsStandIn, tmp_path: Path
) -> None:
    with processes(place, tmp_path) as start:
        running = [start(agent) for agent in AGENTS]
        job = submitted(place, vcf(5))
        before = until(lambda: settled(place, job), patience=90)
        request = announcement(job)
        assert request is not None
        for _ in range(5):
            place.announcer.publish(request)
            place.announcer.publish(JobResult(user_id=job.user_id, job_id=job.job_id))
        until(lambda: place.left_in("job-requests") == place.left_in("notify") == 0, patience=90)
        stop(running)
    assert place.now(job) == before
    assert objects_of(place, job) == [f"1/{name}" for name in ONE_ATTEMPT]
    assert len(faulty.outbox(to=job.user_email)) == 1
