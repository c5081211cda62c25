"""Hosts drained at random moments, jobs intact: `python -m scripts.drains --rounds 100 --seed 1`.

The exit status is 1 when a promise broke.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click

from scripts.prove.drains import NOTICE_SECONDS, Broken, run


@click.command()
@click.option("--rounds", default=100, show_default=True, help="How many hosts have to go.")
@click.option("--hosts", default=3, show_default=True, help="How many there are at a time.")
@click.option("--seed", default=None, help="Draws the same moments again; drawn and printed where it is not given.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder to keep the logs in.")
def main(rounds: int, hosts: int, seed: str | None, keep: Path | None) -> None:
    """Print rounds, how long the drains took, jobs and losses."""
    seed = seed or os.urandom(4).hex()
    click.echo(f"seed {seed}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            tally = run(keep or Path(folder) / "stack", rounds, seed, hosts)
        except Broken as error:
            click.echo(f"broken: {error}")
            sys.exit(1)
    took = sorted(tally.seconds)
    rows = {
        "rounds": f"{len(took)} ({', '.join(f'{count} {kind}' for kind, count in tally.rounds.items())})",
        "met in mid-job": tally.in_mid_job,
        "drain": f"median {statistics.median(took):.1f} s, longest {took[-1]:.1f} s, of {NOTICE_SECONDS:.0f} s",
        "jobs": tally.jobs,
        "given back": tally.given_back,
        "failed": tally.failed,
        "faults": tally.faults,
        "took": f"{time.monotonic() - began:.0f} s",
    }
    for name, value in rows.items():
        click.echo(f"{name:16}{value}")


if __name__ == "__main__":
    main()
