"""SES takes mail from verified senders only, and what it took can be read."""

import time
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import AwsStandIn


@pytest.fixture
def domain(aws_standin: AwsStandIn) -> str:
    name = f"d{uuid.uuid4().hex[:8]}.example"
    aws_standin.client("sesv2").create_email_identity(EmailIdentity=name)
    return name


def send(standin: AwsStandIn, sender: str, to: str, subject: str = "s", **more: Any) -> str:
    body = {
        "Text": {"Data": "Ready: http://site.example/jobs/1 now\nand http://site.example/jobs/2\nlater"},
        "Html": {"Data": "<p>Ready</p>"},
    }
    return standin.client("sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": body}},
        **more,
    )["MessageId"]


def test_the_outbox_shows_all_of_a_mail(aws_standin: AwsStandIn, domain: str) -> None:
    to = f"{uuid.uuid4().hex}@reader.example"
    message = send(
        aws_standin,
        f"GAS <noreply@{domain}>",
        to,
        "Größe",
        ReplyToAddresses=[f"help@{domain}"],
        EmailTags=[{"Name": "job_id", "Value": "7"}],
    )
    (mail,) = aws_standin.outbox(to=to.upper())
    assert (mail["id"], mail["subject"], mail["to"]) == (message, "Größe", [to])
    assert (mail["sender"], mail["reply_to"]) == (f"GAS <noreply@{domain}>", [f"help@{domain}"])
    assert mail["text"].startswith("Ready")
    assert mail["html"] == "<p>Ready</p>"
    assert mail["tags"] == {"job_id": "7"}


def test_newest_first_and_since(aws_standin: AwsStandIn, domain: str) -> None:
    to = f"{uuid.uuid4().hex}@reader.example"
    send(aws_standin, f"a@{domain}", to, "first")
    between = time.time()
    send(aws_standin, f"a@{domain}", to, "second")
    assert [mail["subject"] for mail in aws_standin.outbox(to=to)] == ["second", "first"]
    assert [mail["subject"] for mail in aws_standin.outbox(to=to, since=between)] == ["second"]


def test_version_1_and_raw_mail(aws_standin: AwsStandIn, domain: str) -> None:
    ses, to = aws_standin.client("ses"), f"{uuid.uuid4().hex}@reader.example"
    message = {"Subject": {"Data": "simple"}, "Body": {"Text": {"Data": "text"}}}
    ses.send_email(Source=f"a@{domain}", Destination={"ToAddresses": [to]}, Message=message)
    raw = f"From: a@{domain}\r\nTo: {to}\r\nSubject: raw\r\n\r\nbody".encode()
    ses.send_raw_email(Source=f"a@{domain}", Destinations=[to], RawMessage={"Data": raw})
    v2 = aws_standin.client("sesv2")
    v2.send_email(FromEmailAddress=f"a@{domain}", Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": raw}})
    assert [mail["subject"] for mail in aws_standin.outbox(to=to)] == ["raw", "raw", "simple"]
    assert [mail["text"] for mail in aws_standin.outbox(to=to)] == ["body", "body", "text"]


def test_unverified_senders_are_refused(aws_standin: AwsStandIn) -> None:
    with pytest.raises(ClientError) as raised:
        send(aws_standin, "nobody@unknown.example", "u@reader.example")
    error = raised.value.response["Error"]
    assert error["Code"] == "MessageRejected"
    assert error["Message"].endswith("failed the check in region US-EAST-1: nobody@unknown.example")
    with pytest.raises(ClientError, match="MessageRejected"):
        aws_standin.client("ses").send_email(
            Source="nobody@unknown.example",
            Destination={"ToAddresses": ["u@reader.example"]},
            Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
        )
    assert aws_standin.outbox(to="u@reader.example") == []


def test_the_page_escapes_what_was_sent(aws_standin: AwsStandIn, domain: str) -> None:
    to = f"{uuid.uuid4().hex}@reader.example"
    send(aws_standin, f"a@{domain}", to, "<script>alert(1)</script>")
    with urllib.request.urlopen(f"{aws_standin.url}/_standin/outbox.html?to={to}", timeout=30) as answer:
        page = answer.read().decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert '<a href="http://site.example/jobs/1">' in page
    assert '<a href="http://site.example/jobs/2">http://site.example/jobs/2</a>\nlater' in page


def test_identities_come_back_as_terraform_reads_them(aws_standin: AwsStandIn, domain: str) -> None:
    ses = aws_standin.client("sesv2")
    identity = ses.get_email_identity(EmailIdentity=domain)
    assert len(identity["DkimAttributes"]["Tokens"]) == 3
    assert identity["VerifiedForSendingStatus"]
    ses.put_email_identity_mail_from_attributes(EmailIdentity=domain, MailFromDomain=f"mail.{domain}")
    assert ses.get_email_identity(EmailIdentity=domain)["MailFromAttributes"]["MailFromDomain"] == f"mail.{domain}"
