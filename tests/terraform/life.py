"""A life in which every process of a running service does everything that it ever does.

Most of it happens by itself. What a run meets once in a year is made to happen: processes die at the worst moment, an
object or an upload is left behind, time has passed.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gas import topology
from gas.items import shard_of
from gas.messages import JobThaw
from gas.topology import topic_arn
from scripts.local import fleet
from scripts.local.environment import ACCOUNT, REGION
from scripts.local.site import VisitFailed, Visitor, read_form
from scripts.local.stack import Stack
from tests.conftest import ROOT
from tests.deployment import until

SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
PATIENCE_SECONDS = 60
AGES_AGO = 1
SHORT_TIMES = {
    "GAS_FREE_WINDOW": "1",
    "GAS_LEASE_SECONDS": "3",
    "GAS_HEARTBEAT_SECONDS": "1",
    "GAS_VISIBILITY_SECONDS": "3",
    "GAS_PROGRESS_SECONDS": "0.2",
    "GAS_SWEEP_SECONDS": "0.5",
    "GAS_OUTBOX_SECONDS": "1",
    "GAS_POLL_SECONDS": "1",
    "GAS_GRACE_SECONDS": "3",
    "AWS_STANDIN_EXPEDITED_SECONDS": "0.3",
    "AWS_STANDIN_RESTORE_EXPEDITED_SECONDS": "0.3",
}


@dataclass
class Life:
    """One running service, its operator's hands in everything, and what was asked of fate."""

    stack: Stack
    faults: Path

    def __post_init__(self) -> None:
        self.s3 = self.stack.client("s3")
        self.dynamodb = self.stack.client("dynamodb")
        self.sns = self.stack.client("sns")
        self.sqs = self.stack.client("sqs")

    # What users do

    def user(self, login: str) -> "Browser":
        visitor = Browser(self.stack.url)
        visitor.sign_in(login)
        return visitor

    def submit(self, visitor: Visitor) -> str:
        return visitor.create_job(visitor.upload(SAMPLE))

    def annotated(self, visitor: Visitor) -> str:
        job_id = self.submit(visitor)
        assert visitor.wait(job_id, PATIENCE_SECONDS)["job"]["status"] == "COMPLETED"
        return job_id

    # What fate does

    def arm(self, *faults: str) -> None:
        """Each is an effect and how it fails, once (`gas.effects`)."""
        for fault in faults:
            (self.faults / fault).touch()

    def struck(self, *faults: str) -> None:
        """Wait until these have happened."""
        for fault in faults:
            until(lambda fault=fault: not (self.faults / fault).exists(), PATIENCE_SECONDS)  # type: ignore[misc]

    def leave_behind(self, bucket: str, *keys: str) -> None:
        """An object and an unfinished upload, as a process leaves them that is killed while it writes."""
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=b"left behind")
            self.s3.create_multipart_upload(Bucket=bucket, Key=key)

    def pass_time(self, job_id: str, **changes: Any) -> None:
        """Whoever waits for a time to come need not wait any more; `changes` are further attributes of the item."""
        due = {"attention_at": AGES_AGO, "attention_shard": shard_of(job_id)}
        self._write("gas-annotations", {"job_id": job_id}, {**due, **changes})

    def pass_time_of_user(self, user_id: str, **changes: Any) -> None:
        """The same for an account."""
        due = {"attention_at": AGES_AGO, "attention_shard": shard_of(user_id)}
        self._write("gas-users", {"user_id": user_id}, {**due, **changes})

    def pass_time_of_sessions(self) -> None:
        """All sessions were last used long ago."""
        for session in self.dynamodb.scan(TableName="gas-sessions")["Items"]:
            if session["kind"]["S"] == "session":
                self._write("gas-sessions", {"session_id": session["session_id"]["S"]}, {"seen_at": AGES_AGO})

    def _write(self, table: str, key: dict[str, str], changes: dict[str, Any]) -> None:
        self.dynamodb.update_item(
            TableName=table,
            Key={name: {"S": value} for name, value in key.items()},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
            ConditionExpression=f"attribute_exists({next(iter(key))})",
            ExpressionAttributeNames={f"#{name}": name for name in changes},
            ExpressionAttributeValues={f":{name}": _stored(value) for name, value in changes.items()},
        )

    def tell_thawer(self, job_id: str) -> None:
        event = JobThaw(user_id=str(self.item(job_id)["user_id"]), job_id=job_id)
        topic = topic_arn(REGION, ACCOUNT, "gas", "job-thaws")
        self.sns.publish(TopicArn=topic, Message=event.model_dump_json())

    def send_nonsense(self) -> None:
        """To every queue, so that every consumer rejects something."""
        for queue in ("job-requests", "notify", "webhooks", "archive", "restore", "thaw"):
            url = self.sqs.get_queue_url(QueueName=f"gas-{queue}")["QueueUrl"]
            self.sqs.send_message(QueueUrl=url, MessageBody="nonsense", DelaySeconds=0)

    def supervise(self, *words: str) -> None:
        self.stack.supervisorctl(*words)

    # What there is

    def item(self, job_id: str) -> dict[str, Any]:
        """The job's item, empty where there is none."""
        return self._read("gas-annotations", {"job_id": {"S": job_id}})

    def user_item(self, user_id: str) -> dict[str, Any]:
        """The account's item, empty where there is none."""
        return self._read("gas-users", {"user_id": {"S": user_id}})

    def _read(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        answer = self.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return {name: next(iter(value.values())) for name, value in answer.items()}

    def await_tier(self, job_id: str, tier: str) -> None:
        """Until the result is there, nobody holds it, and nothing is left to do."""

        def there() -> bool:
            item = self.item(job_id)
            if "retrieval_id" in item and "lease_owner" not in item:
                # Its notice may have come before anybody had noted the retrieval; then it is asked after.
                self.pass_time(job_id)
            busy = {"lease_owner", "stale_archive_id"} & set(item) or (tier == "ARCHIVED" and "attention_at" in item)
            return item["result_tier"] == tier and not busy

        until(there, PATIENCE_SECONDS, 0.2)

    def await_gone(self, job_id: str) -> None:
        """Until the job's item is removed; waits for leases count as over."""

        def gone() -> bool:
            with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
                self.pass_time(job_id, lease_until=AGES_AGO)
            return not self.item(job_id)

        until(gone, PATIENCE_SECONDS, 0.5)

    def archive(self, job_id: str) -> list[str]:
        """The key of an archive that nobody names, where archives are objects."""
        objects = self.stack.env["GAS_ARCHIVE_BACKEND"] == "s3-glacier"
        return [f"{self.folder(job_id)}/archive/9.tar"] if objects else []

    def folder(self, job_id: str) -> str:
        """Where everything of the job lies, in either bucket."""
        return f"{self.item(job_id)['user_id']}/{job_id}"


def _stored(value: Any) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


class Browser(Visitor):
    """A visitor who also uses what only pages have."""

    def open(self, *paths: str) -> None:
        """Look at pages; what they say is other tests' business."""
        for path in paths:
            with suppress(VisitFailed):
                self._get(f"{self.url}{path}")

    def upload_by_form(self, path: Path) -> str:
        """Upload without JavaScript; returns the ticket."""
        form = read_form(self._get(f"{self.url}/annotate").text, "drop-zone")
        landed = self._session.post(form.action, data=form.fields, files={"file": (path.name, path.read_bytes())})
        return parse_qs(urlsplit(landed.url).query)["ticket"][0]


def live(life: Life) -> None:
    """All of it. Fails where something does not happen."""
    # At their first message all of them fail once: AWS is busy.
    life.arm("annotator.claim error", "notifier.claim error", "archiver.claim error")
    life.send_nonsense()
    ada = life.user("ada@example.org")
    begin_uploads(life, ada)
    fail_jobs(life, ada)
    move_results(life, ada)
    tell_webhooks(life, ada)
    grace = life.user("grace@example.org")
    wake_thawer(life, grace)
    delete_jobs(life, grace)
    delete_account(life, grace)
    operate(life, life.user("dora@example.org"))
    ada.post("/logout", {})


def operate(life: Life, dora: Browser) -> None:
    """An operator looks, and has what cannot be handled moved back; it comes here again."""
    fleet.create_group(life.stack.client("ec2"), life.stack.client("autoscaling"), "gas", "web")
    for queue in topology.load().queues:
        url = life.sqs.get_queue_url(QueueName=f"gas-{queue}-dlq")["QueueUrl"]
        until(lambda url=url: _messages(life.sqs, url) > 0, PATIENCE_SECONDS)  # type: ignore[misc]
        dora.open(f"/operator/queues/{queue}")
        dora.post(f"/operator/queues/{queue}/redrive", {})
    dora.open("/operator")


def _messages(sqs: Any, url: str) -> int:
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(counts["ApproximateNumberOfMessages"])


def begin_uploads(life: Life, ada: Browser) -> None:
    """Uploads of every kind, finished and not."""
    ada.open("/readyz")
    ada.create_job(ada.upload_by_form(SAMPLE))
    begun = ada.post("/annotate/uploads", {"name": "sample.vcf", "size": 100})
    ada.post("/annotate/uploads/parts", {"ticket": begun["ticket"]})
    # Nothing was sent yet.
    ada.open(f"/annotate/job?ticket={begun['ticket']}")
    ada.post("/annotate/uploads/abort", {"ticket": begun["ticket"]})


def fail_jobs(life: Life, ada: Browser) -> None:
    """Jobs that are cancelled, whose file is gone, whose annotators die."""
    with life.stack.held("annotator"):
        cancelled, robbed, hopeless = life.submit(ada), life.submit(ada), life.submit(ada)
        ada.open(f"/annotations/{cancelled}", "/annotations", "/profile")
        ada.post(f"/annotations/{cancelled}/cancel", {})
        life.s3.delete_object(Bucket="gas-inputs", Key=f"{life.folder(robbed)}/input")
        version = life.item(robbed)["input_version"]
        life.s3.delete_object(Bucket="gas-inputs", Key=f"{life.folder(robbed)}/input", VersionId=version)
        # The message of this one was lost.
        life.pass_time(robbed)
        until(lambda: int(life.item(robbed)["attention_at"]) > AGES_AGO, PATIENCE_SECONDS)
        life.leave_behind("gas-results", f"{life.folder(hopeless)}/result/1/annotated.vcf.gz")
        died = {"job_status": "RUNNING", "attempt": 1, "faults": 5, "lease_owner": "host:1", "lease_until": AGES_AGO}
        life.pass_time(hopeless, **died)
        assert ada.wait(hopeless, PATIENCE_SECONDS)["job"]["status"] == "FAILED"
    assert ada.wait(robbed, PATIENCE_SECONDS)["job"]["status"] == "FAILED"
    life.leave_behind("gas-results", f"{life.folder(hopeless)}/result/1/annotated.vcf.gz")
    ada.post(f"/annotations/{hopeless}/retry", {})
    assert ada.wait(hopeless, PATIENCE_SECONDS)["job"]["status"] == "COMPLETED"
    life.leave_behind("gas-inputs", f"{life.folder(cancelled)}/input")
    life.leave_behind("gas-results", f"{life.folder(cancelled)}/result/1/a", *life.archive(cancelled))
    ada.post(f"/annotations/{cancelled}/delete", {})


def move_results(life: Life, ada: Browser) -> None:
    """A result into the archive and back, with deaths on the way."""
    life.arm("archiver.seal kill-before", "archiver.store kill-after")
    moved = life.annotated(ada)
    life.leave_behind("gas-results", f"{life.folder(moved)}/result/1/annotated.vcf.gz")
    life.struck("archiver.seal kill-before", "archiver.store kill-after")
    life.await_tier(moved, "ARCHIVED")
    life.leave_behind("gas-results", f"{life.folder(moved)}/result/t1/annotated.vcf.gz")
    life.arm("restorer.request kill-after", "restorer.carried-out error", "thawer.claim error", "thawer.put error")
    # Else the archive's notice may wake the thawer before the restorer is back.
    life.supervise("stop", "thawer")
    ada.post("/subscribe", {})
    life.struck("restorer.request kill-after", "restorer.carried-out error")
    life.supervise("start", "thawer")
    life.struck("thawer.put error")
    life.await_tier(moved, "HOT")
    for what in ("result", "index", "log", "receipt", "input"):
        ada.download(moved, what, life.faults.with_name(what))
    ada.open(*(f"/annotations/{moved}{page}" for page in ("", "/log", "/genome", "/genome/addresses")))
    share(life, ada, moved)
    # Once the index has settled, the change of role counts as carried out.
    user_id = str(life.item(moved)["user_id"])
    life.pass_time_of_user(user_id, role_time=AGES_AGO)
    until(lambda: not life.user_item(user_id).get("attention_at"), PATIENCE_SECONDS)
    ada.post("/unsubscribe", {})
    life.await_tier(moved, "ARCHIVED")


def share(life: Life, owner: Browser, job_id: str) -> None:
    """A link that somebody uses, and that its owner looks after."""
    made = owner.post(f"/annotations/{job_id}/shares", {"days": 1})
    guest = Browser(life.stack.url)
    entered = guest.post("/shared", {"token": made["url"]})
    guest.open(entered["location"], f"{entered['location']}/download/result")
    owner.open(f"/annotations/{job_id}/shares")
    owner.post(f"/annotations/{job_id}/shares/{made['share']['share_id']}/revoke", {})


def tell_webhooks(life: Life, ada: Browser) -> None:
    """A webhook whose name leads inside by the time that it is called: given up at once, and nobody is called."""
    # A public address by the rules, of a block that nobody has.
    made = ada.post("/profile/webhooks", {"url": "https://[2000::1]/hook"})["webhook"]
    life._write("gas-webhooks", {"webhook_id": made["webhook_id"]}, {"url": "https://127.0.0.1/hook"})
    life.arm("caller.send error")
    ended = life.annotated(ada)
    until(lambda: "webhook_time" in life.item(ended), PATIENCE_SECONDS)
    ada.open("/profile/webhooks")
    ada.post(f"/profile/webhooks/{made['webhook_id']}/remove", {})


def wake_thawer(life: Life, grace: Browser) -> None:
    """The message to the restorer is late: the thawer asks the archive itself, and dies over it."""
    woken = life.annotated(grace)
    life.await_tier(woken, "ARCHIVED")
    life.supervise("stop", "restorer")
    life.arm("restorer.request kill-after")
    grace.post("/subscribe", {})
    life.tell_thawer(woken)
    life.struck("restorer.request kill-after")
    # The sweeper wakes it once more.
    life.pass_time(woken, lease_until=AGES_AGO)
    life.await_tier(woken, "HOT")
    life.supervise("start", "restorer")
    grace.post("/unsubscribe", {})
    life.await_tier(woken, "ARCHIVED")


def delete_jobs(life: Life, grace: Browser) -> None:
    """Jobs that go while they are archived."""
    for fault in ("archiver.draft kill-before", "archiver.seal kill-before", "archiver.store kill-after"):
        life.arm(fault)
        going = life.annotated(grace)
        life.struck(fault)
        grace.post(f"/annotations/{going}/shares", {"days": 7})
        grace.post(f"/annotations/{going}/delete", {})
        life.await_gone(going)


def delete_account(life: Life, grace: Browser) -> None:
    """An account with all that may belong to one."""
    last = life.annotated(grace)
    life.await_tier(last, "ARCHIVED")
    grace.post(f"/annotations/{last}/shares", {"days": 30})
    grace.post("/profile/webhooks", {"url": "https://[2000::1]/hook"})
    folder, user_id = life.folder(last), str(life.item(last)["user_id"])
    life.leave_behind("gas-inputs", f"{folder}/input")
    life.leave_behind("gas-results", f"{folder}/result/1/a", *life.archive(last))
    # A session is noted as used now and then.
    life.pass_time_of_sessions()
    grace.open("/profile")
    grace.post("/profile/delete", {"confirm": "delete"})
    until(lambda: not life.item(last), PATIENCE_SECONDS)
    life.pass_time_of_user(user_id, delete_time=AGES_AGO)
    until(lambda: not life.user_item(user_id), PATIENCE_SECONDS)
