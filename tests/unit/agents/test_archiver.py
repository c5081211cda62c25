import uuid
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from gas import items, submissions
from gas.archives import Archive
from gas.job import Job, ResultTier
from gas.jobs import LEASE_SLACK_SECONDS, Conflict
from gas.messages import JobRequest, JobResult
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.storage import ObjectMissing
from gas.tiers import Tiers, archive_of
from gas.users import Role
from tests.conftest import AwsStandIn
from tests.deployment import delivery
from tests.fixtures import Lines
from tests.shelf import LEASE, WINDOW, Shelf, at_effect, dying

LABELS = [f"archiver.{name}" for name in ("claim", "draft", "seal", "store", "commit", "delete", "settle")]


def told(job: Job, **fields: Any) -> Delivery:
    return replace(delivery(JobResult(user_id=job.user_id, job_id=job.job_id)), **fields)


def upload(shelf: Shelf) -> dict[str, str]:
    """The call that sends a part of an archive."""
    if shelf.place.settings.archive_backend == "s3-glacier":
        return {"service": "s3", "operation": "UploadPart"}
    return {"service": "glacier", "operation": "UploadMultipartPart"}


def test_after_the_window_a_result_is_archived_and_log_receipt_and_summary_stay(shelf: Shelf, lines: Lines) -> None:
    job = shelf.completed(shelf.user())
    archived = shelf.archive(job)
    shelf.assert_archived(job)
    assert shelf.hot_bytes(archived) == {}
    archive = archive_of(archived)
    (line,) = lines.of("archived")
    assert (line["archive_id"], line["archive_size"]) == (archive.archive_id, archive.size)
    assert lines.metrics("ArchivedBytes")[0]["ArchivedBytes"] == archive.size > 1000
    # A second message changes nothing.
    shelf.tell_archiver(job)
    assert shelf.now(job) == archived


def test_a_result_of_several_parts(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user(), 17 * 1024**2)
    assert archive_of(shelf.archive(job)).size > 17 * 1024**2
    shelf.assert_archived(job)


def test_before_the_end_of_the_window_the_message_comes_back_at_its_end(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user())
    before = shelf.now(job)
    shelf.clock.move(100)
    with pytest.raises(Retry) as later:
        shelf.tell_archiver(job)
    assert later.value.after == (job.complete_time or 0) + WINDOW - shelf.jobs.now() > 0
    assert shelf.now(job) == before
    shelf.clock.move(later.value.after - 1)
    with pytest.raises(Retry) as later:
        shelf.tell_archiver(job)
    assert later.value.after == 1
    shelf.clock.move(1)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


def test_a_premium_users_result_is_left_alone(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user(Role.PREMIUM))
    assert shelf.archive(job) == job
    shelf.assert_hot(job)


# Whose result it is not


def test_another_event_is_rejected(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user())
    with pytest.raises(Reject, match="job-request"):
        shelf.archiver.handle(delivery(JobRequest(user_id=job.user_id, job_id=job.job_id)))


@pytest.mark.parametrize("state", ["unknown", "pending", "failed", "deleted", "of nobody", "restoring", "back"])
def test_what_is_no_result_to_archive_is_left_alone(shelf: Shelf, state: str) -> None:
    user = shelf.user()
    job = shelf.completed(user)
    match state:
        case "unknown":
            job = replace(job, job_id=str(uuid.uuid4()))
        case "pending":
            job = shelf.place.job(user_id=user.user_id)
        case "failed":
            job = shelf.jobs.fail(shelf.jobs.claim(shelf.place.job(user_id=user.user_id), "host:1"), "why")
        case "deleted":
            shelf.jobs.mark_deleted(job)
        case "of nobody":
            owner = {"user_id": str(uuid.uuid4())}
            items.change(shelf.jobs.table, {"job_id": job.job_id}, items.same("attempt", 1), owner)
        case "restoring":
            job = shelf.tiers.claim_restoring(shelf.archive(job), "host:1")
            shelf.clock.move(LEASE)
        case _:
            # Its archive has yet to be discarded.
            keys = {"s3_key_result_file": str(job.s3_key_result_file)}
            job = shelf.tiers.restored(shelf.tiers.claim_restoring(shelf.archive(job), "host:1"), keys)
    before = shelf.jobs.get(job.job_id)
    shelf.clock.move(WINDOW)
    shelf.tell_archiver(job)
    assert shelf.jobs.get(job.job_id) == before


# Two at once


def test_while_another_archives_the_message_comes_back_when_that_lease_lapses(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user())
    shelf.clock.move(WINDOW)
    shelf.tiers.claim_archiving(job, "host:2")
    shelf.clock.move(LEASE - 20)
    before = shelf.now(job)
    with pytest.raises(Retry) as later:
        shelf.archiver.handle(told(job))
    assert later.value.after == 20
    # The last time it may come it is no failure: the item itself is looked at.
    shelf.archiver.handle(told(job, last_receive=True))
    assert shelf.now(job) == before
    shelf.clock.move(20)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", ["archiver.draft", "archiver.seal", "archiver.store", "archiver.commit"])
def test_whoever_is_overtaken_leaves_the_others_archive(shelf: Shelf, label: str, phase: str) -> None:
    job = shelf.completed(shelf.user())

    def overtake() -> None:
        shelf.clock.move(LEASE)
        shelf.tell_archiver(job)

    # What the other has aborted or removed is unknown to the service.
    with at_effect(label, phase, overtake), suppress(ClientError, ObjectMissing):
        shelf.archive(job)
    shelf.assert_archived(job)


def test_a_claim_that_came_too_late_is_no_error(shelf: Shelf, lines: Lines) -> None:
    job = shelf.completed(shelf.user())
    with at_effect("archiver.claim", "before", lambda: shelf.tell_archiver(job)):
        shelf.archive(job)
    shelf.assert_archived(job)
    assert lines.of("result_taken_away")


# Upgrades


@pytest.mark.parametrize("back", [False, True], ids=["upgrade", "upgrade and downgrade"])
@pytest.mark.parametrize(
    ("label", "phase"),
    [
        ("archiver.claim", "before"),
        ("archiver.claim", "after"),
        ("archiver.seal", "after"),
        ("archiver.commit", "before"),
    ],
)
def test_an_upgrade_on_the_way_leaves_the_result_hot_and_no_archive(
    shelf: Shelf, label: str, phase: str, back: bool
) -> None:
    user = shelf.user()
    job = shelf.completed(user)

    def upgrade() -> None:
        shelf.users.set_role(user.user_id, Role.PREMIUM)
        if back:
            shelf.users.set_role(user.user_id, Role.FREE)

    with at_effect(label, phase, upgrade):
        hot = shelf.archive(job)
    shelf.assert_hot(job)
    assert hot.attention_at is not None
    # And what is due is done by the next message.
    shelf.tell_archiver(job)
    if back:
        shelf.assert_archived(job)
    else:
        shelf.assert_hot(job)


def test_an_upgrade_after_the_commit_finds_an_archive(shelf: Shelf) -> None:
    user = shelf.user()
    job = shelf.completed(user)
    with at_effect("archiver.commit", "after", lambda: shelf.users.set_role(user.user_id, Role.PREMIUM) and None):
        archived = shelf.archive(job)
    assert archived.result_tier is ResultTier.ARCHIVED
    # A premium user's result does not come to rest there.
    assert archived.attention_at is not None


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", ["archiver.discard", "archiver.abandon", "archiver.stay-hot"])
def test_a_death_while_an_upgrades_archive_is_taken_back(shelf: Shelf, label: str, phase: str) -> None:
    user = shelf.user()
    job = shelf.completed(user)

    def upgrade() -> None:
        shelf.users.set_role(user.user_id, Role.PREMIUM)

    if label == "archiver.discard":
        with at_effect("archiver.commit", "before", upgrade), dying(label, phase):
            shelf.archive(job)
    else:
        with dying("archiver.store", "after"):
            shelf.archive(job)
        upgrade()
        shelf.clock.move(LEASE)
        with dying(label, phase):
            shelf.tell_archiver(job)
    shelf.clock.move(LEASE)
    shelf.tell_archiver(job)
    shelf.assert_hot(job)


# Deaths


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", LABELS)
def test_after_a_death_anywhere_there_is_one_archive(shelf: Shelf, label: str, phase: str) -> None:
    job = shelf.completed(shelf.user())
    with dying(label, phase):
        shelf.archive(job)
    left = shelf.now(job)
    # At no time are the bytes nowhere, and until the end somebody will look.
    if left.result_tier is not ResultTier.ARCHIVED:
        assert shelf.hot_bytes(left) == shelf.bodies[job.job_id]
    if (label, phase) != ("archiver.settle", "after"):
        assert left.attention_at is not None
        assert left.attention_at <= shelf.jobs.now() + LEASE + LEASE_SLACK_SECONDS
    shelf.clock.move(LEASE)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("first", ["archiver.draft", "archiver.seal"])
def test_two_deaths_in_a_row(shelf: Shelf, first: str, phase: str) -> None:
    job = shelf.completed(shelf.user())
    with dying(first, "before" if first == "archiver.draft" else "after"):
        shelf.archive(job)
    shelf.clock.move(LEASE)
    with dying("archiver.abandon", phase):
        shelf.tell_archiver(job)
    shelf.clock.move(LEASE)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


def test_an_upgrade_after_a_death_leaves_no_upload(shelf: Shelf) -> None:
    user = shelf.user()
    job = shelf.completed(user)
    with dying("archiver.draft", "before"):
        shelf.archive(job)
    shelf.users.set_role(user.user_id, Role.PREMIUM)
    shelf.clock.move(LEASE)
    shelf.tell_archiver(job)
    shelf.assert_hot(job)


def test_whoever_works_on_another_result_keeps_the_upload(shelf: Shelf) -> None:
    died, other = shelf.completed(shelf.user()), shelf.completed(shelf.user())
    with dying("archiver.draft", "before"):
        shelf.archive(died)
    shelf.clock.move(LEASE)
    with at_effect("archiver.draft", "after", lambda: shelf.tell_archiver(died)):
        shelf.archive(other)
    shelf.assert_archived(died)
    shelf.assert_archived(other)


@pytest.mark.parametrize("label", ["archiver.claim", "archiver.store", "archiver.commit", "archiver.delete"])
def test_the_objects_are_there_until_the_archive_is_committed(shelf: Shelf, label: str) -> None:
    job = shelf.completed(shelf.user())
    seen: list[bool] = []

    def look() -> None:
        now = shelf.now(job)
        seen.append(shelf.hot_bytes(now) == shelf.bodies[job.job_id])
        if label == "archiver.delete":
            assert now.result_tier is ResultTier.ARCHIVED
            assert shelf.archives_of(job) == 1

    with at_effect(label, "after" if label != "archiver.delete" else "before", look):
        shelf.archive(job)
    assert seen == [True]


def test_a_commit_whose_answer_was_lost_is_found_done(shelf: Shelf, lines: Lines) -> None:
    job = shelf.completed(shelf.user())

    def lose() -> None:
        raise ReadTimeoutError(endpoint_url="dynamodb")

    with at_effect("archiver.commit", "after", lose), pytest.raises(ReadTimeoutError):
        shelf.archive(job)
    assert lines.of("claim_not_released")
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


def test_a_commit_that_the_sdk_repeated_is_found_done(shelf: Shelf) -> None:
    """The first request was carried out, its answer lost, and the second finds the condition unmet."""

    class Repeating(Tiers):
        def archived(self, mine: Job, archive: Archive, tier_epoch: int) -> Job:
            super().archived(mine, archive, tier_epoch)
            raise Conflict

    tiers = Repeating(shelf.jobs, shelf.tiers._users_table)
    shelf.archiver = replace(shelf.archiver, tiers=tiers)
    job = shelf.completed(shelf.user())
    shelf.archive(job)
    shelf.assert_archived(job)


# Failures


def test_a_call_that_aws_refuses_gives_the_claim_back_at_once(shelf: Shelf, faulty: AwsStandIn) -> None:
    job = shelf.completed(shelf.user())
    faulty.fault(**upload(shelf), kind="error", code="AccessDenied", count=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        shelf.archive(job)
    left = shelf.now(job)
    assert (left.result_tier, left.lease_owner) == (ResultTier.ARCHIVING, None)
    assert shelf.hot_bytes(left) == shelf.bodies[job.job_id]
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


def test_a_result_that_is_not_there_is_an_error_and_no_archive(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user())
    shelf.storage.delete(str(job.s3_results_bucket), str(job.s3_key_index_file))
    with pytest.raises(ObjectMissing):
        shelf.archive(job)
    left = shelf.now(job)
    assert (left.result_tier, left.lease_owner) == (ResultTier.ARCHIVING, None)
    assert left.attention_at is not None
    assert (shelf.archives_of(job), shelf.uploads_of(job)) == (0, 0)


@pytest.mark.parametrize("label", ["archiver.draft", "archiver.seal"])
def test_a_process_that_has_to_end_gives_the_message_back(shelf: Shelf, label: str) -> None:
    job = shelf.completed(shelf.user())
    shelf.clock.move(WINDOW)
    asked = told(job)
    before = "archiver.claim" if label == "archiver.draft" else "archiver.draft"
    with at_effect(before, "after", asked.abandon.set), pytest.raises(GiveBack):
        shelf.archiver.handle(asked)
    left = shelf.now(job)
    assert (left.result_tier, left.lease_owner) == (ResultTier.ARCHIVING, None)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


# Cleaning up


@pytest.mark.parametrize("tier", [ResultTier.HOT, ResultTier.ARCHIVING, ResultTier.RESTORING])
def test_only_an_archived_results_objects_are_removed(shelf: Shelf, tier: ResultTier) -> None:
    """Whoever was held up between commit and clean-up may find that the result has come back."""
    job = shelf.completed(shelf.user())
    shelf.archiver.clear(replace(job, result_tier=tier))
    assert shelf.hot_bytes(job) == shelf.bodies[job.job_id]
    assert shelf.now(job) == job


def test_a_clean_up_overtaken_by_an_upgrade_is_no_error(shelf: Shelf, lines: Lines) -> None:
    user = shelf.user()
    job = shelf.completed(user)
    with dying("archiver.delete", "before"):
        shelf.archive(job)
    with at_effect("archiver.settle", "before", lambda: shelf.change_role(user, Role.PREMIUM) and None):
        shelf.tell_archiver(job)
    assert lines.of("result_taken_away")
    assert shelf.now(job).result_tier is ResultTier.RESTORING
    shelf.thaw(job)
    shelf.assert_hot(job)


# Deletion


@pytest.mark.parametrize("state", ["archived", "begun", "archiving", "half archived", "not cleared"])
def test_a_deleted_job_leaves_no_archive_and_no_object(shelf: Shelf, state: str) -> None:
    job = shelf.completed(shelf.user())
    if state == "archived":
        shelf.archive(job)
    else:
        died = {
            "begun": ("archiver.draft", "before"),
            "archiving": ("archiver.seal", "after"),
            "half archived": ("archiver.store", "after"),
            "not cleared": ("archiver.delete", "before"),
        }
        with dying(*died[state]):
            shelf.archive(job)
    submissions.delete(shelf.jobs, shelf.shares, shelf.storage, job.job_id)
    assert shelf.now(job).delete_time
    assert shelf.objects(job) == set()
    shelf.clock.move(LEASE + LEASE_SLACK_SECONDS)
    shelf.tell_archiver(job)
    shelf.sweeper.tend(shelf.now(job))
    assert shelf.jobs.get(job.job_id) is None
    assert (shelf.archives_of(job), shelf.uploads_of(job), shelf.objects(job)) == (0, 0, set())


@pytest.mark.parametrize("label", ["archiver.draft", "archiver.seal", "archiver.commit"])
def test_a_deletion_while_it_is_archived(shelf: Shelf, label: str) -> None:
    job = shelf.completed(shelf.user())

    with at_effect(label, "before", lambda: submissions.delete(shelf.jobs, shelf.shares, shelf.storage, job.job_id)):
        shelf.clock.move(WINDOW)
        shelf.tell_archiver(job)
    shelf.clock.move(LEASE + LEASE_SLACK_SECONDS)
    shelf.sweeper.tend(shelf.now(job))
    assert shelf.jobs.get(job.job_id) is None
    assert (shelf.archives_of(job), shelf.objects(job)) == (0, set())
