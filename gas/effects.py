"""Named effects: the places at which a process may die, and at which tests make it die.

Each call that changes something outside the process stands in `with effect("archiver.commit"):`. That costs one look
at a variable. In a process whose environment has GAS_FAULTS the named effects fail, once each.
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


# The ways to fail, and when each strikes.
MODES = {"kill-before": "before", "error": "before", "kill-after": "after", "timeout": "after"}


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
    """Arm what the folder GAS_FAULTS says: an empty file `LABEL MODE` makes that effect fail once, and is used up.

    MODE is one of MODES: the process dies before or after the effect, AWS refuses it, or it happens and its answer is
    lost.
    """
    folder = os.environ.get("GAS_FAULTS", "")
    if folder:
        arm(lambda label, when: _fail_once(Path(folder), label, when))


def _fail_once(folder: Path, label: str, when: str) -> None:
    for mode, moment in MODES.items():
        if moment == when:
            with suppress(FileNotFoundError):
                (folder / f"{label} {mode}").unlink()
                fail(mode, label)


def fail(mode: str, label: str) -> None:
    """End in that mode. Raises for `error` and `timeout`; the others do not return."""
    if mode == "error":
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "asked for by GAS_FAULTS"}}, label)
    if mode == "timeout":
        raise ReadTimeoutError(endpoint_url=label)
    os.kill(os.getpid(), signal.SIGKILL)
