"""Every page of the site in every state worth looking at, for the screenshots and for the browser's tests.

A page that is in the table of routes and not here fails tests/unit/scripts/test_pages.py.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from gas.topology import load
from scripts.local import fleet
from scripts.local.environment import BUNDLE, BUNDLES, ROOT
from scripts.local.site import Visitor
from scripts.local.stack import Stack

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
# Routes that answer with HTML and are no page of their own, and those that answer with something else.
NOT_PAGES = {
    "/login": "leads to Globus",
    "/logout/globus": "leads to Globus",
    "/annotations/<id>/status": "a part of /annotations/<id>",
    "/annotations/<id>/download/<what>": "leads to storage",
    "/annotations/<id>/variants/export/<kind>": "a file",
    "/annotate/reference": "JSON",
    **{
        f"{whose}/genome/{part}": "read by the page's script"
        for whose in ("/annotations/<id>", "/shared/<share_id>")
        for part in ("addresses", "sequence", "sequence.fai", "names", "genes")
    },
    "/shared/<share_id>/status": "a part of /shared/<share_id>",
    "/shared/<share_id>/download/<what>": "leads to storage",
    "/shared/<share_id>/variants/export/<kind>": "a file",
    "/healthz": "JSON",
    "/readyz": "JSON",
}
# Ada has jobs of every kind, Ben is a premium user, Chidi has just signed in, Dora is an admin. A guest has a link.
PEOPLE = ("ada", "ben", "chidi", "dora")
GUEST = "guest"
SETTINGS = {
    "GAS_PROGRESS_SECONDS": "0.3",
    "GAS_POLL_SECONDS": "1",
    "GAS_FREE_WINDOW": "1800",
}
PATIENCE_SECONDS = 120
HOUR = 3600
COLUMNS = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
AN_UPLOAD = "A0231_tumour_vs_normal.mutect2.filtered.vcf"
HAND_WRITTEN = (
    "MT\t3243\t.\tA\tG\t.\t.\t.\n"
    "MT\t8993\t.\tT\tG\t.\t.\t.\n"
    "MT\t11778\t.\tT\tA\t.\t.\t.\n"
    "MT\t99999\t.\tT\tA\t.\t.\t.\n"
    "MT\t12\t.\tT\t<DEL>\t.\t.\t.\n"
    "chrUn_17\t12\t.\tT\tA\t.\t.\t.\n"
    "MT\tabc\t.\tT\tA\t.\t.\t.\n"
)


@dataclass(frozen=True)
class Shot:
    """One page: who looks at it (None: a stranger), its path, and what is done before it is looked at.

    `{name}` in the path is one of `Opened.values`.
    """

    name: str
    who: str | None
    path: str
    prepare: Callable[[Page], None] = lambda page: None


@dataclass(frozen=True)
class Opened:
    """A running service in which everything that the pages show exists. `values`: ids of jobs by kind, a ticket."""

    stack: Stack
    people: dict[str, Visitor] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def url(self, shot: Shot) -> str:
        return f"{self.stack.url}{shot.path.format_map(self.values)}"

    def cookies(self, shot: Shot) -> list[Any]:
        """The session of the one who looks, as Playwright takes it."""
        if shot.who is None:
            return []
        kept = self.people[shot.who].cookies
        return [{"name": cookie.name, "value": cookie.value or "", "url": self.stack.url} for cookie in kept]


def upload(page: Page) -> None:
    """A file under way, of which only the first part is sent, one too large, and one made against another assembly."""
    page.evaluate(
        """([name, columns]) => {
          const open = XMLHttpRequest.prototype.open;
          XMLHttpRequest.prototype.open = function (method, url) {
            if (/partNumber=[2-9]/.test(url)) this.send = () => {};
            open.call(this, method, url);
          };
          const carried = new DataTransfer();
          const places = Array.from({ length: 4000 }, (_, index) => 4 * index + 1);
          const records = places.map((place) => `MT\\t${place}\\t.\\tA\\tC\\t.\\t.\\tDP=30\\n`).join("");
          const start = new TextEncoder().encode(columns + records);
          for (const [size, called] of [[21e6, name], [60e6, "whole-genome.vcf"]]) {
            carried.items.add(new File([start, new Uint8Array(size - start.length)], called));
          }
          const mouse = columns.replace("#CHROM", "##contig=<ID=MT,length=16299>\\n#CHROM") + records;
          carried.items.add(new File([mouse], "C57BL6.mitochondrion.vcf"));
          document.getElementById("drop-zone").dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        [AN_UPLOAD, COLUMNS],
    )
    # The same words are read out beside the list.
    uploads = page.get_by_role("list", name="Uploads")
    uploads.get_by_text("39 %").wait_for()
    uploads.get_by_text("60 MB, and").wait_for()
    uploads.get_by_text("made against another assembly").wait_for()


def drawn(page: Page) -> None:
    """The genome view with everything in it."""
    page.locator("#genome[data-ready]").wait_for()
    page.wait_for_load_state("networkidle")


def open_columns(page: Page) -> None:
    """The column chooser."""
    page.locator("summary", has_text="Columns").click()


def open_deletion(page: Page) -> None:
    """The way to delete."""
    page.locator("summary", has_text="Delete this").click()


def focus(page: Page) -> None:
    """The keyboard on the primary button."""
    page.get_by_role("link", name="Download the result").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")


def job(kind: str, who: str = "ada", name: str = "") -> Shot:
    """The page of the job of that kind."""
    return Shot(name or f"annotation-{kind}", who, f"/annotations/{{{kind}}}")


SHOTS = (
    Shot("home", None, "/"),
    Shot("home-member", "ada", "/"),
    Shot("problem", None, "/authcallback?code=x&state=x"),
    Shot("not-found", "ada", "/annotations/00000000-0000-0000-0000-000000000000"),
    Shot("profile", "ada", "/profile"),
    Shot("profile-delete", "ada", "/profile", open_deletion),
    Shot("profile-premium", "ben", "/profile?done=saved"),
    Shot("account-deleted", None, "/profile/deleted"),
    Shot("subscribe", "ada", "/subscribe"),
    Shot("subscribe-premium", "ben", "/unsubscribe?done=subscribed"),
    Shot("annotate", "chidi", "/annotate"),
    Shot("annotate-uploading", "chidi", "/annotate", upload),
    Shot("annotate-confirm", "ada", "/annotate/job?ticket={ticket}"),
    Shot("annotations", "ada", "/annotations"),
    Shot("annotations-empty", "chidi", "/annotations"),
    Shot("annotations-none-cancelled", "chidi", "/annotations?status=CANCELLED"),
    job("completed", name="annotation"),
    Shot("annotation-focus", "ada", "/annotations/{completed}", focus),
    Shot("annotation-delete", "ada", "/annotations/{completed}", open_deletion),
    *(job(kind) for kind in ("rejects", "failed", "running", "pending", "cancelled", "expired")),
    *(job(kind, "ben") for kind in ("premium", "restoring")),
    Shot("log", "ada", "/annotations/{completed}/log"),
    Shot("log-none", "ada", "/annotations/{pending}/log"),
    Shot("variants", "ada", "/annotations/{completed}/variants"),
    Shot("variants-filtered", "ada", "/annotations/{completed}/variants?impact=MODERATE&max_af=0.01&limit=12"),
    Shot("variants-columns", "ada", "/annotations/{completed}/variants?limit=12", open_columns),
    Shot("variants-none", "ada", "/annotations/{completed}/variants?gene=NOTHING"),
    Shot("variants-wrong", "ada", "/annotations/{completed}/variants?max_af=7&region=1:9-2"),
    Shot("variant", "ada", "/annotations/{completed}/variants/100"),
    Shot("genome", "ada", "/annotations/{rejects}/genome?locus=MT:8993", drawn),
    Shot("genome-whole", "ada", "/annotations/{completed}/genome", drawn),
    Shot("shares", "ada", "/annotations/{completed}/shares"),
    Shot("shared", None, "/shared"),
    Shot("shared-job", GUEST, "/shared/{share}"),
    Shot("shared-variants", GUEST, "/shared/{share}/variants?impact=MODERATE&limit=12"),
    Shot("shared-variant", GUEST, "/shared/{share}/variants/100"),
    Shot("shared-genome", GUEST, "/shared/{share}/genome?locus=MT:8993", drawn),
    Shot("webhooks", "ada", "/profile/webhooks"),
    Shot("operator", "dora", "/operator"),
    Shot("operator-queue", "dora", "/operator/queues/archive"),
    Shot("operator-queue-empty", "dora", "/operator/queues/restore"),
    Shot("api", None, "/api"),
)


def matching(route: str, shots: tuple[Shot, ...] = SHOTS) -> list[Shot]:
    """The pages that a route of docs/routes.md leads to, such as `/annotations/<id>`."""
    pattern = re.compile(re.sub(r"<\w+>", "[^/]+", route))
    return [shot for shot in shots if pattern.fullmatch(shot.path.partition("?")[0])]


@contextmanager
def opened(stack: Stack, folder: Path) -> Iterator[Opened]:
    """Makes everything that the pages show; jobs that wait and run stay so for as long as this is open."""
    found = Opened(stack)
    for name in PEOPLE:
        found.people[name] = Visitor(stack.url)
        found.people[name].sign_in(f"{name}@example.org")
    ada, ben = found.people["ada"], found.people["ben"]
    ben.post("/subscribe", {})
    _ended(found, folder)
    _share(found)
    _dead_letters_and_hosts(stack)
    found.values["ticket"] = ada.upload(SAMPLE, "family-4.vcf.gz")
    found.values["running"] = _submit(ada, _write(folder / f"{'long-name-' * 8}.vcf", COLUMNS + _every_substitution()))
    _await_progress(ada, found.values["running"])
    with stack.held("annotator"):
        found.values["cancelled"] = _submit(ada, SAMPLE, "wrong-sample.vcf.gz")
        ada.post(f"/annotations/{found.values['cancelled']}/cancel", {})
        found.values["pending"] = _submit(ada, SAMPLE, "family-3.vcf.gz")
        yield found


def _ended(found: Opened, folder: Path) -> None:
    """Jobs that have ended in each way, some of them long ago."""
    ada, ben = found.people["ada"], found.people["ben"]
    diary = _write(folder / "notes.vcf", "Dear diary,\ntoday no variant was called.\n")
    jobs = {
        "completed": (ada, _submit(ada, SAMPLE)),
        "rejects": (ada, _submit(ada, _write(folder / "hand-written.vcf", COLUMNS + HAND_WRITTEN))),
        "failed": (ada, _submit(ada, diary)),
        "expired": (ada, _submit(ada, SAMPLE, "family-1.vcf.gz")),
        "premium": (ben, _submit(ben, SAMPLE)),
        "restoring": (ben, _submit(ben, SAMPLE, "cohort-2024.vcf.gz")),
    }
    for kind, (owner, job_id) in jobs.items():
        owner.wait(job_id, PATIENCE_SECONDS)
        found.values[kind] = job_id
    now = int(time.time())
    _note(found, "expired", submit_time=now - 2 * HOUR - 9, start_time=now - 2 * HOUR - 7, complete_time=now - 2 * HOUR)
    _note(found, "restoring", result_tier="RESTORING", retrieval_due=now + HOUR)


def _share(found: Opened) -> None:
    """A link to Ada's job, opened by somebody without an account."""
    path = f"/annotations/{found.values['completed']}/shares"
    made = found.people["ada"].post(path, {"days": "7", "note": "For Eva"})
    guest = found.people[GUEST] = Visitor(found.stack.url)
    answer = guest.post("/shared", {"token": made["url"]})
    found.values["share"] = answer["location"].rpartition("/")[2]


def _note(found: Opened, kind: str, **changes: str | int) -> None:
    """What has become of a job in a time that nobody wants to wait."""
    found.stack.client("dynamodb").update_item(
        TableName="gas-annotations",
        Key={"job_id": {"S": found.values[kind]}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in changes),
        ExpressionAttributeValues={
            f":{name}": {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in changes.items()
        },
    )


def _dead_letters_and_hosts(stack: Stack) -> None:
    """What the operator's page is about."""
    sqs = stack.client("sqs")
    dead = sqs.get_queue_url(QueueName=f"gas-{load().queues['archive'].dead_letter_name}")["QueueUrl"]
    for reason in ("a message of version 2; this release reads version 1", "no such user", ""):
        given = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
        sqs.send_message(QueueUrl=dead, MessageBody="{}", MessageAttributes=given)
    for role, size in (("web", 2), ("annotator", 3), ("utility", 1)):
        fleet.create_group(stack.client("ec2"), stack.client("autoscaling"), "gas", role, size)


def _every_substitution() -> str:
    """Records for a few seconds of work: what each base of the mitochondrion can be replaced with."""
    bases = (BUNDLES / BUNDLE / "sequence.bin").read_bytes().decode("ascii")
    return "".join(
        f"MT\t{position}\t.\t{old}\t{new}\t.\t.\t.\n"
        for position, old in enumerate(bases, start=1)
        for new in "ACGT"
        if old != new and old != "N"
    )


def _submit(visitor: Visitor, path: Path, name: str | None = None) -> str:
    return visitor.create_job(visitor.upload(path, name))


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="ascii")
    return path


def _await_progress(visitor: Visitor, job_id: str) -> None:
    """Until the annotator is in the middle of the job."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not visitor.status(job_id)["job"]["progress"]["done"]:
        if time.monotonic() > deadline:
            sys.exit("No annotator began the job.")
        time.sleep(0.1)
