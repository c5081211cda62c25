"""Serving the stand-in on a loopback address."""

import ipaddress
import socket
from collections.abc import Sequence

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from scripts.local.globus.app import make_app
from scripts.local.globus.authority import Authority
from scripts.local.globus.clients import CODE_PAGE, Client


class _QuietHandler(WSGIRequestHandler):
    """Logs no request: their queries carry codes."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def check_loopback(host: str) -> None:
    """Raise ValueError with a sentence unless `host` is a loopback address: this server asks for no password."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(
            f"{host} is not a loopback address. The stand-in lets anybody sign in, so it serves 127.0.0.1 only."
        )


def serve(
    host: str,
    port: int,
    *,
    client_id: str,
    client_secret: str,
    native_client_id: str,
    redirect_uris: Sequence[str],
) -> tuple[BaseWSGIServer, str]:
    """A bound server (port 0 takes a free one) and its URL; `serve_forever` starts it. Raises ValueError, OSError."""
    check_loopback(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        # The issuer is the server's own URL, which is known only once it is bound.
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        authority = Authority(
            url,
            [
                Client(client_id, "GAS", client_secret, tuple(redirect_uris)),
                Client(native_client_id, "GAS command line", None, (url + CODE_PAGE,)),
            ],
        )
        server = make_server(
            host, port, make_app(authority), threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
        )
    return server, url
