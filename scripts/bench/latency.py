"""How long a small job takes, from the click to the result, and how much of that is the service's own doing.

    python -m scripts.bench.latency [FILE] [--jobs 5]

Starts a whole service of its own, sends the file once to warm it up and then as often as asked, one job after the
other. Annotation is what the job's receipt says its stages took; everything else is the pipeline's overhead: upload,
submission, queue, the annotator's download, child process and upload, and the page that shows the end.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from scripts.local.environment import ROOT, settings_of
from scripts.local.ports import NoPort
from scripts.local.run import missing_bundle
from scripts.local.site import VisitFailed, Visitor
from scripts.local.stack import Stack
from scripts.local.supervision import NotReady

SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
LOGIN = "bench@example.org"
JOB_SECONDS = 120


class NotMeasured(Exception):
    """A job did not complete, so there is nothing to measure; says why."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one job as its owner saw them; `annotation` is what the receipt accounts for."""

    upload: float
    submit: float
    queue: float
    run: float
    annotation: float
    records: int

    @property
    def total(self) -> float:
        return self.upload + self.submit + self.queue + self.run

    @property
    def overhead(self) -> float:
        return self.total - self.annotation


def time_job(visitor: Visitor, file: Path) -> Timing:
    """Send the file and wait for its result. Raises NotMeasured, VisitFailed."""
    clicked = time.monotonic()
    ticket = visitor.upload(file)
    uploaded = time.monotonic()
    job_id = visitor.create_job(ticket)
    submitted = time.monotonic()
    left_queue: list[float] = []

    def watch(status: dict[str, Any]) -> None:
        if status["job"]["status"] != "PENDING" and not left_queue:
            left_queue.append(time.monotonic())

    status = visitor.wait(job_id, JOB_SECONDS, watch)
    ended = time.monotonic()
    if status["job"]["status"] != "COMPLETED":
        error = status["job"]["error"] or {}
        raise NotMeasured(f"A job ended {status['job']['status']}. {error.get('message', '')}")
    receipt = status["receipt"]
    return Timing(
        upload=uploaded - clicked,
        submit=submitted - uploaded,
        queue=left_queue[0] - submitted,
        run=ended - left_queue[0],
        annotation=sum(receipt["seconds"].values()),
        records=receipt["records"]["read"],
    )


def report(timings: list[Timing], limit: float) -> str:
    """A table of the jobs, then the medians in words."""
    names = ("upload", "submit", "queue", "run", "total", "annotation", "overhead")
    lines = ["job  " + "".join(f"{name:>12}" for name in names)]
    for number, timing in enumerate(timings, 1):
        lines.append(f"{number:>3}  " + "".join(f"{getattr(timing, name):12.3f}" for name in names))
    median = {name: statistics.median(getattr(timing, name) for timing in timings) for name in names}
    slowest = max(timing.total for timing in timings)
    lines += [
        f"\n{timings[0].records:,} records, from click to result: median {median['total']:.2f} s, slowest "
        f"{slowest:.2f} s (limit {limit:g} s).",
        f"Of the median, annotation takes {median['annotation']:.2f} s; the pipeline's overhead is "
        f"{median['overhead']:.2f} s.",
    ]
    return "\n".join(lines)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=SAMPLE)
@click.option("--jobs", type=click.IntRange(min=1), default=5, help="Jobs to measure, after one that is not.")
@click.option("--limit", type=float, default=5.0, help="Exit with status 1 where a job takes as many seconds or more.")
def main(file: Path, jobs: int, limit: float) -> None:
    """Measure the way of FILE (default: the mitochondrial sample) through a service of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    problem = missing_bundle(os.environ) or ("" if file.is_file() else f"There is no file {file}.")
    if problem:
        sys.exit(problem)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gas-latency-") as folder,
            Stack(Path(folder), settings_of(os.environ)) as stack,
        ):
            visitor = Visitor(stack.url)
            visitor.sign_in(LOGIN)
            time_job(visitor, file)
            timings = [time_job(visitor, file) for _ in range(jobs)]
    except (NotMeasured, VisitFailed, NotReady, NoPort) as error:
        sys.exit(f"Nothing was measured: {error}")
    print(report(timings, limit))
    if max(timing.total for timing in timings) >= limit:
        sys.exit(1)


if __name__ == "__main__":
    main()
