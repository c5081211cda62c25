import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agents import restorer as module
from agents.retrieval import begin
from gas.job import Job, ResultTier
from gas.jobs import Conflict
from gas.messages import JobResult, SubscriptionDowngrade, SubscriptionUpgrade
from gas.queues import Delivery, GiveBack, Reject
from gas.users import INDEX_LAG_SECONDS, Role, User
from tests.conftest import AwsStandIn
from tests.deployment import delivery
from tests.fixtures import Lines
from tests.shelf import LEASE, OUTBOX, Shelf, at_effect, dying


def upgraded(user: User, **fields: Any) -> Delivery:
    return replace(delivery(SubscriptionUpgrade(user_id=user.user_id, tier_epoch=user.tier_epoch)), **fields)


def request(shelf: Shelf) -> dict[str, str]:
    """The call that asks for an archive."""
    if shelf.place.settings.archive_backend == "s3-glacier":
        return {"service": "s3", "operation": "RestoreObject"}
    return {"service": "glacier", "operation": "InitiateJob"}


def assert_asked_back_once(shelf: Shelf, job: Job) -> None:
    now = shelf.now(job)
    assert (now.result_tier, now.lease_owner) == (ResultTier.RESTORING, None)
    assert now.retrieval_id
    assert now.retrieval_due
    assert now.attention_at is not None
    if shelf.place.settings.archive_backend == "glacier-vault":
        assert shelf.retrievals_of(job) == 1


def test_an_upgrade_asks_every_archive_back_once_however_often_it_is_told(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(module, "PAGE_JOBS", 2)
    pauses: list[float] = []
    shelf.restorer = replace(shelf.restorer, sleep=pauses.append)
    user = shelf.user()
    hot, *cold = [shelf.completed(user) for _ in range(4)]
    for job in cold:
        shelf.archive(job)
    changed = shelf.change_role(user, Role.PREMIUM)
    restoring = [shelf.now(job) for job in cold]
    for _ in range(2):
        shelf.restorer.handle(upgraded(changed))
    for job, first in zip(cold, restoring, strict=True):
        assert_asked_back_once(shelf, job)
        assert shelf.now(job) == first
        assert (first.retrieval_tier, first.retrieval_due) == ("Expedited", shelf.jobs.now() + 300)
    assert shelf.now(hot).result_tier is ResultTier.HOT
    assert [line["results"] for line in lines.of("role_carried_out")] == [3, 0, 0]
    # Between two requests there is a pause, and none after those that were not made.
    assert pauses == [module.PAUSE_SECONDS] * 3


def test_the_tier_of_the_settings_is_asked_for(shelf: Shelf) -> None:
    shelf.restorer = replace(
        shelf.restorer, settings=shelf.place.settings.model_copy(update={"retrieval_tier": "Bulk"})
    )
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    shelf.change_role(user, Role.PREMIUM)
    now = shelf.now(job)
    assert (now.retrieval_tier, now.retrieval_due) == ("Bulk", shelf.jobs.now() + 12 * 3600)


def test_another_event_is_rejected(shelf: Shelf) -> None:
    event = JobResult(user_id=str(uuid.uuid4()), job_id=str(uuid.uuid4()))
    with pytest.raises(Reject, match="job-result"):
        shelf.restorer.handle(delivery(event))


def test_of_nobody_there_is_nothing_to_move(shelf: Shelf) -> None:
    shelf.restorer.handle(upgraded(replace(shelf.user(), user_id=str(uuid.uuid4()))))


def test_the_users_role_counts_and_not_the_message(shelf: Shelf) -> None:
    """Messages overtake each other."""
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    shelf.restorer.handle(upgraded(user))
    assert shelf.now(job) == job
    changed = shelf.users.set_role(user.user_id, Role.PREMIUM)
    shelf.restorer.handle(delivery(SubscriptionDowngrade(user_id=user.user_id, tier_epoch=changed.tier_epoch)))
    assert_asked_back_once(shelf, job)


# Until it is carried out


def test_a_role_is_carried_out_once_the_index_can_be_trusted(shelf: Shelf) -> None:
    user = shelf.user()
    changed = shelf.change_role(user, Role.PREMIUM)
    assert shelf.users.get(user.user_id) == changed
    shelf.clock.move(INDEX_LAG_SECONDS)
    shelf.restorer.handle(upgraded(changed))
    done = shelf.users.get(user.user_id)
    assert done is not None
    assert done.attention_at is None


def test_a_process_that_has_to_end_gives_the_message_back(shelf: Shelf) -> None:
    user = shelf.user()
    jobs = [shelf.archive(shelf.completed(user)) for _ in range(2)]
    changed = shelf.users.set_role(user.user_id, Role.PREMIUM)
    shelf.clock.move(INDEX_LAG_SECONDS)
    asked = upgraded(changed)
    with at_effect("restorer.note", "after", asked.abandon.set), pytest.raises(GiveBack):
        shelf.restorer.handle(asked)
    tiers = sorted(str(shelf.now(job).result_tier) for job in jobs)
    assert tiers == ["ARCHIVED", "RESTORING"]
    assert shelf.users.get(user.user_id) == changed
    shelf.restorer.handle(upgraded(changed))
    for job in jobs:
        assert_asked_back_once(shelf, job)


def test_one_result_that_fails_stops_no_other(shelf: Shelf, faulty: AwsStandIn, lines: Lines) -> None:
    user = shelf.user()
    jobs = [shelf.archive(shelf.completed(user)) for _ in range(3)]
    changed = shelf.users.set_role(user.user_id, Role.PREMIUM)
    shelf.clock.move(INDEX_LAG_SECONDS)
    faulty.fault(**request(shelf), kind="error", code="AccessDenied", count=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        shelf.restorer.handle(upgraded(changed))
    (line,) = lines.of("result_not_moved")
    failed = {job.job_id for job in jobs if shelf.now(job).retrieval_id is None}
    assert failed == {line["job_id"]}
    # It is not carried out, and the message comes again.
    assert shelf.users.get(user.user_id) == changed
    shelf.restorer.handle(upgraded(changed))
    for job in jobs:
        assert_asked_back_once(shelf, job)


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("label", ["restorer.claim", "restorer.request", "restorer.note", "restorer.carried-out"])
def test_after_a_death_anywhere_each_archive_is_asked_back_once(shelf: Shelf, label: str, phase: str) -> None:
    user = shelf.user()
    jobs = [shelf.archive(shelf.completed(user)) for _ in range(2)]
    with dying(label, phase):
        shelf.change_role(user, Role.PREMIUM)
    for job in jobs:
        now = shelf.now(job)
        # Either the item itself is looked at, or the user is until the role is carried out.
        assert now.attention_at is not None or now.result_tier is ResultTier.ARCHIVED
    changed = shelf.users.get(user.user_id)
    assert changed is not None
    assert changed.attention_at is not None
    shelf.clock.move(LEASE)
    shelf.restorer.handle(upgraded(changed))
    for job in jobs:
        assert_asked_back_once(shelf, job)


# Results that are under way


@pytest.mark.parametrize("state", ["deleted", "hot", "archiving", "claimed", "gone"])
def test_the_index_may_be_wrong(shelf: Shelf, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says ARCHIVED of a result that is not any more."""
    user = shelf.user()
    seen = shelf.archive(shelf.completed(user))
    other = shelf.completed(user)
    match state:
        case "deleted":
            shelf.jobs.mark_deleted(seen)
        case "hot":
            seen = replace(seen, job_id=other.job_id)
        case "archiving":
            shelf.tiers.claim_archiving(other, "host:2")
            seen = replace(seen, job_id=other.job_id)
        case "claimed":
            shelf.tiers.claim_restoring(seen, "host:2")
        case _:
            seen = replace(seen, job_id=str(uuid.uuid4()))
    before = shelf.jobs.get(seen.job_id)
    monkeypatch.setattr(module.Restorer, "_completed", lambda *_: iter([seen]))
    shelf.change_role(user, Role.PREMIUM)
    assert shelf.jobs.get(seen.job_id) == before


def test_another_who_claims_first_is_left_alone(shelf: Shelf) -> None:
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    claims: list[Job] = []
    with at_effect("restorer.claim", "before", lambda: claims.append(shelf.tiers.claim_restoring(job, "host:2"))):
        shelf.change_role(user, Role.PREMIUM)
    assert claims == [shelf.now(job)]


# The one way in which an archive is asked back


def test_a_request_that_aws_refuses_gives_the_claim_back(shelf: Shelf, faulty: AwsStandIn) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    faulty.fault(**request(shelf), kind="error", code="AccessDenied", count=1)
    with pytest.raises(ClientError):
        begin(shelf.tiers, shelf.archives, job, "host:1", "Expedited")
    left = shelf.now(job)
    assert (left.result_tier, left.lease_owner, left.retrieval_id) == (ResultTier.RESTORING, None, None)
    begin(shelf.tiers, shelf.archives, left, "host:2", "Expedited")
    assert_asked_back_once(shelf, job)


def test_whoever_is_overtaken_while_asking_leaves_the_others_retrieval(shelf: Shelf, lines: Lines) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    others: list[Job] = []

    def overtake() -> None:
        shelf.clock.move(LEASE)
        others.append(begin(shelf.tiers, shelf.archives, shelf.now(job), "host:2", "Expedited"))

    with at_effect("restorer.request", "after", overtake), pytest.raises(Conflict):
        begin(shelf.tiers, shelf.archives, job, "host:1", "Expedited")
    # What the first had begun but not noted was found.
    assert others == [shelf.now(job)]
    assert_asked_back_once(shelf, job)
    assert lines.of("retrieval_begun")[0]["again"] is (shelf.place.settings.archive_backend == "glacier-vault")


def test_a_claim_that_cannot_be_given_back_lapses_by_itself(shelf: Shelf, faulty: AwsStandIn, lines: Lines) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))

    def cut_off() -> None:
        faulty.fault(service="dynamodb", operation="UpdateItem", kind="error", code="AccessDeniedException", count=1)
        faulty.fault(**request(shelf), kind="error", code="AccessDenied", count=1)

    with at_effect("restorer.request", "before", cut_off), pytest.raises(ClientError, match="AccessDenied"):
        begin(shelf.tiers, shelf.archives, job, "host:1", "Expedited")
    assert lines.of("claim_not_released")
    assert not shelf.tiers.lapsed(shelf.now(job))
    shelf.clock.move(LEASE)
    begin(shelf.tiers, shelf.archives, shelf.now(job), "host:2", "Expedited")
    assert_asked_back_once(shelf, job)


# Downgrades


def sent_on(shelf: Shelf) -> list[str]:
    return [event.job_id for event in shelf.place.events("notify") if isinstance(event, JobResult)]


def test_a_downgrade_sends_results_on_to_the_archive(shelf: Shelf, lines: Lines) -> None:
    user = shelf.user(Role.PREMIUM)
    hot = [shelf.tiers.postpone(shelf.completed(user), None) for _ in range(2)]
    shelf.place.receive("notify")
    shelf.change_role(user, Role.FREE)
    assert sorted(sent_on(shelf)) == sorted(job.job_id for job in hot)
    assert lines.of("role_carried_out")[-1]["results"] == 2
    for job in hot:
        # Should the message be lost, the sweeper sees to it.
        assert shelf.now(job).attention_at is not None
        shelf.archive(job)
        shelf.assert_archived(job)


def test_a_downgrade_leaves_what_is_archived_or_under_way(shelf: Shelf) -> None:
    user = shelf.user()
    archived, restoring = [shelf.archive(shelf.completed(user)) for _ in range(2)]
    restoring = begin(shelf.tiers, shelf.archives, restoring, "host:1", "Bulk")
    shelf.place.receive("notify")
    shelf.users.set_role(user.user_id, Role.PREMIUM)
    shelf.change_role(user, Role.FREE)
    assert sent_on(shelf) == []
    assert (shelf.now(archived), shelf.now(restoring)) == (archived, restoring)


def test_a_downgrade_that_cannot_be_sent_on_is_not_carried_out(shelf: Shelf, faulty: AwsStandIn) -> None:
    user = shelf.user(Role.PREMIUM)
    job = shelf.completed(user)
    changed = shelf.users.set_role(user.user_id, Role.FREE)
    shelf.clock.move(INDEX_LAG_SECONDS)
    shelf.place.receive("notify")
    event = SubscriptionDowngrade(user_id=user.user_id, tier_epoch=changed.tier_epoch)
    faulty.fault(service="sns", kind="error", code="AuthorizationError", status=403)
    with pytest.raises(ClientError, match="AuthorizationError"):
        shelf.restorer.handle(delivery(event))
    assert shelf.users.get(user.user_id) == changed
    faulty.clear_faults()
    shelf.restorer.handle(delivery(event))
    assert sent_on(shelf) == [job.job_id]
    done = shelf.users.get(user.user_id)
    assert done is not None
    assert done.attention_at is None


def test_a_result_that_moves_while_it_is_sent_on_is_no_error(shelf: Shelf) -> None:
    user = shelf.user(Role.PREMIUM)
    job = shelf.completed(user)
    with at_effect(
        "restorer.send-on", "after", lambda: shelf.tiers.postpone(job, shelf.jobs.now() + 10 * OUTBOX) and None
    ):
        shelf.change_role(user, Role.FREE)
    assert shelf.now(job).attention_at == shelf.jobs.now() + 10 * OUTBOX
