"""Named effects: the places at which a process may die, and at which tests make it die.

Each call that changes something outside the process stands in `with effect("archiver.commit"):`. That costs one look
at a variable. In a process whose environment has GAS_FAULT the named effect fails once, in the way it says.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError, ReadTimeoutError

# Where, and whether the effect is about to happen ("before") or has happened ("after").
Hook = Callable[[str, str], None]


@dataclass
class _Armed:
    hook: Hook | None = None


_armed = _Armed()


@contextmanager
def effect(label: str) -> Iterator[None]:
    """One effect; `label` is `process.effect`."""
    if _armed.hook is None:
        yield
        return
    _armed.hook(label, "before")
    yield
    if _armed.hook is not None:
        _armed.hook(label, "after")


def arm(hook: Hook | None) -> None:
    """Call `hook` at every effect of this process; None: no more."""
    _armed.hook = hook


def arm_from_environment() -> None:
    """Arm what GAS_FAULT says: `LABEL MODE FILE`, where the file is made by the one fault that happens.

    MODE is `kill-before`, `kill-after`, `error` (AWS refuses) or `timeout` (the effect happens, its answer is lost).
    """
    text = os.environ.get("GAS_FAULT", "")
    if not text:
        return
    label, mode, file = text.split(" ", 2)
    when = "before" if mode in ("kill-before", "error") else "after"

    def hook(reached: str, phase: str) -> None:
        if (reached, phase) == (label, when) and _first(Path(file)):
            fail(mode, label)

    arm(hook)


def fail(mode: str, label: str) -> None:
    """End in that mode. Raises for `error` and `timeout`; the others do not return."""
    if mode == "error":
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "asked for by GAS_FAULT"}}, label)
    if mode == "timeout":
        raise ReadTimeoutError(endpoint_url=label)
    os.kill(os.getpid(), signal.SIGKILL)


def _first(file: Path) -> bool:
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
        return True
    return False
