"""`gas ops ssh`, `status` and `restart`: through a real sshd to a real supervisord."""

import json
import stat
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gas import supervision
from gas.ops import commands, hosts, programs, ssh
from gas.ops.account import Account, NotPossible
from gas.ops.hosts import Host
from scripts.local import fleet
from tests.conftest import REGION
from tests.deployment import client, environment, until
from tests.sshd import client_configuration, need_ssh, sshd
from tests.supervisord import STEADY, running, supervisord
from tests.unit.gas.ops.conftest import Command

HOST = Host("i-0123456789abcdef0", "web", "us-east-1a", "1", 0.0, "InService", "healthy", False, "10.1.2.3", "ip")


@dataclass
class Ground:
    """Two hosts behind sshds of their own, and the supervisord of each."""

    account: Account
    hosts: list[Host]
    supervisors: list[str]
    controls: list[Path]
    config: Path


@pytest.fixture(scope="module")
def built(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    need_ssh()
    folder = tmp_path_factory.mktemp("ground")
    account = Account(REGION, f"t{uuid.uuid4().hex[:10]}")
    fleet.create_group(client("ec2"), client("autoscaling"), account.name_prefix, "annotator", 2)
    found = hosts.find(account)
    with ExitStack() as stack:
        addresses, controls, ports = [], [], {}
        for number, host in enumerate(found):
            address = stack.enter_context(supervisord({"annotator": STEADY, "lifecycle": STEADY}))
            controls.append(control(folder / f"bin{number}", address))
            port = stack.enter_context(sshd(folder / f"sshd{number}", controls[-1].parent))
            # One key opens all.
            (folder / f"sshd{number}" / "user_key.pub").write_text((folder / "sshd0" / "user_key.pub").read_text())
            addresses.append(address)
            ports[host.address] = port
        config = client_configuration(folder / "ssh_config", folder / "sshd0", ports)
        yield Ground(account, found, addresses, controls, config)


@pytest.fixture
def ground(built: Ground) -> Iterator[Ground]:
    """What `gas ops` looks at, as it was before, whatever a test does to it."""
    kept = {path: path.read_text() for path in (built.config, *built.controls)}
    with environment({ssh.CONFIG_VARIABLE: str(built.config), "GAS_NAME_PREFIX": built.account.name_prefix}):
        yield built
    for path, text in kept.items():
        path.write_text(text)
    for address in built.supervisors:
        if "annotator" not in running(address):
            supervision.start_group(address, "annotator")


def control(folder: Path, address: str) -> Path:
    """A `supervisorctl` that talks to this supervisord, as the one of an image does to the host's."""
    folder.mkdir()
    program = folder / "supervisorctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m supervisor.supervisorctl -s {address} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_status_of_all_hosts_in_one_table(ground: Ground, command: Command) -> None:
    status, out, _ = command("status")
    assert status == 0
    head, *rows = out.splitlines()
    assert head.split() == ["HOST", "ROLE", "PROGRAM", "STATE"]
    assert sorted(row.split()[:4] for row in rows) == sorted(
        [host.instance_id, "annotator", program, "RUNNING"]
        for host in ground.hosts
        for program in ("annotator", "lifecycle")
    )
    supervision.stop_group(ground.supervisors[1], "annotator")
    until(lambda: running(ground.supervisors[1]) == {"lifecycle"})
    status, out, _ = command("status", "annotator", "--json")
    assert status == 1, "something does not run"
    states = {(line["host"], line["name"]): line["state"] for line in json.loads(out)}
    assert states[(ground.hosts[1].instance_id, "annotator")] == "STOPPED"


def test_a_host_that_does_not_answer_is_shown_with_the_reason(ground: Ground, command: Command) -> None:
    text = ground.config.read_text()
    port = text.rsplit("Port ", 1)[1].strip()
    ground.config.write_text(text.replace(f"Port {port}", "Port 9"))
    status, out, _ = command("status")
    assert status == 1
    (row,) = [line for line in out.splitlines() if "UNREACHABLE" in line]
    assert row.startswith(ground.hosts[1].instance_id)
    assert "Connection refused" in row


def test_a_host_without_supervisord_is_shown_too(ground: Ground, command: Command) -> None:
    ground.controls[0].write_text(ground.controls[0].read_text().replace(ground.supervisors[0], "unix:///nowhere"))
    status, out, _ = command("status")
    assert status == 1
    assert "UNREACHABLE" in out
    assert "no such file" in out


@pytest.mark.parametrize("rolling", [True, False])
def test_restart(ground: Ground, command: Command, rolling: bool) -> None:
    before = [process.pid for address in ground.supervisors for process in supervision.processes(address)]
    status, out, _ = command("restart", "annotator", *(["--rolling"] if rolling else []))
    assert status == 0
    assert len(out.splitlines()) == (2 if rolling else 1)
    after = [process.pid for address in ground.supervisors for process in supervision.processes(address)]
    assert not set(before) & set(after)


def test_a_rolling_restart_stops_at_a_host_that_does_not_come_back(ground: Ground) -> None:
    said: list[str] = []
    way = ssh.Way(REGION, config=str(ground.config))
    nowhere = replace(ground.hosts[0], address="127.0.0.9")
    untouched = [process.pid for process in supervision.processes(ground.supervisors[1])]
    now = iter(range(0, 1000, 50))
    account = replace(ground.account, now=lambda: next(now), sleep=lambda _: None)
    assert not programs.restart(account, way, [nowhere, ground.hosts[1]], True, said.append)
    assert any("UNREACHABLE" in line for line in said)
    assert [process.pid for process in supervision.processes(ground.supervisors[1])] == untouched


def test_ssh_runs_a_command_as_it_was_given(ground: Ground, command: Command) -> None:
    way = ssh.Way(REGION, config=str(ground.config))
    answer = ssh.on(way, ground.hosts[0], ["printf", "%s|", "a b", "$HOME", "'"])
    assert (answer.status, answer.output) == (0, "a b|$HOME|'|")


def test_a_host_that_hangs_is_given_up(ground: Ground) -> None:
    way = ssh.Way(REGION, config=str(ground.config))
    assert ssh.on(way, ground.hosts[0], ["sleep", "20"], patience=1).problem == "no answer within 1 s"


def test_the_shell_is_ssh_itself(ground: Ground, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(commands.os, "execvp", lambda file, line: ran.append(line))
    command("ssh", ground.hosts[0].instance_id)
    assert ran[0][0] == "ssh"
    assert ran[0][-2:] == [str(ground.config), ground.hosts[0].address]


def test_without_a_configuration_the_way_leads_through_an_endpoint() -> None:
    line = ssh.Way("eu-west-1").command(HOST, "uptime", batch=True)
    (proxy,) = [part for part in line if part.startswith("ProxyCommand=")]
    assert proxy == (
        "ProxyCommand=aws ec2-instance-connect open-tunnel --instance-id i-0123456789abcdef0 --region eu-west-1"
    )
    assert line[-2:] == ["gas-ops@10.1.2.3", "uptime"]
    assert "HostKeyAlias=i-0123456789abcdef0" in line
    direct = ssh.Way("eu-west-1", direct=True).command(HOST)
    assert not any("ProxyCommand" in part for part in direct)
    assert direct[-1] == "gas-ops@10.1.2.3"


def test_show_prints_the_command_line(account: Account, group: Callable[..., list[str]], command: Command) -> None:
    (instance,) = group("web")
    status, out, _ = command("ssh", "--show", instance, "--", "journalctl", "-n", "5")
    assert command("ssh", "--show", instance, "journalctl", "-n", "5")[1] == out, "-n is journalctl's"
    assert status == 0
    assert out.splitlines()[0] == "ssh"
    assert out.splitlines()[-1] == "journalctl -n 5"


def test_mistakes_are_sentences(
    account: Account, group: Callable[..., list[str]], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has no host of the role web" in command("restart", "web")[2]
    assert command("status") == (0, f"{account.name_prefix} has no host.\n", "")
    (instance,) = group("web")
    monkeypatch.setenv(ssh.CONFIG_VARIABLE, "/nowhere/config")
    assert "names /nowhere/config, which is no file" in command("status")[2]
    monkeypatch.delenv(ssh.CONFIG_VARIABLE)
    monkeypatch.setenv("PATH", "/nowhere")
    assert command("ssh", instance) == (1, "", "Error: ssh is not installed on this machine.\n")
    with pytest.raises(NotPossible, match="not installed"):
        ssh.on(ssh.Way(REGION), HOST, ["true"])
