"""supervisorctl on many hosts: what runs, and restarts one host after the other."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gas.ops import ssh
from gas.ops.account import Account
from gas.ops.hosts import Host
from gas.ops.ssh import Way

# Above the longest stopwaitsecs of a program.
RESTART_SECONDS = 200.0
READY_SECONDS = 60.0
LOOK_SECONDS = 2.0
RUNNING = "RUNNING"
UNREACHABLE = "UNREACHABLE"
# `annotator:annotator-0   RUNNING   pid 123, uptime 0:00:05`
_LINE = re.compile(r"(\S+)\s+([A-Z]+)\s*(.*)")
STATUS = ("supervisorctl", "status")
RESTART = ("supervisorctl", "restart", "all")


@dataclass(frozen=True)
class Program:
    """One process of a host as its supervisorctl shows it. A host that does not answer has one, UNREACHABLE."""

    host: Host
    name: str
    state: str
    detail: str


def status(way: Way, hosts: Sequence[Host]) -> list[Program]:
    """What runs on these hosts, all asked at once."""
    return [program for answer in ssh.on_all(way, hosts, STATUS) for program in _programs(answer)]


def _programs(answer: ssh.Answer) -> Iterator[Program]:
    if answer.problem:
        yield Program(answer.host, "", UNREACHABLE, answer.problem)
        return
    lines = answer.output.splitlines()
    found = [match.groups() for line in lines if (match := _LINE.fullmatch(line.rstrip()))]
    if not found:
        said = lines[-1] if lines else f"supervisorctl said nothing (exit status {answer.status})"
        yield Program(answer.host, "", UNREACHABLE, said)
    for name, state, detail in found:
        yield Program(answer.host, name, state, detail)


def restart(account: Account, way: Way, hosts: Sequence[Host], rolling: bool, tell: Callable[[str], None]) -> bool:
    """Restart every program of these hosts: one host after the other, or all at once. Stops at a host that does not
    come back; True: all have. Running jobs are finished or given back, as at every stop."""
    for batch in [[host] for host in hosts] if rolling else [list(hosts)]:
        for answer in ssh.on_all(way, batch, RESTART, RESTART_SECONDS):
            if answer.problem:
                tell(f"{answer.host.instance_id}: {answer.problem}")
        left = _await_running(account, way, batch)
        for program in left:
            tell(f"{program.host.instance_id}: {program.name} {program.state} {program.detail}")
        if left:
            return False
        tell(f"{', '.join(host.instance_id for host in batch)}: restarted, all programs run")
    return True


def _await_running(account: Account, way: Way, hosts: Sequence[Host]) -> list[Program]:
    """The programs that do not run even after a while."""
    deadline = account.now() + READY_SECONDS
    while True:
        left = [program for program in status(way, hosts) if program.state != RUNNING]
        if not left or account.now() >= deadline:
            return left
        account.sleep(LOOK_SECONDS)
