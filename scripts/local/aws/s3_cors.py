"""CORS, answered from the bucket's own configuration and from nothing else.

moto matches the origin only, never the method or the headers, and answers everything with the first rule.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html
"""

import re
from collections.abc import Iterable
from typing import Any

from moto.s3.models import CorsRule

from .s3_request import Application, S3Error, StartResponse, bucket_and_key, find_bucket, is_s3

NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")


def _matches(pattern: str, value: str) -> bool:
    """One `*` in a pattern stands for any run of characters."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == value
    return re.fullmatch(re.escape(before) + ".*" + re.escape(after), value) is not None


def find_rule(rules: Iterable[CorsRule], origin: str, method: str, headers: list[str]) -> CorsRule | None:
    """The first rule that allows the origin, the method and every one of the (lower-case) headers."""
    for rule in rules:
        allowed = [pattern.lower() for pattern in rule.allowed_headers or []]
        if (
            any(_matches(pattern, origin) for pattern in rule.allowed_origins or [])
            and method in (rule.allowed_methods or [])
            and all(any(_matches(pattern, name) for pattern in allowed) for name in headers)
        ):
            return rule
    return None


def _headers(rule: CorsRule, origin: str) -> list[tuple[str, str]]:
    everybody = "*" in (rule.allowed_origins or [])
    answer = [
        ("Access-Control-Allow-Origin", "*" if everybody else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
        ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
    ]
    if not everybody:
        answer.append(("Access-Control-Allow-Credentials", "true"))
    if rule.exposed_headers:
        answer.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    if rule.max_age_seconds is not None:
        answer.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    return answer


def _rules(environ: dict[str, Any]) -> list[CorsRule]:
    bucket = find_bucket(bucket_and_key(environ)[0])
    return list(bucket.cors) if bucket is not None else []


def _preflight(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    origin = environ.get("HTTP_ORIGIN", "")
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    headers = [name.strip().lower() for name in asked.split(",") if name.strip()]
    resource = "OBJECT" if bucket_and_key(environ)[1] else "BUCKET"
    if not origin:
        raise S3Error(400, "BadRequest", "Insufficient information. Origin request header needed.")
    if method not in METHODS:
        raise S3Error(400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    rules = _rules(environ)
    if not rules:
        message = "CORSResponse: CORS is not enabled for this bucket."
        raise S3Error(403, "AccessForbidden", message, {"Method": method, "ResourceType": resource})
    rule = find_rule(rules, origin, method, headers)
    if rule is None:
        raise S3Error(403, "AccessForbidden", NOT_ALLOWED, {"Method": method, "ResourceType": resource})
    answer = _headers(rule, origin)
    if headers:
        answer.append(("Access-Control-Allow-Headers", ", ".join(headers)))
    start_response("200 OK", [*answer, ("Content-Length", "0")])
    return [b""]


def apply(application: Application) -> Application:
    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not is_s3(environ):
            return application(environ, start_response)
        if environ["REQUEST_METHOD"] == "OPTIONS":
            try:
                return _preflight(environ, start_response)
            except S3Error as error:
                return error.answer(start_response)
        origin = environ.get("HTTP_ORIGIN", "")
        rule = find_rule(_rules(environ), origin, environ["REQUEST_METHOD"], []) if origin else None
        own = _headers(rule, origin) if rule is not None else []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            others = [pair for pair in headers if not pair[0].lower().startswith("access-control-")]
            return start_response(status, [*others, *own], exc_info)

        return application(environ, start)

    return serve
