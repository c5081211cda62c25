"""`Idempotency-Key`: the same key means the same job, for a day.

A ticket already makes one job however often it is sent. The key is for a script that lost the ticket's answer and
began a new upload: its second job is refused instead of being made twice.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from webserver.problems import Link, Problem

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


class IdempotencyKeys:
    """Keys in the table `sessions`, whose rows expire by themselves; only a key's hash is kept."""

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time):
        self._table = table
        self._clock = clock

    def bind(self, user_id: str, key: str, job_id: str) -> None:
        """Say that this key of this user means this job. A repeat is harmless.

        Raises the 400 problem for an empty or endless key, 422 where the key means another job.
        """
        if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
            raise Problem(
                400, f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters.", code="idempotency_key"
            )
        row_id = sha256(f"idempotency\0{user_id}\0{key}".encode()).hexdigest()
        now = int(self._clock())
        row = {"session_id": row_id, "kind": "idempotency", "job_id": job_id, "expires_at": now + KEPT_SECONDS}
        try:
            self._table.put_item(
                Item=row,
                ConditionExpression=Attr("session_id").not_exists()
                | Attr("expires_at").lte(now)
                | Attr("job_id").eq(job_id),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise self._used(row_id) from None

    def _used(self, row_id: str) -> Problem:
        row = self._table.get_item(Key={"session_id": row_id}, ConsistentRead=True).get("Item", {})
        path = f"/annotations/{row.get('job_id', '')}"
        return Problem(
            422,
            f"This Idempotency-Key already made the job {row.get('job_id', 'of another request')}. "
            "Use a key of its own for each job.",
            title="Key used before",
            code="idempotency_key",
            link=Link(path, "That job"),
        )
