"""Which operation of which service a request asks for."""

import io
import urllib.parse
from dataclasses import dataclass
from typing import Any

from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import NotFound

REST_SERVICES = {"s3": "s3", "glacier": "glacier", "ses": "sesv2"}


@dataclass(frozen=True)
class Call:
    """`service` is a credential scope's name, `text` the path and query and, of all but S3, the body."""

    service: str
    operation: str
    text: str
    protocol: str


def read(environ: dict[str, Any]) -> Call:
    """What the request asks for; the operation is empty where nobody knows it. The body can still be read after."""
    service = _service(environ)
    path = environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")
    text = urllib.parse.unquote(path)
    if service != "s3":
        text += "\n" + body(environ).decode("utf-8", "replace")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2], text, "json")
    if service in REST_SERVICES and not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return Call(service, _rest_operation(service, environ), text, "s3" if service == "s3" else "rest-json")
    action = urllib.parse.parse_qs(text.partition("\n")[2]).get("Action", [""])[0]
    return Call(service, action, text, "ec2" if service == "ec2" else "query")


def body(environ: dict[str, Any]) -> bytes:
    """The request's body, which can be read again after."""
    content: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def _service(environ: dict[str, Any]) -> str:
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
    return scope[3] if len(scope) > 4 else "s3"


def _rest_operation(service: str, environ: dict[str, Any]) -> str:
    try:
        operation, _ = get_service_router(REST_SERVICES[service]).match(Request(dict(environ)))
    except (NotFound, NotImplementedError):
        return ""
    return operation.name
