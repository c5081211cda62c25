"""Every proof that nothing is lost, and a table of what each went through: `python -m scripts.prove`.

The exit status is 1 when a promise broke; each is printed with what makes it happen again.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import click

from scripts.prove import proofs
from scripts.prove.proofs import Proof

BACKENDS = ("glacier-vault", "s3-glacier")


@click.command()
@click.option("--runs", default=60, show_default=True, help="Chaos runs, half of them with either backend.")
@click.option("--results", default=100, show_default=True, help="Archived results of the user who subscribes.")
@click.option("--seed", default=None, help="Makes the same chaos again; drawn and printed where it is not given.")
@click.option("--thorough", is_flag=True, help="Also meetings of three, and with a death, which take long.")
@click.option("--only", default="", help="The proofs whose names begin so.")
def main(runs: int, results: int, seed: str | None, thorough: bool, only: str) -> None:
    """Run the proofs side by side and print a line for each."""
    seed = seed or os.urandom(4).hex()
    click.echo(f"seed {seed}")
    began = time.monotonic()
    tasks: list[tuple[Callable[..., Proof], tuple[object, ...]]] = [
        *((proofs.kills, (backend,)) for backend in BACKENDS),
        (proofs.upgrade, (results,)),
        *((proofs.steps, (backend,)) for backend in BACKENDS),
        *((proofs.interleavings, (backend, thorough)) for backend in BACKENDS),
        *((proofs.chaos, (backend, seed, runs // 2)) for backend in BACKENDS),
    ]
    chosen = [(prove, arguments) for prove, arguments in tasks if prove.__name__.startswith(only)]
    # The kills wait most of their time, for leases to lapse: one more than there are processors has something to do.
    with ProcessPoolExecutor((os.cpu_count() or 1) + 1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        begun = {pool.submit(prove, *arguments): (prove, arguments) for prove, arguments in chosen}
        done = [_outcome(future, prove.__name__, arguments) for future, (prove, arguments) in begun.items()]
    click.echo(f"{'proof':14}  {'of':14} {'went through':76} {'broken':>6} {'seconds':>7}")
    for proof in done:
        click.echo(f"{proof.name:14}  {proof.of:14} {proof.through:76} {len(proof.broken):6} {proof.seconds:7.0f}")
    for proof in done:
        for sentence in proof.broken:
            click.echo(f"\n{proof.name}, {proof.of}: {sentence}")
    click.echo(f"{time.monotonic() - began:.0f} seconds in all")
    sys.exit(1 if any(proof.broken for proof in done) else 0)


def _outcome(future: "Future[Proof]", name: str, arguments: tuple[object, ...]) -> Proof:
    try:
        return future.result()
    except BrokenProcessPool as error:
        return Proof(name, str(arguments[0]), "the process died", [str(error)], 0)


if __name__ == "__main__":
    main()
