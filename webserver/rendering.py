"""Templates: Jinja2 with escaping always on, and the few words and shapes that every page needs."""

import re
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from webserver import words

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """The one Jinja2 environment of the process."""
    jinja = Environment(
        loader=FileSystemLoader(HERE / "views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(asset=asset, icon=icon, moment=moment)
    jinja.filters.update(
        breakable=breakable,
        number=words.number,
        file_size=words.file_size,
        duration=words.duration,
        ago=words.ago,
        plural=words.plural,
    )
    return jinja


def render(template: str, **values: Any) -> str:
    """Fill a template of `views/`."""
    return environment().get_template(template).render(**values)


@cache
def asset(path: str) -> str:
    """The address of a file of `static/`, with its content's digest so that browsers may keep it for ever."""
    return f"/static/{path}?v={digest(path)}"


@cache
def digest(path: str) -> str:
    """A short digest of a file of `static/`; empty when there is no such file."""
    file = STATIC / path
    return sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""


@cache
def icon(name: str) -> Markup:
    """A Bootstrap icon as inline SVG, hidden from screen readers: the text beside it says the same."""
    file = STATIC / "vendor" / "icons" / f"{name}.svg"
    svg = file.read_text("utf-8").strip() if file.is_file() else "<svg></svg>"
    return Markup(svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1))  # noqa: S704 - our own file


def breakable(name: str) -> Markup:
    """A file name that a narrow page breaks after its dots, dashes and underscores."""
    pieces = re.split(r"(?<=[._-])", name)
    return Markup("<wbr>").join(pieces)


def moment(epoch_seconds: float | None, now: float) -> Markup:
    """A point in time: relative words, the full time in the title; times.js shows it in the user's own zone."""
    if epoch_seconds is None:
        return Markup("")
    when = datetime.fromtimestamp(epoch_seconds, UTC)
    full = when.strftime("%-d %B %Y, %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.strftime("%Y-%m-%dT%H:%M:%SZ"), full, words.ago(epoch_seconds, now)
    )
