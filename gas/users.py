"""Users: who they are at Globus, and their role. Table `users`, one item a Globus identity."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from gas import aws, items
from gas.config import Settings
from gas.items import NO_ATTENTION, Check, Conflict, attend, same

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


# "usually a fraction of a second"; minutes are more than any delay that was ever told of.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
INDEX_LAG_SECONDS = 120
# An account that is being deleted is nobody's any more: only its deletion may change it.
KEPT, GOING = Attr("delete_time").not_exists(), Attr("delete_time").exists()


class BeingDeleted(Exception):
    """The account is on its way out; what it had is not yet gone."""


class Role(StrEnum):
    """What a user has subscribed to."""

    FREE = "free_user"
    PREMIUM = "premium_user"


@dataclass(frozen=True)
class User:
    """One item of `users`. `tier_epoch` counts the changes of role; times are epoch seconds.

    `delete_time` is there once the account is being deleted, `deleted_jobs` counts the jobs that went with it.
    """

    user_id: str
    email: str
    name: str
    institution: str = ""
    role: Role = Role.FREE
    tier_epoch: int = 0
    created_time: int = 0
    updated_time: int = 0
    role_time: int = 0
    delete_time: int | None = None
    deleted_jobs: int = 0
    # The webhooks that there are (`gas.webhooks`).
    webhook_ids: list[str] | None = None
    announcements: int = 0
    attention_shard: str | None = None
    attention_at: int | None = None

    @property
    def premium(self) -> bool:
        """True for a user whose results stay."""
        return self.role is Role.PREMIUM


class UserStore:
    """Users in DynamoDB."""

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time, outbox_seconds: int = 30):
        self.table = table
        self._clock = clock
        self._outbox_seconds = outbox_seconds

    @classmethod
    def of(cls, settings: Settings) -> "UserStore":
        """The users of the deployment that the settings describe."""
        return cls(aws.table(settings, "users"), outbox_seconds=settings.outbox_seconds)

    def get(self, user_id: str) -> User | None:
        """The user as stored now (a consistent read), or None."""
        item = self.table.get_item(Key={"user_id": user_id}, ConsistentRead=True).get("Item")
        return _from_item(items.native(item)) if item else None

    def sign_in(self, user_id: str, email: str, name: str, institution: str = "") -> User:
        """Create the user as a free one, or bring e-mail and name up to what Globus says now.

        The institution is taken from Globus only at first: afterwards the user may have changed it. Raises
        `BeingDeleted` until an earlier account of this identity is gone.
        """
        now = int(self._clock())
        new = {
            "user_id": user_id,
            "email": email,
            "name": name,
            "institution": institution or None,
            "role": Role.FREE,
            "tier_epoch": 0,
            "created_time": now,
            "updated_time": now,
        }
        while not items.create(self.table, "user_id", new):
            try:
                return self._change(user_id, email=email, name=name, updated_time=now)
            except Conflict:
                if self.get(user_id) is not None:
                    raise BeingDeleted(user_id) from None
                # The last trace of it went just now.
        return _from_item(new)

    def set_institution(self, user_id: str, institution: str) -> User:
        """Set the one field of the profile that is not Globus's. Raises `Conflict` when there is no such user."""
        return self._change(user_id, institution=institution or None, updated_time=int(self._clock()))

    def set_role(self, user_id: str, role: Role) -> User:
        """Change the role and raise `tier_epoch`; a repeat changes nothing. To be announced.

        Raises KeyError when there is no such user, or not for long.
        """
        while True:
            seen = self.get(user_id)
            if seen is None or seen.delete_time is not None:
                raise KeyError(user_id)
            if seen.role is role:
                return seen
            now = int(self._clock())
            try:
                return self._change(
                    user_id,
                    items.same("tier_epoch", seen.tier_epoch),
                    role=role,
                    tier_epoch=seen.tier_epoch + 1,
                    updated_time=now,
                    role_time=now,
                    announcements=0,
                    **attend(user_id, now + self._outbox_seconds),
                )
            except Conflict:
                continue

    def due(self, shard: int, until: int) -> list[str]:
        """Ids of the users of one attention shard to whom something has yet to be done.

        A change of role has to be announced or carried out, or the account deleted.
        """
        return [str(item["user_id"]) for item in items.due(self.table, shard, until)]

    def announced(self, seen: User) -> User:
        """The change of role was published; until it is carried out it is published again, with growing waits.

        `Conflict`: the role has changed again meanwhile.
        """
        count = seen.announcements + 1
        again = attend(seen.user_id, int(self._clock()) + items.reminder_seconds(count))
        unmoved = same("tier_epoch", seen.tier_epoch) & same("attention_at", seen.attention_at)
        return self._change(seen.user_id, unmoved, announcements=count, **again)

    def carried_out(self, seen: User) -> bool:
        """The user's results have been looked through for this role. True when that was the last time needed.

        The index by which they are found lags behind the table, so a look soon after the change may miss one.
        """
        if int(self._clock()) < seen.role_time + INDEX_LAG_SECONDS:
            return False
        try:
            self._change(seen.user_id, same("tier_epoch", seen.tier_epoch), **NO_ATTENTION)
        except Conflict:
            return False
        return True

    # The end

    def mark_deleted(self, user_id: str) -> User:
        """Begin the account's deletion; a repeat changes nothing. Raises KeyError when there is no such user."""
        now = int(self._clock())
        begun = {"delete_time": now, "announcements": 0, **attend(user_id, now)}
        try:
            return self._change(user_id, **begun)
        except Conflict:
            seen = self.get(user_id)
            if seen is None:
                raise KeyError(user_id) from None
            return seen

    def claim_deletion(self, seen: User, seconds: int) -> User:
        """Nobody else looks at the account for so long. Raises `Conflict` where somebody has just begun to."""
        again = attend(seen.user_id, int(self._clock()) + seconds)
        return self._going(seen, same("attention_at", seen.attention_at), **again)

    def look_again(self, mine: User, seconds: int, announcements: int | None = None) -> User:
        """Give the claim back: the deletion goes on after so many seconds."""
        count = mine.announcements if announcements is None else announcements
        again = attend(mine.user_id, int(self._clock()) + seconds)
        return self._going(mine, same("attention_at", mine.attention_at), announcements=count, **again)

    def being_deleted(self, seen: User) -> Check:
        """For a change of another item that belongs to this deletion: it counts there, and ends with it."""
        this = GOING & same("delete_time", seen.delete_time)
        return Check(self.table.name, {"user_id": seen.user_id}, this, counts="deleted_jobs")

    def remove(self, mine: User) -> None:
        """Delete the item itself, the last thing that there is of the account; harmless when it is gone."""
        items.remove(self.table, {"user_id": mine.user_id}, GOING & same("delete_time", mine.delete_time))

    def now(self) -> int:
        """The present second."""
        return int(self._clock())

    def _going(self, seen: User, condition: ConditionBase, **changes: Any) -> User:
        this = GOING & same("delete_time", seen.delete_time) & condition
        return _from_item(items.change(self.table, {"user_id": seen.user_id}, this, changes))

    def _change(self, user_id: str, condition: ConditionBase = KEPT, **changes: Any) -> User:
        return _from_item(items.change(self.table, {"user_id": user_id}, KEPT & condition, changes))


_NAMES = frozenset(field.name for field in fields(User))


def _from_item(item: dict[str, Any]) -> User:
    known = {name: value for name, value in item.items() if name in _NAMES and value is not None}
    return User(**{**known, "role": Role(known["role"])})
