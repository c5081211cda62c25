"""`make demo`: the whole service, once, from signing in to the mail, with the receipt of what it did."""

import contextlib
import gzip
import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import click

from scripts import demo_life
from scripts.local.environment import settings_of
from scripts.local.ports import NoPort
from scripts.local.run import missing_bundle
from scripts.local.site import VisitFailed, Visitor
from scripts.local.stack import Stack
from scripts.local.supervision import NotReady

LOGIN = "ada@example.org"
JOB_SECONDS = 3600
MAIL_SECONDS = 30
SHOWN_VARIANTS = 5
SHOWN_TRANSCRIPTS = 3


class DemoFailed(Exception):
    """Something that had to happen did not; says what."""


@dataclass
class Steps:
    """The steps taken and the seconds each took, printed as they happen."""

    taken: list[tuple[str, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        print(f"{time.strftime('%H:%M:%S')} {name} …", flush=True)
        started = time.monotonic()
        yield
        self.taken.append((name, time.monotonic() - started))

    def table(self) -> str:
        width = max(len(name) for name, _ in self.taken)
        return "\n".join(f"  {name:<{width}}  {seconds:6.2f} s" for name, seconds in self.taken)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Annotate FILE with a service of its own on free ports; exit status 0 only if every step happened."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if not file.is_file():
        sys.exit(f"There is no file {file}.")
    problem = missing_bundle(os.environ)
    if problem:
        sys.exit(problem)
    folder = Path(tempfile.mkdtemp(prefix="gas-demo-"))
    steps = Steps()
    try:
        demonstrate(Stack(folder / "stack", {**demo_life.SHORT_TIMES, **settings_of(os.environ)}), file, folder, steps)
    except (DemoFailed, demo_life.LifeFailed, VisitFailed, NotReady, NoPort) as error:
        # What the processes wrote says why; it is the one thing worth keeping.
        sys.exit(f"\nThe demo failed: {error}\nThe logs are in {folder}/stack/logs.")
    shutil.rmtree(folder)
    print(f"\nSeconds each step took\n{steps.table()}")


def demonstrate(stack: Stack, file: Path, folder: Path, steps: Steps) -> None:
    """All steps, with a stack that is not started yet. Raises DemoFailed, LifeFailed, VisitFailed, NotReady, NoPort."""
    with steps.step("start the service"):
        stack.start()
    try:
        visitor = Visitor(stack.url)
        with steps.step(f"sign in as {LOGIN}"):
            visitor.sign_in(LOGIN)
        with steps.step(f"upload {file.name} ({file.stat().st_size:,} bytes)"):
            ticket = visitor.upload(file)
        with steps.step("annotate"):
            job_id = visitor.create_job(ticket)
            status = visitor.wait(job_id, JOB_SECONDS, show_progress)
        if status["job"]["status"] != "COMPLETED":
            error = status["job"]["error"] or {}
            raise DemoFailed(f"the job ended {status['job']['status']}. {error.get('message', '')}")
        with steps.step("download the result"):
            result = visitor.download(job_id, "result", folder / "result.vcf.gz")
            log = visitor.log(job_id)
        receipt = status["receipt"]
        check_result(receipt, result)
        with steps.step("wait for the mail"):
            mail = await_mail(stack, job_id)
        print(f"\n{log}\n{variant_table(result)}")
        print(f"\nMail to {', '.join(mail['to'])}: {mail['subject']}\n{indent(mail['text'])}\n")
        demo_life.follow(stack, visitor, job_id, result, steps.step)
    finally:
        with steps.step("stop the service"):
            stack.stop()


def show_progress(status: dict[str, Any]) -> None:
    """One line for each change of the job."""
    job = status["job"]
    done, total = job["progress"]["done"], job["progress"]["total"]
    counted = f", {done:,} of {total:,} records" if done and total else ""
    queued = f", number {status['queue_position']} in the queue" if status["queue_position"] else ""
    print(f"    {job['status']}{queued}{counted}", flush=True)


def check_result(receipt: dict[str, Any] | None, result: Path) -> None:
    """Hold the downloaded file against the receipt. Raises DemoFailed where they disagree."""
    if not receipt:
        raise DemoFailed("the job has no receipt.")
    with result.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != receipt["result"]["sha256"]:
        raise DemoFailed("the downloaded result is not the file that the receipt names (sha256).")
    records = receipt["records"]
    passed, rejected = sum(records["passed"].values()), sum(records["rejected"].values())
    if records["read"] != records["annotated"] + passed + rejected:
        raise DemoFailed(f"the receipt does not add up: {records}.")
    with gzip.open(result, "rb") as lines:
        written = sum(1 for line in lines if not line.startswith(b"#"))
    if written != records["annotated"] + passed:
        raise DemoFailed(f"the result has {written:,} records, the receipt {records['annotated'] + passed:,}.")


def await_mail(stack: Stack, job_id: str) -> dict[str, Any]:
    """The mail about the job. Raises DemoFailed when none comes, or more than one."""
    deadline = time.monotonic() + MAIL_SECONDS
    while True:
        mails = [mail for mail in stack.outbox() if job_id in mail["text"]]
        if len(mails) > 1:
            raise DemoFailed(f"{len(mails)} mails were sent about one job.")
        if mails:
            return mails[0]
        if time.monotonic() > deadline:
            raise DemoFailed(f"no mail was sent within {MAIL_SECONDS} seconds.")
        time.sleep(0.1)


def variant_table(result: Path) -> str:
    """The first annotated records of a result, and the first after them that do harm (impact HIGH), described."""
    first: list[list[str]] = []
    harmful: list[list[str]] = []
    fields: list[str] = []
    with gzip.open(result, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("##INFO=<ID=CSQ,"):
                fields = line.split("Format: ", 1)[1].rstrip('">\n').split("|")
            if line.startswith("#") or len(harmful) == SHOWN_VARIANTS:
                continue
            variant = describe_variant(line.rstrip("\n").split("\t", 8), fields)
            if variant and len(first) < SHOWN_VARIANTS:
                first.append(variant)
            elif variant and "|HIGH|" in line:
                harmful.append(variant)
    if not first:
        return "No variant was annotated: every record was passed through, and the receipt says why."
    shown = ["The first annotated variants", *chain(*first)]
    if harmful:
        shown += ["", "The first of those after them with a high impact", *chain(*harmful)]
    return "\n".join(shown)


def describe_variant(columns: list[str], fields: list[str]) -> list[str]:
    """The lines for one record, or none where it was not annotated."""
    chrom, pos, _, ref, alt, *_, info = columns[:8]
    values = dict(entry.partition("=")[::2] for entry in info.split(";"))
    if "CSQ" not in values or not fields:
        return []
    lines = [f"  {chrom}:{pos} {short(ref)}>{short(alt)}"]
    entries = [dict(zip(fields, entry.split("|"), strict=False)) for entry in values["CSQ"].split(",")]
    # The nearest first: a consequence at a distance is seldom what one looks for.
    entries.sort(key=lambda entry: int(entry.get("DISTANCE") or 0))
    for entry in entries[:SHOWN_TRANSCRIPTS]:
        words = [entry.get(name, "") for name in ("SYMBOL", "Consequence", "IMPACT", "HGVSc", "HGVSp")]
        lines.append(f"      {' '.join(word for word in words if word)}")
    overlay = [f"{name}={short(value, 40)}" for name, value in values.items() if name.startswith("MITOMAP")]
    if overlay:
        lines.append(f"      {' '.join(overlay)}")
    return lines


def short(text: str, most: int = 20) -> str:
    """An allele or a value that fits on a line."""
    return text if len(text) <= most else f"{text[: most - 8]}…({len(text):,})"


def indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines())


if __name__ == "__main__":
    main()
