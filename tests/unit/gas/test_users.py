import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gas import aws
from gas.items import ATTENTION_SHARDS, Conflict, reminder_seconds, shard_of
from gas.users import INDEX_LAG_SECONDS, Role, User, UserStore
from tests.deployment import Clock, Deployment, create, settings_of

OUTBOX = 30


@pytest.fixture(scope="module")
def table(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = settings_of(tmp_path_factory.mktemp("users"))
    create(settings, tables=["users"])
    return aws.table(settings, "users")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def users(table: Any, clock: Clock) -> UserStore:
    return UserStore(table, clock, outbox_seconds=OUTBOX)


@pytest.fixture
def user(users: UserStore) -> User:
    return users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada", "Analytical Society")


def test_the_first_sign_in_makes_a_free_user(users: UserStore, user: User, clock: Clock) -> None:
    assert users.get(user.user_id) == user
    assert (user.role, user.tier_epoch, user.premium) == (Role.FREE, 0, False)
    assert user.created_time == user.updated_time == int(clock())
    assert user.attention_at is None


def test_a_later_sign_in_brings_mail_and_name_up_to_date_and_nothing_else(
    users: UserStore, user: User, clock: Clock
) -> None:
    users.set_institution(user.user_id, "Elsewhere")
    users.set_role(user.user_id, Role.PREMIUM)
    clock.move(5)
    again = users.sign_in(user.user_id, "ada@new.example", "Ada L.", "Analytical Society")
    assert (again.email, again.name, again.institution) == ("ada@new.example", "Ada L.", "Elsewhere")
    assert (again.role, again.tier_epoch) == (Role.PREMIUM, 1)
    assert (again.created_time, again.updated_time) == (user.created_time, int(clock()))


def test_a_user_without_institution_and_one_who_removes_it(users: UserStore, user: User) -> None:
    assert users.sign_in(str(uuid.uuid4()), "b@example.org", "B").institution == ""
    assert users.set_institution(user.user_id, "").institution == ""


def test_nobody_is_none_and_cannot_be_changed(users: UserStore) -> None:
    ghost = str(uuid.uuid4())
    assert users.get(ghost) is None
    with pytest.raises(Conflict):
        users.set_institution(ghost, "x")
    with pytest.raises(KeyError):
        users.set_role(ghost, Role.PREMIUM)
    assert users.get(ghost) is None


def test_each_change_of_role_raises_the_epoch_and_a_repeat_does_not(users: UserStore, user: User, clock: Clock) -> None:
    seen = []
    for role in (Role.FREE, Role.PREMIUM, Role.PREMIUM, Role.FREE, Role.FREE, Role.PREMIUM):
        changed = users.set_role(user.user_id, role)
        assert changed.role is role
        assert changed.premium is (role is Role.PREMIUM)
        seen.append(changed.tier_epoch)
    assert seen == [0, 1, 1, 2, 2, 3]


def test_a_change_of_role_either_way_is_to_be_announced(users: UserStore, user: User, clock: Clock) -> None:
    for role in (Role.PREMIUM, Role.FREE):
        clock.move(7)
        changed = users.announced(users.set_role(user.user_id, role))
        assert changed.announcements == 1
        clock.move(7)
        other = users.set_role(user.user_id, Role.FREE if changed.premium else Role.PREMIUM)
        assert (other.attention_shard, other.attention_at) == (shard_of(user.user_id), int(clock()) + OUTBOX)
        assert (other.role_time, other.announcements) == (int(clock()), 0)
        users.set_role(user.user_id, role)


def test_a_repeated_change_of_role_leaves_its_announcement_as_it_is(users: UserStore, user: User, clock: Clock) -> None:
    upgraded = users.set_role(user.user_id, Role.PREMIUM)
    clock.move(5)
    assert users.set_role(user.user_id, Role.PREMIUM) == upgraded == users.get(user.user_id)


def due(users: UserStore, until: int) -> set[str]:
    return {found for shard in range(ATTENTION_SHARDS) for found in users.due(shard, until)}


@pytest.mark.parametrize("role", [Role.PREMIUM, Role.FREE])
def test_an_announced_change_is_due_again_after_growing_waits(
    users: UserStore, user: User, clock: Clock, role: Role
) -> None:
    users.set_role(user.user_id, Role.PREMIUM)
    if role is Role.FREE:
        users.set_role(user.user_id, role)
    seen = users.get(user.user_id)
    assert seen is not None
    assert user.user_id not in due(users, int(clock()) + OUTBOX - 1)
    assert user.user_id in due(users, int(clock()) + OUTBOX)
    for count in range(1, 6):
        announced = users.announced(seen)
        again = int(clock()) + reminder_seconds(count)
        assert (announced.attention_at, announced.announcements, announced.role) == (again, count, role)
        assert user.user_id not in due(users, again - 1)
        assert user.user_id in due(users, again)
        with pytest.raises(Conflict):
            users.announced(seen)
        clock.move(reminder_seconds(count))
        seen = announced


# A role carried out


def test_a_role_carried_out_before_the_index_can_be_trusted_stays_due(
    users: UserStore, user: User, clock: Clock
) -> None:
    upgraded = users.set_role(user.user_id, Role.PREMIUM)
    clock.move(INDEX_LAG_SECONDS - 1)
    assert not users.carried_out(upgraded)
    assert users.get(user.user_id) == upgraded


def test_a_role_carried_out_later_is_due_no_more(users: UserStore, user: User, clock: Clock) -> None:
    upgraded = users.announced(users.set_role(user.user_id, Role.PREMIUM))
    clock.move(INDEX_LAG_SECONDS)
    assert users.carried_out(upgraded)
    found = users.get(user.user_id)
    assert found is not None
    assert (found.attention_at, found.attention_shard, found.role) == (None, None, Role.PREMIUM)
    assert user.user_id not in due(users, int(clock()) + 10**6)
    assert users.carried_out(upgraded)
    # Whoever announces it only now does no harm.
    with pytest.raises(Conflict):
        users.announced(upgraded)


def test_a_role_that_has_changed_since_is_not_carried_out(users: UserStore, user: User, clock: Clock) -> None:
    upgraded = users.set_role(user.user_id, Role.PREMIUM)
    clock.move(INDEX_LAG_SECONDS)
    downgraded = users.set_role(user.user_id, Role.FREE)
    assert not users.carried_out(upgraded)
    assert users.get(user.user_id) == downgraded


def test_an_announcement_of_an_earlier_upgrade_does_not_settle_a_later_one(users: UserStore, user: User) -> None:
    first = users.set_role(user.user_id, Role.PREMIUM)
    users.set_role(user.user_id, Role.FREE)
    second = users.set_role(user.user_id, Role.PREMIUM)
    with pytest.raises(Conflict):
        users.announced(first)
    assert users.get(user.user_id) == second


def test_racing_upgrades_raise_the_epoch_once(users: UserStore, user: User) -> None:
    start = threading.Barrier(5)
    answers: list[User] = []

    def upgrade() -> None:
        start.wait()
        answers.append(users.set_role(user.user_id, Role.PREMIUM))

    threads = [threading.Thread(target=upgrade) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(answer.role, answer.tier_epoch) for answer in answers] == [(Role.PREMIUM, 1)] * 5


def test_the_settings_reach_the_store(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy(tables=["users"], outbox_seconds=7)
    made = deployment.users.sign_in(str(uuid.uuid4()), "c@example.org", "C")
    changed = deployment.users.set_role(made.user_id, Role.PREMIUM)
    assert (changed.attention_at or 0) - changed.updated_time == 7
