"""What is called, and what is not, whatever the address says; over a real HTTPS server of this machine."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gas import outbound
from gas.outbound import BadAddress, Outbound, Unreachable, is_public
from tests.receiver import HOST, Receiver, receiver

__all__ = ["receiver"]

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1"),
    # Where instances and containers read their credentials.
    *("169.254.169.254", "169.254.170.2", "169.254.0.1", "fd00:ec2::254", "100.100.100.200"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_that_is_not_of_the_open_internet_is_called(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadAddress, match="not public"):
        Outbound().post(f"https://{host}/", b"{}", {})


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "52.95.110.1", "2600:1f00::1", "2a00:1450:4001::1"])
def test_what_is_public_may_be_called(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    # What a C library reads as 127.0.0.1 is looked up, and refused for what it leads to.
    ["localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "0", "localhost.localdomain"],
)
def test_other_ways_to_write_this_machine_lead_to_it_or_nowhere(host: str) -> None:
    with pytest.raises(BadAddress):
        Outbound().post(f"https://{host}/", b"{}", {})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/", "must begin with https"),
        ("ftp://example.org/", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("//example.org/", "must begin with https"),
        ("https:///hook", "must begin with https"),
        ("https://", "must begin with https"),
        ("example.org", "must begin with https"),
        ("", "must begin with https"),
        ("https://ada:secret@example.org/", "no user name"),
        ("https://ada@example.org/", "no user name"),
        ("https://@example.org/", "no user name"),
        ("https://example.org/#part", "behind"),
        ("https://example.org:22/", "port 443"),
        ("https://example.org:8443/", "port 443"),
        ("https://example.org:0x1bb/", "not a URL"),
        ("https://example.org:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://example.org/a b", "plain characters"),
        ("https://example.org/\r\nHost: evil", "plain characters"),
        ("https://example.org\\@127.0.0.1/", "plain characters"),
        ("https://exämple.org/", "plain characters"),
        ("https://example.org/" + "x" * 1000, "plain characters"),
    ],
)
def test_what_is_no_plain_https_address_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        Outbound().target(url)


def test_the_parts_of_an_address() -> None:
    target = Outbound().target("https://Example.ORG/a/b?c=d")
    assert (target.host, target.port, target.path) == ("example.org", 443, "/a/b?c=d")
    assert Outbound().target("https://example.org:443").path == "/"


def answers(*texts: str) -> Callable[..., Any]:
    """A resolver that knows every name. At ::1 nobody listens."""

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in texts]

    return look_up


@pytest.mark.parametrize("texts", [("8.8.8.8", "127.0.0.1"), ("10.0.0.1", "8.8.8.8"), ("fe80::1%eth0",), ()])
def test_one_address_that_is_not_public_is_enough(texts: tuple[str, ...]) -> None:
    out = Outbound(look_up=answers(*texts))
    with pytest.raises(BadAddress):
        out.post("https://example.org/", b"{}", {})


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a..b", "x" * 64 + ".org", "."])
def test_a_name_that_leads_nowhere_is_told(host: str) -> None:
    with pytest.raises(BadAddress):
        Outbound().addresses(Outbound().target(f"https://{host}/"))


# Over a real connection


def test_a_message_arrives_as_it_was_sent(receiver: Receiver) -> None:
    assert receiver.outbound().post(receiver.url("/hook?a=b"), b'{"a":1}', {"X-Test": "yes"}) == 200
    (got,) = receiver.received
    assert (got.path, got.body, got.headers["X-Test"]) == ("/hook?a=b", b'{"a":1}', "yes")
    # The name is in the handshake and in the header, though the connection went to an address.
    assert got.headers["Host"] == f"{HOST}:{receiver.port}"
    assert receiver.asked_for == [HOST]


def test_the_name_is_looked_up_once_and_the_address_that_was_checked_is_called(receiver: Receiver) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int, **kind: Any) -> list[Any]:
        asked.append(host)
        # The second answer would lead elsewhere.
        return answers("127.0.0.1" if len(asked) == 1 else "127.0.0.2")(host, port, **kind)

    out = replace(receiver.outbound(), look_up=rebinding)
    assert out.post(receiver.url(), b"{}", {}) == 200
    assert asked == [HOST]


def test_another_address_of_the_name_is_tried_when_nobody_takes_the_first(receiver: Receiver) -> None:
    out = replace(receiver.outbound(), look_up=answers("::1", "127.0.0.1"))
    assert out.post(receiver.url(), b"{}", {}) == 200
    nobody = replace(receiver.outbound(), look_up=answers("::1"))
    with pytest.raises(Unreachable, match="nobody takes the connection"):
        nobody.post(receiver.url(), b"{}", {})


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    receiver.answer = (302, [("Location", "https://169.254.169.254/latest/meta-data/")], b"")
    assert receiver.outbound().post(receiver.url(), b"{}", {}) == 302
    assert len(receiver.received) == 1


def test_a_certificate_of_another_name_or_maker_is_refused(receiver: Receiver) -> None:
    wrong_name = replace(receiver.outbound(), look_up=answers("127.0.0.1"))
    with pytest.raises(Unreachable, match="certificate"):
        wrong_name.post(f"https://other.test:{receiver.port}/", b"{}", {})
    unknown_maker = replace(receiver.outbound(), trust=ssl.create_default_context())
    with pytest.raises(Unreachable, match="certificate"):
        unknown_maker.post(receiver.url(), b"{}", {})
    assert receiver.received == []


def test_little_of_a_long_answer_is_read(receiver: Receiver) -> None:
    receiver.answer = (200, [], b"x" * 50_000_000)
    began = time.monotonic()
    assert receiver.outbound().post(receiver.url(), b"{}", {}) == 200
    assert time.monotonic() - began < 5


def test_whoever_answers_too_slowly_or_never_is_not_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "READ_SECONDS", 0.2)
    receiver.pause = 0.6
    with pytest.raises(Unreachable, match="no answer in time"):
        receiver.outbound().post(receiver.url(), b"{}", {})


@pytest.fixture
def dripping(receiver: Receiver) -> Iterator[int]:
    """A server that sends a byte of its header now and then, for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(receiver.certificate)
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            plain, _ = listener.accept()
            with plain, context.wrap_socket(plain, server_side=True) as secure:
                secure.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stopping.wait(0.05):
                    try:
                        secure.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        yield listener.getsockname()[1]
        stopping.set()
        thread.join()


def test_whoever_sends_byte_by_byte_is_cut_off(
    receiver: Receiver, dripping: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LONGEST_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer in time"):
        receiver.outbound().post(f"https://{HOST}:{dripping}/", b"{}", {})
    assert time.monotonic() - began < 5


def test_whoever_does_not_speak_https_is_told_so(tmp_path: Path, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            plain, _ = listener.accept()
            with plain:
                plain.recv(10_000)
                plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unreachable):
            receiver.outbound().post(f"https://{HOST}:{port}/", b"{}", {})
        thread.join()


def test_a_connection_that_breaks_off_is_told_so(receiver: Receiver) -> None:
    receiver.answer = (0, [], b"")
    with pytest.raises(Unreachable, match="broke off"):
        receiver.outbound().post(receiver.url(), b"{}", {})
    assert len(receiver.received) == 1
