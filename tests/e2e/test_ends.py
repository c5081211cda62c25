"""The other ends that a job can have, in a browser: cancelled while it waits or runs, failed, deleted."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from scripts.local.stack import Stack
from tests.e2e.conftest import SAMPLE, Visit, button, objects, state
from tests.faults.conftest import many_variants, until

SETTINGS = {"GAS_PROGRESS_SECONDS": "0.3", "GAS_POLL_SECONDS": "1"}

pytestmark = pytest.mark.xdist_group("journey")


def item(stack: Stack, job_id: str) -> dict[str, Any]:
    """What is kept of a job."""
    table = stack.client("dynamodb")
    return dict(table.get_item(TableName="gas-annotations", Key={"job_id": {"S": job_id}}, ConsistentRead=True)["Item"])


def test_a_waiting_job_is_cancelled(visit: Visit, stack: Stack) -> None:
    with stack.held("annotator"):
        job_id = visit.submit(SAMPLE)
        expect(state(visit.page)).to_have_text("Waiting")
        expect(visit.page.get_by_role("region", name="Status")).to_contain_text("in the queue")
        button(visit.page, "Cancel").click()
        expect(state(visit.page)).to_have_text("Cancelled")
        expect(visit.page.get_by_text("The job is cancelled.")).to_be_visible()
        expect(button(visit.page, "Cancel")).to_have_count(0)
    # The annotator, which now gets the job's message, lets it be: the next job is done and this one is not.
    visit.submit(SAMPLE)
    expect(state(visit.page)).to_have_text("Completed")
    visit.open(f"/annotations/{job_id}")
    expect(state(visit.page)).to_have_text("Cancelled")
    assert [key for key in objects(stack, "gas-results") if f"/{job_id}/" in key] == []


def test_a_running_job_is_cancelled(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    job_id = visit.submit(many_variants(tmp_path, 16_000))
    until(lambda: item(stack, job_id)["progress_done"]["N"] != "0", "the annotator to be in the middle of the job")
    with stack.held("annotator"):
        expect(state(visit.page)).to_have_text("Running")
        expect(visit.page.get_by_role("progressbar", name="Variants done")).to_be_visible()
        button(visit.page, "Cancel").click()
        expect(state(visit.page)).to_have_text("Cancelled")
    until(lambda: not list(Path(stack.env["GAS_SCRATCH_DIR"]).iterdir()), "the annotator to clear its scratch disk")
    visit.page.reload()
    expect(state(visit.page)).to_have_text("Cancelled")
    assert [key for key in objects(stack, "gas-results") if f"/{job_id}/" in key] == []


def test_a_bad_file_fails_with_a_sentence_and_can_be_tried_again(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    bad = tmp_path / "notes.vcf"
    bad.write_text("Dear diary,\ntoday no variant was called.\n", encoding="ascii")
    visit.open()
    visit.choose(bad)
    # The page has seen what is wrong, and does as it is told.
    expect(visit.status).to_contain_text("The file is not a VCF")
    visit.button("resume").click()
    job_id = visit.arrived()
    expect(state(visit.page)).to_have_text("Failed")
    notice = visit.page.locator(".notice-bad")
    expect(notice).to_contain_text("VCF")
    sentence = notice.inner_text()
    expect(visit.page.get_by_role("link", name="Download the result")).to_have_count(0)
    with stack.held("annotator"):
        button(visit.page, "Try again").click()
        expect(visit.page.get_by_text("The job begins anew.")).to_be_visible()
        expect(state(visit.page)).to_have_text("Waiting")
        expect(notice).to_have_count(0)
    expect(state(visit.page)).to_have_text("Failed")
    expect(notice).to_have_text(sentence, use_inner_text=True)
    assert item(stack, job_id)["attempt"]["N"] == "2"


def test_a_deleted_job_is_gone_with_its_files(visit: Visit, stack: Stack) -> None:
    job_id = visit.submit(SAMPLE)
    expect(state(visit.page)).to_have_text("Completed")
    page_of_job = visit.page.url
    delete = button(visit.page, "Delete for good")
    expect(delete).to_be_hidden()
    visit.page.get_by_text("Delete this job").click()
    delete.click()
    expect(visit.page.get_by_role("status")).to_have_text(
        "The job is deleted, with the file you uploaded, the result, the log and the receipt. Nothing of it is left."
    )
    expect(visit.page.locator("main")).to_contain_text("Nothing annotated yet")
    for bucket in ("gas-inputs", "gas-results"):
        assert [key for key in objects(stack, bucket) if f"/{job_id}/" in key] == []
    answer = visit.page.goto(page_of_job)
    assert answer is not None
    assert answer.status == 404
    expect(visit.page.locator("h1")).to_have_text("Not found")
