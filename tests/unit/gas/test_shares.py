"""Links in DynamoDB: what holds, what is counted, what is left behind."""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from gas import aws, shares
from gas.items import Conflict
from gas.job import Job
from gas.jobs import JobStore
from gas.shares import (
    DAY,
    MOST_LINKS,
    MOST_LOOKS,
    Look,
    Share,
    ShareState,
    ShareStore,
    TooManyLinks,
    noted,
    share_id_of,
)
from tests.deployment import Clock, create, new_job, settings_of
from tests.unit.gas.test_jobs import OUTCOME

NETWORK = "203.0.113.0/24"


@dataclass
class Place:
    """The two tables, and a clock that stands."""

    table: Any
    jobs: JobStore
    shares: ShareStore
    clock: Clock

    def job(self) -> Job:
        """A completed job."""
        job = new_job(job_id=str(uuid.uuid4()), user_id=str(uuid.uuid4()))
        assert self.jobs.create(job)
        return self.jobs.complete(self.jobs.claim(self.now(job), "host:1"), OUTCOME)

    def now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        assert found is not None
        return found

    def share(self, job: Job, days: int = 7) -> Share:
        return self.shares.create(self.now(job), days, "")[0]

    def stored(self, share: Share) -> Any:
        return self.table.get_item(Key={"share_id": share.share_id}, ConsistentRead=True).get("Item")


@pytest.fixture(scope="module")
def tables(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    settings = settings_of(tmp_path_factory.mktemp("shares"))
    create(settings, tables=["annotations", "shares"])
    return aws.table(settings, "annotations"), aws.table(settings, "shares")


@pytest.fixture
def place(tables: tuple[Any, Any]) -> Place:
    clock = Clock(int(time.time()))
    return Place(tables[1], JobStore(tables[0], clock), ShareStore(tables[1], tables[0], clock), clock)


def test_only_the_hash_of_a_token_is_stored(place: Place) -> None:
    job = place.job()
    share, token = place.shares.create(job, 7, "for Grace")
    # 256 bits, as URL-safe base64.
    assert len(token) == 43
    assert share.share_id == share_id_of(token)
    assert token not in repr(place.stored(share))
    assert token not in repr(place.now(job))
    assert place.shares.holding(share.share_id) == share
    assert place.shares.holding(token) is None
    assert place.shares.holding(share_id_of(token[:-1])) is None
    assert (share.expires_at - share.created_time, share.remove_at - share.expires_at) == (7 * DAY, 30 * DAY)
    assert place.shares.create(place.now(job), 7, "")[1] != token


def test_a_link_ends_to_the_second_whatever_dynamodb_has_removed(place: Place) -> None:
    share = place.share(place.job(), days=1)
    place.clock.move(DAY - 1)
    assert place.shares.holding(share.share_id) is not None
    place.clock.move(1)
    assert place.shares.holding(share.share_id) is None
    assert place.stored(share) is not None
    assert share.state(place.clock()) is ShareState.EXPIRED


def test_a_revoked_link_opens_nothing_and_stays_in_the_list(place: Place) -> None:
    job = place.job()
    share = place.share(job)
    place.shares.revoke(share)
    revoked = place.shares.get(share.share_id)
    assert revoked is not None
    place.clock.move(5)
    place.shares.revoke(share)
    assert place.shares.holding(share.share_id) is None
    assert place.shares.of_job(place.now(job)) == [revoked]
    assert revoked.state(place.clock()) is ShareState.REVOKED


def test_whoever_is_about_to_use_a_link_learns_that_it_was_revoked_meanwhile(place: Place) -> None:
    share = place.share(place.job())
    place.shares.revoke(share)
    assert place.shares.use(share, "page", NETWORK) is None
    again = place.shares.get(share.share_id)
    assert again is not None
    assert again.uses == 0


def test_every_use_is_counted_also_those_at_the_same_moment(place: Place) -> None:
    share = place.share(place.job())
    threads = [threading.Thread(target=place.shares.use, args=(share, f"page {n}", NETWORK)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = place.shares.get(share.share_id)
    assert used is not None
    assert used.uses == 8
    assert sorted(look.what for look in used.looks) == [f"page {n}" for n in range(8)]
    assert used.last_used == int(place.clock())


def test_a_use_that_finds_no_turn_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    share = place.share(place.job())
    stale = share
    place.shares.use(share, "page", NETWORK)
    monkeypatch.setattr(shares, "MOST_TRIES", 1)
    with pytest.raises(Conflict):
        place.shares.use(stale, "page", NETWORK)


def test_the_audit_list_joins_what_one_network_repeats_and_has_an_end() -> None:
    looks = noted((), "page", "a", 100)
    looks = noted(looks, "explorer", "a", 110)
    looks = noted(looks, "page", "b", 120)
    looks = noted(looks, "page", "a", 130)
    assert looks == (Look("explorer", "a", 110, 110), Look("page", "b", 120, 120), Look("page", "a", 100, 130, 2))
    later = 130 + shares.SAME_LOOK_SECONDS
    assert noted(looks, "page", "a", later)[-1] == Look("page", "a", later, later)
    for second in range(later, later + 3 * MOST_LOOKS):
        looks = noted(looks, f"page {second}", "a", second)
    assert len(looks) == MOST_LOOKS
    assert looks[-1].first == later + 3 * MOST_LOOKS - 1


def test_a_job_has_a_bounded_number_of_links(place: Place) -> None:
    job = place.job()
    links = [place.share(job, days=1 if n == 3 else 30) for n in range(MOST_LINKS)]
    assert place.shares.of_job(place.now(job)) == links
    with pytest.raises(TooManyLinks):
        place.share(job)
    place.clock.move(DAY)
    newest = place.share(job)
    # The one that was over had to go.
    kept = [share.share_id for share in place.shares.of_job(place.now(job))]
    assert kept == [share.share_id for share in [*links[:3], *links[4:], newest]]
    assert place.stored(links[3]) is None


def test_what_dynamodb_has_removed_is_no_longer_named(place: Place) -> None:
    job = place.job()
    gone, kept = place.share(job), place.share(job)
    place.table.delete_item(Key={"share_id": gone.share_id})
    assert place.shares.of_job(place.now(job)) == [kept]
    newest = place.share(job)
    assert place.now(job).share_ids == [kept.share_id, newest.share_id]


def test_no_link_is_made_to_what_is_not_a_completed_job(place: Place) -> None:
    running = new_job(job_id=str(uuid.uuid4()))
    place.jobs.create(running)
    deleted = place.job()
    seen = place.now(deleted)
    place.jobs.mark_deleted(deleted)
    for job in (running, seen):
        with pytest.raises(Conflict):
            place.shares.create(job, 7, "")
        assert place.now(job).share_ids is None


def test_two_links_at_the_same_moment_are_both_named_or_one_is_refused(place: Place) -> None:
    job = place.job()
    first, _ = place.shares.create(job, 7, "")
    with pytest.raises(Conflict):
        place.shares.create(job, 7, "")
    assert place.now(job).share_ids == [first.share_id]


def test_a_deletion_leaves_no_link(place: Place) -> None:
    job = place.job()
    links = [place.share(job), place.share(job)]
    place.shares.revoke(links[0])
    hidden = place.jobs.mark_deleted(place.now(job))
    for _ in range(2):
        place.shares.remove_all(hidden)
    assert [place.stored(share) for share in links] == [None, None]
