"""Every interleaving of a few processes over one job, at the granularity of their effects.

Each actor runs in a thread of its own and stops before and after each effect; one moves at a time. A schedule is the
list of who moved. Schedules are tried depth first, replayed from the start, and cut off where everything is as it was
once before: what is stored, what is on its way, where each actor stands and all that it has been answered so far, by
which alone it decides. One actor may also be killed at any place.
"""

import hashlib
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from gas import effects
from gas.job import to_item
from scripts.prove import inprocess
from scripts.prove.world import Broken, Killed, World

# What an actor does; it may raise anything but Broken.
Act = Callable[[], object]
# A scenario makes a world and says who acts in it, by name.
Scenario = Callable[[], tuple[World, dict[str, Act]]]

KILL = "kill "
MOVE_SECONDS = 60.0


@dataclass
class Actor:
    """One thread that waits for its turn at every effect."""

    name: str
    act: Act
    world: World
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    place: str = "start"
    steps: int = 0
    over: bool = False
    killed: bool = False
    # All that the stand-in has answered it, as one hash.
    heard: str = ""

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"actor-{self.name}", daemon=True).start()

    def _run(self) -> None:
        self.turn.acquire()
        with suppress(Exception, Killed):
            if not self.killed:
                self.act()
        self.over = True
        self.place = "over"
        self.stopped.release()

    def reach(self, place: str) -> None:
        """Called in the actor's own thread: stop here until it is its turn again."""
        self.place = place
        self.steps += 1
        self.stopped.release()
        self.turn.acquire()
        if self.killed:
            raise Killed

    def move(self, kill: bool = False) -> None:
        """Let it go on to its next place, or die where it is."""
        self.killed = kill
        self.turn.release()
        if not self.stopped.acquire(timeout=MOVE_SECONDS):
            raise Broken(f"{self.name} hangs after {self.place}")


@dataclass
class Report:
    """What an exploration went through: schedules played, different states seen, different ends brought to rest."""

    schedules: int = 0
    states: int = 0
    ends: int = 0


def explore(scenario: Scenario, kills: int = 0, most: int = 100_000) -> Report:
    """Try every schedule of the scenario. Raises Broken with the schedule by which a promise was broken."""
    report = Report()
    seen: set[str] = set()
    ends: set[str] = set()
    waiting: list[list[str]] = [[]]
    while waiting:
        if report.schedules >= most:
            raise Broken(f"more than {most} schedules")
        waiting.extend(_play(scenario, waiting.pop(), kills, seen, ends))
        report.schedules += 1
    return Report(report.schedules, len(seen), len(ends))


def _play(scenario: Scenario, prefix: list[str], kills: int, seen: set[str], ends: set[str]) -> list[list[str]]:
    """Replay the prefix, go on to the end, and return the schedules that branch off on the way.

    From an end on there is one way only, so what is at an end as it was at another is brought to rest once.
    """
    world, acts = scenario()
    actors = {name: Actor(name, act, world) for name, act in acts.items()}
    by_thread = {f"actor-{name}": actor for name, actor in actors.items()}

    def hook(label: str, phase: str) -> None:
        actor = by_thread.get(threading.current_thread().name)
        if actor is not None:
            actor.reach(f"{label} {phase}")

    def listener(answer: bytes) -> None:
        actor = by_thread.get(threading.current_thread().name)
        if actor is not None:
            told = f"{actor.heard} {_plain(world, answer.decode('latin-1'))}"
            actor.heard = hashlib.sha256(told.encode()).hexdigest()

    branches: list[list[str]] = []
    taken: list[str] = []
    effects.arm(hook)
    inprocess.listen(listener)
    try:
        for actor in actors.values():
            actor.start()
        while choices := _choices(actors, kills, taken):
            if len(taken) < len(prefix):
                choice = prefix[len(taken)]
            else:
                if (state := _state(world, actors)) in seen:
                    break
                seen.add(state)
                choice, *others = choices
                branches.extend([*taken, other] for other in others)
            taken.append(choice)
            actors[choice.removeprefix(KILL)].move(kill=choice.startswith(KILL))
            inprocess.pass_time()
            world.check_bytes()
        else:
            effects.arm(None)
            if (end := _state(world, {})) not in ends:
                ends.add(end)
                world.quiesce()
                world.check_rest()
    except Broken as broken:
        raise Broken(f"{broken}\nThe schedule: {taken}") from broken
    finally:
        effects.arm(None)
        inprocess.listen(None)
        for actor in actors.values():
            while not actor.over:
                actor.move(kill=True)
        world.forget()
    return branches


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
            sorted(f"{m.queue} {m.event.type} {m.receives}" for m in world.messages),
            world.deleted,
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
