"""What the S3 front (signatures, forms, CORS, restores) shares: is it S3's, which bucket and key, S3's error form."""

import urllib.parse
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from moto.s3.models import FakeBucket, s3_backends

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
OWN_PATHS = ("/_standin/", "/moto-api", "/latest/")


@dataclass
class S3Error(Exception):
    """An error as S3 words it; `details` become further XML elements.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """

    status: int
    code: str
    message: str
    details: dict[str, str] = field(default_factory=dict)

    def answer(self, start_response: StartResponse) -> Iterable[bytes]:
        request_id = uuid.uuid4().hex[:16].upper()
        elements = {"Code": self.code, "Message": self.message, **self.details, "RequestId": request_id}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
        return xml(start_response, self.status, f"<Error>{inner}</Error>", [("x-amz-request-id", request_id)])


def xml(
    start_response: StartResponse, status: int, document: str, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + document.encode()
    own = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {status}", [*own, *headers])
    return [body]


def is_s3(environ: dict[str, Any]) -> bool:
    """Whether a request is S3's: by its credential scope or, without one, because nothing says otherwise."""
    if environ["PATH_INFO"].startswith(OWN_PATHS):
        return False
    scope = environ.get("HTTP_AUTHORIZATION") or query(environ).get("X-Amz-Credential") or ""
    if "/" in scope:
        return "/s3/aws4_request" in scope
    unsigned_query_api = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return "HTTP_X_AMZ_TARGET" not in environ and not (unsigned_query_api and environ["REQUEST_METHOD"] == "POST")


def query(environ: dict[str, Any]) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


def raw_path(environ: dict[str, Any]) -> str:
    """The path as it was sent, still percent-encoded."""
    return environ["REQUEST_URI"].partition("?")[0]


def bucket_and_key(environ: dict[str, Any]) -> tuple[str, str]:
    """Path style only: the SDKs use it whenever the endpoint is an IP address."""
    bucket, _, key = urllib.parse.unquote(raw_path(environ)).lstrip("/").partition("/")
    return bucket, key


def find_bucket(name: str) -> FakeBucket | None:
    where = s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    return s3_backends[account][partition].buckets.get(name)


def header(environ: dict[str, Any], name: str) -> str:
    if name in ("content-type", "content-length"):
        return environ.get(name.upper().replace("-", "_"), "")
    return environ.get("HTTP_" + name.upper().replace("-", "_"), "")
