import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from gas import uploads
from gas.storage import input_key
from gas.uploads import PartsIncomplete, UploadMissing, Uploads, part_length, part_size

BUCKET = "uploads-inputs"
MEBIBYTE = 1024**2


@pytest.fixture(scope="module")
def s3(aws_standin: Any) -> Any:
    client = aws_standin.client("s3", config=Config(signature_version="s3v4", retries={"max_attempts": 1}))
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def sender(s3: Any) -> Uploads:
    return Uploads(s3, BUCKET)


@pytest.fixture
def key() -> str:
    return input_key(str(uuid.uuid4()), str(uuid.uuid4()))


@pytest.fixture
def faulty(aws_standin: Any) -> Iterator[Any]:
    yield aws_standin
    aws_standin.clear_faults()


@given(st.integers(1, uploads.MAX_OBJECT_BYTES))
def test_every_size_fits_the_limits_of_s3(size: int) -> None:
    each = part_size(size)
    count = -(-size // each)
    assert uploads.MIN_PART_BYTES <= each <= uploads.MAX_PART_BYTES
    assert 1 <= count <= uploads.MAX_PARTS
    assert (count - 1) * each + part_length(size, each, count) == size
    assert part_length(size, each, 1) == min(size, each)


@pytest.mark.parametrize("size", [-1, 0, uploads.MAX_OBJECT_BYTES + 1])
def test_no_part_size_where_s3_takes_no_object(size: int) -> None:
    with pytest.raises(ValueError, match="S3 keeps objects"):
        part_size(size)


@pytest.mark.parametrize("number", [-1, 0, 3, 10_001])
def test_there_are_no_other_parts(number: int) -> None:
    with pytest.raises(ValueError, match="not part of"):
        part_length(10, 5, number)


def test_parts_sent_out_of_order_make_the_object(sender: Uploads, s3: Any, key: str) -> None:
    first, second = b"a" * (5 * MEBIBYTE), b"b" * 7
    upload_id = sender.start_multipart(key)
    assert sender.list_parts(key, upload_id) == []
    for number, body in ((2, second), (1, first)):
        url = sender.presign_part(key, upload_id, number, len(body))
        assert requests.put(url, body, headers={"Content-Type": "application/octet-stream"}, timeout=10).ok
    parts = sender.list_parts(key, upload_id)
    assert [(part.number, part.size) for part in parts] == [(1, len(first)), (2, 7)]
    made = sender.complete_multipart(key, upload_id, reversed(parts))
    assert made.size == len(first) + 7
    assert made.version
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == first + second
    # Twice is the same as once, and there is nothing left to list or abort.
    assert sender.complete_multipart(key, upload_id, parts) == made
    with pytest.raises(UploadMissing):
        sender.list_parts(key, upload_id)
    sender.abort_multipart(key, upload_id)


def test_more_than_a_page_of_parts_is_listed(sender: Uploads, s3: Any, key: str) -> None:
    upload_id = sender.start_multipart(key)
    for number in range(1, 1003):
        s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=b"x")
    assert [part.number for part in sender.list_parts(key, upload_id)] == list(range(1, 1003))
    sender.abort_multipart(key, upload_id)


def test_the_length_of_a_part_is_signed(sender: Uploads, key: str) -> None:
    upload_id = sender.start_multipart(key)
    url = sender.presign_part(key, upload_id, 1, 3)
    assert "content-length" in url
    refused = requests.put(url, b"longer", headers={"Content-Type": "application/octet-stream"}, timeout=10)
    assert refused.status_code == 403
    assert sender.list_parts(key, upload_id) == []
    sender.abort_multipart(key, upload_id)


def test_an_aborted_upload_takes_nothing_more(sender: Uploads, key: str) -> None:
    octets = {"Content-Type": "application/octet-stream"}
    upload_id = sender.start_multipart(key)
    url = sender.presign_part(key, upload_id, 1, 3)
    assert requests.put(url, b"abc", headers=octets, timeout=10).ok
    parts = sender.list_parts(key, upload_id)
    sender.abort_multipart(key, upload_id)
    assert not requests.put(url, b"abc", headers=octets, timeout=10).ok
    with pytest.raises(UploadMissing):
        sender.list_parts(key, upload_id)
    with pytest.raises(UploadMissing):
        sender.complete_multipart(key, upload_id, parts)


def test_parts_that_s3_does_not_know_make_no_object(sender: Uploads, key: str) -> None:
    upload_id = sender.start_multipart(key)
    url = sender.presign_part(key, upload_id, 1, 3)
    assert requests.put(url, b"abc", headers={"Content-Type": "application/octet-stream"}, timeout=10).ok
    wrong = uploads.Part(1, 3, '"00000000000000000000000000000000"')
    with pytest.raises(PartsIncomplete):
        sender.complete_multipart(key, upload_id, [wrong])
    sender.abort_multipart(key, upload_id)


def test_refusals_by_s3_pass_through(sender: Uploads, faulty: Any, key: str) -> None:
    upload_id = sender.start_multipart(key)
    for operation in ("ListParts", "CompleteMultipartUpload", "AbortMultipartUpload"):
        faulty.fault(service="s3", operation=operation, kind="error", code="AccessDenied", count=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.list_parts(key, upload_id)
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.complete_multipart(key, upload_id, [uploads.Part(1, 1, '"x"')])
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.abort_multipart(key, upload_id)


def post(form: uploads.PostForm, body: bytes, **changed: str) -> int:
    fields = {**form.fields, **changed}
    answer = requests.post(form.url, fields, files={"file": ("é x.vcf", body)}, allow_redirects=False, timeout=10)
    return answer.status_code


@pytest.mark.parametrize(
    ("body", "changed", "accepted"),
    [
        (b"12345", {}, True),
        (b"1", {"x-amz-meta-filename": "any name"}, True),
        (b"", {}, False),
        (b"123456", {}, False),
        (b"1", {"key": "someone/else/input"}, False),
        (b"1", {"x-amz-meta-kind": "other"}, False),
        (b"1", {"x-amz-meta-more": "unasked"}, False),
        (b"1", {"x-amz-signature": "0" * 64}, False),
        (b"1", {"policy": "e30="}, False),
    ],
)
def test_a_form_uploads_what_its_policy_allows(
    sender: Uploads, s3: Any, key: str, body: bytes, changed: dict[str, str], accepted: bool
) -> None:
    fields = {"x-amz-meta-filename": "${filename}", "x-amz-meta-kind": "vcf"}
    form = sender.presigned_post(key, 5, fields, free_fields=["x-amz-meta-filename"])
    status = post(form, body, **changed)
    assert (status == 204) is accepted
    assert ("Contents" in s3.list_objects_v2(Bucket=BUCKET, Prefix=key)) is accepted
    if not accepted:
        assert status in (400, 403)


def tags(s3: Any, key: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]}


@pytest.mark.parametrize("plain", [True, False])
def test_an_upload_would_expire_until_it_is_claimed(sender: Uploads, s3: Any, key: str, plain: bool) -> None:
    if plain:
        form = sender.presigned_post(key, 5)
        assert post(form, b"1", tagging=form.fields["tagging"].replace("unclaimed", "mine")) == 403
        assert post(form, b"1") == 204
    else:
        upload_id = sender.start_multipart(key)
        url = sender.presign_part(key, upload_id, 1, 1)
        requests.put(url, b"1", headers={"Content-Type": "application/octet-stream"}, timeout=10)
        sender.complete_multipart(key, upload_id, sender.list_parts(key, upload_id))
    assert tags(s3, key) == {"gas-state": "unclaimed"}
    version = s3.head_object(Bucket=BUCKET, Key=key)["VersionId"]
    for _ in range(2):
        sender.claim(key, version)
        assert tags(s3, key) == {}


def test_a_form_expires(sender: Uploads, key: str) -> None:
    assert post(sender.presigned_post(key, 5, seconds=-1), b"1") == 403


def test_uploads_go_to_one_known_origin(sender: Uploads, aws_standin: Any) -> None:
    assert sender.origins() == (aws_standin.url,)
