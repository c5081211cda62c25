"""The AWS account that `gas ops` works on: what leads into it, and whose hosts are meant."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from gas import aws


class NotPossible(Exception):
    """What was asked for cannot be done; str() says why, and what to do."""


@dataclass(frozen=True)
class Account:
    """One installation of GAS in one region."""

    region: str
    name_prefix: str
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    patience: aws.Patience = aws.STEADY
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """A boto3 client for the region; made once, it takes long."""
        if service not in self._clients:
            self._clients[service] = aws.regional(self.region, service, self.patience)
        return self._clients[service]


def here(region: str | None, name_prefix: str | None) -> Account:
    """From what the caller says, else GAS_REGION or the AWS SDK's own setting, else `gas`. Raises `NotPossible`."""
    found = region or os.environ.get("GAS_REGION") or boto3.session.Session().region_name
    if not found:
        raise NotPossible("Which region? Say --region, or set AWS_DEFAULT_REGION or GAS_REGION.")
    return Account(found, name_prefix or os.environ.get("GAS_NAME_PREFIX") or "gas")
