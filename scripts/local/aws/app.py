"""The application: moto with every mend, behind what S3 checks, the fault rules and the stand-in's own pages."""

from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import (
    autoscaling,
    calls,
    cloudwatch,
    control,
    core,
    dynamodb,
    ec2,
    faults,
    glacier,
    iam,
    s3,
    s3_cors,
    s3_post,
    s3_restore,
    s3_signature,
    ses,
    sns,
    sqs,
)
from .gate import gate
from .s3_request import Application, StartResponse

MENDED = (core, autoscaling, cloudwatch, dynamodb, ec2, glacier, iam, s3, s3_restore, ses, sns, sqs)
READING_METHODS = ("GET", "HEAD", "OPTIONS")
LOOPBACK_NAMES = ("127.0.0.1", "localhost")
UNSIGNED_PATHS = ("/_standin/", "/moto-api")
READING_PREFIXES = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Receive")


def build() -> Application:
    for module in MENDED:
        module.install()
    moto = DomainDispatcherApplication(create_backend_app)

    def work(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """moto answers when it returns; what is left is to send a body that no longer changes."""
        with gate.working():
            if may_change_something(environ):
                gate.changed()
            return moto(environ, start_response)

    aws = s3_cors.apply(calls.apply(faults.apply(s3_signature.apply(s3_post.apply(work)))))

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not is_meant_for_us(environ):
            answer = "403 Forbidden", "text/plain; charset=utf-8", "The stand-in answers this machine only.\n"
        elif not environ["PATH_INFO"].startswith("/_standin/"):
            return aws(environ, start_response)
        else:
            answer = control.answer(environ)
        status, content_type, text = answer
        body = text.encode()
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return serve


def is_meant_for_us(environ: dict[str, Any]) -> bool:
    """False for a browser that was sent here by another site: under a name that now resolves to this machine (DNS
    rebinding), or to one of the pages that need no signature."""
    host = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
    unsigned = environ["PATH_INFO"].startswith(UNSIGNED_PATHS) and environ["REQUEST_METHOD"] not in READING_METHODS
    return host in LOOPBACK_NAMES and not (unsigned and environ.get("HTTP_SEC_FETCH_SITE") == "cross-site")


def may_change_something(environ: dict[str, Any]) -> bool:
    """False only for what is known to read. ReceiveMessage counts itself, when it has handed out a message."""
    if environ["REQUEST_METHOD"] in READING_METHODS:
        return False
    return not environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2].startswith(READING_PREFIXES)
