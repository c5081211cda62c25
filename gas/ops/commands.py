"""`gas ops …`: the commands for hosts."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from gas.faults import explain
from gas.fleet import ROLES
from gas.messages import UUID_PATTERN
from gas.ops import account as accounts
from gas.ops import drain as drains
from gas.ops import hosts as fleet
from gas.ops import logs as log_lines
from gas.ops import programs, ssh
from gas.ops import release as releases
from gas.ops.account import Account, NotPossible

HOST_HEAD = ("HOST", "ROLE", "ZONE", "VERSION", "AGE", "STATE", "HEALTH", "PROTECTED", "JOBS", "ADDRESS")
PROGRAM_HEAD = ("HOST", "ROLE", "PROGRAM", "STATE", "")


@click.group()
def ops() -> None:
    """What `gas.cli` shows as `gas ops`."""


def command(name: str, **settings: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A command of `gas ops` that gets an `Account`; whatever was to be expected ends it with one sentence."""

    def make(work: Callable[..., None]) -> click.Command:
        @click.option("--region", help="AWS region; GAS_REGION or the AWS SDK's own setting where it is not given.")
        @click.option("--name-prefix", help="Which installation; GAS_NAME_PREFIX or `gas` where it is not given.")
        @wraps(work)
        def run(region: str | None, name_prefix: str | None, **given: Any) -> None:
            try:
                work(accounts.here(region, name_prefix), **given)
            except NotPossible as error:
                raise click.ClickException(str(error)) from error
            except (BotoCoreError, ClientError) as error:
                raise click.ClickException(explain(error)) from error

        return ops.command(name, **settings)(run)

    return make


_json = click.option("--json", "as_json", is_flag=True, help="For programs; times in epoch seconds.")
_direct = click.option(
    "--direct", is_flag=True, help="Plain ssh to the private address, without an EC2 Instance Connect Endpoint."
)
_role = click.argument("role", required=False, type=click.Choice(ROLES))


def _failed() -> click.exceptions.Exit:
    return click.exceptions.Exit(1)


@command("hosts")
@_role
@_json
def hosts(account: Account, role: str | None, as_json: bool) -> None:
    """Show the hosts: role, zone, version, age, health, and how many jobs each runs."""
    found = fleet.find(account, role)
    try:
        found = fleet.with_jobs(account, found)
    except (BotoCoreError, ClientError) as error:
        click.echo(f"The jobs could not be counted: {explain(error)}", err=True)
    if as_json:
        click.echo(json.dumps([asdict(host) for host in found], indent=2))
        return
    now = account.now()
    rows = [
        (
            *(host.instance_id, host.role, host.zone, host.version, fleet.age(now - host.launched)),
            *(host.state, host.health, "yes" if host.protected else "no"),
            *("?" if host.jobs is None else host.jobs, host.address),
        )
        for host in found
    ]
    click.echo("\n".join(fleet.table(rows, HOST_HEAD)) if rows else f"{account.name_prefix} has no host.")


# `gas ops ssh HOST tail -f …`: the -f is tail's.
@command("ssh", context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("remote", nargs=-1, type=click.UNPROCESSED)
@_direct
@click.option("--show", is_flag=True, help="Show the command line of ssh instead of running it.")
def shell(account: Account, host: str, remote: tuple[str, ...], direct: bool, show: bool) -> None:
    """Open a shell on HOST (an instance id or its beginning, or an address), or run a command there."""
    line = ssh.way(account.region, direct).command(fleet.one(account, host), *remote)
    if show:
        click.echo("\n".join(line))
        return
    try:
        os.execvp(line[0], line)  # noqa: S606 - a list, no shell
    except FileNotFoundError as error:
        raise NotPossible("ssh is not installed on this machine.") from error


@command("status")
@_role
@_direct
@_json
def status(account: Account, role: str | None, direct: bool, as_json: bool) -> None:
    """Show what supervisorctl says on every host, in one table. Exit status 1: something does not run."""
    way = ssh.way(account.region, direct)
    found = programs.status(way, fleet.find(account, role))
    if as_json:
        click.echo(json.dumps([{**asdict(program), "host": program.host.instance_id} for program in found], indent=2))
    else:
        rows = [(p.host.instance_id, p.host.role, p.name, p.state, p.detail) for p in found]
        click.echo("\n".join(fleet.table(rows, PROGRAM_HEAD)) if rows else f"{account.name_prefix} has no host.")
    if any(program.state != programs.RUNNING for program in found):
        raise _failed()


@command("restart")
@click.argument("role", type=click.Choice(ROLES))
@click.option("--rolling", is_flag=True, help="One host after the other; stops at one that does not come back.")
@_direct
def restart(account: Account, role: str, rolling: bool, direct: bool) -> None:
    """Restart all programs on the hosts of ROLE. Running jobs are finished or given back."""
    found = fleet.find(account, role)
    if not found:
        raise NotPossible(f"{account.name_prefix} has no host of the role {role}.")
    if not programs.restart(account, ssh.way(account.region, direct), found, rolling, click.echo):
        raise _failed()


def _job_id(_: Any, __: Any, text: str) -> str:
    if not re.fullmatch(UUID_PATTERN, text):
        raise click.BadParameter("a job's id looks like 01234567-89ab-cdef-0123-456789abcdef")
    return text


@command("logs")
@click.argument("job_id", callback=_job_id)
@click.option("--days", type=click.IntRange(1, 3650), default=14, show_default=True, help="How far back to look.")
@_json
def logs(account: Account, job_id: str, days: int, as_json: bool) -> None:
    """Show every line of every process about job JOB_ID, in order."""
    found = log_lines.of_job(account, job_id, days)
    for line in found:
        click.echo(json.dumps({"host": line.stream, **line.fields}) if as_json else line.text())
    if not found:
        raise NotPossible(f"No line of the last {days} days names {job_id}.")


@command("drain")
@click.argument("host")
@click.option("--shrink", is_flag=True, help="Start no other in its place.")
@click.option("--wait", type=click.IntRange(1), default=900, show_default=True, help="How many seconds to wait.")
def drain(account: Account, host: str, shrink: bool, wait: int) -> None:
    """Empty HOST and have it go; its group starts another. Jobs it cannot finish in time are given to other hosts."""
    if not drains.drain(account, fleet.one(account, host), shrink, wait, click.echo):
        raise NotPossible(f"{host} is not gone after {wait} s. A repeat of the command waits on.")


@command("release")
@click.option("--image", help="An image that was baked before; without it one is baked from this checkout.")
@click.option("--arch", type=click.Choice(["arm64", "amd64"]), default="arm64", show_default=True, help="To bake for.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only these; all where none is named.")
@click.option("--alarm", "alarms", multiple=True, help="Go back by itself also when this CloudWatch alarm rings.")
@click.option("--rollback", is_flag=True, help="Go back: from a release under way, else to the image before.")
def release(
    account: Account, image: str | None, arch: str, roles: tuple[str, ...], alarms: tuple[str, ...], rollback: bool
) -> None:
    """Bake an image, and replace all hosts by new ones that run it. Exit status 1: hosts were not replaced."""
    chosen = roles or ROLES
    if rollback and image:
        raise NotPossible("--rollback finds the image before by itself; to go to another, say only --image.")
    if rollback:
        started = releases.roll_back(account, chosen, click.echo)
    else:
        if image is None:
            bake = releases.bake_command(account.region, arch)
            image = releases.bake(Path.cwd(), account.region, bake, lambda line: click.echo(line, err=True))
        started = releases.release(account, image, chosen, alarms, click.echo)
    if not releases.follow(account, started, click.echo):
        raise _failed()
    click.echo("Done. Name the image in terraform.tfvars (ami_id), or the next terraform apply goes back.")
