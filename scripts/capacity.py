"""What the annotators' scaling costs and how long users wait, by simulation: `python -m scripts.capacity`.

Prints the tables of docs/capacity.md, and with --docs writes them there with the plot. The defaults of
terraform/variables.tf are the policy that it recommends; a test holds the two together.
"""

import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import click

from scripts.fleet_model import HOUR, MINUTE, Fleet, Host, Outcome, Policy

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "capacity.md"
PLOT = ROOT / "docs" / "capacity.svg"

# Prices in US dollars, us-east-1, as of November 2026.
# https://aws.amazon.com/ec2/pricing/on-demand/ (c7g.xlarge, Linux)
ON_DEMAND_HOUR = 0.145
# https://aws.amazon.com/ec2/spot/pricing/ (it changes; about two fifths of the price on demand)
SPOT_HOUR = 0.4 * ON_DEMAND_HOUR
# https://aws.amazon.com/ebs/pricing/ (gp3), for the default of annotator_volume_gb
VOLUME_HOUR = 100 * 0.08 / 730

# A human genome against GRCh38 has between four and five million variants.
# https://www.nature.com/articles/nature15393
GENOME_RECORDS = 4_500_000
# Below what `scripts/bench/engine.py --kind genome` measures of one core with receipt and summary.
RECORDS_A_SECOND = 60_000
# From and to S3, the child's start, the claim and the commit.
AROUND_SECONDS = 20
# Files differ: the sigma of the logarithm of their size.
SIZE_SIGMA = 0.3

TARGETS = (1, 2, 4, 8, 16, 32, 64)
SEEDS = (1, 2, 3)
# The bad days of a popular type: the Spot Instance Advisor's worst band is "above 20 %" a month.
# https://aws.amazon.com/ec2/spot/instance-advisor/
INTERRUPTIONS = {"none": 0.0, "1 % an hour": 0.01, "10 % an hour": 0.1}
# A bundle of some megabytes, the human one from S3, and what a large one may take.
BOOTS = (60, 180, 600)


USUAL_HOST = Host()


@dataclass(frozen=True)
class Scenario:
    """When jobs come: `rate` in jobs an hour at each second, for `hours`; and at once `batch` of them at `batch_at`."""

    name: str
    # What users are promised: 19 of 20 results are there so many seconds after their file was sent.
    promised: float
    hours: int
    rate: Callable[[float], float]
    batch: int = 0
    batch_at: float = HOUR

    def arrivals(self, seed: int) -> list[tuple[float, float]]:
        """(time, seconds of work), by time: a Poisson process, thinned to the rate."""
        rng = random.Random(seed)
        highest = max(self.rate(minute * MINUTE) for minute in range(self.hours * 60))
        found = [self.batch_at] * self.batch
        at = rng.expovariate(highest / HOUR)
        while at < self.hours * HOUR:
            if rng.random() * highest < self.rate(at):
                found.append(at)
            at += rng.expovariate(highest / HOUR)
        return [(time, _seconds(rng)) for time in sorted(found)]


def _seconds(rng: random.Random) -> float:
    # The mean of the factor is 1.
    factor = rng.lognormvariate(-(SIZE_SIGMA**2) / 2, SIZE_SIGMA)
    return factor * GENOME_RECORDS / RECORDS_A_SECOND + AROUND_SECONDS


def _day(seconds: float) -> float:
    """From ten an hour at three in the morning to 400 at three in the afternoon."""
    return 205 - 195 * math.cos((seconds / HOUR - 3) / 24 * 2 * math.pi)


SCENARIOS = (
    Scenario("quiet: one an hour", 10 * MINUTE, 72, lambda _: 1),
    Scenario("steady: 60 an hour", 10 * MINUTE, 24, lambda _: 60),
    Scenario("diurnal: 10 to 400 an hour", 10 * MINUTE, 24, _day),
    # As fast as annotator_max allows.
    Scenario("burst: 500 at once", 30 * MINUTE, 12, lambda _: 2, batch=500),
)


@dataclass(frozen=True)
class Row:
    """Means over the seeds. Times in seconds, `cost` in dollars for 1,000 genomes."""

    scenario: Scenario
    policy: Policy
    p50: float
    p95: float
    p99: float
    instance_hours: float
    most: float
    repeated: float
    cost: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the least value that `share` of all do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def dollars(outcome: Outcome) -> float:
    """What the hosts of a run cost, with their volumes."""
    compute = outcome.spot_hours * SPOT_HOUR + outcome.on_demand_hours * ON_DEMAND_HOUR
    return compute + (outcome.spot_hours + outcome.on_demand_hours) * VOLUME_HOUR


def measure(scenario: Scenario, policy: Policy, host: Host = USUAL_HOST, seeds: Iterable[int] = SEEDS) -> Row:
    """Run one scenario under one policy, once for each seed."""
    outcomes = [Fleet(policy, host, scenario.arrivals(seed), scenario.hours * HOUR, seed).run() for seed in seeds]
    times = [outcome.times_to_result for outcome in outcomes]
    return Row(
        scenario,
        policy,
        *(fmean(percentile(each, share) for each in times) for share in (0.5, 0.95, 0.99)),
        fmean(outcome.spot_hours + outcome.on_demand_hours for outcome in outcomes),
        fmean(outcome.most_instances for outcome in outcomes),
        fmean(outcome.repeated for outcome in outcomes),
        fmean(dollars(outcome) / len(outcome.jobs) * 1000 for outcome in outcomes),
    )


def recommend(rows: Sequence[Row]) -> Policy:
    """The cheapest policy that keeps every scenario's promise, all scenarios counting the same.

    Raises ValueError where none does.
    """
    cheapest = {row.scenario: min(other.cost for other in rows if other.scenario == row.scenario) for row in rows}
    excess: dict[Policy, float] = {}
    for policy in {row.policy: None for row in rows}:
        own = [row for row in rows if row.policy == policy]
        if all(row.p95 <= row.scenario.promised for row in own):
            excess[policy] = sum(row.cost / cheapest[row.scenario] for row in own)
    if not excess:
        raise ValueError("no policy keeps what is promised in every scenario")
    return min(excess, key=lambda policy: excess[policy])


def candidates() -> Iterator[Policy]:
    """The policies that are compared: the backlog target, and whether one host always runs."""
    for minimum in (0, 1):
        for target in TARGETS:
            yield Policy(backlog_per_instance=target, min=minimum)


def table(head: str, rows: Mapping[str, Row]) -> str:
    """Rows by their label, as Markdown."""
    lines = [
        f"| {head} | half within | 19 of 20 | 99 of 100 | host hours | most hosts | begun anew | $ for 1,000 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for label, row in rows.items():
        times = " | ".join(f"{value / MINUTE:.1f} min" for value in (row.p50, row.p95, row.p99))
        hosts = f"{row.instance_hours:.1f} | {row.most:.1f} | {row.repeated:.1f}"
        lines.append(f"| {label} | {times} | {hosts} | {row.cost:.2f} |")
    return "\n".join(lines)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Time to result and cost over the backlog target, a line for each scenario."""
    # Only here: the rest of this module is read by tests.
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams.update({"svg.hashsalt": "gas", "svg.fonttype": "none"})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for scenario in SCENARIOS:
        line = [row for row in rows if row.scenario == scenario and row.policy.min == 0]
        targets = [row.policy.backlog_per_instance for row in line]
        left.plot(targets, [row.p95 / MINUTE for row in line], marker="o", label=scenario.name)
        right.plot(targets, [row.cost for row in line], marker="o", label=scenario.name)
    for promised in {scenario.promised for scenario in SCENARIOS}:
        left.axhline(promised / MINUTE, color="grey", linestyle="--", linewidth=1)
    left.set(title="19 of 20 results within", ylabel="minutes")
    right.set(title="Annotators for 1,000 genomes", ylabel="US dollars", yscale="log")
    for axes in (left, right):
        axes.set(xlabel="annotator_backlog_per_instance", xscale="log")
        axes.set_xticks(TARGETS, [str(target) for target in TARGETS], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    left.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def sections(rows: Sequence[Row], chosen: Policy) -> dict[str, str]:
    """The tables of the page, by the name of their place in it."""
    quiet, _, diurnal, _ = SCENARIOS
    spot = {
        f"{name}, {base} on demand": measure(
            diurnal, replace(chosen, on_demand_base=base), Host(interruptions_an_hour=rate)
        )
        for name, rate in INTERRUPTIONS.items()
        for base in (0, 1)
    }
    boot = {
        f"{scenario.name}, {seconds} s": measure(scenario, chosen, Host(boot_seconds=seconds))
        for scenario in (quiet, diurnal)
        for seconds in BOOTS
    }
    return {
        "defaults": table("scenario", {row.scenario.name: row for row in rows if row.policy == chosen}),
        "warm": table("scenario", {row.scenario.name: row for row in rows if row.policy == replace(chosen, min=1)}),
        "targets": "\n\n".join(_targets(scenario, rows) for scenario in SCENARIOS[1:]),
        "spot": table("interruptions of a host", spot),
        "boot": table("from launch to service", boot),
    }


def _targets(scenario: Scenario, rows: Sequence[Row]) -> str:
    swept = [row for row in rows if row.scenario == scenario and row.policy.min == 0]
    return f"**{scenario.name}**\n\n" + table("target", {f"{row.policy.backlog_per_instance:g}": row for row in swept})


def fill(page: str, found: dict[str, str]) -> str:
    """The page with each table in its place, between `<!-- NAME -->` and `<!-- /NAME -->`."""
    for name, text in found.items():
        place = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page, count = place.subn(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)
        if count != 1:
            raise ValueError(f"the page has {count} places for {name!r}")
    return page


@click.command()
@click.option("--docs", is_flag=True, help="Write the tables and the plot into docs/.")
def main(docs: bool) -> None:
    """Compare policies over all scenarios, and recommend one."""
    rows = [measure(scenario, policy) for policy in candidates() for scenario in SCENARIOS]
    chosen = recommend(rows)
    found = sections(rows, chosen)
    for name, text in found.items():
        print(f"{name}\n\n{text}\n")
    print(f"Recommended: {chosen}")
    if docs:
        PAGE.write_text(fill(PAGE.read_text("utf-8"), found), "utf-8")
        plot(rows, PLOT)


if __name__ == "__main__":
    main()
