"""DynamoDB: one write at a time, all or nothing, and items that really expire."""

import copy
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from .gate import gate

# "Items with an expiration time more than five years in the past are not deleted."
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
OLDEST_EXPIRY_SECONDS = 5 * 365 * 86_400

lock = threading.RLock()


def _one_call_at_a_time() -> None:
    original = DynamoHandler.call_action

    # moto checks a condition and writes afterwards, without a lock: two updates under the same condition may both
    # win, and a query fails when another thread adds an item.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
    def call_action(self: DynamoHandler) -> Any:
        with lock:
            return original(self)

    DynamoHandler.call_action = call_action


def _updates_are_whole() -> None:
    original = DynamoDBBackend.update_item

    # moto applies an expression's actions one by one and leaves those before an error in place, or an empty item
    # where there was none; and it checks the types of index keys nowhere.
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
    def update_item(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Item:
        table = self.get_table(table_name)
        keys = self.get_keys_value(table, key)
        present = table.get_item(*keys)
        before = copy.deepcopy(present.attrs) if present is not None else None
        try:
            item = original(self, table_name, key, *args, **kwargs)
            _check_index_keys(table, item.attrs)
        except ConditionalCheckFailed:
            raise
        except Exception:
            if before is not None:
                present.attrs = before
            elif table.get_item(*keys) is not None:
                table.delete_item(*keys)
            raise
        return item

    DynamoDBBackend.update_item = update_item


def _puts_check_index_keys() -> None:
    original = Table.put_item

    def put_item(self: Table, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Item:
        _check_index_keys(self, {name: DynamoType(value) for name, value in item_attrs.items()})
        return original(self, item_attrs, *args, **kwargs)

    Table.put_item = put_item


def _check_index_keys(table: Table, attributes: dict[str, DynamoType]) -> None:
    """An attribute that is an index key must have the type the table defines for it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
    """
    types = {definition["AttributeName"]: definition["AttributeType"] for definition in table.attr}
    for index in table.all_indexes():
        for key in index.schema:
            value = attributes.get(key["AttributeName"])
            if value is not None and value.type != types.get(key["AttributeName"]):
                raise MockValidationException(
                    "One or more parameter values were invalid: Type mismatch for Index Key "
                    f"{key['AttributeName']} Expected: {types.get(key['AttributeName'])} Actual: {value.type} "
                    f"IndexName: {index.name}"
                )


def expire_items(now: float) -> int:
    """Deletes what is past its time to live in every table that has one; returns how many items. `now` in seconds."""
    deleted = 0
    with lock:
        for account in list(dynamodb_backends.values()):
            for backend in list(account.values()):
                for table in backend.tables.values():
                    deleted += _expire_items_of(table, now)
    return deleted


def _expire_items_of(table: Table, now: float) -> int:
    attribute = table.ttl.get("AttributeName")
    if table.ttl.get("TimeToLiveStatus") != "ENABLED" or not attribute:
        return 0
    expired = []
    for item in table.all_items():
        value = item.attrs.get(attribute)
        if value is not None and value.type == "N" and now - OLDEST_EXPIRY_SECONDS < float(value.value) < now:
            expired.append(item)
    for item in expired:
        table.delete_item(item.hash_key, item.range_key)
    return len(expired)


def start_expiring(every_seconds: float, stop: threading.Event, clock: Callable[[], float] = time.time) -> None:
    """Sweeps until `stop` is set. AWS takes up to a few days; reads may return expired items until then."""

    def sweep() -> None:
        while not stop.wait(every_seconds):
            with gate.working():
                if expire_items(clock()):
                    gate.changed()

    threading.Thread(target=sweep, name="dynamodb-ttl", daemon=True).start()


def install() -> None:
    _one_call_at_a_time()
    _updates_are_whole()
    _puts_check_index_keys()
