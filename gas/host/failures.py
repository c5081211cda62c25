"""Why a host cannot begin its work, in a sentence that says what to look at."""

import errno
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gas.annotation.reference import BundleError
from gas.faults import explain
from gas.host.metadata import NoMetadata

# AWS refuses a signature whose time is further from its own than this.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
CLOCK_SECONDS = 300


class NotReady(Exception):
    """The host cannot begin; str() is the sentence."""


@contextmanager
def in_words(doing: str, now: Callable[[], float] = time.time) -> Iterator[None]:
    """What goes wrong inside is a NotReady that begins with what was being done."""
    try:
        yield
    except ClientError as error:
        check_clock(error.response.get("ResponseMetadata", {}), now)
        raise NotReady(f"{doing}: {explain(error)}.") from error
    except BotoCoreError as error:
        raise NotReady(f"{doing}: {explain(error)}.") from error
    except (NoMetadata, BundleError) as error:
        raise NotReady(f"{doing}: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotReady(f"{doing}: the disk is full ({error.filename}). Give the hosts larger volumes.") from error
        raise NotReady(f"{doing}: {error}.") from error


def check_clock(answer: Mapping[str, Any], now: Callable[[], float] = time.time) -> None:
    """Compare this host's clock with the date of an answer of AWS (its ResponseMetadata). Raises NotReady."""
    date = answer.get("HTTPHeaders", {}).get("date")
    if not date:
        return
    ahead = now() - parsedate_to_datetime(date).timestamp()
    if abs(ahead) > CLOCK_SECONDS:
        raise NotReady(
            f"The clock of this host is {abs(ahead):,.0f} seconds {'ahead of' if ahead > 0 else 'behind'} AWS's, which "
            "refuses requests that are signed so. `chronyc tracking` says whether the clock is being set."
        )
