"""Webhooks: addresses of a user's own that are told when a job has ended, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

Table `webhooks` has an item for each, with its latest calls; the user's item names them, so that they go with the
account. The secrets stand in a table of their own, which only the process that signs may read (`webhook-secrets`).
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from gas import aws, items
from gas.config import Settings
from gas.items import Conflict, same
from gas.job import Job, JobStatus
from gas.users import KEPT, User, UserStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# The specification asks for 24 to 64 bytes, and for this prefix where people handle a secret.
SECRET_BYTES, SECRET_PREFIX = 32, "whsec_"
MOST_WEBHOOKS = 3
# Of one webhook, the latest; what its owner reads.
MOST_CALLS = 20
MOST_TRIES = 20
# After the first try that failed, the second, and so on; SQS counts how often (gas/topology.json).
PAUSES = (10, 60, 300, 900, 1800)


class CallState(StrEnum):
    """How far the telling of one end is."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    GIVEN_UP = "given_up"


class TooManyWebhooks(Exception):
    """The user has as many as one may."""


@dataclass(frozen=True)
class Call:
    """What became of one message: `tries` so far, what was `said` at the last, which was `at` that epoch second."""

    message_id: str
    job_id: str
    state: CallState
    tries: int
    said: str
    at: int


@dataclass(frozen=True)
class Webhook:
    """One item of `webhooks`; `calls` are the latest, oldest first."""

    webhook_id: str
    user_id: str
    url: str
    created_time: int
    revision: int = 0
    calls: tuple[Call, ...] = ()

    def call(self, message_id: str) -> Call | None:
        """What is known of that message."""
        return next((call for call in self.calls if call.message_id == message_id), None)


@dataclass(frozen=True)
class Message:
    """What is sent: the same bytes under the same id, however often."""

    message_id: str
    body: bytes


def message(job: Job, site_url: str) -> Message:
    """The message of a job's end. It carries identities; whoever is told asks the API for the rest."""
    ended = job.complete_time or 0
    kind = "job.completed" if job.job_status is JobStatus.COMPLETED else "job.failed"
    data = {
        "job_id": job.job_id,
        "status": str(job.job_status),
        "input_file_name": job.input_file_name,
        "submit_time": job.submit_time,
        "complete_time": ended,
        "page": f"{site_url}/annotations/{job.job_id}",
        "api": f"{site_url}/api/v1/jobs/{job.job_id}",
    }
    moment = datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = json.dumps({"type": kind, "timestamp": moment, "data": data}, separators=(",", ":"))
    return Message(f"{job.job_id}-{ended}", body.encode())


def signed_headers(secret: str, sent: Message, now: int) -> dict[str, str]:
    """The three headers of the specification, for a try at that epoch second."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{sent.message_id}.{now}.".encode() + sent.body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": sent.message_id, "webhook-timestamp": str(now), "webhook-signature": f"v1,{signature}"}


class WebhookStore:
    """Webhooks in DynamoDB."""

    def __init__(self, table: "Table", secrets: "Table", users: "Table", clock: Callable[[], float] = time.time):
        self._table = table
        self._secrets = secrets
        self._users = users
        self._clock = clock

    @classmethod
    def of(cls, settings: Settings, users: UserStore) -> "WebhookStore":
        """The webhooks of the deployment that the settings describe."""
        return cls(aws.table(settings, "webhooks"), aws.table(settings, "webhook-secrets"), users.table)

    def create(self, user: User, url: str) -> tuple[Webhook, str]:
        """Register an address that was checked. Returns it and its secret, which the site cannot read again.

        Raises `TooManyWebhooks`; `Conflict` when the user's webhooks have changed since the user was read.
        """
        named = user.webhook_ids or []
        if len(named) >= MOST_WEBHOOKS:
            raise TooManyWebhooks(user.user_id)
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        webhook = Webhook(str(uuid.uuid4()), user.user_id, url, int(self._clock()))
        # First: a webhook without a secret could not be called. A secret without a webhook opens nothing.
        self._secrets.put_item(Item={"webhook_id": webhook.webhook_id, "secret": secret})
        unmoved = KEPT & same("webhook_ids", user.webhook_ids)
        ids = {"webhook_ids": [*named, webhook.webhook_id]}
        items.create_with(self._table, asdict(webhook), self._users, {"user_id": user.user_id}, unmoved, ids)
        return webhook, secret

    def get(self, webhook_id: str) -> Webhook | None:
        """The webhook as it is now (a consistent read), or None."""
        item = self._table.get_item(Key={"webhook_id": webhook_id}, ConsistentRead=True).get("Item")
        return _from_item(items.native(item)) if item else None

    def of_user(self, user: User) -> list[Webhook]:
        """The user's webhooks, oldest first."""
        return [found for webhook_id in user.webhook_ids or () if (found := self.get(webhook_id)) is not None]

    def secret(self, webhook: Webhook) -> str | None:
        """What the webhook's messages are signed with: only for the process that signs."""
        key = {"webhook_id": webhook.webhook_id}
        item = self._secrets.get_item(Key=key, ConsistentRead=True).get("Item")
        return str(item["secret"]) if item else None

    def note(self, webhook: Webhook, call: Call) -> None:
        """Write down what became of a message. Nothing happens where the webhook is gone."""
        seen: Webhook | None = webhook
        for _ in range(MOST_TRIES):
            if seen is None:
                return
            others = [known for known in seen.calls if known.message_id != call.message_id]
            calls = [{**asdict(one), "state": str(one.state)} for one in [*others, call][-MOST_CALLS:]]
            changes = {"revision": seen.revision + 1, "calls": calls}
            try:
                items.change(self._table, {"webhook_id": webhook.webhook_id}, same("revision", seen.revision), changes)
            except Conflict:
                seen = self.get(webhook.webhook_id)
            else:
                return
        raise Conflict(f"webhook {webhook.webhook_id} is called too often at once")

    def remove(self, user: User, webhook_id: str) -> None:
        """Forget one of the user's webhooks; a repeat is harmless. Raises `Conflict` as `create` does."""
        left = [one for one in user.webhook_ids or () if one != webhook_id]
        self._forget(webhook_id)
        changes = {"webhook_ids": left or None}
        items.change(self._users, {"user_id": user.user_id}, same("webhook_ids", user.webhook_ids), changes)

    def remove_all(self, user: User) -> None:
        """Forget the webhooks of an account that is being deleted."""
        for webhook_id in user.webhook_ids or ():
            self._forget(webhook_id)

    def _forget(self, webhook_id: str) -> None:
        self._secrets.delete_item(Key={"webhook_id": webhook_id})
        items.remove(self._table, {"webhook_id": webhook_id}, Attr("webhook_id").exists())


_NAMES = frozenset(field.name for field in fields(Webhook))


def _from_item(item: dict[str, Any]) -> Webhook:
    known = {name: value for name, value in item.items() if name in _NAMES}
    calls = (items.native(call) for call in item.get("calls", ()))
    known["calls"] = tuple(Call(**{**call, "state": CallState(call["state"])}) for call in calls)
    return Webhook(**known)
