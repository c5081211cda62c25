"""`gas admin …`: the operator's commands. They read the same GAS_* settings as every process."""

import json
import re
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from gas import archives, aws, config, telemetry, topology
from gas.admin import inventory, redrive, restore, verify
from gas.admin import where as places
from gas.config import Settings
from gas.faults import explain
from gas.jobs import Conflict, JobStore
from gas.messages import UUID_PATTERN
from gas.storage import Storage
from gas.submissions import Announcer
from gas.tiers import Tiers
from gas.users import UserStore

DAY = 86_400
DAYS_KEPT = 7
EXPECTED = (redrive.NoQueue, redrive.MoveFailed, redrive.Moving, restore.NotPossible, inventory.BadInventory)


@click.group()
def admin() -> None:
    """What `gas.cli` shows as `gas admin`."""


def _settings() -> Settings:
    settings = config.load()
    # Standard output is the answer's.
    telemetry.configure("admin", "WARNING", sys.stderr)
    return settings


def _plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever was to be expected ends the command with one sentence."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except EXPECTED as error:
            raise click.ClickException(str(error)) from error
        except Conflict as error:
            raise click.ClickException(f"{error}; try again.") from error
        except (BotoCoreError, ClientError) as error:
            raise click.ClickException(explain(error)) from error

    return run


def _job_id(_: Any, __: Any, text: str) -> str:
    if not re.fullmatch(UUID_PATTERN, text):
        raise click.BadParameter("a job's id looks like 01234567-89ab-cdef-0123-456789abcdef")
    return text


def _storage(settings: Settings) -> Storage:
    return Storage(aws.client(settings, "s3"), settings.inputs_bucket, settings.results_bucket)


@admin.command()
@click.argument("job_id", callback=_job_id)
@click.option("--json", "as_json", is_flag=True, help="For programs; times in epoch seconds.")
@_plainly
def where(job_id: str, as_json: bool) -> None:
    """Show where job JOB_ID stands, where each of its files is, and who looks at it next."""
    settings = _settings()
    job = JobStore.of(settings).get(job_id)
    if job is None:
        raise click.ClickException(f"There is no job {job_id}.")
    owner = UserStore.of(settings).get(job.user_id)
    now = int(time.time())
    vault = settings.archive_backend == "glacier-vault"
    found = places.where(job, owner, _storage(settings), archives.of(settings), vault, now)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(places.table(found, now)))


@admin.command("redrive")
@click.argument("queue")
@click.option("--look", is_flag=True, help="Only show what is there; move nothing.")
@_plainly
def redrive_queue(queue: str, look: bool) -> None:
    """Move the dead letters of QUEUE (such as `archive`) back into it, and show why they were there."""
    settings = _settings()
    queues = redrive.Redrive.of(aws.client(settings, "sqs"), settings.name_prefix, queue)
    found = queues.look()
    for reason, count in found.reasons.most_common():
        click.echo(f"{count:>7,}  {reason}")
    if rest := found.count - found.reasons.total():
        click.echo(f"{rest:>7,}  not looked at")
    if not found.count:
        click.echo("There is no dead letter.")
    elif look:
        click.echo(f"{found.count:,} in all. Nothing was moved.")
    else:
        click.echo(f"{queues.move():,} moved back.")


@admin.command("restore")
@click.argument("job_id", callback=_job_id)
@click.option("--days", type=click.IntRange(1, 365), default=DAYS_KEPT, show_default=True, help="How long it stays.")
@_plainly
def restore_job(job_id: str, days: int) -> None:
    """Bring the result of job JOB_ID back from the archive, whatever its owner's role, for some days."""
    settings = _settings()
    jobs = JobStore.of(settings)
    job = restore.restore(jobs, Tiers.of(settings, jobs), Announcer.of(settings), job_id, days * DAY)
    until = places.moment(job.keep_until, jobs.now())
    click.echo(f"The result is {job.result_tier}. Its owner can download it, once it is HOT, until {until}.")


@admin.command("verify")
@click.option("--inventory", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@_plainly
def verify_all(file: Path | None) -> None:
    """Check that every result is where its item says, and that no archive or object is an orphan.

    Asks the vault for its inventory, which takes hours, unless --inventory names one that was downloaded (JSON). Exit
    status 0: all is well. 1: something is wrong, one line each.
    """
    settings = _settings()
    vault = settings.archive_backend == "glacier-vault"
    listed: inventory.Inventory | None = None
    if file is not None and not vault:
        raise click.ClickException("Archives are S3 objects here (GAS_ARCHIVE_BACKEND): there is no inventory to read.")
    if file is not None:
        with file.open("rb") as opened:
            _report(settings, vault, inventory.read(iter(lambda: opened.read(inventory.CHUNK_BYTES), b"")))
        return
    if vault:
        name = topology.resource_name(settings.name_prefix, topology.load().vault)
        listed = inventory.fetch(aws.client(settings, "glacier"), name, lambda text: click.echo(text, err=True))
    _report(settings, vault, listed)


def _report(settings: Settings, vault: bool, listed: inventory.Inventory | None) -> None:
    looked = verify.Verification(JobStore.of(settings), _storage(settings), vault, listed)
    wrong = 0
    for line in looked.run():
        wrong += 1
        click.echo(line)
    counts = looked.counts
    of = f" (inventory of {places.moment(listed.date, int(time.time()))})" if listed else ""
    archived = f", {counts['archives']:,} archives{of}" if vault else ""
    click.echo(
        f"{counts['jobs']:,} jobs, {counts['objects']:,} objects{archived}: {wrong or 'nothing'} wrong.", err=True
    )
    if counts["unjudged"]:
        sooner = "A later inventory tells." if listed else "The vault has no inventory yet: it comes within a day."
        click.echo(f"{counts['unjudged']:,} archives changed too lately to be judged. {sooner}", err=True)
    if wrong:
        raise click.exceptions.Exit(1)
