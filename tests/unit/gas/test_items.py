from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Equals
from botocore.exceptions import ClientError

from gas import aws, items
from gas.items import ATTENTION_SHARDS, NO_ATTENTION, Conflict, attend, same, shard_of
from gas.jobs import JobStatus
from tests.conftest import AwsStandIn
from tests.deployment import Deployment

ALWAYS = Attr("job_id").exists()


@pytest.fixture
def table(deploy: Callable[..., Deployment]) -> Any:
    return aws.table(deploy(tables=["annotations"]).settings, "annotations")


def stored(table: Any, key: str) -> dict[str, Any] | None:
    item = table.get_item(Key={"job_id": key}, ConsistentRead=True).get("Item")
    return items.native(item) if item else None


def test_an_item_is_created_once(table: Any) -> None:
    assert items.create(table, "job_id", {"job_id": "a", "n": 1, "none": None, "s": JobStatus.PENDING})
    assert not items.create(table, "job_id", {"job_id": "a", "n": 2})
    assert stored(table, "a") == {"job_id": "a", "n": 1, "s": "PENDING"}


def test_a_change_sets_removes_and_returns_the_whole_item(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "keep": "k", "old": 1, "n": 1})
    new = items.change(table, {"job_id": "a"}, Attr("n").eq(1), {"n": 2, "old": None, "added": JobStatus.FAILED})
    assert new == {"job_id": "a", "keep": "k", "n": 2, "added": "FAILED"} == stored(table, "a")


def test_a_change_that_only_removes(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "old": 1})
    assert items.change(table, {"job_id": "a"}, ALWAYS, {"old": None, "never_there": None}) == {"job_id": "a"}


def test_a_change_needs_its_condition(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "n": 1})
    with pytest.raises(Conflict, match="moved on"):
        items.change(table, {"job_id": "a"}, Attr("n").eq(2), {"n": 3})
    assert stored(table, "a") == {"job_id": "a", "n": 1}


def test_a_change_makes_no_item(table: Any) -> None:
    with pytest.raises(Conflict):
        items.change(table, {"job_id": "ghost"}, Attr("n").not_exists(), {"n": 3})
    assert stored(table, "ghost") is None


def test_the_same_attribute_may_be_condition_and_change(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "n0": 1, "v0": 2})
    new = items.change(table, {"job_id": "a"}, same("n0", 1) & same("v0", 2) & same("x", None), {"n0": 5, "v0": 6})
    assert (new["n0"], new["v0"]) == (5, 6)


class Interleaved(Equals):
    """A condition in whose building another request of the same table comes between, as another thread's can."""

    def __init__(self, other: Callable[[], object], *values: Any) -> None:
        super().__init__(*values)
        self._other = other

    def get_expression(self) -> dict[str, Any]:
        self._other()
        return super().get_expression()


def test_a_request_that_comes_between_changes_no_condition(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "x": 1, "y": 2, "z": 3})
    items.create(table, "job_id", {"job_id": "b", "p": 1})
    asked = []

    def other() -> None:
        asked.append(items.change(table, {"job_id": "b"}, Attr("p").eq(1), {"q": 1}))

    wrong_y = Attr("x").eq(1) & Attr("y").eq(999) & Interleaved(other, Attr("z"), 3)
    with pytest.raises(Conflict):
        items.change(table, {"job_id": "a"}, wrong_y, {"taken": 1})
    assert asked
    assert stored(table, "a") == {"job_id": "a", "x": 1, "y": 2, "z": 3}


def test_an_item_is_removed_under_its_condition(table: Any) -> None:
    items.create(table, "job_id", {"job_id": "a", "n": 1})
    items.remove(table, {"job_id": "a"}, Attr("n").eq(2))
    assert stored(table, "a")
    items.remove(table, {"job_id": "a"}, Attr("n").eq(1))
    assert stored(table, "a") is None
    items.remove(table, {"job_id": "a"}, Attr("n").eq(1))


def test_other_errors_pass_through(table: Any, faulty: AwsStandIn) -> None:
    calls: list[tuple[str, Callable[[], object]]] = [
        ("PutItem", lambda: items.create(table, "job_id", {"job_id": "a"})),
        ("UpdateItem", lambda: items.change(table, {"job_id": "a"}, ALWAYS, {"n": 1})),
        ("DeleteItem", lambda: items.remove(table, {"job_id": "a"}, ALWAYS)),
    ]
    for operation, call in calls:
        faulty.fault(service="dynamodb", operation=operation, kind="error", code="AccessDeniedException", count=1)
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_what_is_due_is_found_over_pages_and_the_longest_waiting_comes_first(table: Any) -> None:
    # A page of a query ends at a mebibyte: these six items make three.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
    keys = [f"key-{n}" for n in range(100)]
    shard = shard_of(keys[0])
    mine = [key for key in keys if shard_of(key) == shard][:6]
    for at, key in enumerate(mine):
        items.create(table, "job_id", {"job_id": key, "fill": "x" * 380_000, "even": at % 2, **attend(key, 100 - at)})
    items.create(table, "job_id", {"job_id": "settled"})
    found = items.due(table, int(shard), 99)
    assert [item["job_id"] for item in found] == mine[:0:-1]
    assert [item["attention_at"] for item in found] == [95, 96, 97, 98, 99]
    assert [item["job_id"] for item in items.due(table, int(shard), 100, Attr("even").eq(0))] == mine[4::-2]


def test_every_key_has_a_shard_and_all_shards_are_used() -> None:
    shards = {shard_of(f"{n}") for n in range(200)}
    assert shards == {str(n) for n in range(ATTENTION_SHARDS)}
    assert shard_of("a") == shard_of("a")
    assert attend("a", 5) == {"attention_shard": shard_of("a"), "attention_at": 5}
    assert set(NO_ATTENTION) == set(attend("a", 5))


def test_native_and_storable() -> None:
    assert items.native({"n": Decimal(3), "s": "x", "b": True}) == {"n": 3, "s": "x", "b": True}
    assert type(items.storable(JobStatus.PENDING)) is str
    assert items.storable(3) == 3
