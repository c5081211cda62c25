"""`gas login`, `submit`, `jobs`, `status`, `download`, `cancel`, …: the commands against a deployment."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from gas.client import transfer, waiting
from gas.client.completion import job_ids
from gas.client.session import FOLDER, ClientError, Refused, Session, SignInNeeded, default_site, printable

# Exit codes, beyond 0 for success: a fault, a refusal (of a file or a call), and "sign in first".
FAULT, REFUSED, SIGN_IN = 1, 2, 3
FILES = ("result", "index", "log", "receipt", "input")

Command = TypeVar("Command", bound=Callable[..., Any])


def for_deployment(command: Command) -> Command:
    """The options that every command here has; errors become one sentence and an exit code."""

    @click.option("--site", envvar="GAS_SITE", help="The deployment's address; the one signed in to last unless given.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @wraps(command)
    def run(site: str | None, as_json: bool, **given: Any) -> int:
        try:
            address = given.get("address") or site or default_site(FOLDER)
            if address is None:
                raise SignInNeeded("Name the deployment: gas login https://gas.example.org")
            return command(Session(address, FOLDER), as_json, **given) or 0
        except ClientError as error:
            click.echo(str(error), err=True)
            return SIGN_IN if isinstance(error, SignInNeeded) else REFUSED if isinstance(error, Refused) else FAULT

    return run  # type: ignore[return-value]


@click.command()
@click.argument("address", metavar="SITE", required=False)
@for_deployment
def login(session: Session, as_json: bool, address: str | None) -> None:
    """Sign in to the deployment at SITE with Globus; later commands are for that site."""
    account = session.login()
    tell(as_json, account, f"Signed in at {session.site_url} as {account['email'] or account['user_id']}.")


@click.command()
@for_deployment
def logout(session: Session, as_json: bool) -> None:
    """Revoke this machine's tokens."""
    session.logout()
    tell(as_json, {"signed_in": False}, f"Signed out of {session.site_url}.")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", is_flag=True, help="Wait until every job has ended.")
@click.option(
    "--download", "folder", type=click.Path(file_okay=False, path_type=Path), help="Wait, and fetch results here."
)
@click.option("--idempotency-key", help="With one file: names the job, so that a repeated script makes no second one.")
@for_deployment
def submit(
    session: Session,
    as_json: bool,
    files: tuple[Path, ...],
    wait: bool,
    folder: Path | None,
    idempotency_key: str | None,
) -> int:
    """Upload FILES and annotate each; prints the jobs' ids.

    An interrupted upload goes on where it was when the same command is given again.
    """
    if idempotency_key and len(files) > 1:
        raise click.UsageError("--idempotency-key names one job: give one file.")
    names = {_sent(session, path, idempotency_key, as_json): path for path in files}
    if not (wait or folder):
        tell(as_json, {"jobs": [{"job_id": job_id, "file": str(path)} for job_id, path in names.items()]}, None)
        return 0
    return _ended(session, as_json, names, folder)


@click.command()
@click.option("--status", type=click.Choice(["PENDING", "RUNNING", *waiting.FINISHED]), help="Only such jobs.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many at most.")
@for_deployment
def jobs(session: Session, as_json: bool, status: str | None, limit: int) -> None:
    """List your jobs, newest first."""
    wanted = {"limit": str(limit), **({"status": status} if status else {})}
    page = session.call("GET", "/jobs", params=wanted)
    lines = [
        f"{job['job_id']}  {job['status']:9}  {_moment(job['submit_time'])}  {printable(job['input_file_name'])}"
        for job in page["jobs"]
    ]
    tell(as_json, page, "\n".join(lines) or "No jobs.")


@click.command()
@click.argument("job_id", shell_complete=job_ids())
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@for_deployment
def status(session: Session, as_json: bool, job_id: str, wait: bool) -> int:
    """Where a job stands. Exit code 2 when it failed."""
    if wait:
        list(waiting.until_finished(session, [job_id]))
    details = session.call("GET", f"/jobs/{job_id}")
    job = details["job"]
    tell(as_json, details, _described(job, details["queue_position"]))
    return REFUSED if job["status"] == "FAILED" else 0


@click.command()
@click.argument("job_id", shell_complete=job_ids(waiting.FINISHED))
@click.option("--what", type=click.Choice(FILES), default="result", show_default=True, help="Which of its files.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to; a name of the job's otherwise.")
@for_deployment
def download(session: Session, as_json: bool, job_id: str, what: str, output: Path | None) -> None:
    """Fetch a file of a job. What an interrupted download has fetched is kept and gone on with."""
    target = output or Path(_file_name(session.call("GET", f"/jobs/{job_id}")["job"], what))
    with click.progressbar(length=0, label=target.name, file=sys.stderr, hidden=as_json) as bar:
        transfer.download(session, job_id, what, target, bar.update)
    tell(as_json, {"file": str(target), "size": target.stat().st_size}, str(target))


@click.command()
@click.argument("job_ids", nargs=-1, required=True, shell_complete=job_ids(("PENDING", "RUNNING")))
@for_deployment
def cancel(session: Session, as_json: bool, job_ids: tuple[str, ...]) -> None:
    """Stop jobs that are not finished."""
    ended = [session.call("POST", f"/jobs/{job_id}/cancel") for job_id in job_ids]
    tell(as_json, {"jobs": ended}, "\n".join(f"{one['job_id']}  {one['status']}" for one in ended))


@click.command()
@click.argument("job_ids", nargs=-1, required=True, shell_complete=job_ids(waiting.FINISHED))
@for_deployment
def delete(session: Session, as_json: bool, job_ids: tuple[str, ...]) -> None:
    """Delete finished jobs with everything that belongs to them, for ever."""
    gone = [session.call("DELETE", f"/jobs/{job_id}") for job_id in job_ids]
    tell(as_json, {"jobs": gone}, "\n".join(f"{one['job_id']}  deleted" for one in gone))


COMMANDS = (login, logout, submit, jobs, status, download, cancel, delete)


def _sent(session: Session, path: Path, key: str | None, quiet: bool) -> str:
    with click.progressbar(length=path.stat().st_size, label=path.name, file=sys.stderr, hidden=quiet) as bar:
        job_id = transfer.submit(session, path, bar.update, key)
    if not quiet:
        click.echo(f"{job_id}  {path}")
    return job_id


def _ended(session: Session, as_json: bool, names: dict[str, Path], folder: Path | None) -> int:
    ended, code = [], 0
    for job in waiting.until_finished(session, names):
        if not as_json:
            click.echo(_described(job, None))
        if job["status"] != "COMPLETED":
            code = REFUSED
        elif folder:
            folder.mkdir(parents=True, exist_ok=True)
            job["file"] = str(folder / _file_name(job, "result"))
            for what in ("result", "index"):
                transfer.download(session, job["job_id"], what, folder / _file_name(job, what), lambda _: None)
        ended.append(job)
    if as_json:
        tell(True, {"jobs": ended}, None)
    return code


def _file_name(job: dict[str, Any], what: str) -> str:
    """By the job's id as well: two uploads may have the same name, and none decides where a file is written."""
    suffixes = {
        "result": ".annotated.vcf.gz",
        "index": ".annotated.vcf.gz.tbi",
        "log": ".log.txt",
        "receipt": ".receipt.json",
        "input": ".input",
    }
    stem = "".join(c if c.isalnum() or c in "._-" else "_" for c in Path(job["input_file_name"]).name)
    stem = stem.removesuffix(".gz").removesuffix(".vcf").lstrip(".-") or "sample"
    return f"{stem}.{job['job_id'][:8]}{suffixes[what]}"


def _described(job: dict[str, Any], position: int | None) -> str:
    line = f"{job['job_id']}  {job['status']}  {printable(job['input_file_name'])}"
    if job["error"]:
        reference = f" Reference: {job['error']['reference']}." if job["error"]["reference"] else ""
        return f"{line}\n  {job['error']['message']}{reference}"
    if position is not None:
        return f"{line}\n  number {position} in the queue"
    records, progress = job["records"], job["progress"]
    if job["status"] == "COMPLETED":
        return (
            f"{line}\n  {records['read']:,} records read: {records['annotated']:,} annotated, "
            f"{records['passed']:,} passed through, {records['rejected']:,} rejected; result {job['result']['access']}"
        )
    return f"{line}\n  {progress['done']:,} of {progress['total']:,} records" if progress["total"] else line


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def tell(as_json: bool, data: Any, text: str | None) -> None:
    """Print the answer for programs or for people."""
    if as_json:
        click.echo(json.dumps(data, indent=1))
    elif text:
        click.echo(text)
