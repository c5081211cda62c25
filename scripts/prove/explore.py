"""Every interleaving of a few processes over one job, at the granularity of their effects.

Each actor is a greenlet that stops before and after each effect; one moves at a time. A schedule is the list of who
moved. Where several may move, each way is taken by a fork of this whole process, stand-in and actors included, so that
nothing is ever played again from the start. A way ends where everything is as it was once before: what is stored, what
is on its way, where each actor stands and all that it has been answered so far, by which alone it decides. One actor
may also be killed at any place.
"""

import hashlib
import json
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from unittest.mock import patch

from greenlet import getcurrent, greenlet

from agents import lease
from gas import effects
from gas.annotation.sandbox import die_with_parent
from gas.job import to_item
from scripts.prove import inprocess
from scripts.prove.world import Broken, Killed, World

# What an actor does; it may raise anything but Broken.
Act = Callable[[], object]
# A scenario makes a world and says who acts in it, by name.
Scenario = Callable[[], tuple[World, dict[str, Act]]]

KILL = "kill "


class Actor:
    """One process of the deployment, which waits for its turn at every effect."""

    def __init__(self, name: str, act: Act, world: World) -> None:
        self.name = name
        self._world = world
        self.place = "start"
        self.steps = 0
        # All that the stand-in has answered it, as one hash.
        self.heard = ""
        self._act = act
        self._killed = False
        self._moved_from: object = None
        self._greenlet = greenlet(self._run)

    @property
    def over(self) -> bool:
        return self.place == "over"

    def _run(self) -> None:
        with suppress(Exception, Killed):
            self._act()
        self.place = "over"

    def reach(self, place: str) -> None:
        """Called by the actor itself: stop here until it is its turn again.

        Where it has asked nothing and told nothing since its last stop, nobody else's move, nor its own death, could
        make a difference in between: it goes on.
        """
        if self._traces() == self._moved_from:
            return
        self.place = place
        self.steps += 1
        self._greenlet.parent.switch()
        if self._killed:
            raise Killed

    def move(self, kill: bool) -> None:
        """Let it go on to its next place, or die where it is."""
        self._killed = kill
        self._moved_from = self._traces()
        self._greenlet.switch()

    def _traces(self) -> object:
        return self.heard, len(self._world.messages), sum(self._world.mails.values())

    def here(self) -> bool:
        """Whether it is this actor whose turn it is."""
        return getcurrent() is self._greenlet


@dataclass
class Found:
    """What an exploration went through: schedules, different states, different ends that were brought to rest."""

    schedules: int = 0
    states: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Report:
    """The same as numbers."""

    schedules: int
    states: int
    ends: int


def explore(scenario: Scenario, kills: int = 0) -> Report:
    """Try every schedule of the scenario. Raises Broken with the schedule by which a promise was broken."""
    found = Found()

    def play() -> None:
        world, acts = scenario()
        actors = {name: Actor(name, act, world) for name, act in acts.items()}
        with _watched(world, actors):
            _go_on(world, actors, kills, [], found)

    _aside(found, play)
    return Report(found.schedules, len(found.states), len(found.ends))


def _go_on(world: World, actors: dict[str, Actor], kills: int, taken: list[str], found: Found) -> None:
    """Take every way from here: all but the last in a process of its own, one after the other."""

    def take(choice: str) -> None:
        taken.append(choice)
        with _told(taken):
            actors[choice.removeprefix(KILL)].move(kill=choice.startswith(KILL))
            inprocess.pass_time()
            world.check_bytes()

    def branch(choice: str) -> None:
        take(choice)
        _go_on(world, actors, kills, taken, found)

    while choices := _choices(actors, kills, taken):
        if (state := _state(world, actors)) in found.states:
            break
        found.states.add(state)
        *others, last = choices
        for other in others:
            _aside(found, lambda other=other: branch(other))  # type: ignore[misc]
        take(last)
    else:
        effects.arm(None)
        # From an end on there is one way only, so what is at an end as it was at another is brought to rest once.
        if (end := _state(world, {})) not in found.ends:
            found.ends.add(end)
            with _told(taken):
                world.quiesce()
                world.check_rest()
    found.schedules += 1


def _aside(found: Found, act: Callable[[], None]) -> None:
    """Do it in a process that is as this one is now, and learn what was found there. Raises Broken."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            os.close(receiving)
            answer = _answer(found, act)
            with os.fdopen(sending, "w", encoding="utf-8") as pipe:
                json.dump(answer, pipe)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    if not text:
        raise Broken("the process that explored has died; its own words are above")
    answer = json.loads(text)
    if answer["broken"]:
        raise Broken(answer["broken"])
    found.schedules += answer["schedules"]
    found.states.update(answer["states"])
    found.ends.update(answer["ends"])


def _answer(found: Found, act: Callable[[], None]) -> dict[str, object]:
    schedules, states, ends = found.schedules, set(found.states), set(found.ends)
    broken = ""
    try:
        act()
    except Broken as error:
        broken = str(error)
    return {
        "broken": broken,
        "schedules": found.schedules - schedules,
        "states": list(found.states - states),
        "ends": list(found.ends - ends),
    }


@contextmanager
def _watched(world: World, actors: dict[str, Actor]) -> Iterator[None]:
    """Inside, actors stop at their effects, and what they are answered is remembered."""

    def hook(label: str, phase: str) -> None:
        for actor in actors.values():
            if actor.here():
                actor.reach(f"{label} {phase}")

    def listener(answer: bytes) -> None:
        for actor in actors.values():
            if actor.here():
                told = f"{actor.heard} {_plain(world, answer.decode('latin-1'))}"
                actor.heard = hashlib.sha256(told.encode()).hexdigest()

    @contextmanager
    def kept(*_: object) -> Iterator[lease.Lease]:
        # Time stands while somebody moves, so a lease has nothing to be extended for; and a fork has no threads.
        yield lease.Lease()

    effects.arm(hook)
    inprocess.listen(listener)
    with patch.object(lease, "kept", kept):
        yield


@contextmanager
def _told(taken: list[str]) -> Iterator[None]:
    try:
        yield
    except Broken as broken:
        raise Broken(f"{broken}\nThe schedule: {taken}") from broken


def _choices(actors: dict[str, Actor], kills: int, taken: list[str]) -> list[str]:
    alive = [name for name, actor in actors.items() if not actor.over]
    died = sum(choice.startswith(KILL) for choice in taken)
    begun = [name for name in alive if actors[name].steps]
    return alive + ([KILL + name for name in begun] if died < kills else [])


def _state(world: World, actors: dict[str, Actor]) -> str:
    """What distinguishes two moments: where the actors are, what is stored, what is on its way."""
    jobs = [sorted(to_item(job).items()) for job in world.all_jobs()]
    text = repr(
        (
            [(actor.name, actor.place, actor.steps, actor.heard) for actor in actors.values()],
            jobs,
            world.all_users(),
            len(world.vault()),
            world.stored(),
            sorted(f"{m.queue} {m.event.type} {m.receives} {m.visible_at}" for m in world.messages),
            world.deleted,
            world.mails,
        )
    )
    return hashlib.sha256(_plain(world, text).encode()).hexdigest()


def _plain(world: World, text: str) -> str:
    """Without what is drawn anew each time: identifiers, the world's own names, and the time of day."""
    for number, archive_id in enumerate(world.vault()):
        text = text.replace(archive_id, f"archive-{number}")
    text = re.sub(r"[A-Za-z0-9_-]{90,}", "id", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid", text)
    text = re.sub(r"[0-9a-f]{32,64}", "digest", text)
    text = re.sub(r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "date", text)
    return re.sub(r"1[0-9]{9}", lambda found: f"now{int(found[0]) - int(world.clock()):+}", text)
