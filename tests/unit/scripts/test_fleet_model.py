"""The scaling's arithmetic, and what the model of the fleet makes of it."""

import pytest

from scripts.fleet_model import (
    HOUR,
    IDLE_SECONDS,
    MINUTE,
    MINUTES_TO_SCALE_IN,
    MINUTES_TO_SCALE_OUT,
    Fleet,
    Host,
    Outcome,
    Policy,
    Sample,
    capacity_wanted,
)

POLICY = Policy(backlog_per_instance=10, min=0, max=8)
SURE = Host(slots=2, boot_seconds=100)


def minutes(count: int, backlog: int, in_service: int) -> list[Sample]:
    return [Sample(backlog, in_service)] * count


@pytest.mark.parametrize(
    ("desired", "samples", "wanted"),
    [
        # Nothing is known, nothing is done.
        (3, [], 3),
        # A group at nought wakes at the first waiting job, with one host however many wait, and waits for it.
        (0, minutes(1, 1, 0), 1),
        (0, minutes(1, 500, 0), 1),
        (1, minutes(5, 500, 0), 1),
        (0, minutes(5, 0, 0), 0),
        # Out: above the target for three minutes, to where the backlog meets it, and not beyond the most.
        (2, minutes(MINUTES_TO_SCALE_OUT, 45, 2), 5),
        (2, minutes(MINUTES_TO_SCALE_OUT - 1, 45, 2), 2),
        (2, [Sample(45, 2), Sample(20, 2), Sample(45, 2)], 2),
        (2, minutes(MINUTES_TO_SCALE_OUT, 20, 2), 2),
        (2, minutes(MINUTES_TO_SCALE_OUT, 900, 2), 8),
        # What is launched already counts.
        (6, minutes(MINUTES_TO_SCALE_OUT, 45, 2), 6),
        # In: below nine tenths of it for fifteen minutes, to where the backlog meets it, and not below the least.
        (4, minutes(MINUTES_TO_SCALE_IN, 11, 4), 2),
        (4, minutes(MINUTES_TO_SCALE_IN - 1, 11, 4), 4),
        (4, minutes(MINUTES_TO_SCALE_IN, 36, 4), 4),
        (4, minutes(MINUTES_TO_SCALE_IN, 0, 4), 0),
    ],
)
def test_the_capacity_that_is_wanted(desired: int, samples: list[Sample], wanted: int) -> None:
    assert capacity_wanted(POLICY, desired, 0, samples) == wanted


def test_nothing_is_taken_away_while_a_host_warms_up() -> None:
    idle = minutes(MINUTES_TO_SCALE_IN, 0, 4)
    assert capacity_wanted(POLICY, 4, 1, idle) == 4
    # Nor below the least.
    assert capacity_wanted(Policy(min=2), 4, 0, idle) == 2


def run(arrivals: list[tuple[float, float]], policy: Policy = POLICY, host: Host = SURE, hours: float = 2) -> Outcome:
    return Fleet(policy, host, arrivals, hours * HOUR, seed=1).run()


def test_the_first_job_waits_for_its_host_and_the_host_goes_when_idle() -> None:
    done = run([(30, 50)])
    (waited,) = done.times_to_result
    # Seen within a minute, booted in 80 to 120 seconds, done in 50.
    assert 80 + 50 <= waited <= MINUTE + 120 + 50
    assert done.most_instances == 1
    # Fifteen minutes of nothing, and the host is gone.
    assert MINUTES_TO_SCALE_IN * MINUTE <= done.spot_hours * HOUR <= (MINUTES_TO_SCALE_IN + 6) * MINUTE


def test_one_that_always_runs_is_there_at_once_and_always_paid_for() -> None:
    done = run([(600, 50)], Policy(min=1, on_demand_base=1))
    assert done.times_to_result == [50]
    assert (done.spot_hours, done.on_demand_hours) == (0, 2)


def test_a_host_takes_as_many_jobs_as_it_has_slots() -> None:
    done = run([(600, 100)] * 5, Policy(min=1))
    assert done.times_to_result == [100, 100, 200, 200, 300]


def test_a_burst_brings_the_most_hosts_and_no_more() -> None:
    done = run([(0, 300)] * 500, hours=6)
    assert done.most_instances == POLICY.max
    assert len(done.times_to_result) == 500
    # Eight hosts with two slots each, and what they wait for the first one.
    assert done.times_to_result[-1] >= 500 * 300 / 16


def test_a_host_that_works_is_never_taken_by_scale_in() -> None:
    """One job outlasts by far the fifteen minutes after which the group wants nothing."""
    done = run([(0, HOUR)])
    assert done.repeated == 0
    assert done.times_to_result[0] <= HOUR + MINUTE + 120
    ended = done.times_to_result[0] + IDLE_SECONDS
    assert done.spot_hours * HOUR <= ended + MINUTE


def test_a_job_whose_host_spot_takes_is_begun_anew_by_another() -> None:
    often = Host(slots=1, boot_seconds=60, interruptions_an_hour=6)
    done = run([(0, 600)] * 4, Policy(min=2, max=4), often, hours=12)
    assert done.repeated > 0
    assert all(seconds >= 600 for seconds in done.times_to_result)
    # On demand, nothing of the kind.
    calm = run([(0, 600)] * 4, Policy(min=2, max=4, on_demand_base=4), often, hours=12)
    assert (calm.repeated, calm.spot_hours) == (0, 0)


def test_the_same_seed_gives_the_same_run() -> None:
    arrivals = [(float(at), 60.0) for at in range(0, 3000, 10)]
    assert run(arrivals).times_to_result == run(arrivals).times_to_result
