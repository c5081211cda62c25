"""The notifier: tells a user by mail that a job has ended, once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import HTTPClientError

from agents.consume import consume, start
from gas import aws, mail
from gas.config import Settings
from gas.effects import effect
from gas.faults import explain
from gas.jobs import Conflict, JobStatus, JobStore
from gas.messages import JobResult
from gas.queues import Delivery, Reject, Retry
from gas.telemetry import logger
from gas.users import UserStore

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

log = logger(__name__)


@dataclass(frozen=True)
class Notifier:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    users: UserStore
    ses: "SESV2Client"

    def handle(self, delivery: Delivery) -> None:
        """Mail the owner of the job of one `JobResult`, unless that is done.

        The claim on the item comes before the mail and the note of it after, so two deliveries make one mail.
        Only where SES's answer is lost, or the note cannot be written (the process dies, DynamoDB is down), can a
        second one follow: SES has no way to ask whether a mail was sent.
        """
        if not isinstance(delivery.event, JobResult):
            raise Reject(f"expected a job-result, not {delivery.event.type}")
        job = self.jobs.get(delivery.event.job_id)
        if job is None or job.delete_time is not None or job.mail_time is not None:
            return
        if job.job_status not in (JobStatus.COMPLETED, JobStatus.FAILED):
            # The job was started again since.
            return
        if not job.user_email:
            log.info("no_address")
            self.jobs.settle(job)
            return
        try:
            with effect("notifier.claim"):
                mine = self.jobs.start_mail(job)
        except Conflict:
            left = (job.mail_lease_until or 0) - self.jobs.now()
            raise Retry(max(left, 1)) from None
        owner = self.users.get(job.user_id)
        window = None if owner and owner.premium else self.settings.free_window
        try:
            with effect("notifier.send"):
                mail.send(self.ses, self.settings.mail_from, mail.end_of_job(mine, self.settings.site_url, window))
        except HTTPClientError as error:
            # SES may have taken it and only its answer was lost: the claim stands until it lapses.
            log.warning("mail_unanswered", reason=explain(error))
            raise Retry((mine.mail_lease_until or 0) - self.jobs.now()) from error
        except Exception:
            self.jobs.end_mail(mine, sent=False)
            raise
        log.info("mail_sent", job_status=mine.job_status)
        try:
            with effect("notifier.note"):
                self.jobs.end_mail(mine, sent=True)
        except Conflict:
            # It is noted already (the answer was lost), or the job was started again meanwhile.
            log.info("mail_not_noted")


def main() -> None:
    """Run the notifier until SIGTERM."""
    settings = start("notifier")
    notifier = Notifier(
        settings,
        JobStore.of(settings),
        UserStore.of(settings),
        aws.client(settings, "sesv2", aws.ONCE),
    )
    consume(settings, "notify", notifier.handle, concurrency=2)


if __name__ == "__main__":
    main()
