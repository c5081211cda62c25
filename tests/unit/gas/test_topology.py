import copy
import json
from importlib.resources import files

import pytest

from gas import topology
from gas.admin import job_numbers
from gas.messages import TOPIC_OF
from webserver.tickets import TICKET_SECONDS

RAW = json.loads(files("gas").joinpath("topology.json").read_text("utf-8"))


def test_what_exists() -> None:
    whole = topology.load()
    assert set(whole.queues) == {"job-requests", "notify", "webhooks", "archive", "restore", "thaw"}
    assert set(whole.tables) == {"annotations", "users", "sessions", "shares", "webhooks", "webhook-secrets"}
    assert whole.tables["sessions"].ttl_attribute == "expires_at"
    assert whole.tables["shares"].ttl_attribute == "remove_at"
    indexes = {index.name: index.includes for index in whole.tables["annotations"].indexes}
    assert set(indexes) == {"user_id_index", "attention_index", "finished_index"}
    # A job's results, its file's name and its owner's address are none of an operator's business.
    assert set(indexes["finished_index"] or ()) == set(job_numbers.SHOWN) - {"job_id", "complete_time"}
    assert whole.queues["archive"].delay_seconds == 300
    assert whole.queues["notify"].dead_letter_name == "notify-dlq"


def test_every_event_has_a_topic_that_exists() -> None:
    assert set(TOPIC_OF.values()) <= set(topology.load().topics)


def test_every_key_of_a_table_is_a_declared_attribute_and_no_other() -> None:
    """DynamoDB refuses a table with an attribute definition that no key uses."""
    for table in topology.load().tables.values():
        keys = {table.hash_key} | {key for index in table.indexes for key in (index.hash_key, index.range_key)}
        assert keys == set(table.attributes), table.name


def test_times_are_within_what_sqs_takes() -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    whole = topology.load()
    assert 60 <= whole.message_retention_seconds <= 1_209_600
    for queue in whole.queues.values():
        assert 0 <= queue.delay_seconds <= 900
        assert 0 <= queue.visibility_seconds <= 43_200
        assert queue.max_receives >= 2


def test_nothing_of_an_upload_is_removed_while_its_ticket_lives() -> None:
    for bucket in topology.load().buckets.values():
        for days in (bucket.abort_multipart_days, bucket.expire_unclaimed_days):
            assert days is None or days * 86_400 > TICKET_SECONDS


def test_a_queue_of_an_unknown_topic_is_refused() -> None:
    raw = copy.deepcopy(RAW)
    raw["queues"]["notify"]["topic"] = "rumours"
    with pytest.raises(KeyError, match="rumours"):
        topology.parse(raw)


@pytest.mark.parametrize("change", [{"topic": None}, {"colour": "blue"}])
def test_a_queue_with_missing_or_unknown_fields_is_refused(change: dict[str, str | None]) -> None:
    raw = copy.deepcopy(RAW)
    fields = {**raw["queues"]["notify"], **change}
    raw["queues"]["notify"] = {name: value for name, value in fields.items() if value is not None}
    with pytest.raises(TypeError):
        topology.parse(raw)


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_arns_of_a_topic_and_a_queue(region: str, partition: str) -> None:
    arn = topology.topic_arn(region, "123456789012", "lab", "job-requests")
    assert arn == f"arn:{partition}:sns:{region}:123456789012:lab-job-requests"
    arn = topology.queue_arn(region, "123456789012", "lab", "notify")
    assert arn == f"arn:{partition}:sqs:{region}:123456789012:lab-notify"
