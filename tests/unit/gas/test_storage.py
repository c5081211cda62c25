import io
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from gas.storage import ObjectChanged, ObjectMissing, ObjectsRemain, Storage, input_key, job_prefix, result_key

INPUTS, RESULTS = "storage-inputs", "storage-results"
MEBIBYTE = 1024**2


@pytest.fixture(scope="module")
def s3(aws_standin: Any) -> Any:
    client = aws_standin.client("s3", config=Config(signature_version="s3v4", retries={"max_attempts": 1}))
    for bucket in (INPUTS, RESULTS):
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.create_bucket(Bucket="storage-plain")
    return client


@pytest.fixture
def storage(s3: Any) -> Storage:
    return Storage(s3, INPUTS, RESULTS)


@pytest.fixture
def key() -> str:
    return input_key(str(uuid.uuid4()), str(uuid.uuid4()))


@pytest.fixture
def faulty(aws_standin: Any) -> Iterator[Any]:
    yield aws_standin
    aws_standin.clear_faults()


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_keys_are_made_of_identifiers_alone() -> None:
    assert input_key("user-1", "job-1") == "user-1/job-1/input"
    assert result_key("user-1", "job-1", 2, "annotated.vcf.gz") == "user-1/job-1/result/2/annotated.vcf.gz"
    assert result_key("user-1", "job-1", "a3", "x.log").startswith(job_prefix("user-1", "job-1"))


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "../x", "a b", "a\n", "-a", "é", "a" * 65])
def test_what_is_no_identifier_makes_no_key(bad: str) -> None:
    for make in (
        lambda: job_prefix(bad, "job"),
        lambda: job_prefix("user", bad),
        lambda: result_key("user", "job", bad, "x"),
        lambda: result_key("user", "job", 1, "/" + bad),
    ):
        with pytest.raises(ValueError, match="not a"):
            make()


def test_head_tells_size_etag_version_and_none_for_nothing(storage: Storage, s3: Any, key: str) -> None:
    assert storage.head(INPUTS, key) is None
    put = s3.put_object(Bucket=INPUTS, Key=key, Body=b"abc")
    found = storage.head(INPUTS, key)
    assert found is not None
    assert (found.size, found.etag, found.version) == (3, put["ETag"], put["VersionId"])
    assert storage.head(INPUTS, key, str(uuid.uuid4())) is None
    marker = s3.delete_object(Bucket=INPUTS, Key=key)
    assert storage.head(INPUTS, key) is None
    assert storage.head(INPUTS, key, marker["VersionId"]) is None
    assert storage.head(INPUTS, key, put["VersionId"]) == found


def test_head_of_an_unknown_bucket_is_nothing_but_a_refusal_is_an_error(storage: Storage, faulty: Any) -> None:
    assert storage.head("storage-absent", "x") is None
    faulty.fault(service="s3", operation="HeadObject", kind="error", code="AccessDenied", count=1)
    with pytest.raises(ClientError):
        storage.head(INPUTS, "x")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("=?UTF-8?B?w6kudmNm?=", "é.vcf"),
        ("=?UTF-8?Q?=C3=A9.vcf?=", "é.vcf"),
        ("=?UTF-8?B?w?=", "=?UTF-8?B?w?="),
        ("=?no-such?Q?=C3?=", "=?no-such?Q?=C3?="),
        ("=?UTF-8?Q?=C3?=", "=?UTF-8?Q?=C3?="),
    ],
)
def test_metadata_beyond_ascii_comes_back_as_it_was_typed(
    storage: Storage, s3: Any, key: str, raw: str, expected: str
) -> None:
    s3.put_object(Bucket=INPUTS, Key=key, Body=b"x", Metadata={"filename": raw, "plain": "a b"})
    found = storage.head(INPUTS, key)
    assert found is not None
    assert found.metadata == {"filename": expected, "plain": "a b"}


@pytest.mark.parametrize("size", [0, 1, 16 * MEBIBYTE, 16 * MEBIBYTE + 1, 40 * MEBIBYTE])
def test_what_is_uploaded_is_downloaded(storage: Storage, key: str, tmp_path: Path, size: int) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(noise(size))
    stored = storage.upload(there, RESULTS, key, "application/gzip")
    assert stored.size == size
    assert stored.version
    assert storage.download(RESULTS, key, back, stored.version, stored.etag) == stored
    assert back.read_bytes() == there.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["back", "there"]


def test_a_recorded_version_is_read_whatever_came_later(storage: Storage, s3: Any, key: str, tmp_path: Path) -> None:
    first = s3.put_object(Bucket=INPUTS, Key=key, Body=b"mine")
    s3.put_object(Bucket=INPUTS, Key=key, Body=b"swapped")
    storage.download(INPUTS, key, tmp_path / "mine", first["VersionId"], first["ETag"])
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert b"".join(storage.stream(INPUTS, key, first["VersionId"], first["ETag"])) == b"mine"


@pytest.mark.parametrize("bucket", [INPUTS, "storage-plain"])
def test_a_swapped_object_is_noticed(storage: Storage, s3: Any, key: str, tmp_path: Path, bucket: str) -> None:
    recorded = s3.put_object(Bucket=bucket, Key=key, Body=b"mine")["ETag"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"theirs")
    with pytest.raises(ObjectChanged):
        storage.download(bucket, key, tmp_path / "x", None, recorded)
    with pytest.raises(ObjectChanged):
        next(storage.stream(bucket, key, None, recorded))
    assert not (tmp_path / "x").exists()


def test_a_missing_object_or_version_is_named_so(storage: Storage, s3: Any, key: str, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        storage.download(INPUTS, key, tmp_path / "x")
    with pytest.raises(ObjectMissing):
        next(storage.stream(INPUTS, key))
    s3.put_object(Bucket=INPUTS, Key=key, Body=b"x")
    with pytest.raises(ObjectMissing):
        storage.download(INPUTS, key, tmp_path / "x", str(uuid.uuid4()))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 4, b"0123"),
        (3, 2, b"34"),
        (3, None, b"3456789"),
        (8, 100, b"89"),
        (10, 5, b""),
        (99, None, b""),
        (0, 0, b""),
    ],
)
def test_a_range_of_an_object(
    storage: Storage, s3: Any, key: str, start: int, length: int | None, expected: bytes
) -> None:
    s3.put_object(Bucket=RESULTS, Key=key, Body=b"0123456789")
    assert b"".join(storage.stream(RESULTS, key, start=start, length=length)) == expected


def test_a_stream_comes_in_bounded_chunks(storage: Storage, s3: Any, key: str) -> None:
    body = noise(3 * MEBIBYTE + 5)
    s3.put_object(Bucket=RESULTS, Key=key, Body=body)
    chunks = list(storage.stream(RESULTS, key))
    assert max(map(len, chunks)) <= MEBIBYTE
    assert b"".join(chunks) == body


def test_other_refusals_pass_through(storage: Storage, s3: Any, faulty: Any, key: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=RESULTS, Key=key, Body=b"x")
    faulty.fault(service="s3", operation="GetObject", kind="error", code="AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        next(storage.stream(RESULTS, key))
    with pytest.raises(ClientError, match="AccessDenied"):
        storage.download(RESULTS, key, tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ['<img src=x>"\r\nSet-Cookie: a=b.vcf', "é e\u0301.vcf", "x.vcf.gz"])
def test_a_presigned_download_has_a_safe_name_and_the_right_version(
    storage: Storage, s3: Any, key: str, name: str
) -> None:
    first = s3.put_object(Bucket=RESULTS, Key=key, Body=b"first")["VersionId"]
    s3.put_object(Bucket=RESULTS, Key=key, Body=b"second")
    answer = requests.get(storage.presign_get(RESULTS, key, name, "text/plain", version=first), timeout=10)
    assert answer.content == b"first"
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert "Set-Cookie" not in answer.headers


def test_one_version_is_deleted_for_good_and_a_key_is_hidden(storage: Storage, s3: Any, key: str) -> None:
    first = s3.put_object(Bucket=RESULTS, Key=key, Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=RESULTS, Key=key, Body=b"2")["VersionId"]
    storage.delete(RESULTS, key, second)
    assert storage.head(RESULTS, key, second) is None
    assert b"".join(storage.stream(RESULTS, key)) == b"1"
    storage.delete(RESULTS, key)
    assert storage.head(RESULTS, key) is None
    assert storage.head(RESULTS, key, first) is not None


def everything(s3: Any, bucket: str, prefix: str) -> int:
    found = s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    return sum(len(found.get(kind, ())) for kind in ("Versions", "DeleteMarkers")) + len(uploads.get("Uploads", ()))


def test_deleting_a_job_leaves_nothing_of_it_and_all_of_its_neighbours(storage: Storage, s3: Any) -> None:
    user, job = str(uuid.uuid4()), str(uuid.uuid4())
    neighbours = [f"{user}/{job}0/input", f"{user}/other/input", f"{user}0/{job}/input"]
    mine = [input_key(user, job), result_key(user, job, 1, "a.log"), result_key(user, job, 2, "b.vcf.gz")]
    for bucket in (INPUTS, RESULTS):
        for name in neighbours + mine:
            s3.put_object(Bucket=bucket, Key=name, Body=b"1")
            s3.put_object(Bucket=bucket, Key=name, Body=b"2")
        s3.delete_object(Bucket=bucket, Key=mine[0])
        s3.create_multipart_upload(Bucket=bucket, Key=mine[0])
    storage.delete_job(user, job)
    for bucket in (INPUTS, RESULTS):
        assert everything(s3, bucket, job_prefix(user, job)) == 0
        assert everything(s3, bucket, user) == 2 * len(neighbours)
    storage.delete_job(user, job)


def test_deleting_a_job_never_starts_from_an_empty_prefix(storage: Storage) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        storage.delete_job("", "")


MEASURE = """
import resource, sys
from pathlib import Path
import boto3
from botocore.config import Config
from gas.storage import Storage
url, path = sys.argv[1:]
s3 = boto3.session.Session().client("s3", config=Config(signature_version="s3v4"))
storage = Storage(s3, "storage-inputs", "storage-results")
storage.upload(Path(path), "storage-results", "memory/small", "application/gzip")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
big = Path(path).with_suffix(".big")
with big.open("wb") as out:
    out.truncate(192 * 1024**2)
storage.upload(big, "storage-results", "memory/big", "application/gzip")
storage.download("storage-results", "memory/big", Path(path).with_suffix(".back"))
assert Path(path).with_suffix(".back").stat().st_size == big.stat().st_size
for chunk in storage.stream("storage-results", "memory/big"):
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
storage.delete_job("memory", "big")
s3.delete_object(Bucket="storage-results", Key="memory/big")
"""


def test_memory_does_not_grow_with_the_object(s3: Any, aws_standin: Any, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"x")
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, aws_standin.url, str(small)],
        env={**os.environ, **aws_standin.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    grown = int(run.stdout)
    assert grown < 96, f"{grown} MiB for 192 MiB sent, fetched and streamed"


@pytest.mark.parametrize(
    ("size", "part"), [(0, 8 * MEBIBYTE), (80_000 * MEBIBYTE, 8 * MEBIBYTE), (90_000 * MEBIBYTE, 9 * MEBIBYTE)]
)
def test_what_streams_through_goes_in_small_parts_but_not_in_too_many(size: int, part: int) -> None:
    used: list[Any] = []

    class Stub:
        def upload_fileobj(self, *_: Any, Config: Any, **__: Any) -> None:
            used.append(Config)

        def head_object(self, **_: str) -> Any:
            return {"ContentLength": size, "ETag": '"0"', "Metadata": {}}

    stub: Any = Stub()
    assert Storage(stub, INPUTS, RESULTS).put_stream(io.BytesIO(), size, RESULTS, "key", "text/plain").size == size
    (transfer,) = used
    assert (transfer.multipart_chunksize, transfer.multipart_threshold, transfer.use_threads) == (part, part, False)


def test_a_deletion_that_s3_refuses_in_part_is_an_error(s3: Any) -> None:
    bucket, user, job = "storage-locked", str(uuid.uuid4()), str(uuid.uuid4())
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    key = input_key(user, job)
    held = s3.put_object(Bucket=bucket, Key=key, Body=b"x", ObjectLockLegalHoldStatus="ON")
    s3.put_object_legal_hold(Bucket=bucket, Key=key, VersionId=held["VersionId"], LegalHold={"Status": "ON"})
    with pytest.raises(ObjectsRemain, match="AccessDenied"):
        Storage(s3, bucket, RESULTS).delete_job(user, job)


def test_an_upload_that_somebody_else_ended_does_not_stop_a_deletion(storage: Storage, s3: Any, faulty: Any) -> None:
    user, job = str(uuid.uuid4()), str(uuid.uuid4())
    s3.create_multipart_upload(Bucket=INPUTS, Key=input_key(user, job))
    rule = {"service": "s3", "operation": "AbortMultipartUpload", "kind": "error", "count": 1}
    faulty.fault(**rule, code="NoSuchUpload", status=404)
    storage.delete_job(user, job)
    faulty.fault(**rule, code="AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        storage.delete_job(user, job)
    storage.delete_job(user, job)
    assert everything(s3, INPUTS, job_prefix(user, job)) == 0
