"""A gauge whose share of the section's live load grows is told; more traffic and seasons are not."""

import numpy as np
import pytest

from rules.bridge.stiffness import DAY_BLOCKS, Stiffness

BLOCKS = 150
SHARES = np.array([1.0, 0.7, 0.5, 0.9])


def judged(seed: int, days: int, softer: dict[int, float], from_day: int = 25) -> tuple[Stiffness, list[int]]:
    """Days of vehicles over four gauges; `softer`: gauge → factor. Returns days on which any is found."""
    rng = np.random.default_rng(seed)
    test = Stiffness(np.zeros(4, np.int32), np.ones(4, bool), np.full(4, 0.06))
    factor = np.array([softer.get(g, 1.0) for g in range(4)])
    found = []
    for day in range(days):
        traffic = rng.lognormal(0, 0.3)
        for block in range(BLOCKS):
            weight = traffic * rng.lognormal(3.0, 0.5) if rng.random() < 0.6 else 0.0
            lane = np.exp(rng.normal(0, 0.15) * np.array([1, 0.3, -0.3, -1]))
            live = 3.0 + weight * SHARES * lane * (factor if day >= from_day else 1.0)
            test.add(day * DAY_BLOCKS + block, np.arange(4), live + rng.normal(0, 0.2, 4))
        if test.found.any():
            found.append(day)
    return test, found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_gauge_that_sees_11_percent_more_is_found_within_three_weeks(seed: int) -> None:
    test, found = judged(seed, 48, {2: 1 / 0.9})
    assert found
    assert 25 <= found[0] <= 25 + 21
    assert test.found.tolist() == [False, False, True, False]
    assert test.change[2] == pytest.approx(np.log(1 / 0.9), abs=0.04)


@pytest.mark.parametrize("softer", range(4))
def test_only_the_gauge_that_changed_is_named(softer: int) -> None:
    test, _ = judged(6, 48, {softer: 1 / 0.9})
    assert np.flatnonzero(test.found).tolist() == [softer]


@pytest.mark.parametrize("seed", [3, 4])
def test_traffic_of_any_weight_is_no_change_of_stiffness(seed: int) -> None:
    assert judged(seed, 60, {})[1] == []


def test_after_forgetting_it_learns_anew() -> None:
    test, _ = judged(5, 48, {1: 1.2})
    assert test.found[1]
    test.forget(np.arange(4))
    assert not test.found.any()
    assert not test.days.any()
