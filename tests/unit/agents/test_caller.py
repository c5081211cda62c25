"""The caller over the stand-in and a user's real HTTPS server: told once, told again, given up, and never elsewhere."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError, ReadTimeoutError

from agents import caller as module
from agents.caller import Caller
from gas import effects, topology
from gas.config import Settings
from gas.jobs import Conflict, Job, JobStatus, Outcome
from gas.messages import JobRequest, JobResult
from gas.outbound import Outbound
from gas.queues import Delivery, Reject, Retry
from gas.users import User
from gas.webhooks import PAUSES, Call, CallState, Webhook
from tests.deployment import Deployment, create, delivery, settings_of
from tests.fixtures import Lines
from tests.receiver import Receiver, receiver
from tests.unit.agents.conftest import run_until

__all__ = ["receiver"]

ANYHOW = Attr("job_id").exists()
OUTCOME = Outcome("results", "r", "i", "l", "c", "s", 100, 10, 7, 2, 1)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Told:
    """A user with a webhook, and the process that calls it."""

    place: Deployment
    user: User
    hook: Webhook
    secret: str
    receiver: Receiver
    caller: Caller

    def job(self, **failure: str) -> Job:
        mine = self.place.jobs.claim(self.place.job(user_id=self.user.user_id), "host:1")
        return self.place.jobs.fail(mine, **failure) if failure else self.place.jobs.complete(mine, OUTCOME)

    def tell(self, job: Job, receive_count: int = 1, last: bool = False) -> None:
        self.caller.handle(told(job, receive_count, last))

    def calls(self, hook: Webhook | None = None) -> tuple[Call, ...]:
        found = self.place.webhooks.get((hook or self.hook).webhook_id)
        assert found is not None
        return found.calls

    def register(self, url: str) -> Webhook:
        user = self.place.users.get(self.user.user_id)
        assert user is not None
        return self.place.webhooks.create(user, url)[0]


def told(job: Job, receive_count: int = 1, last: bool = False) -> Delivery:
    return delivery(JobResult(user_id=job.user_id, job_id=job.job_id), receive_count, last)


@pytest.fixture(scope="module")
def told_settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_of(tmp_path_factory.mktemp("caller"))
    create(made, ["webhooks"], ["annotations", "users", "webhooks", "webhook-secrets"], ["inputs"])
    return made


@pytest.fixture
def one(told_settings: Settings, receiver: Receiver) -> Iterator[Told]:
    place = Deployment(told_settings)
    user = place.users.sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")
    hook, secret = place.webhooks.create(user, receiver.url())
    caller = Caller(told_settings, place.jobs, place.users, place.webhooks, receiver.outbound())
    yield Told(place, user, hook, secret, receiver, caller)
    effects.arm(None)


# What is told


def test_a_job_that_has_ended_is_told_once_and_signed(one: Told, lines: Lines) -> None:
    job = one.job()
    one.tell(job)
    (got,) = one.receiver.received
    data = json.loads(got.body)
    assert (data["type"], data["data"]["job_id"]) == ("job.completed", job.job_id)
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["webhook-id"] == f"{job.job_id}-{job.complete_time}"
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(one.secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    (call,) = one.calls()
    assert (call.state, call.tries, call.said) == (CallState.DELIVERED, 1, "answered 200")
    # The topic brings the job's name again, long after.
    for _ in range(2):
        one.tell(job)
    assert len(one.receiver.received) == 1
    assert one.place.now(job).webhook_time == job.complete_time
    assert one.secret not in repr(lines.all)


def test_a_failed_job_is_told_and_its_second_end_too(one: Told) -> None:
    job = one.job(message="Line 3 has no POS.")
    one.tell(job)
    again = one.place.jobs.retry(job.job_id)
    one.tell(again)
    ended = one.place.jobs.complete(one.place.jobs.claim(again, "host:1"), OUTCOME)
    ended = one.place.jobs.change(job.job_id, ANYHOW, complete_time=(job.complete_time or 0) + 1)
    one.tell(ended)
    types = [json.loads(got.body)["type"] for got in one.receiver.received]
    assert types == ["job.failed", "job.completed"]
    assert len({got.headers["webhook-id"] for got in one.receiver.received}) == 2


def test_nothing_is_told_of_what_is_not_an_end_or_not_the_users_any_more(one: Told) -> None:
    place = one.place
    running = place.jobs.claim(place.job(user_id=one.user.user_id), "host:1")
    cancelled = place.jobs.cancel(place.job(user_id=one.user.user_id).job_id)
    deleted = one.job()
    place.jobs.mark_deleted(deleted)
    strangers = place.jobs.complete(place.jobs.claim(place.job(user_id=str(uuid.uuid4())), "host:1"), OUTCOME)
    unknown = replace(deleted, job_id="00000000-0000-0000-0000-000000000000")
    for job in (running, cancelled, deleted, strangers, unknown):
        one.tell(job)
    late = one.job()
    place.users.mark_deleted(one.user.user_id)
    one.tell(late)
    assert one.receiver.received == []


def test_an_end_before_the_webhook_was_registered_is_not_told(one: Told) -> None:
    job = one.job()
    early = one.place.jobs.change(job.job_id, ANYHOW, complete_time=one.hook.created_time - 1)
    one.tell(early)
    assert one.receiver.received == []
    assert one.place.now(job).webhook_time is None


def test_any_other_event_is_rejected(one: Told) -> None:
    job = one.job()
    with pytest.raises(Reject, match="expected a job-result"):
        one.caller.handle(delivery(JobRequest(user_id=job.user_id, job_id=job.job_id)))


# What goes wrong at the other side


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_whoever_does_not_take_it_is_told_again_with_growing_pauses(one: Told, status: int) -> None:
    job = one.job()
    one.receiver.answer = (status, [("Location", "https://hooks.test/elsewhere")], b"")
    for tries, pause in enumerate(PAUSES, start=1):
        with pytest.raises(Retry) as retry:
            one.tell(job, tries)
        assert retry.value.after == pause
    (call,) = one.calls()
    assert (call.state, call.tries, call.said) == (CallState.WAITING, len(PAUSES), f"answered {status}")
    assert one.place.now(job).webhook_time is None
    one.receiver.answer = (204, [], b"")
    one.tell(job, len(PAUSES) + 1, last=True)
    (call,) = one.calls()
    assert (call.state, call.tries) == (CallState.DELIVERED, len(PAUSES) + 1)
    assert len({got.headers["webhook-id"] for got in one.receiver.received}) == 1


def test_after_the_last_try_it_is_given_up_and_is_no_dead_letter(one: Told) -> None:
    job = one.job()
    one.receiver.answer = (500, [], b"")
    one.tell(job, len(PAUSES) + 1, last=True)
    (call,) = one.calls()
    assert call.state is CallState.GIVEN_UP
    one.tell(job)
    assert len(one.receiver.received) == 1
    assert one.place.now(job).webhook_time == job.complete_time


def test_the_queue_counts_as_many_tries_as_there_are_pauses(one: Told) -> None:
    assert topology.load().queues["webhooks"].max_receives == len(PAUSES) + 1


def test_whoever_is_gone_for_good_is_not_told_again(one: Told) -> None:
    job = one.job()
    one.receiver.answer = (410, [], b"")
    one.tell(job)
    (call,) = one.calls()
    assert (call.state, call.said) == (CallState.GIVEN_UP, "answered 410")


def test_one_webhook_that_fails_does_not_repeat_the_others(one: Told) -> None:
    broken = one.register(f"https://hooks.test:{one.receiver.port}/broken")
    job = one.job()
    out = one.caller.outbound
    failing = replace(out, look_up=lambda host, port, **_: [(2, 1, 6, "", ("::1", port))])

    class Half:
        def post(self, url: str, *rest: Any) -> int:
            return (failing if url.endswith("/broken") else out).post(url, *rest)

    one.caller = replace(one.caller, outbound=Half())  # type: ignore[arg-type]
    with pytest.raises(Retry):
        one.tell(job)
    with pytest.raises(Retry):
        one.tell(job, 2)
    assert len(one.receiver.received) == 1
    (call,) = one.calls(broken)
    assert (call.state, call.tries, call.said) == (CallState.WAITING, 2, "nobody takes the connection")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "[fd00:ec2::254]"])
def test_a_name_that_leads_inside_by_now_is_not_called(one: Told, address: str) -> None:
    """It was public when it was registered. The rules here are a deployment's own."""
    inside = one.register(f"https://{address}/hook")
    job = one.job()
    one.caller = replace(one.caller, outbound=Outbound())
    # The other one's name is not in the DNS.
    one.tell(job)
    (call,) = one.calls(inside)
    assert call.state is CallState.GIVEN_UP
    assert "not public" in call.said
    assert one.receiver.received == []


def test_a_webhook_without_a_secret_is_not_called(one: Told) -> None:
    job = one.job()
    one.place.webhooks._secrets.delete_item(Key={"webhook_id": one.hook.webhook_id})
    one.tell(job)
    assert one.receiver.received == []


# What goes wrong at ours


@pytest.mark.parametrize("label", ["caller.send", "caller.note", "caller.settle"])
@pytest.mark.parametrize("mode", list(effects.MODES))
def test_whatever_fails_it_is_told_and_settled(one: Told, label: str, mode: str) -> None:
    job = one.job()
    struck: list[str] = []

    def hook(reached: str, when: str) -> None:
        if not struck and (reached, when) == (label, effects.MODES[mode]):
            struck.append(reached)
            if mode.startswith("kill"):
                raise Killed
            effects.fail(mode, label)

    effects.arm(hook)
    with pytest.raises((Killed, ClientError, ReadTimeoutError)):
        one.tell(job)
    one.tell(job, 2)
    assert struck
    # Between the answer and the note of it nobody knows: then it is told twice, under one id.
    unsure = (label == "caller.send" and effects.MODES[mode] == "after") or (
        label == "caller.note" and effects.MODES[mode] == "before"
    )
    assert len(one.receiver.received) == (2 if unsure else 1)
    assert len({got.headers["webhook-id"] for got in one.receiver.received}) == 1
    (call,) = one.calls()
    assert call.state is CallState.DELIVERED
    assert one.place.now(job).webhook_time == job.complete_time


def test_a_job_that_is_deleted_meanwhile_is_nobodys_fault(one: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    job = one.job()

    def gone(_: Job) -> Job:
        raise Conflict("gone")

    monkeypatch.setattr(one.place.jobs, "webhooks_told", gone)
    one.tell(job)
    assert len(one.receiver.received) == 1


# The process


def test_the_process_calls_until_its_signal(
    deploy: Callable[..., Deployment], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = ["annotations", "users", "webhooks", "webhook-secrets"]
    place = deploy(queues=["webhooks"], tables=tables, buckets=["inputs"])
    user_id = str(uuid.uuid4())
    user = place.users.sign_in(user_id, "ada@example.org", "Ada")
    place.webhooks.create(user, receiver.url())
    job = place.jobs.complete(place.jobs.claim(place.job(user_id=user_id), "host:1"), OUTCOME)
    assert job.job_status is JobStatus.COMPLETED
    for _ in range(2):
        place.announcer.publish(JobResult(user_id=user_id, job_id=job.job_id))
    monkeypatch.setattr(module, "CONCURRENCY", 1)
    # A dataclass's default is made by its `__init__`, which this replaces for the process in this test.
    monkeypatch.setattr(module, "Caller", lambda *given: Caller(*given, outbound=receiver.outbound()))

    run_until(module.main, place.settings, lambda: place.now(job).webhook_time and place.left_in("webhooks") == 0)
    assert len(receiver.received) == 1
