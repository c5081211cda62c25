import os
import signal
import socket
import threading
import time

import pytest

from gas.process import identity, stop_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    with stop_signals() as signals:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        assert signals.wait()


def test_a_signal_that_came_before_the_wait_is_not_lost() -> None:
    with stop_signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait(10)


def test_without_a_signal_the_time_passes() -> None:
    with stop_signals() as signals:
        assert not signals.wait(0)
        assert not signals.wait(0.01)


def test_a_second_signal_is_seen_too_and_many_do_no_harm() -> None:
    with stop_signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait(10)
        assert not signals.wait(0)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)
        assert signals.wait(10)


def test_afterwards_all_is_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with stop_signals():
        assert signal.getsignal(signal.SIGTERM) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_an_identity_names_host_and_process() -> None:
    assert identity() == f"{socket.gethostname()}:{os.getpid()}"
