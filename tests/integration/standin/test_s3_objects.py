"""S3 objects: conditions, versions, multipart, digests, as its documentation states them."""

import base64
import hashlib
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import AwsStandIn

MIB = 2**20


@dataclass
class Bucket:
    s3: Any
    name: str

    def put(self, key: str, body: bytes = b"x", **options: Any) -> dict[str, Any]:
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body, **options)

    def get(self, key: str, **options: Any) -> bytes:
        return self.s3.get_object(Bucket=self.name, Key=key, **options)["Body"].read()

    def upload(self, key: str, parts: list[bytes]) -> tuple[str, list[dict[str, Any]]]:
        upload = self.s3.create_multipart_upload(Bucket=self.name, Key=key)["UploadId"]
        done = []
        for number, body in enumerate(parts, 1):
            answer = self.s3.upload_part(Bucket=self.name, Key=key, UploadId=upload, PartNumber=number, Body=body)
            done.append({"PartNumber": number, "ETag": answer["ETag"]})
        return upload, done

    def complete(self, key: str, upload: str, parts: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        return self.s3.complete_multipart_upload(
            Bucket=self.name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **options
        )


@pytest.fixture(params=["plain", "versioned"])
def bucket(aws_standin: AwsStandIn, request: pytest.FixtureRequest) -> Bucket:
    config = Config(signature_version="s3v4", max_pool_connections=20, retries={"total_max_attempts": 1})
    s3 = aws_standin.client("s3", config=config)
    name = f"b{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    if request.param == "versioned":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Bucket(s3, name)


def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as raised:
        call()
    answer = raised.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_if_none_match_lets_one_of_many_writers_win(bucket: Bucket) -> None:
    def write(number: int) -> int:
        try:
            bucket.put("once", str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return 0 if error.response["Error"]["Code"] == "PreconditionFailed" else -1
        return 1

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(write, range(24))) == [0] * 23 + [1]


def test_if_match_on_put_get_and_copy(bucket: Bucket) -> None:
    first = bucket.put("k", b"1")["ETag"]
    second = bucket.put("k", b"2", IfMatch=first)["ETag"]
    assert refused(lambda: bucket.put("k", b"3", IfMatch=first)) == (412, "PreconditionFailed")
    assert refused(lambda: bucket.put("none", b"3", IfMatch=first)) == (404, "NoSuchKey")
    assert bucket.get("k", IfMatch=second) == b"2"
    assert refused(lambda: bucket.get("k", IfMatch=first)) == (412, "PreconditionFailed")
    source = {"Bucket": bucket.name, "Key": "k"}
    copy = bucket.s3.copy_object
    copy(Bucket=bucket.name, Key="copy", CopySource=source, CopySourceIfMatch=second)
    assert bucket.get("copy") == b"2"
    assert refused(lambda: copy(Bucket=bucket.name, Key="c2", CopySource=source, CopySourceIfMatch=first))[0] == 412
    assert refused(lambda: copy(Bucket=bucket.name, Key="copy", CopySource=source, IfNoneMatch="*"))[0] == 412


@pytest.mark.parametrize("size", [0, 10, 70_000, 3 * MIB])
def test_bodies_and_ranges_of_every_size(bucket: Bucket, size: int) -> None:
    body = os.urandom(size)
    etag = bucket.put("k", body)["ETag"]
    assert etag == f'"{hashlib.md5(body).hexdigest()}"'
    assert bucket.get("k") == body
    if size:
        assert bucket.get("k", Range=f"bytes={size // 3}-{size // 2}") == body[size // 3 : size // 2 + 1]
        assert bucket.get("k", Range="bytes=-7") == body[-7:]
        assert bucket.get("k", Range=f"bytes={size - 1}-") == body[-1:]
    assert refused(lambda: bucket.get("k", Range=f"bytes={size}-")) == (416, "InvalidRange")
    bucket.s3.copy_object(Bucket=bucket.name, Key="copy", CopySource={"Bucket": bucket.name, "Key": "k"})
    bucket.s3.delete_object(Bucket=bucket.name, Key="k")
    assert bucket.get("copy") == body


def test_versions_are_told_apart(aws_standin: AwsStandIn) -> None:
    s3 = aws_standin.client("s3", config=Config(signature_version="s3v4"))
    name = f"b{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    bucket = Bucket(s3, name)
    old, new = bucket.put("k", b"a" * 100_000)["VersionId"], bucket.put("k", b"new")["VersionId"]
    assert (bucket.get("k", VersionId=old), bucket.get("k")) == (b"a" * 100_000, b"new")
    assert refused(lambda: bucket.get("k", VersionId=str(uuid.uuid4())))[1] == "NoSuchVersion"
    marker = s3.delete_object(Bucket=name, Key="k")
    assert marker["DeleteMarker"]
    assert refused(lambda: bucket.get("k"))[1] == "NoSuchKey"
    assert bucket.get("k", VersionId=new) == b"new"
    s3.delete_object(Bucket=name, Key="k", VersionId=marker["VersionId"])
    assert bucket.get("k") == b"new"
    s3.delete_object(Bucket=name, Key="k", VersionId=new)
    assert bucket.get("k") == b"a" * 100_000
    s3.delete_object(Bucket=name, Key="k", VersionId=old)
    assert s3.list_object_versions(Bucket=name).get("Versions", []) == []


def test_multipart(bucket: Bucket) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB + 1), b"end"]
    upload, done = bucket.upload("big", parts)
    listed = bucket.s3.list_parts(Bucket=bucket.name, Key="big", UploadId=upload)["Parts"]
    assert [part["Size"] for part in listed] == [len(part) for part in parts]
    first = bucket.complete("big", upload, done, IfNoneMatch="*")
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert first["ETag"] == f'"{digest}-3"'
    assert bucket.complete("big", upload, done)["ETag"] == first["ETag"]
    assert bucket.get("big") == b"".join(parts)
    assert bucket.get("big", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}") == parts[0][-2:] + parts[1][:2]
    assert bucket.s3.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []


def test_multipart_mistakes(bucket: Bucket) -> None:
    upload, done = bucket.upload("m", [b"x" * 10, b"y" * 10])
    assert refused(lambda: bucket.complete("m", upload, done)) == (400, "EntityTooSmall")
    upload, done = bucket.upload("m", [b"x" * 5 * MIB, b"y" * 10])
    assert refused(lambda: bucket.complete("m", upload, done[::-1])) == (400, "InvalidPartOrder")
    wrong = [done[0], {**done[1], "ETag": '"0123456789abcdef0123456789abcdef"'}]
    assert refused(lambda: bucket.complete("m", upload, wrong)) == (400, "InvalidPart")
    bucket.put("m", b"already")
    assert refused(lambda: bucket.complete("m", upload, done, IfNoneMatch="*"))[0] == 412
    assert refused(lambda: bucket.complete("m", upload, done, IfMatch='"x"'))[0] == 412
    bucket.s3.abort_multipart_upload(Bucket=bucket.name, Key="m", UploadId=upload)
    assert refused(lambda: bucket.complete("m", upload, done)) == (404, "NoSuchUpload")
    part = {"Bucket": bucket.name, "Key": "m", "UploadId": upload, "PartNumber": 1, "Body": b"late"}
    assert refused(lambda: bucket.s3.upload_part(**part)) == (404, "NoSuchUpload")


def test_digests_are_verified(bucket: Bucket) -> None:
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(lambda: bucket.put("k", b"body", ContentMD5=md5)) == (400, "BadDigest")
    sha = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert refused(lambda: bucket.put("k", b"body", ChecksumSHA256=sha))[0] == 400
    right = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    bucket.put("k", b"body", ChecksumSHA256=right)
    assert bucket.s3.head_object(Bucket=bucket.name, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == right


def test_high_level_transfers_work(bucket: Bucket, tmp_path: Any) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(os.urandom(20 * MIB))
    bucket.s3.upload_file(str(source), bucket.name, "file")
    bucket.s3.download_file(bucket.name, "file", str(target))
    assert source.read_bytes() == target.read_bytes()


def test_lists_in_pages(bucket: Bucket) -> None:
    for number in range(7):
        bucket.put(f"u/{number}/input")
    pages = bucket.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket.name, Prefix="u/", PaginationConfig={"PageSize": 3}
    )
    assert [len(page["Contents"]) for page in pages] == [3, 3, 1]
    entries = [{"Key": f"u/{number}/input"} for number in range(7)]
    assert len(bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": entries})["Deleted"]) == 7
    assert bucket.s3.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 0
