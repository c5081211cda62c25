"""Signatures as the specification has them, and webhooks in DynamoDB."""

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import replace

import pytest

from gas import aws, webhooks
from gas.items import Conflict
from gas.job import JobStatus
from gas.users import User, UserStore
from gas.webhooks import MOST_CALLS, MOST_WEBHOOKS, Call, CallState, Message, TooManyWebhooks, WebhookStore
from tests.deployment import Clock, create, new_job, settings_of

URL = "https://example.org/hook"
JOB_ID = str(uuid.UUID(int=7))


def call(number: int, state: CallState = CallState.DELIVERED) -> Call:
    return Call(f"m{number}", JOB_ID, state, 1, "answered 200", number)


# What is sent


def test_a_signature_is_that_of_the_specifications_libraries() -> None:
    """Its reference libraries test themselves with this message.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py
    """
    sent = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    headers = webhooks.signed_headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", sent, 1614265330)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_whoever_has_the_secret_can_check_a_message() -> None:
    secret = webhooks.SECRET_PREFIX + base64.b64encode(b"k" * 32).decode()
    sent = webhooks.message(
        replace(new_job(), job_status=JobStatus.COMPLETED, complete_time=1_700_000_000), "https://g"
    )
    headers = webhooks.signed_headers(secret, sent, 1_700_000_060)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + sent.body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(
        hmac.new(b"k" * 32, signed, hashlib.sha256).digest()
    ).decode("ascii")


def test_a_message_names_the_end_and_says_where_to_read_more() -> None:
    job = replace(new_job(submit_time=1_699_999_000), job_status=JobStatus.FAILED, complete_time=1_700_000_000)
    sent = webhooks.message(job, "https://gas.example")
    assert sent == webhooks.message(job, "https://gas.example")
    assert sent.message_id == f"{job.job_id}-1700000000"
    assert json.loads(sent.body) == {
        "type": "job.failed",
        "timestamp": "2023-11-14T22:13:20Z",
        "data": {
            "job_id": job.job_id,
            "status": "FAILED",
            "input_file_name": "sample.vcf",
            "submit_time": 1_699_999_000,
            "complete_time": 1_700_000_000,
            "page": f"https://gas.example/annotations/{job.job_id}",
            "api": f"https://gas.example/api/v1/jobs/{job.job_id}",
        },
    }
    again = webhooks.message(replace(job, complete_time=1_700_000_001), "https://gas.example")
    assert again.message_id != sent.message_id


# What is stored


@pytest.fixture(scope="module")
def users(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[UserStore, WebhookStore]:
    settings = settings_of(tmp_path_factory.mktemp("webhooks"))
    create(settings, tables=["users", "webhooks", "webhook-secrets"])
    found = UserStore(aws.table(settings, "users"))
    names = (aws.table(settings, name) for name in ("webhooks", "webhook-secrets"))
    return found, WebhookStore(*names, found.table, Clock(1_700_000_000))


@pytest.fixture
def store(users: tuple[UserStore, WebhookStore]) -> WebhookStore:
    return users[1]


@pytest.fixture
def user(users: tuple[UserStore, WebhookStore]) -> User:
    return users[0].sign_in(str(uuid.uuid4()), "ada@example.org", "Ada")


def again(users: tuple[UserStore, WebhookStore], user: User) -> User:
    found = users[0].get(user.user_id)
    assert found is not None
    return found


def test_a_secret_is_kept_apart_from_its_webhook(store: WebhookStore, user: User) -> None:
    webhook, secret = store.create(user, URL)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert store.get(webhook.webhook_id) == webhook
    assert secret not in repr(webhook)
    assert store.secret(webhook) == secret


def test_a_user_has_a_bounded_number_and_each_its_own_secret(
    users: tuple[UserStore, WebhookStore], store: WebhookStore, user: User
) -> None:
    made = [store.create(again(users, user), f"{URL}/{n}") for n in range(MOST_WEBHOOKS)]
    assert len({secret for _, secret in made}) == MOST_WEBHOOKS
    assert store.of_user(again(users, user)) == [webhook for webhook, _ in made]
    with pytest.raises(TooManyWebhooks):
        store.create(again(users, user), URL)
    with pytest.raises(Conflict):
        store.create(user, URL)


def test_what_is_removed_leaves_nothing(users: tuple[UserStore, WebhookStore], store: WebhookStore, user: User) -> None:
    first, _ = store.create(user, URL)
    second, _ = store.create(again(users, user), URL)
    store.remove(again(users, user), first.webhook_id)
    assert store.of_user(again(users, user)) == [second]
    assert (store.get(first.webhook_id), store.secret(first)) == (None, None)
    store.remove(again(users, user), second.webhook_id)
    assert again(users, user).webhook_ids is None


def test_no_webhook_is_made_for_an_account_that_goes(
    users: tuple[UserStore, WebhookStore], store: WebhookStore, user: User
) -> None:
    users[0].mark_deleted(user.user_id)
    with pytest.raises(Conflict):
        store.create(user, URL)
    assert again(users, user).webhook_ids is None


def test_the_latest_calls_are_kept_one_line_a_message(store: WebhookStore, user: User) -> None:
    webhook, _ = store.create(user, URL)
    store.note(webhook, call(0, CallState.WAITING))
    # By another process, which has not seen the first note.
    store.note(webhook, call(1))
    store.note(webhook, call(0))
    noted = store.get(webhook.webhook_id)
    assert noted is not None
    assert noted.calls == (call(1), call(0))
    assert (noted.call("m0"), noted.call("m9")) == (call(0), None)
    for number in range(2, MOST_CALLS + 3):
        store.note(noted, call(number))
    kept = store.get(webhook.webhook_id)
    assert kept is not None
    assert [one.message_id for one in kept.calls] == [f"m{number}" for number in range(3, MOST_CALLS + 3)]


def test_a_note_of_what_is_gone_writes_nothing(
    users: tuple[UserStore, WebhookStore], store: WebhookStore, user: User
) -> None:
    webhook, _ = store.create(user, URL)
    store.remove(again(users, user), webhook.webhook_id)
    store.note(webhook, call(1))
    assert store.get(webhook.webhook_id) is None


def test_a_note_that_finds_no_turn_is_tried_again_by_the_queue(
    store: WebhookStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = store.create(user, URL)
    store.note(webhook, call(0))
    monkeypatch.setattr(webhooks, "MOST_TRIES", 1)
    with pytest.raises(Conflict):
        store.note(webhook, call(1))
