import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from agents.retrieval import begin
from gas import items, submissions
from gas.archives import Archive, Corrupted, Draft, Retrieval, parcels
from gas.archives.parcels import BrokenParcel
from gas.job import Job, ResultTier
from gas.jobs import LEASE_SLACK_SECONDS, Conflict
from gas.messages import JobRequest, JobThaw
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.storage import ObjectMissing
from gas.tiers import LEAST_POLL_SECONDS, Tiers, archive_of
from gas.users import Role, User
from tests.conftest import AwsStandIn
from tests.deployment import delivery, until
from tests.fixtures import Lines
from tests.shelf import FILES, LEASE, OUTBOX, WINDOW, Shelf, at_effect, dying

LABELS = [f"thawer.{name}" for name in ("claim", "put", "commit", "discard", "settle")]
EXPIRED = Retrieval("z" * 92, "Expedited")


def told(job: Job, **fields: Any) -> Delivery:
    return replace(delivery(JobThaw(user_id=job.user_id, job_id=job.job_id)), **fields)


def archived(shelf: Shelf, size: int = 1000) -> tuple[User, Job]:
    """A result in the archive, whose owner has just become premium."""
    user = shelf.user()
    job = shelf.archive(shelf.completed(user, size))
    return shelf.users.set_role(user.user_id, Role.PREMIUM), job


def ready(shelf: Shelf, size: int = 1000) -> tuple[User, Job]:
    """A result that is asked back and waits to be fetched."""
    user, job = archived(shelf, size)
    waiting = begin(shelf.tiers, shelf.archives, job, "host:1", "Expedited")
    until(lambda: shelf.archives.status(archive_of(waiting), str(waiting.retrieval_id)) == "READY")
    return user, waiting


def settle(shelf: Shelf, job: Job) -> None:
    """What the sweeper does with a result that is back."""
    shelf.sweeper.tend(shelf.now(job))
    assert shelf.now(job).attention_at is None


def test_a_retrieved_result_is_back_byte_by_byte_and_its_archive_gone(shelf: Shelf, lines: Lines) -> None:
    _, job = ready(shelf)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)
    back = shelf.now(job)
    assert back.s3_key_result_file == f"{job.user_id}/{job.job_id}/result/t{back.tier_attempt}/{FILES['result']}"
    (line,) = lines.of("restored")
    assert line["archive_id"] == job.results_file_archive_id
    (measured,) = lines.metrics("RestoreSeconds")
    assert (measured["Tier"], measured["RestoreSeconds"]) == ("Expedited", 0)
    settle(shelf, job)
    # A second message changes nothing.
    settled = shelf.now(job)
    shelf.tell_thawer(job)
    assert shelf.now(job) == settled


def test_a_result_of_several_parts(shelf: Shelf) -> None:
    """Larger than a part of the archive, and than what goes to S3 in one piece."""
    _, job = ready(shelf, 17 * 1024**2)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_files_are_stored_with_the_kind_they_have(shelf: Shelf) -> None:
    _, job = ready(shelf)
    shelf.tell_thawer(job)
    back = shelf.now(job)
    kinds = [
        shelf.storage.s3.head_object(Bucket=str(back.s3_results_bucket), Key=str(key))["ContentType"]
        for key in (back.s3_key_result_file, back.s3_key_index_file)
    ]
    assert kinds == ["application/gzip", "application/octet-stream"]


def test_a_result_goes_back_and_forth(shelf: Shelf) -> None:
    user, job = ready(shelf)
    shelf.tell_thawer(job)
    for _ in range(2):
        shelf.users.set_role(user.user_id, Role.FREE)
        shelf.tell_archiver(job)
        shelf.assert_archived(job)
        shelf.users.set_role(user.user_id, Role.PREMIUM)
        begin(shelf.tiers, shelf.archives, shelf.now(job), "host:1", "Expedited")
        shelf.thaw(job)
        shelf.assert_hot(job)


# Whose result it is not


def test_another_event_is_rejected(shelf: Shelf) -> None:
    event = JobRequest(user_id=str(uuid.uuid4()), job_id=str(uuid.uuid4()))
    with pytest.raises(Reject, match="job-request"):
        shelf.thawer.handle(delivery(event))


@pytest.mark.parametrize("state", ["unknown", "pending", "hot", "archiving", "archived of a free user", "deleted"])
def test_what_is_not_to_be_thawed_is_left_alone(shelf: Shelf, state: str) -> None:
    user = shelf.user()
    job = shelf.completed(user)
    match state:
        case "unknown":
            job = replace(job, job_id=str(uuid.uuid4()))
        case "pending":
            job = shelf.place.job(user_id=user.user_id)
        case "archiving":
            job = shelf.tiers.release(shelf.tiers.claim_archiving(job, "host:1"))
        case "archived of a free user":
            job = shelf.archive(job)
        case "deleted":
            _, job = archived(shelf)
            shelf.jobs.mark_deleted(job)
        case _:
            pass
    before = shelf.jobs.get(job.job_id)
    shelf.tell_thawer(job)
    assert shelf.jobs.get(job.job_id) == before


def test_while_another_fetches_the_message_comes_back_when_that_lease_lapses(shelf: Shelf) -> None:
    _, job = ready(shelf)
    mine = shelf.tiers.claim_restoring(job, "host:2")
    shelf.clock.move(LEASE - 20)
    with pytest.raises(Retry) as later:
        shelf.tell_thawer(job)
    assert later.value.after == 20
    # The last time it may come it is no failure: the item itself is looked at.
    shelf.thawer.handle(told(job, last_receive=True))
    assert shelf.now(job) == mine
    shelf.clock.move(20)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


# Where the retrieval stands


def test_a_retrieval_under_way_is_asked_after_again_later(shelf: Shelf) -> None:
    _, job = archived(shelf)
    waiting = begin(shelf.tiers, shelf.archives, job, "host:1", "Bulk")
    shelf.tell_thawer(job)
    assert shelf.now(job) == replace(waiting, attention_at=shelf.jobs.now() + 12 * 360)


def test_a_result_that_was_not_asked_back_is(shelf: Shelf) -> None:
    """As when the sweeper finds it archived though its owner is premium."""
    _, job = archived(shelf)
    shelf.tell_thawer(job)
    waiting = shelf.now(job)
    assert (waiting.result_tier, waiting.retrieval_tier) == (ResultTier.RESTORING, "Expedited")
    assert waiting.attention_at == shelf.jobs.now() + LEAST_POLL_SECONDS
    shelf.thaw(job)
    shelf.assert_hot(job)


def test_a_claim_whose_owner_died_before_asking_is_asked_for(shelf: Shelf) -> None:
    _, job = archived(shelf)
    shelf.tiers.claim_restoring(job, "host:2")
    shelf.clock.move(LEASE)
    shelf.tell_thawer(job)
    assert shelf.now(job).retrieval_id
    shelf.thaw(job)
    shelf.assert_hot(job)


def test_a_retrieval_that_is_gone_is_begun_anew(shelf: Shelf, lines: Lines) -> None:
    _, job = archived(shelf)
    shelf.tiers.retrieving(shelf.tiers.claim_restoring(job, "host:1"), EXPIRED)
    shelf.tell_thawer(job)
    gone = shelf.now(job)
    assert (gone.result_tier, gone.retrieval_id, gone.attention_at) == (ResultTier.ARCHIVED, None, shelf.jobs.now())
    assert archive_of(gone) == archive_of(job)
    assert lines.of("retrieval_gone")[0]["retrieval_id"] == EXPIRED.retrieval_id
    shelf.tell_thawer(job)
    shelf.thaw(job)
    shelf.assert_hot(job)


# Downgrades


@pytest.mark.parametrize("state", ["asked back", "ready", "lapsed"])
def test_a_downgrade_before_anything_was_fetched_leaves_it_archived(shelf: Shelf, state: str) -> None:
    user, job = archived(shelf) if state == "asked back" else ready(shelf)
    if state == "asked back":
        begin(shelf.tiers, shelf.archives, job, "host:1", "Bulk")
    elif state == "lapsed":
        shelf.tiers.claim_restoring(job, "host:2")
        shelf.clock.move(LEASE)
    shelf.users.set_role(user.user_id, Role.FREE)
    shelf.tell_thawer(job)
    again = shelf.now(job)
    assert (again.result_tier, again.retrieval_id) == (ResultTier.ARCHIVED, None)
    assert again.attention_at == shelf.jobs.now() + OUTBOX
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


def test_a_downgrade_while_it_is_fetched_is_settled_afterwards(shelf: Shelf) -> None:
    user, job = ready(shelf)
    with at_effect("thawer.put", "after", lambda: shelf.users.set_role(user.user_id, Role.FREE) and None):
        shelf.tell_thawer(job)
    shelf.assert_hot(job)
    assert shelf.now(job).attention_at is not None
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


@pytest.mark.parametrize("label", ["thawer.put", "thawer.commit"])
def test_a_downgrade_after_a_death_leaves_nothing_in_s3(shelf: Shelf, label: str) -> None:
    user, job = ready(shelf)
    with dying(label, "after" if label == "thawer.put" else "before"):
        shelf.tell_thawer(job)
    assert any(name.startswith("result/t") for name in shelf.objects(job))
    shelf.users.set_role(user.user_id, Role.FREE)
    shelf.clock.move(LEASE)
    shelf.tell_thawer(job)
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


# Deaths


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", LABELS)
def test_after_a_death_anywhere_the_result_is_back_once(shelf: Shelf, label: str, phase: str) -> None:
    _, job = ready(shelf)
    with dying(label, phase):
        shelf.tell_thawer(job)
    left = shelf.now(job)
    # At no time are the bytes nowhere, and until the end somebody will look.
    if left.result_tier is ResultTier.HOT:
        assert shelf.hot_bytes(left) == shelf.bodies[job.job_id]
    else:
        assert shelf.archives_of(job) == 1
    assert left.attention_at is not None
    shelf.clock.move(LEASE)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)
    settle(shelf, job)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_clean_up_that_an_upgrade_overtook_is_made_up_for(shelf: Shelf, phase: str) -> None:
    """The archiver dies after its commit; the objects it would have removed are not named by the item any more."""
    user = shelf.user()
    job = shelf.completed(user)
    with dying("archiver.delete" if phase == "before" else "archiver.commit", phase):
        shelf.archive(job)
    shelf.change_role(user, Role.PREMIUM)
    shelf.thaw(job)
    shelf.assert_hot(job)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", ["thawer.claim", "thawer.put", "thawer.commit"])
def test_whoever_is_overtaken_leaves_the_others_files(shelf: Shelf, label: str, phase: str) -> None:
    _, job = ready(shelf)

    def overtake() -> None:
        shelf.clock.move(LEASE)
        shelf.tell_thawer(job)

    # The archive is gone: the other has discarded it.
    with at_effect(label, phase, overtake), suppress(ObjectMissing):
        shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_a_commit_whose_answer_was_lost_is_found_done(shelf: Shelf) -> None:
    _, job = ready(shelf)

    def lose() -> None:
        raise ReadTimeoutError(endpoint_url="dynamodb")

    with at_effect("thawer.commit", "after", lose), pytest.raises(ReadTimeoutError):
        shelf.tell_thawer(job)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_a_commit_that_the_sdk_repeated_is_found_done(shelf: Shelf) -> None:
    """The first request was carried out, its answer lost, and the second finds the condition unmet."""

    class Repeating(Tiers):
        def restored(self, mine: Job, keys: Any) -> Job:
            super().restored(mine, keys)
            raise Conflict

    shelf.thawer = replace(shelf.thawer, tiers=Repeating(shelf.jobs, shelf.tiers._users_table))
    _, job = ready(shelf)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_whoever_learns_late_that_its_commit_was_done_deletes_nothing(shelf: Shelf) -> None:
    """By then the archive is discarded and the next archiving has begun: those files are all there is."""
    user, job = ready(shelf)

    def move_on() -> None:
        shelf.tell_thawer(job)
        shelf.users.set_role(user.user_id, Role.FREE)
        shelf.tiers.claim_archiving(shelf.now(job), "host:2")
        raise ReadTimeoutError(endpoint_url="dynamodb")

    with at_effect("thawer.commit", "after", move_on), pytest.raises(ReadTimeoutError):
        shelf.tell_thawer(job)
    now = shelf.now(job)
    assert now.result_tier is ResultTier.ARCHIVING
    assert shelf.hot_bytes(now) == shelf.bodies[job.job_id]
    shelf.clock.move(max(LEASE, WINDOW))
    shelf.tell_archiver(job)
    shelf.assert_archived(job)


# Failures


def assert_nothing_came_of_it(shelf: Shelf, job: Job) -> None:
    left = shelf.now(job)
    assert (left.result_tier, left.lease_owner) == (ResultTier.RESTORING, None)
    assert left.attention_at is not None
    assert {name for name in shelf.objects(job) if name.startswith("result/")} == shelf.kept(job)
    assert shelf.archives_of(job) >= 1


def change(shelf: Shelf, job: Job, **fields: Any) -> None:
    items.change(shelf.jobs.table, {"job_id": job.job_id}, items.same("job_id", job.job_id), fields)


def test_bytes_that_are_not_what_was_stored_are_never_the_result(shelf: Shelf) -> None:
    _, job = ready(shelf)
    change(shelf, job, archive_tree_hash="0" * 64)
    with pytest.raises(Corrupted):
        shelf.tell_thawer(job)
    assert_nothing_came_of_it(shelf, job)
    change(shelf, job, archive_tree_hash=job.archive_tree_hash)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([FILES["result"]], "lacks s3_key_index_file, s3_key_table_file"),
        ([FILES["result"], FILES["index"], "virus.exe"], "'virus.exe' that the job does not know"),
    ],
    ids=["lacking", "strange"],
)
def test_an_archive_with_other_files_is_never_the_result(shelf: Shelf, names: list[str], words: str) -> None:
    _, job = archived(shelf)
    files = [parcels.File(name, 3, lambda: [b"abc"]) for name in names]

    def note(_: Draft) -> None:
        pass

    label = f"{job.user_id}/{job.job_id}/99"
    other: Archive = shelf.archives.store(label, parcels.packed_size(files), parcels.pack(files), note)
    change(
        shelf,
        job,
        results_file_archive_id=other.archive_id,
        archive_size=other.size,
        archive_tree_hash=other.tree_hash,
    )
    waiting = begin(shelf.tiers, shelf.archives, shelf.now(job), "host:1", "Expedited")
    until(lambda: shelf.archives.status(other, str(waiting.retrieval_id)) == "READY")
    with pytest.raises(BrokenParcel, match=words):
        shelf.tell_thawer(job)
    assert_nothing_came_of_it(shelf, job)


def test_a_put_that_s3_refuses_gives_the_claim_back(shelf: Shelf, faulty: AwsStandIn) -> None:
    _, job = ready(shelf)
    faulty.fault(service="s3", operation="PutObject", kind="error", code="AccessDenied", count=1)
    with pytest.raises(Exception, match="AccessDenied"):
        shelf.tell_thawer(job)
    assert_nothing_came_of_it(shelf, job)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_what_cannot_be_undone_at_once_goes_later(shelf: Shelf, faulty: AwsStandIn, lines: Lines) -> None:
    _, job = ready(shelf)

    def cut_off() -> None:
        faulty.fault(service="dynamodb", operation="UpdateItem", kind="error", code="AccessDeniedException", count=2)

    with at_effect("thawer.commit", "before", cut_off), pytest.raises(ClientError, match="AccessDenied"):
        shelf.tell_thawer(job)
    assert lines.of("thaw_not_undone")
    assert not shelf.tiers.lapsed(shelf.now(job))
    shelf.clock.move(LEASE)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


def test_a_process_that_has_to_end_gives_the_message_back(shelf: Shelf) -> None:
    _, job = ready(shelf)
    asked = told(job)
    with at_effect("thawer.claim", "after", asked.abandon.set), pytest.raises(GiveBack):
        shelf.thawer.handle(asked)
    assert_nothing_came_of_it(shelf, job)
    shelf.tell_thawer(job)
    shelf.assert_hot(job)


# Deletion


def _claimed(shelf: Shelf) -> Job:
    _, job = ready(shelf)
    with dying("thawer.put", "after"):
        shelf.tell_thawer(job)
    return job


def _back(shelf: Shelf) -> Job:
    _, job = ready(shelf)
    with dying("thawer.commit", "after"):
        shelf.tell_thawer(job)
    return job


STATES: dict[str, Callable[[Shelf], Job]] = {
    "asked back": lambda shelf: ready(shelf)[1],
    "half fetched": _claimed,
    "back": _back,
}


@pytest.mark.parametrize("state", STATES)
def test_a_deleted_job_leaves_no_archive_and_no_object(shelf: Shelf, state: str) -> None:
    job = STATES[state](shelf)
    submissions.delete(shelf.jobs, shelf.shares, shelf.storage, job.job_id)
    shelf.clock.move(LEASE + LEASE_SLACK_SECONDS)
    shelf.tell_thawer(job)
    shelf.sweeper.tend(shelf.now(job))
    assert shelf.jobs.get(job.job_id) is None
    assert (shelf.archives_of(job), shelf.uploads_of(job), shelf.objects(job)) == (0, 0, set())


@pytest.mark.parametrize("label", ["thawer.put", "thawer.commit"])
def test_a_deletion_while_it_is_fetched(shelf: Shelf, label: str) -> None:
    _, job = ready(shelf)
    # Of S3's archive nothing may be left to fetch.
    with (
        at_effect(label, "before", lambda: submissions.delete(shelf.jobs, shelf.shares, shelf.storage, job.job_id)),
        suppress(ObjectMissing),
    ):
        shelf.tell_thawer(job)
    shelf.clock.move(LEASE + LEASE_SLACK_SECONDS)
    shelf.sweeper.tend(shelf.now(job))
    assert shelf.jobs.get(job.job_id) is None
    assert (shelf.archives_of(job), shelf.objects(job)) == (0, set())
