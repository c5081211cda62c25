"""How many messages there are in each queue and among its dead letters."""

from dataclasses import dataclass
from typing import Any

from gas import topology
from gas.topology import resource_name

# What the dashboard draws as CloudWatch's ApproximateNumberOfMessagesVisible and so on, here as it is now.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
WAITING, IN_HAND, DELAYED = (f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed"))


@dataclass(frozen=True)
class Numbers:
    """One queue: messages that wait, that somebody handles, that wait for their time, and dead letters."""

    name: str
    waiting: int
    in_hand: int
    delayed: int
    dead_letters: int


def of_all(sqs: Any, name_prefix: str) -> list[Numbers]:
    """The numbers of every queue of the deployment."""
    found = []
    for spec in topology.load().queues.values():
        queue, dead = (_counts(sqs, resource_name(name_prefix, name)) for name in (spec.name, spec.dead_letter_name))
        found.append(Numbers(spec.name, queue[WAITING], queue[IN_HAND], queue[DELAYED], sum(dead.values())))
    return found


def _counts(sqs: Any, name: str) -> dict[str, int]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING, IN_HAND, DELAYED])["Attributes"]
    return {attribute: int(count) for attribute, count in counts.items()}
