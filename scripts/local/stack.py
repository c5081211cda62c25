"""The whole service on this machine: a supervisord with the stand-ins and GAS's own programs.

    with Stack(folder) as stack:
        requests.get(stack.url)

Any number may run at once, each in its own folder on its own ports; all listen on loopback only.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from scripts.local import loopback, ports
from scripts.local.environment import PROGRAMS, ROOT, STAND_INS, Ports, build, load_keys
from scripts.local.supervision import NotReady, Supervisor

START_SECONDS = 90
# Above the longest stopwaitsecs of a program, plus the stand-in's for its snapshot.
STOP_SECONDS = 150
# A socket's path has room for 107 bytes (unix(7)); supervisor first binds a longer name beside it.
LONGEST_SOCKET_PATH = 80
LOG_BYTES = 10_000_000


class Busy(Exception):
    """Another stack runs from the same folder."""


class Stack:
    """One running service. Everything it keeps is in `directory`; a second start there finds its jobs again.

    `settings` are environment variables (GAS_…, AWS_STANDIN_…) that win over the defaults; `programs` are those of
    `ami/supervisor` that shall run; `web_port` is the first port to try for the pages, a free one where it is None;
    `aws_port` is that of a running AWS stand-in in which everything exists already: none is started or filled then.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        programs: tuple[str, ...] = PROGRAMS,
        web_port: int | None = None,
        aws_port: int | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.programs = programs
        self.log_dir = self.directory / "logs"
        self._settings = dict(settings or {})
        self._web_port = web_port
        self._aws_port = aws_port
        self._stand_ins = STAND_INS if aws_port is None else tuple(name for name in STAND_INS if name != "aws")
        self._lock: IO[str] | None = None
        self._reservations: list[ports.Reservation] = []
        self._short_run_dir: Path | None = None
        self._supervisor: Supervisor | None = None
        self.env: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.env["GAS_SITE_URL"]

    @property
    def aws_url(self) -> str:
        return self.env["AWS_ENDPOINT_URL"]

    @property
    def globus_url(self) -> str:
        return self.env["GAS_GLOBUS_ISSUER"]

    @property
    def outbox_url(self) -> str:
        """The page with the mail that was sent."""
        return f"{self.aws_url}/_standin/outbox.html"

    @property
    def supervisor(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("The stack has not been started.")
        return self._supervisor

    def supervisorctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run supervisorctl against this stack."""
        return self.supervisor.control(*arguments)

    @contextmanager
    def held(self, program: str) -> Iterator[None]:
        """The program's processes stand still, as on a host that hangs; afterwards they go on."""
        pids = [process.pid for process in self.supervisor.processes() if process.group == program and process.pid]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session()

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this stack's AWS, independent of this process's environment."""
        return self._session.client(
            service,
            endpoint_url=self.aws_url,
            region_name=self.env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            **options,
        )

    def outbox(self) -> list[dict[str, Any]]:
        """The mail that was sent, newest first."""
        return list(loopback.get(f"{self.aws_url}/_standin/outbox").json())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when the pages answer. Raises Busy, NotReady, ports.NoPort; nothing then runs."""
        try:
            self._prepare()
            self._start_programs()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in order: the programs, which give back what they cannot finish, then the stand-ins."""
        if self._supervisor is not None:
            left = self._supervisor.stop([self.programs, self._stand_ins], STOP_SECONDS)
            self._supervisor = None
            if left:
                print(f"Killed what did not stop within {STOP_SECONDS} seconds: {left}", file=sys.stderr)
        for reservation in self._reservations:
            reservation.release()
        self._reservations = []
        if self._short_run_dir is not None:
            shutil.rmtree(self._short_run_dir, ignore_errors=True)
            self._short_run_dir = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        for name in ("aws", "logs", "run", "scratch"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.directory / "run" / "lock")
        _rotate(self.log_dir)
        run_directory = self.directory / "run"
        if len(os.fsencode(run_directory / "supervisor.sock")) > LONGEST_SOCKET_PATH:
            run_directory = self._short_run_dir = _short_directory(self.directory)
        web = ports.reserve_free() if self._web_port is None else ports.reserve_from(self._web_port)
        self._reservations.append(web)
        self._reservations += [ports.reserve_free() for _ in self._stand_ins]
        reserved = [reservation.port for reservation in self._reservations]
        chosen = Ports(*reserved) if self._aws_port is None else Ports(reserved[0], self._aws_port, reserved[1])
        keys = load_keys(self.directory / "keys.json")
        self.env = build(self.directory, run_directory, chosen, keys, self.programs, self._settings, self._stand_ins)

    def _start_programs(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        supervisor = Supervisor(self.env)
        supervisor.stop_leftover()
        self._supervisor = supervisor
        supervisor.start()
        if self._aws_port is None:
            self._fill(supervisor, deadline)
        supervisor.await_true(
            lambda: _answers(f"{self.globus_url}/healthz"), STAND_INS, deadline, "The Globus stand-in did not answer"
        )
        supervisor.start_groups(self.programs)
        supervisor.await_running(self.programs, deadline)
        if "web" in self.programs:
            supervisor.await_true(lambda: _answers(f"{self.url}/readyz"), ["web"], deadline, "The pages were not ready")

    def _fill(self, supervisor: Supervisor, deadline: float) -> None:
        """Create in the AWS stand-in what GAS needs."""
        # Started now, so that it has loaded its libraries by the time that the stand-in listens.
        with (self.log_dir / "bootstrap.log").open("ab") as log:
            bootstrap = subprocess.Popen(
                [sys.executable, "-m", "scripts.local.bootstrap", "--wait", str(START_SECONDS)],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            supervisor.await_true(
                lambda: bootstrap.poll() is not None, STAND_INS, deadline, "The AWS stand-in was not filled"
            )
        finally:
            if bootstrap.poll() is None:
                bootstrap.kill()
            bootstrap.wait()
        if bootstrap.returncode:
            raise NotReady(supervisor.log_end("bootstrap"))


def _answers(url: str) -> bool:
    """True once the page is there. Raises OSError until then."""
    return loopback.get(url).ok


def _short_directory(directory: Path) -> Path:
    """A folder with a short name, the same one for the same stack, which nobody else may write to."""
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"gas-run-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotReady(f"{short} belongs to somebody else or is open to others. Remove it, or set TMPDIR.")
    return short


def _lock(path: Path) -> IO[str]:
    """Held as long as the stack runs. Raises Busy."""
    lock = path.open("a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise Busy(f"GAS already runs from {path.parent.parent}. Stop that one first.") from error
    return lock


def _rotate(log_dir: Path) -> None:
    """Keep one older generation of each log that has grown large."""
    for log in log_dir.glob("*.log"):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
