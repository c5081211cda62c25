"""The end of an account, carried on by the sweeper over the stand-in; and what happens when any step fails."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agents.sweeper import Sweeper
from gas import archives, aws, effects, erasure, topology
from gas.archives import Archive
from gas.config import Settings
from gas.erasure import Erasure
from gas.job import Job, JobStatus, Outcome
from gas.jobs import Conflict, JobStore
from gas.mail import Mail
from gas.shares import ShareStore
from gas.storage import input_key
from gas.tiers import Tiers
from gas.users import INDEX_LAG_SECONDS, BeingDeleted, Role, User, UserStore
from gas.webhooks import WebhookStore
from tests.conftest import AwsStandIn
from tests.deployment import Clock, Deployment, create, settings_of
from tests.fixtures import Lines
from tests.vault import archives_in

LEASE, OUTBOX = 90, 30
LABELS = ("claim", "job", "pause", "webhooks", "uploads", "last-claim", "receipt", "account")


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Place:
    """A deployment whose clock stands, its sweeper, and the mails that were sent."""

    deployment: Deployment
    clock: Clock
    sent: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = self.deployment.settings
        self.jobs = JobStore(aws.table(settings, "annotations"), self.clock, LEASE, OUTBOX)
        self.users = UserStore(aws.table(settings, "users"), self.clock, OUTBOX)
        self.tiers = Tiers.of(settings, self.jobs)
        self.shares = ShareStore(aws.table(settings, "shares"), self.jobs.table, self.clock)
        self.webhooks = WebhookStore.of(settings, self.users)
        self.storage = self.deployment.storage
        self.archives = archives.of(settings)
        self.sweeper = self.make_sweeper()

    def make_sweeper(self) -> Sweeper:
        shared: tuple[Any, ...] = (self.jobs, self.tiers, self.users, self.storage, self.archives)
        sweeper = Sweeper(self.deployment.settings, *shared, self.deployment.announcer, self.shares)
        stores = (self.jobs, self.shares, self.users, self.webhooks, self.storage, self.archives)
        ours = Erasure(*stores, self.sent.append, LEASE)
        # The same, but its mail is kept here; `Erasure.of` has a test of its own.
        sweeper.__dict__["erasure"] = ours
        return sweeper

    def user(self, email: str | None = None) -> User:
        user_id = str(uuid.uuid4())
        return self.users.sign_in(user_id, f"{user_id}@example.org" if email is None else email, "Ada")

    def mails(self, user: User) -> list[Mail]:
        return [mail for mail in self.sent if mail.to == user.email]

    def job(self, user: User) -> Job:
        """A PENDING job of this user."""
        return self.deployment.job(b"the user's data", user_id=user.user_id, submit_time=self.jobs.now())

    def completed(self, user: User) -> Job:
        mine = self.jobs.claim(self.job(user), "host:1")
        keys = [f"{user.user_id}/{mine.job_id}/result/1/{name}" for name in ("r", "i", "l", "c", "s")]
        bucket = self.deployment.settings.results_bucket
        for key in keys:
            self.storage.s3.put_object(Bucket=bucket, Key=key, Body=b"result")
        return self.jobs.complete(mine, Outcome(bucket, *keys, 6, 1, 1, 0, 0))

    def archived(self, user: User) -> Job:
        """An archived result, its objects gone from S3."""
        mine = self.tiers.claim_archiving(self.completed(user), "host:2")
        label = f"{user.user_id}/{mine.job_id}/1"
        made: Archive = self.archives.store(label, 3, iter([b"abc"]), lambda _: None)
        return self.tiers.archived(mine, made, user.tier_epoch)

    def sweep_until_gone(self, user: User, rounds: int = 30) -> int:
        """Sweep until the user's item is gone; returns how many seconds that took on our clock."""
        began = self.clock()
        for _ in range(rounds):
            try:
                self.sweeper.sweep()
            except Killed:
                self.sweeper = self.make_sweeper()
            if self.users.get(user.user_id) is None:
                return int(self.clock() - began)
            self.clock.move(30)
        raise AssertionError(f"still there: {self.users.get(user.user_id)}")

    def nothing_left(self, user: User) -> bool:
        s3, settings = self.storage.s3, self.deployment.settings
        listed = [
            found
            for bucket in (settings.inputs_bucket, settings.results_bucket)
            for found in s3.list_object_versions(Bucket=bucket, Prefix=user.user_id).get("Versions", [])
        ]
        vault = f"{settings.name_prefix}-archive"
        stored = archives_in(aws.client(settings, "glacier"), vault).values()
        labels = [label for label in stored if label.startswith(user.user_id)]
        return not listed and not labels and list(self.jobs.ids_of(user.user_id)) == []


@pytest.fixture(scope="module")
def settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One deployment for all of these tests: each minds only users of its own."""
    made = settings_of(tmp_path_factory.mktemp("erasure"))
    create(made, ["job-requests", "notify", "archive"], topology.load().tables, ["inputs", "results"])
    return made


@pytest.fixture
def place(settings: Settings) -> Iterator[Place]:
    yield Place(Deployment(settings), Clock(int(time.time())))
    effects.arm(None)


def test_an_account_goes_with_everything_it_had(place: Place) -> None:
    user, other = place.user(), place.user()
    running = place.jobs.claim(place.job(user), "host:1")
    jobs = [place.job(user), running, place.completed(user), place.archived(user)]
    kept = place.completed(other)
    share, _ = place.shares.create(jobs[2], 7, "")
    hook, _ = place.webhooks.create(user, "https://example.org/hook")
    hidden = erasure.begin(place.users, user.user_id)
    assert (hidden.delete_time, hidden.role, hidden.tier_epoch) == (place.users.now(), Role.FREE, 0)
    took = place.sweep_until_gone(user)
    assert took >= INDEX_LAG_SECONDS
    assert place.nothing_left(user)
    left = (place.shares.get(share.share_id), place.webhooks.get(hook.webhook_id), place.webhooks.secret(hook))
    assert left == (None, None, None)
    (mail,) = place.mails(user)
    assert f"{len(jobs)} jobs went with it." in mail.text
    assert place.jobs.owned(kept.job_id, other.user_id) is not None
    assert place.storage.head(str(kept.s3_results_bucket), str(kept.s3_key_result_file)) is not None
    assert place.users.get(other.user_id) == other


def test_running_work_is_stopped_and_waited_for(place: Place) -> None:
    user = place.user()
    mine = place.jobs.claim(place.job(user), "host:1")
    erasure.begin(place.users, user.user_id)
    place.sweeper.sweep()
    stopped = place.jobs.get(mine.job_id)
    assert stopped is not None
    assert (stopped.job_status, stopped.delete_time is None) == (JobStatus.CANCELLED, False)
    with pytest.raises(Conflict):
        place.jobs.heartbeat(mine, 1, 2)
    # Until its lease is over the worker may still write.
    key = f"{user.user_id}/{mine.job_id}/result/1/late"
    place.storage.s3.put_object(Bucket=place.storage.results_bucket, Key=key, Body=b"late")
    place.sweep_until_gone(user)
    assert place.nothing_left(user)


def test_a_job_that_the_index_shows_late_is_found(place: Place) -> None:
    user = place.user()
    erasure.begin(place.users, user.user_id)
    place.sweeper.sweep()
    # A request that was under way when the account was closed.
    late = place.job(user)
    place.clock.move(INDEX_LAG_SECONDS)
    place.sweeper.sweep()
    assert place.users.get(user.user_id) is not None
    place.sweep_until_gone(user)
    assert place.jobs.get(late.job_id) is None
    assert "One job went with it." in place.mails(user)[0].text


def test_a_deletion_of_the_owners_own_is_waited_for_and_not_counted(place: Place) -> None:
    user = place.user()
    archived = place.archived(user)
    place.jobs.mark_deleted(archived)
    erasure.begin(place.users, user.user_id)
    place.sweep_until_gone(user)
    assert place.nothing_left(user)
    assert "No job went with it." in place.mails(user)[0].text


def test_many_jobs_go_in_several_looks(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "MOST_JOBS_A_LOOK", 2)
    user = place.user()
    for _ in range(5):
        place.jobs.cancel(place.job(user).job_id)
    erasure.begin(place.users, user.user_id)
    for left in (3, 1, 0):
        place.sweeper.sweep()
        assert len(list(place.jobs.ids_of(user.user_id))) == left
    place.sweep_until_gone(user)
    assert "5 jobs went with it." in place.mails(user)[0].text


def test_uploads_that_became_no_job_go_too_but_none_of_a_new_account(place: Place) -> None:
    user = place.user()
    s3, bucket = place.storage.s3, place.storage.inputs_bucket
    s3.put_object(Bucket=bucket, Key=input_key(user.user_id, str(uuid.uuid4())), Body=b"unclaimed")
    begun = s3.create_multipart_upload(Bucket=bucket, Key=input_key(user.user_id, str(uuid.uuid4())))
    assert begun["UploadId"]
    place.clock.move(10)
    erasure.begin(place.users, user.user_id)
    place.sweep_until_gone(user)
    assert place.nothing_left(user)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, Prefix=user.user_id)
    s3.put_object(Bucket=bucket, Key=input_key(user.user_id, str(uuid.uuid4())), Body=b"newer")
    place.storage.delete_user(user.user_id, before=time.time() - 60)
    assert not place.nothing_left(user)


# Whoever comes in between


def test_nobody_can_change_or_enter_an_account_that_goes(place: Place) -> None:
    user = place.user()
    upgraded = place.users.set_role(user.user_id, Role.PREMIUM)
    gone = erasure.begin(place.users, user.user_id)
    assert (gone.role, gone.tier_epoch) == (upgraded.role, upgraded.tier_epoch)
    with pytest.raises(BeingDeleted):
        place.users.sign_in(user.user_id, "ada@example.org", "Ada")
    with pytest.raises(KeyError):
        place.users.set_role(user.user_id, Role.FREE)
    with pytest.raises(Conflict):
        place.users.set_institution(user.user_id, "Elsewhere")
    # The restorer was still at it: neither its note nor the sweeper's takes the deletion's attention away.
    place.clock.move(INDEX_LAG_SECONDS)
    assert not place.users.carried_out(upgraded)
    with pytest.raises(Conflict):
        place.users.announced(replace(upgraded, attention_at=gone.attention_at))
    assert place.users.get(user.user_id) == gone


def test_a_repeat_changes_nothing(place: Place) -> None:
    user = place.user()
    begun = erasure.begin(place.users, user.user_id)
    place.clock.move(60)
    assert erasure.begin(place.users, user.user_id) == begun
    with pytest.raises(KeyError):
        erasure.begin(place.users, str(uuid.uuid4()))


def test_whoever_was_held_up_cannot_touch_the_new_account(place: Place) -> None:
    user = place.user()
    erasure.begin(place.users, user.user_id)
    stale = place.users.get(user.user_id)
    assert stale is not None
    place.sweep_until_gone(user)
    anew = place.users.sign_in(user.user_id, "ada@example.org", "Ada")
    job = place.job(anew)
    with pytest.raises(Conflict):
        place.jobs.withdraw(job, place.users.being_deleted(stale))
    with pytest.raises(Conflict):
        place.users.claim_deletion(stale, LEASE)
    place.users.remove(stale)
    place.users.remove(anew)
    assert place.users.get(user.user_id) == anew
    assert place.jobs.get(job.job_id) == job


def test_two_sweepers_send_one_receipt(place: Place) -> None:
    user = place.user()
    erasure.begin(place.users, user.user_id)
    place.clock.move(INDEX_LAG_SECONDS)
    seen = place.users.get(user.user_id)
    assert seen is not None
    place.sweeper.erasure.carry_on(seen)
    with pytest.raises(Conflict):
        place.sweeper.erasure.carry_on(seen)
    assert len(place.mails(user)) == 1


def test_a_job_that_moves_on_meanwhile_is_seen_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    user = place.user()
    place.job(user)
    erasure.begin(place.users, user.user_id)

    def moved(*_: Any) -> Job:
        raise Conflict("its owner has just extended the lease")

    monkeypatch.setattr(place.jobs, "withdraw", moved)
    place.sweeper.sweep()
    monkeypatch.undo()
    place.sweep_until_gone(user)
    assert place.nothing_left(user)


# What fails


def test_a_job_that_cannot_be_withdrawn_stops_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    user = place.user()
    jobs = [place.job(user) for _ in range(3)]
    erasure.begin(place.users, user.user_id)
    withdraw = place.jobs.withdraw

    def refused(job: Job, account: Any) -> Job:
        if job.job_id == jobs[0].job_id:
            raise ClientError({"Error": {"Code": "TransactionCanceledException"}}, "TransactWriteItems")
        return withdraw(job, account)

    monkeypatch.setattr(place.jobs, "withdraw", refused)
    place.sweeper.sweep()
    assert [place.jobs.get(job.job_id) is None for job in jobs] == [False, True, True]
    monkeypatch.undo()
    place.sweep_until_gone(user)
    assert place.nothing_left(user)


@pytest.mark.parametrize("mode", list(effects.MODES))
@pytest.mark.parametrize("label", LABELS)
def test_an_account_goes_whatever_fails_once(place: Place, label: str, mode: str) -> None:
    user = place.user()
    place.archived(user)
    place.jobs.claim(place.job(user), "host:1")
    struck: list[str] = []

    def hook(reached: str, when: str) -> None:
        if not struck and reached == f"erasure.{label}" and when == effects.MODES[mode]:
            struck.append(reached)
            if mode.startswith("kill"):
                raise Killed
            effects.fail(mode, reached)

    erasure.begin(place.users, user.user_id)
    effects.arm(hook)
    place.sweep_until_gone(user)
    assert struck
    assert place.nothing_left(user)
    # SES cannot be asked whether a mail was sent: where its answer or the note of it is lost, there are two.
    unsure = (label, mode) in {
        ("receipt", "kill-after"),
        ("receipt", "timeout"),
        ("account", "kill-before"),
        ("account", "error"),
    }
    assert len(place.mails(user)) == 2 if unsure else 1
    assert all("2 jobs went with it." in mail.text for mail in place.mails(user))


def test_without_an_address_there_is_no_mail(place: Place) -> None:
    user = place.user(email="")
    erasure.begin(place.users, user.user_id)
    place.sweep_until_gone(user)
    assert place.mails(user) == []


def test_a_receipt_that_can_never_be_sent_keeps_no_account(place: Place, lines: Lines) -> None:
    def refuse(_: Mail) -> None:
        raise ClientError({"Error": {"Code": "MessageRejected", "Message": "not verified"}}, "SendEmail")

    user = place.user()
    place.sweeper.__dict__["erasure"] = replace(place.sweeper.erasure, send=refuse)
    erasure.begin(place.users, user.user_id)
    place.clock.move(INDEX_LAG_SECONDS)
    tries = 0
    while (seen := place.users.get(user.user_id)) is not None:
        place.clock.move(max((seen.attention_at or 0) - place.clock(), 0))
        place.sweeper.sweep()
        tries += 1
    assert tries == erasure.MOST_RECEIPTS
    events = [line["event"] for line in lines.all if line.get("user_id") == user.user_id]
    assert (events.count("receipt_failed"), events.count("receipt_given_up")) == (tries - 1, 1)


def test_objects_that_s3_does_not_let_go_of_are_waited_for(place: Place, faulty: AwsStandIn) -> None:
    user = place.user()
    place.jobs.cancel(place.job(user).job_id)
    erasure.begin(place.users, user.user_id)
    faulty.fault(service="s3", kind="error", code="AccessDenied")
    for _ in range(8):
        place.sweeper.sweep()
        place.clock.move(60)
    assert place.users.get(user.user_id) is not None
    assert place.mails(user) == []
    faulty.clear_faults()
    place.sweep_until_gone(user)
    assert place.nothing_left(user)


def test_the_receipt_is_sent_through_ses(place: Place, aws_standin: AwsStandIn) -> None:
    user = place.user()
    settings = place.deployment.settings
    ours = Erasure.of(settings, place.jobs, place.shares, place.users, place.storage, place.archives)
    place.sweeper.__dict__["erasure"] = ours
    erasure.begin(place.users, user.user_id)
    place.sweep_until_gone(user)
    (mail,) = aws_standin.outbox(to=user.email)
    assert mail["subject"] == "Your GAS account is deleted"
