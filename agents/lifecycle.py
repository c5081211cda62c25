"""The lifecycle agent, one on each host: says when the host is ready, keeps it while it works, empties it when it goes.

Each look derives everything anew from the instance's metadata, from supervisor and from the scratch folder, so an agent
that was killed goes on where it was. Rebalance recommendations are the group's business.
"""

import os
import time
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from ec2_metadata import EC2Metadata

from agents import attempt
from agents.consume import start
from gas import supervision
from gas.config import Settings
from gas.faults import explain
from gas.host import membership
from gas.host.membership import Membership
from gas.host.metadata import NoMetadata, asking, connect
from gas.process import StopSignals, stop_signals
from gas.telemetry import logger, metric

log = logger(__name__)
# Its visitors are taken away by the load balancer, and it has no work that could be lost.
WEB = "web"
TERMINATED = "Terminated"
# A row of short jobs is one period of work, and a job that has left its scratch folder still has to commit.
IDLE_SECONDS = 30.0
FAILURES = (NoMetadata, OSError, xmlrpc.client.Fault, BotoCoreError, ClientError)


@dataclass
class Lifecycle:
    """What a look works with, and what the next one has to know. `own`: this agent's name in supervisor."""

    settings: Settings
    metadata: EC2Metadata
    join: Callable[[Settings, EC2Metadata], Membership]
    supervisor: str
    own: str
    now: Callable[[], float] = time.time
    member: Membership | None = None
    launched: bool = False
    protected: bool | None = None
    worked_at: float = 0.0
    draining_since: float | None = None
    beaten_at: float = 0.0
    drained: bool = False
    released: bool = False

    def look(self) -> None:
        """Do what the moment asks for. Raises one of `FAILURES`; the next look tries again."""
        with asking(self.metadata):
            target = self.metadata.autoscaling_target_lifecycle_state
            spot = self.metadata.spot_instance_action
        if target is not None and self.member is None:
            self.member = self.join(self.settings, self.metadata)
        leaving = target == TERMINATED
        if leaving or spot or self.draining_since is not None:
            self._drain(self.member if leaving else None, spot.time.timestamp() if spot else None)
        elif self.member and not self.launched:
            self._enter_service(self.member)
        elif self.member:
            self._protect(self.member)

    def _enter_service(self, member: Membership) -> None:
        waiting = [f"{process.name}: {process.description}" for process in self._programs() if not process.running]
        if waiting:
            log.info("not_ready", waiting_for=waiting)
            return
        member.complete(member.launch_hook)
        self.launched = True
        log.info("in_service")

    def _protect(self, member: Membership) -> None:
        """Keep scale-in from taking the host in the middle of a job."""
        if attempt.in_hand(self.settings.scratch_dir):
            self.worked_at = self.now()
        wanted = self.now() - self.worked_at < IDLE_SECONDS
        if wanted is not self.protected and member.protect(wanted):
            self.protected = wanted

    def _drain(self, leaving: Membership | None, deadline: float | None) -> None:
        """Stop what takes work, wait until it has finished or given back, then let the group take the host."""
        now = self.now()
        if self.draining_since is None:
            self.draining_since = now
            log.info("drain_begun", reason="scale-in" if leaving else "spot", deadline=deadline)
        workers = [process for process in self._programs() if process.group != WEB]
        for group in {worker.group for worker in workers if worker.stoppable}:
            supervision.stop_group(self.supervisor, group)
        if any(not worker.ended for worker in workers):
            if leaving and now - self.beaten_at >= self.settings.hook_heartbeat_seconds:
                leaving.heartbeat(leaving.drain_hook)
                self.beaten_at = now
            return
        if not self.drained:
            self.drained = True
            metric("DrainSeconds", now - self.draining_since, "Seconds")
            log.info("drain_ended", to_spare=deadline and round(deadline - now, 1))
        if leaving and not self.released:
            leaving.complete(leaving.drain_hook)
            self.released = True

    def _programs(self) -> list[supervision.Process]:
        return [process for process in supervision.processes(self.supervisor) if process.group != self.own]

    def close(self) -> None:
        """Lift the protection, or it would hold the host for ever: nobody looks after it any more."""
        if self.member and self.protected:
            try:
                self.member.protect(False)
            except FAILURES as error:
                log.warning("protection_not_lifted", reason=explain(error))


def run(lifecycle: Lifecycle, signals: StopSignals, seconds: float) -> None:
    """Look every so many seconds until a stop signal. A failure is said once, and again when it is another."""
    said = ""
    while True:
        reason = ""
        try:
            lifecycle.look()
        except FAILURES as error:
            reason = explain(error)
            metric("LifecycleFailures", 1)
            lifecycle.metadata.clear_all()
            if reason != said:
                log.error("look_failed", reason=reason)
        said = reason
        if signals.wait(seconds):
            break
    lifecycle.close()


def main() -> None:
    """Run the lifecycle agent until SIGTERM. supervisor tells its programs where it listens, and their names."""
    settings = start("lifecycle")
    supervisor, own = os.environ["SUPERVISOR_SERVER_URL"], os.environ["SUPERVISOR_GROUP_NAME"]
    with stop_signals() as signals:
        run(Lifecycle(settings, connect(), membership.of, supervisor, own), signals, settings.lifecycle_seconds)


if __name__ == "__main__":
    main()
