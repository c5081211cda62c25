"""Sorting records that may be more than memory holds: sorted runs in temporary files, merged."""

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

# Files merged at a time: far below what a process may have open.
_RUNS_MERGED = 64
# What a line costs in memory beside its characters: the str object, its place in the list, the prefix.
_OVERHEAD = 150
_NUMBER_WIDTH = 12

Numbered = tuple[int, str]


def external_sort(
    records: Iterable[Numbered], key: Callable[[str], str], memory_bytes: int, scratch: Path | None
) -> Iterator[Numbered]:
    """The (line number, line) pairs in order of `key` (texts of equal width, also for an empty line), then of number.

    Lines hold no line ends. About `memory_bytes` are used; what is more goes to unnamed files in `scratch` (default:
    the system's temporary folder), which vanish with the process.
    """
    with ExitStack() as files:
        runs: list[IO[str]] = []
        waiting: list[str] = []
        size = 0
        for number, line in records:
            waiting.append(f"{key(line)}{number:0{_NUMBER_WIDTH}d}{line}\n")
            size += len(line) + _OVERHEAD
            if size >= memory_bytes:
                waiting.sort()
                runs.append(_run(waiting, scratch, files))
                waiting, size = [], 0
                if len(runs) == _RUNS_MERGED:
                    runs = [_merged(runs, scratch, files)]
        waiting.sort()
        width = len(key(""))
        for entry in heapq.merge(*runs, waiting):
            yield int(entry[width : width + _NUMBER_WIDTH]), entry[width + _NUMBER_WIDTH : -1]


def _run(entries: Iterable[str], scratch: Path | None, files: ExitStack) -> IO[str]:
    run = files.enter_context(
        tempfile.TemporaryFile("w+", encoding="latin-1", newline="\n", dir=scratch)  # noqa: SIM115
    )
    run.writelines(entries)
    run.seek(0)
    return run


def _merged(runs: list[IO[str]], scratch: Path | None, files: ExitStack) -> IO[str]:
    merged = _run(heapq.merge(*runs), scratch, files)
    for run in runs:
        run.close()
    return merged
