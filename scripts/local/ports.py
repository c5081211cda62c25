"""Ports that stay ours from the moment they are chosen until a server listens on them."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections and for port 0 (32768 on), so that
# nobody is given a port by chance between our choice and the server's start.
# https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html (ip_local_port_range)
FREE_PORTS = range(20_000, 30_000)
NEXT_TO_TRY = 50


class NoPort(Exception):
    """No port could be had; says which were tried."""


class Reservation:
    """A port that no other `Reservation` on this machine holds, and that nobody listened on when it was made."""

    def __init__(self, port: int, lock: IO[str]) -> None:
        self.port = port
        self._lock = lock

    def release(self) -> None:
        self._lock.close()


def reserve_free(chance: random.Random | None = None) -> Reservation:
    """Any free port. Raises NoPort."""
    chance = chance or random.Random()
    for port in chance.sample(FREE_PORTS, NEXT_TO_TRY):
        reservation = _try(port)
        if reservation:
            return reservation
    raise NoPort(f"No free port was found among {NEXT_TO_TRY} of {FREE_PORTS.start} to {FREE_PORTS.stop - 1}.")


def reserve_from(preferred: int) -> Reservation:
    """The preferred port, or the next one that is free. Raises NoPort."""
    for port in range(preferred, min(preferred + NEXT_TO_TRY, 65_536)):
        reservation = _try(port)
        if reservation:
            return reservation
    raise NoPort(f"The ports from {preferred} on are all taken; choose another with GAS_WEB_PORT.")


def _try(port: int) -> Reservation | None:
    folder = Path(tempfile.gettempdir()) / f"gas-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / str(port)).open("a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: connections that have just ended do not stand in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            probe.listen(1)
    except OSError:
        lock.close()
        return None
    return Reservation(port, lock)
