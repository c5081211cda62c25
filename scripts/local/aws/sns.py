"""SNS."""

from collections import deque
from typing import Any

from moto.sns.models import Subscription, Topic
from moto.sqs.exceptions import SQSException

REMEMBERED_NOTIFICATIONS = 100


def install() -> None:
    deliver, create = Subscription.publish, Topic.__init__

    # A queue that is gone or refuses the message fails that delivery, not the publisher and not the other
    # subscribers, as it does in moto.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    def publish(self: Subscription, *args: Any, **kwargs: Any) -> None:
        try:
            deliver(self, *args, **kwargs)
        except SQSException:
            return

    # moto remembers every notification for ever.
    def __init__(self: Topic, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        self.sent_notifications = deque(maxlen=REMEMBERED_NOTIFICATIONS)

    Subscription.publish = publish
    Topic.__init__ = __init__
