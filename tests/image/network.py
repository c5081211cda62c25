"""A network of hosts on one machine: each has a network namespace of its own, with a cable to this process's.

This process is the cloud: its namespace has the bridge, and the stand-ins, which bind loopback only. socat carries
their ports to each host's own loopback, so that every address is the same on all sides.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.local.environment import ROOT
from scripts.local.metadata import LINK_LOCAL
from tests.image.bake import run

BRIDGE, CLOUD = "cloud", "10.0.0.1"
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Place:
    """One host's end of the network; `holder` keeps its namespace. `cable` is its interface in the cloud."""

    name: str
    address: str
    holder: int
    cable: str

    @property
    def namespace(self) -> str:
        return f"/proc/{self.holder}/ns/net"

    def inside(self, *command: str) -> list[str]:
        """The command that runs `command` in this place's network."""
        return ["nsenter", f"--net={self.namespace}", *command]

    def cut(self) -> None:
        """Pull the cable: what is sent is lost, and nobody is told."""
        run("ip", "link", "set", self.cable, "down")

    def mend(self) -> None:
        run("ip", "link", "set", self.cable, "up")


@contextmanager
def bridge() -> Iterator[None]:
    """The cloud's side; wants a network namespace that is ours alone."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{CLOUD}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    try:
        yield
    finally:
        run("ip", "link", "delete", BRIDGE)


@contextmanager
def background(*command: str, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        process.kill()
        process.wait()


def forward(stack: ExitStack, listen: str, port: int, target: str, target_port: int, *inside: str) -> None:
    """Carry connections to `listen`:`port` on to the target, in the network that `inside` enters."""
    options = f"TCP-LISTEN:{port},bind={listen},fork,reuseaddr"
    stack.enter_context(background(*inside, "socat", options, f"TCP:{target}:{target_port}"))


def publish(stack: ExitStack, port: int) -> None:
    """Let hosts reach a port of the cloud's loopback."""
    forward(stack, CLOUD, port, "127.0.0.1", port)


def connect(stack: ExitStack, number: int, name: str, ports: list[int]) -> Place:
    """Lay a cable to a new place, whose loopback has the cloud's ports."""
    holder = stack.enter_context(background("unshare", "--net", "sleep", "infinity")).pid
    until_apart(holder)
    # An interface's name is free again only a while after its network is gone.
    place = Place(name, f"10.0.0.{10 + number}", holder, f"host{holder}")
    run("ip", "link", "add", place.cable, "type", "veth", "peer", "name", "eth0", "netns", str(holder))
    run("ip", "link", "set", place.cable, "master", BRIDGE, "up")
    run(*place.inside("ip", "link", "set", "lo", "up"))
    run(*place.inside("ip", "address", "add", f"{place.address}/24", "dev", "eth0"))
    run(*place.inside("ip", "link", "set", "eth0", "up"))
    for port in ports:
        forward(stack, "127.0.0.1", port, CLOUD, port, *place.inside())
    return place


def until_apart(holder: int) -> None:
    """Until the process has a network namespace of its own."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while os.readlink(f"/proc/{holder}/ns/net") == os.readlink("/proc/self/ns/net"):
        assert time.monotonic() < deadline, "unshare made no network namespace"
        time.sleep(0.02)


def give_metadata(stack: ExitStack, place: Place, tags: dict[str, str], instance_id: str, log: Path) -> None:
    """Have the metadata service at its own address in that place, and there only."""
    run(*place.inside("ip", "address", "add", f"{LINK_LOCAL}/32", "dev", "lo"))
    options = ["--host", LINK_LOCAL, "--port", "80", "--instance-id", instance_id, "--address", place.address]
    for name, value in tags.items():
        options += ["--tag", f"{name}={value}"]
    stack.enter_context(background(*place.inside(sys.executable, "-m", "scripts.local.metadata", *options), log=log))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (log.exists() and log.read_text().startswith("{")):
        assert time.monotonic() < deadline, f"the metadata service did not start: {log.read_text()}"
        time.sleep(0.05)
    assert json.loads(log.read_text().splitlines()[0])["url"]


def call_away(place: Place) -> None:
    """Have the metadata service say that the group wants the instance to go."""
    page = f"http://{LINK_LOCAL}/_standin/scale-in"
    words = "import sys, urllib.request as web; web.urlopen(web.Request(sys.argv[1], method='POST'), timeout=10)"
    run(*place.inside(sys.executable, "-c", words, page))
