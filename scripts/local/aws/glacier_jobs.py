"""Glacier jobs: retrieving an archive or the inventory takes its time, ends with a notice, and its output expires."""

import csv
import io
import json
import re
from typing import Any

from moto.sns.exceptions import SNSNotFoundError
from moto.sns.models import sns_backends

from . import settings
from .files import Body, keep
from .glacier_vault import (
    LARGEST_EXPEDITED_BYTES,
    LONGEST_DESCRIPTION,
    MIB,
    Job,
    Vault,
    is_tree_hash_aligned,
    new_id,
    now_text,
)
from .timers import timers

TIERS = ("Expedited", "Standard", "Bulk")
FINISH, EXPIRE = "glacier-job", "glacier-job-expiry"


class BadJob(Exception):
    """str() is the message of an InvalidParameterValueException."""


class NotThere(Exception):
    """str() is the message of a ResourceNotFoundException."""


# https://docs.aws.amazon.com/amazonglacier/latest/dev/api-initiate-job-post.html
def start(vault: Vault, asked: dict[str, Any], account: str, region: str) -> Job:
    """Begins a job and sets its timer. Raises BadJob or NotThere."""
    kind, tier, topic = asked.get("Type"), asked.get("Tier") or "Standard", asked.get("SNSTopic")
    if tier not in TIERS:
        raise BadJob(f"Invalid tier: {tier}")
    if topic and not re.fullmatch(r"arn:aws:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", topic):
        raise BadJob(f"Invalid SNS topic ARN: {topic}")
    if len(asked.get("Description") or "") > LONGEST_DESCRIPTION:
        raise BadJob("Invalid job description: at most 1,024 characters")
    if kind == "archive-retrieval":
        job, after = _archive_job(vault, asked, tier), settings.seconds(tier.upper())
    elif kind == "inventory-retrieval":
        job, after = _inventory_job(vault, asked), settings.seconds("INVENTORY")
    else:
        raise BadJob(f"Invalid job type: {kind}")
    job.description.update(JobDescription=asked.get("Description"), SNSTopic=topic, VaultARN=vault.arn)
    vault.jobs[job.id] = job
    timers.schedule(after, FINISH, account=account, region=region, vault_name=vault.name, job_id=job.id)
    return job


def _new(action: str, **description: Any) -> dict[str, Any]:
    return {
        "JobId": new_id(69),
        "Action": action,
        "CreationDate": now_text(),
        "Completed": False,
        "StatusCode": "InProgress",
        "StatusMessage": None,
        "CompletionDate": None,
        **description,
    }


def _archive_job(vault: Vault, asked: dict[str, Any], tier: str) -> Job:
    archive = vault.archives.get(asked.get("ArchiveId") or "")
    if archive is None:
        raise NotThere(f"The archive ID was not found: {asked.get('ArchiveId')}")
    size = archive.body.size
    if tier == "Expedited" and size > LARGEST_EXPEDITED_BYTES:
        raise BadJob("Expedited retrievals are not available for archives over 250 MB")
    start, end = _byte_range(asked.get("RetrievalByteRange"), size)
    description = _new(
        "ArchiveRetrieval",
        ArchiveId=archive.id,
        ArchiveSizeInBytes=size,
        ArchiveSHA256TreeHash=archive.tree_hash,
        RetrievalByteRange=f"{start}-{end}",
        SHA256TreeHash=archive.range_hash(start, end) if is_tree_hash_aligned(start, end, size) else None,
        Tier=tier,
    )
    return Job(description, archive, offset=start)


def _byte_range(asked: str | None, size: int) -> tuple[int, int]:
    if not asked:
        return 0, size - 1
    found = re.fullmatch(r"(\d+)-(\d+)", asked)
    if found is None:
        raise BadJob(f"Invalid retrieval byte range: {asked}")
    start, end = int(found[1]), int(found[2])
    aligned = start % MIB == 0 and ((end + 1) % MIB == 0 or end == size - 1)
    if not aligned or not start <= end < size:
        raise BadJob(f"Invalid retrieval byte range, it must be megabyte aligned: {asked}")
    return start, end


def _inventory_job(vault: Vault, asked: dict[str, Any]) -> Job:
    form = asked.get("Format") or "JSON"
    if form not in ("JSON", "CSV"):
        raise BadJob(f"Invalid format: {form}")
    vault.take_inventory()
    if vault.inventory is None:
        raise NotThere(f"No inventory has been made yet of vault {vault.arn}")
    description = _new("InventoryRetrieval", InventoryRetrievalParameters={"Format": form})
    return Job(description, content_type="text/csv" if form == "CSV" else "application/json")


def finish(vault: Vault, job: Job, account: str, region: str) -> None:
    """The job is done: its output is there, or it failed because the archive was deleted meanwhile."""
    if job.archive is not None and job.archive.id not in vault.archives:
        job.description.update(StatusCode="Failed", StatusMessage="The archive was deleted.")
    else:
        job.output = _archive_output(job) if job.archive is not None else _inventory_output(vault, job)
        job.description.update(StatusCode="Succeeded", StatusMessage="Succeeded")
    job.description.update(Completed=True, CompletionDate=now_text())
    expiry = settings.seconds("JOB_EXPIRY")
    timers.schedule(expiry, EXPIRE, account=account, region=region, vault_name=vault.name, job_id=job.id)
    _notify(vault, job, account, region)


def _archive_output(job: Job) -> Body:
    start, end = map(int, job.description["RetrievalByteRange"].split("-"))
    return keep(job.archive.body[start : end + 1])


def _inventory_output(vault: Vault, job: Job) -> Body:
    vault.take_inventory()
    listed = vault.inventory or []
    if job.content_type == "text/csv":
        text = io.StringIO()
        columns = ["ArchiveId", "ArchiveDescription", "CreationDate", "Size", "SHA256TreeHash"]
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(listed)
        output = text.getvalue().encode()
    else:
        date = now_text(vault.inventory_at)
        output = json.dumps({"VaultARN": vault.arn, "InventoryDate": date, "ArchiveList": listed}).encode()
    job.description["InventorySizeInBytes"] = len(output)
    return keep(output)


# To the job's own topic and to the vault's, if both are set to both, as AWS does.
# https://docs.aws.amazon.com/amazonglacier/latest/dev/configuring-notifications.html
def _notify(vault: Vault, job: Job, account: str, region: str) -> None:
    topics = [job.description.get("SNSTopic")]
    configured = vault.notifications or {}
    if f"{job.description['Action']}Completed" in configured.get("Events", []):
        topics.append(configured.get("SNSTopic"))
    for topic in filter(None, topics):
        try:
            sns_backends[account][topic.split(":")[3]].publish(
                message=json.dumps(job.description), arn=topic, subject="Notification From Amazon Glacier Service"
            )
        except SNSNotFoundError:
            continue


def expire(vault: Vault, job: Job) -> None:
    """The job id is no longer known, and its output is gone."""
    vault.jobs.pop(job.id, None)
    if job.output is not None:
        job.output.drop()
