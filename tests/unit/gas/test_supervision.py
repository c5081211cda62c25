"""supervisord's answers, from a real one."""

import xmlrpc.client
from collections.abc import Iterator
from dataclasses import replace

import pytest
from supervisor.states import ProcessStates

from gas import supervision
from tests.deployment import until
from tests.supervisord import STEADY, running, supervisord, unhurried


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with supervisord({"quick": STEADY, "slow": unhurried(0.5), "ends": "true"}, asleep=("ends",)) as address:
        yield address


def of(address: str, name: str) -> supervision.Process:
    return next(process for process in supervision.processes(address) if process.name == name)


def test_a_group_stops_and_starts(address: str) -> None:
    assert of(address, "slow").running
    supervision.stop_group(address, "slow")
    stopping = of(address, "slow")
    assert not stopping.running
    assert not stopping.stoppable
    assert not stopping.ended, "it has not done yet"
    until(lambda: of(address, "slow").ended)
    supervision.start_group(address, "slow")
    until(lambda: of(address, "slow").running)
    assert "quick" in running(address)


def test_what_has_exited_may_be_started_again_for_a_while(address: str) -> None:
    supervision.start_group(address, "ends")
    exited = until(lambda: next((p for p in supervision.processes(address) if p.state == ProcessStates.EXITED), None))
    assert not exited.ended
    assert replace(exited, ended_seconds=supervision.SETTLED_SECONDS).ended


def test_what_supervisord_refuses_is_its_fault(address: str) -> None:
    with pytest.raises(xmlrpc.client.Fault, match="BAD_NAME"):
        supervision.stop_group(address, "nothing")


def test_no_supervisord_is_a_connection_error() -> None:
    with pytest.raises(ConnectionError, match="does not answer at unix:///nowhere"):
        supervision.processes("unix:///nowhere")


def test_a_supervisord_that_ends_is_a_connection_error() -> None:
    with supervisord({"slow": unhurried(1)}) as address:
        supervision.ask(address, "shutdown")
        with pytest.raises(ConnectionError, match="shutting down"):
            supervision.stop_group(address, "slow")
