"""Links by which somebody without an account may read one job, for a time. Table `shares`, one item a link.

Whoever has the token has the link; the table's key is the token's hash, so that a copy of the table opens nothing. The
job's item names its links, and both are written in one transaction: a deletion finds all of them. DynamoDB removes an
item some time after `remove_at`, so every read compares the times itself.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from gas import aws, items
from gas.config import Settings
from gas.items import Conflict, same
from gas.job import Job, JobStatus
from gas.jobs import KEPT, JobStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

DAY = 86_400
# How long a link may hold, in days.
DAYS = (1, 7, 30)
TOKEN_BYTES = 32
# Of one job at a time; the job's item names them.
MOST_LINKS = 20
# The owner reads who used a link for this long after its end.
REMEMBERED_SECONDS = 30 * DAY
# What one network does again within this time counts on in the same line.
SAME_LOOK_SECONDS = 600
MOST_LOOKS = 50
# Of two uses at the same moment one has to read the item again.
MOST_TRIES = 40


class ShareState(StrEnum):
    """Whether a link opens anything."""

    OPEN = "open"
    EXPIRED = "expired"
    REVOKED = "revoked"


class TooManyLinks(Exception):
    """The job has as many links as it may, and all of them hold."""


@dataclass(frozen=True)
class Look:
    """One line of the audit list: what was seen, from which network, from when to when, how often."""

    what: str
    network: str
    first: int
    last: int
    times: int = 1


@dataclass(frozen=True)
class Share:
    """One link. Times are epoch seconds; `looks` are the latest lines of its audit list, oldest first."""

    share_id: str
    job_id: str
    user_id: str
    note: str
    created_time: int
    expires_at: int
    remove_at: int
    revoked_time: int | None = None
    uses: int = 0
    last_used: int | None = None
    looks: tuple[Look, ...] = ()

    def state(self, now: float) -> ShareState:
        """Whether the link holds at `now`."""
        if self.revoked_time is not None:
            return ShareState.REVOKED
        return ShareState.OPEN if now < self.expires_at else ShareState.EXPIRED


def share_id_of(token: str) -> str:
    """The public name of a link, which opens nothing: what its address and our logs may hold."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class ShareStore:
    """Links in DynamoDB. A change raises `Conflict` when the item has moved on."""

    def __init__(self, table: "Table", jobs: "Table", clock: Callable[[], float] = time.time):
        self._table = table
        self._jobs = jobs
        self._clock = clock

    @classmethod
    def of(cls, settings: Settings, jobs: JobStore) -> "ShareStore":
        """The links of the deployment that the settings describe."""
        return cls(aws.table(settings, "shares"), jobs.table)

    def create(self, job: Job, days: int, note: str) -> tuple[Share, str]:
        """Make a link to a completed job that holds for so many days. Returns it and its token, which nobody keeps.

        Raises `TooManyLinks`; `Conflict` when the job is not completed, or its links changed since it was read.
        """
        token, now = secrets.token_urlsafe(TOKEN_BYTES), int(self._clock())
        ends = now + days * DAY
        share = Share(share_id_of(token), job.job_id, job.user_id, note, now, ends, ends + REMEMBERED_SECONDS)
        kept, dropped = self._room(job)
        unmoved = KEPT & Attr("job_status").eq(str(JobStatus.COMPLETED)) & same("share_ids", job.share_ids)
        named = {"share_ids": [*kept, share.share_id]}
        items.create_with(self._table, asdict(share), self._jobs, {"job_id": job.job_id}, unmoved, named)
        for share_id in dropped:
            self._remove(share_id)
        return share, token

    def get(self, share_id: str) -> Share | None:
        """The link as it is now (a consistent read), or None."""
        item = self._table.get_item(Key={"share_id": share_id}, ConsistentRead=True).get("Item")
        return _from_item(items.native(item)) if item else None

    def holding(self, share_id: str) -> Share | None:
        """The link if it holds now."""
        share = self.get(share_id)
        return share if share and share.state(self._clock()) is ShareState.OPEN else None

    def of_job(self, job: Job) -> list[Share]:
        """The job's links that are remembered, oldest first, also those that no longer hold."""
        return [share for share_id in job.share_ids or () if (share := self.get(share_id)) is not None]

    def use(self, seen: Share, what: str, network: str) -> Share | None:
        """Count and note one use. None when the link no longer holds: nothing may be shown then.

        Raises `Conflict` when too many use it at the same moment.
        """
        share: Share | None = seen
        for _ in range(MOST_TRIES):
            now = int(self._clock())
            if share is None:
                return None
            unmoved = Attr("revoked_time").not_exists() & same("uses", share.uses)
            looks = [asdict(look) for look in noted(share.looks, what, network, now)]
            try:
                return self._change(share, unmoved, uses=share.uses + 1, last_used=now, looks=looks)
            except Conflict:
                share = self.holding(seen.share_id)
        raise Conflict(f"link {seen.share_id} is used too often at once")

    def revoke(self, share: Share) -> None:
        """End the link now; a repeat changes nothing."""
        try:
            self._change(share, Attr("revoked_time").not_exists(), revoked_time=int(self._clock()))
        except Conflict:
            return

    def remove_all(self, job: Job) -> None:
        """Delete the links of a job that is marked deleted: none can be made any more."""
        for share_id in job.share_ids or ():
            self._remove(share_id)

    def _room(self, job: Job) -> tuple[list[str], list[str]]:
        """The ids to keep beside a new link, and those to forget: only links that have ended, the oldest first."""
        links = self.of_job(job)
        surplus = len(links) + 1 - MOST_LINKS
        ended = [link.share_id for link in links if link.state(self._clock()) is not ShareState.OPEN]
        if surplus > len(ended):
            raise TooManyLinks(job.job_id)
        dropped = ended[: max(surplus, 0)]
        return [link.share_id for link in links if link.share_id not in dropped], dropped

    def _change(self, share: Share, condition: Any, **changes: Any) -> Share:
        return _from_item(items.change(self._table, {"share_id": share.share_id}, condition, changes))

    def _remove(self, share_id: str) -> None:
        self._table.delete_item(Key={"share_id": share_id})


def noted(looks: tuple[Look, ...], what: str, network: str, now: int) -> tuple[Look, ...]:
    """The audit list with one use more: in the line of the same reader if that is recent, else in a new one."""
    for place in range(len(looks) - 1, -1, -1):
        look = looks[place]
        if (look.what, look.network) == (what, network) and now - look.last < SAME_LOOK_SECONDS:
            again = replace(look, last=now, times=look.times + 1)
            return (*looks[:place], *looks[place + 1 :], again)
    return (*looks, Look(what, network, now, now))[-MOST_LOOKS:]


_NAMES = frozenset(field.name for field in fields(Share))


def _from_item(item: dict[str, Any]) -> Share:
    known = {name: value for name, value in item.items() if name in _NAMES}
    known["looks"] = tuple(Look(**items.native(look)) for look in item.get("looks", ()))
    return Share(**known)
