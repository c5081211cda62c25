"""Every page in every state: what axe says of it, on a screen and a phone, light and dark; and the keyboard alone."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from scripts import pages
from scripts.local.environment import ROOT
from scripts.local.stack import Stack
from scripts.pages import SHOTS, SIZES, Opened, Shot
from scripts.screenshots import webp

SETTINGS = pages.SETTINGS
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
# What the dark scheme and a narrow window can change.
IN_THE_DARK = {"runOnly": ["color-contrast"]}
ON_A_PHONE = {
    "runOnly": ["color-contrast", "empty-table-header", "region", "scrollable-region-focusable", "target-size"]
}
MOST_STOPS = 400

pytestmark = pytest.mark.xdist_group("pages")

# Whoever moves by keyboard has to reach these.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex="-1"])')]
  .filter((element) => !element.disabled && element.checkVisibility({ visibilityProperty: true }))"""
# As on a page that was just opened.
TO_THE_TOP = (
    """() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex') }"""
)
# Notes where the focus is, also inside of an element with a tree of its own; null once it has come round.
STEP = """() => {
  let element = document.activeElement;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const comesAfter = (one, other) => {
    if (one.getRootNode() !== other.getRootNode()) {
      [one, other] = [one, other].map((each) => each.getRootNode().host ?? each);
    }
    return !!(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
  };
  window.walked ??= [];
  if (element === document.body || window.walked.includes(element)) return null;
  const before = window.walked.at(-1);
  window.walked.push(element);
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return {
    what: element.outerHTML.slice(0, 120),
    ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    size: Math.min(box.width, box.height),
    seen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    inOrder: !before || comesAfter(before, element),
  };
}"""
NOT_REACHED = (
    f"() => ({CONTROLS})().filter((element) => !window.walked?.includes(element)).map((e) => e.outerHTML.slice(0, 120))"
)


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with pages.opened(stack, tmp_path_factory.mktemp("pages")) as opened:
        yield opened


@pytest.fixture
def look(service: Opened, chromium: Browser) -> Iterator[Callable[[Shot], Page]]:
    """Opens a page in a browser of the one who looks; afterwards no script may have failed."""
    wrong: list[str] = []
    contexts = []

    def look(shot: Shot) -> Page:
        width, height = SIZES["desktop"]
        context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        context.add_cookies(service.cookies(shot))
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if "Security Policy" in message.text else None)
        page.goto(service.url(shot))
        shot.prepare(page)
        return page

    yield look
    for context in contexts:
        context.close()
    assert wrong == []


def open_everything(page: Page) -> None:
    for summary in page.locator("main details:not([open]) > summary").all():
        if summary.is_visible():
            summary.press("Enter")


def faults(page: Page, options: dict[str, Any] | None = None) -> list[Any]:
    """What axe finds, with some of the elements."""
    found = page.evaluate("(options) => axe.run(document, options)", {"resultTypes": ["violations"], **(options or {})})
    return [
        (one["id"], one["impact"], [node["html"][:150] for node in one["nodes"][:3]]) for one in found["violations"]
    ]


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_every_page_is_for_everybody(look: Callable[[Shot], Page], shot: Shot) -> None:
    page = look(shot)
    page.wait_for_load_state("load")
    open_everything(page)
    the_keyboard_reaches_everything_in_order(page)
    axe_finds_nothing(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than a phone"
    # As `make screenshots` does it.
    assert webp(page)[8:12] == b"WEBP"


def the_keyboard_reaches_everything_in_order(page: Page) -> None:
    page.evaluate(TO_THE_TOP)
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        step = page.evaluate(STEP)
        if step is None:
            break
        assert step["ring"] >= 2, f"the focus does not show on {step['what']}"
        assert step["size"] > 8, f"the focus is on what cannot be seen: {step['what']}"
        assert step["seen"], f"the focus is outside of the window: {step['what']}"
        assert step["inOrder"], f"the focus jumps back to {step['what']}"
    else:
        pytest.fail(f"after {MOST_STOPS} stops the focus has not come round")
    assert page.evaluate(NOT_REACHED) == []


def axe_finds_nothing(page: Page) -> None:
    """On a screen and a phone, which the page is left as; light and dark."""
    page.evaluate(AXE)
    found = {"light": faults(page)}
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found["dark"] = faults(page, IN_THE_DARK)
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    found["phone"] = faults(page, ON_A_PHONE)
    assert not any(found.values()), json.dumps(found, indent=1)
