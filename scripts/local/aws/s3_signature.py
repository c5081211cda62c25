"""Signature Version 4 of presigned URLs and of POST policies, and the refusal of requests without any.

moto looks at none of it: every presigned URL works for ever, for any key and by any method.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import datetime
import hashlib
import hmac
import os
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from .s3_request import Application, S3Error, StartResponse, header, is_s3, query, raw_path

# The example pair of AWS's own documentation: known to everybody, good for nothing but this machine.
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105

LONGEST_EXPIRY_SECONDS = 604_800
CLOCK_SKEW_SECONDS = 900
NEEDED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)

NO_MATCH = S3Error(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
)
ONLY_VERSION_4 = S3Error(
    400,
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
)


def secret_of(access_key_id: str) -> str:
    """The secret key of a known access key: the example pair, the stand-in's own environment, moto's IAM and STS.

    Raises S3Error (InvalidAccessKeyId).
    """
    known = {
        ACCESS_KEY_ID: SECRET_ACCESS_KEY,
        os.environ.get("AWS_ACCESS_KEY_ID", ""): os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
    }
    for account in list(iam_backends):
        for backend in list(iam_backends[account].values()):
            known.update({key: found.secret_access_key for key, found in backend.access_keys.items()})
    for account in list(sts_backends):
        for backend in list(sts_backends[account].values()):
            known.update({role.access_key_id: role.secret_access_key for role in backend.assumed_roles})
    secret = known.get(access_key_id)
    if not access_key_id or not secret:
        raise S3Error(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            {"AWSAccessKeyId": access_key_id},
        )
    return secret


def sign(secret: str, scope: str, text: str) -> str:
    """The signature of a text under `date/region/service/aws4_request`, in hexadecimal.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def parse_time(text: str) -> float:
    """Epoch seconds of `20261123T120000Z`. Raises ValueError."""
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC).timestamp()


def _encode(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe="-_.~" + safe)


def _canonical_request(environ: dict[str, Any], asked: list[tuple[str, str]], signed: list[str]) -> str:
    pairs = sorted((_encode(name), _encode(value)) for name, value in asked if name != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(header(environ, name).split())}\n" for name in signed)
    payload = header(environ, "x-amz-content-sha256") or dict(asked).get("X-Amz-Content-Sha256") or "UNSIGNED-PAYLOAD"
    return "\n".join(
        (
            environ["REQUEST_METHOD"],
            _encode(urllib.parse.unquote(raw_path(environ)), "/"),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(signed),
            payload,
        )
    )


def _parameters_error(message: str) -> S3Error:
    return S3Error(400, "AuthorizationQueryParametersError", message)


def check_presigned(environ: dict[str, Any], now: float) -> None:
    """Raises S3Error unless the URL was signed with a known key for this very request and has not expired."""
    asked = urllib.parse.parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    given = dict(asked)
    if any(not given.get(name) for name in NEEDED) or given["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise _parameters_error(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    access_key_id, _, scope = given["X-Amz-Credential"].partition("/")
    try:
        signed_at, expires = parse_time(given["X-Amz-Date"]), int(given["X-Amz-Expires"])
    except ValueError:
        raise _parameters_error("X-Amz-Date must be in the ISO8601 Long Format, X-Amz-Expires a number") from None
    if expires < 0:
        raise _parameters_error("X-Amz-Expires must be non-negative")
    if expires > LONGEST_EXPIRY_SECONDS:
        raise _parameters_error("X-Amz-Expires must be less than a week (in seconds) or 604800")
    if not given["X-Amz-Date"].startswith(scope.partition("/")[0]):
        raise _parameters_error("Invalid credential date. Date is not the same as X-Amz-Date")
    if now < signed_at - CLOCK_SKEW_SECONDS:
        raise S3Error(403, "AccessDenied", "Request is not valid yet")
    if now > signed_at + expires:
        raise S3Error(
            403,
            "AccessDenied",
            "Request has expired",
            {"X-Amz-Expires": str(expires), "Expires": _iso(signed_at + expires), "ServerTime": _iso(now)},
        )
    signed = given["X-Amz-SignedHeaders"].split(";")
    secret = secret_of(access_key_id)
    unsigned = [name for name in _amz_headers(environ) if name not in signed and name != "x-amz-content-sha256"]
    if unsigned or "host" not in signed:
        raise S3Error(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
            {"HeadersNotSigned": ", ".join(unsigned) or "host"},
        )
    digest = hashlib.sha256(_canonical_request(environ, asked, signed).encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", given["X-Amz-Date"], scope, digest))
    if not hmac.compare_digest(sign(secret, scope, text), given["X-Amz-Signature"]):
        raise NO_MATCH


def _amz_headers(environ: dict[str, Any]) -> list[str]:
    return [name[5:].lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_")]


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def apply(application: Application, clock: Callable[[], float] = time.time) -> Application:
    """Lets through what carries a header signature (moto's business) or a right presigned URL; refuses the rest.

    A form upload carries its signature in the body and is judged by `s3_post`.
    """

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not is_s3(environ) or environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-HMAC-SHA256"):
            return application(environ, start_response)
        given = query(environ)
        form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        try:
            if "X-Amz-Signature" in given or "X-Amz-Credential" in given:
                check_presigned(environ, clock())
            elif "AWSAccessKeyId" in given or environ.get("HTTP_AUTHORIZATION"):
                raise ONLY_VERSION_4
            elif not (environ["REQUEST_METHOD"] == "POST" and form):
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
                raise S3Error(403, "AccessDenied", "Access Denied")
        except S3Error as error:
            return error.answer(start_response)
        return application(environ, start_response)

    return serve
