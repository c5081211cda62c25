"""S3: where a job's objects lie, and transfers with constant memory.

Keys are made here and only here, from identifiers that the server chose; a user's file name is never part of one.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from gas.faults import explain
from gas.filenames import content_disposition
from gas.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETE_BATCH = 1_000

CHUNK_BYTES = 1024**2
# Bounded memory: s3transfer holds at most `max_concurrency` chunks at a time, whatever the object's size.
_TRANSFER = TransferConfig(multipart_threshold=16 * 1024**2, multipart_chunksize=16 * 1024**2, max_concurrency=4)
# What passes through memory goes in small parts, as many as S3 takes.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
STREAM_PART_BYTES = 8 * 1024**2
MOST_PARTS = 10_000
BROKEN_STREAMS = 5

_IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
_RESULT_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")

# A delete marker asked for by its version answers 405.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
_MISSING = {"404", "NoSuchKey", "NoSuchVersion", "NotFound", "405", "MethodNotAllowed"}
_CHANGED = {"412", "PreconditionFailed"}
_NO_SUCH_RANGE = {"416", "InvalidRange"}


log = logger(__name__)


class ObjectMissing(Exception):
    """There is no such object, or no such version of it."""


class ObjectChanged(Exception):
    """The object is not the one whose ETag was recorded."""


class ObjectsRemain(Exception):
    """S3 refused to delete some of a job's objects."""


@dataclass(frozen=True)
class ObjectInfo:
    """One object as S3 has it. `size` in bytes, `etag` with its quotes, `version` None in an unversioned bucket."""

    size: int
    etag: str
    version: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)


def job_prefix(user_id: str, job_id: str) -> str:
    """Where everything of one job lies, in either bucket. Raises ValueError for what is no identifier."""
    for name in (user_id, job_id):
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"not an identifier: {name!r}")
    return f"{user_id}/{job_id}/"


def input_key(user_id: str, job_id: str) -> str:
    """The key of the user's file in the inputs bucket."""
    return f"{job_prefix(user_id, job_id)}input"


def result_key(user_id: str, job_id: str, attempt: int | str, name: str) -> str:
    """The key of one of an attempt's files in the results bucket; `name` is ours, such as `annotated.vcf.gz`."""
    if not _IDENTIFIER.fullmatch(str(attempt)) or not _RESULT_NAME.fullmatch(name):
        raise ValueError(f"not a result's name: {attempt!r}, {name!r}")
    return f"{job_prefix(user_id, job_id)}result/{attempt}/{name}"


def archive_key(label: str) -> str:
    """The key of an archive in the results bucket; `label` is `{user_id}/{job_id}/{attempt}`.

    Raises ValueError for any other label.
    """
    parts = label.split("/")
    if len(parts) != 3 or not _IDENTIFIER.fullmatch(parts[2]):
        raise ValueError(f"not an archive's label: {label!r}")
    return f"{job_prefix(parts[0], parts[1])}archive/{parts[2]}.tar"


def error_code(error: ClientError) -> str:
    """The code by which S3 names an error; for HEAD, which has no body, the HTTP status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def head(s3: "S3Client", bucket: str, key: str, version: str | None = None) -> ObjectInfo | None:
    """What S3 knows about an object (its newest version unless one is named), None where there is none."""
    try:
        answer = s3.head_object(Bucket=bucket, Key=key, **at(version))
    except ClientError as error:
        if error_code(error) in _MISSING:
            return None
        raise
    metadata = {name: _decoded(value) for name, value in answer["Metadata"].items()}
    return ObjectInfo(answer["ContentLength"], answer["ETag"], answer.get("VersionId"), metadata)


class Storage:
    """The two buckets. Safe to share between threads, as the S3 client is.

    Methods raise botocore's ClientError or BotoCoreError where S3 refuses or cannot be reached, unless they say more.
    """

    def __init__(self, s3: "S3Client", inputs_bucket: str, results_bucket: str) -> None:
        self.s3 = s3
        self.inputs_bucket = inputs_bucket
        self.results_bucket = results_bucket

    def head(self, bucket: str, key: str, version: str | None = None) -> ObjectInfo | None:
        """What S3 knows about an object (its newest version unless one is named), None where there is none."""
        return head(self.s3, bucket, key, version)

    def download(
        self,
        bucket: str,
        key: str,
        to_path: Path,
        version: str | None = None,
        expect_etag: str | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> ObjectInfo:
        """Write an object to a local file, in parallel ranges; the file appears only when it is whole.

        Raises ObjectMissing, and ObjectChanged when the ETag is not `expect_etag` or changes on the way. `check` is
        called again and again on the way, and ends the transfer by raising.
        """
        found = self.head(bucket, key, version)
        if found is None:
            raise ObjectMissing(key)
        if expect_etag is not None and found.etag != expect_etag:
            raise ObjectChanged(key)
        try:
            self.s3.download_file(
                bucket, key, str(to_path), ExtraArgs=at(found.version), Config=_TRANSFER, Callback=lambda _: check()
            )
        except ClientError as error:
            raise _plain(error, key) from error
        return found

    def stream(
        self,
        bucket: str,
        key: str,
        version: str | None = None,
        expect_etag: str | None = None,
        start: int = 0,
        length: int | None = None,
    ) -> Iterator[bytes]:
        """The object's bytes from `start`, at most `length` of them, in chunks of up to a mebibyte.

        Raises ObjectMissing or ObjectChanged before the first chunk; a connection that breaks raises
        botocore's IncompleteReadError rather than ending early. A range beyond the end yields nothing.
        """
        if length == 0:
            return
        conditions = at(version)
        if expect_etag is not None:
            conditions["IfMatch"] = expect_etag
        if start or length is not None:
            conditions["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key, **conditions)["Body"]
        except ClientError as error:
            if error_code(error) in _NO_SUCH_RANGE:
                return
            raise _plain(error, key) from error
        try:
            yield from body.iter_chunks(CHUNK_BYTES)
        finally:
            body.close()

    def stream_whole(
        self, bucket: str, key: str, version: str | None = None, expect_etag: str | None = None
    ) -> Iterator[bytes]:
        """The whole object, as `stream` gives it; where the connection breaks it goes on from there.

        Raises what `stream` raises, and the connection's error once BROKEN_STREAMS in a row brought nothing.
        """
        done, failures = 0, 0
        while True:
            try:
                for chunk in self.stream(bucket, key, version, expect_etag, done):
                    done, failures = done + len(chunk), 0
                    yield chunk
                return
            except (HTTPClientError, IncompleteReadError) as error:
                failures += 1
                if failures == BROKEN_STREAMS:
                    raise
                log.warning("stream_broke", key=key, at=done, reason=explain(error))

    def put_stream(self, content: Any, size: int, bucket: str, key: str, content_type: str) -> ObjectInfo:
        """Store the `size` bytes that `content.read(n)` gives, one part at a time in memory.

        Raises boto3's S3UploadFailedError.
        """
        part = max(STREAM_PART_BYTES, math.ceil(size / MOST_PARTS))
        transfer = TransferConfig(multipart_threshold=part, multipart_chunksize=part, use_threads=False)
        self.s3.upload_fileobj(content, bucket, key, ExtraArgs={"ContentType": content_type}, Config=transfer)
        found = self.head(bucket, key)
        if found is None:
            raise ObjectMissing(key)
        return found

    def upload(
        self, path: Path, bucket: str, key: str, content_type: str, check: Callable[[], None] = lambda: None
    ) -> ObjectInfo:
        """Store a local file, in parallel parts where it is large. Raises boto3's S3UploadFailedError.

        `check` is called again and again on the way, and ends the transfer by raising.
        """
        extra = {"ContentType": content_type}
        self.s3.upload_file(str(path), bucket, key, ExtraArgs=extra, Config=_TRANSFER, Callback=lambda _: check())
        found = self.head(bucket, key)
        if found is None:
            raise ObjectMissing(key)
        return found

    def presign_get(
        self,
        bucket: str,
        key: str,
        filename: str,
        content_type: str = "application/octet-stream",
        version: str | None = None,
        seconds: int = 60,
    ) -> str:
        """A short-lived URL that downloads the object as a file of the given name."""
        answer = {"ResponseContentDisposition": content_disposition(filename), "ResponseContentType": content_type}
        return self.s3.generate_presigned_url(
            "get_object", {"Bucket": bucket, "Key": key, **at(version), **answer}, seconds
        )

    def origin(self, bucket: str) -> str:
        """The origin (`scheme://host[:port]`) that `presign_get` leads to."""
        parts = urlsplit(self.presign_get(bucket, "origin", "origin"))
        return f"{parts.scheme}://{parts.netloc}"

    def delete(self, bucket: str, key: str, version: str | None = None) -> None:
        """Delete one object: with a version that version for good, else S3 hides it behind a delete marker."""
        self.s3.delete_object(Bucket=bucket, Key=key, **at(version))

    def delete_job(self, user_id: str, job_id: str) -> None:
        """Delete everything of one job: objects in all versions, delete markers and unfinished uploads.

        Raises ObjectsRemain when S3 refuses a deletion. Doing it again is harmless.
        """
        prefix = job_prefix(user_id, job_id)
        # Uploads first: one that is completed after the objects were listed would leave its object behind.
        for bucket in (self.inputs_bucket, self.results_bucket):
            self.delete_under(bucket, prefix)

    def delete_user(self, user_id: str, before: float) -> None:
        """Delete everything of one user that was there before that epoch second. Raises as `delete_job` does."""
        if not _IDENTIFIER.fullmatch(user_id):
            raise ValueError(f"not an identifier: {user_id!r}")
        for bucket in (self.inputs_bucket, self.results_bucket):
            self.delete_under(bucket, f"{user_id}/", before)

    def delete_attempt(self, user_id: str, job_id: str, attempt: int | str) -> None:
        """Delete what one attempt has written to the results bucket. Raises as `delete_job` does."""
        self.delete_under(self.results_bucket, f"{job_prefix(user_id, job_id)}result/{attempt}/")

    def delete_attempts_before(self, user_id: str, job_id: str, attempt: int) -> None:
        """Delete what earlier attempts have left; one that was killed could not do it itself."""
        for earlier in range(1, attempt):
            self.delete_attempt(user_id, job_id, earlier)

    def delete_under(self, bucket: str, prefix: str, before: float = math.inf) -> None:
        """Delete everything whose key begins so (and was there before that time), as `delete_job` does."""
        self._abort_uploads(bucket, prefix, before)
        self._delete_versions(bucket, prefix, before)

    def _abort_uploads(self, bucket: str, prefix: str, before: float) -> None:
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        for upload in [upload for page in pages for upload in page.get("Uploads", ())]:
            if upload["Initiated"].timestamp() >= before:
                continue
            try:
                self.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            except ClientError as error:
                if error_code(error) != "NoSuchUpload":
                    raise

    def _delete_versions(self, bucket: str, prefix: str, before: float) -> None:
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": DELETE_BATCH}
        )
        for page in pages:
            entries: list[Any] = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            batch: list[Any] = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in entries
                if entry["LastModified"].timestamp() < before
            ]
            if not batch:
                continue
            answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                raise ObjectsRemain(f"{len(answer['Errors'])} under {prefix}, the first: {answer['Errors'][0]}")


def at(version: str | None) -> dict[str, Any]:
    """The parameter by which a request names one version of an object; none for the newest."""
    return {} if version is None else {"VersionId": version}


def _plain(error: ClientError, key: str) -> Exception:
    if error_code(error) in _CHANGED:
        return ObjectChanged(key)
    if error_code(error) in _MISSING:
        return ObjectMissing(key)
    return error


def _decoded(value: str) -> str:
    # S3 hands metadata that is not ASCII back as an RFC 2047 encoded word.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (HeaderParseError, LookupError, ValueError):
        # It only looked like one.
        return value
