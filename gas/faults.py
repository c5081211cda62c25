"""What an AWS error means, in words for an operator's log."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_REFUSED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException"}
_NO_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


def explain(error: BaseException) -> str:
    """One line: what was wrong and, where it helps, what to look at."""
    # botocore's own words may have several lines.
    return " ".join(_explanation(error).split())


def _explanation(error: BaseException) -> str:
    match error:
        case ClientError():
            code = error.response.get("Error", {}).get("Code", "")
            if code in _EXPIRED:
                return f"the AWS credentials have expired ({code}); waiting for new ones"
            if code in _REFUSED:
                return f"AWS refused the credentials or the permission is missing ({error})"
            if code in _NO_QUEUE:
                return f"the queue does not exist ({code}); was it deleted? terraform apply makes it again"
            return str(error)
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return f"there are no AWS credentials ({error}); has the host its instance profile?"
        case ConnectionError() | HTTPClientError():
            return f"AWS cannot be reached ({error}); check the network and the endpoint"
        case BotoCoreError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"
