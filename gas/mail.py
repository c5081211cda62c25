"""Mail to users, through SES."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gas.filenames import printable
from gas.job import Job, JobStatus
from gas.users import User

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# A subject longer than this is cut by most mail programs; RFC 5322 §2.1.1 recommends lines of 78 characters.
LONGEST_NAME_IN_SUBJECT = 50


@dataclass(frozen=True)
class Mail:
    """A plain text mail to one person."""

    to: str
    subject: str
    text: str


def end_of_job(job: Job, site_url: str, free_window: int | None) -> Mail:
    """The mail that tells a user how the job ended.

    `free_window` is how many seconds the result of this user can be downloaded, None when it stays.
    """
    name = printable(job.input_file_name)
    short = name if len(name) <= LONGEST_NAME_IN_SUBJECT else name[: LONGEST_NAME_IN_SUBJECT - 1] + "…"
    page = f"{site_url}/annotations/{job.job_id}"
    if job.job_status is JobStatus.COMPLETED:
        subject = f"{short}: the annotation is ready"
        lines = [
            f"Your annotation of {name} is ready.",
            "",
            f"Records read       {job.records_read}",
            f"  annotated        {job.records_annotated}",
            f"  passed unchanged {job.records_passed}",
            f"  rejected         {job.records_rejected}",
            "",
            f"Read and download it here: {page}",
        ]
        if free_window is not None:
            lines += ["", f"As a free user you can download the result for {minutes(free_window)} from its completion."]
    else:
        subject = f"{short}: the annotation failed"
        lines = [f"Your annotation of {name} could not be made.", "", job.error_message or "", "", f"The job: {page}"]
        if job.error_reference:
            lines.append(f"If you write to us, please give this reference: {job.error_reference}")
    return Mail(job.user_email, subject, "\n".join(lines) + "\n")


def account_deleted(user: User, ended: int) -> Mail:
    """The receipt of an account's deletion, which `ended` at that epoch second."""
    jobs = {0: "No job", 1: "One job"}.get(user.deleted_jobs, f"{user.deleted_jobs:,} jobs")
    lines = [
        f"You asked us to delete your GAS account on {_moment(user.delete_time or 0)}.",
        f"It was deleted on {_moment(ended)}.",
        "",
        f"{jobs} went with it. Gone for ever are:",
        "",
        "- the files that you uploaded",
        "- the results, wherever they were kept, also in the archive",
        "- the logs and receipts of the jobs",
        "- your name, e-mail address, institution and subscription",
        "",
        "This is the last mail. If you sign in again, a new account begins, with nothing in it.",
    ]
    return Mail(user.email, "Your GAS account is deleted", "\n".join(lines) + "\n")


def _moment(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%-d %B %Y at %H:%M UTC")


def minutes(seconds: int) -> str:
    """A short time in words: "90 seconds", "5 minutes"."""
    if seconds < 120 or seconds % 60:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes"


def send(ses: "SESV2Client", sender: str, mail: Mail) -> str:
    """Send a mail; returns SES's message id. Raises botocore's ClientError or BotoCoreError."""
    answer = ses.send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [mail.to]},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
            }
        },
    )
    return answer["MessageId"]
