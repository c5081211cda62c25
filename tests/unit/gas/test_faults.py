import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from gas.faults import explain


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "ReceiveMessage")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("ExpiredToken"), "credentials have expired"),
        (refusal("ExpiredTokenException"), "credentials have expired"),
        (refusal("AccessDenied"), "permission is missing"),
        (refusal("UnrecognizedClientException"), "refused the credentials"),
        (refusal("AWS.SimpleQueueService.NonExistentQueue"), "terraform apply"),
        (refusal("QueueDoesNotExist"), "was it deleted?"),
        (refusal("Throttling"), "Throttling"),
        (ClientError({}, "HeadObject"), "HeadObject"),
        (NoCredentialsError(), "instance profile"),
        (EndpointConnectionError(endpoint_url="http://x"), "cannot be reached"),
        (ReadTimeoutError(endpoint_url="http://x"), "cannot be reached"),
        (ParamValidationError(report="wrong shape"), "wrong shape"),
        (S3UploadFailedError("Failed to upload a to b"), "Failed to upload"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_an_error_in_words(error: Exception, words: str) -> None:
    said = explain(error)
    assert words in said
    assert "\n" not in said
