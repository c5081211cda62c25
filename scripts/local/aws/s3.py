"""S3: bodies in files, one change at a time, the conditions and checks that moto forgets.

Uploads by form, signatures, CORS and restores have modules of their own.
"""

import base64
import binascii
import copy
import hashlib
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from moto.s3.exceptions import (
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    MalformedXML,
    MissingKey,
    NoSuchUpload,
    PreconditionFailed,
    S3ClientError,
)
from moto.s3.models import FakeDeleteMarker, FakeKey, FakeMultipart, MultipartChecksumBuilder, S3Backend
from moto.s3.responses import S3Response
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from .files import Body, join, keep

# Checks and writes of one request belong together: If-None-Match must let one of many writers win.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
lock = threading.RLock()

CHECKSUM_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class BadDigest(S3ClientError):
    code = "BadDigest"
    message = "The Content-MD5 or checksum value that you specified did not match what the server received."


def _one_request_at_a_time() -> None:
    for name in ("_key_response", "_bucket_response"):
        original: Callable[..., Any] = getattr(S3Response, name)

        def locked(self: S3Response, *args: Any, original: Callable[..., Any] = original) -> Any:
            with lock:
                return original(self, *args)

        setattr(S3Response, name, locked)


# --- bodies


def _bodies_in_files() -> None:
    def value(self: FakeKey) -> Any:
        return self.body if self.body.name else self.body.data

    def set_value(self: FakeKey, new: bytes | str | Body) -> None:
        self.body = keep(new.encode() if isinstance(new, str) else new)
        self.contentsize = self.body.size

    def etag(self: FakeKey) -> str:
        if self._etag is None:
            self._etag = self.body.md5()
        return f'"{self._etag}"'

    def dispose(self: FakeKey, garbage: bool = False) -> None:
        """A key that is deleted or overwritten gives up its file; one that Python merely forgets does not."""
        if not garbage and not self.disposed:
            self.disposed = True
            self.body.drop()

    def without_handles(self: FakeKey) -> dict[str, Any]:
        return {name: part for name, part in self.__dict__.items() if name not in ("_value_buffer", "lock")}

    FakeKey.value = property(value, set_value)
    FakeKey.etag = property(etag)
    FakeKey.dispose = dispose
    FakeKey.__getstate__ = without_handles
    FakeKey.__setstate__ = lambda self, state: self.__dict__.update(state)
    del FakeKey.__del__


# --- multipart


# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
def complete(self: FakeMultipart, body: Iterator[tuple[int, str]]) -> tuple[Body, str, Any]:
    """As moto's, but the parts are joined in a file, must come in order, and are gone afterwards."""
    asked = list(body)
    if not asked:
        raise MalformedXML
    if [number for number, _ in asked] != sorted({number for number, _ in asked}):
        raise InvalidPartOrder
    parts = []
    for number, etag in asked:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        parts.append(part)
    if any(part.contentsize < S3_UPLOAD_PART_MIN_SIZE for part in parts[:-1]):
        raise EntityTooSmall
    digest = hashlib.md5(b"".join(binascii.unhexlify(part.etag.strip('"')) for part in parts), usedforsecurity=False)
    checksum = None
    if self.metadata.get("x-amz-checksum-algorithm"):
        builder = MultipartChecksumBuilder(
            self.metadata["x-amz-checksum-algorithm"], self.metadata.get("x-amz-checksum-type")
        )
        for part in parts:
            builder.addPart(bytes(part.body))
        checksum = builder.build()
    whole = join(part.body for part in parts)
    for part in self.parts.values():
        part.dispose()
    self.parts, self.partlist = {}, []
    return whole, f"{digest.hexdigest()}-{len(parts)}", checksum


def _uploads_must_exist() -> None:
    # moto ends in a KeyError for an upload that was aborted or never was.
    for name in ("upload_part", "complete_multipart_upload"):
        original: Callable[..., Any] = getattr(S3Backend, name)

        def checked(
            self: S3Backend,
            bucket_name: str,
            multipart_id: str,
            *args: Any,
            original: Callable[..., Any] = original,
            **kwargs: Any,
        ) -> Any:
            if multipart_id not in self.get_bucket(bucket_name).multiparts:
                raise NoSuchUpload(multipart_id)
            return original(self, bucket_name, multipart_id, *args, **kwargs)

        setattr(S3Backend, name, checked)


# --- conditions and checksums


def _conditions_of_copy_and_complete() -> None:
    copy_object, post = S3Response.copy_object, S3Response._key_response_post

    # moto knows the source's If-None-Match only, and no condition on the destination of a copy.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    def checked_copy(self: S3Response) -> Any:
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted:
            source = re.sub(r"\?.*", "", self.headers["x-amz-copy-source"]).lstrip("/")
            bucket, _, key = source.partition("/")
            version = re.search(r"[?&]versionId=([^&]+)", self.headers["x-amz-copy-source"])
            found = self.backend.get_object(bucket, urllib.parse.unquote(key), version_id=version and version[1])
            if found is not None and found.etag.strip('"') != wanted.strip('"'):
                raise PreconditionFailed(failed_condition="x-amz-copy-source-If-Match")
        _check_target(self)
        return copy_object(self)

    # moto knows If-None-Match only.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    def checked_post(self: S3Response, request: Any, body: Any, bucket: str, query: dict[str, Any], key: str) -> Any:
        if query.get("uploadId"):
            _check_target(self)
        return post(self, request, body, bucket, query, key)

    S3Response.copy_object = checked_copy
    S3Response._key_response_post = checked_post


def _check_target(self: S3Response) -> None:
    existing = self.backend.get_object(self.bucket_name, self.parse_key_name())
    wanted = self.headers.get("If-Match")
    if wanted:
        if existing is None:
            raise MissingKey(key=self.parse_key_name())
        if existing.etag.strip('"') != wanted.strip('"'):
            raise PreconditionFailed("If-Match")
    if self.headers.get("If-None-Match") == "*" and existing is not None and "x-amz-copy-source" in self.headers:
        raise PreconditionFailed("If-None-Match")


def _digests_are_verified() -> None:
    # moto believes every Content-MD5 and checksum that it is told.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    for name in ("put_object", "upload_part"):
        original: Callable[..., Any] = getattr(S3Response, name)

        def checked(self: S3Response, original: Callable[..., Any] = original) -> Any:
            body = self.body if isinstance(self.body, bytes) else (self.body or "").encode()
            told = self.headers.get("Content-MD5")
            if told and base64.b64decode(told) != hashlib.md5(body, usedforsecurity=False).digest():
                raise BadDigest
            told = self.headers.get("x-amz-checksum-crc32")
            if told and base64.b64decode(told) != binascii.crc32(body).to_bytes(4, "big"):
                raise BadDigest
            told = self.headers.get("x-amz-checksum-sha256")
            if told and base64.b64decode(told) != hashlib.sha256(body).digest():
                raise BadDigest
            return original(self)

        setattr(S3Response, name, checked)


def _a_bare_checksum_is_kept() -> None:
    original = S3Response._get_checksum

    # moto keeps a checksum only if its algorithm is named in a header of its own.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    def get_checksum(self: S3Response, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        if not self.headers.get("x-amz-sdk-checksum-algorithm"):
            for algorithm in CHECKSUM_ALGORITHMS:
                value = self.headers.get(f"x-amz-checksum-{algorithm.lower()}")
                if value:
                    response_headers[f"x-amz-checksum-{algorithm.lower()}"] = value
                    return algorithm, value
        return original(self, response_headers)

    S3Response._get_checksum = get_checksum


# --- small things


def _event_bridge_flag_comes_back() -> None:
    original = S3Response.get_bucket_notification

    # moto stores the EventBridge switch and never returns it.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    def get_bucket_notification(self: S3Response) -> Any:
        answer = original(self)
        configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if configuration is None or configuration.event_bridge is None:
            return answer
        status, headers, body = answer
        text = body.decode() if isinstance(body, bytes) else body
        if "EventBridgeConfiguration" not in text:
            closed = r"<NotificationConfiguration\1></NotificationConfiguration>"
            text = re.sub(r"<NotificationConfiguration([^>]*)/>", closed, text)
            end = "</NotificationConfiguration>"
            text = text.replace(end, f"<EventBridgeConfiguration/>{end}")
        return status, headers, text

    S3Response.get_bucket_notification = get_bucket_notification


def _versions_cost_what_the_prefix_holds() -> None:
    original = S3Backend.list_object_versions

    # moto copies every version in the bucket for each request, so that many jobs make each list slow.
    def list_object_versions(self: S3Backend, bucket_name: str, *, prefix: str = "", **page: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        asked = copy.copy(bucket)
        asked.keys = type(bucket.keys)()
        for key, versions in bucket.keys.iterlists():
            if key.startswith(prefix):
                asked.keys.setlist(key, versions)
        return original(SimpleNamespace(get_bucket=lambda name: asked), bucket_name, prefix=prefix, **page)

    S3Backend.list_object_versions = list_object_versions


def install() -> None:
    _one_request_at_a_time()
    _bodies_in_files()
    FakeMultipart.complete = complete
    _uploads_must_exist()
    _conditions_of_copy_and_complete()
    _digests_are_verified()
    _a_bare_checksum_is_kept()
    _event_bridge_flag_comes_back()
    _versions_cost_what_the_prefix_holds()
    # DeleteObjects on a key whose newest version is a delete marker ends in moto's AttributeError.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
    FakeDeleteMarker.dispose = lambda self, *args, **kwargs: None
