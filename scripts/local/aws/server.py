"""Starts the stand-in: `python -m scripts.local.aws --port P [--data DIR]`.

Prints one JSON line, {"url": …, "pid": …}, when it is ready; ends cleanly on SIGTERM or SIGINT.
"""

import argparse
import ctypes
import gc
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from . import app, dynamodb, settings
from .files import store
from .snapshot import DataFolderBusy, Snapshots
from .timers import timers

LOOPBACK = "127.0.0.1"
M_MMAP_THRESHOLD = -3
LARGE_BLOCK_BYTES = 2**20


class QuietHandler(MotoRequestHandler):
    """One line per request would drown what matters; AWS_STANDIN_LOG=requests brings them back."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if os.environ.get("AWS_STANDIN_LOG") == "requests":
            super().log_request(code, size)

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        # A fault rule cut it: without this the handler waits for another request and the client for an answer.
        self.close_connection = True


def give_large_blocks_back() -> None:
    """Tells glibc (where there is one) to return every block above a mebibyte: its default learns from the first large
    part to keep them, so that memory creeps up with each upload. See mallopt(3), M_MMAP_THRESHOLD."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.local.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--data", type=Path, help="folder to keep everything in over a restart")
    parser.add_argument("--host", default=LOOPBACK, help="nothing but 127.0.0.1 is accepted")
    asked = parser.parse_args(arguments)
    if asked.host != LOOPBACK:
        parser.error(f"The stand-in asks nobody for a password, so it listens on {LOOPBACK} only, not on {asked.host}.")
    try:
        settings.check()
        snapshots = Snapshots(asked.data) if asked.data else None
    except (ValueError, DataFolderBusy, OSError) as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("werkzeug").setLevel(
        logging.INFO if os.environ.get("AWS_STANDIN_LOG") == "requests" else logging.WARNING
    )
    give_large_blocks_back()
    application = app.build()
    store.open(asked.data / "objects" if asked.data else None)
    if snapshots is not None:
        store.keep = True
        snapshots.load()
    # What is there now stays: without this, collections are dear and rare, and finished requests keep their bodies.
    gc.freeze()
    try:
        server = make_server(LOOPBACK, asked.port, application, threaded=True, request_handler=QuietHandler)
        serve(server, snapshots)
    finally:
        store.close()
    sys.stdout.flush()
    # Taking apart the thousands of classes of every AWS service takes a second and does nothing.
    os._exit(0)


def serve(server: BaseWSGIServer, snapshots: Snapshots | None) -> None:
    """Serves until SIGTERM or SIGINT, then saves."""
    stop = threading.Event()
    dynamodb.start_expiring(settings.seconds("TTL_SWEEP"), stop)
    timers.start()
    if snapshots is not None:
        snapshots.start(settings.seconds("SNAPSHOT"), stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for serve_forever() to return, which this same thread is running.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"url": f"http://{LOOPBACK}:{server.server_port}", "pid": os.getpid()}), flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    stop.set()
    if snapshots is not None:
        snapshots.finish()
