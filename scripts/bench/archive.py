"""How much memory the archiver and the thawer need, whatever the size of a result.

    python -m scripts.bench.archive [--sizes 100,1000] [--backend glacier-vault]

One result of so many megabytes of random bytes goes into the archive and, after its owner subscribes, back, through
real processes that start afresh for each size. Printed are the seconds of both ways and, for each process, the resident
memory before (it has the fork server's libraries in it) and the most it ever had.
"""

import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from gas import submissions
from gas.job import Job, ResultTier
from gas.messages import JobResult
from gas.users import Role, User
from scripts.prove.doors import settings_of
from scripts.prove.fleet import TIMES, Fleet, ready, standin
from scripts.prove.outside import Outside, until

MEGABYTE = 10**6
BACKENDS = ("glacier-vault", "s3-glacier")
PATIENCE_SECONDS = 1800
# Standard for what is too large for Expedited.
QUICK = {"EXPEDITED": 1.0, "STANDARD": 1.0, "RESTORE_EXPEDITED": 1.0, "RESTORE_STANDARD": 1.0}
# Real leases: a transfer of minutes has to keep its own.
LEASE = {"lease_seconds": 90, "visibility_seconds": 120, "heartbeat_seconds": 5.0}


class Synthetic(io.RawIOBase):
    """So many bytes that do not repeat within an archive's part, made as they are read."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = os.urandom(MEGABYTE + 7)
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        made = (self._block * (wanted // len(self._block) + 1))[:wanted]
        self._left -= wanted
        self.digest.update(made)
        return made


@click.command()
@click.option("--sizes", default="100,1000", show_default=True, help="Megabytes, comma-separated.")
@click.option("--backend", type=click.Choice(BACKENDS), default=None, help="By default one after the other.")
def main(sizes: str, backend: str | None) -> None:
    """Print a line for each size and backend."""
    ready()
    click.echo("backend          MB   in s  out s   archiver MB before, peak    thawer MB before, peak")
    for chosen in [backend] if backend else BACKENDS:
        for size in sizes.split(","):
            with tempfile.TemporaryDirectory(prefix="gas-bench-") as folder, standin(**QUICK):
                _measure(chosen, int(size) * MEGABYTE, Path(folder))


def _measure(backend: str, size: int, folder: Path) -> None:
    settings = settings_of(folder, archive_backend=backend, **{**TIMES, **LEASE})
    o = Outside(settings)
    user = o.user()
    job, digest = _result(o, user, size)
    with Fleet(settings, folder, ("archiver", "restorer", "thawer", "sweeper")) as fleet:
        until(lambda: _log_has(folder, "archiver") and _log_has(folder, "thawer"), "the processes to start")
        before = {agent: _memory(fleet.pid(agent), "VmRSS") for agent in ("archiver", "thawer")}
        o.announcer.publish(JobResult(user_id=user.user_id, job_id=job.job_id))
        into = _timed(lambda: o.now(job).result_tier is ResultTier.ARCHIVED)
        submissions.set_role(o.users, o.announcer, user.user_id, Role.PREMIUM)
        out = _timed(lambda: o.now(job).result_tier is ResultTier.HOT)
        peak = {agent: _memory(fleet.pid(agent), "VmHWM") for agent in ("archiver", "thawer")}
    back = hashlib.sha256()
    for chunk in o.storage.stream_whole(settings.results_bucket, str(o.now(job).s3_key_result_file)):
        back.update(chunk)
    if back.hexdigest() != digest:
        raise SystemExit("What came back is not what went in.")
    memory = "".join(f"{before[agent]:17,.0f} {peak[agent]:6,.0f}   " for agent in before)
    click.echo(f"{backend:13} {size // MEGABYTE:5} {into:6.1f} {out:6.1f} {memory}")


def _result(o: Outside, user: User, size: int) -> tuple[Job, str]:
    """A finished job with a result of that size, and its SHA-256."""
    job = o.finished(user)
    stream = Synthetic(size)
    o.storage.put_stream(stream, size, o.settings.results_bucket, str(job.s3_key_result_file), "application/gzip")
    return job, stream.digest.hexdigest()


def _timed(holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    until(holds, "the result to move", PATIENCE_SECONDS)
    return time.monotonic() - began


def _log_has(folder: Path, agent: str) -> bool:
    log = folder / f"{agent}.log"
    return log.exists() and "consumer_started" in log.read_text(encoding="utf-8")


def _memory(pid: int, what: str) -> float:
    """Resident memory in megabytes: `VmRSS` now, `VmHWM` at most so far. proc(5)"""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) * 1024 / MEGABYTE if found else 0.0


if __name__ == "__main__":
    main()
