"""The defaults of Terraform are what the simulation recommends, and docs/capacity.md says what it says."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts import capacity
from scripts.capacity import PAGE, PLOT, ROOT, SCENARIOS, Row, Scenario
from scripts.fleet_model import HOUR, MINUTE, Fleet, Outcome, Policy

VARIABLES = ROOT / "terraform" / "variables.tf"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """All policies over all scenarios, each once."""
    return [
        capacity.measure(scenario, policy, seeds=(1,)) for policy in capacity.candidates() for scenario in SCENARIOS
    ]


def default(name: str) -> float:
    """The default of a variable of Terraform."""
    found = re.search(rf'variable "annotator_{name}" {{\n.*\n\s+default\s+= (\d+)\n', VARIABLES.read_text("utf-8"))
    assert found, name
    return float(found[1])


def test_terraforms_defaults_are_what_is_recommended(rows: list[Row]) -> None:
    best = capacity.recommend(rows)
    assert vars(best) == {name: default(name) for name in vars(best)}
    # And what the model takes for granted elsewhere.
    assert best == Policy()


def test_the_page_has_the_figures_of_today(rows: list[Row]) -> None:
    page = PAGE.read_text("utf-8")
    found = {scenario.name: capacity.measure(scenario, Policy()) for scenario in SCENARIOS}
    assert capacity.table("scenario", found) in page
    assert PLOT.read_text("utf-8").count("<svg") == 1
    assert f"({PLOT.name})" in page


def test_a_scenario_has_as_many_jobs_as_it_says() -> None:
    quiet, steady, diurnal, burst = (len(scenario.arrivals(1)) for scenario in SCENARIOS)
    assert 72 - 3 * math.sqrt(72) < quiet < 72 + 3 * math.sqrt(72)
    assert 1440 - 3 * math.sqrt(1440) < steady < 1440 + 3 * math.sqrt(1440)
    assert 4920 - 3 * math.sqrt(4920) < diurnal < 4920 + 3 * math.sqrt(4920)
    assert 500 <= burst < 550
    times = [at for at, _ in SCENARIOS[3].arrivals(1)]
    assert times == sorted(times)


def test_a_job_takes_as_long_as_a_genome() -> None:
    seconds = [work for _, work in SCENARIOS[2].arrivals(1)]
    mean = capacity.GENOME_RECORDS / capacity.RECORDS_A_SECOND + capacity.AROUND_SECONDS
    assert sum(seconds) / len(seconds) == pytest.approx(mean, rel=0.02)


def test_what_is_recommended_keeps_every_promise_at_the_least_cost() -> None:
    one, other = Scenario("a", 10, 1, lambda _: 1), Scenario("b", 20, 1, lambda _: 1)
    cheap, dear = Policy(backlog_per_instance=64), Policy(backlog_per_instance=1)

    def row(scenario: Scenario, policy: Policy, p95: float, cost: float) -> Row:
        return Row(scenario, policy, 1, p95, p95, 1, 1, 0, cost)

    slow_once = [row(one, cheap, 9, 1), row(other, cheap, 21, 1), row(one, dear, 10, 5), row(other, dear, 20, 5)]
    assert capacity.recommend(slow_once) == dear
    in_time = [*slow_once[:1], row(other, cheap, 20, 1), *slow_once[2:]]
    assert capacity.recommend(in_time) == cheap
    with pytest.raises(ValueError, match="no policy keeps"):
        capacity.recommend(slow_once[:2])


def test_hosts_are_paid_by_kind_and_with_their_disks() -> None:
    outcome = Outcome([], spot_hours=10, on_demand_hours=1, most_instances=2, repeated=0, timeline=[])
    expected = 10 * capacity.SPOT_HOUR + capacity.ON_DEMAND_HOUR + 11 * capacity.VOLUME_HOUR
    assert capacity.dollars(outcome) == pytest.approx(expected)


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert [capacity.percentile([1, 2, 3, 4], share) for share in (0, 0.25, 0.5, 0.95, 1)] == [1, 1, 2, 4, 4]


def test_a_bigger_fleet_is_no_slower_and_a_smaller_one_no_dearer(rows: list[Row]) -> None:
    """What the page's plot shows: the waits grow with the target, the cost falls."""
    diurnal = [row for row in rows if row.scenario == SCENARIOS[2] and row.policy.min == 0]
    assert [row.p95 for row in diurnal] == sorted(row.p95 for row in diurnal)
    assert [row.cost for row in diurnal] == sorted((row.cost for row in diurnal), reverse=True)


def test_the_page_is_filled_in_its_places_only(tmp_path: Path) -> None:
    page = "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n"
    assert capacity.fill(page, {"a": r"new \1"}) == "before\n<!-- a -->\nnew \\1\n<!-- /a -->\nafter\n"
    with pytest.raises(ValueError, match="0 places for 'b'"):
        capacity.fill(page, {"b": "new"})


def test_the_program_prints_and_writes_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tuple(
        replace(scenario, hours=6, batch=min(scenario.batch, 50), batch_at=60.0, promised=6 * HOUR)
        for scenario in SCENARIOS
    )
    page, plot = tmp_path / "capacity.md", tmp_path / "capacity.svg"
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    for name, value in {"SCENARIOS": short, "TARGETS": (8, 16), "SEEDS": (1,), "PAGE": page, "PLOT": plot}.items():
        monkeypatch.setattr(capacity, name, value)
    ended = CliRunner().invoke(capacity.main, ["--docs"], catch_exceptions=False)
    assert "Recommended: Policy(" in ended.output
    assert page.read_text("utf-8") != PAGE.read_text("utf-8")
    assert "<svg" in plot.read_text("utf-8")


def test_nobody_waits_for_a_fleet_that_never_comes() -> None:
    """Whatever the policy, every job has its result in the end."""
    for policy in (Policy(), Policy(min=1), Policy(backlog_per_instance=64, max=1)):
        outcome = Fleet(policy, capacity.USUAL_HOST, SCENARIOS[3].arrivals(1)[:60], 2 * HOUR).run()
        assert max(outcome.times_to_result) < 3 * HOUR + MINUTE
