"""The stand-in for an instance's metadata service, version 2 only: `python -m scripts.local.metadata --help`.

Prints one JSON line, {"url": …, "pid": …}, when it is ready. The AWS SDKs, and so GAS, find it through
`AWS_EC2_METADATA_SERVICE_ENDPOINT`. What it says is one dictionary, path → text. In the same process one changes that;
from outside the stand-in's own pages do:

    PUT    /_standin/latest/meta-data/spot/instance-action    the body is what is said from now on
    DELETE /_standin/latest/meta-data/spot/instance-action    404 from now on
    POST   /_standin/spot-notice?seconds=120                  a Spot interruption that many seconds from now
    POST   /_standin/scale-in                                 the group has chosen this instance to go

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import argparse
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gas.process import stop_signals
from scripts.local.ports import LOOPBACK

# In a network namespace of its own a host finds the service where AWS has it.
LINK_LOCAL = "169.254.169.254"
HOSTS = (LOOPBACK, LINK_LOCAL)
LONGEST_TOKEN_SECONDS = 21_600
TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - a header's name
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"

META = "latest/meta-data"
DOCUMENT = "latest/dynamic/instance-identity/document"
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
SPOT_ACTION = f"{META}/spot/instance-action"
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
REBALANCE = f"{META}/events/recommendations/rebalance"
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
TARGET_STATE = f"{META}/autoscaling/target-lifecycle-state"


def stamp(at: float) -> str:
    """A time as the metadata service writes it; `at` in epoch seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def instance(
    tags: Mapping[str, str],
    *,
    instance_id: str | None = None,
    zone: str = "us-east-1a",
    address: str = "10.0.0.10",
    account: str = "123456789012",
    access_key: str = "AKIAIOSFODNN7EXAMPLE",
    secret_key: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S107 - AWS's own example
    credentials_seconds: float = 6 * 3600,
) -> dict[str, str]:
    """What the service says of an instance in service: path → text."""
    instance_id = instance_id or f"i-{secrets.token_hex(9)[:17]}"
    now = time.time()
    identity = {
        "accountId": account,
        "architecture": "arm64",
        "availabilityZone": zone,
        "imageId": "ami-12345678",
        "instanceId": instance_id,
        "instanceType": "t4g.small",
        "pendingTime": stamp(now),
        "privateIp": address,
        "region": zone[:-1],
        "version": "2017-09-30",
    }
    credentials = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key,
        "SecretAccessKey": secret_key,
        "Token": "standin",
        "LastUpdated": stamp(now),
        "Expiration": stamp(now + credentials_seconds),
    }
    return {
        DOCUMENT: json.dumps(identity, indent=2),
        TARGET_STATE: "InService",
        f"{META}/ami-id": identity["imageId"],
        f"{META}/instance-id": instance_id,
        f"{META}/instance-type": identity["instanceType"],
        f"{META}/local-ipv4": address,
        f"{META}/local-hostname": f"ip-{address.replace('.', '-')}.ec2.internal",
        f"{META}/placement/availability-zone": zone,
        f"{META}/placement/region": zone[:-1],
        f"{META}/iam/security-credentials/gas": json.dumps(credentials, indent=2),
        **{f"{META}/tags/instance/{name}": value for name, value in tags.items()},
    }


class Metadata:
    """What is said, and who may hear it. `says` may be changed at any time; `asked` counts answers by path."""

    def __init__(self, says: Mapping[str, str]) -> None:
        self.says = dict(says)
        self.asked: dict[str, int] = {}
        self.url = ""
        self._tokens: dict[str, float] = {}

    def spot_notice(self, seconds: float = 120, action: str = "terminate") -> None:
        """A Spot interruption in so many seconds; AWS gives two minutes."""
        self.says[SPOT_ACTION] = json.dumps({"action": action, "time": stamp(time.time() + seconds)})

    def scale_in(self) -> None:
        """The autoscaling group has chosen this instance, and waits for its terminating hooks."""
        self.says[TARGET_STATE] = "Terminated"

    def token(self, seconds: int) -> str:
        token = secrets.token_urlsafe(40)
        self._tokens[token] = time.monotonic() + seconds
        return token

    def knows(self, token: str | None) -> bool:
        return self._tokens.get(token or "", 0.0) > time.monotonic()

    def read(self, path: str) -> str | None:
        """The text at a path; of a folder the names in it, folders with a slash; None where there is nothing."""
        self.asked[path] = self.asked.get(path, 0) + 1
        if path in self.says:
            return self.says[path]
        inside = f"{path}/" if path else ""
        below = [known[len(inside) :].split("/", 1) for known in list(self.says) if known.startswith(inside)]
        return "\n".join(sorted({names[0] + "/" * (len(names) - 1) for names in below})) or None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    metadata: Metadata

    def do_GET(self) -> None:
        if not self.metadata.knows(self.headers.get(TOKEN_HEADER)):
            self._answer(401, "Unauthorized: version 2 wants a token.\n")
            return
        text = self.metadata.read(self._path())
        self._answer(404, "Not Found\n") if text is None else self._answer(200, text)

    def do_PUT(self) -> None:
        path, body = self._path(), self._body()
        if path.startswith("_standin/"):
            self.metadata.says[path.removeprefix("_standin/")] = body
            self._answer(200, "")
        elif path == "latest/api/token":
            self._give_token()
        else:
            self._answer(405, "Not Allowed\n")

    def do_DELETE(self) -> None:
        path = self._path()
        known = path.startswith("_standin/") and self.metadata.says.pop(path.removeprefix("_standin/"), None)
        self._answer(200 if known else 404, "")

    def do_POST(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        match self._path():
            case "_standin/spot-notice":
                self.metadata.spot_notice(float(query.get("seconds", ["120"])[0]))
            case "_standin/scale-in":
                self.metadata.scale_in()
            case _:
                self._answer(404, "The stand-in has no such page.\n")
                return
        self._answer(200, "")

    def _give_token(self) -> None:
        if "X-Forwarded-For" in self.headers:
            self._answer(403, "Forbidden: the request came through a proxy.\n")
            return
        seconds = self.headers.get(TTL_HEADER, "")
        if not seconds.isdecimal() or not 1 <= int(seconds) <= LONGEST_TOKEN_SECONDS:
            self._answer(400, f"Bad Request: {TTL_HEADER} must be 1 to {LONGEST_TOKEN_SECONDS}.\n")
            return
        self._answer(200, self.metadata.token(int(seconds)), {TTL_HEADER: seconds})

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _answer(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "text/plain", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """One line per request would drown what matters."""


@contextmanager
def serving(says: Mapping[str, str], host: str = LOOPBACK, port: int = 0) -> Iterator[Metadata]:
    """Serve in this process while inside; `url` of what is given is where. Port 0: any free one."""
    metadata = Metadata(says)
    server = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"metadata": metadata}))
    server.daemon_threads = True
    metadata.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield metadata
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.local.metadata",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--host", default=LOOPBACK, choices=HOSTS, help="where to listen (default: %(default)s)")
    parser.add_argument("--tag", action="append", default=[], metavar="NAME=VALUE", help="a tag of the instance")
    parser.add_argument("--instance-id", help="made up where it is not given")
    parser.add_argument("--zone", default="us-east-1a", help="availability zone (default: %(default)s)")
    parser.add_argument("--address", default="10.0.0.10", help="private address (default: %(default)s)")
    asked = parser.parse_args(arguments)
    tags = dict(tag.partition("=")[::2] for tag in asked.tag)
    says = instance(tags, instance_id=asked.instance_id, zone=asked.zone, address=asked.address)
    with serving(says, asked.host, asked.port) as metadata, stop_signals() as signals:
        print(json.dumps({"url": metadata.url, "pid": os.getpid()}), flush=True)
        signals.wait()


if __name__ == "__main__":
    main()
