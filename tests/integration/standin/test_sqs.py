"""SQS as its documentation states it, where GAS leans on it."""

import json
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from tests.conftest import AwsStandIn


@dataclass
class Queue:
    sqs: Any
    url: str
    arn: str

    def send(self, body: str = "x", **options: Any) -> str:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)["MessageId"]

    def receive(self, wait: int = 0, count: int = 10, **options: Any) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            WaitTimeSeconds=wait,
            MaxNumberOfMessages=count,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **options,
        )
        return answer.get("Messages", [])

    def show_again(self, message: dict[str, Any], seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def attributes(self) -> dict[str, str]:
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]


@pytest.fixture
def make(aws_standin: AwsStandIn):
    sqs = aws_standin.client("sqs", config=Config(max_pool_connections=20))

    def make(**attributes: Any) -> Queue:
        url = sqs.create_queue(
            QueueName=f"q{uuid.uuid4().hex[:10]}", Attributes={name: str(value) for name, value in attributes.items()}
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Queue(sqs, url, arn)

    return make


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def dead_letter(make: Any, receives: int = 1) -> tuple[Queue, Queue]:
    grave = make()
    policy = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": receives})
    return make(VisibilityTimeout=0, RedrivePolicy=policy), grave


def test_no_message_goes_to_two_receivers_at_once(make: Any) -> None:
    queue = make(VisibilityTimeout=600)
    for start in range(0, 200, 10):
        entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
        queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    got: Counter[str] = Counter()

    def drain() -> None:
        while messages := queue.receive(count=3):
            got.update(message["Body"] for message in messages)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(drain)
    assert len(got) == 200
    assert set(got.values()) == {1}


def test_a_long_poll_ends_when_a_message_comes(make: Any) -> None:
    queue = make()
    got: list[Any] = []
    poll = threading.Thread(target=lambda: got.extend(queue.receive(wait=20)))
    poll.start()
    queue.send("late")
    poll.join(10)
    assert [message["Body"] for message in got] == ["late"]


def test_a_receiver_that_hung_up_swallows_nothing(aws_standin: AwsStandIn, make: Any) -> None:
    queue = make(VisibilityTimeout=600)
    short = Config(read_timeout=1, retries={"total_max_attempts": 1})
    impatient = aws_standin.client("sqs", config=short)
    with pytest.raises(HTTPClientError):
        impatient.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
    queue.send("not lost")
    assert [message["Body"] for message in queue.receive(wait=5)] == ["not lost"]


def test_delays_and_their_limits(make: Any) -> None:
    queue = make(DelaySeconds=900)
    queue.send("queue's own delay")
    queue.send("now", DelaySeconds=0)
    queue.send("soon", DelaySeconds=1)
    assert [message["Body"] for message in queue.receive()] == ["now"]
    assert queue.attributes()["ApproximateNumberOfMessagesDelayed"] == "2"
    assert [message["Body"] for message in queue.receive(wait=10)] == ["soon"]
    assert refused(lambda: queue.send(DelaySeconds=901))[0] == "InvalidParameterValue"
    assert refused(lambda: queue.send(DelaySeconds=-1))[0] == "InvalidParameterValue"


def test_visibility_hides_is_extended_and_given_back(make: Any) -> None:
    queue = make(VisibilityTimeout=1)
    queue.send()
    (first,) = queue.receive()
    queue.show_again(first, 600)
    assert queue.attributes()["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert queue.receive(wait=2) == []
    queue.show_again(first, 0)
    (second,) = queue.receive()
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert int(second["Attributes"]["ApproximateFirstReceiveTimestamp"]) >= int(second["Attributes"]["SentTimestamp"])


def test_no_visibility_over_twelve_hours(make: Any) -> None:
    queue = make()
    queue.send()
    (message,) = queue.receive()
    assert refused(lambda: queue.show_again(message, 43_201))[0] == "InvalidParameterValue"
    time.sleep(0.01)
    code, words = refused(lambda: queue.show_again(message, 43_200))
    assert code == "InvalidParameterValue"
    assert "beyond the limit [43200 seconds]" in words
    queue.show_again(message, 43_100)


def test_an_old_receipt_handle_neither_deletes_nor_extends(make: Any) -> None:
    queue = make(VisibilityTimeout=0)
    queue.send()
    (old,) = queue.receive()
    (new,) = queue.receive(VisibilityTimeout=600)
    queue.delete(old)
    queue.show_again(old, 0)
    assert queue.receive() == []
    queue.show_again(new, 0)
    (newest,) = queue.receive(VisibilityTimeout=600)
    queue.delete(newest)
    queue.delete(newest)
    code, words = refused(lambda: queue.show_again(newest, 5))
    assert (code, "does not exist" in words) == ("InvalidParameterValue", True)


def test_what_is_no_receipt_handle_is_refused(make: Any) -> None:
    queue, other = make(), make()
    other.send()
    for handle in ("rubbish", other.receive()[0]["ReceiptHandle"]):
        message = {"ReceiptHandle": handle}
        assert refused(lambda message=message: queue.delete(message))[0] == "ReceiptHandleIsInvalid"
        assert refused(lambda message=message: queue.show_again(message, 1))[0] == "ReceiptHandleIsInvalid"


def test_a_batch_fails_entry_by_entry(make: Any) -> None:
    queue = make()
    queue.send()
    (message,) = queue.receive()
    entries = [
        {"Id": "right", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60},
        {"Id": "wrong", "ReceiptHandle": "rubbish", "VisibilityTimeout": 60},
        {"Id": "long", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 43_201},
    ]
    answer = queue.sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["right"]
    assert {entry["Id"]: entry["Code"] for entry in answer["Failed"]} == {
        "wrong": "ReceiptHandleIsInvalid",
        "long": "InvalidParameterValue",
    }


def test_the_dead_letter_queue_gets_it_after_max_receives(make: Any) -> None:
    queue, grave = dead_letter(make, receives=2)
    sent = queue.send("poison", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    assert [len(queue.receive()) for _ in range(4)] == [1, 1, 0, 0]
    (buried,) = grave.receive()
    assert buried["MessageId"] == sent
    assert buried["MessageAttributes"]["k"]["StringValue"] == "v"
    assert buried["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    sources = queue.sqs.list_dead_letter_source_queues(QueueUrl=grave.url)["queueUrls"]
    assert sources == [queue.url]


def test_redrive_moves_messages_back_to_their_source(make: Any) -> None:
    queue, grave = dead_letter(make)
    sent = [queue.send(str(number)) for number in range(3)]
    for _ in range(2):
        queue.receive()
    queue.sqs.start_message_move_task(SourceArn=grave.arn)
    deadline = time.monotonic() + 20
    while (task := queue.sqs.list_message_move_tasks(SourceArn=grave.arn)["Results"][0])["Status"] != "COMPLETED":
        assert time.monotonic() < deadline, task
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    back = queue.receive(VisibilityTimeout=600)
    assert sorted(message["Body"] for message in back) == ["0", "1", "2"]
    assert not {message["MessageId"] for message in back} & set(sent)
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in back} == {"1"}
    assert grave.receive() == []


def test_only_a_dead_letter_queue_can_be_redriven(make: Any) -> None:
    queue = make()
    assert "Dead Letter Queue" in refused(lambda: queue.sqs.start_message_move_task(SourceArn=queue.arn))[1]


def test_a_slow_redrive_can_be_cancelled_and_excludes_another(make: Any) -> None:
    queue, grave = dead_letter(make)
    for number in range(5):
        queue.send(str(number))
    for _ in range(2):
        queue.receive()
    task = queue.sqs.start_message_move_task(SourceArn=grave.arn, MaxNumberOfMessagesPerSecond=1)
    assert refused(lambda: queue.sqs.start_message_move_task(SourceArn=grave.arn))
    queue.sqs.cancel_message_move_task(TaskHandle=task["TaskHandle"])
    deadline = time.monotonic() + 20
    while queue.sqs.list_message_move_tasks(SourceArn=grave.arn)["Results"][0]["Status"] != "CANCELLED":
        assert time.monotonic() < deadline
    assert int(grave.attributes()["ApproximateNumberOfMessages"]) > 0


def test_redrive_attributes_come_back(make: Any) -> None:
    queue, grave = dead_letter(make)
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]})
    queue.sqs.set_queue_attributes(QueueUrl=grave.url, Attributes={"RedriveAllowPolicy": allow})
    assert json.loads(grave.attributes()["RedriveAllowPolicy"])["redrivePermission"] == "byQueue"
    assert json.loads(queue.attributes()["RedrivePolicy"]) == {"deadLetterTargetArn": grave.arn, "maxReceiveCount": 1}
    policy = json.dumps({"deadLetterTargetArn": grave.arn, "maxReceiveCount": 3})
    stranger = make()
    attributes = {"RedrivePolicy": policy}
    assert refused(lambda: queue.sqs.set_queue_attributes(QueueUrl=stranger.url, Attributes=attributes))
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)


def test_sizes_and_characters(make: Any) -> None:
    queue = make()
    assert refused(lambda: queue.send("x" * (2**20 + 1)))[0] == "InvalidParameterValue"
    assert refused(lambda: queue.send("ä" * (2**19 + 1)))[0] == "InvalidParameterValue"
    assert refused(lambda: queue.send("\x00"))[0] == "InvalidMessageContents"
    queue.send("ä" * 2**19)


def test_message_groups_on_a_standard_queue_share_fairly(make: Any) -> None:
    queue = make(VisibilityTimeout=600)
    for number in range(6):
        queue.send(f"noisy {number}", MessageGroupId="noisy")
    noisy = queue.receive(count=3)
    assert {message["Attributes"]["MessageGroupId"] for message in noisy} == {"noisy"}
    queue.send("quiet", MessageGroupId="quiet")
    assert [message["Body"] for message in queue.receive(count=1)] == ["quiet"]


def test_deleted_queue_ends_a_long_poll_with_its_error(make: Any) -> None:
    queue = make()
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(queue.receive, 20)
        time.sleep(0.3)
        queue.sqs.delete_queue(QueueUrl=queue.url)
        with pytest.raises(ClientError, match="does not exist"):
            poll.result(10)


# --- SNS


def test_fan_out_raw_and_wrapped_with_group_and_attributes(aws_standin: AwsStandIn, make: Any) -> None:
    sns = aws_standin.client("sns")
    topic = sns.create_topic(Name=f"t{uuid.uuid4().hex[:8]}")["TopicArn"]
    raw, wrapped, delayed = make(), make(), make(DelaySeconds=900)
    for queue, is_raw in ((raw, "true"), (wrapped, "false"), (delayed, "true")):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": is_raw})
    attributes = {"kind": {"DataType": "String", "StringValue": "job"}}
    sns.publish(TopicArn=topic, Message='{"a":1}', MessageAttributes=attributes, MessageGroupId="user-1")
    (message,) = raw.receive(wait=5)
    assert message["Body"] == '{"a":1}'
    assert message["MessageAttributes"]["kind"]["StringValue"] == "job"
    assert message["Attributes"]["MessageGroupId"] == "user-1"
    (message,) = wrapped.receive(wait=5)
    assert json.loads(message["Body"])["Message"] == '{"a":1}'
    assert delayed.attributes()["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_deleted_subscriber_does_not_stop_the_others(aws_standin: AwsStandIn, make: Any) -> None:
    sns = aws_standin.client("sns")
    topic = sns.create_topic(Name=f"t{uuid.uuid4().hex[:8]}")["TopicArn"]
    gone, there = make(), make()
    for queue in (gone, there):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    gone.sqs.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=topic, Message="still")
    assert [message["Body"] for message in there.receive(wait=5)] == ["still"]
