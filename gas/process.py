"""How a long-lived process learns that it should stop."""

import ctypes
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# <linux/prctl.h>
_SET_DUMPABLE = 4


class StopSignals:
    """SIGTERM and SIGINT as something the main thread can wait for.

    Python runs signal handlers between two instructions of the main thread, where taking a lock (as
    `threading.Event.set` does) may dead-lock; so the handlers do nothing, and the signal is read from a socket.
    """

    def __init__(self, receiver: socket.socket):
        self._receiver = receiver

    def wait(self, seconds: float | None = None) -> bool:
        """Block until a signal comes or the time has passed; True: a signal came."""
        ready, _, _ = select.select([self._receiver], [], [], seconds)
        return bool(ready and self._receiver.recv(1))


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Take over the stop signals while inside. Only for the main thread."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    old_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    old = {number: signal.signal(number, lambda *_: None) for number in STOP_SIGNALS}
    try:
        yield StopSignals(receiver)
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        receiver.close()
        sender.close()


def hide_from_peers() -> None:
    """Let no process of the same user read this one's memory or environment: credentials are in both.

    prctl(2), PR_SET_DUMPABLE; a program that this one starts is not covered. Root can read everything all the same.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")


def identity() -> str:
    """`host:pid`, the first part of a lease owner's name."""
    return f"{socket.gethostname()}:{os.getpid()}"
