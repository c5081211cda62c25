"""One conditional write: the only way GAS changes a DynamoDB item.

Also the sparse `attention_index` that jobs and users share: an item that someone must look at again
carries `attention_at` (epoch seconds) and its shard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zlib import crc32

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder, Key
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# A partition of an index takes 1,000 writes a second; four are far above what a fleet of annotators makes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
ATTENTION_SHARDS = 4

FIRST_REMINDER_SECONDS = 60
LONGEST_REMINDER_SECONDS = 6 * 3600


class Expressions:
    """Conditions as DynamoDB wants them: text, with the names and values that stand in it.

    boto3 does the same with one builder for all threads of a resource, so that two at once may mix their
    placeholders and a condition guard the wrong attribute. Here every request has a builder of its own.
    """

    def __init__(self, names: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None) -> None:
        self._builder = ConditionExpressionBuilder()
        self._names = dict(names or {})
        self._values = dict(values or {})

    def text(self, condition: ConditionBase, key: bool = False) -> str:
        """The condition's text; `key`: it is a key condition."""
        built = self._builder.build_expression(condition, is_key_condition=key)
        self._names |= built.attribute_name_placeholders
        self._values |= built.attribute_value_placeholders
        return str(built.condition_expression)

    def placeholders(self) -> dict[str, Any]:
        """The request's parameters for all texts made so far."""
        filled = {"ExpressionAttributeNames": self._names, "ExpressionAttributeValues": self._values}
        return {name: value for name, value in filled.items() if value}


class Conflict(Exception):
    """The item was not in the state that the change starts from; nothing was written."""


def change(
    table: "Table", key: Mapping[str, str], condition: ConditionBase, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Set each attribute (None removes it) if `condition` holds on an existing item; return the whole new item.

    Raises `Conflict` when the item does not exist or the condition does not hold.
    """
    request = _update(key, condition, changes)
    try:
        answer = table.update_item(Key=dict(key), ReturnValues="ALL_NEW", **request)
    except ClientError as error:
        if is_conflict(error):
            raise Conflict(f"{dict(key)} has moved on") from error
        raise
    return native(answer["Attributes"])


@dataclass(frozen=True)
class Check:
    """A condition on an item of another table that must hold for a change of ours.

    `counts` names a number on that item which goes up by one with the change.
    """

    table_name: str
    key: Mapping[str, str]
    condition: ConditionBase
    counts: str | None = None


def change_if(
    table: "Table", key: Mapping[str, str], condition: ConditionBase, changes: Mapping[str, Any], check: Check
) -> None:
    """`change`, which also needs `check` to hold: both in one transaction. Raises `Conflict` as `change` does.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    update = {"TableName": table.name, "Key": dict(key), **_update(key, condition, changes)}
    _transact(table, [_guard(check), {"Update": update}], f"{dict(key)} or {dict(check.key)} has moved on")


def create_with(
    table: "Table",
    item: Mapping[str, Any],
    other: "Table",
    key: Mapping[str, str],
    condition: ConditionBase,
    changes: Mapping[str, Any],
) -> None:
    """Put a new item, whose key nobody else can have, and `change` one of another table: both in one transaction.

    Raises `Conflict` as `change` does.
    """
    put = {"TableName": table.name, "Item": _stored(item)}
    update = {"TableName": other.name, "Key": dict(key), **_update(key, condition, changes)}
    _transact(table, [{"Put": put}, {"Update": update}], f"{dict(key)} has moved on")


def _transact(table: "Table", writes: Any, why: str) -> None:
    """All of the writes or none. Raises `Conflict`, saying why, when a condition does not hold."""
    try:
        table.meta.client.transact_write_items(TransactItems=writes)
    except ClientError as error:
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        # Another's transaction over the same item, at this moment: of the two one has to read again.
        if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
            raise Conflict(why) from error
        raise


def _guard(check: Check) -> dict[str, Any]:
    target = {"TableName": check.table_name, "Key": dict(check.key)}
    if check.counts is None:
        return {"ConditionCheck": {**target, **_condition(check.condition)}}
    expressions = Expressions({"#counts": check.counts}, {":one": 1})
    text = expressions.text(check.condition)
    counted = {"UpdateExpression": "ADD #counts :one", "ConditionExpression": text, **expressions.placeholders()}
    return {"Update": {**target, **counted}}


def _update(key: Mapping[str, str], condition: ConditionBase, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an update of an existing item: each attribute set (None removes it) under a condition."""
    sets = [name for name, value in changes.items() if value is not None]
    removes = [name for name, value in changes.items() if value is None]
    parts = []
    if sets:
        parts.append("SET " + ", ".join(f"#set_{name} = :set_{name}" for name in sets))
    if removes:
        parts.append("REMOVE " + ", ".join(f"#set_{name}" for name in removes))
    # The condition's own placeholders are #n0 and :v0 and so on: never one of these.
    expressions = Expressions(
        {f"#set_{name}": name for name in changes}, {f":set_{name}": storable(changes[name]) for name in sets}
    )
    return {
        "UpdateExpression": " ".join(parts),
        "ConditionExpression": expressions.text(Attr(next(iter(key))).exists() & condition),
        **expressions.placeholders(),
    }


def create(table: "Table", hash_key: str, item: Mapping[str, Any]) -> bool:
    """Put an item that must not exist yet. False when it does: nothing is written then."""
    try:
        table.put_item(Item=_stored(item), **_condition(Attr(hash_key).not_exists()))
    except ClientError as error:
        if is_conflict(error):
            return False
        raise
    return True


def remove(table: "Table", key: Mapping[str, str], condition: ConditionBase) -> None:
    """Delete an item if `condition` holds; harmless when it is gone or the condition does not hold."""
    try:
        table.delete_item(Key=dict(key), **_condition(condition))
    except ClientError as error:
        if not is_conflict(error):
            raise


def due(table: "Table", shard: int, until: int, condition: ConditionBase | None = None) -> list[dict[str, Any]]:
    """Items of one attention shard to be looked at by `until`, the longest waiting first."""
    keys = Key("attention_shard").eq(str(shard)) & Key("attention_at").lte(until)
    request = query("attention_index", keys, condition)
    items: list[dict[str, Any]] = []
    while True:
        answer = table.query(**request)
        items.extend(native(item) for item in answer["Items"])
        if not answer.get("LastEvaluatedKey"):
            return items
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def count_due(table: "Table", shard: int, until: int, condition: ConditionBase, most: int) -> int:
    """How many items of one attention shard, to be looked at by `until`, meet a condition; counting ends at `most`."""
    keys = Key("attention_shard").eq(str(shard)) & Key("attention_at").lte(until)
    request = {**query("attention_index", keys, condition), "Select": "COUNT"}
    count = 0
    while True:
        answer = table.query(**request)
        count += answer["Count"]
        if count >= most or not answer.get("LastEvaluatedKey"):
            return min(count, most)
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def query(index: str, keys: ConditionBase, condition: ConditionBase | None = None) -> dict[str, Any]:
    """The parameters of a query of an index; `condition` filters what the key condition finds."""
    expressions = Expressions()
    request: dict[str, Any] = {"IndexName": index, "KeyConditionExpression": expressions.text(keys, key=True)}
    if condition is not None:
        request["FilterExpression"] = expressions.text(condition)
    return {**request, **expressions.placeholders()}


def _condition(condition: ConditionBase) -> dict[str, Any]:
    expressions = Expressions()
    return {"ConditionExpression": expressions.text(condition), **expressions.placeholders()}


def attend(key: str, at: int) -> dict[str, Any]:
    """The attributes that make the sweeper look at an item at a time."""
    return {"attention_shard": shard_of(key), "attention_at": at}


NO_ATTENTION: dict[str, Any] = {"attention_shard": None, "attention_at": None}


def reminder_seconds(announcements: int) -> int:
    """How long after the n-th announcement the sweeper looks again: 1, 4, 16 … minutes, at most 6 hours."""
    return int(min(FIRST_REMINDER_SECONDS * 4 ** max(announcements - 1, 0), LONGEST_REMINDER_SECONDS))


def shard_of(key: str) -> str:
    """The attention shard of an item, from its key alone."""
    return str(crc32(key.encode()) % ATTENTION_SHARDS)


def same(name: str, value: object) -> ConditionBase:
    """The attribute still has the value it was read with; None: it is still absent."""
    return Attr(name).not_exists() if value is None else Attr(name).eq(storable(value))


def is_conflict(error: ClientError) -> bool:
    """True when a conditional write found its condition unmet."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def storable(value: Any) -> Any:
    """DynamoDB's serialiser takes plain strings only, not their subclasses."""
    return str(value) if isinstance(value, StrEnum) else value


def _stored(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: storable(value) for name, value in item.items() if value is not None}


def native(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with integers where DynamoDB says Decimal."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in item.items()}
