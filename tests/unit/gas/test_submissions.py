import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from gas import submissions
from gas.job import Job, JobStatus, Outcome
from gas.jobs import Conflict, JobStore
from gas.messages import JobRequest, JobResult, JobThaw, SubscriptionDowngrade, SubscriptionUpgrade
from gas.storage import input_key, result_key
from gas.submissions import announcement
from gas.users import Role, User
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, new_job
from tests.fixtures import Lines

OUTCOME = Outcome("results", "r", "i", "l", "c", "s", 1, 1, 1, 0, 0)


@pytest.fixture
def place(deploy: Callable[..., Deployment]) -> Deployment:
    queues = ["job-requests", "notify", "restore", "thaw"]
    return deploy(queues=queues, tables=["annotations", "users", "shares"], buckets=["inputs", "results"])


@pytest.fixture
def deaf(faulty: AwsStandIn) -> AwsStandIn:
    """SNS refuses everything."""
    faulty.fault(service="sns", kind="error", code="AuthorizationError", status=403)
    return faulty


def request(job: Job) -> JobRequest:
    return JobRequest(user_id=job.user_id, job_id=job.job_id)


def test_each_state_has_the_message_that_others_need() -> None:
    kinds = {status: type(announcement(replace(new_job(), job_status=status))) for status in JobStatus}
    assert kinds == {
        JobStatus.PENDING: JobRequest,
        JobStatus.RUNNING: JobRequest,
        JobStatus.COMPLETED: JobResult,
        JobStatus.FAILED: JobResult,
        JobStatus.CANCELLED: type(None),
    }


def test_a_submission_writes_the_item_and_sends_the_message(place: Deployment) -> None:
    job = submissions.submit(place.jobs, place.announcer, new_job())
    assert place.events("job-requests") == [request(job)]
    stored = place.now(job)
    assert (stored.job_status, stored.announcements) == (JobStatus.PENDING, 1)


def test_the_same_submission_twice_is_one_job_and_one_message(place: Deployment) -> None:
    asked = new_job()
    first = submissions.submit(place.jobs, place.announcer, asked)
    again = submissions.submit(place.jobs, place.announcer, replace(asked, input_file_name="other.vcf"))
    assert again.input_file_name == first.input_file_name == "sample.vcf"
    assert place.events("job-requests") == [request(first)]


def test_a_submission_succeeds_without_its_message_and_stays_to_be_sent(
    place: Deployment, deaf: AwsStandIn, lines: Lines
) -> None:
    job = submissions.submit(place.jobs, place.announcer, new_job())
    stored = place.now(job)
    assert stored.job_status is JobStatus.PENDING
    assert stored.announcements == 0
    assert stored.attention_at == job.attention_at is not None
    (line,) = lines.of("announcement_failed")
    assert line["job_id"] == job.job_id
    deaf.clear_faults()
    assert submissions.announce(place.jobs, place.announcer, stored)
    assert place.events("job-requests") == [request(job)]


def test_a_message_that_was_sent_but_could_not_be_noted_is_sent_again(place: Deployment, faulty: AwsStandIn) -> None:
    job = place.job()
    faulty.fault(service="dynamodb", operation="UpdateItem", kind="error", code="AccessDeniedException", count=1)
    assert not submissions.announce(place.jobs, place.announcer, job)
    assert submissions.announce(place.jobs, place.announcer, place.now(job))
    assert place.events("job-requests") == [request(job), request(job)]


def test_whoever_is_faster_than_the_note_does_no_harm(place: Deployment) -> None:
    job = place.job()
    mine = place.jobs.claim(job, "host:1")
    assert submissions.announce(place.jobs, place.announcer, job)
    assert place.now(job) == mine


def test_nothing_is_announced_of_a_cancelled_job(place: Deployment) -> None:
    job = place.jobs.cancel(place.job().job_id)
    assert submissions.announce(place.jobs, place.announcer, job)
    assert place.events("job-requests") == place.events("notify") == []


def test_a_job_deleted_while_it_is_created_is_an_error(place: Deployment) -> None:
    class Hasty(JobStore):
        """A store in which a job is gone before it is read back."""

        def get(self, job_id: str) -> Job | None:
            return None

    from gas import aws

    jobs = Hasty(aws.table(place.settings, "annotations"))
    with pytest.raises(LookupError):
        submissions.submit(jobs, place.announcer, new_job())


def test_another_message_about_a_job_may_be_announced(place: Deployment) -> None:
    job = completed(place)
    thaw = JobThaw(user_id=job.user_id, job_id=job.job_id)
    assert submissions.announce(place.jobs, place.announcer, job, thaw)
    # S3 may have tried out its own notification there, about no job.
    assert [event for event in place.events("thaw") if event.user_id == job.user_id] == [thaw]
    assert place.events("notify") == []
    assert place.now(job).announcements == 1


def test_a_retry_announces_the_job_anew(place: Deployment) -> None:
    failed = place.jobs.fail(place.jobs.claim(place.job(), "host:1"), "sorry", "ref")
    again = submissions.retry(place.jobs, place.announcer, failed.job_id)
    assert again.job_status is JobStatus.PENDING
    assert place.events("job-requests") == [request(failed)]
    with pytest.raises(Conflict):
        submissions.retry(place.jobs, place.announcer, failed.job_id)


def objects(place: Deployment) -> int:
    s3 = place.storage.s3
    return sum(
        len(s3.list_object_versions(Bucket=bucket).get("Versions", []))
        for bucket in (place.settings.inputs_bucket, place.settings.results_bucket)
    )


def completed(place: Deployment) -> Job:
    """A completed job with its input and a result in S3."""
    mine = place.jobs.claim(place.job(), "host:1")
    key = result_key(mine.user_id, mine.job_id, mine.attempt, "annotated.vcf.gz")
    place.storage.s3.put_object(Bucket=place.settings.results_bucket, Key=key, Body=b"result")
    return place.jobs.complete(mine, replace(OUTCOME, s3_key_result_file=key))


def test_a_deleted_job_leaves_no_item_and_no_object(place: Deployment) -> None:
    job, other = completed(place), completed(place)
    assert objects(place) == 4
    submissions.delete(place.jobs, place.shares, place.storage, job.job_id)
    assert place.jobs.get(job.job_id) is None
    assert objects(place) == 2
    assert place.storage.head(place.settings.inputs_bucket, input_key(other.user_id, other.job_id))


def test_an_unfinished_job_is_not_deleted(place: Deployment) -> None:
    job = place.job()
    with pytest.raises(Conflict):
        submissions.delete(place.jobs, place.shares, place.storage, job.job_id)
    assert objects(place) == 1


def test_a_deletion_that_s3_refuses_hides_the_job_and_is_finished_later(
    place: Deployment, faulty: AwsStandIn, lines: Lines
) -> None:
    job = completed(place)
    faulty.fault(service="s3", kind="error", code="AccessDenied")
    submissions.delete(place.jobs, place.shares, place.storage, job.job_id)
    assert place.jobs.owned(job.job_id, job.user_id) is None
    hidden = place.now(job)
    assert hidden.attention_at is not None
    assert lines.of("deletion_postponed")
    faulty.clear_faults()
    submissions.erase(place.jobs, place.shares, place.storage, hidden)
    submissions.erase(place.jobs, place.shares, place.storage, hidden)
    assert place.jobs.get(job.job_id) is None
    assert objects(place) == 0


# Roles


@pytest.fixture
def user(place: Deployment) -> User:
    return place.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")


def now(place: Deployment, user: User) -> User:
    found = place.users.get(user.user_id)
    assert found is not None
    return found


def test_an_upgrade_is_announced_once(place: Deployment, user: User) -> None:
    submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM)
    announced = now(place, user)
    submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM)
    assert place.events("restore") == [SubscriptionUpgrade(user_id=user.user_id, tier_epoch=1)]
    assert now(place, user) == announced
    assert announced.premium
    # Until it is carried out it is looked at again.
    assert (announced.announcements, announced.attention_at is None) == (1, False)


def test_changes_of_role_are_announced_however_close(place: Deployment, user: User) -> None:
    for role in (Role.PREMIUM, Role.FREE, Role.PREMIUM):
        submissions.set_role(place.users, place.announcer, user.user_id, role)
    events = sorted(place.events("restore"), key=lambda event: event.tier_epoch)  # type: ignore[union-attr]
    assert events == [
        SubscriptionUpgrade(user_id=user.user_id, tier_epoch=1),
        SubscriptionDowngrade(user_id=user.user_id, tier_epoch=2),
        SubscriptionUpgrade(user_id=user.user_id, tier_epoch=3),
    ]


def test_an_upgrade_succeeds_without_its_message(place: Deployment, user: User, deaf: AwsStandIn, lines: Lines) -> None:
    submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM)
    waiting = now(place, user)
    assert (waiting.announcements, waiting.attention_at is None) == (0, False)
    assert lines.of("announcement_failed")[0]["user_id"] == user.user_id
    deaf.clear_faults()
    # Asking again sends what could not be sent.
    assert submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM) == waiting
    assert len(place.events("restore")) == 1
    assert now(place, user).announcements == 1


def test_a_role_waiting_to_be_carried_out_is_announced_again(place: Deployment, user: User) -> None:
    submissions.set_role(place.users, place.announcer, user.user_id, Role.PREMIUM)
    assert submissions.announce_role(place.users, place.announcer, now(place, user))
    assert place.events("restore") == [SubscriptionUpgrade(user_id=user.user_id, tier_epoch=1)] * 2
    assert now(place, user).announcements == 2


def test_an_upgrade_taken_back_meanwhile_is_no_error(place: Deployment, user: User) -> None:
    upgraded = place.users.set_role(user.user_id, Role.PREMIUM)
    free = place.users.set_role(user.user_id, Role.FREE)
    assert submissions.announce_role(place.users, place.announcer, upgraded)
    assert now(place, user) == free


def test_a_role_that_has_been_carried_out_is_not_announced(place: Deployment, user: User) -> None:
    assert submissions.announce_role(place.users, place.announcer, user)
    assert place.events("restore") == []
