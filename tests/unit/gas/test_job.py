from dataclasses import fields, replace

import pytest

from gas.job import FINISHED, UNFINISHED, Job, JobStatus, Outcome, ResultTier, from_item, to_item
from tests.deployment import new_job


def test_an_item_and_back() -> None:
    job = replace(new_job(), job_status=JobStatus.COMPLETED, result_tier=ResultTier.ARCHIVED, progress_total=7)
    assert from_item(to_item(job)) == job


def test_what_is_not_there_is_not_stored() -> None:
    item = to_item(new_job())
    assert None not in item.values()
    assert "lease_owner" not in item
    assert item["progress_done"] == 0


def test_attributes_of_a_newer_version_are_ignored() -> None:
    job = new_job()
    assert from_item({**to_item(job), "invented_later": 1}) == job


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match="PAUSED"):
        from_item({**to_item(new_job()), "job_status": "PAUSED"})


@pytest.mark.parametrize("status", list(JobStatus))
def test_every_status_is_finished_or_not(status: JobStatus) -> None:
    assert (status in FINISHED) != (status in UNFINISHED)
    assert replace(new_job(), job_status=status).finished is (status in FINISHED)


def test_an_outcome_consists_of_job_attributes() -> None:
    assert {field.name for field in fields(Outcome)} <= {field.name for field in fields(Job)}


def test_the_capstone_s_names_are_kept() -> None:
    names = {
        "job_id",
        "user_id",
        "user_email",
        "input_file_name",
        "s3_inputs_bucket",
        "s3_key_input_file",
        "submit_time",
        "job_status",
        "s3_results_bucket",
        "s3_key_result_file",
        "s3_key_log_file",
        "complete_time",
        "results_file_archive_id",
    }
    assert names <= {field.name for field in fields(Job)}
