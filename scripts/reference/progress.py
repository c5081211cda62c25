"""A progress bar for downloads, on a terminal; nothing anywhere else."""

import time
from collections.abc import Callable
from typing import TextIO

_WIDTH = 24
# Not more often, so that drawing costs nothing.
_SECONDS_BETWEEN = 0.2


class Bar:
    """Draws how much of `total` bytes is done, how fast it goes and how long it will take.

    `done` bytes are there at the start and say nothing of the speed.
    """

    def __init__(self, out: TextIO, total: int, done: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._shown = out.isatty()
        self._total = total
        self._done = self._before = done
        self._clock = clock
        self._started = self._drawn = clock()

    def add(self, what: str, count: int) -> None:
        """`count` more bytes of the file `what` are done; negative when they have to be fetched again."""
        self._done += count
        now = self._clock()
        if self._shown and now - self._drawn >= _SECONDS_BETWEEN:
            self._drawn = now
            self._out.write(f"\r\x1b[K{self._line(what, now)}")
            self._out.flush()

    def clear(self) -> None:
        """Take the bar away, for a line to be written."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _line(self, what: str, now: float) -> str:
        share = min(1.0, self._done / self._total) if self._total else 0.0
        filled = round(share * _WIDTH)
        speed = max(0.0, (self._done - self._before) / (now - self._started)) if now > self._started else 0.0
        left = duration((self._total - self._done) / speed) if speed else "?"
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"[{bar}] {share:4.0%} of {size(self._total)}, {size(speed)}/s, {left} left: {what}"


def size(count: float) -> str:
    """Bytes for people, in powers of a thousand: "26.6 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds for people: "2 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
