"""Pictures of every page, for people to look at: `.venv/bin/python -m scripts.screenshots --out FOLDER`."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.local.environment import BUNDLE, BUNDLES, ROOT
from scripts.local.site import Visitor
from scripts.local.stack import Stack

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
SETTINGS = {"GAS_PROGRESS_SECONDS": "0.3", "GAS_POLL_SECONDS": "1", "GAS_FREE_WINDOW": "1800"}
PATIENCE_SECONDS = 120
COLUMNS = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
AN_UPLOAD = "A0231_tumour_vs_normal.mutect2.filtered.vcf"


@dataclass(frozen=True)
class People:
    """Who looks: a user with jobs of every kind, a premium user, and one who has just signed in."""

    busy: Visitor
    premium: Visitor
    new: Visitor
    jobs: dict[str, str]


@dataclass(frozen=True)
class Shot:
    """One page: who looks at it (None: a stranger), its path, and what is done before the picture is taken."""

    name: str
    visitor: Visitor | None
    path: str
    prepare: Callable[[Page], None] = lambda page: None


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "var" / "screenshots", show_default=True)
@click.option("--only", default="", help="Take those whose name (page-size-scheme) contains this.")
def main(out: Path, only: str) -> None:
    """Start a service of its own on free ports and write a PNG of each page, size and colour scheme into OUT."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("The pictures are taken with Debian's Chromium: apt-get install chromium")
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="gas-screenshots-") as folder,
        Stack(Path(folder), SETTINGS) as stack,
        jobs_of_every_kind(stack, Path(folder)) as people,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for picture in take(browser, stack, shots(people), out, only):
            print(picture, flush=True)
        browser.close()


@contextmanager
def jobs_of_every_kind(stack: Stack, folder: Path) -> Iterator[People]:
    """One job in each state; those that wait and run stay so for as long as this is open."""
    busy, premium, new = (sign_in(stack, login) for login in ("ada", "ben", "chidi"))
    premium.post("/subscribe", {})
    jobs = {
        "completed": submit(busy, SAMPLE),
        "rejects": submit(busy, write(folder / "hand-written.vcf", COLUMNS + HAND_WRITTEN)),
        "failed": submit(busy, write(folder / "notes.vcf", "Dear diary,\ntoday no variant was called.\n")),
        "premium": submit(premium, SAMPLE),
    }
    for name, job_id in jobs.items():
        (premium if name == "premium" else busy).wait(job_id, PATIENCE_SECONDS)
    jobs["running"] = submit(busy, write(folder / f"{'long-name-' * 8}.vcf", COLUMNS + every_substitution()))
    await_progress(busy, jobs["running"])
    with stack.held("annotator"):
        jobs["cancelled"] = submit(busy, SAMPLE, "wrong-sample.vcf.gz")
        busy.post(f"/annotations/{jobs['cancelled']}/cancel", {})
        jobs["pending"] = submit(busy, SAMPLE, "family-3.vcf.gz")
        yield People(busy, premium, new, jobs)


HAND_WRITTEN = (
    "MT\t3243\t.\tA\tG\t.\t.\t.\n"
    "MT\t8993\t.\tT\tG\t.\t.\t.\n"
    "MT\t11778\t.\tT\tA\t.\t.\t.\n"
    "MT\t99999\t.\tT\tA\t.\t.\t.\n"
    "MT\t12\t.\tT\t<DEL>\t.\t.\t.\n"
    "chrUn_17\t12\t.\tT\tA\t.\t.\t.\n"
    "MT\tabc\t.\tT\tA\t.\t.\t.\n"
)


def every_substitution() -> str:
    """Records for a few seconds of work: what each base of the mitochondrion can be replaced with."""
    bases = (BUNDLES / BUNDLE / "sequence.bin").read_bytes().decode("ascii")
    return "".join(
        f"MT\t{position}\t.\t{old}\t{new}\t.\t.\t.\n"
        for position, old in enumerate(bases, start=1)
        for new in "ACGT"
        if old != new and old != "N"
    )


def shots(people: People) -> list[Shot]:
    """Every page in every state worth looking at."""
    jobs, busy, new = people.jobs, people.busy, people.new
    pages = [
        Shot("home", None, "/"),
        Shot("home-member", busy, "/"),
        Shot("sign-in", None, "/login"),
        Shot("annotate", new, "/annotate"),
        Shot("annotate-uploading", new, "/annotate", upload),
        Shot("annotations-empty", new, "/annotations"),
        Shot("annotations", busy, "/annotations"),
        Shot("annotations-none-cancelled", new, "/annotations?status=CANCELLED"),
        Shot("variants", busy, f"/annotations/{jobs['completed']}/variants"),
        Shot("variants-filtered", busy, f"/annotations/{jobs['completed']}/variants?impact=MODERATE&max_af=0.01"),
        Shot("variants-columns", busy, f"/annotations/{jobs['completed']}/variants", open_columns),
        Shot("variants-none", busy, f"/annotations/{jobs['completed']}/variants?gene=NOTHING"),
        Shot("variants-wrong", busy, f"/annotations/{jobs['completed']}/variants?max_af=7&region=1:9-2"),
        Shot("variant", busy, f"/annotations/{jobs['completed']}/variants/100"),
        Shot("shares", busy, f"/annotations/{jobs['completed']}/shares"),
        Shot("shared", None, "/shared"),
        Shot("webhooks", busy, "/profile/webhooks"),
        Shot("genome", busy, f"/annotations/{jobs['rejects']}/genome?locus=MT:8993", drawn),
        Shot("genome-whole", busy, f"/annotations/{jobs['completed']}/genome", drawn),
        Shot("log", busy, f"/annotations/{jobs['completed']}/log"),
        Shot("log-none", busy, f"/annotations/{jobs['pending']}/log"),
        Shot("profile", busy, "/profile"),
        Shot("profile-premium", people.premium, "/profile?done=saved"),
        Shot("subscribe", busy, "/subscribe"),
        Shot("subscribe-premium", people.premium, "/subscribe?done=subscribed"),
        Shot("not-found", busy, "/annotations/00000000-0000-0000-0000-000000000000"),
        Shot("problem", None, "/authcallback?code=x&state=x"),
        Shot("focus", busy, f"/annotations/{jobs['completed']}", focus),
    ]
    for name, job_id in jobs.items():
        visitor = people.premium if name == "premium" else busy
        picture = "annotation" if name == "completed" else f"annotation-{name}"
        pages.append(Shot(picture, visitor, f"/annotations/{job_id}"))
    return pages


def upload(page: Page) -> None:
    """A file under way, of which only the first part is sent, one too large, and one made against another assembly."""
    page.evaluate(
        """([name, columns]) => {
          const open = XMLHttpRequest.prototype.open;
          XMLHttpRequest.prototype.open = function (method, url) {
            if (/partNumber=[2-9]/.test(url)) this.send = () => {};
            open.call(this, method, url);
          };
          const carried = new DataTransfer();
          const places = Array.from({ length: 4000 }, (_, index) => 4 * index + 1);
          const records = places.map((place) => `MT\\t${place}\\t.\\tA\\tC\\t.\\t.\\tDP=30\\n`).join("");
          const start = new TextEncoder().encode(columns + records);
          for (const [size, called] of [[21e6, name], [60e6, "whole-genome.vcf"]]) {
            carried.items.add(new File([start, new Uint8Array(size - start.length)], called));
          }
          const mouse = columns.replace("#CHROM", "##contig=<ID=MT,length=16299>\\n#CHROM") + records;
          carried.items.add(new File([mouse], "C57BL6.mitochondrion.vcf"));
          document.getElementById("drop-zone").dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        [AN_UPLOAD, COLUMNS],
    )
    page.get_by_text("39 %").wait_for()
    page.get_by_text("60 MB, and").wait_for()
    page.get_by_text("made against another assembly").wait_for()


def drawn(page: Page) -> None:
    """The genome view with everything in it."""
    page.locator("#genome[data-ready]").wait_for()
    page.wait_for_load_state("networkidle")


def open_columns(page: Page) -> None:
    """The column chooser."""
    page.locator("summary", has_text="Columns").click()


def focus(page: Page) -> None:
    """The keyboard on the primary button."""
    page.get_by_role("link", name="Download the result").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")


def take(browser: Browser, stack: Stack, pages: list[Shot], out: Path, only: str) -> Iterator[Path]:
    """Take the pictures; yields where each was written."""
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            for shot in pages:
                picture = out / f"{shot.name}-{size}-{scheme}.png"
                if only not in picture.stem:
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                    reduced_motion="reduce",
                )
                if shot.visitor is not None:
                    for cookie in shot.visitor.cookies:
                        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": stack.url}])
                page = context.new_page()
                page.goto(f"{stack.url}{shot.path}")
                page.evaluate("document.fonts.ready.then(() => {})")
                shot.prepare(page)
                too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if too_wide > 0:
                    print(f"{picture.stem} is {too_wide} pixels wider than the window", file=sys.stderr)
                page.screenshot(path=picture, full_page=True)
                context.close()
                yield picture


def sign_in(stack: Stack, login: str) -> Visitor:
    visitor = Visitor(stack.url)
    visitor.sign_in(f"{login}@example.org")
    return visitor


def submit(visitor: Visitor, path: Path, name: str | None = None) -> str:
    return visitor.create_job(visitor.upload(path, name))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="ascii")
    return path


def await_progress(visitor: Visitor, job_id: str) -> None:
    """Until the annotator is in the middle of the job."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not visitor.status(job_id)["job"]["progress"]["done"]:
        if time.monotonic() > deadline:
            sys.exit("No annotator began the job.")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
