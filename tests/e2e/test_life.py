"""The whole life of a free user's result in a browser: each message comes in its turn, and no link before its time."""

import itertools

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SAMPLE, Visit, button

SETTINGS = {
    "GAS_FREE_WINDOW": "5",
    "GAS_OUTBOX_SECONDS": "3",
    "GAS_SWEEP_SECONDS": "1",
    "GAS_POLL_SECONDS": "1",
    "AWS_STANDIN_EXPEDITED_SECONDS": "6",
}

pytestmark = pytest.mark.xdist_group("life")

# Notes what the page says, and whether it has the link, at each change of it.
WATCH = """() => {
  window.seen = [];
  const note = () => {
    const words = document.querySelector('.notice')?.innerText ?? '';
    const link = !!document.querySelector('a[href$="/download/result"]');
    const before = window.seen.at(-1);
    if (!before || before[0] !== words || before[1] !== link) window.seen.push([words, link]);
  };
  note();
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
MESSAGES = {
    "You can download the result for another": "open",
    "The free time for this result ended": "expired",
    "The result is in the archive": "waits",
    "The result is being restored from the archive, expected within": "restoring",
}


def seen(page: Page) -> list[tuple[str, bool]]:
    """What the page said since it was watched, a word for each message, and whether it had the link meanwhile."""
    told = [
        (next((word for start, word in MESSAGES.items() if text.startswith(start)), text), bool(link))
        for text, link in page.evaluate("window.seen")
    ]
    return [entry for entry, _ in itertools.groupby(told)]


def test_each_message_comes_in_its_turn(visit: Visit) -> None:
    page = visit.page
    job_id = visit.submit(SAMPLE)
    expect(page.locator(".notice-warm")).to_contain_text("You can download the result for another")
    page.evaluate(WATCH)
    expect(page.locator(".notice-warm")).to_contain_text("The free time for this result ended")
    assert seen(page) == [("open", True), ("expired", False)]

    item = {"TableName": "gas-annotations", "Key": {"job_id": {"S": job_id}}}
    dynamodb = visit.stack.client("dynamodb")
    for _ in range(300):
        if dynamodb.get_item(**item)["Item"]["result_tier"]["S"] == "ARCHIVED":
            break
        page.wait_for_timeout(100)
    visit.open("/subscribe")
    button(page, "Subscribe").click()
    visit.open(f"/annotations/{job_id}")
    page.evaluate(WATCH)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    assert download.value.suggested_filename == "mitochondrial.annotated.vcf.gz"
    told = seen(page)
    # Who is quick sees that it is about to be asked back.
    assert [entry for entry in told if entry != ("waits", False)] == [("restoring", False), ("", True)]
