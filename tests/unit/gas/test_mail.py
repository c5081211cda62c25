import uuid
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from gas import mail
from gas.filenames import printable
from gas.job import Job, JobStatus
from gas.mail import Mail
from gas.users import User
from tests.conftest import AwsStandIn
from tests.deployment import client, new_job

SITE = "https://gas.example.org"


@pytest.fixture
def completed() -> Job:
    counts = {"records_read": 10, "records_annotated": 7, "records_passed": 2, "records_rejected": 1}
    return replace(new_job(), job_status=JobStatus.COMPLETED, **counts)


def test_a_mail_about_a_result_accounts_for_every_record_and_leads_to_it(completed: Job) -> None:
    made = mail.end_of_job(completed, SITE, None)
    assert made.to == completed.user_email
    assert made.subject == "sample.vcf: the annotation is ready"
    assert f"{SITE}/annotations/{completed.job_id}" in made.text
    for count in ("read       10", "annotated        7", "unchanged 2", "rejected         1"):
        assert count in made.text
    assert "free user" not in made.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(300, "5 minutes"), (90, "90 seconds"), (60, "60 seconds"), (121, "121 seconds")]
)
def test_a_free_user_is_told_the_window(completed: Job, seconds: int, words: str) -> None:
    assert f"download the result for {words}" in mail.end_of_job(completed, SITE, seconds).text


def test_a_mail_about_a_failure_says_why_and_gives_the_reference() -> None:
    failed = replace(new_job(), job_status=JobStatus.FAILED, error_message="Line 3 has no POS.")
    made = mail.end_of_job(failed, SITE, 300)
    assert made.subject == "sample.vcf: the annotation failed"
    assert "Line 3 has no POS." in made.text
    assert "reference" not in made.text
    assert "ab12cd34" in mail.end_of_job(replace(failed, error_reference="ab12cd34"), SITE, 300).text


@pytest.mark.parametrize(
    "name", ["a\nBcc: everyone@example.org", "a\r\n\r\nhello", "a\u2028b", "a\x00b", "\u202egnp.vcf"]
)
def test_a_file_name_cannot_write_headers(completed: Job, name: str) -> None:
    made = mail.end_of_job(replace(completed, input_file_name=name), SITE, None)
    assert made.subject.isprintable()


def test_a_name_without_anything_printable_and_one_that_is_too_long(completed: Job) -> None:
    assert printable("\n\t ") == "your file"
    made = mail.end_of_job(replace(completed, input_file_name="x" * 300), SITE, None)
    assert made.subject == f"{'x' * 49}…: the annotation is ready"
    assert "x" * 300 in made.text


def test_a_mail_is_sent(aws_environment: None, aws_standin: AwsStandIn) -> None:
    ses = client("sesv2")
    ses.create_email_identity(EmailIdentity="sender@gas.example")
    to = f"{uuid.uuid4()}@example.org"
    answer = mail.send(ses, "GAS <sender@gas.example>", Mail(to, "Müller.vcf: ready", "Größe: 5\n"))
    assert answer
    (sent,) = aws_standin.outbox(to=to)
    assert sent["subject"] == "Müller.vcf: ready"
    assert "Größe: 5" in str(sent)


def test_a_refused_mail_is_an_error(aws_environment: None) -> None:
    with pytest.raises(ClientError):
        mail.send(client("sesv2"), f"nobody@{uuid.uuid4()}.example", Mail("a@example.org", "s", "t"))


@pytest.mark.parametrize(("count", "words"), [(0, "No job went"), (1, "One job went"), (1200, "1,200 jobs went")])
def test_the_receipt_of_an_account_says_when_and_how_much(count: int, words: str) -> None:
    user = User("id", "ada@example.org", "Ada", delete_time=1_790_000_000, deleted_jobs=count)
    made = mail.account_deleted(user, 1_790_000_180)
    assert (made.to, made.subject) == ("ada@example.org", "Your GAS account is deleted")
    assert f"{words} with it." in made.text
    assert "21 September 2026 at 14:13 UTC" in made.text
    assert "21 September 2026 at 14:16 UTC" in made.text
