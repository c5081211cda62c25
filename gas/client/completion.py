"""What the shell offers for a job's id: the ids of one's own newest jobs, or nothing, but at once."""

import logging
import os
import threading
from collections.abc import Callable, Collection
from typing import Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

from gas.client.session import FOLDER, Session, default_site, printable

# Who waits longer types the id.
PATIENCE_SECONDS = 2.0
MOST_JOBS = 100

Complete = Callable[[Context, Parameter, str], list[CompletionItem]]


def job_ids(statuses: Collection[str] = ()) -> Complete:
    """Completes ids of jobs in one of these states, or in any; a shell that shows more shows state and file too."""

    def complete(ctx: Context, param: Parameter, incomplete: str) -> list[CompletionItem]:
        given = ctx.params.get(param.name or "") or ()
        return [
            CompletionItem(job["job_id"], help=f"{job['status']} {printable(job['input_file_name'])}")
            for job in _jobs(ctx.params.get("site") or os.environ.get("GAS_SITE"))
            if job["job_id"].startswith(incomplete) and job["job_id"] not in given
            if not statuses or job["status"] in statuses
        ]

    return complete


def _jobs(site: str | None) -> list[dict[str, Any]]:
    """The newest jobs; none where nobody is signed in, the site does not answer in time, or anything else is wrong."""
    # Nothing may be written between what somebody is typing.
    logging.disable()
    found: list[dict[str, Any]] = []

    def ask() -> None:
        try:
            address = site or default_site(FOLDER)
            if address is not None:
                found.extend(Session(address, FOLDER).call("GET", "/jobs", params={"limit": str(MOST_JOBS)})["jobs"])
        except Exception:  # An error has nowhere to go.
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return list(found)
