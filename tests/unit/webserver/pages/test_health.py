import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gas.aws import Patience
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL
from webserver.app import make_app
from webserver.probes import probes
from webserver.services import Services


def test_a_live_process_says_so(browser: Browser) -> None:
    answer = browser.get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_ready_when_every_dependency_answers(browser: Browser) -> None:
    answer = browser.get("/readyz")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert set(answer.json["dependencies"]) == {
        "dynamodb:annotations",
        "dynamodb:users",
        "dynamodb:sessions",
        "dynamodb:shares",
        "dynamodb:webhooks",
        "s3:inputs",
        "s3:results",
        "sns:job-requests",
    }


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"inputs_bucket": "no-such-bucket"}, {"s3:inputs"}),
        ({"results_bucket": "no-such-bucket"}, {"s3:results"}),
        (
            {"name_prefix": "nothing"},
            {
                *("dynamodb:annotations", "dynamodb:users", "dynamodb:sessions", "dynamodb:shares"),
                "dynamodb:webhooks",
                "sns:job-requests",
            },
        ),
    ],
)
def test_not_ready_names_what_is_missing_and_no_more(
    services: Services, change: dict[str, str], missing: set[str]
) -> None:
    elsewhere = services.settings.model_copy(update=change)
    browser = Browser(make_app(replace(services, probes=probes(elsewhere))), SITE_URL)
    answer = browser.get("/readyz")
    assert answer.status == 503
    assert {name for name, state in answer.json["dependencies"].items() if state != "ok"} == missing
    assert "no-such-bucket" not in answer.text


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def test_not_ready_while_nothing_answers(services: Services, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent_port}")
    monkeypatch.setattr("webserver.probes.PATIENCE", Patience(1, 0.2, 1))
    browser = Browser(make_app(replace(services, probes=probes(services.settings))), SITE_URL)
    answer = browser.get("/readyz")
    assert answer.status == 503
    assert set(answer.json["dependencies"].values()) == {"not usable"}
    assert browser.get("/healthz").status == 200
