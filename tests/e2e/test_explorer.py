"""The explorer in a real browser: a few clicks, no JavaScript, and the keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit, button
from tests.e2e.explorer import stack

__all__ = ["stack"]

PRESET = "Rare, high impact, pathogenic"

pytestmark = pytest.mark.xdist_group("explorer")


def total(page: Page) -> int:
    text = page.locator("#variants").get_by_role("status").inner_text()
    return int(re.sub(r"\D", "", text.split("variant")[0]))


def all_are_what_was_asked_for(page: Page) -> None:
    rows = page.locator("table.variants tbody tr")
    assert rows.count() == min(total(page), 50) > 0
    for text in rows.all_inner_texts():
        assert "High" in text
        assert "athogenic" in text


def test_the_rare_severe_and_pathogenic_ones_in_three_clicks(look: Callable[..., Visit]) -> None:
    page = look().page
    page.get_by_role("link", name="Explore the variants").click()
    page.get_by_role("link", name=PRESET, exact=True).click()
    all_are_what_was_asked_for(page)
    page.locator("table.variants tbody a").first.click()
    expect(page.get_by_role("heading", name=re.compile("transcript"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("ClinVar"))).to_have_attribute("href", re.compile("ncbi.nlm.nih"))


def test_the_filter_answers_without_a_reload(look: Callable[..., Visit]) -> None:
    visit = look("/variants")
    page = visit.page
    visit.loaded()
    page.evaluate("window.mark = true")
    before = total(page)
    page.get_by_label("High", exact=True).check()
    expect(page).to_have_url(re.compile(r"/variants\?impact=HIGH$"))
    assert 0 < total(page) < before
    page.get_by_role("combobox", name="child").select_option("carries it")
    expect(page).to_have_url(re.compile(r"gt=child%3Acarrier"))
    page.get_by_label("Frequency, at most").fill("7")
    page.keyboard.press("Enter")
    expect(page.locator("#variants").get_by_role("alert")).to_contain_text("write a number from 0 to 1")
    assert page.evaluate("window.mark === true")


def test_without_javascript(look: Callable[..., Visit]) -> None:
    page = look(java_script_enabled=False).page
    page.get_by_role("link", name="Explore the variants").click()
    page.get_by_label("High", exact=True).check()
    page.get_by_label("Pathogenic", exact=True).check()
    page.get_by_label("Likely pathogenic", exact=True).check()
    page.get_by_label("Frequency, at most").fill("0.01")
    page.get_by_role("button", name="Apply").click()
    all_are_what_was_asked_for(page)
    page.get_by_role("link", name=re.compile("^impact HIGH")).click()
    page.get_by_role("link", name="Quality", exact=True).click()
    expect(page.locator('th[aria-sort="ascending"]')).to_contain_text("Quality")
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("link", name="Back")).to_be_visible()
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("HGVSc", exact=True).uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="HGVSc")).to_have_count(0)
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (TSV)").click()
    assert download.value.suggested_filename == "family.variants.tsv"


def test_by_keyboard_alone(look: Callable[..., Visit]) -> None:
    visit = look("/variants")
    page = visit.page
    visit.loaded()
    press_until(page, lambda: page.evaluate("document.activeElement.textContent") == PRESET)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("clinvar=pathogenic"))
    all_are_what_was_asked_for(page)
    press_until(page, lambda: page.evaluate("document.activeElement.getAttribute('role') === 'region'"))
    press_until(page, lambda: bool(page.evaluate("document.activeElement.closest('tbody') !== null")))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/variants/\d+$"))


def test_a_link_opens_in_another_browser_and_its_secret_leaves_the_address(
    look: Callable[..., Visit], browse: Callable[..., Visit]
) -> None:
    owner = look("/shares")
    button(owner.page, "Make a link").click()
    link = owner.page.locator("#made").input_value()
    inside = re.compile(r"/shared/[0-9a-f]{64}$")
    guest = browse()
    guest.page.goto(link)
    guest.page.wait_for_url(inside)
    guest.page.get_by_role("link", name="Explore the variants").click()
    expect(guest.page.get_by_role("heading", name="Variants", exact=True)).to_be_visible()
    guest.page.locator("#f-gene").fill("NOTHING")
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_text("No variant passes this filter.")).to_be_visible()
    guest.page.go_back()
    guest.page.goto(f"{guest.stack.url}/shared")
    assert "#" not in guest.page.url
    # By hand, where there is no JavaScript.
    plain = browse(java_script_enabled=False)
    plain.page.goto(link)
    plain.page.get_by_label("Link", exact=True).fill(link)
    button(plain.page, "Open").click()
    plain.page.wait_for_url(inside)
    owner.page.goto(owner.page.url)
    button(owner.page, "Revoke").first.click()
    expect(owner.page.get_by_text("The link is revoked.")).to_be_visible()
    guest.page.goto(plain.page.url)
    expect(guest.page.get_by_role("heading", name="Not found")).to_be_visible()


def press_until(page: Page, there: Callable[[], bool]) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError("The keyboard does not get there.")
