"""The numbers of queues, as SQS has them."""

from collections.abc import Callable

from gas.admin import queue_numbers
from gas.admin.queue_numbers import Numbers
from gas.topology import load
from tests.deployment import Deployment, client


def test_what_waits_is_in_hand_is_delayed_and_is_dead(deploy: Callable[..., Deployment]) -> None:
    place = deploy(queues=tuple(load().queues))
    for queue, count in (("notify", 3), ("archive", 2), ("thaw-dlq", 4)):
        for _ in range(count):
            place.send(queue, "{}")
    sqs = client("sqs")
    sqs.receive_message(QueueUrl=place.queue_url("notify"), MaxNumberOfMessages=1, VisibilityTimeout=60)
    sqs.receive_message(QueueUrl=place.queue_url("thaw-dlq"), MaxNumberOfMessages=1, VisibilityTimeout=60)
    found = {numbers.name: numbers for numbers in queue_numbers.of_all(sqs, place.settings.name_prefix)}
    assert list(found) == list(load().queues)
    assert found["notify"] == Numbers("notify", waiting=2, in_hand=1, delayed=0, dead_letters=0)
    assert found["archive"] == Numbers("archive", waiting=0, in_hand=0, delayed=2, dead_letters=0)
    # One of them is being looked at: it is dead all the same.
    assert found["thaw"] == Numbers("thaw", waiting=0, in_hand=0, delayed=0, dead_letters=4)
