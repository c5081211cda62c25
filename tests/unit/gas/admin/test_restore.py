"""One result comes back by an operator's word, stays for its time, and goes again."""

import uuid

import pytest

from gas.job import Job, ResultTier
from gas.messages import JobThaw
from gas.queues import Retry
from gas.users import Role
from tests.shelf import Shelf
from tests.unit.gas.admin.conftest import LONG_AGO, Command
from webserver.results import Access, availability

DAY = 86_400


def settle(shelf: Shelf, job: Job) -> Job:
    """Let the sweeper and whoever it tells do what is due now, until nothing changes."""
    for _ in range(5):
        shelf.clock.move(60)
        shelf.sweeper.sweep()
        shelf.tell_thawer(job)
        shelf.tell_archiver(job)
    return shelf.now(job)


def test_a_free_users_result_comes_back_and_goes_again(shelf: Shelf, command: Command) -> None:
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    status, out, err = command("restore", job.job_id, "--days", "2")
    assert (status, err) == (0, "")
    assert "The result is ARCHIVED. Its owner can download it, once it is HOT, until " in out
    assert JobThaw(user_id=job.user_id, job_id=job.job_id) in shelf.place.events("thaw")
    # The command's clock is the real one, the agents' is behind.
    shelf.clock.move(LONG_AGO)
    assert availability(shelf.now(job), user, 300, shelf.clock()).access is Access.RESTORING
    shelf.thaw(job)
    assert shelf.hot_bytes(shelf.now(job)) == shelf.bodies[job.job_id]
    hot = settle(shelf, job)
    assert (hot.result_tier, hot.stale_archive_id) == (ResultTier.HOT, None)
    opened = availability(hot, user, 300, shelf.clock())
    assert (opened.access, opened.until) == (Access.OPEN, hot.keep_until)
    # Whoever subscribes and leaves again does not lose what was promised.
    shelf.change_role(user, Role.PREMIUM)
    shelf.change_role(user, Role.FREE)
    assert settle(shelf, job).result_tier is ResultTier.HOT
    shelf.clock.move(2 * DAY)
    assert availability(hot, user, 300, shelf.clock()).access is Access.EXPIRED
    shelf.sweeper.sweep()
    shelf.tell_archiver(job)
    assert shelf.now(job).result_tier is ResultTier.ARCHIVED
    settled = settle(shelf, job)
    assert (settled.result_tier, settled.attention_at) == (ResultTier.ARCHIVED, None)


def test_without_its_message_the_sweeper_has_it_brought_back(shelf: Shelf, command: Command) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    command("restore", job.job_id)
    shelf.place.receive("thaw")
    shelf.clock.move(LONG_AGO + 60)
    shelf.sweeper.sweep()
    assert JobThaw(user_id=job.user_id, job_id=job.job_id) in shelf.place.events("thaw")


def test_a_result_that_is_being_archived_comes_back_too(shelf: Shelf, command: Command) -> None:
    job = shelf.completed(shelf.user())
    shelf.clock.move(LONG_AGO)
    mine = shelf.tiers.claim_archiving(shelf.now(job), "host:9")
    label = f"{job.user_id}/{job.job_id}/1"
    archive = shelf.archives.store(label, 3, iter([b"abc"]), lambda draft: None)
    command("restore", job.job_id)
    shelf.archiver.clear(shelf.tiers.archived(mine, archive, 0))
    archived = shelf.now(job)
    assert archived.result_tier is ResultTier.ARCHIVED
    assert archived.attention_at is not None
    shelf.tell_thawer(job)
    assert shelf.now(job).result_tier is ResultTier.RESTORING


def test_a_hot_result_stays(shelf: Shelf, command: Command) -> None:
    job = shelf.completed(shelf.user())
    shelf.clock.move(LONG_AGO)
    assert "The result is HOT." in command("restore", job.job_id)[1]
    shelf.tell_archiver(job)
    assert shelf.now(job).result_tier is ResultTier.HOT


def test_a_restore_ended_by_time_is_given_up(shelf: Shelf, command: Command) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    command("restore", job.job_id, "--days", "1")
    shelf.clock.move(LONG_AGO)
    shelf.tell_thawer(job)
    assert shelf.now(job).result_tier is ResultTier.RESTORING
    shelf.clock.move(2 * DAY)
    shelf.tell_thawer(job)
    assert settle(shelf, job).result_tier is ResultTier.ARCHIVED


def test_what_has_no_result_is_refused(shelf: Shelf, command: Command) -> None:
    waiting = shelf.place.job()
    status, _, err = command("restore", waiting.job_id)
    assert (status, err) == (1, f"Error: Job {waiting.job_id} is PENDING: it has no result.\n")
    hidden = shelf.jobs.mark_deleted(shelf.completed(shelf.user()))
    for job_id in (hidden.job_id, str(uuid.uuid4())):
        assert "There is no job" in command("restore", job_id)[2]


def test_without_the_word_nothing_comes_back(shelf: Shelf) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    shelf.tell_thawer(job)
    assert shelf.now(job).result_tier is ResultTier.ARCHIVED
    with pytest.raises(Retry):
        shelf.tell_archiver(shelf.completed(shelf.user()))
