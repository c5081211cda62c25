"""Sessions on the server: the browser holds an opaque id, the table holds only that id's hash.

Table `sessions` keeps two kinds of row: a sign-in that is under way (minutes, taken once) and a session of a
user who has signed in. A copy of the table signs nobody in. DynamoDB deletes expired rows when it gets to it,
often days later, so every read compares the times itself.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SIGN_IN_SECONDS = 600
IDLE_SECONDS = 12 * 3600
ABSOLUTE_SECONDS = 7 * 24 * 3600
# A session's last use is written at most this often, so that reading a page seldom costs a write.
TOUCH_SECONDS = 300


@dataclass(frozen=True)
class SignIn:
    """What a sign-in under way must bring back: made at /login, compared at /authcallback."""

    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True)
class Session:
    """A signed-in browser. Times in epoch seconds."""

    session_id: str
    user_id: str
    created_at: int
    seen_at: int


class SessionStore:
    """Sessions in DynamoDB; `cookie` is always the value that the browser holds."""

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time):
        self._table = table
        self._clock = clock

    def begin_sign_in(self, next_path: str) -> tuple[str, SignIn]:
        """Start a sign-in that ends at `next_path`. Returns the cookie value and what must come back."""
        cookie = secrets.token_urlsafe(32)
        sign_in = SignIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next_path)
        self._put(cookie, "sign-in", int(self._clock()) + SIGN_IN_SECONDS, **vars(sign_in))
        return cookie, sign_in

    def take_sign_in(self, cookie: str) -> SignIn | None:
        """The sign-in of this cookie, once: taking it removes it. None when there is none or it is too old."""
        row = self._table.delete_item(Key={"session_id": _key(cookie)}, ReturnValues="ALL_OLD").get("Attributes")
        if not row or row["kind"] != "sign-in" or int(row["expires_at"]) <= self._clock():  # type: ignore[arg-type]
            return None
        return SignIn(*(str(row[name]) for name in ("state", "nonce", "verifier", "next")))

    def open(self, user_id: str) -> str:
        """Open a session for a user who has just signed in; always under a new id. Returns the cookie value."""
        cookie = secrets.token_urlsafe(32)
        now = int(self._clock())
        self._put(cookie, "session", now + IDLE_SECONDS, user_id=user_id, created_at=now, seen_at=now)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """The session of this cookie, its last use noted; None when there is none, or it was idle or old too long."""
        row = self._table.get_item(Key={"session_id": _key(cookie)}, ConsistentRead=True).get("Item")
        if not row or row["kind"] != "session":
            return None
        session = Session(
            str(row["session_id"]),
            str(row["user_id"]),
            int(row["created_at"]),  # type: ignore[arg-type]
            int(row["seen_at"]),  # type: ignore[arg-type]
        )
        now = int(self._clock())
        if int(row["expires_at"]) <= now:  # type: ignore[arg-type]
            return None
        if now - session.seen_at >= TOUCH_SECONDS:
            self._touch(session, now)
        return session

    def end(self, cookie: str) -> None:
        """Forget the session of this cookie; harmless when there is none."""
        self._table.delete_item(Key={"session_id": _key(cookie)})

    def _touch(self, session: Session, now: int) -> None:
        try:
            self._table.update_item(
                Key={"session_id": session.session_id},
                UpdateExpression="SET seen_at = :now, expires_at = :until",
                ExpressionAttributeValues={
                    ":now": now,
                    ":until": min(now + IDLE_SECONDS, session.created_at + ABSOLUTE_SECONDS),
                },
                # A session ended in another tab meanwhile must not come back.
                ConditionExpression=Attr("session_id").exists(),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _put(self, cookie: str, kind: str, expires_at: int, **fields: str | int) -> None:
        self._table.put_item(Item={"session_id": _key(cookie), "kind": kind, "expires_at": expires_at, **fields})


def _key(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()
