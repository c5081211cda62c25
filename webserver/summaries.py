"""A result's counts, as summary.json has them: for the pictures on the job's page and the choices of its filter."""

import json
from dataclasses import dataclass, field
from typing import Any

from gas.job import Job
from gas.storage import Storage
from gas.telemetry import logger
from webserver.receipts import start_of

# A few hundred numbers for a genome; far more is none of ours.
MAX_SUMMARY_BYTES = 4 * 1024 * 1024
log = logger(__name__)

Counts = dict[str, int]


@dataclass(frozen=True)
class Stretch:
    """How many records begin in each of a contig's bins of `bin` bases."""

    length: int
    bin: int
    counts: list[int]


@dataclass(frozen=True)
class Summary:
    """What is counted; empty where the summary is older than the count, or cannot be read."""

    by_consequence: Counts = field(default_factory=dict)
    by_impact: Counts = field(default_factory=dict)
    by_type: Counts = field(default_factory=dict)
    substitutions: Counts = field(default_factory=dict)
    indel_lengths: Counts = field(default_factory=dict)
    by_frequency: Counts = field(default_factory=dict)
    ti_tv: float | None = None
    by_position: dict[str, Stretch] = field(default_factory=dict)


def read(storage: Storage, job: Job) -> Summary:
    """The job's summary."""
    raw = start_of(storage, job.s3_results_bucket, job.s3_key_summary_file, MAX_SUMMARY_BYTES)
    try:
        return of(json.loads(raw)) if raw else Summary()
    except (AttributeError, KeyError, TypeError, ValueError):
        log.exception("summary_unreadable", job_id=job.job_id, key=job.s3_key_summary_file)
        return Summary()


def of(found: dict[str, Any]) -> Summary:
    """The summary in a JSON document. Raises TypeError, ValueError, KeyError or AttributeError for another shape."""
    counts = {
        name: {str(key): int(count) for key, count in found.get(name, {}).items()}
        for name in ("by_consequence", "by_impact", "by_type", "substitutions", "indel_lengths", "by_frequency")
    }
    ratio = found.get("ti_tv")
    stretches = {
        str(contig): Stretch(int(one["length"]), int(one["bin"]), [int(count) for count in one["counts"]])
        for contig, one in found.get("by_position", {}).items()
    }
    return Summary(**counts, ti_tv=None if ratio is None else float(ratio), by_position=stretches)
