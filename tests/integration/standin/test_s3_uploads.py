"""Form uploads, presigned URLs and CORS as S3 judges them, over real HTTP."""

import base64
import datetime
import json
import os
import time
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.config import Config

from scripts.local.aws.s3_signature import sign
from tests.conftest import ACCESS_KEY, SECRET_KEY, AwsStandIn

V4 = Config(signature_version="s3v4")
SITE = "https://gas.example.org"


@dataclass
class Bucket:
    s3: Any
    name: str
    url: str

    def policy(self, conditions: list[Any] | None = None, fields: dict[str, str] | None = None, expires: int = 300):
        fields = fields or {}
        every = [["content-length-range", 1, 1000], *({name: value} for name, value in fields.items())]
        return self.s3.generate_presigned_post(
            self.name, "u/1/${filename}", Fields=fields, Conditions=every + (conditions or []), ExpiresIn=expires
        )


@pytest.fixture
def bucket(aws_standin: AwsStandIn) -> Bucket:
    s3 = aws_standin.client("s3", config=V4)
    name = f"b{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return Bucket(s3, name, aws_standin.url)


def send(post: dict[str, Any], body: bytes = b"x" * 10, filename: str = "a.vcf", **changed: str | None):
    fields = {**post["fields"], **changed}
    parts = [(name, (None, value)) for name, value in fields.items() if value is not None]
    return requests.post(post["url"], files=[*parts, ("file", (filename, body))], allow_redirects=False, timeout=30)


def code_of(answer: requests.Response) -> tuple[int, str, str]:
    root = ET.fromstring(answer.content)
    return answer.status_code, root.findtext("Code") or "", root.findtext("Message") or ""


# --- forms


def test_a_right_form_stores_the_file_under_the_name_given(bucket: Bucket) -> None:
    answer = send(bucket.policy(fields={"Content-Type": "text/plain", "x-amz-meta-job": "7"}), b"abc", "folder/my.vcf")
    assert answer.status_code == 204
    stored = bucket.s3.get_object(Bucket=bucket.name, Key="u/1/my.vcf")
    assert stored["Body"].read() == b"abc"
    assert stored["ContentType"] == "text/plain"
    assert stored["Metadata"] == {"job": "7"}
    assert answer.headers["ETag"] == stored["ETag"]


@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("418", 204)])
def test_success_status(bucket: Bucket, asked: str, status: int) -> None:
    answer = send(bucket.policy(fields={"success_action_status": asked}))
    assert answer.status_code == status
    if status == 201:
        document = ET.fromstring(answer.content)
        assert [element.tag for element in document] == ["Location", "Bucket", "Key", "ETag"]
        assert document.findtext("Key") == "u/1/a.vcf"


def test_success_redirect_carries_bucket_key_and_etag(bucket: Bucket) -> None:
    answer = send(bucket.policy(fields={"success_action_redirect": f"{SITE}/annotate/job?x=1"}), filename="ä b.vcf")
    assert answer.status_code == 303
    target = urllib.parse.urlsplit(answer.headers["Location"])
    assert target.netloc == "gas.example.org"
    assert urllib.parse.parse_qs(target.query) == {
        "x": ["1"],
        "bucket": [bucket.name],
        "key": ["u/1/ä b.vcf"],
        "etag": [answer.headers["ETag"]],
    }


def test_a_version_is_named_in_a_versioned_bucket(bucket: Bucket) -> None:
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    answer = send(bucket.policy())
    assert answer.headers["x-amz-version-id"] == bucket.s3.head_object(Bucket=bucket.name, Key="u/1/a.vcf")["VersionId"]


Break = Callable[[Bucket], requests.Response]
REFUSED: dict[str, tuple[Break, int, str, str]] = {
    "too large": (lambda b: send(b.policy(), b"x" * 1001), 400, "EntityTooLarge", "exceeds the maximum"),
    "much too large": (lambda b: send(b.policy(), b"x" * 3_000_000), 400, "EntityTooLarge", "exceeds the maximum"),
    "too small": (lambda b: send(b.policy(), b""), 400, "EntityTooSmall", "smaller than the minimum"),
    "other key": (lambda b: send(b.policy(), key="u/2/a.vcf"), 403, "AccessDenied", "Policy Condition failed"),
    "expired": (lambda b: send(b.policy(expires=-1)), 403, "AccessDenied", "Policy expired"),
    "signature": (
        lambda b: send(b.policy(), **{"x-amz-signature": "0" * 64}),
        403,
        "SignatureDoesNotMatch",
        "signature we calculated",
    ),
    "no signature": (
        lambda b: send(b.policy(), **{"x-amz-signature": None}),
        400,
        "InvalidArgument",
        "x-amz-signature",
    ),
    "unknown key id": (
        lambda b: send(b.policy(), **{"x-amz-credential": "AKIAUNKNOWN/20260101/us-east-1/s3/aws4_request"}),
        403,
        "InvalidAccessKeyId",
        "does not exist",
    ),
    "extra field": (
        lambda b: send(b.policy(), **{"x-amz-meta-role": "admin"}),
        403,
        "AccessDenied",
        "Extra input fields: x-amz-meta-role",
    ),
    "acl not covered": (lambda b: send(b.policy(), acl="public-read"), 403, "AccessDenied", "Extra input fields: acl"),
    "no key": (lambda b: send(b.policy(), key=None), 400, "InvalidArgument", "field named 'key'"),
    "no policy": (lambda b: send(b.policy(), policy=None), 403, "AccessDenied", "Access Denied"),
    "other policy": (
        lambda b: send(b.policy(), policy=b.policy([["starts-with", "$x", ""]])["fields"]["policy"]),
        403,
        "SignatureDoesNotMatch",
        "",
    ),
    "fields too long": (
        lambda b: send(b.policy(), **{"x-ignore-me": "x" * 21_000}),
        400,
        "MaxPostPreDataLengthExceeded",
        "too large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_breaks_the_policy_is_refused_and_stores_nothing(bucket: Bucket, name: str) -> None:
    do, status, code, words = REFUSED[name]
    got = code_of(do(bucket))
    assert got[:2] == (status, code)
    assert words in got[2]
    assert bucket.s3.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 0


def test_ignored_fields_need_no_condition(bucket: Bucket) -> None:
    assert send(bucket.policy(), **{"x-ignore-note": "anything"}).status_code == 204


def test_a_form_for_another_bucket_is_refused(bucket: Bucket) -> None:
    post = bucket.policy()
    bucket.s3.create_bucket(Bucket=bucket.name + "2")
    assert code_of(send({**post, "url": f"{bucket.url}/{bucket.name}2"}))[1] == "AccessDenied"


def test_fields_after_the_file_are_ignored(bucket: Bucket) -> None:
    post = bucket.policy()
    parts: list[Any] = [(name, (None, value)) for name, value in post["fields"].items()]
    late = ("x-amz-meta-late", (None, "1"))
    answer = requests.post(post["url"], files=[*parts, ("file", ("a.vcf", b"1")), late], timeout=30)
    assert answer.status_code == 204
    assert bucket.s3.head_object(Bucket=bucket.name, Key="u/1/a.vcf")["Metadata"] == {}


def test_a_policy_must_name_the_bucket(bucket: Bucket) -> None:
    """As S3 does: a policy without a bucket condition fails with the bucket as an extra field."""
    now = datetime.datetime.now(datetime.UTC)
    scope = f"{now:%Y%m%d}/us-east-1/s3/aws4_request"
    own = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{ACCESS_KEY}/{scope}"}
    own |= {"x-amz-date": f"{now:%Y%m%dT%H%M%SZ}", "key": "k"}
    expiration = f"{now + datetime.timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    document = json.dumps({"expiration": expiration, "conditions": [{n: v} for n, v in own.items()]})
    policy = base64.b64encode(document.encode()).decode()
    fields = {**own, "policy": policy, "x-amz-signature": sign(SECRET_KEY, scope, policy)}
    got = code_of(send({"url": f"{bucket.url}/{bucket.name}", "fields": fields}))
    assert got == (403, "AccessDenied", "Invalid according to Policy: Extra input fields: bucket")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"no boundary in here", "multipart/form-data"),
        (b"--b\r\nrubbish", "multipart/form-data; boundary=b"),
        (b"", "multipart/form-data; boundary=b"),
    ],
)
def test_a_broken_form_is_malformed(bucket: Bucket, body: bytes, content_type: str) -> None:
    url = f"{bucket.url}/{bucket.name}"
    answer = requests.post(url, data=body, headers={"Content-Type": content_type}, timeout=30)
    assert code_of(answer)[:2] == (400, "MalformedPOSTRequest")


# --- presigned URLs


def test_presigned_get_put_and_part_work(bucket: Bucket) -> None:
    def url(operation: str, **parameters: Any) -> str:
        return bucket.s3.generate_presigned_url(operation, Params={"Bucket": bucket.name, **parameters}, ExpiresIn=60)

    key = "u/ä ö+&=/~x"
    assert requests.put(url("put_object", Key=key), data=b"abc", timeout=30).status_code == 200
    answer = requests.get(url("get_object", Key=key, ResponseContentDisposition='attachment; filename="a"'), timeout=30)
    assert (answer.content, answer.headers["Content-Disposition"]) == (b"abc", 'attachment; filename="a"')
    assert requests.head(url("head_object", Key=key), timeout=30).headers["Content-Length"] == "3"
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="big")["UploadId"]
    sizes, parts = (5 * 2**20, 1000), []
    for number, size in enumerate(sizes, 1):
        part = url("upload_part", Key="big", UploadId=upload, PartNumber=number)
        answer = requests.put(part, data=os.urandom(size), timeout=30)
        assert answer.status_code == 200
        parts.append({"PartNumber": number, "ETag": answer.headers["ETag"]})
    bucket.s3.complete_multipart_upload(
        Bucket=bucket.name, Key="big", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert bucket.s3.head_object(Bucket=bucket.name, Key="big")["ContentLength"] == sum(sizes)


def presigned(bucket: Bucket, operation: str = "get_object", expires: int = 60, **parameters: Any) -> str:
    bucket.s3.put_object(Bucket=bucket.name, Key="k", Body=b"secret")
    parameters = {"Bucket": bucket.name, "Key": "k", **parameters}
    return bucket.s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=expires)


def test_another_key_version_or_method_needs_its_own_signature(bucket: Bucket) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key="other", Body=b"not yours")
    url = presigned(bucket)
    for answer in (
        requests.get(url.replace("/k?", "/other?"), timeout=30),
        requests.get(url + "&versionId=null", timeout=30),
        requests.get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), timeout=30),
        requests.put(url, data=b"x", timeout=30),
        requests.delete(url, timeout=30),
    ):
        assert code_of(answer)[:2] == (403, "SignatureDoesNotMatch")
    assert bucket.s3.get_object(Bucket=bucket.name, Key="k")["Body"].read() == b"secret"


def test_an_expired_url_is_refused(bucket: Bucket) -> None:
    url = presigned(bucket, expires=1)
    deadline = time.monotonic() + 10
    while (answer := requests.get(url, timeout=30)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert code_of(answer) == (403, "AccessDenied", "Request has expired")


def test_expiry_over_a_week_is_refused(bucket: Bucket) -> None:
    assert (
        code_of(requests.get(presigned(bucket, expires=604_801), timeout=30))[1] == "AuthorizationQueryParametersError"
    )


def test_no_signature_no_object(bucket: Bucket) -> None:
    url = presigned(bucket).partition("?")[0]
    assert code_of(requests.get(url, timeout=30)) == (403, "AccessDenied", "Access Denied")
    assert requests.put(url, data=b"x", timeout=30).status_code == 403


def test_signed_content_length_binds_the_body(bucket: Bucket) -> None:
    url = presigned(bucket, "put_object", ContentLength=5)
    assert code_of(requests.put(url, data=b"123456", timeout=30))[1] == "SignatureDoesNotMatch"
    assert requests.put(url, data=b"12345", timeout=30).status_code == 200


def test_unsigned_amz_headers_are_refused(bucket: Bucket) -> None:
    url = presigned(bucket, "put_object")
    answer = requests.put(url, data=b"x", headers={"x-amz-storage-class": "GLACIER"}, timeout=30)
    assert code_of(answer)[2].startswith("There were headers present in the request which were not signed")


def test_version_2_signatures_are_refused(aws_standin: AwsStandIn, bucket: Bucket) -> None:
    old = aws_standin.client("s3", config=Config(signature_version="s3"))
    url = old.generate_presigned_url("get_object", Params={"Bucket": bucket.name, "Key": "k"})
    assert code_of(requests.get(url, timeout=30))[:2] == (400, "InvalidRequest")


def test_an_unknown_access_key_is_refused(bucket: Bucket) -> None:
    url = presigned(bucket).replace(ACCESS_KEY, "AKIAUNKNOWN000000000")
    assert code_of(requests.get(url, timeout=30))[1] == "InvalidAccessKeyId"


# --- CORS


@pytest.fixture
def cors_bucket(bucket: Bucket) -> Bucket:
    rules = [
        {
            "AllowedOrigins": [SITE, "http://*.lab.example"],
            "AllowedMethods": ["PUT", "POST"],
            "AllowedHeaders": ["content-type", "x-amz-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3000,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
    ]
    bucket.s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": rules})
    return bucket


def preflight(bucket: Bucket, origin: str | None = SITE, method: str | None = "PUT", headers: str | None = None):
    sent = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    url = f"{bucket.url}/{bucket.name}/u/1/a.vcf?partNumber=1"
    return requests.options(url, headers={n: v for n, v in sent.items() if v is not None}, timeout=30)


@pytest.mark.parametrize("origin", [SITE, "http://one.lab.example"])
def test_preflight_of_the_site(cors_bucket: Bucket, origin: str) -> None:
    answer = preflight(cors_bucket, origin, "PUT", "Content-Type, x-amz-meta-a")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, x-amz-meta-a"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    assert answer.headers["Access-Control-Max-Age"] == "3000"
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://evil.example", "PUT", None),
        (SITE, "DELETE", None),
        (SITE, "PUT", "content-type, x-evil"),
        ("https://gas.example.org.evil.example", "POST", None),
    ],
)
def test_preflight_of_anything_else(cors_bucket: Bucket, origin: str, method: str, headers: str | None) -> None:
    answer = preflight(cors_bucket, origin, method, headers)
    assert code_of(answer)[:2] == (403, "AccessForbidden")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_preflight_without_what_it_needs(cors_bucket: Bucket) -> None:
    assert preflight(cors_bucket, origin=None).status_code == 400
    assert preflight(cors_bucket, method=None).status_code == 400


def test_preflight_of_a_bucket_without_cors(bucket: Bucket) -> None:
    assert code_of(preflight(bucket))[2] == "CORSResponse: CORS is not enabled for this bucket."


def test_actual_answers_carry_the_rule_that_fits(cors_bucket: Bucket) -> None:
    url = presigned(cors_bucket, "put_object")
    answer = requests.put(url, data=b"x", headers={"Origin": SITE}, timeout=30)
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    foreign = requests.put(url, data=b"x", headers={"Origin": "https://evil.example"}, timeout=30)
    assert "Access-Control-Allow-Origin" not in foreign.headers
    anyone = requests.get(presigned(cors_bucket), headers={"Origin": "https://evil.example"}, timeout=30)
    assert anyone.headers["Access-Control-Allow-Origin"] == "*"


def test_a_refused_form_can_be_read_by_the_site(cors_bucket: Bucket) -> None:
    post = cors_bucket.policy()
    parts: list[Any] = [(name, (None, value)) for name, value in post["fields"].items()]
    files = [*parts, ("file", ("a", b"x" * 2000))]
    answer = requests.post(post["url"], files=files, headers={"Origin": SITE}, timeout=30)
    assert code_of(answer)[1] == "EntityTooLarge"
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
