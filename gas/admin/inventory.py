"""A vault's inventory: the list of its archives, which Glacier takes about once a day and hands out by a job of hours.

https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-inventory.html
"""

import codecs
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

CHUNK_BYTES = 64 * 1024
# What stands before the list is a few hundred letters.
MOST_HEAD = 10_000
FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.25, 60.0


class BadInventory(Exception):
    """The text is no inventory in JSON; str() says where."""


@dataclass(frozen=True)
class Inventory:
    """What was in the vault at `date` (epoch second): each archive's id and label, to be read once."""

    date: int
    archives: Iterable[tuple[str, str]]


def read(chunks: Iterable[bytes]) -> Inventory:
    """Read an inventory as it comes, however long it is. Raises BadInventory, at the latest in place of the end."""
    texts = _texts(chunks)
    head = ""
    while (begin := re.search(r'"ArchiveList"\s*:\s*\[', head)) is None:
        text = next(texts, None)
        if text is None or len(head) > MOST_HEAD:
            raise BadInventory("This is no inventory in JSON: it has no ArchiveList.")
        head += text
    date = re.search(r'"InventoryDate"\s*:\s*"([^"]+)"', head[: begin.start()])
    if date is None:
        raise BadInventory("This inventory does not say of when it is: InventoryDate must stand before ArchiveList.")
    try:
        taken = _epoch(date[1])
    except ValueError:
        raise BadInventory(f"This inventory's date is none: {date[1]!a}.") from None
    return Inventory(taken, _archives(head[begin.end() :], texts))


def _texts(chunks: Iterable[bytes]) -> Iterator[str]:
    try:
        yield from codecs.iterdecode(chunks, "utf-8")
    except UnicodeDecodeError:
        raise BadInventory("This is no inventory in JSON: it is not UTF-8.") from None


def _archives(buffer: str, texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    decoder = json.JSONDecoder()
    separator = re.compile(r"[\s,]*")
    at = 0
    while True:
        found = separator.match(buffer, at)
        at = found.end() if found else at
        if buffer.startswith("]", at):
            return
        try:
            entry, at = decoder.raw_decode(buffer, at)
        except json.JSONDecodeError:
            text = next(texts, None)
            if text is None:
                raise BadInventory("The inventory ends in the middle: download it again.") from None
            buffer, at = buffer[at:] + text, 0
            continue
        try:
            yield str(entry["ArchiveId"]), str(entry["ArchiveDescription"] or "")
        except (KeyError, TypeError):
            raise BadInventory("The inventory has an entry without ArchiveId or ArchiveDescription.") from None


def fetch(
    glacier: Any, vault: str, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Inventory | None:
    """The vault's newest inventory, None when none was taken yet. Waits for Glacier, which takes hours.

    A job that was begun before is found again, so it is harmless to stop while waiting.
    """
    job_id = _begun(glacier, vault)
    if job_id is None:
        asked = {"Type": "inventory-retrieval", "Format": "JSON", "Description": "gas admin verify"}
        try:
            job_id = glacier.initiate_job(accountId="-", vaultName=vault, jobParameters=asked)["jobId"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
    pause, told = FIRST_POLL_SECONDS, False
    while not (job := glacier.describe_job(accountId="-", vaultName=vault, jobId=job_id))["Completed"]:
        if pause > 10 and not told:
            say("Waiting for the vault's inventory, usually 3 to 5 hours. Stop whenever you like: it is found again.")
            told = True
        sleep(pause)
        pause = min(pause * 2, LONGEST_POLL_SECONDS)
    if job["StatusCode"] != "Succeeded":
        raise BadInventory(f"Glacier could not make the inventory: {job.get('StatusMessage')}")
    output = glacier.get_job_output(accountId="-", vaultName=vault, jobId=job_id)
    return read(output["body"].iter_chunks(CHUNK_BYTES))


def _begun(glacier: Any, vault: str) -> str | None:
    """A job that brings the newest inventory that there is."""
    newest = glacier.describe_vault(accountId="-", vaultName=vault).get("LastInventoryDate")
    for page in glacier.get_paginator("list_jobs").paginate(accountId="-", vaultName=vault):
        for job in page["JobList"]:
            asked = job.get("InventoryRetrievalParameters") or {}
            # Somebody else may have asked for a part of it.
            part = any(asked.get(name) for name in ("StartDate", "EndDate", "Limit", "Marker"))
            if job["Action"] != "InventoryRetrieval" or asked.get("Format") != "JSON" or part:
                continue
            fresh = newest is not None and job["Completed"] and _epoch(job["CreationDate"]) > _epoch(newest)
            if job["StatusCode"] == "InProgress" or (job["StatusCode"] == "Succeeded" and fresh):
                return str(job["JobId"])
    return None


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
