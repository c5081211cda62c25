import json
import os
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.consume import consume, start
from gas.messages import JobResult
from gas.queues import Delivery
from tests.deployment import Deployment, environment, environment_of, settings_of
from tests.fixtures import Lines


def test_a_process_starts_with_its_settings_and_its_log(
    tmp_path: Path, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, log_level="WARNING")
    with environment(environment_of(settings)):
        assert start("notifier") == settings
    from gas import telemetry

    telemetry.logger("x").info("quiet")
    telemetry.logger("x").warning("loud")
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["process"]) == ("loud", "notifier")


def test_a_process_without_a_setting_ends_with_its_name(tmp_path: Path) -> None:
    values = environment_of(settings_of(tmp_path))
    with environment(values), pytest.MonkeyPatch.context() as patch:
        patch.delenv("GAS_INPUTS_BUCKET")
        with pytest.raises(SystemExit, match="GAS_INPUTS_BUCKET is not set"):
            start("notifier")


def test_messages_are_handled_until_the_signal(deploy: Callable[..., Deployment], lines: Lines) -> None:
    place = deploy(queues=["notify"])
    event = JobResult(user_id=str(uuid.uuid4()), job_id=str(uuid.uuid4()))
    place.send("notify", event)
    seen: list[Delivery] = []

    def handle(delivery: Delivery) -> None:
        seen.append(delivery)
        os.kill(os.getpid(), signal.SIGTERM)

    consume(place.settings, "notify", handle, concurrency=3)
    assert [delivery.event for delivery in seen] == [event]
    assert place.left_in("notify") == 0
    (started,) = lines.of("consumer_started")
    assert (started["concurrency"], started["queue"]) == (3, f"{place.settings.name_prefix}-notify")
    assert lines.of("consumer_stopped")
