"""The annotator: claims a job, has it annotated, and commits the result."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from agents import attempt, child, lease
from agents.consume import consume, start
from agents.tables import TableMaker
from gas import aws, submissions
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.jobs import Conflict, Job, JobStatus, JobStore, Outcome
from gas.messages import JobRequest, TableRequest
from gas.process import identity
from gas.queues import Delivery, GiveBack, Reject, Retry
from gas.storage import ObjectChanged, ObjectMissing, ObjectsRemain, Storage
from gas.submissions import APOLOGY, Announcer
from gas.telemetry import bound, logger, metric

log = logger(__name__)

REFUSALS = {
    ObjectMissing: "The uploaded file is no longer there. Please upload it again.",
    ObjectChanged: "The uploaded file was replaced after the job was submitted. Please upload it again as a new job.",
}


@dataclass(frozen=True)
class Annotator:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    storage: Storage
    announcer: Announcer
    owner: str
    rng: random.Random
    program: Sequence[str] = child.PROGRAM
    work: Callable[..., Outcome] = attempt.work

    def handle(self, delivery: Delivery) -> None:
        """Bring the job of one `JobRequest` to its end, unless it is ended or someone else has it."""
        if isinstance(delivery.event, TableRequest):
            TableMaker(self.settings, self.jobs, self.storage, self.program).handle(delivery)
            return
        if not isinstance(delivery.event, JobRequest):
            raise Reject(f"expected a job-request, not {delivery.event.type}")
        job = self.jobs.get(delivery.event.job_id)
        if job is None or job.delete_time is not None or job.finished:
            log.info("nothing_to_do", job_status=job.job_status if job else "none")
            return
        left = (job.lease_until or 0) - self.jobs.now()
        if job.job_status is JobStatus.RUNNING and left > 0:
            if delivery.last_receive:
                # Should its owner die, the item's attention_at brings the job back.
                return
            raise Retry(left + self.rng.uniform(0, 5))
        try:
            with effect("annotator.claim"):
                mine = self.jobs.claim(job, self.owner)
        except Conflict:
            raise Retry(self.rng.uniform(1, 5)) from None
        with bound(attempt=mine.attempt):
            self._attempt(mine, delivery)

    def _attempt(self, mine: Job, delivery: Delivery) -> None:
        settings = self.settings
        if mine.faults >= settings.max_faults:
            self._give_up(mine, "its owners died")
            return
        try:
            with lease.kept(self.jobs, mine, settings.lease_seconds, settings.progress_seconds) as held:
                self.storage.delete_attempts_before(mine.user_id, mine.job_id, mine.attempt)
                outcome = self.work(settings, self.storage, mine, held, delivery, self.program)
                self._end(mine, lambda: self.jobs.complete(mine, outcome), "completed")
        except (lease.LeaseLost, child.Stopped) as early:
            if isinstance(early, lease.LeaseLost) or held.lost.is_set():
                self._taken_away(mine)
                return
            self._release(mine, fault=False)
            raise GiveBack from None
        except (child.Refused, ObjectMissing, ObjectChanged) as refusal:
            sentence = REFUSALS.get(type(refusal), str(refusal))
            log.info("input_refused", reason=sentence)
            self._end(mine, lambda: self.jobs.fail(mine, sentence), "refused")
        except (Boto3Error, BotoCoreError, ClientError):
            # AWS being down is not the job's doing; SQS's own count ends it in the dead-letter queue.
            self._release(mine, fault=False)
            raise
        except Exception as error:
            if mine.faults + 1 >= settings.max_faults:
                self._give_up(mine, explain(error))
                return
            self._release(mine, fault=True)
            raise

    def _end(self, mine: Job, commit: Callable[[], Job], how: str) -> None:
        try:
            with effect("annotator.commit"):
                ended = commit()
        except Conflict:
            self._taken_away(mine)
            return
        seconds = self.jobs.now() - ended.submit_time
        metric("JobSeconds", seconds, "Seconds", {"Outcome": how}, job_id=ended.job_id)
        log.info("job_ended", outcome=how, seconds_since_submission=seconds)
        with effect("annotator.announce"):
            submissions.announce(self.jobs, self.announcer, ended)

    def _give_up(self, mine: Job, reason: str) -> None:
        reference = secrets.token_hex(4)
        log.error("job_given_up", reference=reference, reason=reason)
        self._end(mine, lambda: self.jobs.fail(mine, APOLOGY, reference), "failed")

    def _release(self, mine: Job, fault: bool) -> None:
        try:
            self.jobs.release(mine, fault)
            attempt.discard(self.jobs, self.storage, mine)
        except (Conflict, ObjectsRemain, BotoCoreError, ClientError) as error:
            # The lease lapses by itself, and what the attempt has written goes with the job.
            log.warning("claim_not_released", reason=explain(error))

    def _taken_away(self, mine: Job) -> None:
        log.info("job_taken_away")
        try:
            attempt.discard(self.jobs, self.storage, mine)
        except (ObjectsRemain, BotoCoreError, ClientError) as error:
            log.warning("attempt_not_discarded", reason=explain(error))


def main() -> None:
    """Run the annotator until SIGTERM."""
    settings = start("annotator")
    attempt.sweep_scratch(settings.scratch_dir)
    storage = Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket)
    rng = random.Random()  # noqa: S311 - jitter, not a secret
    annotator = Annotator(settings, JobStore.of(settings), storage, Announcer.of(settings), identity(), rng)
    consume(settings, "job-requests", annotator.handle, settings.annotator_concurrency)


if __name__ == "__main__":
    main()
