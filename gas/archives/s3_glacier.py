"""Archives as S3 objects of the storage class GLACIER, beside the results.

The key is the archive id, and is known before anything is stored, so nothing can be forgotten.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gas.archives import tree_hash
from gas.archives.protocol import Archive, Corrupted, Draft, Progress, Retrieval, first_tier, part_bytes
from gas.storage import MOST_PARTS, Storage, archive_key, error_code
from gas.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logger(__name__)

# How long S3 keeps the copy that a restore makes; what is not fetched by then is asked for again.
COPY_DAYS = 2


class S3Glacier:
    """Implements `ArchiveStore`. The bucket is the one of the results."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3: Any = s3
        self._bucket = bucket
        self._storage = Storage(s3, bucket, bucket)

    def store(self, label: str, size: int, chunks: Iterable[bytes], note: Callable[[Draft], None]) -> Archive:
        """See `ArchiveStore`. S3 compares a SHA-256 of each part with what arrived."""
        key = archive_key(label)
        note(Draft(key))
        target = {"Bucket": self._bucket, "Key": key}
        begun = self._s3.create_multipart_upload(
            **target, StorageClass="GLACIER", ChecksumAlgorithm="SHA256", ContentType="application/x-tar"
        )
        upload = {**target, "UploadId": begun["UploadId"]}
        parts: list[dict[str, Any]] = []
        hashes: list[str] = []
        sent = 0
        for number, part in enumerate(tree_hash.cut(chunks, part_bytes(size, MOST_PARTS)), 1):
            answer = self._s3.upload_part(**upload, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256")
            parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]})
            hashes.append(tree_hash.of_part(part))
            sent += len(part)
            # Else it stays in memory while the next one comes.
            del part
        if sent != size:
            raise Corrupted(f"{sent} bytes came where {size} were expected")
        whole = tree_hash.combined(hashes)
        note(Draft(key, size, whole))
        self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        found = self._storage.head(self._bucket, key)
        if found is None or found.size != size:
            raise Corrupted(f"{key} has {found.size if found else 0} bytes where {size} were stored")
        return Archive(key, size, whole)

    def abandon(self, draft: Draft) -> None:
        """See `ArchiveStore`."""
        self.discard(draft.upload)

    def abandon_unnoted(self, label: str) -> None:
        """See `ArchiveStore`. A key is noted before its upload is begun, so there is nothing to look for."""

    def discard(self, archive_id: str) -> None:
        """See `ArchiveStore`."""
        self._storage.delete_under(self._bucket, archive_id)

    def request(self, archive: Archive, label: str, tier: str) -> Retrieval:
        """See `ArchiveStore`."""
        tier = first_tier(archive, tier)
        try:
            return self._restore(archive, tier)
        except ClientError as error:
            if tier != "Expedited" or error_code(error) != "GlacierExpeditedRetrievalNotAvailable":
                raise
        log.info("no_expedited_capacity", label=label)
        return self._restore(archive, "Standard")

    def _restore(self, archive: Archive, tier: str) -> Retrieval:
        asked = {"Days": COPY_DAYS, "GlacierJobParameters": {"Tier": tier}}
        try:
            self._s3.restore_object(Bucket=self._bucket, Key=archive.archive_id, RestoreRequest=asked)
        except ClientError as error:
            if error_code(error) != "RestoreAlreadyInProgress":
                raise
        return Retrieval(f"restore {archive.archive_id}", tier)

    def requested(self, archive: Archive) -> Retrieval | None:
        """See `ArchiveStore`. Asking S3 again begins nothing anew, so there is nothing to look for."""
        return None

    def status(self, archive: Archive, retrieval_id: str) -> Progress:
        """See `ArchiveStore`."""
        try:
            answer = self._s3.head_object(Bucket=self._bucket, Key=archive.archive_id)
        except ClientError as error:
            if error_code(error) == "404":
                return Progress.GONE
            raise
        restore = answer.get("Restore", "")
        if 'ongoing-request="true"' in restore:
            return Progress.WAITING
        return Progress.READY if 'ongoing-request="false"' in restore else Progress.GONE

    def fetch(self, archive: Archive, retrieval_id: str) -> Iterator[bytes]:
        """See `ArchiveStore`."""
        hashes: list[str] = []
        stream = self._storage.stream_whole(self._bucket, archive.archive_id)
        for part in tree_hash.cut(stream, part_bytes(archive.size, MOST_PARTS)):
            hashes.append(tree_hash.of_part(part))
            yield part
            del part
        found = tree_hash.combined(hashes) if hashes else "of nothing"
        if found != archive.tree_hash:
            raise Corrupted(f"the tree hash is {found} where {archive.tree_hash} was expected")
