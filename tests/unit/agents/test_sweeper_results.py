"""What the sweeper does with results: each is where its owner's role says, or on its way there."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gas import items
from gas.archives import TIER_SECONDS, Retrieval
from gas.items import FIRST_REMINDER_SECONDS
from gas.job import Job, ResultTier
from gas.jobs import LEASE_SLACK_SECONDS, Conflict
from gas.messages import Event, JobResult, JobThaw
from gas.users import Role
from tests.deployment import Deployment
from tests.fixtures import Lines, aws_environment, lines
from tests.shelf import LEASE, WINDOW, Shelf
from tests.shelf import shelf as make_shelf

__all__ = ["aws_environment", "lines"]


@pytest.fixture
def shelf(archive_settings: object) -> Shelf:
    """Where the archive is does not matter here."""
    return make_shelf(Deployment(archive_settings))  # type: ignore[arg-type]


def archiving(shelf: Shelf, job: Job) -> Job:
    return shelf.tiers.claim_archiving(job, "host:2")


def archived(shelf: Shelf, job: Job) -> Job:
    """Committed, but not cleaned up; whoever did it has died."""
    mine = archiving(shelf, job)
    return shelf.tiers._change(
        mine,
        items.same("result_tier", ResultTier.ARCHIVING),
        result_tier=ResultTier.ARCHIVED,
        lease_owner=None,
        lease_until=None,
        results_file_archive_id="a",
        archive_size=1,
        archive_tree_hash="00",
    )


def restoring(shelf: Shelf, job: Job) -> Job:
    return shelf.tiers.retrieving(shelf.tiers.claim_restoring(archived(shelf, job), "host:2"), Retrieval("r", "Bulk"))


def back(shelf: Shelf, job: Job) -> Job:
    mine = shelf.tiers.claim_restoring(restoring(shelf, job), "host:2")
    return shelf.tiers.restored(mine, {"s3_key_result_file": "u/j/result/t3/annotated.vcf.gz"})


REACH: dict[str, Callable[[Shelf, Job], Job]] = {
    "hot": lambda _, job: job,
    "archiving": archiving,
    "archived": archived,
    "restoring": restoring,
    "back": back,
}
SEND_ON, THAW, REST = JobResult, JobThaw, None
# Who owns the result, in which tier it is, and what is to be done once its window is over.
WANTED = {
    ("free", "hot"): SEND_ON,
    ("free", "archiving"): SEND_ON,
    ("free", "archived"): SEND_ON,
    ("free", "restoring"): THAW,
    ("free", "back"): THAW,
    ("premium", "hot"): REST,
    ("premium", "archiving"): SEND_ON,
    ("premium", "archived"): THAW,
    ("premium", "restoring"): THAW,
    ("premium", "back"): THAW,
    ("nobody", "hot"): REST,
    ("nobody", "archiving"): SEND_ON,
    ("nobody", "archived"): SEND_ON,
    ("nobody", "restoring"): THAW,
    ("nobody", "back"): THAW,
}


def told(shelf: Shelf, job: Job) -> list[Event]:
    """What was published about this job."""
    events = [*shelf.place.events("notify"), *shelf.place.events("thaw")]
    return [event for event in events if getattr(event, "job_id", None) == job.job_id]


@pytest.mark.parametrize(("owner", "tier"), WANTED, ids=lambda name: name)
def test_each_result_is_brought_where_its_owners_role_says(shelf: Shelf, owner: str, tier: str) -> None:
    user = shelf.user(Role.PREMIUM if owner == "premium" else Role.FREE)
    job = shelf.completed(user)
    if owner == "nobody":
        shelf.users.table.delete_item(Key={"user_id": user.user_id})
    seen = REACH[tier](shelf, job)
    shelf.clock.move(WINDOW + FIRST_REMINDER_SECONDS)
    shelf.sweeper.tend(seen)
    now = shelf.now(job)
    wanted = WANTED[owner, tier]
    if wanted is REST:
        assert told(shelf, job) == []
        assert now == replace(seen, attention_shard=None, attention_at=None)
        return
    assert told(shelf, job) == [wanted(user_id=job.user_id, job_id=job.job_id)]
    # Should that message be lost, there will be another, after a longer wait each time.
    due = shelf.jobs.now() + FIRST_REMINDER_SECONDS
    assert now == replace(seen, announcements=seen.announcements + 1, attention_at=due)


def test_a_free_users_result_is_not_announced_before_its_window_is_over(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user())
    closes = (job.complete_time or 0) + WINDOW + FIRST_REMINDER_SECONDS
    shelf.sweeper.tend(job)
    postponed = shelf.now(job)
    assert postponed == replace(job, attention_at=closes)
    assert told(shelf, job) == []
    shelf.clock.move(closes - shelf.jobs.now() - 1)
    shelf.sweeper.tend(postponed)
    assert told(shelf, job) == []
    shelf.clock.move(1)
    shelf.sweeper.tend(postponed)
    assert told(shelf, job) == [JobResult(user_id=job.user_id, job_id=job.job_id)]


def test_whoever_archives_and_lives_is_not_disturbed(shelf: Shelf) -> None:
    mine = archiving(shelf, shelf.completed(shelf.user()))
    assert mine.attention_at == shelf.jobs.now() + LEASE + LEASE_SLACK_SECONDS
    shelf.clock.move(LEASE - 1)
    later = shelf.tiers.heartbeat(mine)
    assert later.attention_at == shelf.jobs.now() + LEASE + LEASE_SLACK_SECONDS


def test_a_retrieval_that_takes_longer_than_the_service_says_is_told(shelf: Shelf, lines: Lines) -> None:
    job = restoring(shelf, shelf.completed(shelf.user(Role.PREMIUM)))
    shelf.clock.move(TIER_SECONDS["Bulk"])
    shelf.sweeper.tend(shelf.now(job))
    assert lines.metrics("RestoresOverdue") == []
    shelf.clock.move(1)
    shelf.sweeper.tend(shelf.now(job))
    assert len(lines.metrics("RestoresOverdue")) == 1


def test_a_result_that_has_moved_on_meanwhile_is_left_alone(shelf: Shelf) -> None:
    job = shelf.completed(shelf.user(Role.PREMIUM))
    mine = archiving(shelf, job)
    with pytest.raises(Conflict):
        shelf.sweeper.tend(job)
    assert shelf.now(job) == mine


@pytest.mark.parametrize("owner", ["free", "premium"])
def test_a_result_comes_to_rest_by_messages_alone(shelf: Shelf, owner: str) -> None:
    """Whatever the state, a few rounds of the sweeper and of those it calls bring it where it belongs."""
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    shelf.tiers.postpone(job, shelf.jobs.now())
    if owner == "premium":
        shelf.users.set_role(user.user_id, Role.PREMIUM)
    for _ in range(40):
        now = shelf.now(job)
        if now.attention_at is None:
            break
        shelf.clock.move(max(now.attention_at - shelf.jobs.now(), 0))
        shelf.sweeper.tend(now)
        for event in told(shelf, job):
            if isinstance(event, JobThaw):
                shelf.tell_thawer(job)
            else:
                shelf.tell_archiver(job)
    if owner == "premium":
        shelf.assert_hot(job)
    else:
        shelf.assert_archived(job)
