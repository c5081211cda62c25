"""The load balancer in front of the web hosts: HAProxy. Like AWS's it sends requests to healthy hosts only."""

import csv
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deployment import until
from tests.image.network import background

# A request is tried once: none that fails may be hidden from who counts them.
CONFIGURATION = """
global
    stats socket {socket} level admin
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend site
    bind 127.0.0.1:{port}
    default_backend web
backend web
    balance roundrobin
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host health-check
"""
CHECKED = "check inter 500ms rise 1 fall 3"
UP = "UP"


@dataclass(frozen=True)
class Balancer:
    """`control` is HAProxy's socket for those who run it."""

    control: Path

    def add(self, name: str, address: str) -> None:
        """Another web host; it gets requests once it answers `/healthz`."""
        self._tell(f"add server web/{name} {address}:8080 {CHECKED}")
        # HAProxy takes a server for well until a check fails; AWS's takes none for well that has passed no check.
        for step in ("state drain", "health down", "state ready"):
            self._tell(f"set server web/{name} {step}")
        self._tell(f"enable health web/{name}")

    def drain(self, name: str) -> None:
        """No new request for that host; those that it has are answered."""
        self._tell(f"set server web/{name} state drain")

    def remove(self, name: str) -> None:
        """The host is not asked for its health any more."""
        self._tell(f"set server web/{name} state maint")

    def healthy(self) -> set[str]:
        """Which hosts get requests."""
        lines = self._tell("show stat").lstrip("# ").splitlines()
        rows = [row for row in csv.DictReader(lines) if row["pxname"] == "web"]
        return {row["svname"] for row in rows if row["status"].startswith(UP) and row["svname"] != "BACKEND"}

    def _tell(self, words: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.control))
            connection.sendall(f"{words}\n".encode())
            connection.shutdown(socket.SHUT_WR)
            said = b""
            while part := connection.recv(65536):
                said += part
        return said.decode()


@contextmanager
def balancer(port: int, folder: Path) -> Iterator[Balancer]:
    """One that listens at a port of loopback, and has no hosts yet."""
    control, configuration = folder / "haproxy.socket", folder / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(socket=control, port=port))
    with background("haproxy", "-db", "-f", str(configuration), log=folder / "haproxy.log"):
        until(control.exists)
        yield Balancer(control)
