"""A machine for every instance: boots what the account's groups start, tells what they call away, stops what is gone.

That is EC2's part, and the load balancer's. Who comes and goes is decided by the stand-in's Auto Scaling alone.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gas.fleet import ROLE_TAG
from tests.image.cloud import Cloud
from tests.image.machine import Machine
from tests.image.network import call_away

LOOK_SECONDS = 0.3


class Follower:
    """`images`: an image's id → the layers that it is. An old host in `held` is not told yet that it has to go."""

    def __init__(self, cloud: Cloud, images: dict[str, list[Path]], pool: ThreadPoolExecutor) -> None:
        self.cloud, self.images, self.held = cloud, images, set[str]()
        self.stops = threading.Event()
        self.thread: Future[None] | None = None
        self._pool, self._told, self._gone = pool, set[str](), dict[str, Future[None]]()
        client = cloud.standin.client
        self._ec2, self._autoscaling = client("ec2"), client("autoscaling")

    def members(self) -> dict[str, str]:
        """Instances of the groups → their lifecycle states. Raises what ended the thread, if something did."""
        if self.thread is not None and self.thread.done():
            self.thread.result()
        found = self._autoscaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        return {each["InstanceId"]: each["LifecycleState"] for each in found}

    def in_service(self) -> list[str]:
        return [name for name, state in self.members().items() if state == "InService"]

    def role(self, instance_id: str) -> str:
        return self._tags(instance_id)[ROLE_TAG]

    def hosts(self, role: str) -> list[str]:
        """The ids of a role's instances, in the order in which they came."""
        members = self.members()
        return [name for name in list(self.cloud.machines) if name in members and self.role(name) == role]

    def follow(self) -> None:
        while not self.stops.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        members = self.members()
        for instance_id, state in members.items():
            if instance_id not in self.cloud.machines:
                self._boot(instance_id)
            elif state == "Terminating:Wait" and instance_id not in self._told | self.held:
                self._call_away(instance_id)
        for name, machine in self.cloud.machines.items():
            if name not in members and name not in self._gone:
                self._gone[name] = self._pool.submit(self._stop, name, machine)
        for stopped in self._gone.values():
            if stopped.done():
                stopped.result()

    def _boot(self, instance_id: str) -> None:
        image = self._describe(instance_id)["ImageId"]
        self.cloud.ids[instance_id] = instance_id
        self.cloud.boot(instance_id, instance_id, self._tags(instance_id), self.images[image])

    def _call_away(self, instance_id: str) -> None:
        """A web host gets no requests from now on; its group does not let the last healthy one go."""
        if self.role(instance_id) == "web":
            if not self.cloud.balancer.healthy() - {instance_id}:
                return
            self.cloud.balancer.drain(instance_id)
        call_away(self.cloud.machines[instance_id].place)
        self._told.add(instance_id)

    def _stop(self, name: str, machine: Machine) -> None:
        self.cloud.balancer.remove(name)
        machine.stop()

    def _describe(self, instance_id: str) -> dict[str, Any]:
        (reservation,) = self._ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        found: dict[str, Any] = reservation["Instances"][0]
        return found

    def _tags(self, instance_id: str) -> dict[str, str]:
        tags = {tag["Key"]: tag["Value"] for tag in self._describe(instance_id)["Tags"]}
        return {key: value for key, value in tags.items() if key.startswith("gas:")}


@contextmanager
def following(cloud: Cloud, images: dict[str, list[Path]]) -> Iterator[Follower]:
    """Follow in a thread. Raises at the end what it came upon."""
    with ThreadPoolExecutor() as pool:
        follower = Follower(cloud, images, pool)
        follower.thread = pool.submit(follower.follow)
        try:
            yield follower
        finally:
            follower.stops.set()
        follower.thread.result()
