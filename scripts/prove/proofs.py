"""The proofs by name, each in a process of its own: what it went through and what broke."""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random

from gas import effects, telemetry
from gas.annotation.sandbox import die_with_parent
from scripts.prove import chaos as chaotic
from scripts.prove import inprocess, matrix, scenarios
from scripts.prove import kills as killing
from scripts.prove import upgrade as upgrading
from scripts.prove.doors import Clock, Doors, deployment
from scripts.prove.explore import explore
from scripts.prove.world import Broken, World


@dataclass(frozen=True)
class Proof:
    """One line of the table, and a sentence for each promise that broke."""

    name: str
    of: str
    through: str
    broken: list[str]
    seconds: float


def kills(backend: str) -> Proof:
    """Real processes: every effect of every agent fails once in every way."""
    with _quiet() as (folder, seconds):
        report = killing.run(backend, folder)
        return Proof(
            "kills", backend, f"{report.cells} cells, {report.deaths} processes died", report.broken, seconds()
        )


def upgrade(results: int) -> Proof:
    """Real processes: a user with many archived results subscribes."""
    with _quiet() as (folder, seconds):
        broken: list[str] = []
        through = ""
        try:
            report = upgrading.run(folder, results)
            through = (
                f"{report.results} results back by {report.retrievals} retrievals, {report.most_a_second} a second"
            )
        except Broken as error:
            broken.append(str(error))
        return Proof("upgrade", "glacier-vault", through, broken, seconds())


def steps(backend: str) -> Proof:
    """In one process: every effect fails once in every way, and the bytes are looked for after each effect."""
    with _world(backend) as (doors, seconds):
        broken: list[str] = []
        cells = list(product(matrix.labels(backend), effects.MODES))
        for label, mode in cells:
            world = World(doors, Clock(time.time()), Random(1))
            try:
                if not matrix.live(world, label, mode):
                    broken.append(f"{label} {mode}: never reached")
            except Broken as error:
                broken.append(f"{label} {mode}: {error}")
            world.forget()
        return Proof("steps", backend, f"{len(cells)} cells", broken, seconds())


def interleavings(backend: str, thorough: bool) -> Proof:
    """In one process: every order in which actors can take their steps over one result."""
    with _world(backend) as (doors, seconds):
        schedules = states = ends = 0
        broken: list[str] = []
        meetings = scenarios.MEETINGS + (scenarios.LONG_MEETINGS if thorough else ())
        for setting, names, deaths in meetings:
            try:
                report = explore(scenarios.scenario(doors, Clock(time.time()), setting, names), deaths)
            except Broken as error:
                broken.append(f"{setting.__name__}, {names}, {deaths} deaths: {error}")
                continue
            schedules, states, ends = schedules + report.schedules, states + report.states, ends + report.ends
        through = f"{len(meetings)} meetings, {schedules:,} schedules, {states:,} states, {ends:,} ends"
        return Proof("interleavings", backend, through, broken, seconds())


def chaos(backend: str, seed: str, runs: int) -> Proof:
    """In one process: whole lives under random faults."""
    with _world(backend) as (doors, seconds):
        broken: list[str] = []
        tally = chaotic.Tally()
        clock = Clock(time.time())
        for name in (f"{backend} {seed} {number}" for number in range(runs)):
            try:
                chaotic.run(doors, clock, name, tally)
            except Broken as error:
                broken.append(f"--only {name!r}: {error}")
        through = f"{tally.runs} runs, {tally.jobs} jobs, {tally.faults} faults, {tally.duplicates} duplicates"
        return Proof("chaos", backend, through, broken, seconds())


@contextmanager
def _quiet() -> Iterator[tuple[Path, Callable[[], float]]]:
    """A folder, and a watch; the agents' own log lines go nowhere."""
    die_with_parent()
    telemetry.configure("prove", "CRITICAL", stream=io.StringIO())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gas-prove-") as folder:
        yield Path(folder), lambda: time.monotonic() - began


@contextmanager
def _world(backend: str) -> Iterator[tuple[Doors, Callable[[], float]]]:
    with _quiet() as (folder, seconds), inprocess.aws(EXPEDITED=0, RESTORE_EXPEDITED=0):
        yield deployment(folder, backend), seconds
