"""ssh to hosts: the command lines, and running one command on many hosts.

By default the way leads through an EC2 Instance Connect Endpoint, so no host has an open port and no address that the
world can reach. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-using-eice.html
"""

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gas.ops.account import NotPossible
from gas.ops.hosts import Host

CONFIG_VARIABLE = "GAS_OPS_SSH_CONFIG"
# The user of the image that may use supervisor's socket and read the journal, and nothing else.
USER = "gas-ops"
CONNECT_SECONDS = 10
AT_A_TIME = 16
# What ssh itself ends with when it could not connect. ssh(1), EXIT STATUS.
NOT_CONNECTED = 255


@dataclass(frozen=True)
class Way:
    """How ssh gets to hosts: `config`, an ssh configuration file that says so, and who signs in; `direct`, to their
    private addresses."""

    region: str
    direct: bool = False
    config: str | None = None

    def command(self, host: Host, *remote: str, batch: bool = False) -> list[str]:
        """The command line of ssh to a host, which runs `remote` there, or a shell where nothing is given."""
        # An address is given to another instance one day; the key is remembered by the instance.
        options = [f"HostKeyAlias={host.instance_id}", "StrictHostKeyChecking=accept-new"]
        options += [f"ConnectTimeout={CONNECT_SECONDS}"]
        if batch:
            options += ["BatchMode=yes"]
        if not self.direct and not self.config:
            options += [f"ProxyCommand={shlex.join(self._tunnel(host))}"]
        flags = [part for option in options for part in ("-o", option)]
        where = ["-F", self.config, host.address] if self.config else [f"{USER}@{host.address}"]
        # ssh hands the remote shell one line.
        line = [shlex.join(remote)] if remote else []
        return ["ssh", *flags, *where, *line]

    def _tunnel(self, host: Host) -> list[str]:
        tunnel = ["aws", "ec2-instance-connect", "open-tunnel", "--instance-id", host.instance_id]
        return [*tunnel, "--region", self.region]


def way(region: str, direct: bool) -> Way:
    """As asked for, with the configuration file that GAS_OPS_SSH_CONFIG names. Raises `NotPossible`."""
    config = os.environ.get(CONFIG_VARIABLE) or None
    if config is not None and not os.path.isfile(config):
        raise NotPossible(f"{CONFIG_VARIABLE} names {config}, which is no file.")
    return Way(region, direct, config)


@dataclass(frozen=True)
class Answer:
    """What a command on a host said; `problem` is a sentence where ssh did not get there."""

    host: Host
    status: int
    output: str
    problem: str = ""


def on_all(way: Way, hosts: Sequence[Host], remote: Sequence[str], patience: float = 60) -> Iterator[Answer]:
    """Run one command on all of these hosts at once; answers come in the order of the hosts."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield from pool.map(lambda host: on(way, host, remote, patience), hosts)


def on(way: Way, host: Host, remote: Sequence[str], patience: float = 60) -> Answer:
    """Run one command on a host, for at most so many seconds. Raises `NotPossible` where there is no ssh."""
    try:
        ran = subprocess.run(
            way.command(host, *remote, batch=True),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
    except FileNotFoundError as error:
        raise NotPossible("ssh is not installed on this machine.") from error
    except subprocess.TimeoutExpired:
        return Answer(host, NOT_CONNECTED, "", f"no answer within {patience:.0f} s")
    if ran.returncode == NOT_CONNECTED:
        # What the tunnel said comes before ssh's own last word.
        said = "; ".join(ran.stderr.split("\n")[-3:]).strip("; ")
        return Answer(host, ran.returncode, ran.stdout, said or "ssh did not connect")
    return Answer(host, ran.returncode, ran.stdout)
