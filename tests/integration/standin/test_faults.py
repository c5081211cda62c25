"""Calls fail on order, in the service's own error form."""

import botocore.exceptions
import pytest
from botocore.config import Config

from tests.conftest import AwsStandIn

ONE_TRY = Config(retries={"total_max_attempts": 1}, signature_version="v4")


@pytest.fixture(autouse=True)
def _no_rules_left(aws_standin: AwsStandIn):
    yield
    aws_standin.clear_faults()


def _error_of(call) -> str:
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"]


def test_each_protocol_gets_its_own_form_of_error(aws_standin: AwsStandIn) -> None:
    calls = {
        "s3": ("ListBuckets", "SlowDown", lambda c: c.list_buckets()),
        "sqs": ("ListQueues", "ThrottlingException", lambda c: c.list_queues()),
        "sns": ("ListTopics", "Throttling", lambda c: c.list_topics()),
        "dynamodb": ("ListTables", "ProvisionedThroughputExceededException", lambda c: c.list_tables()),
        "glacier": ("ListVaults", "ServiceUnavailableException", lambda c: c.list_vaults(accountId="-")),
        "sesv2": ("ListEmailIdentities", "TooManyRequestsException", lambda c: c.list_email_identities()),
        "ec2": ("DescribeVpcs", "RequestLimitExceeded", lambda c: c.describe_vpcs()),
    }
    for service, (operation, code, call) in calls.items():
        scope = "ses" if service == "sesv2" else service
        aws_standin.fault(service=scope, operation=operation, kind="error", code=code, count=1)
        client = aws_standin.client(service, config=ONE_TRY)
        assert _error_of(lambda call=call, client=client: call(client)) == code, service
        call(client)


def test_a_time_out_after_the_effect_leaves_the_effect(aws_standin: AwsStandIn) -> None:
    sqs = aws_standin.client("sqs", config=ONE_TRY)
    url = sqs.create_queue(QueueName="effect")["QueueUrl"]
    aws_standin.fault(service="sqs", operation="SendMessage", kind="timeout_after_effect", count=1)
    with pytest.raises(botocore.exceptions.HTTPClientError):
        sqs.send_message(QueueUrl=url, MessageBody="said nothing, did it")
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_time_out_before_the_effect_leaves_nothing(aws_standin: AwsStandIn) -> None:
    sqs = aws_standin.client("sqs", config=ONE_TRY)
    url = sqs.create_queue(QueueName="no-effect")["QueueUrl"]
    aws_standin.fault(service="sqs", operation="SendMessage", kind="timeout", count=1)
    with pytest.raises(botocore.exceptions.HTTPClientError):
        sqs.send_message(QueueUrl=url, MessageBody="lost")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_call_done_twice(aws_standin: AwsStandIn) -> None:
    sqs = aws_standin.client("sqs", config=ONE_TRY)
    url = sqs.create_queue(QueueName="doubled")["QueueUrl"]
    aws_standin.fault(service="sqs", operation="SendMessage", kind="twice", match="doubled", count=1)
    sqs.send_message(QueueUrl=url, MessageBody="once")
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 2


def test_match_and_count_narrow_a_rule(aws_standin: AwsStandIn) -> None:
    s3 = aws_standin.client("s3", config=ONE_TRY.merge(Config(signature_version="s3v4")))
    s3.create_bucket(Bucket="fault-match")
    aws_standin.fault(service="s3", operation="PutObject", kind="error", code="InternalError", match="bad key")
    s3.put_object(Bucket="fault-match", Key="good", Body=b"1")
    assert _error_of(lambda: s3.put_object(Bucket="fault-match", Key="bad key", Body=b"1")) == "InternalError"
    assert [rule["fired"] for rule in aws_standin.faults()] == [1]


def test_probability_is_drawn_from_the_seed(aws_standin: AwsStandIn) -> None:
    sqs = aws_standin.client("sqs", config=ONE_TRY)

    def failures() -> list[int]:
        aws_standin.clear_faults()
        aws_standin.fault(service="sqs", operation="ListQueues", kind="error", code="X", probability=0.5, seed=7)
        failed = []
        for number in range(20):
            try:
                sqs.list_queues()
            except botocore.exceptions.ClientError:
                failed.append(number)
        return failed

    first = failures()
    assert 0 < len(first) < 20
    assert failures() == first


def test_a_rule_that_makes_no_sense_is_refused(aws_standin: AwsStandIn) -> None:
    import urllib.error

    with pytest.raises(urllib.error.HTTPError) as raised:
        aws_standin.fault(kind="explode")
    assert raised.value.code == 400
    assert b"must be one of" in raised.value.read()
