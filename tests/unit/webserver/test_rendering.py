import re

import pytest
from jinja2 import UndefinedError

from webserver import rendering


def test_values_are_escaped() -> None:
    template = rendering.environment().from_string("{{ name }} {{ name | breakable }}")
    page = template.render(name="<b>a.b</b>")
    assert page == "&lt;b&gt;a.b&lt;/b&gt; &lt;b&gt;a.<wbr>b&lt;/b&gt;"


def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendering.environment().from_string("{{ nothing }}").render()


def test_every_icon_that_a_template_names_exists() -> None:
    views = rendering.HERE / "views"
    named = {
        icon
        for view in views.glob("*.html")
        for icon in re.findall(r"""icon\(["']([a-z0-9-]+)["']\)""", view.read_text("utf-8"))
    }
    assert len(named) > 10
    for icon in named:
        assert (rendering.STATIC / "vendor" / "icons" / f"{icon}.svg").is_file(), icon


def test_an_icon_is_hidden_from_screen_readers() -> None:
    assert rendering.icon("upload").startswith('<svg aria-hidden="true"')
    assert rendering.icon("no-such-icon") == '<svg aria-hidden="true" focusable="false"></svg>'


def test_a_moment_has_the_full_time_in_its_title() -> None:
    assert rendering.moment(1_767_225_599, 1_767_225_659) == (
        '<time datetime="2025-12-31T23:59:59Z" title="31 December 2025, 23:59:59 UTC">1 minute ago</time>'
    )
    assert rendering.moment(None, 0) == ""


def test_a_missing_asset_has_no_digest() -> None:
    assert rendering.digest("nothing.css") == ""
