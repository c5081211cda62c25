"""Archives in an Amazon Glacier vault.

https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection

from gas import aws, topology
from gas.archives import tree_hash
from gas.archives.protocol import Archive, Corrupted, Draft, Progress, Retrieval, first_tier, part_bytes
from gas.config import Settings
from gas.faults import explain
from gas.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_glacier import GlacierClient

log = logger(__name__)

# https://docs.aws.amazon.com/amazonglacier/latest/dev/uploading-archive-mpu.html
MOST_PARTS = 10_000
# A range of the output that breaks off is asked for again.
FETCH_TRIES = 5


class GlacierVault:
    """Implements `ArchiveStore`. The vault's own account is named "-"."""

    def __init__(self, glacier: "GlacierClient", vault: str, once: "GlacierClient | None" = None) -> None:
        self._glacier: Any = glacier
        # Does not repeat a request whose answer was lost: asking for an archive twice costs twice.
        self._once: Any = once or glacier
        self._vault = {"accountId": "-", "vaultName": vault}

    @classmethod
    def of(cls, settings: Settings) -> "GlacierVault":
        """The vault of the deployment that the settings describe."""
        vault = topology.resource_name(settings.name_prefix, topology.load().vault)
        return cls(aws.client(settings, "glacier"), vault, aws.client(settings, "glacier", aws.ONCE))

    def store(self, label: str, size: int, chunks: Iterable[bytes], note: Callable[[Draft], None]) -> Archive:
        """See `ArchiveStore`."""
        part_size = part_bytes(size, MOST_PARTS)
        begun = self._glacier.initiate_multipart_upload(
            **self._vault, archiveDescription=label, partSize=str(part_size)
        )
        upload = {**self._vault, "uploadId": begun["uploadId"]}
        note(Draft(begun["uploadId"]))
        hashes: list[str] = []
        sent = 0
        for part in tree_hash.cut(chunks, part_size):
            hashes.append(tree_hash.of_part(part))
            span = f"bytes {sent}-{sent + len(part) - 1}/*"
            answer = self._glacier.upload_multipart_part(**upload, range=span, body=part, checksum=hashes[-1])
            _compare(answer["checksum"], hashes[-1])
            sent += len(part)
            # Else it stays in memory while the next one comes.
            del part
        if sent != size:
            raise Corrupted(f"{sent} bytes came where {size} were expected")
        whole = tree_hash.combined(hashes)
        note(Draft(begun["uploadId"], size, whole))
        done = self._glacier.complete_multipart_upload(**upload, archiveSize=str(size), checksum=whole)
        _compare(done["checksum"], whole)
        return Archive(done["archiveId"], size, whole)

    def abandon(self, draft: Draft) -> None:
        """See `ArchiveStore`. Completing an upload again names the archive that it became.

        "If you call the operation again within a short period, the operation will succeed and return the same archive
        ID." https://docs.aws.amazon.com/amazonglacier/latest/dev/api-multipart-complete-upload.html
        """
        upload = {**self._vault, "uploadId": draft.upload}
        try:
            if draft.tree_hash is not None:
                done = self._glacier.complete_multipart_upload(
                    **upload, archiveSize=str(draft.size), checksum=draft.tree_hash
                )
                self.discard(done["archiveId"])
            else:
                self._glacier.abort_multipart_upload(**upload)
        except ClientError as error:
            if not _missing(error):
                raise

    def abandon_unnoted(self, label: str) -> None:
        """See `ArchiveStore`. What is listed is under way: a few uploads an archiver, however much the vault holds.

        https://docs.aws.amazon.com/amazonglacier/latest/dev/api-multipart-list-uploads.html
        """
        job, _, attempt = label.rpartition("/")
        pages = self._glacier.get_paginator("list_multipart_uploads").paginate(**self._vault)
        for upload in [upload for page in pages for upload in page["UploadsList"]]:
            whose, _, earlier = (upload.get("ArchiveDescription") or "").rpartition("/")
            if whose == job and earlier.isdecimal() and int(earlier) < int(attempt):
                self.abandon(Draft(upload["MultipartUploadId"]))

    def discard(self, archive_id: str) -> None:
        """See `ArchiveStore`."""
        try:
            self._glacier.delete_archive(**self._vault, archiveId=archive_id)
        except ClientError as error:
            if not _missing(error):
                raise

    def request(self, archive: Archive, label: str, tier: str) -> Retrieval:
        """See `ArchiveStore`."""
        tier = first_tier(archive, tier)
        try:
            return self._initiate(archive, label, tier)
        except ClientError as error:
            if tier != "Expedited" or _code(error) != "InsufficientCapacityException":
                raise
        log.info("no_expedited_capacity", label=label)
        return self._initiate(archive, label, "Standard")

    def _initiate(self, archive: Archive, label: str, tier: str) -> Retrieval:
        # The description comes back in the vault's notice, and names the job.
        asked = {
            "Type": "archive-retrieval",
            "ArchiveId": archive.archive_id,
            "Tier": tier,
            "Description": label,
        }
        answer = self._once.initiate_job(**self._vault, jobParameters=asked)
        return Retrieval(answer["jobId"], tier)

    def requested(self, archive: Archive) -> Retrieval | None:
        """See `ArchiveStore`."""
        for page in self._glacier.get_paginator("list_jobs").paginate(**self._vault):
            for job in page["JobList"]:
                if job.get("ArchiveId") == archive.archive_id and job["StatusCode"] != "Failed":
                    return Retrieval(job["JobId"], job["Tier"])
        return None

    def status(self, archive: Archive, retrieval_id: str) -> Progress:
        """See `ArchiveStore`."""
        try:
            job = self._glacier.describe_job(**self._vault, jobId=retrieval_id)
        except ClientError as error:
            if _missing(error):
                return Progress.GONE
            raise
        if not job["Completed"]:
            return Progress.WAITING
        return Progress.READY if job["StatusCode"] == "Succeeded" else Progress.GONE

    def fetch(self, archive: Archive, retrieval_id: str) -> Iterator[bytes]:
        """See `ArchiveStore`. Ranges are aligned, so that the service states the tree hash of each."""
        hashes: list[str] = []
        step = part_bytes(archive.size, MOST_PARTS)
        for start in range(0, archive.size, step):
            part = self._range(retrieval_id, start, min(start + step, archive.size) - 1)
            hashes.append(tree_hash.of_part(part))
            yield part
            del part
        _compare(tree_hash.combined(hashes), archive.tree_hash)

    def _range(self, retrieval_id: str, first: int, last: int) -> bytes:
        for left in reversed(range(FETCH_TRIES)):
            try:
                answer = self._glacier.get_job_output(**self._vault, jobId=retrieval_id, range=f"bytes={first}-{last}")
                part: bytes = answer["body"].read()
                _compare(tree_hash.of_part(part), answer.get("checksum") or tree_hash.of_part(part))
                if len(part) != last - first + 1:
                    raise Corrupted(f"{len(part)} bytes came for the range {first}-{last}")
                return part
            except (HTTPClientError, NoConnection, IncompleteReadError, Corrupted) as error:
                if not left:
                    raise
                log.warning("range_fetched_again", first=first, last=last, reason=explain(error))
        raise AssertionError("unreachable")


def _compare(found: str, expected: str) -> None:
    if found != expected:
        raise Corrupted(f"the tree hash is {found} where {expected} was expected")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _missing(error: ClientError) -> bool:
    return _code(error) == "ResourceNotFoundException"
