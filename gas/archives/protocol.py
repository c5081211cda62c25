"""What an archive backend does, and what passes between it and its callers. Archive ids are opaque."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

# Holds one part at a time in memory, and reaches 80 GB before parts must grow.
USUAL_PART_BYTES = 8 * 1024**2

# "Expedited … typically within 1–5 minutes", "Standard … within 3–5 hours", "Bulk … within 5–12 hours".
# https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
TIER_SECONDS = {"Expedited": 5 * 60, "Standard": 5 * 3600, "Bulk": 12 * 3600}
# "for all but the largest archives (250 MB+)", the same page.
LARGEST_EXPEDITED_BYTES = 250 * 10**6


class Corrupted(Exception):
    """The archive's hash, or its size, is not the one of what was stored."""


@dataclass(frozen=True)
class Draft:
    """What a `store` under way has begun, noted so that a successor can clear it away.

    `tree_hash` and `size` are there as soon as the archive may exist.
    """

    upload: str
    size: int | None = None
    tree_hash: str | None = None


@dataclass(frozen=True)
class Archive:
    """One archive: its id, its size in bytes, and its SHA-256 tree hash, hexadecimal."""

    archive_id: str
    size: int
    tree_hash: str


@dataclass(frozen=True)
class Retrieval:
    """An archive on its way back; `tier` is one of TIER_SECONDS."""

    retrieval_id: str
    tier: str


class Progress(StrEnum):
    """Where a retrieval stands. GONE: it failed, or what it had brought was not fetched in time; ask again."""

    WAITING = "WAITING"
    READY = "READY"
    GONE = "GONE"


class ArchiveStore(Protocol):
    """What both backends do. Methods raise botocore's errors where AWS refuses or cannot be reached."""

    def store(self, label: str, size: int, chunks: Iterable[bytes], note: Callable[[Draft], None]) -> Archive:
        """Store `size` bytes under a label of the form `{user_id}/{job_id}/{attempt}`.

        `note` is called before anything exists that would otherwise be forgotten, and ends the work by raising.
        Raises Corrupted when the service's hash is not ours.
        """

    def abandon(self, draft: Draft) -> None:
        """Remove whatever an interrupted `store` has left. A repeat is harmless."""

    def abandon_unnoted(self, label: str) -> None:
        """Remove what attempts before this label's have begun for its job and died before they could note it.

        Only where their claims have lapsed: a claim's attempt is above all others', so nobody's own upload goes.
        """

    def discard(self, archive_id: str) -> None:
        """Delete an archive. A repeat is harmless."""

    def request(self, archive: Archive, label: str, tier: str) -> Retrieval:
        """Begin to bring an archive back by that tier, or by Standard where it cannot be Expedited."""

    def requested(self, archive: Archive) -> Retrieval | None:
        """A retrieval of this archive that was begun already, if there is one."""

    def status(self, archive: Archive, retrieval_id: str) -> Progress:
        """Where the retrieval stands."""

    def fetch(self, archive: Archive, retrieval_id: str) -> Iterator[bytes]:
        """The archive's bytes. Raises Corrupted, at the latest in place of the end."""


def part_bytes(size: int, most_parts: int) -> int:
    """The part size for an archive: 1 MiB·2ⁿ, so that the parts' tree hashes combine to the whole's."""
    part = USUAL_PART_BYTES
    while size > part * most_parts:
        part *= 2
    return part


def first_tier(archive: Archive, wanted: str) -> str:
    """The tier to ask for: an archive may be too large for the fastest one."""
    return "Standard" if wanted == "Expedited" and archive.size >= LARGEST_EXPEDITED_BYTES else wanted
