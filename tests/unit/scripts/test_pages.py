"""No page is forgotten: each route that answers with a page is looked at, and has its pictures."""

import re

import pytest

from scripts.local.environment import ROOT
from scripts.pages import NOT_PAGES, SCHEMES, SHOTS, SIZES, Shot, matching
from scripts.screenshots import PICTURES, picture

LARGEST_PICTURE_BYTES = 180_000
# Programs' routes answer with JSON.
PAGES = [
    path
    for path, who in re.findall(
        r"^\| GET \| `(/[^`]*)` \| (\w+) \|", (ROOT / "docs" / "routes.md").read_text("utf-8"), re.MULTILINE
    )
    if who != "program" and not path.startswith(("/api/", "/ga4gh/", "/static/"))
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_looked_at(path: str) -> None:
    assert bool(matching(path)) != (path in NOT_PAGES), f"{path}: add it to SHOTS of scripts/pages.py, or to NOT_PAGES"


def test_nothing_else_is_excused() -> None:
    assert set(NOT_PAGES) <= set(PAGES)


def test_each_has_a_name_of_its_own() -> None:
    assert len({shot.name for shot in SHOTS}) == len(SHOTS)


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_every_page_has_its_pictures(shot: Shot) -> None:
    """`make screenshots` takes them; looking at them is for people."""
    for size in SIZES:
        for scheme in SCHEMES:
            file = PICTURES / picture(shot, size, scheme)
            assert file.is_file(), f"{file.name} is missing: make screenshots ONLY={shot.name}-"
            content = file.read_bytes()
            assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP"), file.name
            assert len(content) <= LARGEST_PICTURE_BYTES, file.name


def test_no_picture_is_of_a_page_that_is_gone() -> None:
    known = {picture(shot, size, scheme) for shot in SHOTS for size in SIZES for scheme in SCHEMES}
    assert {file.name for file in PICTURES.iterdir()} == known
