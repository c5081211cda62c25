"""One user subscribes who has hundreds of archived results, and the restorer is killed in the middle."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from signal import SIGKILL
from typing import Any

from agents.restorer import PAUSE_SECONDS
from gas import submissions
from gas.archives import parcels
from gas.job import Job, JobStatus, ResultTier
from gas.storage import result_key
from gas.users import Role, User
from scripts.prove.doors import settings_of
from scripts.prove.fleet import TIMES, Fleet, ready, standin
from scripts.prove.outside import FILES, Outside, until
from scripts.prove.world import Broken

AGENTS = ("restorer", "thawer", "sweeper")
PATIENCE_SECONDS = 1800
# What one process may begin in a second, and one more where a second begins in the middle of a pause.
MOST_A_SECOND = round(1 / PAUSE_SECONDS) + 1


@dataclass(frozen=True)
class Report:
    """How many results came back, how many retrievals were begun for them, and the most in any one second."""

    results: int
    retrievals: int
    most_a_second: int
    seconds: float


def run(folder: Path, results: int) -> Report:
    """Subscribe, kill twice, and wait until every result is back. Raises Broken."""
    ready()
    with standin(EXPEDITED=0.3):
        settings = settings_of(folder, **TIMES)
        outside = Outside(settings)
        user = outside.user()
        jobs = [_archived(outside, user) for _ in range(results)]
        began = time.monotonic()
        with Fleet(settings, folder, AGENTS) as fleet:
            submissions.set_role(outside.users, outside.announcer, user.user_id, Role.PREMIUM)
            for wanted in (results // 3, results // 2, results):
                _await(lambda wanted=wanted: len(outside.retrievals()) >= wanted, f"{wanted} retrievals")  # type: ignore[misc]
                if wanted < results:
                    os.kill(fleet.pid("restorer"), SIGKILL)
            for job in jobs:
                _await(lambda job=job: outside.now(job).result_tier is ResultTier.HOT, "every result")  # type: ignore[misc]
            seconds = time.monotonic() - began
        return replace(_report(outside, jobs), seconds=seconds)


def _await(holds: Callable[[], bool], what: str) -> None:
    until(holds, what, PATIENCE_SECONDS, every=1.0)


def _archived(o: Outside, user: User) -> Job:
    """An ARCHIVED result, as quickly as it can be made."""
    new = o.new(user)
    keys = [result_key(user.user_id, new.job_id, 1, name) for name in FILES]
    bodies = {name: os.urandom(100) for name in FILES[:2]}
    files = [parcels.File(name, len(body), lambda body=body: iter([body])) for name, body in bodies.items()]  # type: ignore[misc]
    label = f"{user.user_id}/{new.job_id}/1"
    archive = o.archives.store(label, parcels.packed_size(files), parcels.pack(files), lambda _: None)
    names = ("result", "index", "log", "receipt", "summary")
    named: dict[str, Any] = {f"s3_key_{name}_file": key for name, key in zip(names, keys, strict=True)}
    job = replace(
        new,
        job_status=JobStatus.COMPLETED,
        result_tier=ResultTier.ARCHIVED,
        attempt=1,
        tier_attempt=1,
        s3_results_bucket=o.settings.results_bucket,
        complete_time=new.submit_time,
        mail_time=new.submit_time,
        results_file_archive_id=archive.archive_id,
        archive_size=archive.size,
        archive_tree_hash=archive.tree_hash,
        **named,
    )
    o.jobs.create(job)
    # It has been there for long: nobody looks at it of himself.
    return o.tiers.postpone(o.now(job), None)


def _report(o: Outside, jobs: list[Job]) -> Report:
    begun = o.retrieval_jobs()
    asked = Counter(str(job["ArchiveId"]) for job in begun)
    expected = {str(job.results_file_archive_id) for job in jobs}
    if set(asked) != expected or max(asked.values()) > 1:
        raise Broken(
            f"{len(expected - set(asked))} never retrieved, {sum(n > 1 for n in asked.values())} more than once"
        )
    moments = sorted(datetime.fromisoformat(str(job["CreationDate"])).timestamp() for job in begun)
    most = max(sum(start <= moment < start + 1 for moment in moments) for start in moments)
    if most > MOST_A_SECOND:
        raise Broken(f"{most} retrievals in one second")
    return Report(len(jobs), len(begun), most, 0.0)
