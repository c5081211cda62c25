"""The genome view in a real browser: what igv.js has drawn, from storage and from the bundle."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from botocore.config import Config
from playwright.sync_api import Page, Request, Route, expect

from gas.annotation import reference
from tests.e2e.conftest import Visit
from tests.e2e.explorer import stack
from tests.explored import BUNDLE
from tests.faults.conftest import until

__all__ = ["stack"]

pytestmark = pytest.mark.xdist_group("explorer")

# What the track with that name has loaded and drawn: its features, and how many of its canvas's pixels have a colour.
TRACK = """(name) => {
  const browser = document.getElementById("genome").browser;
  const view = browser.trackViews.find((one) => one.track.name === name);
  const viewport = view.viewports[0];
  const features = (viewport.cachedFeatures || []).map(({ chr, start, end, name, info, pos }) => ({
    chr, start, end, name, pos, csq: info?.CSQ,
  }));
  const canvas = viewport.canvas;
  const colours = {};
  if (canvas?.width) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 200) continue;
      const colour = `${data[at]},${data[at + 1]},${data[at + 2]}`;
      colours[colour] = (colours[colour] || 0) + 1;
    }
  }
  return { features, colours };
}"""
# Where the middle one of the variants in view is on the screen.
WHERE = """() => {
  const view = document.getElementById("genome").browser.trackViews.find((one) => one.track.name === "Variants");
  const { viewportElement, referenceFrame, cachedFeatures } = view.viewports[0];
  const { x, y } = viewportElement.getBoundingClientRect();
  const middle = referenceFrame.start + (referenceFrame.bpPerPixel * viewportElement.clientWidth) / 2;
  const away = (one) => Math.abs((one.start + one.end) / 2 - middle);
  const nearest = cachedFeatures.reduce((best, one) => (away(one) < away(best) ? one : best));
  return [x + ((nearest.start + nearest.end) / 2 - referenceFrame.start) / referenceFrame.bpPerPixel, y + 14];
}"""
# Seconds for which an address is good: enough to draw by on a busy machine.
SOON = 5
HIGH = "179,54,45"


def track(page: Page, name: str) -> Any:
    return page.evaluate(TRACK, name)


def drawn(page: Page) -> None:
    """Wait until igv.js has drawn everything."""
    expect(page.locator("#genome")).to_have_attribute("data-ready", "true")
    has_variants(page, "chr17")


def has_variants(page: Page, contig: str) -> None:
    """Wait until variants of that contig have been read."""
    page.wait_for_function(f"(contig) => ({TRACK})('Variants').features.some(({{chr}}) => chr === contig)", arg=contig)


def reads(page: Page) -> list[Request]:
    """Grows with each request to storage."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request) if "annotated.vcf.gz" in request.url else None)
    return seen


def test_the_chosen_variant_is_drawn_among_its_genes(look: Callable[..., Visit]) -> None:
    page = look("/variants?impact=HIGH").page
    link = page.locator("table.variants tbody a.locate").first
    place = re.search(r"locus=(chr\w+)%3A(\d+)-(\d+)", str(link.get_attribute("href")))
    assert place
    seen = reads(page)
    link.click()
    drawn(page)
    variants = track(page, "Variants")
    at = [one for one in variants["features"] if str(one["pos"]) == place[2]]
    assert at
    assert "|HIGH|" in at[0]["csq"]
    assert variants["colours"][HIGH] > 20
    genes = track(page, "Genes")
    assert any(gene["start"] < int(place[2]) <= gene["end"] for gene in genes["features"])
    assert sum(genes["colours"].values()) > 100
    # By ranges, straight from storage.
    assert all(request.headers.get("range", "").startswith("bytes=") for request in seen if ".tbi" not in request.url)
    assert {request.response().status for request in seen if ".tbi" not in request.url} == {206}  # type: ignore[union-attr]


def test_the_sequence_is_the_bundles_own(look: Callable[..., Visit], family: Path) -> None:
    page = look("/genome?locus=chr17:6100-6140").page
    drawn(page)
    asked = """async () => {
      const { genome } = document.getElementById("genome").browser;
      return Promise.all([genome.getSequence("chr17", 999, 1019), genome.getSequence("chrX", 0, 20)]);
    }"""
    bundle = reference.load(family.parent / BUNDLE)
    assert page.evaluate(asked) == [bundle.sequence("chr17")[999:1019], bundle.sequence("chrX")[:20]]


def test_an_address_that_has_lapsed_is_asked_for_again(look: Callable[..., Visit]) -> None:
    visit = look()
    page, s3 = visit.page, visit.stack.client("s3", config=Config(signature_version="s3v4"))
    found = s3.list_objects_v2(Bucket="gas-results")["Contents"]
    keys = [one["Key"] for one in found if f"/{visit.job_id}/" in one["Key"]]
    first: dict[str, Any] = {"seconds": 1}
    for what, name in (("result", "annotated.vcf.gz"), ("index", "annotated.vcf.gz.tbi")):
        (key,) = [key for key in keys if key.endswith(f"/{name}")]
        first[what] = s3.generate_presigned_url("get_object", {"Bucket": "gas-results", "Key": key}, ExpiresIn=SOON)

    # The page is to think that the first ones are good for a second; all later ones are the server's.
    answered: list[str] = []

    def answer(route: Route) -> None:
        answered.append(route.request.url)
        if len(answered) == 1:
            route.fulfill(json=first)
        else:
            route.continue_()

    page.route("**/genome/addresses", answer)
    seen = reads(page)
    page.goto(f"{page.url}/genome?locus=chr17:1000-1400")
    drawn(page)
    assert parse_qs(urlsplit(seen[0].url).query)["X-Amz-Expires"] == [str(SOON)]

    def lapsed() -> bool:
        return requests.get(first["result"], headers={"Range": "bytes=0-9"}, timeout=10).status_code == 403

    until(lapsed, "the first address to lapse")
    seen.clear()
    page.evaluate("document.getElementById('genome').browser.search('chrX:1000-1400')")
    has_variants(page, "chrX")
    assert len(answered) >= 2
    assert seen
    for request in seen:
        query = parse_qs(urlsplit(request.url).query)
        assert query["X-Amz-Expires"] == ["60"]
        response = request.response()
        assert response
        assert response.status == 206


def test_whoever_is_not_signed_in_any_more_is_told(look: Callable[..., Visit]) -> None:
    visit = look()
    visit.page.route("**/genome/addresses", lambda route: (visit.context.clear_cookies(), route.continue_())[1])
    visit.page.goto(f"{visit.page.url}/genome?locus=chr17:1000-1400")
    expect(visit.page.locator("#genome-says")).to_contain_text("Your session has ended")


def test_a_click_shows_the_file_s_words_as_words(look: Callable[..., Visit]) -> None:
    page = look("/variants?impact=HIGH").page
    page.locator("table.variants tbody a.locate").first.click()
    drawn(page)
    x, y = page.evaluate(WHERE)
    page.mouse.click(x, y)
    popover = page.get_by_role("link", name="Consequences, databases, samples")
    expect(popover).to_be_visible()
    popover.click()
    expect(page).to_have_url(re.compile(r"/variants\?region=chr"))
    expect(page.locator("#variants").get_by_role("status")).to_contain_text("variant")


def test_without_javascript_it_says_what_is_missing(look: Callable[..., Visit]) -> None:
    page = look("/genome?locus=chr17:1000-2000", java_script_enabled=False).page
    expect(page.locator("main")).to_contain_text("drawn by JavaScript, which does not run")
    page.get_by_role("link", name="in the table", exact=True).click()
    expect(page).to_have_url(re.compile(r"/variants\?region=chr17%3A1000-2000"))
