"""Who may meet whom over one result."""

import random
import threading
from collections.abc import Callable

from gas.job import Job
from gas.jobs import LEASE_SLACK_SECONDS
from gas.messages import Event, JobResult, JobThaw, SubscriptionDowngrade, SubscriptionUpgrade
from gas.queues import Delivery
from gas.users import Role, User
from scripts.prove import inprocess
from scripts.prove.doors import Clock, Doors
from scripts.prove.explore import Act, Scenario
from scripts.prove.world import World

Setting = Callable[[World], tuple[User, Job]]


def hot(world: World) -> tuple[User, Job]:
    """A free user's result whose window is over, and nobody has begun to archive it."""
    user = world.user()
    return user, world.finished(user)


def archived(world: World) -> tuple[User, Job]:
    """The same, archived."""
    user, job = hot(world)
    _tell(world, "archive", JobResult(user_id=user.user_id, job_id=job.job_id))
    return user, job


def retrieved(world: World) -> tuple[User, Job]:
    """A premium user's result that is ready to be fetched from the archive."""
    user, job = archived(world)
    world.change_role(user, Role.PREMIUM)
    for message in [m for m in world.messages if m.queue == "restore"]:
        world.deliver(message)
    world.messages.clear()
    inprocess.pass_time()
    return user, job


Meeting = tuple[Setting, tuple[str, ...], int]
# Who meets whom, and how many of them may be killed on the way.
MEETINGS: tuple[Meeting, ...] = (
    (hot, ("archive",), 1),
    (hot, ("archive", "archive2"), 0),
    (hot, ("archive", "delete"), 0),
    (hot, ("archive", "upgrade"), 0),
    (archived, ("upgrade",), 1),
    (archived, ("upgrade", "upgrade2"), 0),
    (archived, ("upgrade", "delete"), 0),
    (archived, ("upgrade", "downgrade"), 0),
    (archived, ("upgrade", "thaw"), 0),
    (retrieved, ("thaw",), 1),
    (retrieved, ("thaw", "thaw2"), 0),
    (retrieved, ("thaw", "delete"), 0),
    (retrieved, ("thaw", "downgrade"), 0),
)
# These take a minute or more each.
LONG_MEETINGS: tuple[Meeting, ...] = (
    (hot, ("archive", "upgrade"), 1),
    (archived, ("upgrade", "delete"), 1),
    (retrieved, ("thaw", "downgrade"), 1),
    (retrieved, ("thaw", "delete"), 1),
    (hot, ("archive", "upgrade", "downgrade"), 0),
    (hot, ("archive", "lapse", "archive2"), 0),
    (hot, ("archive", "upgrade", "delete"), 0),
    (retrieved, ("thaw", "lapse", "thaw2"), 0),
    (retrieved, ("thaw", "downgrade", "delete"), 0),
)


def scenario(doors: Doors, clock: Clock, setting: Setting, names: tuple[str, ...]) -> Scenario:
    """These actors, in this setting. A number at a name's end only tells two of the same kind apart."""

    def make() -> tuple[World, dict[str, Act]]:
        world = World(doors, clock, random.Random(1), explored=True)
        user, job = setting(world)
        return world, {name: _act(world, user, job, name.rstrip("0123456789")) for name in names}

    return make


def _act(world: World, user: User, job: Job, name: str) -> Act:
    ids = {"user_id": user.user_id, "job_id": job.job_id}

    def change(role: Role) -> None:
        changed = world.change_role(user, role)
        kind = SubscriptionUpgrade if changed.premium else SubscriptionDowngrade
        _tell(world, "restore", kind(user_id=user.user_id, tier_epoch=changed.tier_epoch))

    def lapse() -> None:
        world.clock.seconds += 90 + LEASE_SLACK_SECONDS

    acts: dict[str, Act] = {
        "archive": lambda: _tell(world, "archive", JobResult(**ids)),
        "thaw": lambda: _tell(world, "thaw", JobThaw(**ids)),
        "upgrade": lambda: change(Role.PREMIUM),
        "downgrade": lambda: change(Role.FREE),
        "delete": lambda: world.delete(job.job_id),
        "sweep": world.sweep,
        "lapse": lapse,
    }
    return acts[name]


def _tell(world: World, queue: str, event: Event) -> None:
    world.handlers[queue](Delivery(event, "id", 1, False, threading.Event(), threading.Event()))
