"""Pictures of every page, for people to look at: `make screenshots`, or some with `make screenshots ONLY=NAME`."""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.local.environment import ROOT
from scripts.local.stack import Stack
from scripts.pages import SCHEMES, SETTINGS, SHOTS, SIZES, Opened, Shot, opened

PICTURES = ROOT / "docs" / "screenshots"
# Letters can be read, and a picture has some tens of kilobytes.
WEBP_QUALITY = 45
# What is longer than this says nothing new.
MOST_PIXELS_HIGH = 2_400


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=PICTURES, show_default=True)
@click.option("--only", default="", help="Take those whose name (page-size-scheme) contains this.")
def main(out: Path, only: str) -> None:
    """Start a service of its own on free ports and write a WebP of each page, size and colour scheme into OUT."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("The pictures are taken with Debian's Chromium: apt-get install chromium")
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="gas-screenshots-") as folder,
        Stack(Path(folder), SETTINGS) as stack,
        opened(stack, Path(folder)) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            for size in SIZES:
                for scheme in SCHEMES:
                    name = picture(shot, size, scheme)
                    if only in name:
                        (out / name).write_bytes(take(browser, service, shot, size, scheme))
                        print(name, flush=True)
        browser.close()


def picture(shot: Shot, size: str, scheme: str) -> str:
    """The file's name."""
    return f"{shot.name}-{size}-{scheme}.webp"


def take(browser: Browser, service: Opened, shot: Shot, size: str, scheme: str) -> bytes:
    """One picture, from a browser of its own."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.add_cookies(service.cookies(shot))
    page = context.new_page()
    page.goto(service.url(shot))
    shot.prepare(page)
    taken = webp(page)
    context.close()
    return taken


def webp(page: Page) -> bytes:
    """The whole page as it is now.

    https://chromedevtools.github.io/devtools-protocol/tot/Page/#method-captureScreenshot
    """
    page.evaluate("document.fonts.ready.then(() => {})")
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, MOST_PIXELS_HIGH), "scale": 1}
    devtools = page.context.new_cdp_session(page)
    options = {"format": "webp", "quality": WEBP_QUALITY, "captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(devtools.send("Page.captureScreenshot", options)["data"])


if __name__ == "__main__":
    main()
