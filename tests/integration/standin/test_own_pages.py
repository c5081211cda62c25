"""The stand-in's own pages: they answer this machine, and no web site that a browser visits."""

import json
import urllib.error
import urllib.request

import pytest

from tests.conftest import AwsStandIn, start_standin, stop_standin


def ask(url: str, method: str = "GET", body: object = None, **headers: str) -> tuple[int, str]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health(aws_standin: AwsStandIn) -> None:
    assert aws_standin.health() == {"status": "ok", "saved": None}


def test_an_unknown_page_names_the_known_ones(aws_standin: AwsStandIn) -> None:
    status, text = ask(f"{aws_standin.url}/_standin/nothing")
    assert (status, "GET /_standin/outbox" in text) == (404, True)


@pytest.mark.parametrize("path", ["/_standin/health", "/", "/moto-api/"])
def test_a_name_that_was_pointed_here_is_refused(aws_standin: AwsStandIn, path: str) -> None:
    assert ask(aws_standin.url + path, Host="evil.example")[0] == 403


@pytest.mark.parametrize("path", ["/_standin/reset", "/_standin/faults", "/moto-api/reset"])
def test_another_site_cannot_change_anything(aws_standin: AwsStandIn, path: str) -> None:
    assert ask(aws_standin.url + path, "POST", {"kind": "error"}, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert aws_standin.faults() == []


def test_reset_forgets_everything() -> None:
    """In a stand-in of its own: others may share this worker's."""
    standin = start_standin()
    try:
        sqs, mail = standin.client("sqs"), standin.client("sesv2")
        sqs.create_queue(QueueName="forgotten")
        mail.create_email_identity(EmailIdentity="forgotten.example")
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
        to = {"ToAddresses": ["u@reader.example"]}
        mail.send_email(FromEmailAddress="a@forgotten.example", Destination=to, Content=content)
        standin.fault(kind="error", service="none")
        standin.reset()
        assert "QueueUrls" not in sqs.list_queues()
        assert (standin.outbox(), standin.faults()) == ([], [])
        assert mail.list_email_identities()["EmailIdentities"] == []
    finally:
        stop_standin(standin)
