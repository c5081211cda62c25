"""The lifecycle agent with a real supervisord, the metadata stand-in and an autoscaling group in the AWS stand-in."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents import lifecycle
from agents.lifecycle import IDLE_SECONDS, Lifecycle
from gas import fleet, supervision
from gas.config import Settings
from gas.host import membership
from gas.host.metadata import NoMetadata, connect
from scripts.local import fleet as local_fleet
from scripts.local import metadata
from tests.conftest import AwsStandIn
from tests.deployment import Clock, client, settings_of, until
from tests.fixtures import Lines
from tests.supervisord import STEADY, running, supervisord, unhurried

OWN = "lifecycle"


@dataclass
class Host:
    """One host of a group of its own."""

    settings: Settings
    imds: metadata.Metadata
    instance_id: str
    supervisor: str
    clock: Clock
    role: str

    def agent(self) -> Lifecycle:
        """A lifecycle agent that has just started."""
        ask = connect({"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.imds.url})
        return Lifecycle(self.settings, ask, membership.of, self.supervisor, OWN, self.clock)

    def instance(self) -> dict[str, Any] | None:
        """The instance as its group sees it."""
        found = local_fleet.describe(client("autoscaling"), self.settings.name_prefix, self.role)
        return next((instance for instance in found if instance["InstanceId"] == self.instance_id), None)

    def scale_in(self) -> None:
        """The group chooses the host to go, and the metadata says so."""
        client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=self.instance_id, ShouldDecrementDesiredCapacity=True
        )
        self.imds.scale_in()

    def begin_job(self) -> Path:
        """What an annotator makes when it begins a job."""
        folder = self.settings.scratch_dir / f"{os.getpid()}-job"
        folder.mkdir(parents=True)
        return folder


@pytest.fixture
def host(aws_environment: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host of the annotators' role with these programs (name → command); `late` is not started yet."""
    programs = {OWN: STEADY, **getattr(request, "param", {"annotator": STEADY, "web": STEADY})}
    settings = settings_of(tmp_path)
    role = "annotator"
    (instance,) = local_fleet.create_group(client("ec2"), client("autoscaling"), settings.name_prefix, role)
    tags = {fleet.ROLE_TAG: role, fleet.PREFIX_TAG: settings.name_prefix}
    with ExitStack() as stack:
        imds = stack.enter_context(metadata.serving(metadata.instance(tags, instance_id=instance)))
        asleep = ("late",) if "late" in programs else ()
        address = stack.enter_context(supervisord(programs, asleep))
        yield Host(settings, imds, instance, address, Clock(), role)


def looked(agent: Lifecycle) -> Lifecycle:
    agent.look()
    return agent


@pytest.mark.parametrize("host", [{"annotator": STEADY, "late": STEADY}], indirect=True)
def test_a_host_enters_service_when_all_its_programs_run(host: Host, lines: Lines) -> None:
    agent = looked(host.agent())
    assert "late: STOPPED" in lines.of("not_ready")[0]["waiting_for"][0]
    assert not agent.launched
    supervision.start_group(host.supervisor, "late")
    until(lambda: "late" in running(host.supervisor))
    agent.look()
    assert agent.launched
    assert lines.of("lifecycle_action_completed")[0]["hook"] == f"{host.settings.name_prefix}-annotator-launch"
    again = looked(host.agent())
    assert again.launched, "an agent that starts on a host in service finds no action, and minds that not"
    assert "No active Lifecycle Action" in lines.of("no_lifecycle_action")[0]["reason"]


def test_a_host_is_protected_while_it_works(host: Host) -> None:
    agent = looked(looked(host.agent()))
    assert host.instance()["ProtectedFromScaleIn"] is False
    job = host.begin_job()
    agent.look()
    assert host.instance()["ProtectedFromScaleIn"] is True
    host.clock.move(1000)
    agent.look()
    assert host.instance()["ProtectedFromScaleIn"] is True
    shutil.rmtree(job)
    host.clock.move(IDLE_SECONDS - 1)
    agent.look()
    assert host.instance()["ProtectedFromScaleIn"] is True, "its last job may still have to commit"
    host.clock.move(1)
    agent.look()
    assert host.instance()["ProtectedFromScaleIn"] is False


def test_the_protection_of_an_agent_that_was_killed_is_lifted_by_the_next(host: Host) -> None:
    job = host.begin_job()
    looked(looked(host.agent()))
    assert host.instance()["ProtectedFromScaleIn"] is True
    # The annotator was killed with it: its folder is there, its process is not.
    job.rename(job.with_name(f"{2**22 + 1}-job"))
    looked(looked(host.agent()))
    assert host.instance()["ProtectedFromScaleIn"] is False


def test_an_agent_that_is_stopped_lifts_the_protection(host: Host) -> None:
    host.begin_job()
    agent = looked(looked(host.agent()))
    assert host.instance()["ProtectedFromScaleIn"] is True
    agent.close()
    assert host.instance()["ProtectedFromScaleIn"] is False


def test_a_protection_that_cannot_be_lifted_is_said(host: Host, lines: Lines, faulty: AwsStandIn) -> None:
    host.begin_job()
    agent = looked(looked(host.agent()))
    faulty.fault(
        service="autoscaling", operation="SetInstanceProtection", kind="error", code="AccessDenied", status=403
    )
    agent.close()
    assert "AWS refused" in lines.of("protection_not_lifted")[0]["reason"]


def test_protection_waits_until_the_group_counts_the_instance_as_in_service(
    host: Host, lines: Lines, faulty: AwsStandIn
) -> None:
    host.begin_job()
    agent = looked(host.agent())
    faulty.fault(
        service="autoscaling",
        operation="SetInstanceProtection",
        kind="error",
        code="ValidationError",
        status=400,
        count=1,
    )
    agent.look()
    assert agent.protected is None
    assert lines.of("protection_not_changed")
    agent.look()
    assert agent.protected is True


@pytest.mark.parametrize(
    "host", [{"annotator": unhurried(0.5), "sweeper": STEADY, "web": STEADY}], indirect=True, ids=["slow"]
)
def test_scale_in_stops_the_work_and_then_lets_the_host_go(host: Host, lines: Lines) -> None:
    agent = looked(host.agent())
    host.scale_in()
    assert host.instance()["LifecycleState"] == "Terminating:Wait"
    agent.look()
    assert host.instance() is not None, "the annotator has not ended yet"
    assert agent.beaten_at == host.clock()
    until(lambda: looked(agent).drained)
    assert running(host.supervisor) == {OWN, "web"}, "the web server has no work that could be lost"
    assert host.instance() is None
    assert lines.of("drain_begun")[0]["reason"] == "scale-in"
    assert lines.metrics("DrainSeconds")
    agent.look()
    assert len(lines.of("lifecycle_action_completed")) == 2, "the launch and the drain, once each"


def test_a_spot_notice_drains_and_the_group_is_told_when_it_asks(host: Host, lines: Lines) -> None:
    agent = looked(host.agent())
    host.imds.spot_notice(120)
    until(lambda: looked(agent).drained)
    assert host.instance()["LifecycleState"] == "InService"
    assert lines.of("drain_begun")[0]["reason"] == "spot"
    assert lines.of("drain_ended")[0]["to_spare"] is not None
    host.scale_in()
    agent.look()
    assert host.instance() is None


def test_an_agent_that_was_killed_in_a_drain_goes_on(host: Host) -> None:
    looked(host.agent())
    host.scale_in()
    looked(host.agent())
    until(lambda: running(host.supervisor) == {OWN, "web"})
    assert looked(host.agent()).released
    assert host.instance() is None


def test_what_is_drained_stays_so_whatever_the_metadata_say_then(host: Host) -> None:
    agent = looked(host.agent())
    host.imds.spot_notice(120)
    agent.look()
    del host.imds.says[metadata.SPOT_ACTION]
    supervision.ask(host.supervisor, "stopProcessGroup", "annotator")
    supervision.start_group(host.supervisor, "annotator")
    until(lambda: "annotator" in running(host.supervisor))
    until(lambda: looked(agent).drained and running(host.supervisor) == {OWN, "web"})


def test_outside_any_group_only_spot_notices_count(host: Host) -> None:
    del host.imds.says[metadata.TARGET_STATE]
    agent = looked(host.agent())
    assert not agent.launched
    host.imds.spot_notice(120)
    until(lambda: looked(agent).drained)


def test_an_instance_without_a_role_says_so(host: Host) -> None:
    host.imds.says[f"{metadata.META}/tags/instance/{fleet.ROLE_TAG}"] = "cook"
    with pytest.raises(NoMetadata, match=r"gas:role of i-.* is 'cook'; it must be one of web, annotator, utility"):
        host.agent().look()


class Signals:
    """Stops the loop after so many looks; what is to happen before each is given."""

    def __init__(self, *before: Any) -> None:
        self.before = list(before)

    def wait(self, seconds: float) -> bool:
        if not self.before:
            return True
        self.before.pop(0)()
        return False


def test_failures_are_said_once_and_survived(host: Host, lines: Lines) -> None:
    agent = host.agent()
    address, agent.supervisor = agent.supervisor, "unix:///nowhere/s.sock"

    def supervised() -> None:
        agent.supervisor = address

    lifecycle.run(agent, Signals(lambda: None, supervised), 0)
    (line,) = lines.of("look_failed")
    assert "supervisord does not answer at unix:///nowhere/s.sock" in line["reason"]
    assert len(lines.metrics("LifecycleFailures")) == 2
    assert agent.launched


def test_without_a_metadata_service_the_reason_is_a_sentence(host: Host, lines: Lines) -> None:
    agent = host.agent()
    agent.metadata = connect({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"})
    lifecycle.run(agent, Signals(lambda: None), 0)
    (line,) = lines.of("look_failed")
    assert "The instance metadata service at http://127.0.0.1:9/latest/ failed" in line["reason"]


def test_what_aws_refuses_is_not_taken_for_an_answer(host: Host, faulty: AwsStandIn) -> None:
    agent = looked(host.agent())
    faulty.fault(
        service="autoscaling", operation="SetInstanceProtection", kind="error", code="AccessDenied", status=403, count=1
    )
    with pytest.raises(lifecycle.ClientError, match="AccessDenied"):
        agent.look()
