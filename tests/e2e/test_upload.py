"""Uploads in a real browser against the real pages and the stand-in's signed addresses, CORS and POST policies."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Request, Route, expect

from scripts.local import loopback
from scripts.local.stack import Stack
from tests.e2e.conftest import BUCKET, PATIENCE_MS, Visit, objects

# What is tried here ends when the job begins, so nothing annotates.
PROGRAMS = ("web",)
MEBIBYTE = 1024**2
PART = 8 * MEBIBYTE
SIZE_LIMIT = 40 * MEBIBYTE
SETTINGS = {"GAS_FREE_SIZE_LIMIT": str(SIZE_LIMIT)}

BEGINNING = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t1\t.\tG\tC\t.\t.\tNOISE="

pytestmark = pytest.mark.xdist_group("upload")


def unfinished(stack: Stack) -> list[str]:
    found = stack.client("s3").list_multipart_uploads(Bucket=BUCKET)
    return [upload["Key"] for upload in found.get("Uploads", ())]


def parts_put(page: Page) -> list[str]:
    """Grows with each part that the page begins to send."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PUT":
            seen.append(request.url)

    page.on("request", note)
    return seen


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    """A file of so many bytes, unlike any other, that begins as a VCF."""

    def make(size: int, name: str = "sample.vcf") -> Path:
        path = tmp_path / name
        path.write_bytes((BEGINNING + random.randbytes(size // 2).hex().encode())[:size])
        return path

    return make


def test_a_file_goes_straight_to_storage_and_on_to_its_page(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(3 * PART + 12_345)
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file)
    expect(visit.row.locator('[data-part="name"]')).to_have_text("sample.vcf")
    expect(visit.status).to_have_text(re.compile(r"\d+ %, .* of 25\.2 MB · .*MB/s · .* left"))
    expect(visit.page.locator("#upload-live")).to_contain_text("sample.vcf")
    assert visit.row.locator("progress").get_attribute("aria-label") == "Upload of sample.vcf"
    visit.slow_down(0)
    visit.arrives(file)
    expect(visit.page.locator("h1")).to_contain_text("sample.vcf")


def test_several_files_are_dropped_at_once(visit: Visit) -> None:
    visit.page.evaluate(
        """() => {
          const carried = new DataTransfer();
          const columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"].join("\\t");
          const text = (n) => `##fileformat=VCFv4.2\\n##file=${n}\\n${columns}\\n`;
          for (let n = 1; n <= 5; n += 1) carried.items.add(new File([text(n)], `drop ${n}.vcf`));
          const event = (kind) => new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
          const zone = document.getElementById("drop-zone");
          zone.dispatchEvent(event("dragenter"));
          if (!zone.classList.contains("drop-zone-over")) throw new Error("the zone does not show that it takes files");
          zone.dispatchEvent(event("dragover"));
          zone.dispatchEvent(event("drop"));
        }"""
    )
    links = visit.page.locator('.transfer[data-state="done"] [data-part="job"]')
    expect(links).to_have_count(5, timeout=PATIENCE_MS)
    contents = {visit.stored(str(link.get_attribute("href")).rpartition("/")[2]) for link in links.all()}
    numbers = {re.findall(rb"##file=(\d)", content)[0] for content in contents}
    assert numbers == {b"1", b"2", b"3", b"4", b"5"}
    expect(visit.page).to_have_url(re.compile("/annotate$"))


def test_a_dropped_network_is_waited_for(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(2 * PART + 5)
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file)
    expect(visit.status).to_contain_text("MB/s")
    visit.cut_off()
    expect(visit.status).to_have_text("No connection. The upload goes on by itself as soon as there is one.")
    visit.slow_down(0)
    visit.arrives(file)


def test_after_a_reload_the_same_file_continues_where_it_stopped(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(5 * PART)
    warnings: list[str] = []

    def leave(dialog: Dialog) -> None:
        warnings.append(dialog.type)
        dialog.accept()

    visit.page.on("dialog", leave)
    # The last part gets no answer, so that the upload is still under way when the page is left.
    visit.page.route("**/*partNumber=5*", lambda route: None)
    visit.choose(file)
    visit.page.wait_for_function(
        """(sent) => Object.keys(localStorage).some((key) => key.startsWith("gas.uploads.") &&
                     Object.values(JSON.parse(localStorage[key])).some((record) => record.sent === sent))""",
        arg=4 * PART,
    )
    visit.page.reload()
    assert warnings == ["beforeunload"]
    notice = visit.page.locator("#unfinished .notice")
    expect(notice).to_contain_text("sample.vcf was interrupted at 80 % of 41.9 MB. Choose the same file again")
    visit.page.unroute("**/*partNumber=5*")
    sent = parts_put(visit.page)
    visit.choose(file)
    expect(notice).to_have_count(0)
    visit.arrives(file)
    assert [re.findall(r"partNumber=(\d+)", url) for url in sent] == [["5"]]


def test_a_file_chosen_before_the_script_is_there_is_taken_up(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(1000)
    held: list[Route] = []
    visit.page.route("**/static/upload/main.js*", lambda route: held.append(route))
    visit.page.reload(wait_until="commit")
    visit.page.locator("#file").set_input_files(file)
    held[0].continue_()
    visit.arrives(file)


def test_an_unfinished_upload_can_be_discarded(visit: Visit, file_of: Callable[..., Path]) -> None:
    visit.page.on("dialog", lambda dialog: dialog.accept())
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file_of(2 * PART))
    expect(visit.status).to_contain_text("MB/s")
    visit.page.reload()
    with visit.page.expect_response("**/annotate/uploads/abort") as answer:
        visit.page.get_by_role("button", name="Discard sample.vcf").click()
    assert answer.value.ok
    visit.page.reload()
    expect(visit.page.locator("#drop-zone")).to_be_visible()
    expect(visit.page.locator("#unfinished .notice")).to_have_count(0)


def test_pause_continue_and_cancel_by_keyboard(visit: Visit, file_of: Callable[..., Path]) -> None:
    before = set(objects(visit.stack)) | set(unfinished(visit.stack))
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file_of(3 * PART))
    expect(visit.status).to_contain_text("MB/s")
    visit.button("pause").focus()
    visit.page.keyboard.press("Enter")
    expect(visit.status).to_have_text("Paused")
    # The focus moves to what replaces the pressed button.
    expect(visit.button("resume")).to_be_focused()
    visit.page.keyboard.press("Enter")
    expect(visit.status).to_contain_text("%")
    with visit.page.expect_response("**/annotate/uploads/abort") as answer:
        visit.button("cancel").press("Enter")
    assert answer.value.ok
    expect(visit.status).to_have_text("Cancelled")
    assert set(objects(visit.stack)) | set(unfinished(visit.stack)) == before
    visit.open()
    expect(visit.page.locator("#unfinished .notice")).to_have_count(0)


def test_an_ended_session_asks_to_sign_in_again_and_loses_nothing(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(2 * PART)
    sent = parts_put(visit.page)
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file)
    expect(visit.status).to_contain_text("MB/s")
    visit.context.clear_cookies()
    visit.slow_down(0)
    expect(visit.status).to_have_text(re.compile("Your session has ended. .* nothing is lost"))
    expect(visit.button("sign-in")).to_have_attribute("href", "/login")
    visit.context.add_cookies(visit.cookies)
    visit.button("resume").click()
    visit.arrives(file)
    assert len(sent) == 2


def test_storage_that_refuses_is_tried_again(visit: Visit, file_of: Callable[..., Path]) -> None:
    rule = {"service": "s3", "operation": "UploadPart", "kind": "error", "code": "SlowDown", "count": 2}
    assert loopback.session().post(f"{visit.stack.aws_url}/_standin/faults", json=rule, timeout=10).ok
    file = file_of(PART + 1)
    visit.choose(file)
    visit.arrives(file)


def test_an_upload_that_storage_has_forgotten_starts_again(visit: Visit, file_of: Callable[..., Path]) -> None:
    file = file_of(3 * PART)
    visit.slow_down(2 * MEBIBYTE)
    visit.choose(file)
    expect(visit.status).to_contain_text("MB/s")
    visit.button("pause").click()
    for upload in visit.stack.client("s3").list_multipart_uploads(Bucket=BUCKET)["Uploads"]:
        visit.stack.client("s3").abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    visit.slow_down(0)
    visit.button("resume").click()
    expect(visit.row).to_have_attribute("data-state", "failed")
    expect(visit.status).to_contain_text("start again")
    visit.button("again").click()
    visit.arrives(file)


@pytest.mark.parametrize(
    ("size", "sentence", "upgrade"),
    [
        (0, r"This file is empty\.", False),
        (SIZE_LIMIT + 1, r"This file has 41\W943\W041 bytes, and yours may have up to 41\W943\W040 bytes\.", True),
    ],
)
def test_what_cannot_be_taken_is_refused_in_a_sentence(
    visit: Visit, file_of: Callable[..., Path], size: int, sentence: str, upgrade: bool
) -> None:
    sent = parts_put(visit.page)
    visit.choose(file_of(size))
    expect(visit.status).to_contain_text(re.compile(sentence))
    expect(visit.button("upgrade")).to_be_visible(visible=upgrade)
    expect(visit.button("again")).to_be_hidden()
    assert sent == []
    visit.button("dismiss").click()
    expect(visit.page.locator(".transfer")).to_have_count(0)


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.vcf", "a\u202efcv.exe", "-rf é.vcf", "nosuffix"])
def test_a_hostile_name_is_text_and_nothing_else(visit: Visit, file_of: Callable[..., Path], name: str) -> None:
    visit.slow_down(200_000)
    file = file_of(100_000, name)
    visit.choose(file)
    expect(visit.row.locator('[data-part="name"]')).to_have_text(name)
    assert visit.page.locator(".transfer img").count() == 0
    visit.slow_down(0)
    visit.arrives(file)
    expect(visit.page.locator("h1")).to_contain_text(name)
    assert visit.page.locator("main img").count() == 0


def test_without_javascript_a_form_and_a_button_do(enter: Callable[..., Visit], file_of: Callable[..., Path]) -> None:
    visit = enter(java_script_enabled=False)
    file = file_of(100_000, "plain é.vcf")
    visit.choose(file)
    visit.page.get_by_role("button", name="Upload").click()
    visit.page.wait_for_url("**/annotate/job?ticket=**")
    expect(visit.page.locator("main")).to_contain_text("plain é.vcf")
    expect(visit.page.locator("main")).to_contain_text("100 kB")
    visit.page.get_by_role("button", name="Annotate").click()
    visit.arrives(file)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window(enter: Callable[..., Visit], file_of: Callable[..., Path], width: int) -> None:
    visit = enter(viewport={"width": width, "height": 800})
    visit.slow_down(100_000)
    visit.choose(file_of(1_000_000, f"{'long-name-' * 20}.vcf"))
    expect(visit.status).to_contain_text("%")
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
