import errno
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from gas.annotation.reference import BundleError
from gas.host.failures import CLOCK_SECONDS, NotReady, check_clock, in_words

NOW = 1_800_000_000


def refused(code: str, date: float = NOW) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPHeaders": {"date": formatdate(date, usegmt=True)}},
    }
    return ClientError(answer, "GetParametersByPath")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("ExpiredTokenException"), "the AWS credentials have expired"),
        (refused("AccessDeniedException"), "permission is missing"),
        (NoCredentialsError(), "has the host its instance profile?"),
        (OSError(errno.ENOSPC, "No space left on device", "/var/lib/gas/x"), "the disk is full (/var/lib/gas/x)"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "Read-only file system"),
        (BundleError("There is no reference bundle."), "There is no reference bundle."),
    ],
)
def test_each_failure_is_a_sentence_that_begins_with_what_was_done(error: Exception, said: str) -> None:
    with pytest.raises(NotReady) as failed, in_words("Reading", lambda: NOW):
        raise error
    assert str(failed.value).startswith("Reading: ")
    assert said in str(failed.value)


@pytest.mark.parametrize(("off", "said"), [(3600, "3,600 seconds ahead of"), (-3600, "3,600 seconds behind")])
def test_a_refusal_because_of_the_clock_says_the_clock(off: int, said: str) -> None:
    with pytest.raises(NotReady, match=f"The clock of this host is {said} AWS's"), in_words("Reading", lambda: NOW):
        raise refused("InvalidSignatureException", NOW - off)


def test_a_fault_of_ours_stays_one() -> None:
    with pytest.raises(ZeroDivisionError), in_words("Reading"):
        raise ZeroDivisionError


@pytest.mark.parametrize("answer", [{}, {"HTTPHeaders": {"date": formatdate(NOW - CLOCK_SECONDS, usegmt=True)}}])
def test_a_clock_that_aws_takes_is_right(answer: dict[str, Any]) -> None:
    check_clock(answer, lambda: NOW)
