"""Uploads by HTML form: the policy is enforced, then the object is put as a PUT would put it.

moto enforces no part of a POST policy: not the signature, the expiry, the size, nor the key.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import base64
import binascii
import datetime
import hmac
import json
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.header import Header
from typing import Any
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

import xmltodict

from .s3_form import Form, read_form
from .s3_request import Application, S3Error, StartResponse, bucket_and_key, is_s3, xml
from .s3_signature import NO_MATCH, ONLY_VERSION_4, secret_of, sign

LARGEST_UPLOAD_BYTES = 5 * 2**30
EXEMPT = ("x-amz-signature", "file", "policy")
SIGNATURE_FIELDS = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
OBJECT_HEADERS = ("content-type", "cache-control", "content-disposition", "content-encoding", "expires")
NOT_HEADERS = (*SIGNATURE_FIELDS, "x-amz-security-token")


@dataclass(frozen=True)
class Policy:
    expiration: float
    conditions: list[tuple[str, str, str]]
    sizes: tuple[int, int] | None


def _denied(reason: str) -> S3Error:
    return S3Error(403, "AccessDenied", f"Invalid according to Policy: {reason}")


def _bad_policy(reason: str) -> S3Error:
    return S3Error(400, "InvalidPolicyDocument", f"Invalid Policy: {reason}")


def parse_policy(encoded: str) -> Policy:
    """Raises S3Error (InvalidPolicyDocument) with the reason."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        raise _bad_policy("Invalid JSON.") from None
    try:
        expiration = datetime.datetime.fromisoformat(document["expiration"].replace("Z", "+00:00")).timestamp()
        conditions = [_condition(condition) for condition in document["conditions"]]
    except (KeyError, TypeError, AttributeError):
        raise _bad_policy("Policy must have an expiration and a list of conditions.") from None
    except ValueError:
        raise _bad_policy(f"Invalid 'expiration' value: '{document['expiration']}'") from None
    sizes = [(first, last) for kind, first, last in conditions if kind == "content-length-range"]
    return Policy(expiration, [c for c in conditions if c[0] != "content-length-range"], sizes[-1] if sizes else None)


def _condition(condition: Any) -> tuple[str, Any, Any]:
    """(eq | starts-with, field, value) or (content-length-range, smallest, largest)."""
    if isinstance(condition, dict) and len(condition) == 1:
        ((name, value),) = condition.items()
        return "eq", name.lower(), str(value)
    if isinstance(condition, list) and len(condition) == 3 and isinstance(condition[0], str):
        kind, first, second = condition[0].lower(), condition[1], condition[2]
        if kind == "content-length-range" and all(str(bound).isdigit() for bound in (first, second)):
            return kind, int(first), int(second)
        if kind in ("eq", "starts-with") and str(first).startswith("$"):
            return kind, first[1:].lower(), str(second)
    raise _bad_policy(f"Invalid Condition: {json.dumps(condition)}")


def check_form(fields: dict[str, str], bucket: str, now: float) -> Policy:
    """Raises S3Error unless signature, expiry, every condition and the covering of every field are right."""
    if "key" not in fields:
        message = (
            "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields."
        )
        raise S3Error(400, "InvalidArgument", message, {"ArgumentName": "key"})
    if "policy" not in fields:
        raise ONLY_VERSION_4 if "awsaccesskeyid" in fields else S3Error(403, "AccessDenied", "Access Denied")
    if "awsaccesskeyid" in fields:
        raise ONLY_VERSION_4
    for name in SIGNATURE_FIELDS:
        if not fields.get(name):
            message = f"Bucket POST must contain a field named '{name}'. If it is specified, please check the order."
            raise S3Error(400, "InvalidArgument", message, {"ArgumentName": name})
    if fields["x-amz-algorithm"] != "AWS4-HMAC-SHA256":
        raise ONLY_VERSION_4
    access_key_id, _, scope = fields["x-amz-credential"].partition("/")
    expected = sign(secret_of(access_key_id), scope, fields["policy"])
    if not hmac.compare_digest(expected, fields["x-amz-signature"]):
        raise NO_MATCH
    policy = parse_policy(fields["policy"])
    if now > policy.expiration:
        raise _denied("Policy expired.")
    given = {**fields, "bucket": bucket}
    for kind, name, wanted in policy.conditions:
        value = given.get(name, "")
        if not (value == wanted if kind == "eq" else value.startswith(wanted)):
            raise _denied(f"Policy Condition failed: {json.dumps([kind, '$' + name, wanted])}")
    covered = {name for _, name, _ in policy.conditions}
    extra = [n for n in given if n not in covered and n not in EXEMPT and not n.startswith("x-ignore-")]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return policy


def _mail_safe(value: str) -> str:
    """A header's value as S3 gives it back: RFC 2047 words where it is not ASCII.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    return value if value.isascii() else Header(value, "utf-8").encode(maxlinelen=0)


def _tags(document: str) -> str:
    """A form's tags as the header of a PUT has them. Raises S3Error (MalformedXML)."""
    try:
        found = xmltodict.parse(document, force_list=("Tag",))["Tagging"]["TagSet"]["Tag"]
        tags = [(tag["Key"], tag["Value"] or "") for tag in found]
    except (ExpatError, KeyError, TypeError):
        raise S3Error(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    return urllib.parse.urlencode(tags)


def _put(
    application: Application, environ: dict[str, Any], bucket: str, form: Form
) -> tuple[int, dict[str, str], bytes]:
    """Puts the object through moto's own PUT, so that it is stored exactly as the other way of uploading stores it."""
    key = form.fields["key"]
    path = f"/{bucket}/{urllib.parse.quote(key, safe='/~')}"
    inner = {
        name: value
        for name, value in environ.items()
        if not name.startswith("HTTP_") or name in ("HTTP_HOST", "HTTP_USER_AGENT")
    }
    inner.update(
        REQUEST_METHOD="PUT",
        PATH_INFO=urllib.parse.unquote(path).encode().decode("latin-1"),
        REQUEST_URI=path,
        RAW_URI=path,
        QUERY_STRING="",
        CONTENT_LENGTH=str(form.size),
        CONTENT_TYPE=form.fields.get("content-type") or "binary/octet-stream",
    )
    inner["wsgi.input"] = form.file
    for name, value in form.fields.items():
        if (name.startswith("x-amz-") or name in OBJECT_HEADERS) and name not in (*NOT_HEADERS, "content-type"):
            inner["HTTP_" + name.upper().replace("-", "_")] = _mail_safe(value)
    # moto lets nobody without an Authorization header replace an object; the form was signed.
    inner["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={form.fields['x-amz-credential']}"
    if form.fields.get("tagging"):
        inner["HTTP_X_AMZ_TAGGING"] = _tags(form.fields["tagging"])
    if form.fields.get("acl"):
        inner["HTTP_X_AMZ_ACL"] = form.fields["acl"]
    answer: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        answer.update(status=int(status.split()[0]), headers={name.lower(): value for name, value in headers})

    body = b"".join(application(inner, start))
    return answer["status"], answer["headers"], body


def _success(
    start_response: StartResponse, fields: dict[str, str], location: str, bucket: str, put: dict[str, str]
) -> Iterable[bytes]:
    key, etag = fields["key"], put.get("etag", "")
    headers = [("ETag", etag), ("Location", location)]
    if "x-amz-version-id" in put:
        headers.append(("x-amz-version-id", put["x-amz-version-id"]))
    redirect = fields.get("success_action_redirect") or fields.get("redirect") or ""
    if urllib.parse.urlsplit(redirect).scheme in ("http", "https"):
        added = urllib.parse.urlencode({"bucket": bucket, "key": key, "etag": etag}, quote_via=urllib.parse.quote)
        target = f"{redirect}{'&' if '?' in redirect else '?'}{added}"
        start_response("303 See Other", [("ETag", etag), ("Location", target), ("Content-Length", "0")])
        return [b""]
    status = fields.get("success_action_status")
    if status == "201":
        elements = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
        return xml(start_response, 201, f"<PostResponse>{inner}</PostResponse>", headers)
    start_response("200 OK" if status == "200" else "204 No Content", [*headers, ("Content-Length", "0")])
    return [b""]


def apply(application: Application, clock: Callable[[], float] = time.time) -> Application:
    def upload(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        bucket, _ = bucket_and_key(environ)
        policies: list[Policy] = []

        def judge(fields: dict[str, str]) -> int | None:
            policies.append(check_form(fields, bucket, clock()))
            sizes = policies[0].sizes
            return sizes[1] if sizes is not None else LARGEST_UPLOAD_BYTES

        length = int(environ.get("CONTENT_LENGTH") or 0)
        form = read_form(environ["wsgi.input"], length, environ["CONTENT_TYPE"], judge)
        with form.file:
            sizes = policies[0].sizes
            if sizes is not None and form.size < sizes[0]:
                details = {"ProposedSize": str(form.size), "MinSizeAllowed": str(sizes[0])}
                message = "Your proposed upload is smaller than the minimum allowed size"
                raise S3Error(400, "EntityTooSmall", message, details)
            status, headers, body = _put(application, environ, bucket, form)
            if status != 200:
                start_response(f"{status} Refused", [(n, v) for n, v in headers.items() if n != "content-length"])
                return [body]
            location = f"http://{environ['HTTP_HOST']}/{bucket}/{urllib.parse.quote(form.fields['key'], safe='/~')}"
            return _success(start_response, form.fields, location, bucket, headers)

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        if not (environ["REQUEST_METHOD"] == "POST" and form and is_s3(environ)):
            return application(environ, start_response)
        try:
            return upload(environ, start_response)
        except S3Error as error:
            return error.answer(start_response)

    return serve
