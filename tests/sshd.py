"""A real sshd on loopback, for this user's own key."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.local import ports
from tests.deployment import until

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
CONFIGURATION = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
SetEnv PATH={path}:/usr/bin:/bin
"""


def need_ssh() -> None:
    """Skip the test with a sentence where there is no sshd."""
    if not Path(SSHD).is_file() or not shutil.which("ssh"):
        pytest.skip("ssh and sshd are not here (apt-get install openssh-server openssh-client)")


@contextmanager
def sshd(folder: Path, path: Path) -> Iterator[int]:
    """Serve ssh to this user; what is signed in finds programs in `path` first. Yields the port.

    `folder` gets the keys; `user_key` is the one to sign in with.
    """
    folder.mkdir(parents=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.getuid() == 0:
        # Where sshd locks itself in; only root's wants it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    reservation = ports.reserve_free()
    configuration = folder / "sshd_config"
    configuration.write_text(CONFIGURATION.format(port=reservation.port, folder=folder, path=path))
    with (folder / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", str(configuration)], stdout=log, stderr=log)
    try:
        until(lambda: _listens(reservation.port))
        yield reservation.port
    finally:
        daemon.terminate()
        daemon.wait(30)
        reservation.release()


def client_configuration(path: Path, folder: Path, addresses: Mapping[str, int]) -> Path:
    """An ssh configuration file that leads each address to a port on loopback. `folder` is that of the sshd's key."""
    text = f"IdentityFile {folder}/user_key\nIdentitiesOnly yes\nUserKnownHostsFile {path}.known\n"
    text += f"User {getpass.getuser()}\n"
    for address, port in addresses.items():
        text += f"Host {address}\n  HostName 127.0.0.1\n  Port {port}\n"
    path.write_text(text)
    return path


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
