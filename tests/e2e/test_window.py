"""The free user's time limit in a browser: the page closes by itself, and a subscription opens it again."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SAMPLE, Visit, button, state

PROGRAMS = ("web", "annotator")
SETTINGS = {"GAS_FREE_WINDOW": "4", "GAS_POLL_SECONDS": "1"}

pytestmark = pytest.mark.xdist_group("upload")


def test_a_result_is_out_of_reach_once_its_time_is_over(visit: Visit) -> None:
    page = visit.page
    job_id = visit.submit(SAMPLE)
    page.evaluate("window.mark = true")
    expect(page.locator(".notice-warm")).to_contain_text("The free time for this result ended")
    expect(state(page)).to_have_text("Completed")
    assert page.evaluate("window.mark"), "the page closed without a reload"
    for name in ("Download the result", "Annotated VCF", "Index (.tbi)"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    expect(page.get_by_role("region", name="Receipt")).to_be_visible()
    for what in ("result", "index"):
        answer = page.goto(f"{visit.stack.url}/annotations/{job_id}/download/{what}")
        assert answer is not None
        assert answer.status == 403
        expect(page.locator("h1")).to_have_text("The result is archived")
    page.get_by_role("link", name="Subscribe").click()
    button(page, "Subscribe").click()
    visit.open(f"/annotations/{job_id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    assert download.value.suggested_filename == "mitochondrial.annotated.vcf.gz"
    visit.open(f"/annotations/{job_id}/log")
    expect(page.locator("pre")).to_contain_text("annotated")
