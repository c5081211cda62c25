"""A GAS deployment in the AWS stand-in, as small as a test needs, and what tests look at it with."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from gas import aws, messages, topology
from gas.aws import Secrets
from gas.config import Settings
from gas.job import Job
from gas.jobs import JobStore
from gas.messages import Event
from gas.queues import Delivery
from gas.shares import ShareStore
from gas.storage import Storage, input_key
from gas.submissions import Announcer
from gas.topology import resource_name
from gas.users import UserStore
from gas.webhooks import WebhookStore
from scripts.local import bootstrap
from tests.conftest import REGION

ACCOUNT = "123456789012"
SITE_URL = "http://127.0.0.1:8080"

T = TypeVar("T")
aws_client = aws.client


def settings_of(folder: Path, **changes: Any) -> Settings:
    """Settings whose names nothing else in the stand-in has, with times fit for a test."""
    prefix = f"t{uuid.uuid4().hex[:10]}"
    values: dict[str, Any] = {
        "region": REGION,
        "account_id": ACCOUNT,
        "name_prefix": prefix,
        "site_url": SITE_URL,
        "inputs_bucket": f"{prefix}-inputs",
        "results_bucket": f"{prefix}-results",
        "mail_from": "GAS <no-reply@gas.example>",
        "secrets_name": f"{prefix}/web",
        "bundles_dir": folder / "bundles",
        "scratch_dir": folder / "scratch",
        "heartbeat_seconds": 0.3,
        "progress_seconds": 0.05,
        "visibility_seconds": 2,
        "poll_seconds": 1,
        "grace_seconds": 5,
        "sweep_seconds": 0.2,
    }
    return Settings(**{**values, **changes})


ANY_SETTINGS = settings_of(Path("unused"))


def environment_of(settings: Settings) -> dict[str, str]:
    """The same settings as a process reads them."""
    return {f"GAS_{name.upper()}": str(value) for name, value in settings.model_dump().items()}


def create(
    settings: Settings, queues: Iterable[str] = (), tables: Iterable[str] = (), buckets: Iterable[str] = ()
) -> None:
    """Create these parts of the topology, and the topics that the queues read."""
    whole = topology.load()
    chosen = {name: whole.queues[name] for name in queues}
    part = replace(
        whole,
        queues=chosen,
        topics=tuple(dict.fromkeys(queue.topic for queue in chosen.values())),
        tables={name: whole.tables[name] for name in tables},
        buckets={name: whole.buckets[name] for name in buckets},
    )
    with patch.object(topology, "load", lambda: part), patch.object(aws, "client", lambda _, service: client(service)):
        bootstrap.apply(settings, Secrets("client", "secret", "key"))


@cache
def client(service: str) -> Any:
    """A client of this worker's stand-in, made once: it takes long."""
    return aws_client(ANY_SETTINGS, service)


@contextmanager
def clients_made_once() -> Iterator[None]:
    """Inside, `gas.aws` gives out again what it has made for the same endpoint: each takes a tenth of a second."""
    made: dict[Any, Any] = {}

    def once(kind: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def give(where: Settings | str, name: str, patience: aws.Patience = aws.STEADY) -> Any:
            region = where if isinstance(where, str) else where.region
            # A table is one deployment's; a client is anybody's.
            whose = where.name_prefix if isinstance(where, Settings) and kind == "table" else ""
            key = (kind, os.environ.get("AWS_ENDPOINT_URL"), region, whose, name, patience)
            if key not in made:
                made[key] = make(where, name, patience)
            return made[key]

        return give

    names = ("client", "regional", "table")
    with patch.multiple(aws, **{name: once(name, getattr(aws, name)) for name in names}):
        yield


@dataclass(frozen=True)
class Deployment:
    """What exists for one test. The environment must lead to the stand-in."""

    settings: Settings

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore.of(self.settings)

    @cached_property
    def users(self) -> UserStore:
        return UserStore.of(self.settings)

    @cached_property
    def shares(self) -> ShareStore:
        return ShareStore.of(self.settings, self.jobs)

    @cached_property
    def webhooks(self) -> WebhookStore:
        return WebhookStore.of(self.settings, self.users)

    @cached_property
    def storage(self) -> Storage:
        return Storage(client("s3"), self.settings.inputs_bucket, self.settings.results_bucket)

    @cached_property
    def announcer(self) -> Announcer:
        return Announcer(client("sns"), REGION, ACCOUNT, self.settings.name_prefix)

    @cached_property
    def sqs(self) -> Any:
        return client("sqs")

    def queue_url(self, short_name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=resource_name(self.settings.name_prefix, short_name))["QueueUrl"])

    def receive(self, short_name: str) -> list[dict[str, Any]]:
        """Take away all messages that are visible in a queue now."""
        url = self.queue_url(short_name)
        taken: list[dict[str, Any]] = []
        while True:
            found = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
            ).get("Messages", [])
            if not found:
                return taken
            for message in found:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken.extend(found)

    def events(self, short_name: str) -> list[Event]:
        """The same, read."""
        return [messages.parse(message["Body"]) for message in self.receive(short_name)]

    def left_in(self, short_name: str) -> int:
        """How many messages a queue holds, visible or not."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url(short_name), AttributeNames=["All"])
        return sum(
            int(attributes["Attributes"][name])
            for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        )

    def send(self, short_name: str, body: str | Event) -> None:
        """Put a message into a queue, past its topic."""
        text = body if isinstance(body, str) else body.model_dump_json()
        self.sqs.send_message(QueueUrl=self.queue_url(short_name), MessageBody=text)

    def job(self, content: bytes = b"", **fields: Any) -> Job:
        """A new PENDING job, its file uploaded, as the web layer leaves it, but not announced."""
        job = new_job(**fields)
        key = input_key(job.user_id, job.job_id)
        bucket = self.settings.inputs_bucket
        put = self.storage.s3.put_object(Bucket=bucket, Key=key, Body=content)
        job = replace(
            job,
            s3_inputs_bucket=bucket,
            s3_key_input_file=key,
            submit_time=fields.get("submit_time", self.jobs.now()),
            input_size=len(content),
            input_etag=put["ETag"],
            input_version=put["VersionId"],
            bundle=fields.get("bundle", "test-bundle"),
        )
        assert self.jobs.create(job)
        return self.now(job)

    def now(self, job: Job) -> Job:
        """The job as the table has it."""
        found = self.jobs.get(job.job_id)
        assert found is not None
        return found


def new_job(**fields: Any) -> Job:
    """A job that is in no table yet, of a user of its own."""
    user_id = str(uuid.uuid4())
    job = Job(
        job_id=str(uuid.uuid4()),
        user_id=user_id,
        user_email=f"{user_id}@example.org",
        input_file_name="sample.vcf",
        s3_inputs_bucket="inputs",
        s3_key_input_file="key",
        submit_time=1_000,
    )
    return replace(job, **fields)


def delivery(event: Event, receive_count: int = 1, last_receive: bool = False) -> Delivery:
    """A delivery as the consumer makes it."""
    return Delivery(event, str(uuid.uuid4()), receive_count, last_receive, threading.Event(), threading.Event())


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, seconds: float = 1_000_000) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds


def until(look: Callable[[], T], patience: float = 30.0, every: float = 0.05) -> T:
    """Look until something true is seen, and return it. Fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {patience} s")
        time.sleep(every)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These variables are set inside."""
    with patch.dict(os.environ, values):
        yield
