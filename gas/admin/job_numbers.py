"""What operators see of jobs: ids, states, times and sizes, of all users. No names, no variants, no way to a result.

Nothing here grows with the number of jobs: each look asks the two sparse indexes for a bounded number of items. What is
unfinished is in `attention_index`, what has ended in `finished_index`, newest first.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from gas import items
from gas.items import ATTENTION_SHARDS, LONGEST_REMINDER_SECONDS
from gas.job import UNFINISHED, JobStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# Items that one look reads of each shard. An item of the first index has up to two kilobytes, of the second a tenth of
# that: together a look costs some 500 read units at most.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
MOST_UNFINISHED, MOST_FINISHED = 1_000, 500
SHOWN = (
    "job_id",
    "job_status",
    "user_id",
    "submit_time",
    "start_time",
    "complete_time",
    "input_size",
    "records_read",
)
# Upper ends in seconds; what is older comes last.
AGES = (300, 3_600, 86_400)
MOST_SLOWEST, MOST_USERS = 10, 20


@dataclass(frozen=True)
class Seen:
    """One job as operators see it. Times in epoch seconds, the size in bytes."""

    job_id: str
    user_id: str
    job_status: JobStatus
    submit_time: int
    start_time: int | None = None
    complete_time: int | None = None
    input_size: int = 0
    records_read: int | None = None

    def age(self, now: int) -> int:
        """Seconds since it ended, or, where it has not, since it was submitted."""
        return max(now - (self.complete_time or self.submit_time), 0)

    def run_seconds(self, now: int) -> int:
        """How long its last attempt took, or has taken."""
        return 0 if self.start_time is None else max((self.complete_time or now) - self.start_time, 0)


@dataclass(frozen=True)
class Sample:
    """The jobs that one look saw. `whole`: there are no others; else of finished ones all since `since` are here."""

    jobs: tuple[Seen, ...]
    whole: bool
    since: int | None = None
    lease_owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """How many of the seen jobs are in a state; `ages` counts them by AGES, `oldest` in seconds."""

    status: JobStatus
    count: int
    ages: tuple[int, ...]
    oldest: int | None


@dataclass(frozen=True)
class Use:
    """What one user's seen jobs were: how many, bytes uploaded, seconds of annotating."""

    user_id: str
    jobs: int
    input_size: int
    run_seconds: int


def unfinished(table: "Table", now: int) -> Sample:
    """The jobs that wait or run, as far as a look goes."""
    wanted = Attr("job_status").is_in([str(status) for status in UNFINISHED]) & Attr("delete_time").not_exists()
    far = now + 2 * LONGEST_REMINDER_SECONDS
    found: list[dict[str, Any]] = []
    whole = True
    for shard in range(ATTENTION_SHARDS):
        keys = Key("attention_shard").eq(str(shard)) & Key("attention_at").lte(far)
        some, all_of_it = _look(table, "attention_index", keys, MOST_UNFINISHED, wanted)
        found += some
        whole &= all_of_it
    owners = tuple(str(item["lease_owner"]) for item in found if "lease_owner" in item)
    return Sample(tuple(map(_seen, found)), whole, lease_owners=owners)


def finished(table: "Table") -> Sample:
    """The jobs that ended last, as far as a look goes."""
    jobs: list[Seen] = []
    cuts = []
    for shard in range(ATTENTION_SHARDS):
        keys = Key("finished_shard").eq(str(shard))
        some, all_of_it = _look(table, "finished_index", keys, MOST_FINISHED, newest_first=True)
        jobs += map(_seen, some)
        if not all_of_it:
            cuts.append(int(some[-1]["complete_time"]))
    if not cuts:
        return Sample(tuple(jobs), True)
    # Before that, a shard may hold jobs that were not looked at.
    since = max(cuts)
    return Sample(tuple(job for job in jobs if (job.complete_time or 0) >= since), False, since)


def states(sample: Sample, statuses: Iterable[JobStatus], now: int) -> list[State]:
    """The jobs of a sample by state and age."""
    return [_state(status, [job.age(now) for job in sample.jobs if job.job_status is status]) for status in statuses]


def slowest(jobs: Sequence[Seen], now: int) -> list[Seen]:
    """Those that took longest to annotate, the slowest first."""
    begun = [job for job in jobs if job.start_time is not None]
    return sorted(begun, key=lambda job: job.run_seconds(now), reverse=True)[:MOST_SLOWEST]


def use(jobs: Iterable[Seen], now: int) -> list[Use]:
    """Who used most of the annotators' time."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for job in jobs:
        counts[job.user_id] += 1
        sizes[job.user_id] += job.input_size
        seconds[job.user_id] += job.run_seconds(now)
    users = [Use(user_id, count, sizes[user_id], seconds[user_id]) for user_id, count in counts.items()]
    return sorted(users, key=lambda one: (one.run_seconds, one.jobs), reverse=True)[:MOST_USERS]


def percentile(values: Iterable[int], share: float) -> int | None:
    """The smallest value that is not below this share of them (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def seconds_to_result(sample: Sample) -> list[int]:
    """From submission to result, of the completed jobs: the metric JobSeconds, which the dashboard draws."""
    return [
        job.complete_time - job.submit_time
        for job in sample.jobs
        if job.job_status is JobStatus.COMPLETED and job.complete_time is not None
    ]


def _state(status: JobStatus, ages: list[int]) -> State:
    ends = (0, *AGES, math.inf)
    counts = (sum(low <= age < high for age in ages) for low, high in pairwise(ends))
    return State(status, len(ages), tuple(counts), max(ages, default=None))


def _seen(item: dict[str, Any]) -> Seen:
    known = {name: item[name] for name in SHOWN if name in item}
    return Seen(**{**known, "job_status": JobStatus(item["job_status"])})


def _look(
    table: "Table",
    index: str,
    keys: ConditionBase,
    most: int,
    condition: ConditionBase | None = None,
    newest_first: bool = False,
) -> tuple[list[dict[str, Any]], bool]:
    """Items of one shard, from one request; and whether that was all of them."""
    request = items.query(index, keys, condition)
    answer = table.query(**request, Limit=most, ScanIndexForward=not newest_first)
    return [items.native(item) for item in answer["Items"]], "LastEvaluatedKey" not in answer
