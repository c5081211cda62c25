"""Seeded chaos: whole lives of many jobs, with kills, errors, lost answers, duplicated and delayed messages."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gas import effects
from gas.items import Conflict
from gas.job import JobStatus
from gas.users import Role, User
from scripts.prove import inprocess
from scripts.prove.doors import Clock, Doors
from scripts.prove.world import Killed, World

USERS = 2
JOBS = 3
STEPS = 60
# Of a hundred effects, how many fail, in whichever way.
FAULTS_PERCENT = 4


@dataclass
class Tally:
    """What was done to how many, over all runs."""

    runs: int = 0
    jobs: int = 0
    faults: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    deleted: int = 0
    second_mails: int = 0
    started_again: int = 0


def run(doors: Doors, clock: Clock, seed: str, tally: Tally) -> None:
    """One run. Raises Broken when something was lost, leaked, or did not come to rest."""
    rng = random.Random(seed)
    world = World(doors, clock, rng)
    faults = _Faults(rng)
    users = [world.user(rng.choice(list(Role))) for _ in range(USERS)]
    jobs = [world.submit(rng.choice(users)).job_id for _ in range(JOBS)]
    effects.arm(faults.hook)
    try:
        for _ in range(STEPS):
            _step(world, rng, users, jobs, tally)
            world.check_bytes()
    finally:
        effects.arm(None)
    world.quiesce()
    # Whose job has used up its faults is told so, and has a button.
    while again := [world.start_again(job) for job in world.all_jobs() if job.job_status is JobStatus.FAILED]:
        tally.started_again += len(again)
        world.quiesce()
    world.check_rest()
    tally.runs += 1
    tally.jobs += len(jobs)
    tally.faults += faults.count
    tally.dead_letters += world.dead_letters
    tally.deleted += len(world.deleted)
    tally.second_mails += sum(count > 1 for count in world.mails.values())
    world.forget()


class _Faults:
    """Lets effects fail now and then."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.count = 0

    def hook(self, label: str, when: str) -> None:
        if self._rng.randrange(100) >= FAULTS_PERCENT:
            return
        self.count += 1
        mode = self._rng.choice([mode for mode, moment in effects.MODES.items() if moment == when])
        if mode.startswith("kill"):
            raise Killed
        effects.fail(mode, label)


def _step(world: World, rng: random.Random, users: list[User], jobs: list[str], tally: Tally) -> None:
    """One thing that may happen: a message, out of order or twice; the sweeper; time; a user's whim."""

    def deliver() -> None:
        if not world.messages:
            return
        message = rng.choice(world.messages)
        if rng.random() < 0.2:
            tally.duplicates += 1
            world.messages.append(type(message)(message.queue, message.event, world.clock()))
        world.clock.seconds = max(world.clock.seconds, message.visible_at)
        world.deliver(message)

    def wait() -> None:
        world.clock.seconds += rng.choice((1, 30, 120, 400))

    def change_mind() -> None:
        world.change_role(rng.choice(users), rng.choice(list(Role)))

    def delete() -> None:
        # Unfinished jobs cannot be deleted.
        with suppress(Conflict):
            world.delete(rng.choice(jobs))

    whims: list[tuple[Callable[[], object], int]] = [
        (deliver, 60),
        (world.sweep, 15),
        (wait, 15),
        (change_mind, 7),
        (delete, 1),
        (inprocess.pass_time, 10),
    ]
    acts, weights = zip(*whims, strict=True)
    rng.choices(acts, weights)[0]()
