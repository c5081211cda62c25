"""The whole site over the stand-ins. One deployment per test worker; every test signs in as somebody of its own."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from gas import aws
from gas.aws import Secrets
from gas.config import Settings
from gas.job import Job, JobStatus, Outcome
from gas.storage import input_key, result_key
from gas.users import User
from scripts.local import bootstrap
from scripts.local.globus.server import serve
from tests.conftest import REGION, AwsStandIn
from tests.unit.webserver.browser import Browser
from webserver import services as web_services
from webserver.app import make_app
from webserver.services import Services

SITE_URL = "http://127.0.0.1:8080"
CLIENT_ID, CLIENT_SECRET = "11111111-2222-3333-4444-555555555555", "not-a-secret"
NATIVE_CLIENT_ID = "66666666-7777-8888-9999-000000000000"


class Clock:
    """The real time, moved by as much as a test says."""

    def __init__(self) -> None:
        self.moved = 0.0

    def __call__(self) -> float:
        return time.time() + self.moved


@pytest.fixture(scope="session")
def globus_url() -> Iterator[str]:
    """A Globus stand-in."""
    server, url = serve(
        "127.0.0.1",
        0,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        native_client_id=NATIVE_CLIENT_ID,
        redirect_uris=[f"{SITE_URL}/authcallback"],
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def deployment(
    aws_standin: AwsStandIn, globus_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A deployment in the stand-ins, and the environment that leads to it."""
    folder: Path = tmp_path_factory.mktemp("web")
    settings = Settings(
        region=REGION,
        account_id="123456789012",
        name_prefix=f"web-{uuid.uuid4().hex[:8]}",
        site_url=SITE_URL,
        inputs_bucket=f"inputs-{uuid.uuid4().hex}",
        results_bucket=f"results-{uuid.uuid4().hex}",
        mail_from="gas@example.org",
        secrets_name=f"web-{uuid.uuid4().hex[:8]}",
        globus_issuer=globus_url,
        globus_native_client_id=NATIVE_CLIENT_ID,
        bundles_dir=folder,
        scratch_dir=folder,
        free_window=300,
    )
    with patch.dict(os.environ, {**aws_standin.env, "GLOBUS_SDK_SERVICE_URL_AUTH": globus_url}):
        bootstrap.apply(settings, Secrets(CLIENT_ID, CLIENT_SECRET, "session-key-of-the-tests"))
        yield settings


@pytest.fixture(scope="session")
def built_services(deployment: Settings) -> tuple[Clock, Services]:
    """Making the SDK's clients takes longer than most tests, so that all tests of a worker share them."""
    clock = Clock()
    return clock, web_services.build(deployment, clock)


@pytest.fixture
def clock(built_services: tuple[Clock, Services]) -> Iterator[Clock]:
    """The clock of the services, at the real time when the test begins."""
    yield built_services[0]
    built_services[0].moved = 0.0


@pytest.fixture
def services(built_services: tuple[Clock, Services], clock: Clock) -> Services:
    """The real services of the deployment."""
    return built_services[1]


@pytest.fixture
def app(services: Services) -> Any:
    return make_app(services)


@pytest.fixture
def browser(app: Any) -> Browser:
    """A browser in which nobody has signed in."""
    return Browser(app, SITE_URL)


@dataclass
class Member:
    """Somebody who has signed in, and what the database knows of them."""

    browser: Browser
    user: User


def sign_in_somebody(app: Any, services: Services) -> Member:
    """Somebody new, in a browser of their own."""
    browser = Browser(app, SITE_URL)
    answer = browser.sign_in(f"u{uuid.uuid4().hex}@example.org")
    assert answer.status == 303, answer.text
    session = services.sessions.find(browser.cookies["gas"])
    assert session is not None
    user = services.users.get(session.user_id)
    assert user is not None
    return Member(browser, user)


@pytest.fixture
def member_of(app: Any, services: Services) -> Callable[[], Member]:
    """Signs somebody new in."""
    return lambda: sign_in_somebody(app, services)


@pytest.fixture
def member(member_of: Callable[[], Member]) -> Member:
    return member_of()


RECEIPT = "receipt.json"
FILES = {
    "annotated.vcf.gz": b"result bytes",
    "annotated.vcf.gz.tbi": b"index bytes",
    "log.txt": b"Read 3 records.\nLine 7 rejected: <b>REF</b> is not what the reference has.\n",
    RECEIPT: b"{}",
    "summary.json": b"{}",
}


@pytest.fixture
def job_in(services: Services) -> Callable[..., Job]:
    """Puts a job of a user into a state by the library's own transitions, with its objects in S3."""

    def make(
        user: User, status: JobStatus = JobStatus.COMPLETED, files: dict[str, bytes] | None = None, **fields: Any
    ) -> Job:
        jobs, storage = services.jobs, services.storage
        job_id = str(uuid.uuid4())
        key = input_key(user.user_id, job_id)
        storage.s3.put_object(Bucket=storage.inputs_bucket, Key=key, Body=b"##fileformat=VCFv4.3\n")
        job = Job(
            job_id=job_id,
            user_id=user.user_id,
            user_email=user.email,
            input_file_name=fields.pop("input_file_name", "sample.vcf"),
            s3_inputs_bucket=storage.inputs_bucket,
            s3_key_input_file=key,
            submit_time=fields.pop("submit_time", jobs.now()),
            input_size=21,
            bundle="mitochondrion",
        )
        job = replace(job, **fields)
        assert jobs.create(job)
        if status is JobStatus.PENDING:
            return _again(services, job)
        if status is JobStatus.CANCELLED:
            return jobs.cancel(job.job_id)
        job = jobs.claim(_again(services, job), "test-host")
        if status is JobStatus.RUNNING:
            return jobs.heartbeat(job, 250, 1000)
        if status is JobStatus.FAILED:
            return jobs.fail(job, "Line 3 has no POS column.", "REF123")
        keys = {name: result_key(user.user_id, job_id, job.attempt, name) for name in FILES}
        for name, body in {**FILES, **(files or {})}.items():
            storage.s3.put_object(Bucket=storage.results_bucket, Key=keys[name], Body=body)
        return jobs.complete(
            job,
            Outcome(
                s3_results_bucket=storage.results_bucket,
                s3_key_result_file=keys["annotated.vcf.gz"],
                s3_key_index_file=keys["annotated.vcf.gz.tbi"],
                s3_key_log_file=keys["log.txt"],
                s3_key_receipt_file=keys[RECEIPT],
                s3_key_summary_file=keys["summary.json"],
                result_size=12,
                records_read=3,
                records_annotated=1,
                records_passed=1,
                records_rejected=1,
            ),
        )

    return make


def _again(services: Services, job: Job) -> Job:
    stored = services.jobs.get(job.job_id)
    assert stored is not None
    return stored


@pytest.fixture(autouse=True)
def _fresh_secrets() -> Iterator[None]:
    yield
    aws.secrets.cache_clear()
