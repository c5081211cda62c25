"""Looks into the stand-in's own memory: what is stored, without asking through the door."""

import hashlib
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from moto.dynamodb.models import dynamodb_backends
from moto.glacier.models import glacier_backends
from moto.s3.models import s3_backends

from gas import items
from scripts.local.environment import ACCOUNT, REGION

_READ = TypeDeserializer()


def rows(table: str) -> list[dict[str, Any]]:
    """Every item of a table."""
    stored = dynamodb_backends[ACCOUNT][REGION].tables[table].items
    return [
        items.native({name: _READ.deserialize(value.to_json()) for name, value in item.attrs.items()})
        for item in stored.values()
    ]


def objects(bucket: str, prefix: str = "") -> dict[str, str]:
    """SHA-256 of the newest version of every object, by key; a delete marker's is empty."""
    keys = s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
    found = {}
    for key in list(keys):
        if key.startswith(prefix) and (versions := keys.getlist(key)):
            body = getattr(versions[-1], "value", None)
            found[key] = "" if body is None else hashlib.sha256(body).hexdigest()
    return found


def retrievals(vault: str) -> list[str]:
    """The archive id of every retrieval that was ever asked for."""
    jobs = glacier_backends[ACCOUNT][REGION].vaults[vault].jobs.values()
    return [job.description["ArchiveId"] for job in jobs if job.description["Action"] == "ArchiveRetrieval"]


def uploads(vault: str) -> list[str]:
    """The description of every upload that is neither completed nor aborted."""
    return [upload.description for upload in glacier_backends[ACCOUNT][REGION].vaults[vault].uploads.values()]


def forget(table: str, bucket: str, vault: str, user_ids: set[str]) -> None:
    """Take everything of these users out of memory, so that the thousandth world is as quick as the first."""
    stored = dynamodb_backends[ACCOUNT][REGION].tables[table].items
    for key in [key for key, item in stored.items() if item.attrs["user_id"].value in user_ids]:
        del stored[key]
    keys = s3_backends[ACCOUNT]["aws"].buckets[bucket].keys
    for name in [name for name in keys if name.split("/")[0] in user_ids]:
        del keys[name]
    kept = glacier_backends[ACCOUNT][REGION].vaults[vault]
    for archive_id in [a.id for a in kept.archives.values() if a.description.split("/")[0] in user_ids]:
        kept.delete(archive_id)
    for upload_id in [u.id for u in kept.uploads.values() if u.description.split("/")[0] in user_ids]:
        del kept.uploads[upload_id]


def archives(vault: str) -> dict[str, str]:
    """The description of every archive in a vault, by id, the oldest first."""
    return {a.id: a.description for a in glacier_backends[ACCOUNT][REGION].vaults[vault].archives.values()}
