"""A real supervisord with small programs of a test's own."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gas import supervision
from tests.deployment import until

CONFIGURATION = """
[unix_http_server]
file={folder}/s.sock
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/s.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/s.sock
"""
PROGRAM = """
[program:{name}]
command={command}
environment=READY="{folder}/{name}.ready"
startsecs=0
stopwaitsecs=20
autostart={autostart}
stdout_logfile=NONE
stderr_logfile=NONE
"""
STEADY = "sleep 1000"


def unhurried(seconds: float) -> str:
    """A program that takes so long to stop, once it is told to."""
    return f"sh -c 'trap \"sleep {seconds}; exit 0\" TERM; touch $READY; while :; do sleep 0.05; done'"


@contextmanager
def supervisord(programs: Mapping[str, str], asleep: tuple[str, ...] = ()) -> Iterator[str]:
    """Run these programs, name → command, except those `asleep`; yields the address of the socket.

    The configuration lies beside the socket as `supervisord.conf`.
    """
    # A socket's path has room for 107 bytes; pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="sv"))
    text = CONFIGURATION.format(folder=folder) + "".join(
        PROGRAM.format(name=name, command=command, autostart=str(name not in asleep).lower(), folder=folder)
        for name, command in programs.items()
    )
    path = folder / "supervisord.conf"
    path.write_text(text)
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(path)]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"unix://{folder}/s.sock"
    try:
        until(lambda: _runs(address, len(programs) - len(asleep)))
        # The others need no time to be ready to be told to stop.
        until(lambda: all((folder / f"{name}.ready").exists() for name in programs if "READY" in programs[name]))
        yield address
    finally:
        daemon.terminate()
        daemon.wait(30)
        shutil.rmtree(folder)


def running(address: str) -> set[str]:
    """The names of the programs that run."""
    return {process.name for process in supervision.processes(address) if process.running}


def _runs(address: str, wanted: int) -> bool:
    try:
        return len(running(address)) == wanted
    except OSError:
        return False
