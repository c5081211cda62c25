"""What exists in the cloud: topics, queues, tables, buckets and the vault.

`topology.json` is the single source. Terraform reads the same file with `jsondecode`, the local
bootstrap reads it through this module, and every process builds its resource names here.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Queue:
    """One SQS queue. Times in seconds; `topic` is the SNS topic whose messages it receives raw."""

    name: str
    topic: str
    delay_seconds: int
    visibility_seconds: int
    max_receives: int

    @property
    def dead_letter_name(self) -> str:
        """The short name of the queue that takes what was received `max_receives` times in vain."""
        return f"{self.name}-dlq"


@dataclass(frozen=True)
class Index:
    """A global secondary index of a DynamoDB table. `includes`: what it holds beside the keys, None for everything."""

    name: str
    hash_key: str
    range_key: str
    includes: list[str] | None = None


@dataclass(frozen=True)
class Table:
    """One DynamoDB table. `attributes` maps key attributes to their DynamoDB type letter."""

    name: str
    hash_key: str
    attributes: dict[str, str]
    indexes: tuple[Index, ...]
    ttl_attribute: str | None


@dataclass(frozen=True)
class Bucket:
    """One S3 bucket: what is removed by itself, and what pages of the site may do with it (CORS).

    Days after which what was begun and left is removed, None for never: longer than an upload ticket lives.
    `expire_unclaimed_days` is for objects with the tag of `gas.uploads`. `browser_methods` are the methods that a
    script of the site may use, `browser_headers` what it may read of an answer.
    """

    name: str
    abort_multipart_days: int
    expire_unclaimed_days: int | None
    browser_methods: tuple[str, ...]
    browser_headers: tuple[str, ...]


@dataclass(frozen=True)
class Topology:
    """Everything that exists, by short name. `resource_name` turns a short name into the real one."""

    topics: tuple[str, ...]
    queues: dict[str, Queue]
    tables: dict[str, Table]
    buckets: dict[str, Bucket]
    vault: str
    message_retention_seconds: int


def resource_name(prefix: str, short_name: str) -> str:
    """The name a resource has in the account: `gas` and `job-requests` make `gas-job-requests`."""
    return f"{prefix}-{short_name}"


def topic_arn(region: str, account_id: str, prefix: str, short_name: str) -> str:
    """The ARN of a topic. SNS takes only ARNs, and all their parts are known beforehand."""
    return _arn("sns", region, account_id, resource_name(prefix, short_name))


def queue_arn(region: str, account_id: str, prefix: str, short_name: str) -> str:
    """The ARN of a queue."""
    return _arn("sqs", region, account_id, resource_name(prefix, short_name))


def _arn(service: str, region: str, account_id: str, name: str) -> str:
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:{service}:{region}:{account_id}:{name}"


@cache
def load() -> Topology:
    """Read `topology.json` from the package."""
    return parse(json.loads(files("gas").joinpath("topology.json").read_text("utf-8")))


def parse(raw: dict[str, Any]) -> Topology:
    """Turn the decoded file into a `Topology`. Raises KeyError or TypeError where a field is missing or unknown."""
    queues = {name: Queue(name=name, **fields) for name, fields in raw["queues"].items()}
    unknown = {queue.topic for queue in queues.values()} - set(raw["topics"])
    if unknown:
        raise KeyError(f"topology.json: queues subscribe to topics that do not exist: {', '.join(sorted(unknown))}")
    return Topology(
        topics=tuple(raw["topics"]),
        queues=queues,
        tables={name: _table(name, fields) for name, fields in raw["tables"].items()},
        buckets={name: _bucket(name, fields) for name, fields in raw["buckets"].items()},
        vault=raw["vault"],
        message_retention_seconds=raw["message_retention_seconds"],
    )


def _bucket(name: str, raw: dict[str, Any]) -> Bucket:
    lists = {key: tuple(raw[key]) for key in ("browser_methods", "browser_headers")}
    return Bucket(**{"name": name, **raw, **lists})


def _table(name: str, raw: dict[str, Any]) -> Table:
    return Table(
        name=name,
        hash_key=raw["hash_key"],
        attributes=dict(raw["attributes"]),
        indexes=tuple(Index(name=index, **keys) for index, keys in raw["indexes"].items()),
        ttl_attribute=raw.get("ttl_attribute"),
    )
