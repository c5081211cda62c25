"""Processes that are killed while they work: nothing is lost, and nothing happens twice."""

import time
from pathlib import Path

import pytest

from scripts.local.site import Visitor
from scripts.local.stack import Stack
from tests.faults.conftest import SAMPLE, answers, kill, mails, many_variants, submit, until

pytestmark = pytest.mark.xdist_group("kills")

JOBS = 10


def test_killing_each_process_in_turn_loses_no_job_and_no_mail(stack: Stack, visitor: Visitor, tmp_path: Path) -> None:
    file = many_variants(tmp_path, 1500)
    jobs = [submit(visitor, file, f"sample-{number}.vcf") for number in range(JOBS)]
    for group in ("annotator", "notifier", "sweeper", "web", "annotator"):
        kill_and_see_it_back(stack, group)
    stack.supervisor.await_running(stack.programs, deadline=_soon())
    until(lambda: answers(stack), "the page to answer")
    for job_id in jobs:
        assert visitor.wait(job_id, 120)["job"]["status"] == "COMPLETED"
    until(lambda: all(mails(stack, job_id) for job_id in jobs), "a mail for each job")
    assert [len(mails(stack, job_id)) for job_id in jobs] == [1] * JOBS


def test_a_killed_annotator_s_job_is_finished_by_another(stack: Stack, visitor: Visitor, tmp_path: Path) -> None:
    job_id = submit(visitor, many_variants(tmp_path, 16_000))
    until(lambda: visitor.status(job_id)["job"]["progress"]["done"] > 0, "the annotator to be in the middle of the job")
    kill(stack, "annotator")
    ended = visitor.wait(job_id, 120)
    assert ended["job"]["status"] == "COMPLETED"
    item = stack.client("dynamodb").get_item(TableName="gas-annotations", Key={"job_id": {"S": job_id}})["Item"]
    assert int(item["attempt"]["N"]) >= 2
    assert int(item["faults"]["N"]) >= 1
    until(lambda: mails(stack, job_id), "the mail")
    assert len(mails(stack, job_id)) == 1
    assert not list(Path(stack.env["GAS_SCRATCH_DIR"]).iterdir()), "the killed process's scratch files were removed"


def test_a_stopped_annotator_gives_its_job_back_at_once(stack: Stack, visitor: Visitor, tmp_path: Path) -> None:
    job_id = submit(visitor, many_variants(tmp_path, 16_000))
    until(lambda: visitor.status(job_id)["job"]["progress"]["done"] > 0, "the annotator to be in the middle of the job")
    stack.supervisorctl("restart", "annotator:*")
    assert visitor.wait(job_id, 120)["job"]["status"] == "COMPLETED"
    item = stack.client("dynamodb").get_item(TableName="gas-annotations", Key={"job_id": {"S": job_id}})["Item"]
    assert int(item["faults"]["N"]) == 0, "a drained host is nobody's fault"


def test_a_killed_web_server_leaves_no_worker_that_serves_on(stack: Stack) -> None:
    (server,) = [process.pid for process in stack.supervisor.processes() if process.group == "web"]
    workers = children(server)
    assert workers
    kill(stack, "web")
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), "its workers to end")
    stack.supervisor.await_running(stack.programs, deadline=_soon())
    until(lambda: answers(stack), "the page to answer")


@pytest.mark.parametrize("group", ["web", "sweeper"])
def test_the_site_works_on_after_a_kill(stack: Stack, visitor: Visitor, group: str) -> None:
    kill_and_see_it_back(stack, group)
    stack.supervisor.await_running(stack.programs, deadline=_soon())
    until(lambda: answers(stack), "the page to answer")
    assert visitor.wait(submit(visitor, SAMPLE), 60)["job"]["status"] == "COMPLETED"


def kill_and_see_it_back(stack: Stack, group: str) -> None:
    """Kill a process of the group; afterwards another runs, and what the old one had started is gone."""
    old = next(process.pid for process in stack.supervisor.processes() if process.group == group and process.pid)
    # A web worker may still answer a request or two before it notices that its server is gone.
    workers = children(old)
    assert kill(stack, group) == old
    until(
        lambda: any(process.group == group and process.pid not in (0, old) for process in stack.supervisor.processes()),
        f"supervisor to start {group} again",
    )
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), "what it had started to end")


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def _soon() -> float:
    return time.monotonic() + 30
