"""The agents as real processes."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.deployment import Deployment, environment_of


class Process:
    """One agent, `python -m agents.NAME`, in a process of its own; the environment leads to the stand-in."""

    def __init__(self, place: Deployment, agent: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", f"agents.{agent}"],
                cwd=ROOT,
                env={**os.environ, **environment_of(place.settings)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged of one event."""
        read = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in read if line.get("event") == event]

    def child(self) -> int | None:
        """The process id of its child, once there is one."""
        for task in Path(f"/proc/{self.popen.pid}/task").iterdir():
            # A thread may end between the listing and the look.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if found := (task / "children").read_text().split():
                    return int(found[0])
        return None


@contextmanager
def processes(place: Deployment, folder: Path) -> Iterator[Callable[[str], Process]]:
    """Starts agents by name; kills with the block what still runs."""
    started: list[Process] = []

    def start(agent: str) -> Process:
        started.append(Process(place, agent, folder / f"{agent}-{len(started)}.log"))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.popen.kill()
            process.popen.wait()
