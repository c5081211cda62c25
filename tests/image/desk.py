"""The operator's machine, in the same network as the hosts: `gas ops` is typed there, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.image import network
from tests.image.cloud import AWS_PORT, Cloud, parameters

GAS = str(Path(sys.executable).with_name("gas"))
# Beyond those of the hosts.
NUMBER = 200


@dataclass(frozen=True)
class Desk:
    """The place, and the account that its environment leads to."""

    place: network.Place
    cloud: Cloud

    def gas(self, *words: str, patience: float = 60) -> subprocess.CompletedProcess[str]:
        """Type `gas …` and wait for its end."""
        return subprocess.run(
            self.place.inside(GAS, *words),
            stdin=subprocess.DEVNULL,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )

    @contextmanager
    def typing(self, *words: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Type `gas …` and look at something else meanwhile; what it says goes to `log`."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                # Ctrl-C reaches it whatever this process does with it.
                self.place.inside("env", "--default-signal=INT", GAS, *words),
                stdin=subprocess.DEVNULL,
                env={**self._environment(), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        """What `terraform output -raw shell` sets, credentials, and where in this network the hosts are."""
        config = str(self._ssh_config())
        return {**os.environ, **self.cloud.standin.env, **parameters(""), "GAS_OPS_SSH_CONFIG": config}

    def _ssh_config(self) -> Path:
        """The stand-in gives its instances addresses of its own; ssh's configuration says where they are."""
        config = self.cloud.folder / "ssh_config"
        names = {instance_id: name for name, instance_id in self.cloud.ids.items()}
        lines = ""
        for page in self.cloud.standin.client("ec2").get_paginator("describe_instances").paginate():
            for found in (found for each in page["Reservations"] for found in each["Instances"]):
                # One that was terminated has no address.
                if found["InstanceId"] in names and "PrivateIpAddress" in found:
                    place = self.cloud.machines[names[found["InstanceId"]]].place
                    lines += f"Host {found['PrivateIpAddress']}\n HostName {place.address}\n"
        lines += f"Host *\n User gas-ops\n IdentityFile {self.cloud.key}\n"
        config.write_text(f"{lines} UserKnownHostsFile {self.cloud.folder}/known_hosts\n")
        return config


def desk_of(cloud: Cloud) -> Desk:
    """The operator's machine in this account's network."""
    return Desk(network.connect(cloud.stack, NUMBER, "desk", [AWS_PORT]), cloud)
