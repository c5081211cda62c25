"""Uploads that go from a browser straight to the inputs bucket: one presigned form, or many presigned parts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from gas.storage import ObjectInfo, at, error_code, head

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MIN_PART_BYTES = 5 * 1024**2
MAX_PART_BYTES = 5 * 1024**3
MAX_PARTS = 10_000
MAX_OBJECT_BYTES = 5 * 1024**4
# One PUT or POST takes at most this much.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
MAX_SINGLE_UPLOAD_BYTES = 5 * 1024**3

# Small enough that a retry on a slow line costs little, large enough that few requests are needed.
USUAL_PART_BYTES = 8 * 1024**2
PRESIGNED_SECONDS = 3600

# An upload that never becomes a job keeps this tag, and the inputs bucket's lifecycle expires what has it.
UNCLAIMED_TAG, UNCLAIMED = "gas-state", "unclaimed"
# https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
_UNCLAIMED_FORM = f"<Tagging><TagSet><Tag><Key>{UNCLAIMED_TAG}</Key><Value>{UNCLAIMED}</Value></Tag></TagSet></Tagging>"


class UploadMissing(Exception):
    """There is no such multipart upload: it was completed, aborted, or S3's lifecycle removed it."""


class PartsIncomplete(Exception):
    """The parts are not what they were when they were listed, so they do not make an object."""


@dataclass(frozen=True)
class Part:
    """One uploaded part: `number` from 1, `size` in bytes."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class PostForm:
    """A form that a browser posts straight to S3: the fields go before the file's."""

    url: str
    fields: dict[str, str]


def part_size(object_size: int) -> int:
    """The part size, in bytes, that brings an object of `object_size` bytes through S3's limits.

    Raises ValueError for an empty object and above the largest that S3 keeps.
    """
    if not 0 < object_size <= MAX_OBJECT_BYTES:
        raise ValueError(f"S3 keeps objects of 1 to {MAX_OBJECT_BYTES} bytes, not {object_size}")
    least = -(-object_size // MAX_PARTS)
    whole_mebibytes = -(-least // 1024**2) * 1024**2
    return max(USUAL_PART_BYTES, whole_mebibytes)


def part_length(object_size: int, size_of_part: int, number: int) -> int:
    """The length of part `number` (from 1): `size_of_part`, or less for the last. Raises ValueError outside."""
    start = (number - 1) * size_of_part
    if number < 1 or start >= object_size:
        raise ValueError(f"part {number} is not part of an object of {object_size} bytes")
    return min(size_of_part, object_size - start)


class Uploads:
    """Uploads to one bucket. Safe to share between threads, as the S3 client is.

    Methods raise botocore's ClientError or BotoCoreError where S3 refuses or cannot be reached, unless they say more.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket

    def presigned_post(
        self,
        key: str,
        max_bytes: int,
        fields: Mapping[str, str] | None = None,
        free_fields: Iterable[str] = (),
        seconds: int = PRESIGNED_SECONDS,
    ) -> PostForm:
        """A form that uploads one object of 1 to `max_bytes` bytes under exactly `key`, tagged as unclaimed.

        `fields` must come back as they are; those named in `free_fields` may have any value.
        """
        form = {**(fields or {}), "tagging": _UNCLAIMED_FORM}
        free = set(free_fields)
        conditions: list[Any] = [["content-length-range", 1, min(max_bytes, MAX_SINGLE_UPLOAD_BYTES)]]
        for name, value in form.items():
            conditions.append(["starts-with", f"${name}", ""] if name in free else {name: value})
        post = self.s3.generate_presigned_post(self.bucket, key, form, conditions, seconds)
        return PostForm(post["url"], post["fields"])

    def start_multipart(self, key: str) -> str:
        """Begin a multipart upload of an object tagged as unclaimed; returns its id."""
        answer = self.s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=key,
            ContentType="application/octet-stream",
            Tagging=f"{UNCLAIMED_TAG}={UNCLAIMED}",
        )
        return answer["UploadId"]

    def presign_part(self, key: str, upload_id: str, number: int, length: int, seconds: int = PRESIGNED_SECONDS) -> str:
        """A URL that takes, by PUT, part `number` of exactly `length` bytes: the length is signed."""
        part = {"PartNumber": number, "ContentLength": length}
        target = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id}
        return self.s3.generate_presigned_url("upload_part", {**target, **part}, seconds)

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """The parts that S3 has, by number. Raises UploadMissing."""
        pages = self.s3.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
        try:
            return [Part(p["PartNumber"], p["Size"], p["ETag"]) for page in pages for p in page.get("Parts", ())]
        except ClientError as error:
            if error_code(error) == "NoSuchUpload":
                raise UploadMissing(key) from error
            raise

    def complete_multipart(self, key: str, upload_id: str, parts: Iterable[Part]) -> ObjectInfo:
        """Join the parts into the object; completing twice is the same as once.

        Raises UploadMissing when neither upload nor object exists, PartsIncomplete when S3 does not know a part.
        """
        named: list[Any] = [{"PartNumber": p.number, "ETag": p.etag} for p in sorted(parts, key=lambda p: p.number)]
        target: dict[str, Any] = {"Bucket": self.bucket, "Key": key, "UploadId": upload_id}
        try:
            self.s3.complete_multipart_upload(**target, MultipartUpload={"Parts": named})
        except ClientError as error:
            if error_code(error) in ("InvalidPart", "InvalidPartOrder", "EntityTooSmall"):
                raise PartsIncomplete(key) from error
            if error_code(error) != "NoSuchUpload":
                raise
        found = head(self.s3, self.bucket, key)
        if found is None:
            raise UploadMissing(key)
        return found

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop a multipart upload and its parts; nothing happens when it is gone already."""
        try:
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if error_code(error) != "NoSuchUpload":
                raise

    def claim(self, key: str, version: str | None) -> None:
        """The object is needed from now on: it loses the tag by which it would expire. Twice is the same as once."""
        self.s3.delete_object_tagging(Bucket=self.bucket, Key=key, **at(version))

    def origins(self) -> tuple[str, ...]:
        """The origins (`scheme://host[:port]`) that a page's security policy must let uploads go to."""
        urls = (self.presign_part("origin", "origin", 1, 1), self.presigned_post("origin", 1).url)
        return tuple(sorted({f"{part.scheme}://{part.netloc}" for part in map(urlsplit, urls)}))
