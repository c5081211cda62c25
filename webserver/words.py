"""Numbers, sizes and times as people say them."""

from collections.abc import Sequence

MINUTE, HOUR, DAY = 60, 3600, 86_400
# What a job consists of, in the words of a deletion's receipt.
BELONGINGS = {
    "input": "the file you uploaded",
    "result": "the result",
    "archive": "the result in the archive",
    "log": "the log",
    "receipt": "the receipt",
}


def number(value: int) -> str:
    """With thin spaces between groups of three, as the SI recommends: 1 234 567."""
    return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)


def plural(count: int, one: str, many: str | None = None) -> str:
    """The number and its noun: `1 record`, `2 records`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def file_size(size: int) -> str:
    """Decimal units, as disks and AWS bills count: 1.5 MB."""
    if size < 1000:
        return plural(size, "byte")
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.3g} {unit}"


def duration(seconds: float) -> str:
    """The two largest units that matter: `0.8 s`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 days 4 h`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in (
        (DAY, "day", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            count, rest = whole // size, whole % size // smaller_size
            name = f"{count} {unit}s" if unit == "day" and count > 1 else f"{count} {unit}"
            return f"{name} {rest} {smaller}" if rest else name
    return f"{whole} s"


def ago(then: float, now: float) -> str:
    """How long ago, or in how long: `just now`, `5 minutes ago`, `in 2 hours`."""
    seconds = now - then
    span = abs(seconds)
    if span < 10:
        return "just now"
    for size, unit in (
        (365 * DAY, "year"),
        (30 * DAY, "month"),
        (DAY, "day"),
        (HOUR, "hour"),
        (MINUTE, "minute"),
        (1, "second"),
    ):
        if span >= size:
            words = plural(int(span // size), unit)
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


def deletion(goes: Sequence[str], minutes: str | None) -> str:
    """What a deleted job takes with it; `minutes` until all is gone, in digits, None where it is gone already.

    Both may come from an address that anybody wrote: what is unknown is left out.
    """
    named = [BELONGINGS[name] for name in goes if name in BELONGINGS]
    if not named:
        return "The job is deleted."
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    if minutes is None or not minutes.isascii() or not minutes.isdecimal() or len(minutes) > 3:
        return f"The job is deleted, with {listed}. Nothing of it is left."
    within = "a minute" if int(minutes) <= 1 else f"{int(minutes)} minutes"
    return f"The job is deleted, with {listed}. What is not gone yet is gone within {within}."
