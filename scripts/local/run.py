"""`make run`: the whole service on this machine until Ctrl-C."""

import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from gas.process import stop_signals
from scripts.local.environment import BUNDLE, BUNDLES, ROOT, settings_of
from scripts.local.ports import NoPort
from scripts.local.stack import Busy, Stack
from scripts.local.supervision import NotReady

DEFAULT_PORT = 8080
LOOK_SECONDS = 1.0


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=ROOT / "var")
def main(directory: Path) -> None:
    """Serve with everything kept in DIRECTORY (default: var/ in the checkout). Exit status 0: stopped as asked."""
    port = wanted_port(os.environ.get("GAS_WEB_PORT", ""))
    stack = Stack(directory, settings_of(os.environ), web_port=port)
    problem = missing_bundle(os.environ)
    if problem:
        sys.exit(problem)
    # Until everything runs, a signal ends the start, and `start` then stops what it had begun.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print("Starting …", flush=True)
    try:
        stack.start()
    except KeyboardInterrupt:
        sys.exit("Stopped before everything was up.")
    except (Busy, NotReady, NoPort) as error:
        sys.exit(str(error))
    with stop_signals() as signals:
        print(banner(stack, port), flush=True)
        while not signals.wait(LOOK_SECONDS):
            if not stack.supervisor.alive:
                stack.stop()
                sys.exit(f"supervisord ended by itself; see {stack.log_dir}/supervisord.log.")
        print("\nStopping …", flush=True)
        stack.stop()
    print("Stopped. Jobs and results are kept for the next start.")


def wanted_port(text: str) -> int:
    """The port to try first; ends the process with a sentence where the setting is none."""
    if not text:
        return DEFAULT_PORT
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        sys.exit(f"GAS_WEB_PORT is {text!r}; it must be a port from 1 to 65535.")
    return int(text)


def missing_bundle(caller: Mapping[str, str]) -> str:
    """A sentence where there is no reference bundle to annotate with, else nothing."""
    bundles = Path(caller.get("GAS_BUNDLES_DIR", BUNDLES))
    name = caller.get("GAS_BUNDLE", BUNDLE)
    if (bundles / name / "manifest.json").is_file():
        return ""
    return f"There is no reference bundle {name} in {bundles}. `make bundle` builds the mitochondrial one."


def banner(stack: Stack, port: int) -> str:
    """Where to look, for the person at the terminal."""
    moved = "" if stack.url.endswith(f":{port}") else f"  (port {port} is taken by another program)"
    return f"""
GAS is running.

  Pages       {stack.url}{moved}
              sign in as one of the people offered, or as anybody: no password is asked for
  Sent mail   {stack.outbox_url}
  Processes   {shlex.join(_short(word) for word in stack.supervisor.command("status"))}
  Logs        {_short(str(stack.log_dir))}/

Ctrl-C stops everything; jobs are kept in {_short(str(stack.directory))}/ for the next start.
"""


def _short(path: str) -> str:
    """As seen from the folder the person is in, so that it can be copied and is easy to read."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


if __name__ == "__main__":
    main()
