"""Clients for AWS with GAS's time limits and retries.

The endpoint, credentials and region come from the SDK's own environment variables, so the same code
talks to AWS and to the local stand-in.
"""

import json
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from gas.config import Settings
from gas.topology import resource_name

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Patience:
    """How long a call may take: seconds to connect, seconds of silence, and tries in all."""

    connect_seconds: float
    read_seconds: float
    tries: int


# For agents. Above SQS's longest long poll of 20 s, or every empty poll would end as a read time-out.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
STEADY = Patience(5, 30, 5)
# For web requests: a service that hangs must not hold all threads of a web server.
QUICK = Patience(1, 5, 2)
# For what must not happen twice because an answer was lost.
ONCE = Patience(5, 30, 1)


def _config(region: str, patience: Patience) -> Config:
    return Config(
        region_name=region,
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        max_pool_connections=32,
        user_agent_extra="gas",
    )


# Clients may be shared between threads, sessions may not: one is touched under this lock only.
# https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
_making = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    """One for the process: each reads AWS's list of endpoints again, which takes a tenth of a second."""
    return boto3.session.Session()


def forget_credentials() -> None:
    """Clients that are made from now on look for credentials as the first one did: there may be others by now."""
    _session.cache_clear()


# boto3 still presigns for us-east-1 with SigV2, and for every region to the global host, which answers a browser's
# preflight with a redirect that no browser follows.
_S3 = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})


@overload
def client(settings: Settings, service: Literal["s3"], patience: Patience = STEADY) -> "S3Client": ...
@overload
def client(settings: Settings, service: Literal["sns"], patience: Patience = STEADY) -> "SNSClient": ...
@overload
def client(settings: Settings, service: Literal["sqs"], patience: Patience = STEADY) -> "SQSClient": ...
@overload
def client(settings: Settings, service: Literal["sesv2"], patience: Patience = STEADY) -> "SESV2Client": ...
@overload
def client(settings: Settings, service: str, patience: Patience = STEADY) -> Any: ...


def client(settings: Settings, service: str, patience: Patience = STEADY) -> Any:
    """A boto3 client; clients may be shared between threads (boto3's guide says so, of resources the contrary)."""
    return regional(settings.region, service, patience)


def regional(region: str, service: str, patience: Patience = STEADY) -> Any:
    """A boto3 client where there are no settings yet."""
    config = _config(region, patience)
    if service == "s3":
        config = config.merge(_S3)
    with _making:
        return _session().client(service, config=config)  # type: ignore[call-overload]


def table(settings: Settings, short_name: str, patience: Patience = STEADY) -> "Table":
    """A DynamoDB table by its short name, through a resource of its own (resources are not thread safe)."""
    with _making:
        resource: DynamoDBServiceResource = _session().resource("dynamodb", config=_config(settings.region, patience))
        return resource.Table(resource_name(settings.name_prefix, short_name))


@dataclass(frozen=True)
class Secrets:
    """What may not stand in the environment; `repr` shows none of it."""

    globus_client_id: str
    globus_client_secret: str
    session_key: str

    def __repr__(self) -> str:
        return "Secrets(…)"


@cache
def secrets(settings: Settings) -> Secrets:
    """Read the secret once. Raises KeyError with the name of a field that the secret lacks."""
    answer = client(settings, "secretsmanager").get_secret_value(SecretId=settings.secrets_name)
    raw = json.loads(answer["SecretString"])
    return Secrets(raw["globus_client_id"], raw["globus_client_secret"], raw["session_key"])
