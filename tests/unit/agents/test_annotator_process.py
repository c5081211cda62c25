"""The real process, `python -m agents.annotator`, and the real child: killed, told to stop."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gas.jobs import Job, JobStatus
from gas.messages import JobRequest
from tests.deployment import Deployment, until
from tests.genome import vcf
from tests.processes import Process, processes

# Long enough to be met in mid-job: a second or so of work.
LONG = 100_000


@pytest.fixture
def place(deploy: Callable[..., Deployment], bundles: Path) -> Deployment:
    return deploy(
        queues=["job-requests", "notify"],
        tables=["annotations"],
        buckets=["inputs", "results"],
        bundles_dir=bundles,
        lease_seconds=3,
        visibility_seconds=2,
        heartbeat_seconds=0.5,
        grace_seconds=30,
    )


@pytest.fixture
def start(place: Deployment, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    with processes(place, tmp_path) as starts:
        yield lambda: starts("annotator")


def submitted(place: Deployment, records: int) -> Job:
    job = place.job(vcf(records))
    place.announcer.publish(JobRequest(user_id=job.user_id, job_id=job.job_id))
    return job


@pytest.fixture
def frozen() -> Iterator[Callable[[Process], int]]:
    """Stops a process's child in mid-job, so that the job stays there for as long as a test needs."""
    pids: list[int] = []

    def freeze(process: Process) -> int:
        pid = until(process.child)
        os.kill(pid, signal.SIGSTOP)
        pids.append(pid)
        return pid

    yield freeze
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def test_a_job_whose_annotator_is_killed_is_finished_by_another(
    place: Deployment, start: Callable[[], Process], frozen: Callable[[Process], int], tmp_path: Path
) -> None:
    job = submitted(place, LONG)
    first = start()
    frozen(first)
    claimed = place.now(job)
    assert (claimed.job_status, claimed.attempt) == (JobStatus.RUNNING, 1)
    first.popen.kill()
    first.popen.wait()
    left = list(place.settings.scratch_dir.iterdir())
    assert len(left) == 1
    second = start()
    ended = until(lambda: (now := place.now(job)).finished and now, patience=60)
    assert ended.job_status is JobStatus.COMPLETED
    assert (ended.attempt, ended.faults, ended.records_read) == (2, 1, LONG)
    assert "/result/2/" in (ended.s3_key_result_file or "")
    assert second.lines("scratch_removed")[0]["folder"] == left[0].name
    until(lambda: place.left_in("job-requests") == 0)


def test_a_signal_lets_the_job_finish_and_takes_no_other(
    place: Deployment, start: Callable[[], Process], frozen: Callable[[Process], int]
) -> None:
    job = submitted(place, LONG)
    process = start()
    child = frozen(process)
    process.popen.terminate()
    until(lambda: process.lines("consumer_stopping"))
    other = submitted(place, 1)
    os.kill(child, signal.SIGCONT)
    assert process.popen.wait(60) == 0
    assert place.now(job).job_status is JobStatus.COMPLETED
    assert place.now(other).job_status is JobStatus.PENDING
    assert place.left_in("job-requests") == 1
    assert process.lines("consumer_stopped")
    assert list(place.settings.scratch_dir.iterdir()) == []


def test_a_job_that_outlasts_the_grace_is_another_s_at_once(
    place: Deployment, start: Callable[[], Process], frozen: Callable[[Process], int]
) -> None:
    job = submitted(place, LONG)
    first = start()
    frozen(first)
    first.popen.terminate()
    until(lambda: first.lines("consumer_stopping"))
    # The second signal ends the grace.
    first.popen.terminate()
    assert first.popen.wait(60) == 0
    left = place.now(job)
    assert (left.job_status, left.lease_owner, left.faults) == (JobStatus.RUNNING, None, 0)
    assert first.lines("given_back")
    start()
    ended = until(lambda: (now := place.now(job)).finished and now, patience=60)
    assert (ended.job_status, ended.attempt, ended.faults) == (JobStatus.COMPLETED, 2, 0)
