"""DynamoDB as its documentation states it, where GAS leans on it."""

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import AwsStandIn


@dataclass
class Table:
    client: Any
    name: str

    def put(self, item: dict[str, Any], **options: Any) -> Any:
        return self.client.put_item(TableName=self.name, Item=item, **options)

    def get(self, key: str) -> dict[str, Any] | None:
        return self.client.get_item(TableName=self.name, Key={"k": {"S": key}}, ConsistentRead=True).get("Item")

    def update(self, key: str, expression: str, values: dict[str, Any], **options: Any) -> Any:
        return self.client.update_item(
            TableName=self.name,
            Key={"k": {"S": key}},
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            **options,
        )


@pytest.fixture
def table(aws_standin: AwsStandIn) -> Table:
    client = aws_standin.client("dynamodb", config=Config(max_pool_connections=30, retries={"total_max_attempts": 1}))
    name = f"t{uuid.uuid4().hex[:10]}"
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "k", "AttributeType": "S"},
            {"AttributeName": "user", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_user",
                "KeySchema": [
                    {"AttributeName": "user", "KeyType": "HASH"},
                    {"AttributeName": "at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return Table(client, name)


def error_of(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def by_user(table: Table, user: str = "u", **options: Any) -> dict[str, Any]:
    return table.client.query(
        TableName=table.name,
        IndexName="by_user",
        KeyConditionExpression="#u = :u",
        ExpressionAttributeNames={"#u": "user"},
        ExpressionAttributeValues={":u": {"S": user}},
        **options,
    )


def test_one_of_many_claims_wins(table: Table) -> None:
    for number in range(10):
        table.put({"k": {"S": str(number)}, "state": {"S": "PENDING"}})

    def claim(worker: int) -> list[int]:
        won = []
        for number in range(10):
            try:
                table.update(
                    str(number),
                    "SET #s = :running, #o = :me",
                    {":running": {"S": "RUNNING"}, ":pending": {"S": "PENDING"}, ":me": {"N": str(worker)}},
                    ConditionExpression="#s = :pending",
                    ExpressionAttributeNames={"#s": "state", "#o": "owner"},
                )
            except table.client.exceptions.ConditionalCheckFailedException:
                continue
            won.append(number)
        return won

    with ThreadPoolExecutor(12) as pool:
        wins = {worker: pool.submit(claim, worker) for worker in range(12)}
        owners = {number: worker for worker, won in wins.items() for number in won.result()}
    assert Counter(number for won in wins.values() for number in won.result()) == Counter(range(10))
    assert {number: int(table.get(str(number))["owner"]["N"]) for number in range(10)} == owners


def test_one_of_many_creations_wins_and_no_count_is_lost(table: Table) -> None:
    def create(worker: int) -> int:
        table.update("counter", "ADD n :one", {":one": {"N": "1"}})
        try:
            table.put({"k": {"S": "once"}}, ConditionExpression="attribute_not_exists(k)")
        except ClientError:
            return 0
        return 1

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(create, range(60))) == 1
    assert table.get("counter")["n"] == {"N": "60"}


def test_queries_survive_writes_at_the_same_time(table: Table) -> None:
    def write(number: int) -> None:
        table.put({"k": {"S": str(number)}, "user": {"S": "u"}, "at": {"N": str(number)}})

    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, number) for number in range(150)]
        reads = [pool.submit(by_user, table) for _ in range(40)]
        for done in (*writes, *reads):
            done.result()
    assert by_user(table)["Count"] == 150


def test_a_failed_update_changes_nothing(table: Table) -> None:
    table.put({"k": {"S": "a"}, "n": {"N": "1"}, "text": {"S": "x"}})
    code, _ = error_of(lambda: table.update("a", "SET n = n + :one, z = :one ADD text :one", {":one": {"N": "1"}}))
    assert code == "ValidationException"
    assert table.get("a") == {"k": {"S": "a"}, "n": {"N": "1"}, "text": {"S": "x"}}
    code, _ = error_of(lambda: table.update("new", "SET n = n + :one", {":one": {"N": "1"}}))
    assert code == "ValidationException"
    assert table.get("new") is None


def test_a_failed_condition_can_return_the_item(table: Table) -> None:
    table.put({"k": {"S": "a"}, "lease": {"N": "7"}})
    with pytest.raises(ClientError) as raised:
        table.update(
            "a",
            "SET lease = :new",
            {":new": {"N": "9"}, ":now": {"N": "5"}},
            ConditionExpression="attribute_not_exists(lease) OR lease < :now",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert raised.value.response["Item"]["lease"] == {"N": "7"}


def test_the_sparse_index_holds_only_items_with_both_keys(table: Table) -> None:
    table.put({"k": {"S": "zero"}, "user": {"S": "u"}, "at": {"N": "0"}})
    table.put({"k": {"S": "both"}, "user": {"S": "u"}, "at": {"N": "5"}})
    table.put({"k": {"S": "no time"}, "user": {"S": "u"}})
    table.put({"k": {"S": "no user"}, "at": {"N": "5"}})
    assert [item["k"]["S"] for item in by_user(table)["Items"]] == ["zero", "both"]
    table.update("both", "REMOVE #u SET x = :x", {":x": {"S": "1"}}, ExpressionAttributeNames={"#u": "user"})
    assert [item["k"]["S"] for item in by_user(table)["Items"]] == ["zero"]


@pytest.mark.parametrize("value", [{"S": "5"}, {"NULL": True}])
def test_an_index_key_of_the_wrong_type_is_refused(table: Table, value: dict[str, Any]) -> None:
    item = {"k": {"S": "a"}, "user": {"S": "u"}, "at": value}
    assert error_of(lambda: table.put(item))[0] == "ValidationException"
    table.put({"k": {"S": "a"}})
    assert error_of(lambda: table.update("a", "SET #a = :v", {":v": value}, ExpressionAttributeNames={"#a": "at"}))[
        0
    ] == ("ValidationException")


def test_an_empty_index_key_is_refused(table: Table) -> None:
    item = {"k": {"S": "a"}, "user": {"S": ""}, "at": {"N": "1"}}
    assert error_of(lambda: table.put(item))[0] == "ValidationException"


@pytest.mark.parametrize("forward", [True, False])
def test_pages_by_limit_in_order_even_if_the_last_item_is_gone(table: Table, forward: bool) -> None:
    for number in range(9):
        table.put({"k": {"S": f"k{number}"}, "user": {"S": "u"}, "at": {"N": str(number // 3)}})
    seen: list[str] = []
    options: dict[str, Any] = {}
    while True:
        page = by_user(table, Limit=2, ScanIndexForward=forward, **options)
        seen += [item["k"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        assert set(page["LastEvaluatedKey"]) == {"k", "user", "at"}
        options = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        if len(seen) == 4:
            table.client.delete_item(TableName=table.name, Key={"k": page["LastEvaluatedKey"]["k"]})
    assert sorted(seen) == [f"k{number}" for number in range(9)]
    assert [name[1:] for name in seen] == sorted(
        (name[1:] for name in seen), key=lambda n: int(n) // 3, reverse=not forward
    )


@pytest.mark.parametrize("operation", ["query", "scan"])
def test_a_page_ends_at_a_megabyte(table: Table, operation: str) -> None:
    for number in range(8):
        table.put({"k": {"S": str(number)}, "user": {"S": "u"}, "at": {"N": str(number)}, "blob": {"S": "x" * 300_000}})

    def page(**options: Any) -> dict[str, Any]:
        if operation == "scan":
            return table.client.scan(TableName=table.name, **options)
        return by_user(table, **options)

    first = page()
    assert 1 <= first["Count"] <= 4
    seen, options = first["Count"], {"ExclusiveStartKey": first["LastEvaluatedKey"]}
    while True:
        more = page(**options)
        seen += more["Count"]
        if "LastEvaluatedKey" not in more:
            break
        options = {"ExclusiveStartKey": more["LastEvaluatedKey"]}
    assert seen == 8


def test_an_item_over_400_kilobytes_is_refused(table: Table) -> None:
    assert error_of(lambda: table.put({"k": {"S": "a"}, "v": {"S": "x" * 409_700}}))[0] == "ValidationException"
    table.put({"k": {"S": "a"}, "v": {"S": "x" * 200_000}})
    assert error_of(lambda: table.update("a", "SET w = :w", {":w": {"S": "x" * 220_000}}))[0] == "ValidationException"
    assert set(table.get("a")) == {"k", "v"}


def test_items_expire(table: Table) -> None:
    table.client.update_time_to_live(
        TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    now = int(time.time())
    for key, expires in (("past", now - 10), ("future", now + 3600), ("ancient", now - 6 * 365 * 86_400)):
        table.put({"k": {"S": key}, "expires_at": {"N": str(expires)}})
    table.put({"k": {"S": "text"}, "expires_at": {"S": str(now - 10)}})
    table.put({"k": {"S": "never"}})
    deadline = time.monotonic() + 20
    while table.get("past") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert {k for k in ("future", "ancient", "text", "never") if table.get(k)} == {"future", "ancient", "text", "never"}


def test_reserved_words_need_a_name(table: Table) -> None:
    table.put({"k": {"S": "a"}})
    code, words = error_of(lambda: table.update("a", "SET status = :s", {":s": {"S": "x"}}))
    assert (code, "reserved" in words) == ("ValidationException", True)
