"""Runs the command line under limits that the process sets itself before it looks at any input.

    python -m gas.annotation.sandbox --memory BYTES --cpu SECONDS --fsize BYTES -- annotate ...

A limit of the operating system cannot be raised again by what runs under it, and holds for the workers it starts, each
for itself. 0 means no limit.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence

OPEN_FILES = 256
# <linux/prctl.h>
_SET_PARENT_DEATH_SIGNAL = 1

_LIMITS = {
    "--memory": resource.RLIMIT_AS,
    "--cpu": resource.RLIMIT_CPU,
    "--fsize": resource.RLIMIT_FSIZE,
    "--files": resource.RLIMIT_NOFILE,
}
_USAGE = f"usage: python -m gas.annotation.sandbox [{' N] ['.join(_LIMITS)} N] -- COMMAND ..."


def limit(limits: dict[str, int]) -> None:
    """Apply limits, soft and hard, to this process; names as on the command line, 0: leave it."""
    for name, value in limits.items():
        if value:
            hard = resource.getrlimit(_LIMITS[name])[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(_LIMITS[name], (value, value))
    # A core file would hold the user's data.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent() -> None:
    """Have this process killed when the one that started it dies: nobody would want its work any more.

    prctl(2), PR_SET_PDEATHSIG; a fork does not inherit it.
    """
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        # It died just before.
        raise SystemExit(1)


def parse(arguments: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Split the arguments into limits and the command's own; raises SystemExit(1) with the usage."""
    limits = {"--files": OPEN_FILES}
    rest = list(arguments)
    while rest and rest[0] != "--":
        if rest[0] not in _LIMITS or len(rest) < 2 or not rest[1].isdecimal():
            print(_USAGE, file=sys.stderr)
            raise SystemExit(1)
        limits[rest[0]] = int(rest[1])
        rest = rest[2:]
    return limits, rest[1:]


def main() -> None:
    """Limit this process, then be the command line."""
    limits, arguments = parse(sys.argv[1:])
    die_with_parent()
    limit(limits)
    # numpy's linear algebra, which nothing here uses, would set aside address space for a thread a core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Only now: what is imported is under the limits as well.
    from gas.cli import main as command_line

    command_line(arguments)


if __name__ == "__main__":
    main()
