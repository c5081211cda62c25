"""The events on the wire: versioned JSON, validated when written and when read.

A message carries identities, not truth: its reader looks the item up. Unknown fields are ignored, so a
newer sender may add some; an unknown type or version is refused.
"""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
Identity = Annotated[str, Field(pattern=UUID_PATTERN)]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    v: Literal[1] = 1
    user_id: Identity


class JobRequest(_Event):
    """A job waits to be annotated."""

    type: Literal["job-request"] = "job-request"
    job_id: Identity


class TableRequest(_Event):
    """A result's variant table cannot be read; `table` is its key, None where there was none."""

    type: Literal["table-request"] = "table-request"
    job_id: Identity
    table: str | None = None


class JobResult(_Event):
    """A job has come to its end, good or bad."""

    type: Literal["job-result"] = "job-result"
    job_id: Identity


class JobThaw(_Event):
    """An archived result may be on its way back, or have arrived: look."""

    type: Literal["job-thaw"] = "job-thaw"
    job_id: Identity


class SubscriptionUpgrade(_Event):
    """A user has become premium; `tier_epoch` says by which change of role."""

    type: Literal["subscription-upgrade"] = "subscription-upgrade"
    tier_epoch: int


class SubscriptionDowngrade(_Event):
    """A user has become a free one; `tier_epoch` says by which change of role."""

    type: Literal["subscription-downgrade"] = "subscription-downgrade"
    tier_epoch: int


Event = JobRequest | TableRequest | JobResult | JobThaw | SubscriptionUpgrade | SubscriptionDowngrade
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])

# Which topic carries which event.
TOPIC_OF: dict[type[_Event], str] = {
    JobRequest: "job-requests",
    TableRequest: "job-requests",
    JobResult: "job-results",
    JobThaw: "job-thaws",
    SubscriptionUpgrade: "subscription-upgrade",
    SubscriptionDowngrade: "subscription-upgrade",
}


class MalformedMessage(ValueError):
    """A body that no retry will make readable; str() says why, without the body."""


def parse(body: str) -> Event:
    """Read a message. Raises `MalformedMessage` for anything that is not one of our events."""
    try:
        return _ADAPTER.validate_json(_of_service(body) or body)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "body"
        raise MalformedMessage(f"{where}: {problem['msg']}") from None


_NOBODY = "00000000-0000-0000-0000-000000000000"


def _of_service(body: str) -> str | None:
    """What Glacier's or S3's own notice of a retrieval's end says, as one of our events; None for any other body.

    https://docs.aws.amazon.com/amazonglacier/latest/dev/api-describe-job-get.html (the notice has the same fields)
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    try:
        notice = json.loads(body)
        if notice.get("Action") == "ArchiveRetrieval":
            label = notice["JobDescription"]
        elif "Records" in notice:
            label = notice["Records"][0]["s3"]["object"]["key"]
        elif notice.get("Event") == "s3:TestEvent":
            # S3 tries a new notification out; there is no such job, so nothing is done.
            label = f"{_NOBODY}/{_NOBODY}"
        else:
            return None
        user_id, job_id = label.split("/")[:2]
        return json.dumps({"v": 1, "type": "job-thaw", "user_id": user_id, "job_id": job_id})
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None


def publish(sns: "SNSClient", topic_arn: str, event: Event) -> None:
    """Send an event. The user's id is the message group, so that SQS fair queues keep one user's flood
    from delaying the others.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """
    parameters: dict[str, Any] = {"TopicArn": topic_arn, "Message": event.model_dump_json()}
    sns.publish(**parameters, MessageGroupId=event.user_id)
