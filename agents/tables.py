"""Makes a result's variant table again from its annotated VCF, when the site has found the table damaged."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from boto3.dynamodb.conditions import Attr

from agents import child
from agents.attempt import CONTENT_TYPES, scratch
from gas.config import Settings
from gas.effects import effect
from gas.items import same
from gas.job import Job, JobStatus, ResultTier
from gas.jobs import KEPT, Conflict, JobStore
from gas.messages import TableRequest
from gas.queues import Delivery, GiveBack, Reject
from gas.storage import ObjectMissing, Storage, result_key
from gas.telemetry import logger

log = logger(__name__)


@dataclass(frozen=True)
class TableMaker:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    storage: Storage
    program: Sequence[str] = child.PROGRAM

    def handle(self, delivery: Delivery) -> None:
        """Replace the table that one `TableRequest` names, if the result still has that one.

        The old object goes last. Two that do the same make the same table; one of them commits.
        """
        event = delivery.event
        if not isinstance(event, TableRequest):
            raise Reject(f"expected a table-request, not {event.type}")
        job = self.jobs.get(event.job_id)
        if job is None or not _wanted(job, event):
            log.info("nothing_to_do")
            return
        # The same for a repeat, which then writes over what an attempt that died has left.
        name = f"variants-{sha256(str(event.table).encode()).hexdigest()[:8]}.parquet"
        key = result_key(job.user_id, job.job_id, job.attempt, name)
        try:
            self._make(job, key, delivery)
        except child.Stopped:
            raise GiveBack from None
        except (ObjectMissing, child.Refused):
            # Without the VCF there is nothing to make it from; the job's page says that the file is gone.
            log.exception("table_not_made", job_id=job.job_id)
            return
        try:
            with effect("tables.commit"):
                hot = Attr("result_tier").eq(str(ResultTier.HOT)) & same("s3_key_table_file", job.s3_key_table_file)
                self.jobs.change(job.job_id, hot & KEPT, s3_key_table_file=key)
        except Conflict:
            log.info("table_not_wanted_any_more")
            found = self.jobs.get(job.job_id)
            if found is None or found.s3_key_table_file != key:
                self.storage.delete_under(str(job.s3_results_bucket), key)
            return
        log.info("table_made_again", job_id=job.job_id)
        if job.s3_key_table_file:
            self.storage.delete_under(str(job.s3_results_bucket), job.s3_key_table_file)

    def _make(self, job: Job, key: str, delivery: Delivery) -> None:
        def check() -> None:
            if delivery.abandon.is_set():
                raise child.Stopped

        bucket = str(job.s3_results_bucket)
        with scratch(self.settings.scratch_dir, job.job_id) as folder:
            files = child.Files(folder)
            self.storage.download(bucket, str(job.s3_key_result_file), files.result, check=check)
            child.retable(self.settings, files, delivery.abandon, program=self.program)
            with effect("tables.upload"):
                self.storage.upload(files.table, bucket, key, CONTENT_TYPES[files.table.suffix], check)


def _wanted(job: Job, event: TableRequest) -> bool:
    return (
        job.job_status is JobStatus.COMPLETED
        and job.delete_time is None
        and job.result_tier is ResultTier.HOT
        and job.s3_key_table_file == event.table
    )
