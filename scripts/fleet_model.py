"""A model of the annotators: jobs arrive; hosts boot, work, and are taken away by Spot; the group scales.

The scaling arithmetic (`capacity_wanted`) is that of the policies in terraform/scaling.tf; the stand-in has none, so it
is tested here. Times are in seconds.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

MINUTE, HOUR = 60, 3600

# SQS and Auto Scaling both publish a figure a minute. The alarms that target tracking makes for itself look at three of
# them to scale out, and at fifteen to scale in ("scales in gradually"); `aws cloudwatch describe-alarms
# --alarm-name-prefix TargetTracking` shows both, and that the lower one is at nine tenths of the target.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
MINUTES_TO_SCALE_OUT = 3
MINUTES_TO_SCALE_IN = 15
SCALE_IN_BELOW = 0.9
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
SPOT_NOTICE_SECONDS = 120
# GAS_GRACE_SECONDS: what cannot finish in it goes back to the queue.
GRACE_SECONDS = 90
# A host that has had no job for this long is no longer protected from scale-in (agents/lifecycle.py).
IDLE_SECONDS = 30


@dataclass(frozen=True)
class Policy:
    """What terraform/variables.tf lets an operator choose, by the names without `annotator_`."""

    backlog_per_instance: float = 16
    warmup_seconds: int = 120
    min: int = 0
    max: int = 10
    on_demand_base: int = 0


@dataclass(frozen=True)
class Host:
    """What a host is like: jobs at a time, seconds from launch to service, Spot interruptions an hour."""

    slots: int = 4
    boot_seconds: float = 180
    interruptions_an_hour: float = 0.0


@dataclass(frozen=True)
class Sample:
    """What CloudWatch knows of one minute."""

    backlog: int
    in_service: int

    @property
    def per_instance(self) -> float | None:
        """The figure that is tracked; None (no data) while nothing is in service."""
        return self.backlog / self.in_service if self.in_service else None


def capacity_wanted(policy: Policy, desired: int, warming: int, minutes: Sequence[Sample]) -> int:
    """The group's new desired capacity; `minutes` are the samples so far, the newest last.

    `warming` hosts are in service for less than the warm-up: while there are any, nothing is taken away.
    """
    if not minutes:
        return desired
    now = minutes[-1]
    if now.in_service == 0:
        # The step policy that wakes a group at nought.
        return max(desired, 1) if now.backlog else desired
    target = policy.backlog_per_instance
    if _all(minutes, MINUTES_TO_SCALE_OUT, lambda figure: figure > target):
        return min(max(desired, math.ceil(now.backlog / target)), policy.max)
    if not warming and _all(minutes, MINUTES_TO_SCALE_IN, lambda figure: figure < SCALE_IN_BELOW * target):
        return max(min(desired, math.ceil(now.backlog / target)), policy.min)
    return desired


def _all(minutes: Sequence[Sample], count: int, holds: Callable[[float], bool]) -> bool:
    figures = [sample.per_instance for sample in minutes[-count:]]
    return len(figures) == count and all(figure is not None and holds(figure) for figure in figures)


@dataclass(eq=False)
class Job:
    """One file. `seconds` of work on one core."""

    submitted: float
    seconds: float
    finished: float | None = None


@dataclass(eq=False)
class _Instance:
    launched: float
    spot: bool
    in_service_at: float | None = None
    ended: float | None = None
    leaving: bool = False
    working: dict[Job, Any] = field(default_factory=dict)
    last_worked: float = 0.0


@dataclass
class Outcome:
    """What came of one run."""

    jobs: list[Job]
    spot_hours: float
    on_demand_hours: float
    most_instances: int
    repeated: int
    timeline: list[tuple[float, int, int]]

    @property
    def times_to_result(self) -> list[float]:
        """Seconds from submission to result, sorted. All jobs have one."""
        return sorted((job.finished or math.inf) - job.submitted for job in self.jobs)


class Fleet:
    """One run. `arrivals` are (time of submission, seconds of work), in order of time."""

    def __init__(
        self, policy: Policy, host: Host, arrivals: Sequence[tuple[float, float]], until: float, seed: int = 0
    ) -> None:
        self.policy, self.host, self.until = policy, host, until
        self.rng = random.Random(seed)
        self.env = simpy.Environment()
        self.queue: deque[Job] = deque()
        self.instances: list[_Instance] = []
        self.desired = policy.min
        self.minutes: list[Sample] = []
        self.timeline: list[tuple[float, int, int]] = []
        self.repeated = self.most = 0
        self.jobs = [Job(at, seconds) for at, seconds in arrivals]

    def run(self) -> Outcome:
        """Until `until`, and on until the last job is done; all hosts are paid for until then."""
        self.env.process(self._arrive())
        self.env.process(self._scale())
        self._reconcile()
        self.env.run(until=self.until)
        while any(job.finished is None for job in self.jobs):
            self.env.run(until=self.env.now + 10 * MINUTE)
        hours = {True: 0.0, False: 0.0}
        for instance in self.instances:
            hours[instance.spot] += ((instance.ended or self.env.now) - instance.launched) / HOUR
        return Outcome(self.jobs, hours[True], hours[False], self.most, self.repeated, self.timeline)

    # Jobs

    def _arrive(self) -> Iterator[Any]:
        for job in self.jobs:
            yield self.env.timeout(job.submitted - self.env.now)
            self.queue.append(job)
            self._hand_out()

    def _hand_out(self) -> None:
        for instance in self._in_service():
            while self.queue and len(instance.working) < self.host.slots:
                job = self.queue.popleft()
                instance.working[job] = self.env.process(self._work(instance, job))

    def _work(self, instance: _Instance, job: Job) -> Iterator[Any]:
        try:
            yield self.env.timeout(job.seconds)
        except simpy.Interrupt:
            # Begun anew by whoever takes it next: a retried message is near the head of its queue.
            self.repeated += 1
            self.queue.appendleft(job)
        else:
            job.finished = self.env.now
        del instance.working[job]
        instance.last_worked = self.env.now
        self._hand_out()

    # Hosts

    def _alive(self) -> list[_Instance]:
        return [instance for instance in self.instances if instance.ended is None and not instance.leaving]

    def _in_service(self) -> list[_Instance]:
        return [instance for instance in self._alive() if instance.in_service_at is not None]

    def _live(self, instance: _Instance) -> Iterator[Any]:
        yield self.env.timeout(self.host.boot_seconds * self.rng.uniform(0.8, 1.2))
        if instance.ended is None:
            instance.in_service_at = instance.last_worked = self.env.now
            self._hand_out()

    def _threaten(self, instance: _Instance) -> Iterator[Any]:
        yield self.env.timeout(self.rng.expovariate(self.host.interruptions_an_hour) * HOUR)
        if instance.ended is not None:
            return
        # It takes nothing more; its replacement is launched at once.
        instance.leaving = True
        self._reconcile()
        yield self.env.timeout(GRACE_SECONDS)
        for process in list(instance.working.values()):
            process.interrupt()
        yield self.env.timeout(SPOT_NOTICE_SECONDS - GRACE_SECONDS)
        instance.ended = self.env.now

    # The group

    def _scale(self) -> Iterator[Any]:
        while True:
            in_service = self._in_service()
            self.minutes.append(Sample(len(self.queue), len(in_service)))
            self.timeline.append((self.env.now, len(self.queue), len(self._alive())))
            warming = sum(self.env.now - (i.in_service_at or 0) < self.policy.warmup_seconds for i in in_service)
            self.desired = capacity_wanted(self.policy, self.desired, warming, self.minutes)
            self._reconcile()
            yield self.env.timeout(MINUTE)

    def _reconcile(self) -> None:
        """Launch what is missing; end what is too much, unless it works or has just worked."""
        alive = self._alive()
        for _ in range(self.desired - len(alive)):
            on_demand = sum(not instance.spot for instance in self._alive())
            instance = _Instance(self.env.now, spot=on_demand >= self.policy.on_demand_base)
            self.instances.append(instance)
            self.env.process(self._live(instance))
            if instance.spot and self.host.interruptions_an_hour:
                self.env.process(self._threaten(instance))
        idle = [
            i
            for i in alive
            if i.in_service_at is not None and not i.working and self.env.now - i.last_worked >= IDLE_SECONDS
        ]
        # Spot first: what is on demand is the base that stays.
        idle.sort(key=lambda instance: (not instance.spot, instance.launched))
        for instance in idle[: max(len(alive) - self.desired, 0)]:
            instance.ended = self.env.now
        self.most = max(self.most, len(self._alive()))
