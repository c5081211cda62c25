"""What a Glacier vault holds: archives, uploads, jobs, and the tree hash that proves them.

Dates are AWS's text form, bodies are `files.Body`, hashes hexadecimal unless they are leaves.
"""

import base64
import datetime
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import settings
from .files import Body, join

MIB = 2**20
# https://docs.aws.amazon.com/amazonglacier/latest/dev/uploading-archive-mpu.html
LARGEST_PART_BYTES = 4096 * MIB
MOST_PARTS = 10_000
# https://docs.aws.amazon.com/amazonglacier/latest/dev/api-initiate-job-post.html
LONGEST_DESCRIPTION = 1024
# "Expedited … for all but the largest archives (250 MB+)": https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
LARGEST_EXPEDITED_BYTES = 250 * 10**6
# https://docs.aws.amazon.com/amazonglacier/latest/dev/tagging.html
MOST_TAGS = 50


def leaf_hashes(chunks: Iterable[bytes]) -> list[bytes]:
    """SHA-256 of each mebibyte of a stream of bytes objects."""
    leaves, rest = [], bytearray()
    for chunk in chunks:
        rest += chunk
        whole = len(rest) - len(rest) % MIB
        leaves += [hashlib.sha256(rest[start : start + MIB]).digest() for start in range(0, whole, MIB)]
        del rest[:whole]
    if rest or not leaves:
        leaves.append(hashlib.sha256(rest).digest())
    return leaves


def tree_hash(leaves: list[bytes]) -> str:
    """The root over the leaves, hexadecimal.

    https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html
    """
    level = leaves
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(left + right).digest() for left, right in pairs] + odd
    return level[0].hex()


def is_tree_hash_aligned(start: int, end: int, size: int) -> bool:
    """Whether a range (inclusive, of an archive of `size` bytes) is a whole subtree.

    https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations-range.html
    """
    if (start, end) == (0, size - 1):
        return True
    length = end - start + 1
    if start % MIB or (length % MIB and end != size - 1):
        return False
    mebibytes = -(-length // MIB)
    span = 1 << (mebibytes - 1).bit_length()
    whole = mebibytes == span or end == size - 1
    return whole and (start // MIB) % span == 0


def now_text(moment: datetime.datetime | None = None) -> str:
    moment = moment or datetime.datetime.now(datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def new_id(random_bytes: int) -> str:
    """Archive ids have 138 characters, job and upload ids 92."""
    return base64.urlsafe_b64encode(os.urandom(random_bytes)).decode().rstrip("=")


@dataclass
class Archive:
    id: str
    body: Body
    leaves: list[bytes]
    description: str
    created: str = field(default_factory=now_text)

    @property
    def tree_hash(self) -> str:
        return tree_hash(self.leaves)

    def range_hash(self, start: int, end: int) -> str:
        """Of a range that starts on a mebibyte and ends on one or with the archive."""
        return tree_hash(self.leaves[start // MIB : -(-(end + 1) // MIB)])

    def listed(self) -> dict[str, Any]:
        return {
            "ArchiveId": self.id,
            "ArchiveDescription": self.description,
            "CreationDate": self.created,
            "Size": self.body.size,
            "SHA256TreeHash": self.tree_hash,
        }


@dataclass
class Part:
    body: Body
    leaves: list[bytes]


@dataclass
class Upload:
    id: str
    part_size: int
    description: str
    created: str = field(default_factory=now_text)
    parts: dict[int, Part] = field(default_factory=dict)

    def listed(self, vault_arn: str) -> dict[str, Any]:
        return {
            "MultipartUploadId": self.id,
            "VaultARN": vault_arn,
            "PartSizeInBytes": self.part_size,
            "ArchiveDescription": self.description,
            "CreationDate": self.created,
        }

    def gap(self, size: int) -> str:
        """Why the parts are not one archive of `size` bytes; empty if they are."""
        expected = 0
        for start, part in sorted(self.parts.items()):
            if start != expected:
                return f"missing the part that starts at {expected}"
            expected = start + part.body.size
            if part.body.size != self.part_size and expected != size:
                return f"the part that starts at {start} is not the last and has {part.body.size} bytes"
        return "" if expected == size else f"the parts have {expected} bytes, the archive size is {size}"

    def join(self) -> tuple[Body, list[bytes]]:
        parts = [part for _, part in sorted(self.parts.items())]
        return join(part.body for part in parts), [leaf for part in parts for leaf in part.leaves]

    def drop(self) -> None:
        for part in self.parts.values():
            part.body.drop()


@dataclass
class Job:
    """A retrieval. `output` is there once it has succeeded, and outlives the archive."""

    description: dict[str, Any]
    archive: Archive | None = None
    output: Body | None = None
    content_type: str = "application/octet-stream"
    # Where the output starts in the archive, for ranges and their hashes.
    offset: int = 0

    @property
    def id(self) -> str:
        return self.description["JobId"]


@dataclass
class Vault:
    name: str
    arn: str
    created: str = field(default_factory=now_text)
    archives: dict[str, Archive] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    uploads: dict[str, Upload] = field(default_factory=dict)
    # Completed and aborted uploads: both operations may be repeated.
    completed: dict[str, tuple[str, str]] = field(default_factory=dict)
    aborted: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    policy: dict[str, Any] | None = None
    notifications: dict[str, Any] | None = None
    lock: dict[str, Any] | None = None
    inventory: list[dict[str, Any]] | None = None
    inventory_at: datetime.datetime | None = None
    written_at: datetime.datetime | None = None

    def add(self, body: Body, leaves: list[bytes], description: str) -> Archive:
        archive = Archive(new_id(103), body, leaves, description)
        self.archives[archive.id] = archive
        self.written_at = datetime.datetime.now(datetime.UTC)
        return archive

    def delete(self, archive_id: str) -> None:
        archive = self.archives.pop(archive_id)
        self.deleted.add(archive_id)
        self.written_at = datetime.datetime.now(datetime.UTC)
        archive.body.drop()

    def take_inventory(self) -> None:
        """AWS takes one about once a day; here one is at most AWS_STANDIN_INVENTORY_LAG_SECONDS old, and not earlier.

        https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-inventory.html
        """
        now = datetime.datetime.now(datetime.UTC)
        lag = datetime.timedelta(seconds=settings.seconds("INVENTORY_LAG"))
        since = self.inventory_at or datetime.datetime.fromisoformat(self.created)
        if now - since >= lag:
            self.inventory = [archive.listed() for archive in self.archives.values()]
            self.inventory_at = now

    def described(self) -> dict[str, Any]:
        """Numbers and sizes are those of the last inventory, as AWS says."""
        self.take_inventory()
        listed = self.inventory or []
        return {
            "CreationDate": self.created,
            "LastInventoryDate": self.inventory_at and now_text(self.inventory_at),
            "NumberOfArchives": len(listed),
            "SizeInBytes": sum(archive["Size"] for archive in listed),
            "VaultARN": self.arn,
            "VaultName": self.name,
        }

    def is_deletable(self) -> bool:
        """Empty as of the last inventory, and not written to since.

        https://docs.aws.amazon.com/amazonglacier/latest/dev/deleting-vaults.html
        """
        self.take_inventory()
        if self.archives:
            return False
        return self.written_at is None or (self.inventory_at is not None and self.inventory_at >= self.written_at)
