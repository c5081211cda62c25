"""A supervisord of our own, asked over its socket."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from supervisor.states import STOPPED_STATES, ProcessStates

from gas import supervision
from gas.supervision import Process
from scripts.local.environment import ROOT

CONFIGURATION = ROOT / "ami" / "supervisor" / "supervisord.conf"
POLL_SECONDS = 0.05
LEFTOVER_SECONDS = 150


class NotReady(Exception):
    """Something did not come up; says what, and shows the end of its log."""


class Supervisor:
    """Starts, asks and stops one supervisord."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._logs = Path(environment["GAS_LOG_DIR"])
        self.socket = Path(environment["GAS_RUN_DIR"]) / "supervisor.sock"
        self.address = f"unix://{self.socket}"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._last_seen: list[Process] = []

    def start(self) -> None:
        """Start supervisord in a session of its own: a Ctrl-C in the terminal is for us to pass on, in order."""
        with (self._logs / "supervisord.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(CONFIGURATION)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop_leftover(self) -> None:
        """End a supervisord that an earlier, killed run left behind on the same socket."""
        try:
            supervision.ask(self.address, "shutdown")
        except OSError:
            return
        pid_file = self.socket.with_name("supervisord.pid")
        deadline = time.monotonic() + LEFTOVER_SECONDS
        # supervisord removes both files as the last thing it does.
        while self.socket.exists() and pid_file.exists():
            if time.monotonic() > deadline:
                raise NotReady(f"An earlier supervisord (process {pid_file.read_text()}) does not end. Stop it first.")
            time.sleep(POLL_SECONDS)

    def command(self, *arguments: str) -> list[str]:
        """The supervisorctl command line for this supervisord."""
        program = Path(sys.executable).with_name("supervisorctl")
        return [str(program), "-s", self.address, *arguments]

    def control(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run supervisorctl; its exit status says what supervisorctl's documentation says, and is not checked."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, timeout=180)

    def processes(self) -> list[Process]:
        """Every process. Raises OSError while supervisord does not listen."""
        self._last_seen = supervision.processes(self.address)
        return self._last_seen

    def start_groups(self, groups: Iterable[str]) -> None:
        """Say that these may start; returns at once."""
        for group in groups:
            supervision.start_group(self.address, group)

    def await_running(self, groups: Iterable[str], deadline: float) -> None:
        """Until every process of these groups runs. Raises NotReady."""
        wanted = set(groups)

        def running() -> bool:
            return all(p.state == ProcessStates.RUNNING for p in self.processes() if p.group in wanted)

        self.await_true(running, wanted, deadline, f"{', '.join(sorted(wanted))} did not start")

    def await_true(self, check: Callable[[], bool], groups: Iterable[str], deadline: float, problem: str) -> None:
        """Until `check` holds; its OSErrors mean not yet. Raises NotReady at the deadline (`time.monotonic`),
        or as soon as one of the groups' processes has given up."""
        wanted = set(groups)
        while True:
            if not self.alive:
                raise NotReady(f"supervisord ended. {self.log_end('supervisord')}")
            try:
                if check():
                    return
                fatal = [p for p in self.processes() if p.group in wanted and p.state == ProcessStates.FATAL]
            except OSError:
                fatal = []
            if fatal:
                raise NotReady(f"{fatal[0].name} gave up. {self.log_end(fatal[0].name)}")
            if time.monotonic() > deadline:
                first = next(iter(sorted(wanted)), "supervisord")
                raise NotReady(f"{problem} in time. {self.log_end(first)}")
            time.sleep(POLL_SECONDS)

    def stop(self, waves: Iterable[Iterable[str]], patience: float) -> list[int]:
        """Stop the groups of each wave together, one wave after the other, then supervisord.

        Returns the ids of processes that outlived `patience` seconds and were killed; none, if all is well.
        """
        daemon = self._daemon
        if daemon is None:
            return []
        deadline = time.monotonic() + patience
        # Where supervisord itself was killed, those that it ran when it last answered are all there is to go by.
        pids = [process.pid for process in self._last_seen if process.pid]
        try:
            pids = [process.pid for process in self.processes() if process.pid]
            for wave in waves:
                self._stop_groups(set(wave), deadline)
            supervision.ask(self.address, "shutdown")
        except OSError:
            # It does not listen (any more): SIGTERM makes it stop what it has left, in the order of `priority`.
            daemon.terminate()
        try:
            daemon.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        self._daemon = None
        return [pid for pid in pids if _kill_group(pid)]

    def _stop_groups(self, groups: set[str], deadline: float) -> None:
        for group in groups & {process.group for process in self.processes()}:
            supervision.stop_group(self.address, group)
        while time.monotonic() < deadline and any(
            process.group in groups and process.state not in STOPPED_STATES for process in self.processes()
        ):
            time.sleep(POLL_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether supervisord itself runs."""
        return self._daemon is not None and self._daemon.poll() is None

    def log_end(self, name: str) -> str:
        """The last lines of a process's log, with where to read the rest."""
        path = self._logs / f"{name.rpartition(':')[2]}.log"
        if not path.is_file():
            return f"It wrote no log; see {self._logs}."
        lines = path.read_text("utf-8", errors="replace").splitlines()[-20:]
        return "\n".join([f"The end of {path}:", *(f"  {line}" for line in lines)])


def _kill_group(pid: int) -> bool:
    """Supervisor gives every program a process group of its own; end what is left of one."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
