"""The agents as real processes over a stand-in of its own: what is killed is started again, as supervisord does.

They are forked from a server that has loaded everything already, so that a new one works after a tenth of a second.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.loaders import create_loader

from gas.annotation.sandbox import die_with_parent
from gas.config import Settings
from scripts.local.environment import ACCESS_KEY, REGION, ROOT, SECRET_KEY

AGENTS = ("annotator", "notifier", "caller", "archiver", "restorer", "thawer", "sweeper")
SERVICES = ("dynamodb", "glacier", "s3", "sesv2", "sns", "sqs")
# What is fixed in production, about thirty times as fast: the time that an index may lag, and the like.
SHORT = {
    "INDEX_LAG_SECONDS": 2,
    "LEASE_SLACK_SECONDS": 1,
    "FIRST_REMINDER_SECONDS": 2,
    "LEAST_POLL_SECONDS": 2,
    "POLLS": 150,
    "FIRST_BACKOFF_SECONDS": 1.0,
}
# The proportions are those of production.
TIMES: dict[str, Any] = {
    "free_window": 1,
    "lease_seconds": 3,
    "heartbeat_seconds": 1.0,
    "visibility_seconds": 4,
    "progress_seconds": 0.5,
    "poll_seconds": 2,
    "outbox_seconds": 1,
    "sweep_seconds": 1.0,
    "grace_seconds": 3.0,
}
WATCH_SECONDS = 0.1
STOP_SECONDS = 20
_context = multiprocessing.get_context("forkserver")


def shorten() -> None:
    """Set the constants of `SHORT` in every module that knows them."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("gas", "agents"):
            for constant, value in SHORT.items():
                if hasattr(module, constant):
                    setattr(module, constant, value)


def share_models() -> None:
    """Let all clients that boto3 makes from now on read the descriptions of AWS's services once, which takes most of
    the time that a client takes."""
    shared = create_loader()
    botocore.session.create_loader = lambda *_: shared  # type: ignore[attr-defined]
    for service in SERVICES:
        shared.load_service_model(service, "service-2")
        shared.load_service_model(service, "endpoint-rule-set-1")


def run_agent(agent: str, environment: dict[str, str], log: str) -> None:
    """The whole life of one process."""
    die_with_parent()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    main = import_module(f"agents.{agent}").main
    shorten()
    main()


class Fleet:
    """One process of each agent. `arm` makes one of them fail."""

    def __init__(self, settings: Settings, folder: Path, agents: tuple[str, ...] = AGENTS) -> None:
        self.settings = settings
        self._agents = agents
        self._folder = folder
        self._faults = folder / "faults"
        self._faults.mkdir(parents=True)
        self._running: dict[str, Any] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.deaths = 0

    def __enter__(self) -> "Fleet":
        for agent in self._agents:
            self._start(agent)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._watcher.join()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.join(STOP_SECONDS)
            process.kill()
            process.join()

    def _start(self, agent: str) -> None:
        values = {f"GAS_{name.upper()}": str(value) for name, value in self.settings.model_dump().items()}
        environment = {**_aws(os.environ["AWS_ENDPOINT_URL"]), **values, "GAS_FAULTS": str(self._faults)}
        arguments = (agent, environment, str(self._folder / f"{agent}.log"))
        process = _context.Process(target=run_agent, args=arguments, daemon=True)
        process.start()
        self._running[agent] = process

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            for agent, process in list(self._running.items()):
                if process.exitcode is not None:
                    self.deaths += 1
                    self._start(agent)

    def pid(self, agent: str) -> int:
        """The present process of an agent."""
        return int(self._running[agent].pid)

    def arm(self, label: str, mode: str) -> None:
        """Let this effect fail in this mode once."""
        (self._faults / f"{label} {mode}").touch()

    def struck(self, label: str, mode: str) -> bool:
        """Whether it has."""
        return not (self._faults / f"{label} {mode}").exists()

    def disarm(self) -> None:
        """Nothing more fails."""
        for file in self._faults.iterdir():
            file.unlink(missing_ok=True)

    def log_end(self, lines: int = 15) -> str:
        """The last lines of every process."""
        ends = []
        for log in sorted(self._folder.glob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            ends.append("\n".join([f"== {log.stem}", *text]))
        return "\n".join(ends)


def ready() -> None:
    """Name what the server has loaded that processes are forked from; here, too, waits are short from now on."""
    shorten()
    share_models()
    _context.set_forkserver_preload(["scripts.prove.nursery"])


def _aws(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }


@contextmanager
def standin(**seconds: float) -> Iterator[str]:
    """A stand-in of AWS in a process of its own, to which boto3 leads inside; `EXPEDITED=0.3`: how fast it is."""
    times = {f"AWS_STANDIN_{name}_SECONDS": str(value) for name, value in seconds.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.local.aws", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, **times},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError("The AWS stand-in did not start; its own words are above.")
        url = str(json.loads(line)["url"])
        with patch.dict(os.environ, _aws(url)):
            yield url
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()
