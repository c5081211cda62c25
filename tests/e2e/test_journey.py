"""A user's whole way through the service: with the mouse, without JavaScript, by keyboard alone."""

import gzip
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts.local.stack import Stack
from tests.e2e.conftest import JOB_PAGE, SAMPLE, Visit, button, objects, state

SETTINGS = {"GAS_PROGRESS_SECONDS": "0.3", "GAS_POLL_SECONDS": "1"}
# Of the sample: the variant of MELAS, in the transfer RNA for leucine.
MELAS = "MT\t3243\t.\tA\tG\t"

pytestmark = pytest.mark.xdist_group("journey")


def link(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True)


def sign_in(visit: Visit, login: str) -> None:
    """From the front page, through the page of the Globus stand-in."""
    visit.open("/")
    link(visit.page, "Sign in with Globus").click()
    visit.page.wait_for_url(f"{visit.stack.globus_url}/**")
    visit.page.get_by_label("Or be somebody else").fill(login)
    button(visit.page, "Sign in").click()
    visit.page.wait_for_url(f"{visit.stack.url}/**")


def is_annotated(path: Path) -> None:
    """It is the sample with its consequences, to be read with gunzip."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        text = lines.readlines()
    (described,) = [line for line in text if line.startswith("##INFO=<ID=CSQ")]
    fields = described.split("Format: ")[1].rstrip('">\n').split("|")
    (melas,) = [line for line in text if line.startswith(MELAS)]
    (csq,) = re.findall(r"(?:\t|;)CSQ=([^;\t]+)", melas)
    entries = [dict(zip(fields, entry.split("|"), strict=True)) for entry in csq.split(",")]
    assert ("MT-TL1", "non_coding_transcript_exon_variant") in {(e["SYMBOL"], e["Consequence"]) for e in entries}
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        assert sum(not line.startswith("#") for line in text) == sum(not line.startswith("#") for line in lines)


def never_reloads(page: Page) -> Callable[[], bool]:
    """Marks the page; what it returns says whether it is still the same one."""
    page.evaluate("window.mark = true")
    return lambda: bool(page.evaluate("window.mark === true"))


def test_from_signing_in_to_signing_out(browse: Callable[..., Visit], tmp_path: Path) -> None:
    visit = browse()
    page = visit.page
    login = f"grace-{uuid.uuid4().hex}@example.org"
    sign_in(visit, login)
    expect(page.locator("h1")).to_have_text("Annotations")
    expect(page.locator("main")).to_contain_text("Nothing annotated yet")

    link(page, "Annotate your first file").click()
    visit.slow_down(30_000)
    visit.choose(SAMPLE)
    expect(visit.row.get_by_role("progressbar")).to_be_visible()
    expect(visit.status).to_contain_text(" % ")
    visit.slow_down(0)
    job_id = visit.arrived()

    same_page = never_reloads(page)
    expect(state(page)).to_have_text("Completed")
    expect(page.get_by_role("region", name="Receipt")).to_contain_text("annotated")
    assert same_page(), "the state changed by itself"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    assert download.value.suggested_filename == "mitochondrial.annotated.vcf.gz"
    download.value.save_as(tmp_path / "result.vcf.gz")
    is_annotated(tmp_path / "result.vcf.gz")

    link(page, "Log").click()
    expect(page.locator("pre")).to_contain_text("annotated")
    visit.page.goto(visit.stack.outbox_url)
    page.get_by_role("link", name=job_id).click()
    expect(page).to_have_url(f"{visit.stack.url}/annotations/{job_id}")

    link(page, "Annotations").first.click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("mitochondrial.vcf.gz")
    link(page, "Profile").click()
    expect(page.locator("main")).to_contain_text(login)
    page.get_by_label("Institution").fill("Institute of Everything & <b>More</b>")
    button(page, "Save").click()
    expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
    expect(page.get_by_label("Institution")).to_have_value("Institute of Everything & <b>More</b>")

    subscribes_and_unsubscribes(page, job_id)
    button(page, "Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You have signed out of GAS.")
    visit.open(f"/annotations/{job_id}")
    page.wait_for_url(f"{visit.stack.globus_url}/**")


def subscribes_and_unsubscribes(page: Page, job_id: str) -> None:
    """From the profile and back, with a look at the job in between."""
    link(page, "Subscribe").click()
    button(page, "Subscribe").click()
    expect(page.get_by_role("status")).to_contain_text("You are a premium user now.")
    page.goto(page.url.partition("/subscribe")[0] + f"/annotations/{job_id}")
    expect(page.get_by_role("link", name="Download the result")).to_be_visible()
    expect(page.get_by_text("You can download the result for another")).to_have_count(0)
    link(page, "Profile").click()
    expect(page.locator("aside h2")).to_have_text("Premium user")
    link(page, "Your subscription").click()
    button(page, "Unsubscribe").click()
    expect(page.get_by_role("status")).to_have_text("You are a free user again.")


def test_without_javascript(browse: Callable[..., Visit], tmp_path: Path) -> None:
    visit = browse(java_script_enabled=False)
    page = visit.page
    sign_in(visit, f"plain-{uuid.uuid4().hex}")
    link(page, "Annotate your first file").click()
    visit.choose(SAMPLE)
    button(page, "Upload").click()
    expect(page.locator("h1")).to_have_text("Begin the annotation?")
    button(page, "Annotate").click()
    visit.arrived()
    # The page has itself fetched anew.
    expect(state(page)).to_have_text("Completed")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the result").click()
    download.value.save_as(tmp_path / "result.vcf.gz")
    is_annotated(tmp_path / "result.vcf.gz")
    explores(page)
    page.get_by_text("Delete this job").click()
    button(page, "Delete for good").click()
    expect(page.get_by_role("status")).to_have_text(
        "The job is deleted, with the file you uploaded, the result, the log and the receipt. Nothing of it is left."
    )
    link(page, "Profile").click()
    link(page, "Subscribe").click()
    button(page, "Subscribe").click()
    expect(page.get_by_role("status")).to_contain_text("You are a premium user now.")
    button(page, "Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You have signed out of GAS.")


def explores(page: Page) -> None:
    """From the job's page through the explorer, a filter and a variant, and back."""
    link(page, "Explore the variants").click()
    page.get_by_role("textbox", name="Gene", exact=True).fill("MT-ND4")
    button(page, "Apply").click()
    expect(page.get_by_role("link", name="gene MT-ND4")).to_be_visible()
    page.locator("table.variants tbody a").first.click()
    expect(page.locator("main")).to_contain_text("MT-ND4")
    page.get_by_role("link", name="mitochondrial.vcf.gz").click()


def press_until(page: Page, target: Locator, most: int = 30) -> None:
    """Tab on until the target has the focus; everything on the way must show that it has it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => { const style = getComputedStyle(document.activeElement);
                       const box = document.activeElement.getBoundingClientRect();
                       return { what: document.activeElement.outerHTML.slice(0, 120), left: box.left, top: box.top,
                                outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
                                width: box.width, height: box.height }; }"""
        )
        assert shown["outline"] >= 2, f"the focus does not show on {shown['what']}"
        assert min(shown["width"], shown["height"]) > 10, f"the focus is on what cannot be seen: {shown['what']}"
        assert min(shown["left"], shown["top"]) >= 0, f"the focus is outside of the window: {shown['what']}"
        if target.evaluate("(element) => element === document.activeElement"):
            return
    pytest.fail(f"{most} times Tab did not lead to {target}")


def test_by_keyboard_alone(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    page = visit.page
    # Else the page glides to what has the focus, and is still on its way when it is looked at.
    page.emulate_media(reduced_motion="reduce")
    # Playwright begins to catch file dialogues when somebody listens; begun with the key press, it can be too late.
    page.on("filechooser", lambda chooser: None)
    visit.open("/annotations")
    page.keyboard.press("Tab")
    expect(link(page, "Skip to the content")).to_be_focused()
    expect(link(page, "Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    press_until(page, link(page, "Annotate your first file"), most=1)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Annotate variants")
    visit.loaded()
    press_until(page, page.locator("#file"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(str(SAMPLE))
    visit.arrived()
    expect(state(page)).to_have_text("Completed")
    press_until(page, page.get_by_role("link", name="Download the result"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "result.vcf.gz")
    is_annotated(tmp_path / "result.vcf.gz")
    press_until(page, page.get_by_text("Delete this job"))
    page.keyboard.press("Enter")
    press_until(page, button(page, "Delete for good"), most=1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/annotations?done=deleted&**")
    press_until(page, button(page, "Sign out"))
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_contain_text("You have signed out of GAS.")


def test_another_s_job_is_not_there(visit: Visit, enter: Callable[..., Visit]) -> None:
    job_id = visit.submit(SAMPLE)
    expect(state(visit.page)).to_have_text("Completed")
    other = enter()
    for path in ("", "/status", "/log", "/download/result", "/download/input"):
        answer = other.page.goto(f"{other.stack.url}/annotations/{job_id}{path}")
        assert answer is not None
        assert answer.status == 404, path
        expect(other.page.locator("h1")).to_have_text("Not found")
    for action in ("cancel", "retry", "delete"):
        assert post(other.page, f"/annotations/{job_id}/{action}") == 404
    visit.page.reload()
    expect(state(visit.page)).to_have_text("Completed")
    assert visit.stored(job_id) == SAMPLE.read_bytes()
    assert [key for key in objects(visit.stack, "gas-results") if f"/{job_id}/" in key]


def post(page: Page, path: str) -> Any:
    """What the site answers to a POST from its own page."""
    return page.evaluate("(path) => fetch(path, { method: 'POST' }).then((answer) => answer.status)", path)


def test_every_page_fits_a_phone(enter: Callable[..., Visit], tmp_path: Path) -> None:
    visit = enter(viewport={"width": 360, "height": 740})
    page = visit.page
    file = tmp_path / f"{'a_name_without_a_hyphen' * 8}.vcf.gz"
    file.write_bytes(SAMPLE.read_bytes())
    job_id = visit.submit(file)
    expect(state(page)).to_have_text("Completed")
    for path in ("/", "/annotate", "/annotations", f"/annotations/{job_id}", "/profile", "/subscribe", "/nowhere"):
        visit.open(path)
        expect(page.locator("main")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    visit.open(f"/annotations/{job_id}/log")
    expect(page.get_by_role("region", name="Log")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_list_shows_what_each_job_is_doing(visit: Visit) -> None:
    visit.submit(SAMPLE)
    visit.open("/annotations")
    same_page = never_reloads(visit.page)
    expect(visit.page.locator("tbody .status")).to_have_text("Completed")
    assert same_page()
    link(visit.page, "Failed").click()
    expect(visit.page.locator("main")).to_contain_text("No job of yours is failed.")
    link(visit.page, "Completed").click()
    link(visit.page, "mitochondrial.vcf.gz").click()
    expect(visit.page).to_have_url(JOB_PAGE)
