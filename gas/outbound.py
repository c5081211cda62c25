"""Requests to addresses that users have given: HTTPS to public hosts only, and to the very address that was checked.

Whoever may name an address for our hosts to call could otherwise reach what only our hosts reach: the instance's
metadata, other machines of the network, this machine. So the name is looked up once, every address that it has must be
public, and the connection goes to one of these, however the name is answered a moment later. Redirects are not
followed. https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

HTTPS = 443
MAX_URL_LETTERS = 1000
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
# However slowly the other side sends, byte by byte.
LONGEST_SECONDS = 20.0
# Nothing of an answer is used but its status; reading a little lets most servers end in peace.
MOST_ANSWER_BYTES = 1024
LATE = "no answer in time"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What is handed out to machines of the Internet. https://www.iana.org/assignments/ipv6-address-space/
UNICAST = ipaddress.IPv6Network("2000::/3")
# Global by the register, and yet no machine's own: 6to4 leads to any IPv4 address; the last is for documentation.
# https://www.iana.org/assignments/iana-ipv6-special-registry/ and https://www.iana.org/assignments/iana-ipv4-special-registry/
NOBODYS = tuple(ipaddress.ip_network(network) for network in ("192.88.99.0/24", "2002::/16", "3fff::/20"))


class BadAddress(ValueError):
    """A URL that is not called; str() says why, in words for whoever gave it."""


class Unreachable(Exception):
    """No answer came; str() says what happened instead."""


@dataclass(frozen=True)
class Target:
    """A URL's parts: `host` in ASCII, `path` with the query."""

    host: str
    port: int
    path: str


def is_public(address: Address) -> bool:
    """Whether it is an address of the open Internet, of one machine."""
    if address.version == 6 and address not in UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in NOBODYS)


@dataclass(frozen=True)
class Outbound:
    """How users' addresses are called. Tests allow what no deployment does.

    `allows` says which addresses may be called; `ports`: which ports, None for any; `trust`: how certificates are
    checked; `look_up` is `socket.getaddrinfo`.
    """

    allows: Callable[[Address], bool] = is_public
    ports: frozenset[int] | None = frozenset({HTTPS})
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    look_up: Callable[..., list[Any]] = socket.getaddrinfo

    def target(self, url: str) -> Target:
        """The parts of a URL. Raises BadAddress for one that is not plain https."""
        if len(url) > MAX_URL_LETTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise BadAddress(f"The address must be a URL of at most {MAX_URL_LETTERS} plain characters.")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or HTTPS
        except ValueError:
            raise BadAddress("The address is not a URL.") from None
        if parts.scheme != "https" or not host:
            raise BadAddress("The address must begin with https:// and a host.")
        if parts.username is not None or parts.password is not None:
            raise BadAddress("The address must hold no user name and no password: the signature says who calls.")
        if parts.fragment:
            raise BadAddress("The address must have no part behind “#”: it would never be sent.")
        if self.ports is not None and port not in self.ports:
            raise BadAddress(f"The address must use port {', '.join(map(str, sorted(self.ports)))}.")
        return Target(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))

    def addresses(self, target: Target) -> list[str]:
        """All addresses of the target's host. Raises BadAddress when there is none, or one of them is not public."""
        try:
            found = self.look_up(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise BadAddress(f"The name {target.host} leads nowhere: it is not in the DNS.") from None
        texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in texts:
            # What is bound to one interface (fe80::1%eth0) does not parse without it, and is not public.
            if "%" in text or not self.allows(ipaddress.ip_address(text)):
                # Not which: names of our own network are nobody's to look up.
                raise BadAddress(f"{target.host} leads to an address that is not public.")
        if not texts:
            raise BadAddress(f"The name {target.host} leads nowhere: it has no address.")
        return texts

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """POST to the URL; returns the answer's status. Raises BadAddress, or Unreachable when no answer came."""
        target = self.target(url)
        reason = ""
        for address in self.addresses(target):
            connection = HTTPSConnection(
                address,
                target.port,
                timeout=CONNECT_SECONDS,
                ssl_context=self.trust,
                # What the certificate must be for, though the connection goes to an address.
                server_hostname=target.host,
            )
            with closing(connection), _time_limit(connection) as cut_off:
                try:
                    connection.connect()
                except (HTTPError, OSError) as error:
                    # Nothing was sent: another address of the same name may do.
                    reason = in_words(error)
                    continue
                try:
                    status = _exchange(connection, target, body, headers)
                except (HTTPError, HTTPException, OSError) as error:
                    raise Unreachable(LATE if cut_off.is_set() else in_words(error)) from error
                if cut_off.is_set():
                    # What was cut off looks like an answer without a body.
                    raise Unreachable(LATE)
                return status
        raise Unreachable(reason)


def in_words(error: Exception) -> str:
    """What went wrong, without addresses and internals."""
    # urllib3 counts it among the timeouts.
    if isinstance(error, NewConnectionError):
        return "nobody takes the connection"
    if isinstance(error, TimeoutError | ConnectTimeoutError):
        return LATE
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid for this name"
    return "it does not speak TLS as we do" if isinstance(error, ssl.SSLError) else "the connection broke off"


def _exchange(connection: HTTPSConnection, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    host = f"[{target.host}]" if ":" in target.host else target.host
    named = host if target.port == HTTPS else f"{host}:{target.port}"
    connection.timeout = READ_SECONDS
    sent = {**headers, "Host": named, "Connection": "close"}
    connection.request("POST", target.path, body, sent, preload_content=False, decode_content=False)
    answer = connection.getresponse()
    answer.read(MOST_ANSWER_BYTES)
    return answer.status


@contextmanager
def _time_limit(connection: HTTPSConnection) -> Iterator[threading.Event]:
    """Break the connection off after a while: a byte now and then begins a read's own time anew.

    What is yielded is set then.
    """
    cut_off = threading.Event()

    def cut() -> None:
        cut_off.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(LONGEST_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield cut_off
    finally:
        timer.cancel()
