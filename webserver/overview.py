"""The numbers of the operator's page: put together at most twice a minute, however many operators look."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TTLCache

from gas.admin import job_numbers, queue_numbers
from gas.faults import explain
from gas.job import FINISHED, UNFINISHED
from gas.jobs import JobStore
from gas.ops import hosts
from gas.ops.account import Account
from gas.telemetry import logger

REMEMBERED_SECONDS = 30

log = logger(__name__)
Numbers = dict[str, Any]


class Overview:
    """What operators see, each part by itself: one that AWS does not tell is an `error`, and the others are there."""

    def __init__(self, account: Account, jobs: JobStore):
        self._account = account
        self._jobs = jobs
        self._known: TTLCache[str, Numbers] = TTLCache(1, REMEMBERED_SECONDS, timer=account.now)
        self._lock = threading.Lock()

    def get(self) -> Numbers:
        """`at` (epoch second), `queues`, `jobs`, `hosts`. Nobody may change what is returned."""
        with self._lock:
            if "all" not in self._known:
                self._known["all"] = self._look()
            return self._known["all"]

    def forget(self) -> None:
        """Look again at the next chance: something was changed."""
        with self._lock:
            self._known.clear()

    def _look(self) -> Numbers:
        now = self._jobs.now()
        owners: list[str] = []
        queues = _part(lambda: {"queues": self._queues()})
        jobs = _part(lambda: self._of_jobs(now, owners))
        return {"at": now, "queues": queues, "jobs": jobs, "hosts": _part(lambda: {"hosts": self._hosts(owners)})}

    def _queues(self) -> list[Numbers]:
        found = queue_numbers.of_all(self._account.client("sqs"), self._account.name_prefix)
        return [asdict(queue) for queue in found]

    def _of_jobs(self, now: int, owners: list[str]) -> Numbers:
        open_ones, ended = job_numbers.unfinished(self._jobs.table, now), job_numbers.finished(self._jobs.table)
        owners.extend(open_ones.lease_owners)
        seconds = job_numbers.seconds_to_result(ended)
        counted = [*job_numbers.states(open_ones, UNFINISHED, now), *job_numbers.states(ended, FINISHED, now)]
        return {
            "states": [asdict(state) for state in counted],
            # Of what waits and runs there is more than was counted; of what has ended, what is older.
            "more_unfinished": not open_ones.whole,
            "finished_since": ended.since,
            "seconds_to_result": {share: job_numbers.percentile(seconds, int(share) / 100) for share in ("50", "95")},
            "slowest_running": [_job(job, now) for job in job_numbers.slowest(open_ones.jobs, now)],
            "slowest_finished": [_job(job, now) for job in job_numbers.slowest(ended.jobs, now)],
            "users": [asdict(user) for user in job_numbers.use([*open_ones.jobs, *ended.jobs], now)],
        }

    def _hosts(self, owners: list[str]) -> list[Numbers]:
        shown = ("instance_id", "role", "zone", "version", "launched", "state", "health", "protected", "jobs")
        found = hosts.counted(hosts.find(self._account), owners)
        return [{name: getattr(host, name) for name in shown} for host in found]


def _part(look: Callable[[], Numbers]) -> Numbers:
    try:
        return {"error": None, **look()}
    except (BotoCoreError, ClientError) as error:
        log.exception("overview_failed")
        return {"error": explain(error)}


def _job(job: job_numbers.Seen, now: int) -> Numbers:
    return {**asdict(job), "run_seconds": job.run_seconds(now)}
