"""Signatures, policies and CORS rules as functions."""

import base64
import io
import json

import pytest
from moto.s3.models import CorsRule

from scripts.local.aws.s3_cors import find_rule
from scripts.local.aws.s3_form import read_form
from scripts.local.aws.s3_post import parse_policy
from scripts.local.aws.s3_request import S3Error
from scripts.local.aws.s3_signature import check_presigned, sign

# The example of AWS's own documentation, key, time and answer.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
EXAMPLE_QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)
EXAMPLE_TIME = 1_369_353_600.0


def example(**changed: str) -> dict[str, str]:
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/test.txt",
        "QUERY_STRING": EXAMPLE_QUERY,
        "HTTP_HOST": "examplebucket.s3.amazonaws.com",
        **changed,
    }


def test_the_documentations_own_example_is_right() -> None:
    check_presigned(example(), EXAMPLE_TIME + 86_400)


@pytest.mark.parametrize(
    ("environ", "now", "code"),
    [
        (example(), EXAMPLE_TIME + 86_401, "AccessDenied"),
        (example(), EXAMPLE_TIME - 901, "AccessDenied"),
        (example(REQUEST_METHOD="PUT"), EXAMPLE_TIME, "SignatureDoesNotMatch"),
        (example(REQUEST_URI="/test.tx"), EXAMPLE_TIME, "SignatureDoesNotMatch"),
        (example(HTTP_HOST="other"), EXAMPLE_TIME, "SignatureDoesNotMatch"),
        (example(HTTP_X_AMZ_ACL="public-read"), EXAMPLE_TIME, "AccessDenied"),
        (example(QUERY_STRING=EXAMPLE_QUERY[:-1] + "5"), EXAMPLE_TIME, "SignatureDoesNotMatch"),
        (example(QUERY_STRING=EXAMPLE_QUERY + "&versionId=1"), EXAMPLE_TIME, "SignatureDoesNotMatch"),
        (
            example(QUERY_STRING=EXAMPLE_QUERY.replace("86400", "604801")),
            EXAMPLE_TIME,
            "AuthorizationQueryParametersError",
        ),
        (example(QUERY_STRING=EXAMPLE_QUERY.replace("86400", "-1")), EXAMPLE_TIME, "AuthorizationQueryParametersError"),
        (example(QUERY_STRING=EXAMPLE_QUERY.replace("86400", "x")), EXAMPLE_TIME, "AuthorizationQueryParametersError"),
        (
            example(QUERY_STRING=EXAMPLE_QUERY.replace("F20130524", "F20130525")),
            EXAMPLE_TIME,
            "AuthorizationQueryParametersError",
        ),
        (example(QUERY_STRING="X-Amz-Signature=1"), EXAMPLE_TIME, "AuthorizationQueryParametersError"),
    ],
)
def test_anything_else_is_refused(environ: dict[str, str], now: float, code: str) -> None:
    with pytest.raises(S3Error) as raised:
        check_presigned(environ, now)
    assert raised.value.code == code


def test_the_signature_of_the_documentations_policy() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html"""
    policy = (
        "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJz"
        "aWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJw"
        "dWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6"
        "b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2Uv"
        "Il0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRp"
        "b24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRl"
        "bnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXot"
        "YWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
    )
    signature = sign("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20151229/us-east-1/s3/aws4_request", policy)
    assert signature == "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    parsed = parse_policy(policy)
    assert ("starts-with", "content-type", "image/") in parsed.conditions
    assert ("eq", "bucket", "sigv4examplebucket") in parsed.conditions


@pytest.mark.parametrize(
    "document",
    [
        "not json",
        "[]",
        "{}",
        '{"expiration": "soon", "conditions": []}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": [["eq", "key", "x"]]}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": [["like", "$key", "x"]]}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": [["content-length-range", "a", "b"]]}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": [{"a": "1", "b": "2"}]}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": [1]}',
        '{"expiration": "2030-01-01T00:00:00Z", "conditions": 5}',
        '{"expiration": 5, "conditions": []}',
    ],
)
def test_a_policy_that_is_none_is_named_so(document: str) -> None:
    with pytest.raises(S3Error) as raised:
        parse_policy(base64.b64encode(document.encode()).decode())
    assert raised.value.code == "InvalidPolicyDocument"
    with pytest.raises(S3Error):
        parse_policy(json.dumps(document))


RULES = [
    CorsRule(["PUT"], ["https://site.example"], ["content-type", "x-amz-*"]),
    CorsRule("GET", "http://*.site.example"),
    CorsRule(["GET"], ["*"], ["*"]),
]


@pytest.mark.parametrize(
    ("origin", "method", "headers", "which"),
    [
        ("https://site.example", "PUT", ["content-type"], 0),
        ("https://site.example", "PUT", ["x-amz-meta-a", "content-type"], 0),
        ("https://site.example", "PUT", ["x-other"], None),
        ("https://site.example", "DELETE", [], None),
        ("https://site.example.evil", "PUT", [], None),
        ("http://a.site.example", "GET", [], 1),
        ("http://a.site.example", "GET", ["any"], 2),
        ("https://anyone.example", "GET", ["any"], 2),
    ],
)
def test_the_first_rule_that_allows_all_of_it(origin: str, method: str, headers: list[str], which: int | None) -> None:
    assert find_rule(RULES, origin, method, headers) is (None if which is None else RULES[which])


def form(*parts: tuple[str, str | None, bytes], boundary: str = "b") -> io.BytesIO:
    body = b""
    for name, filename, data in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    return io.BytesIO(body + f"--{boundary}--\r\n".encode())


def read(body: io.BytesIO, limit: int = 1000):
    return read_form(body, len(body.getvalue()), "multipart/form-data; boundary=b", lambda fields: limit)


def test_fields_up_to_the_file_and_the_file() -> None:
    body = form(("Key", None, b"u/${filename}"), ("file", "folder/a.vcf", b"data\r\n-b"), ("late", None, b"1"))
    found = read(body)
    assert (found.fields, found.size, found.file.read()) == ({"key": "u/a.vcf"}, 8, b"data\r\n-b")


def test_the_judge_is_asked_before_the_file_is_read() -> None:
    body = form(("key", None, b"k"), ("file", "f", b"x" * 10_000_000))

    def judge(fields: dict[str, str]) -> int:
        raise S3Error(403, "AccessDenied", "no")

    with pytest.raises(S3Error, match="no"):
        read_form(body, len(body.getvalue()), "multipart/form-data; boundary=b", judge)
    assert body.tell() < 200_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(("key", None, b"k")), "InvalidArgument"),
        (form(("file", "a", b"1"), ("file", "b", b"2")), "InvalidArgument"),
        (form(("file", "a", b"1" * 1001)), "EntityTooLarge"),
        (form(("key", None, b"k" * 20_481), ("file", "a", b"1")), "MaxPostPreDataLengthExceeded"),
        (io.BytesIO(form(("file", "a", b"1" * 100)).getvalue()[:-20]), "MalformedPOSTRequest"),
        (io.BytesIO(b""), "MalformedPOSTRequest"),
    ],
)
def test_forms_that_s3_refuses(body: io.BytesIO, code: str) -> None:
    with pytest.raises(S3Error) as raised:
        read(body)
    assert raised.value.code == code
