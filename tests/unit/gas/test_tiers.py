import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from gas import aws, items
from gas.archives import TIER_SECONDS, Archive, Draft, Retrieval
from gas.config import Settings
from gas.items import FIRST_REMINDER_SECONDS, shard_of
from gas.job import Job, Outcome, ResultTier, to_item
from gas.jobs import LEASE_SLACK_SECONDS, Conflict, JobStore
from gas.tiers import LEAST_POLL_SECONDS, Tiers, archive_of, draft_of, poll_seconds
from gas.users import Role, User, UserStore
from tests.conftest import AwsStandIn
from tests.deployment import Clock, create, new_job, settings_of

LEASE, OUTBOX = 90, 30
OUTCOME = Outcome(
    "results", "u/j/result/1/r.vcf.gz", "u/j/result/1/r.tbi", "r.log", "r.json", "s.json", 100, 10, 7, 2, 1
)
ARCHIVE = Archive("archive-1", 4096, "ab" * 32)
DRAFT = Draft("upload-1", 4096, "ab" * 32)
RETRIEVAL = Retrieval("retrieval-1", "Standard")
KEYS = {"s3_key_result_file": "u/j/result/t3/r.vcf.gz", "s3_key_index_file": "u/j/result/t3/r.tbi"}


@dataclass
class Place:
    jobs: JobStore
    users: UserStore
    tiers: Tiers
    clock: Clock

    def user(self) -> User:
        return self.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")

    def hot(self, user: User | None = None) -> Job:
        """A completed job whose mail is out."""
        job = new_job(user_id=(user or self.user()).user_id)
        assert self.jobs.create(job)
        done = self.jobs.complete(self.jobs.claim(self.now(job), "host:1"), OUTCOME)
        return self.jobs.end_mail(self.jobs.start_mail(done), sent=True)

    def now(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        assert found is not None
        return found

    def epoch(self, job: Job) -> int:
        user = self.users.get(job.user_id)
        assert user is not None
        return user.tier_epoch

    def archived(self, mine: Job) -> Job:
        return self.tiers.archived(mine, ARCHIVE, self.epoch(mine))


@pytest.fixture(scope="module")
def settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One deployment for all tests here: each works on jobs and users of its own."""
    made = settings_of(tmp_path_factory.mktemp("tiers"))
    create(made, tables=["annotations", "users"])
    return made


@pytest.fixture(scope="module")
def tables(settings: Settings) -> tuple[Any, Any]:
    return aws.table(settings, "annotations", aws.ONCE), aws.table(settings, "users")


@pytest.fixture
def place(settings: Settings, tables: tuple[Any, Any]) -> Place:
    clock = Clock()
    jobs = JobStore(tables[0], clock, lease_seconds=LEASE, outbox_seconds=OUTBOX)
    return Place(jobs, UserStore(tables[1], clock, OUTBOX), Tiers.of(settings, jobs), clock)


# The states that a result can be in; each is reached from a fresh one.

Reach = Callable[[Place], Job]


def _archiving(place: Place) -> Job:
    return place.tiers.note_draft(place.tiers.claim_archiving(place.hot(), "host:1"), DRAFT)


def _archived(place: Place) -> Job:
    return place.archived(_archiving(place))


def _restoring(place: Place) -> Job:
    return place.tiers.claim_restoring(_archived(place), "host:1")


def _retrieving(place: Place) -> Job:
    return place.tiers.retrieving(_restoring(place), RETRIEVAL)


def _thawing(place: Place) -> Job:
    return place.tiers.claim_restoring(_retrieving(place), "host:1")


def _back(place: Place) -> Job:
    return place.tiers.restored(_thawing(place), KEYS)


def _later(reach: Reach) -> Reach:
    def lapsed(place: Place) -> Job:
        mine = reach(place)
        place.clock.move(LEASE)
        return mine

    return lapsed


def _released(reach: Reach) -> Reach:
    return lambda place: place.tiers.release(reach(place))


def _deleted(reach: Reach) -> Reach:
    """As whoever read it before the deletion has seen it."""

    def gone(place: Place) -> Job:
        seen = reach(place)
        place.jobs.mark_deleted(seen)
        return seen

    return gone


def _pending(place: Place) -> Job:
    job = new_job(user_id=place.user().user_id)
    assert place.jobs.create(job)
    return place.now(job)


ALIVE: dict[str, Reach] = {
    "hot": lambda place: place.hot(),
    "archiving": _archiving,
    "archiving, lapsed": _later(_archiving),
    "archiving, released": _released(_archiving),
    "archived": _archived,
    "restoring": _restoring,
    "restoring, lapsed": _later(_restoring),
    "restoring, released": _released(_restoring),
    "retrieving": _retrieving,
    "thawing": _thawing,
    "thawing, lapsed": _later(_thawing),
    "thawing, released": _released(_thawing),
    "back": _back,
}
DELETED = {f"{name}, deleted": _deleted(reach) for name, reach in ALIVE.items()}
STATES = {"pending": _pending, **ALIVE, **DELETED}

ARCHIVING = {"archiving", "archiving, lapsed"}
RESTORING = {"restoring", "restoring, lapsed", "thawing", "thawing, lapsed"}
UNLEASED = {"restoring, lapsed", "restoring, released", "retrieving", "thawing, lapsed", "thawing, released"}

# Every change: how it is asked for, from which states it is allowed, and to which tier it leads.
CHANGES: dict[str, tuple[Callable[[Place, Job], Job], set[str], ResultTier | None]] = {
    "claim archiving": (
        lambda place, seen: place.tiers.claim_archiving(seen, "host:2"),
        {"hot", "back", "archiving, lapsed", "archiving, released"},
        ResultTier.ARCHIVING,
    ),
    "note a draft": (lambda place, seen: place.tiers.note_draft(seen, DRAFT), ARCHIVING, ResultTier.ARCHIVING),
    "note none": (lambda place, seen: place.tiers.note_draft(seen, None), ARCHIVING, ResultTier.ARCHIVING),
    "archived": (lambda place, seen: place.archived(seen), ARCHIVING, ResultTier.ARCHIVED),
    "stay hot": (lambda place, seen: place.tiers.stay_hot(seen), ARCHIVING, ResultTier.HOT),
    "claim restoring": (
        lambda place, seen: place.tiers.claim_restoring(seen, "host:2"),
        {"archived", *UNLEASED},
        ResultTier.RESTORING,
    ),
    "retrieving": (lambda place, seen: place.tiers.retrieving(seen, RETRIEVAL), RESTORING, ResultTier.RESTORING),
    "still waiting": (
        lambda place, seen: place.tiers.still_waiting(seen),
        RESTORING | UNLEASED,
        ResultTier.RESTORING,
    ),
    "retrieval gone": (lambda place, seen: place.tiers.retrieval_gone(seen), RESTORING, ResultTier.ARCHIVED),
    "restored": (lambda place, seen: place.tiers.restored(seen, KEYS), RESTORING, ResultTier.HOT),
    "retrieval unwanted": (lambda place, seen: place.tiers.retrieval_unwanted(seen), UNLEASED, ResultTier.ARCHIVED),
    "archive discarded": (lambda place, seen: place.tiers.archive_discarded(seen), {"pending", *ALIVE}, None),
    "heartbeat": (lambda place, seen: place.tiers.heartbeat(seen), ARCHIVING | RESTORING, None),
    "release": (lambda place, seen: place.tiers.release(seen), ARCHIVING | RESTORING, None),
    "postpone": (lambda place, seen: place.tiers.postpone(seen, 5), {"pending", *ALIVE}, None),
    "never look again": (lambda place, seen: place.tiers.postpone(seen, None), {"pending", *ALIVE}, None),
}


def copied(place: Place, seen: Job) -> tuple[Job, Job]:
    """Another job in the same state, as it was seen and as it is: to reach the state anew would take long."""
    job_id = str(uuid.uuid4())
    other = replace(place.now(seen), job_id=job_id)
    assert items.create(place.jobs.table, "job_id", to_item(other))
    return replace(seen, job_id=job_id), other


@pytest.mark.parametrize("state", STATES)
def test_every_change_from_every_state(place: Place, state: str) -> None:
    reached = STATES[state](place)
    for name, (ask, allowed, leads_to) in CHANGES.items():
        seen, before = copied(place, reached)
        if state in allowed:
            after = ask(place, seen)
            assert after == place.now(seen), name
            assert after.result_tier is (leads_to or before.result_tier), name
            continue
        try:
            ask(place, seen)
        except Conflict:
            assert place.now(seen) == before, name
        else:
            pytest.fail(f"{name} was possible")


@pytest.mark.parametrize("state", ALIVE)
def test_whoever_comes_second_changes_nothing(place: Place, state: str) -> None:
    """Another process has claimed the result since it was read."""
    seen = ALIVE[state](place)
    place.clock.move(LEASE)
    if seen.result_tier in (ResultTier.HOT, ResultTier.ARCHIVING):
        before = place.tiers.claim_archiving(seen, "host:3")
    else:
        before = place.tiers.claim_restoring(seen, "host:3")
    for name, (ask, _, _) in CHANGES.items():
        if name == "archive discarded":
            # It is, whatever else happens to the result.
            continue
        try:
            ask(place, seen)
        except Conflict:
            assert place.now(seen) == before, name
        else:
            pytest.fail(f"{name} was possible")


# Into the archive


def test_a_claim_has_a_number_and_a_lease_and_is_looked_at_should_it_lapse(place: Place) -> None:
    hot = place.hot()
    assert place.tiers.lapsed(hot)
    mine = place.tiers.claim_archiving(hot, "host:1")
    assert (mine.tier_attempt, mine.lease_owner) == (1, "host:1:tier-1")
    assert mine.lease_until == int(place.clock()) + LEASE
    assert (mine.attention_shard, mine.attention_at) == (shard_of(mine.job_id), mine.lease_until + LEASE_SLACK_SECONDS)
    place.clock.move(LEASE - 1)
    assert not place.tiers.lapsed(mine)
    with pytest.raises(Conflict, match="ARCHIVING, or leased"):
        place.tiers.claim_archiving(mine, "host:2")
    place.clock.move(1)
    assert place.tiers.lapsed(mine)
    again = place.tiers.claim_archiving(mine, "host:1")
    assert (again.tier_attempt, again.lease_owner) == (2, "host:1:tier-2")


def test_a_heartbeat_extends_the_lease(place: Place) -> None:
    mine = _archiving(place)
    place.clock.move(LEASE - 1)
    beaten = place.tiers.heartbeat(mine, 5, 6)
    assert beaten.lease_until == int(place.clock()) + LEASE
    assert beaten == replace(mine, lease_until=beaten.lease_until, attention_at=beaten.attention_at)


def test_what_was_begun_is_noted_step_by_step(place: Place) -> None:
    mine = place.tiers.claim_archiving(place.hot(), "host:1")
    assert draft_of(mine) is None
    for draft in (Draft("one"), Draft("one", 5, "aa"), Draft("two")):
        assert draft_of(place.tiers.note_draft(mine, draft)) == draft
    assert draft_of(place.tiers.note_draft(mine, None)) is None


def test_an_archived_result_names_its_archive_and_is_looked_at_once_more(place: Place) -> None:
    mine = place.jobs.announced(_archiving(place))
    archived = place.archived(mine)
    assert archive_of(archived) == ARCHIVE
    assert archived.archive_time == int(place.clock())
    assert (archived.lease_owner, archived.lease_until, archived.archive_upload) == (None, None, None)
    assert (archived.announcements, archived.attention_at) == (0, int(place.clock()) + OUTBOX)
    # The keys stay: by them the objects are removed.
    assert archived.s3_key_result_file == OUTCOME.s3_key_result_file


@pytest.mark.parametrize("role", [Role.PREMIUM, Role.FREE], ids=["up", "up and down"])
def test_a_result_is_not_archived_once_its_owners_role_has_moved(place: Place, role: Role) -> None:
    mine = _archiving(place)
    epoch = place.epoch(mine)
    place.users.set_role(mine.user_id, Role.PREMIUM)
    place.users.set_role(mine.user_id, role)
    before = place.now(mine)
    with pytest.raises(Conflict, match="has moved on"):
        place.tiers.archived(mine, ARCHIVE, epoch)
    assert place.now(mine) == before
    assert place.tiers.archived(mine, ARCHIVE, place.epoch(mine)).result_tier is ResultTier.ARCHIVED


def test_a_result_of_nobody_is_not_archived(place: Place) -> None:
    job = new_job()
    assert place.jobs.create(job)
    done = place.jobs.complete(place.jobs.claim(place.now(job), "host:1"), OUTCOME)
    mine = place.tiers.claim_archiving(done, "host:1")
    with pytest.raises(Conflict):
        place.tiers.archived(mine, ARCHIVE, 0)
    assert place.now(mine) == mine


def test_a_deletion_between_the_commit_and_the_look_is_a_conflict(place: Place) -> None:
    mine = _archiving(place)
    table = place.jobs.table

    class Hasty(JobStore):
        def get(self, job_id: str) -> Job | None:
            table.delete_item(Key={"job_id": job_id})
            return super().get(job_id)

    tiers = Tiers(Hasty(table, place.clock, LEASE, OUTBOX), place.tiers._users_table)
    with pytest.raises(Conflict, match="was deleted"):
        tiers.archived(mine, ARCHIVE, 0)


def test_a_commit_whose_answer_was_lost_is_done_and_not_done_again(place: Place, faulty: AwsStandIn) -> None:
    mine = _archiving(place)
    faulty.fault(service="dynamodb", operation="TransactWriteItems", kind="timeout_after_effect", count=1)
    with pytest.raises(HTTPClientError):
        place.archived(mine)
    archived = place.now(mine)
    assert (archived.result_tier, archive_of(archived)) == (ResultTier.ARCHIVED, ARCHIVE)
    with pytest.raises(Conflict):
        place.archived(mine)
    assert place.now(mine) == archived


def test_a_commit_that_dynamodb_refuses_is_no_conflict(place: Place, faulty: AwsStandIn) -> None:
    mine = _archiving(place)
    faulty.fault(
        service="dynamodb", operation="TransactWriteItems", kind="error", code="AccessDeniedException", count=1
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        place.archived(mine)
    assert place.now(mine) == mine
    assert place.archived(mine).result_tier is ResultTier.ARCHIVED


def test_a_result_that_stays_hot_is_as_it_was_and_is_looked_at_soon(place: Place) -> None:
    mine = _archiving(place)
    hot = place.tiers.stay_hot(mine)
    assert draft_of(hot) is None
    assert (hot.lease_owner, hot.lease_until, hot.archive_size, hot.archive_tree_hash) == (None, None, None, None)
    assert hot.attention_at == int(place.clock()) + FIRST_REMINDER_SECONDS
    assert hot.s3_key_result_file == OUTCOME.s3_key_result_file


def test_a_released_claim_keeps_its_draft_and_can_be_taken_over_at_once(place: Place) -> None:
    mine = _archiving(place)
    released = place.tiers.release(mine)
    assert (released.lease_owner, released.lease_until) == (None, int(place.clock()))
    assert released.attention_at == int(place.clock()) + FIRST_REMINDER_SECONDS
    taken = place.tiers.claim_archiving(released, "host:2")
    assert (taken.tier_attempt, draft_of(taken)) == (2, DRAFT)
    # The first owner can do nothing any more.
    for late in (place.archived, place.tiers.stay_hot, place.tiers.release, place.tiers.heartbeat):
        with pytest.raises(Conflict):
            late(mine)


# Out of it


@pytest.mark.parametrize("tier", TIER_SECONDS)
def test_a_retrieval_is_due_by_its_tiers_published_time_and_polled_until_then(place: Place, tier: str) -> None:
    waiting = place.tiers.retrieving(_restoring(place), Retrieval("r", tier))
    now = int(place.clock())
    assert (waiting.retrieval_id, waiting.retrieval_tier) == ("r", tier)
    assert waiting.retrieval_due == now + TIER_SECONDS[tier]
    assert waiting.attention_at == now + poll_seconds(tier)
    assert (waiting.lease_owner, waiting.lease_until) == (None, None)
    assert archive_of(waiting) == ARCHIVE
    place.clock.move(poll_seconds(tier))
    again = place.tiers.still_waiting(waiting)
    assert again == replace(waiting, attention_at=int(place.clock()) + poll_seconds(tier))


def test_polls_are_neither_too_many_nor_too_few() -> None:
    assert [poll_seconds(tier) for tier in ("Expedited", "Standard", "Bulk")] == [LEAST_POLL_SECONDS, 1800, 4320]


def test_a_claim_that_waits_for_its_first_retrieval_polls_like_standard(place: Place) -> None:
    released = place.tiers.release(_restoring(place))
    assert place.tiers.still_waiting(released).attention_at == int(place.clock()) + poll_seconds("Standard")


def test_another_retrieval_is_not_waited_for(place: Place) -> None:
    seen = _retrieving(place)
    place.tiers.retrieving(place.tiers.claim_restoring(seen, "host:2"), Retrieval("another", "Bulk"))
    before = place.now(seen)
    for late in (place.tiers.still_waiting, place.tiers.retrieval_unwanted):
        with pytest.raises(Conflict):
            late(seen)
    assert place.now(seen) == before


@pytest.mark.parametrize("end", ["gone", "unwanted"])
def test_without_its_retrieval_a_result_is_archived_as_before(place: Place, end: str) -> None:
    if end == "gone":
        after, due = place.tiers.retrieval_gone(_thawing(place)), int(place.clock())
    else:
        after, due = place.tiers.retrieval_unwanted(_retrieving(place)), int(place.clock()) + OUTBOX
    assert archive_of(after) == ARCHIVE
    assert (after.retrieval_id, after.retrieval_tier, after.retrieval_due) == (None, None, None)
    assert (after.lease_owner, after.lease_until, after.attention_at) == (None, None, due)


def test_a_restored_result_has_new_keys_and_a_stale_archive(place: Place) -> None:
    back = _back(place)
    assert (back.s3_key_result_file, back.s3_key_index_file) == tuple(KEYS.values())
    assert back.s3_key_log_file == OUTCOME.s3_key_log_file
    assert back.stale_archive_id == ARCHIVE.archive_id
    nothing = (back.results_file_archive_id, back.archive_size, back.archive_tree_hash, back.archive_time)
    assert nothing == (None, None, None, None)
    assert (back.retrieval_id, back.retrieval_tier, back.retrieval_due) == (None, None, None)
    assert (back.lease_owner, back.lease_until) == (None, None)
    assert (back.announcements, back.attention_at) == (0, int(place.clock()) + OUTBOX)
    with pytest.raises(ValueError, match="names no archive"):
        archive_of(back)
    settled = place.tiers.archive_discarded(back)
    assert settled == replace(back, stale_archive_id=None)


def test_only_the_archive_that_was_seen_is_noted_as_discarded(place: Place) -> None:
    back = _back(place)
    place.tiers.archive_discarded(back)
    with pytest.raises(Conflict):
        place.tiers.archive_discarded(back)


# Looking again


def test_a_look_is_postponed_or_called_off(place: Place) -> None:
    hot = place.hot()
    later = place.tiers.postpone(hot, 7_000_000)
    assert (later.attention_shard, later.attention_at) == (shard_of(hot.job_id), 7_000_000)
    never = place.tiers.postpone(later, None)
    assert (never.attention_shard, never.attention_at) == (None, None)
    with pytest.raises(Conflict):
        place.tiers.postpone(later, 5)


def test_a_deletion_in_the_same_second_stays_due(place: Place) -> None:
    """Both set the same `attention_at`; whoever settles the result afterwards must not take the deletion's away."""
    seen = _archived(place)
    gone = place.jobs.mark_deleted(seen)
    assert gone.attention_at == seen.attention_at
    with pytest.raises(Conflict):
        place.tiers.postpone(seen, None)
    assert place.now(seen) == gone


@pytest.mark.parametrize("missing", ["results_file_archive_id", "archive_size", "archive_tree_hash"])
def test_an_item_that_lacks_part_of_its_archive_names_none(missing: str) -> None:
    fields: dict[str, Any] = {"results_file_archive_id": "a", "archive_size": 1, "archive_tree_hash": "ab"}
    assert archive_of(replace(new_job(), **fields)) == Archive("a", 1, "ab")
    with pytest.raises(ValueError, match="names no archive"):
        archive_of(replace(new_job(), **{**fields, missing: None}))


def test_an_item_of_an_unknown_tier_attempt_is_not_claimed_over(place: Place) -> None:
    """Between reading and claiming somebody claimed and gave back."""
    seen = place.hot()
    place.tiers.stay_hot(place.tiers.claim_archiving(seen, "host:1"))
    with pytest.raises(Conflict):
        place.tiers.claim_archiving(seen, "host:2")
