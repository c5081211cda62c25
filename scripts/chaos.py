"""Whole job lives under seeded chaos: `python -m scripts.chaos --runs 1000 --seed 1`.

The exit status is 1 when a promise broke.
"""

import io
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from pathlib import Path

import click

from gas import telemetry
from scripts.prove import inprocess
from scripts.prove.chaos import Tally, run
from scripts.prove.doors import Clock, deployment
from scripts.prove.world import Broken

BACKENDS = ("glacier-vault", "s3-glacier")
RUNS_A_PROCESS = 50


@click.command()
@click.option("--runs", default=100, show_default=True, help="How many runs, half of them with either backend.")
@click.option("--seed", default=None, help="Makes the same runs again; drawn and printed where it is not given.")
@click.option("--only", default=None, help="One run, by the name that a broken promise was reported with.")
def main(runs: int, seed: str | None, only: str | None) -> None:
    """Print runs, faults, jobs and losses."""
    seed = seed or os.urandom(4).hex()
    names = [only] if only else [f"{BACKENDS[n % 2]} {seed} {n}" for n in range(runs)]
    began = time.monotonic()
    batches = [names[n : n + RUNS_A_PROCESS] for n in range(0, len(names), RUNS_A_PROCESS)]
    done = []
    with ProcessPoolExecutor(max_tasks_per_child=1) as pool:
        for tally, sentences in pool.map(_batch, batches):
            done.append((tally, sentences))
            click.echo(f"{sum(t.runs for t, _ in done)} runs, {sum(len(s) for _, s in done)} broken", err=True)
    tally = Tally(*(sum(values) for values in zip(*(astuple(tally) for tally, _ in done), strict=True)))
    broken = [sentence for _, sentences in done for sentence in sentences]
    click.echo(f"seed {seed}, {time.monotonic() - began:.0f} s")
    for name, value in vars(tally).items():
        click.echo(f"{name.replace('_', ' '):14}{value:8}")
    click.echo(f"{'broken':14}{len(broken):8}")
    for sentence in broken:
        click.echo(sentence)
    sys.exit(1 if broken else 0)


def _batch(names: list[str]) -> tuple[Tally, list[str]]:
    telemetry.configure("chaos", "CRITICAL", stream=io.StringIO())
    tally, broken = Tally(), []
    with inprocess.aws(EXPEDITED=0, RESTORE_EXPEDITED=0), tempfile.TemporaryDirectory() as folder:
        doors = {backend: deployment(Path(folder), backend) for backend in BACKENDS}
        clock = Clock(time.time())
        for name in names:
            try:
                run(doors[name.split(" ", 1)[0]], clock, name, tally)
            except Broken as error:
                broken.append(f"{name}: {error}")
    return tally, broken


if __name__ == "__main__":
    main()
