"""`gas ops logs`: the lines of one job, from every log group, in order."""

import json
import time
import uuid

import pytest

from gas.ops import logs
from gas.ops.account import Account, NotPossible
from tests.deployment import Deployment, client
from tests.unit.gas.ops.conftest import Command

JOB = str(uuid.uuid4())
# The last second of a minute, so that a line's own time is before the time at which CloudWatch got it.
NOW = time.time() // 60 * 60 - 1


@pytest.fixture
def written(place: Deployment) -> Account:
    """Lines about two jobs, of two roles' hosts; what the log agent read first was not logged first."""
    prefix = place.settings.name_prefix
    write(f"/{prefix}/web", "i-1", [line("submitted", 10, JOB, process="web", size=7), "a word\n"])
    write(
        f"/{prefix}/annotator",
        "i-2",
        [
            line("job_ended", 12, JOB, process="annotator", outcome="completed", reason="all is well"),
            line("claimed", 11, JOB, process="annotator"),
            line("claimed", 11, str(uuid.uuid4()), process="annotator"),
            f"Traceback of {JOB}",
        ],
    )
    write(f"/other-{prefix}/web", "i-3", [line("not ours", 10, JOB)])
    return Account("us-east-1", prefix)


def line(event: str, second: int, job_id: str, **fields: object) -> str:
    stamp = time.strftime(f"%Y-%m-%dT%H:%M:{second:02}.123456Z", time.gmtime(NOW))
    return json.dumps({"event": event, "timestamp": stamp, "level": "info", "job_id": job_id, **fields})


def write(group: str, stream: str, messages: list[str]) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int((NOW + n / 100) * 1000), "message": message} for n, message in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_lines_of_all_hosts_in_the_order_they_were_logged(written: Account, command: Command) -> None:
    events = [line.fields["event"] for line in logs.of_job(written, JOB, 1)]
    assert [event for event in events if not event.startswith("Traceback")] == ["submitted", "claimed", "job_ended"]
    assert f"Traceback of {JOB}" in events, "what is no JSON is shown as it is"
    status, out, _ = command("logs", JOB)
    assert status == 0
    (ended,) = [line for line in out.splitlines() if "job_ended" in line]
    assert ended.split(maxsplit=6)[2:] == [
        "i-2",
        "annotator",
        "info",
        "job_ended",
        'outcome=completed reason="all is well"',
    ]
    (first, *_) = [json.loads(line) for line in command("logs", JOB, "--json")[1].splitlines()]
    assert (first["event"], first["host"], first["size"]) == ("submitted", "i-1", 7)


def test_what_is_not_there_is_a_sentence(written: Account, command: Command) -> None:
    other = str(uuid.uuid4())
    status, out, err = command("logs", other, "--days", "3")
    assert (status, out) == (1, "")
    assert f"No line of the last 3 days names {other}" in err
    assert "a job's id looks like" in command("logs", "x")[2]
    with pytest.raises(NotPossible, match="no log groups /nobody/"):
        logs.of_job(Account("us-east-1", "nobody"), JOB, 1)
