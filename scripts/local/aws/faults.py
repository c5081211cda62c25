"""Calls that fail on order, so that a test can see what the service does when AWS does not do what it should.

A rule is a JSON object (POST /_standin/faults):
  service      credential scope name: s3, sqs, sns, dynamodb, ses, glacier, …; absent: any
  operation    API operation name (PutObject, UpdateItem, …); absent: any
  kind         error | timeout | timeout_after_effect | slow | twice
  code         error code of kind `error` (ThrottlingException, InternalError, …)
  status       its HTTP status; absent: what AWS uses for the code, else 500
  seconds      how long `slow` waits before the call, `timeout*` before the connection is cut; default 1 and 0
  count        how many calls fail; absent: every one. SDK retries count: a rule that the SDK must not get over needs
               a count at its number of attempts or above
  probability  share of the calls that fail, 0 to 1, drawn from a generator seeded with `seed`; default 1
  match        text that must occur in the call's path, query or (not for S3) body
`timeout` does nothing and says nothing; `timeout_after_effect` does it and says nothing; `twice` does it two times.
"""

import io
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from .call import Call, read

KINDS = ("error", "timeout", "timeout_after_effect", "slow", "twice")
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and the CommonErrors page of each service.
STATUS_OF_CODE = {
    "SlowDown": 503,
    "ServiceUnavailable": 503,
    "InsufficientCapacityException": 503,
    "ThrottlingException": 400,
    "Throttling": 400,
    "ThrottledException": 400,
    "ProvisionedThroughputExceededException": 400,
    "ConditionalCheckFailedException": 400,
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "NoSuchKey": 404,
    "ResourceNotFoundException": 404,
    "RequestTimeout": 400,
    "RequestTimeoutException": 408,
}

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Rule:
    kind: str
    service: str | None = None
    operation: str | None = None
    code: str = "InternalError"
    status: int | None = None
    seconds: float | None = None
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    match: str | None = None
    fired: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it must be one of {', '.join(KINDS)}.")
        self.random = random.Random(self.seed)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Faults:
    """The rules in force. Each call is judged by the first rule that it fits."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, asked: dict[str, Any]) -> Rule:
        """Raises ValueError with a sentence if the rule has an unknown field or kind."""
        unknown = set(asked) - (set(Rule.__dataclass_fields__) - {"fired", "id"})
        if unknown or "kind" not in asked:
            raise ValueError(f"A fault needs a kind and knows no {', '.join(sorted(unknown)) or 'rule without one'}.")
        rule = Rule(**asked)
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self.rules.clear()

    def draw(self, call: Call) -> Rule | None:
        with self._lock:
            for rule in self.rules:
                fits = (
                    rule.service in (None, call.service)
                    and rule.operation in (None, call.operation)
                    and (rule.match is None or rule.match in call.text)
                    and (rule.count is None or rule.fired < rule.count)
                )
                if fits and (rule.probability >= 1 or rule.random.random() < rule.probability):
                    rule.fired += 1
                    return rule
        return None


faults = Faults()


def _error_body(call: Call, code: str) -> tuple[str, str]:
    message = f"Injected by the stand-in: {code}"
    request_id = uuid.uuid4()
    xml = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.protocol == "s3":
        return "application/xml", f"<Error>{xml}<RequestId>{request_id}</RequestId></Error>"
    if call.protocol == "query":
        error = f"<Error><Type>Receiver</Type>{xml}</Error><RequestId>{request_id}</RequestId>"
        return "text/xml", f"<ErrorResponse>{error}</ErrorResponse>"
    if call.protocol == "ec2":
        errors = f"<Errors><Error>{xml}</Error></Errors><RequestID>{request_id}</RequestID>"
        return "text/xml", f"<Response>{errors}</Response>"
    return "application/x-amz-json-1.0", json.dumps({"__type": code, "code": code, "message": message})


def apply(application: Application) -> Application:
    """The same application, with the rules in force in front of it; costs nothing while there are none."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not faults.rules or environ["PATH_INFO"].startswith("/_standin/"):
            return application(environ, start_response)
        call = read(environ)
        rule = faults.draw(call)
        if rule is None:
            return application(environ, start_response)
        return _fail(rule, call, application, environ, start_response)

    return serve


def _fail(
    rule: Rule,
    call: Call,
    application: Application,
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    if rule.kind == "slow":
        time.sleep(1.0 if rule.seconds is None else rule.seconds)
        return application(environ, start_response)
    if rule.kind == "error":
        status = rule.status or STATUS_OF_CODE.get(rule.code, 500)
        content_type, text = _error_body(call, rule.code)
        body = text.encode()
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", rule.code)]
        start_response(f"{status} Injected", headers)
        return [body]
    if rule.kind == "timeout":
        time.sleep(rule.seconds or 0)
        raise ConnectionError("cut by a fault rule")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    _discard(application({**environ, "wsgi.input": io.BytesIO(body)}, lambda *_: None))
    if rule.kind == "timeout_after_effect":
        time.sleep(rule.seconds or 0)
        raise ConnectionError("cut by a fault rule, after the effect")
    return application({**environ, "wsgi.input": io.BytesIO(body)}, start_response)


def _discard(answer: Iterable[bytes]) -> None:
    for _ in answer:
        pass
    if hasattr(answer, "close"):
        answer.close()
