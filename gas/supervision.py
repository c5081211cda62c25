"""Asks a supervisord about its processes, and tells it to start and stop them, over its socket.

http://supervisord.org/api.html
"""

import http.client
import xmlrpc.client
from dataclasses import dataclass
from typing import Any

from supervisor.states import RUNNING_STATES, ProcessStates
from supervisor.xmlrpc import Faults, SupervisorTransport

# supervisord starts what has ended by itself again within a second or two; what has not moved for so long stays ended.
SETTLED_SECONDS = 5


@dataclass(frozen=True)
class Process:
    """One process as supervisor sees it; `name` is what supervisorctl calls it, `ended_seconds` for how long it has
    not run."""

    name: str
    group: str
    state: int
    pid: int
    description: str
    ended_seconds: int

    @property
    def running(self) -> bool:
        return bool(self.state == ProcessStates.RUNNING)

    @property
    def stoppable(self) -> bool:
        """Whether it runs, or is about to."""
        return self.state in RUNNING_STATES

    @property
    def ended(self) -> bool:
        """Whether it does not run, and will not by itself."""
        if self.state == ProcessStates.EXITED:
            return self.ended_seconds >= SETTLED_SECONDS
        return self.state in (ProcessStates.STOPPED, ProcessStates.FATAL)


def processes(address: str) -> list[Process]:
    """Every process of the supervisord at `address` (`unix:///…/supervisor.sock`). Raises OSError if none listens."""
    return [
        Process(
            name=info["name"] if info["name"] == info["group"] else f"{info['group']}:{info['name']}",
            group=info["group"],
            state=info["state"],
            pid=info["pid"],
            description=f"{info['statename']} {info['description'] or info['spawnerr']}",
            ended_seconds=max(info["now"] - info["stop"], 0),
        )
        for info in ask(address, "getAllProcessInfo")
    ]


def start_group(address: str, group: str) -> None:
    """Say that a group's processes may start; returns at once. Raises OSError."""
    ask(address, "startProcessGroup", group, False)


def stop_group(address: str, group: str) -> None:
    """Send the processes of a group their stop signal; returns at once. Raises OSError."""
    ask(address, "stopProcessGroup", group, False)


def ask(address: str, method: str, *arguments: Any) -> Any:
    """Call a method of supervisord. Raises OSError where it does not answer, `xmlrpc.client.Fault` where it refuses."""
    transport = SupervisorTransport(None, None, address)
    try:
        # The address is a formality: the transport goes to the socket.
        server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        return getattr(server.supervisor, method)(*arguments)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == Faults.SHUTDOWN_STATE:
            raise ConnectionError("supervisord is shutting down") from fault
        raise
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise ConnectionError(f"supervisord does not answer at {address}: {error}") from error
    finally:
        transport.close()
