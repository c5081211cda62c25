"""A baked image booted under a real systemd: systemd-nspawn over an overlay of its own."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.image.bake import overlay
from tests.image.network import Place

T = TypeVar("T")
CGROUPS = Path("/sys/fs/cgroup")
STOP_SECONDS = 200
# systemd-nspawn(1), EXIT STATUS
REBOOT_STATUS = 133
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """One running host. `root` is its tree as seen from outside, `upper` only what it has changed."""

    def __init__(self, place: Place, root: Path, upper: Path, console: Path) -> None:
        self.place, self.root, self.upper, self.console = place, root, upper, console
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._group = CGROUPS / f"gas-{place.name}"
        self.started = 0.0

    def start(self) -> None:
        """Boot. Returns at once."""
        self._group.mkdir(exist_ok=True)
        command = [
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off",
            f"--network-namespace-path={self.place.namespace}", f"--machine={self.place.name}",
            f"--hostname={self.place.name}", f"--directory={self.root}", "--console=read-only", "--boot",
        ]  # fmt: skip
        enter = ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', str(self._group)]
        with self.console.open("ab") as output:
            self._nspawn = subprocess.Popen(
                [*enter, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self.started = time.monotonic()

    def reboot(self) -> None:
        """systemctl reboot. nspawn then ends with a status that asks its caller to start it again, as a board would."""
        assert self._nspawn is not None
        self.run("systemctl", "reboot")
        assert self._nspawn.wait(STOP_SECONDS) == REBOOT_STATUS
        self.start()

    def stop(self) -> None:
        """Shut down in order; kill what has not ended after STOP_SECONDS."""
        if self._nspawn is None:
            return
        self._nspawn.terminate()
        try:
            self._nspawn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None
        with contextlib.suppress(OSError):
            self._remove_groups()

    def _remove_groups(self) -> None:
        for folder, _, _ in os.walk(self._group, topdown=False):
            Path(folder).rmdir()

    @property
    def init(self) -> int:
        """The process that is number 1 in there; 0 while there is none."""
        if self._nspawn is None:
            return 0
        children: list[str] = []
        for task in Path(f"/proc/{self._nspawn.pid}/task").glob("*/children"):
            children += task.read_text().split()
        return int(children[0]) if children else 0

    def run(self, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Run it in there, as root or as another user."""
        assert self.init, f"{self.place.name} does not run:\n{self.console.read_text()[-2000:]}"
        enter = ["nsenter", f"--target={self.init}", "--all", "--", "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8"]
        switch = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return subprocess.run(
            [*enter, *switch, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def tell(self, *command: str) -> str:
        """What it prints in there. Raises AssertionError where it fails."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command} in {self.place.name}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_active(self, unit: str) -> bool:
        return self.run("systemctl", "is-active", "--quiet", unit).returncode == 0

    def state(self, unit: str, what: str) -> str:
        """A property of a unit, such as ActiveState."""
        return self.tell("systemctl", "show", "--value", f"--property={what}", unit).strip()

    def journal(self, tag: str = "") -> str:
        """What has been logged since this boot, by one process or by all."""
        chosen = [f"--identifier={tag}"] if tag else []
        return self.tell("journalctl", "--boot", "--no-pager", "--output=cat", *chosen)

    def programs(self) -> dict[str, str]:
        """What `supervisorctl status` says: name → state; nothing while supervisord is not there."""
        done = self.run("supervisorctl", "status", user="gas-ops")
        rows = [line.split() for line in done.stdout.splitlines()]
        return {row[0]: row[1] for row in rows if len(row) > 1 and row[1].isupper()}

    def pid(self, program: str) -> int:
        """A program's process id, as seen in there; 0 while it does not run, which supervisorctl's status says too."""
        done = self.run("supervisorctl", "pid", program)
        assert done.stdout.strip().isdecimal(), f"{program} in {self.place.name}: {done.stdout}{done.stderr}"
        return int(done.stdout)

    def kill(self, program: str) -> None:
        """kill -9, from inside."""
        self.tell("kill", f"-{signal.SIGKILL.value}", str(self.pid(program)))

    def until(self, look: Callable[[], T], seconds: float, what: str) -> T:
        """Look until something true is seen. Raises AssertionError with the end of the journal."""
        deadline = time.monotonic() + seconds
        while True:
            seen = look() if self.init else None
            if seen:
                return seen
            if time.monotonic() > deadline:
                words = self.journal()[-6000:] if self.init else self.console.read_text()[-6000:]
                raise AssertionError(f"{self.place.name}: {what}: not within {seconds} s.\n{words}")
            time.sleep(0.1)

    def until_active(self, seconds: float) -> None:
        """Until supervisord has been started, which waits for everything else."""
        self.until(lambda: self.is_active("gas-supervisor.service"), seconds, "gas-supervisor.service is active")

    def all_running(self) -> bool:
        programs = self.programs()
        return bool(programs) and set(programs.values()) == {"RUNNING"}


@contextmanager
def machine(place: Place, layers: list[Path], folder: Path, prepare: Callable[[Path], None]) -> Iterator[Machine]:
    """A machine that is not started yet; `prepare` may change its tree first. It is shut down with the block."""
    upper = folder / place.name
    with overlay(layers, upper) as root:
        prepare(root)
        made = Machine(place, root, upper, folder / f"{place.name}.console")
        try:
            yield made
        finally:
            made.stop()
