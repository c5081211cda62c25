import pytest

from webserver import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9999, "9999"), (10_000, "10\u202f000"), (1_234_567, "1\u202f234\u202f567"), (-12_345, "-12\u202f345")],
)
def test_numbers(value: int, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1536, "1.54 kB"),
        (999_499, "999 kB"),
        (999_999, "1 MB"),
        (50_000_000, "50 MB"),
        (500_000_000_000, "500 GB"),
        (48_800_000_000_000, "48.8 TB"),
        (5_000_000_000_000_000, "5e+03 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert words.file_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.254, "0.25 s"),
        (9.4, "9.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (300, "5 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (86_400, "1 day"),
        (270_000, "3 days 3 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (0, "just now"),
        (9, "just now"),
        (10, "10 seconds ago"),
        (60, "1 minute ago"),
        (3 * 3600, "3 hours ago"),
        (86_400, "1 day ago"),
        (40 * 86_400, "1 month ago"),
        (800 * 86_400, "2 years ago"),
        (-120, "in 2 minutes"),
    ],
)
def test_relative_times(age: float, text: str) -> None:
    assert words.ago(1_000_000_000 - age, 1_000_000_000) == text


@pytest.mark.parametrize(
    ("goes", "minutes", "text"),
    [
        (["input"], None, "The job is deleted, with the file you uploaded. Nothing of it is left."),
        (
            ["input", "archive", "log"],
            "1",
            "The job is deleted, with the file you uploaded, the result in the archive and the log. "
            "What is not gone yet is gone within a minute.",
        ),
        (["log"], "3", "The job is deleted, with the log. What is not gone yet is gone within 3 minutes."),
        (["log", "<b>"], "1e9", "The job is deleted, with the log. Nothing of it is left."),
        ([""], None, "The job is deleted."),
    ],
    ids=["one", "archived", "leased", "made up", "none"],
)
def test_the_receipt_of_a_deletion(goes: list[str], minutes: str | None, text: str) -> None:
    assert words.deletion(goes, minutes) == text
