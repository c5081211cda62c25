import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from agents import attempt, child
from agents.lease import Lease, LeaseLost
from gas.jobs import Job, Outcome
from gas.messages import JobRequest
from gas.storage import ObjectChanged, ObjectMissing
from tests.deployment import Deployment, delivery
from tests.unit.agents.conftest import PROGRAM, script


def claimed(place: Deployment, content: bytes = b"") -> Job:
    return place.jobs.claim(place.job(content), "host:1")


def work(place: Deployment, mine: Job, held: Lease | None = None) -> Outcome:
    received = delivery(JobRequest(user_id=mine.user_id, job_id=mine.job_id))
    return attempt.work(place.settings, place.storage, mine, held or Lease(), received, PROGRAM)


def keys(place: Deployment, mine: Job) -> list[str]:
    answer = place.storage.s3.list_objects_v2(Bucket=place.settings.results_bucket, Prefix=f"{mine.user_id}/")
    return sorted(found["Key"] for found in answer.get("Contents", []))


def test_everything_an_attempt_makes_lies_under_its_own_key(place: Deployment) -> None:
    mine = claimed(place)
    outcome = work(place, mine)
    prefix = f"{mine.user_id}/{mine.job_id}/result/1/"
    named = [
        outcome.s3_key_log_file,
        outcome.s3_key_receipt_file,
        outcome.s3_key_summary_file,
        outcome.s3_key_result_file,
        outcome.s3_key_index_file,
        outcome.s3_key_table_file,
    ]
    assert sorted(named) == keys(place, mine)
    assert all(key.startswith(prefix) for key in named)
    assert outcome.s3_results_bucket == place.settings.results_bucket
    head = place.storage.s3.head_object(Bucket=outcome.s3_results_bucket, Key=outcome.s3_key_result_file)
    assert (head["ContentLength"], head["ContentType"]) == (outcome.result_size, "application/gzip")
    log = place.storage.s3.head_object(Bucket=outcome.s3_results_bucket, Key=outcome.s3_key_log_file)
    assert log["ContentType"] == "text/plain; charset=utf-8"


def test_an_outcome_accounts_for_every_record(place: Deployment) -> None:
    outcome = work(place, claimed(place))
    counts = (outcome.records_annotated, outcome.records_passed, outcome.records_rejected)
    assert counts == (7, 2, 1)
    assert outcome.records_read == sum(counts)


def test_two_attempts_never_share_a_key(place: Deployment) -> None:
    first = claimed(place)
    work(place, first)
    second = place.jobs.claim(place.jobs.release(first, fault=False), "host:2")
    work(place, second)
    assert len(keys(place, first)) == 12


def test_progress_reaches_the_lease(place: Deployment) -> None:
    held = Lease()
    work(place, claimed(place, script(["progress", [3, 10]])), held)
    assert (held.done, held.total) == (3, 10)


def test_an_input_that_is_gone(place: Deployment) -> None:
    mine = claimed(place)
    place.storage.delete(mine.s3_inputs_bucket, mine.s3_key_input_file, mine.input_version)
    with pytest.raises(ObjectMissing):
        work(place, mine)


def test_an_input_that_was_swapped_after_submission_is_not_what_is_annotated(place: Deployment) -> None:
    mine = claimed(place, script(["exit", 2]))
    place.storage.s3.put_object(Bucket=mine.s3_inputs_bucket, Key=mine.s3_key_input_file, Body=script(["exit", 1]))
    with pytest.raises(child.Refused):
        work(place, mine)


def test_an_input_that_is_not_the_recorded_one(place: Deployment) -> None:
    mine = claimed(place)
    place.storage.s3.put_object(Bucket=mine.s3_inputs_bucket, Key=mine.s3_key_input_file, Body=b"another")
    with pytest.raises(ObjectChanged):
        work(place, replace(mine, input_version=None))


def test_what_is_lost_early_is_not_even_begun_and_leaves_nothing(place: Deployment) -> None:
    mine = claimed(place, script(["exit", 1]))
    lost = threading.Event()
    lost.set()
    with pytest.raises(LeaseLost):
        work(place, mine, Lease(lost))
    assert keys(place, mine) == []
    assert list(place.settings.scratch_dir.iterdir()) == []


def test_what_is_lost_late_is_not_uploaded(place: Deployment) -> None:
    class LostAtTheEnd(Lease):
        """Lost at the second look, which is that before the first upload."""

        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks > 1:
                self.lost.set()
            super().check()

    mine = claimed(place)
    with pytest.raises(LeaseLost):
        work(place, mine, LostAtTheEnd())
    assert keys(place, mine) == []


@pytest.mark.parametrize("commands", [[], [["exit", 1]], [["exit", 2]]])
def test_scratch_is_empty_afterwards_whatever_happened(place: Deployment, commands: list[list[object]]) -> None:
    mine = claimed(place, script(*commands))
    try:
        work(place, mine)
    except (child.ChildFailed, child.Refused):
        assert commands
    assert list(place.settings.scratch_dir.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f"{ended.pid}-job-x"
    kept = [tmp_path / f"{os.getpid()}-job-x", tmp_path / "notes-of-mine", tmp_path / "plain"]
    for folder in (left, *kept):
        folder.mkdir()
        (folder / "file").write_text("x")
    attempt.sweep_scratch(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    attempt.sweep_scratch(tmp_path / "not there yet")


def test_what_is_in_hand_are_the_folders_of_processes_that_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (f"{ended.pid}-job-x", f"{os.getpid()}-job-y", "notes-of-mine"):
        (tmp_path / name).mkdir()
    assert attempt.in_hand(tmp_path) == [f"{os.getpid()}-job-y"]
    assert attempt.in_hand(tmp_path / "not there yet") == []

    def another_user_s(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", another_user_s)
    assert len(attempt.in_hand(tmp_path)) == 2, "it lives, whoever it belongs to"


def test_scratch_is_named_after_process_and_job(tmp_path: Path) -> None:
    with attempt.scratch(tmp_path / "new", "job-1") as folder:
        assert folder.name.startswith(f"{os.getpid()}-job-1-")
        assert folder.stat().st_mode & 0o077 == 0
