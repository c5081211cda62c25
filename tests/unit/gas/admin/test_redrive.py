import pytest
from botocore.exceptions import ClientError

from gas.admin import redrive
from gas.messages import JobResult
from gas.queues import Consumer, Delivery, Reject
from gas.topology import load
from tests.conftest import AwsStandIn
from tests.deployment import client, new_job, until
from tests.shelf import Shelf
from tests.unit.gas.admin.conftest import Command


@pytest.fixture(autouse=True)
def one_backend(shelf: Shelf) -> None:
    if shelf.place.settings.archive_backend == "s3-glacier":
        pytest.skip("queues are the same with either")


def reject(shelf: Shelf, reasons: list[str]) -> list[JobResult]:
    """Messages that a handler has put among the dead letters of `archive`, as the consumer does it."""
    jobs = [new_job() for _ in reasons]
    events = [JobResult(user_id=job.user_id, job_id=job.job_id) for job in jobs]
    why = dict(zip((event.job_id for event in events), reasons, strict=True))

    def handle(delivery: Delivery) -> None:
        assert isinstance(delivery.event, JobResult)
        raise Reject(why[delivery.event.job_id])

    spec = load().queues["notify"]
    consumer = Consumer(
        lambda: client("sqs"), spec, shelf.place.settings.name_prefix, handle, poll_seconds=1, visibility_seconds=2
    )
    for event in events:
        shelf.place.send("notify", event)
    consumer.start()
    until(lambda: shelf.place.left_in("notify-dlq") == len(events))
    consumer.stop()
    assert consumer.join(30)
    return events


def test_dead_letters_move_back_and_say_why_they_were_there(shelf: Shelf, command: Command) -> None:
    events = reject(shelf, ["no such user", "no such user", "a riddle"])
    # One that was received too often has no reason of its own.
    shelf.place.send("notify-dlq", lost := JobResult(user_id=new_job().user_id, job_id=new_job().job_id))
    status, out, err = command("redrive", "notify", "--look")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "      2  no such user",
        "      1  a riddle",
        f"      1  {redrive.UNTOLD}",
        "4 in all. Nothing was moved.",
    ]
    assert shelf.place.left_in("notify-dlq") == 4
    status, out, _ = command("redrive", "notify")
    assert status == 0
    assert out.splitlines()[-1] == "4 moved back."
    assert shelf.place.left_in("notify-dlq") == 0
    back = {event.job_id for event in shelf.place.events("notify")}  # type: ignore[union-attr]
    assert back == {event.job_id for event in [*events, lost]}


def test_more_than_are_looked_at_are_moved(shelf: Shelf, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redrive, "MOST_LOOKED_AT", 10)
    for _ in range(25):
        shelf.place.send("thaw-dlq", "{}")
    out = command("redrive", "thaw-dlq")[1].splitlines()
    assert out == [f"     10  {redrive.UNTOLD}", "     15  not looked at", "25 moved back."]


def test_an_empty_queue_and_one_that_is_not_there(shelf: Shelf, command: Command) -> None:
    assert command("redrive", "archive")[:2] == (0, "There is no dead letter.\n")
    status, _, err = command("redrive", "mistake")
    assert status == 1
    assert err.startswith("Error: There is no queue mistake; there are job-requests, notify, webhooks, archive")


def test_a_refusal_of_aws_is_one_sentence(shelf: Shelf, command: Command, faulty: AwsStandIn) -> None:
    faulty.fault(service="sqs", operation="GetQueueUrl", kind="error", code="AccessDenied", status=403)
    status, _, err = command("redrive", "archive")
    assert status == 1
    assert err.startswith("Error: AWS refused the credentials or the permission is missing")
    assert err.count("\n") == 1


class Moving:
    """SQS, which lists these moves, one answer after the other: status, when it was begun, how many were moved."""

    def __init__(self, *answers: tuple[str, int, int] | None) -> None:
        self._answers = iter(answers)
        self.begun = 0

    def start_message_move_task(self, **_: str) -> None:
        self.begun += 1

    def list_message_move_tasks(self, **_: object) -> object:
        answer = next(self._answers)
        if answer is None:
            return {}
        names = ("Status", "StartedTimestamp", "ApproximateNumberOfMessagesMoved")
        return {"Results": [dict(zip(names, answer, strict=True)) | {"FailureReason": "AccessDenied"}]}


def move(*answers: tuple[str, int, int] | None) -> int:
    queues = Moving(*answers)
    moved = redrive.Redrive(queues, "url", "arn", "arn").move(sleep=lambda _: None)
    assert queues.begun == 1
    return moved


def test_a_move_that_sqs_gives_up_is_an_error() -> None:
    with pytest.raises(redrive.MoveFailed, match="FAILED after 2 messages: AccessDenied"):
        move(None, ("FAILED", 1, 2))


@pytest.mark.parametrize("earlier", [None, ("COMPLETED", 1, 8), ("FAILED", 1, 8)])
def test_a_move_that_is_not_listed_yet_is_waited_for(earlier: tuple[str, int, int] | None) -> None:
    assert move(earlier, earlier, ("RUNNING", 2, 0), ("COMPLETED", 2, 3)) == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UnsupportedOperation", redrive.Moving),
        ("AWS.SimpleQueueService.UnsupportedOperation", redrive.Moving),
        ("AccessDenied", ClientError),
    ],
)
def test_one_move_at_a_time(code: str, error: type[Exception]) -> None:
    class Queues:
        def start_message_move_task(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "StartMessageMoveTask")

        def list_message_move_tasks(self, **_: object) -> object:
            return {"Results": []}

    queue = redrive.Redrive(Queues(), "url", "arn", "arn")
    with pytest.raises(error):
        queue.begin()
    assert queue.newest() is None
