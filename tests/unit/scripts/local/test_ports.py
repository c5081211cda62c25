"""Ports are held from choice to use."""

import random
import socket

import pytest

from scripts.local import ports


def test_two_reservations_never_share_a_port() -> None:
    chance = random.Random(1)
    first = ports.reserve_free(chance)
    # The same dice would fall on the same port again, were it not held.
    second = ports.reserve_free(random.Random(1))
    try:
        assert first.port != second.port
        assert {first.port, second.port} <= set(ports.FREE_PORTS)
    finally:
        first.release()
        second.release()


def test_a_released_port_can_be_had_again() -> None:
    first = ports.reserve_free(random.Random(2))
    first.release()
    second = ports.reserve_from(first.port)
    second.release()
    assert second.port == first.port


def test_a_taken_port_gives_the_next_one() -> None:
    held = ports.reserve_free(random.Random(3))
    try:
        with socket.create_server(("127.0.0.1", held.port)):
            held.release()
            moved = ports.reserve_from(held.port)
            moved.release()
            assert moved.port > held.port
    finally:
        held.release()


def test_no_port_is_said_plainly() -> None:
    with pytest.raises(ports.NoPort, match="from 65536 on"):
        ports.reserve_from(65_536)
