"""A web server for reference data, like the publishers' in what downloads depend on, with faults to order."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Publisher:
    """`files`: path to content. `faults`: path to what happens to the next requests for it, in order.

    A fault is a status to answer with, or after how many bytes to cut the connection. `requests`: method, path and
    Range of each request, in order.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    ranges: bool = True
    etags: bool = True
    lengths: bool = True

    def gets(self, path: str) -> list[str]:
        """The Range of each GET for a path."""
        return [wanted for method, asked, wanted in self.requests if (method, asked) == ("GET", path)]


@contextmanager
def publisher() -> Iterator[Publisher]:
    """A publisher on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, site)

        def do_HEAD(self) -> None:
            _answer(self, site)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Publisher(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def _answer(request: BaseHTTPRequestHandler, site: Publisher) -> None:
    site.requests.append((request.command, request.path, request.headers.get("Range", "")))
    fault = site.faults[request.path].pop(0) if site.faults.get(request.path) else ""
    content = site.files.get(request.path)
    if fault.isdecimal() or content is None:
        request.send_response(int(fault or 404))
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    tag = f'"{hash(content):x}"'
    start = 0
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if wanted and site.ranges and request.headers.get("If-Range", tag) == tag:
        start = int(wanted[1])
    if start >= len(content) > 0:
        request.send_response(416)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    if site.etags:
        request.send_header("ETag", tag)
    if site.lengths:
        request.send_header("Content-Length", str(len(content) - start))
    else:
        request.send_header("Connection", "close")
        request.close_connection = True
    request.end_headers()
    if request.command == "HEAD":
        return
    if fault.startswith("cut "):
        request.wfile.write(content[start : start + int(fault.removeprefix("cut "))])
        request.close_connection = True
        return
    request.wfile.write(content[start:])
