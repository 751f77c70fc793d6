"""A settlement of minutes is found in minutes; a standing load and a warm afternoon are not called one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.alarm import Hazard, Severity
from rules.bridge.background import MINUTE
from rules.bridge.hours import medians
from rules.bridge.onset import standing
from rules.bridge.ring import bridged
from rules.bridge.staircase import STEPS, staircase
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import SECOND_US, START_US, DayRecord, Event, day_registry

VALUES = st.floats(-500, 500) | st.just(float("nan"))


def record(*events: Event, hours: float = 2.5) -> DayRecord:
    return DayRecord(hours=hours, vehicles_an_hour=90, sun_ue=40, events=events)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_settlement_of_30_ue_in_10_minutes_is_found_within_5_minutes_of_its_end(seed: int) -> None:
    event = Event(4800, 600, {0: 30.0, 1: -22.0, 2: 6.0})
    drift = of(run(bridge_engine(day_registry()), record(event).frame(seed)), Hazard.DRIFT)
    assert drift
    in_time = [c for c in drift if 4800 < (c.event_at - START_US) / SECOND_US <= 4800 + 600 + 300]
    assert in_time[:1] == drift[:1]
    assert in_time[0].provisional
    confirmed = in_time[-1]
    assert confirmed.reason.key == "rules_bridge.drift.settlement"
    assert confirmed.severity >= Severity.ORANGE
    assert confirmed.evidence["neighbours"]


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("minutes", [3, 9])
def test_a_standing_load_of_minutes_is_never_drift(seed: int, minutes: int) -> None:
    event = Event(5000, 25, {0: 70.0, 1: 45.0, 2: -20.0, 3: 30.0}, stay_s=minutes * 60)
    assert of(run(bridge_engine(day_registry()), record(event).frame(seed)), Hazard.DRIFT) == []


@pytest.mark.parametrize("seed", [5, 6])
def test_a_warm_afternoon_is_not_drift(seed: int) -> None:
    warm = DayRecord(hours=4, swing_c=15, beta_most=12, sun_ue=60)
    assert run(bridge_engine(day_registry()), warm.frame(seed)) == []


def test_one_gauge_that_moves_alone_is_unconfirmed() -> None:
    drift = of(run(bridge_engine(day_registry()), record(Event(4800, 600, {2: 40.0})).frame(8)), Hazard.DRIFT)
    assert [change.reason.key for change in drift[:1]] == ["rules_bridge.drift.settlement_single"]
    assert [change.severity for change in drift[:1]] == [Severity.YELLOW]


def noisy(values: np.ndarray) -> np.ndarray:
    return values + np.random.default_rng(1).normal(0, 0.5, len(values))


def test_an_abrupt_shift_waits_longer_than_a_standing_load_may_last() -> None:
    residual = noisy(np.zeros(45))
    residual[-10 * MINUTE :] += 30.0
    assert standing(residual, 16, 11 * MINUTE, 5 * MINUTE) is None
    residual[-12 * MINUTE :] = noisy(np.full(12 * MINUTE, 30.0))
    assert standing(residual, 16, 11 * MINUTE, 5 * MINUTE) is not None


def test_a_smooth_rise_needs_no_such_wait() -> None:
    residual = noisy(np.clip((np.arange(45) - (45 - 8 * MINUTE)) / (6.0 * MINUTE), 0, 1) * 30)
    assert standing(residual, 16, 11 * MINUTE, 5 * MINUTE) is not None


def test_vehicles_that_stop_one_after_the_other_wait_from_the_last_one_on() -> None:
    arrivals = np.array([10, 13, 17, 21])
    residual = noisy(9.0 * (np.arange(52)[:, None] >= arrivals).sum(axis=1))
    assert standing(residual, 16, 11 * MINUTE, 5 * MINUTE) is None
    longer = noisy(9.0 * (np.arange(58)[:, None] >= arrivals).sum(axis=1))
    assert standing(longer, 16, 11 * MINUTE, 5 * MINUTE) is not None


def test_what_has_gone_again_does_not_stand() -> None:
    residual = noisy(np.zeros(50))
    residual[8:-4] += 40.0
    assert standing(residual, 16, 11 * MINUTE, 5 * MINUTE) is None


@given(st.lists(st.floats(-20, 20), min_size=12, max_size=16))
@settings(max_examples=15, deadline=None)
def test_staircases_leave_what_the_obvious_search_leaves(values: list[float]) -> None:
    y = np.array(values)

    def left(first: int, steps: int) -> float:
        def level(part: np.ndarray) -> float:
            return float(((part - part.mean()) ** 2).sum()) if len(part) else np.inf

        if steps == 0:
            return level(y[first:])
        return min(
            (level(y[first:i]) + left(i + 1, steps - 1) for i in range(first + 1, len(y))), default=np.inf
        )

    found = staircase(y, 1.0).squares
    assert len(found) == STEPS
    for steps in (1, 2):
        np.testing.assert_allclose(found[steps - 1], left(0, steps), atol=1e-6)


def test_gaps_are_bridged_by_straight_lines() -> None:
    values = np.array([[np.nan, 1.0, np.nan, 3.0], [np.nan] * 4])
    np.testing.assert_array_equal(bridged(values), [[1.0, 1.0, 2.0, 3.0], [0.0] * 4])


@given(st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_row_medians_are_those_of_numpy(rows: list[list[float]]) -> None:
    values = np.array(rows)
    found, n = medians(values)
    for i, row in enumerate(rows):
        finite = [x for x in row if np.isfinite(x)]
        assert n[i] == len(finite)
        np.testing.assert_allclose(found[i], np.median(finite) if finite else np.nan)
