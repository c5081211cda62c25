import io

import pytest

from scripts.reference.progress import Bar, duration, size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_says_how_far_how_fast_and_how_long() -> None:
    out, now = Terminal(), [0.0]
    bar = Bar(out, total=10_000_000, done=2_000_000, clock=lambda: now[0])
    bar.add("a.gz", 1)
    assert out.getvalue() == ""
    now[0] = 2.0
    bar.add("a.gz", 2_999_999)
    assert out.getvalue().endswith("[############............]  50% of 10.0 MB, 1.5 MB/s, 3 s left: a.gz")
    bar.clear()
    assert out.getvalue().endswith("\r\x1b[K")


def test_a_bar_without_a_known_size() -> None:
    out, now = Terminal(), [0.0]
    bar = Bar(out, total=0, done=0, clock=lambda: now[0])
    now[0] = 1.0
    bar.add("a.gz", -5)
    assert "0% of 0 B, 0 B/s, ? left" in out.getvalue()


def test_nothing_is_drawn_into_a_file() -> None:
    out, now = io.StringIO(), [0.0]
    bar = Bar(out, 100, 0, clock=lambda: now[0])
    now[0] = 60.0
    bar.add("a.gz", 50)
    bar.clear()
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (26_600_000_000, "26.6 GB"), (9.996e8, "1.0 GB"), (5e13, "50.0 TB")],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.2, "3 s"), (65, "1 min 05 s"), (7500, "2 h 05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
