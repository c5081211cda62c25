"""The AWS stand-in in this very process, without a socket: a call takes a millisecond or two.

boto3 is not told: its requests are handed to the stand-in's WSGI application where they would go to the network.
"""

import io
import os
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from scripts.local.aws.app import build
from scripts.local.aws.s3_request import Application
from scripts.local.aws.timers import timers
from scripts.local.environment import ACCESS_KEY, REGION, SECRET_KEY

# Nothing listens there; the port only makes a valid address.
ENDPOINT = "http://127.0.0.1:9"


# Called with the body of every answer, in the thread that asked.
Listener = Callable[[bytes], None]


@dataclass
class _Heard:
    listener: Listener | None = None


_heard = _Heard()


def listen(listener: Listener | None) -> None:
    """Tell somebody what each call is answered; None: nobody any more."""
    _heard.listener = listener


@contextmanager
def aws(**seconds: float) -> Iterator[None]:
    """Inside, boto3 talks to a stand-in of this process; `EXPEDITED=0` and the like say how fast it is."""
    application = _application()
    environment = {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        **{f"AWS_STANDIN_{name}_SECONDS": str(value) for name, value in seconds.items()},
    }

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        return _answer(application, request)

    with patch.dict(os.environ, environment), patch.object(URLLib3Session, "send", send):
        yield


def pass_time() -> None:
    """Let everything happen in the stand-in whose time has come."""
    timers.run_due()


@cache
def _application() -> Application:
    # It changes moto itself, which can be done once.
    return build()


def _answer(application: Application, request: AWSPreparedRequest) -> AWSResponse:
    target = urllib.parse.urlsplit(request.url)
    body = request.body if request.body is not None else b""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes | bytearray):
        body = body.read()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote(target.path).encode().decode("latin-1"),
        "RAW_URI": request.url.removeprefix(ENDPOINT),
        "REQUEST_URI": request.url.removeprefix(ENDPOINT),
        "QUERY_STRING": target.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "9",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": target.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING", "EXPECT"):
            environ[f"HTTP_{key}"] = text
    caught: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        caught.update(status=int(status.split()[0]), headers=dict(headers))

    content = b"".join(application(environ, start_response))
    if _heard.listener is not None:
        _heard.listener(content)
    raw = HTTPResponse(
        io.BytesIO(content), caught["headers"], caught["status"], preload_content=False, request_method=request.method
    )
    answer = AWSResponse(request.url, caught["status"], raw.headers, raw)
    if not request.stream_output:
        # As botocore's own session does: a body that is no stream is read at once.
        answer.content  # noqa: B018
    return answer
