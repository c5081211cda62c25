"""Notes every call in a file, for who must know what each process calls: one JSON object a line.

AWS_STANDIN_CALLS names the file; without it nothing is noted. A line has
  app        the application id in the SDK's user agent, which AWS_SDK_UA_APP_ID sets; "" where there is none
  signed     "presigned" where the address or the form was signed beforehand by somebody else, else "header"
  service, operation, path, query
  status     the answer's HTTP status
  parameters what a JSON body or a query API's form says; of S3 the body of DeleteObjects, and where a form has put
             its object, nothing else
  tagged     whether S3 is told to tag the object
"""

import json
import os
import re
import threading
import urllib.parse
from collections.abc import Iterable
from typing import Any

from . import call
from .s3_request import Application, StartResponse, query

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
_APP = re.compile(r"(?:^|\s)app/(\S+)")
_lock = threading.Lock()


def apply(application: Application) -> Application:
    """The same application, its calls noted if the environment says where."""
    path = os.environ.get("AWS_STANDIN_CALLS")
    if not path:
        return application

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        line = _describe(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            line["status"] = int(status.split()[0])
            if line["operation"] == "PostObject":
                # S3 says where the object is in its answer to a form: in the address of the next page.
                line["parameters"] = dict(urllib.parse.parse_qsl(dict(headers).get("Location", "").partition("?")[2]))
            return start_response(status, headers, exc_info)

        answer = application(environ, start)
        with _lock, open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return answer

    return serve


def _describe(environ: dict[str, Any]) -> dict[str, Any]:
    asked = call.read(environ)
    found = _APP.search(environ.get("HTTP_USER_AGENT", ""))
    form = asked.service == "s3" and environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
    operation = "PostObject" if form else asked.operation
    presigned = form or "X-Amz-Signature" in query(environ)
    return {
        "app": found[1] if found else "",
        "signed": "presigned" if presigned else "header",
        "service": asked.service,
        "operation": operation,
        "path": environ["PATH_INFO"],
        "query": {name: value for name, value in query(environ).items() if not name.startswith("X-Amz-")},
        "parameters": _parameters(asked, environ),
        "tagged": "HTTP_X_AMZ_TAGGING" in environ or form,
        "status": 0,
    }


def _parameters(asked: call.Call, environ: dict[str, Any]) -> Any:
    text = asked.text.partition("\n")[2]
    if asked.service == "s3":
        return call.body(environ).decode() if asked.operation == "DeleteObjects" else {}
    if asked.protocol == "query":
        return dict(urllib.parse.parse_qsl(text))
    try:
        return json.loads(text)
    except ValueError:
        # An archive's bytes.
        return {}
