"""Users: who they are at Globus, and their role. Table `users`, one item a Globus identity."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from gas import aws, items
from gas.config import Settings
from gas.items import NO_ATTENTION, Conflict, attend, same

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


# "usually a fraction of a second"; minutes are more than any delay that was ever told of.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
INDEX_LAG_SECONDS = 120


class Role(StrEnum):
    """What a user has subscribed to."""

    FREE = "free_user"
    PREMIUM = "premium_user"


@dataclass(frozen=True)
class User:
    """One item of `users`. `tier_epoch` counts the changes of role; times are epoch seconds."""

    user_id: str
    email: str
    name: str
    institution: str = ""
    role: Role = Role.FREE
    tier_epoch: int = 0
    created_time: int = 0
    updated_time: int = 0
    role_time: int = 0
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
        self._table = table
        self._clock = clock
        self._outbox_seconds = outbox_seconds

    @classmethod
    def of(cls, settings: Settings) -> "UserStore":
        """The users of the deployment that the settings describe."""
        return cls(aws.table(settings, "users"), outbox_seconds=settings.outbox_seconds)

    def get(self, user_id: str) -> User | None:
        """The user as stored now (a consistent read), or None."""
        item = self._table.get_item(Key={"user_id": user_id}, ConsistentRead=True).get("Item")
        return _from_item(items.native(item)) if item else None

    def sign_in(self, user_id: str, email: str, name: str, institution: str = "") -> User:
        """Create the user as a free one, or bring e-mail and name up to what Globus says now.

        The institution is taken from Globus only at first: afterwards the user may have changed it.
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
        if items.create(self._table, "user_id", new):
            return _from_item(new)
        return self._change(user_id, email=email, name=name, updated_time=now)

    def set_institution(self, user_id: str, institution: str) -> User:
        """Set the one field of the profile that is not Globus's. Raises `Conflict` when there is no such user."""
        return self._change(user_id, institution=institution or None, updated_time=int(self._clock()))

    def set_role(self, user_id: str, role: Role) -> User:
        """Change the role and raise `tier_epoch`; a repeat changes nothing. To be announced.

        Raises KeyError when there is no such user.
        """
        while True:
            seen = self.get(user_id)
            if seen is None:
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
        """Ids of the users of one attention shard whose change of role has yet to be announced, or carried out."""
        return [str(item["user_id"]) for item in items.due(self._table, shard, until)]

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

    def _change(self, user_id: str, condition: Any = None, **changes: Any) -> User:
        held = Attr("user_id").exists() if condition is None else condition
        return _from_item(items.change(self._table, {"user_id": user_id}, held, changes))


_NAMES = frozenset(field.name for field in fields(User))


def _from_item(item: dict[str, Any]) -> User:
    known = {name: value for name, value in item.items() if name in _NAMES and value is not None}
    return User(**{**known, "role": Role(known["role"])})
