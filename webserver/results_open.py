"""A job's result, opened for a look: its variant table and its annotated VCF, or why it cannot be looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gas.explore.engine import Explorer, TooSlow
from gas.explore.filters import BadFilter
from gas.explore.objects import StoredObject
from gas.explore.records import DamagedRecords
from gas.explore.table import DamagedTable, VariantTable
from gas.job import Job, JobStatus
from gas.messages import TableRequest
from gas.storage import ObjectChanged, ObjectMissing
from gas.telemetry import logger
from webserver.pages.downloads import refuse_closed
from webserver.problems import Link, Problem
from webserver.reading import Reading
from webserver.web import Visit

log = logger(__name__)
# A message that got lost is sent again when somebody looks after that time.
ASK_AGAIN_SECONDS = 300


@dataclass(frozen=True)
class OpenResult:
    """What a view of variants works with."""

    job: Job
    explorer: Explorer
    table: VariantTable

    def annotated(self, visit: Visit) -> StoredObject:
        """The annotated VCF. Raises ObjectMissing."""
        return StoredObject.find(visit.services.storage, self.job.s3_results_bucket, self.job.s3_key_result_file)


def refuse_unopened(visit: Visit, reading: Reading) -> None:
    """Raises the problem that says why the result cannot be looked at now, if it cannot."""
    if reading.job.job_status is not JobStatus.COMPLETED:
        raise Problem(
            409,
            "This job has no result to look at. The job's page says where it stands.",
            title="Nothing to see yet",
            code="conflict",
            link=Link(reading.here, "Back to the job"),
        )
    refuse_closed(visit, reading)


@contextmanager
def opened(visit: Visit, reading: Reading) -> Iterator[OpenResult]:
    """The result, while it is worked with; whatever is wrong with it ends as a Problem."""
    refuse_unopened(visit, reading)
    job = reading.job
    explorer = visit.services.explorer
    source: StoredObject | None = None
    try:
        source = StoredObject.find(visit.services.storage, job.s3_results_bucket, job.s3_key_table_file)
        yield OpenResult(job, explorer, explorer.open(source))
    except BadFilter as bad:
        raise Problem(400, str(bad), title="This filter makes no sense", code="bad_filter") from bad
    except TooSlow as error:
        raise Problem(503, "This question took too long to answer. Narrow the filter and ask again.") from error
    except (DamagedTable, DamagedRecords, ObjectMissing, ObjectChanged) as error:
        log.exception("table_unreadable", job_id=job.job_id, key=job.s3_key_table_file)
        if source is not None:
            explorer.forget(source)
        _have_made_again(visit, job)
        raise Problem(
            503,
            "The table that the explorer reads is damaged or missing. It is being made again from the annotated VCF, "
            "which takes a minute or a few for a large result. You can download the VCF meanwhile.",
            title="Not readable right now",
            code="table_damaged",
            headers={"Retry-After": "60"},
            link=Link(reading.here, "Back to the job"),
        ) from error


def _have_made_again(visit: Visit, job: Job) -> None:
    """Ask for a new table, not more than once in a while; whoever makes it looks whether it is still wanted."""
    now = visit.services.clock()
    if now - visit.services.tables_asked.get(job.job_id, 0) < ASK_AGAIN_SECONDS:
        return
    visit.services.announcer.publish(TableRequest(user_id=job.user_id, job_id=job.job_id, table=job.s3_key_table_file))
    visit.services.tables_asked[job.job_id] = now
