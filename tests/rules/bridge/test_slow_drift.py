"""Drift over weeks: found with temperature removed, quiet without; told structure from sensor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.bridge_rules import BridgeRules
from config.rules import RuleSet
from devices.frame import Frame
from rules.alarm import Hazard, Severity
from rules.bridge import detectors
from rules.bridge.trend import theil_sen
from rules.engine import Engine
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import START_US, MonthRecord, bridge_registry

DAY_US = 86_400_000_000


def weeks(seed: int, drift: dict[int, float], days: int = 26) -> Frame:
    return MonthRecord(days=days, every_s=1800, drift_from_day=14, drift_ue_per_day=drift).frame(seed)


def test_a_section_that_drifts_is_found_within_days_while_training_is_young() -> None:
    changes = run(bridge_engine(bridge_registry()), weeks(1, {4: 5.0, 5: 4.0, 6: 5.0, 7: 4.0}))
    drift = of(changes, Hazard.DRIFT)
    assert drift
    structural = [change for change in drift if change.reason.key == "rules_bridge.drift.slow"]
    assert structural[0].severity is Severity.ORANGE
    assert structural[0].provisional
    assert 14 < (structural[0].event_at - START_US) / DAY_US < 14 + 7
    assert structural[0].evidence["slope_ue_per_month"] > 60


@pytest.mark.parametrize("seed", [2, 3])
def test_weeks_of_weather_alone_raise_nothing(seed: int) -> None:
    assert run(bridge_engine(bridge_registry()), weeks(seed, {})) == []


def test_a_gauge_that_drifts_alone_is_unconfirmed() -> None:
    drift = of(run(bridge_engine(bridge_registry()), weeks(4, {4: 6.0})), Hazard.DRIFT)
    assert drift[0].reason.key == "rules_bridge.drift.slow_single"
    assert drift[0].severity is Severity.YELLOW
    assert drift[0].evidence["neighbours"] == []


def test_after_an_intervention_the_new_state_is_learned_and_who_and_why_are_kept() -> None:
    registry, rules = bridge_registry(), BridgeRules()
    detector = detectors(registry, rules)[0]
    engine = Engine(registry, RuleSet(), [detector])
    frame = weeks(5, dict.fromkeys(range(4, 8), 30.0), days=16)
    at = START_US + 14 * DAY_US
    early = frame.take(frame.time < at)
    changes = run(engine, early)
    window = {"asset_id": "B", "from": at, "to": at + 4 * 86_400_000_000, "who": "Li", "why": "jacking"}
    changes += engine.control("intervention", window, at)
    changes += run(engine, frame.take(frame.time >= at))
    assert of(changes, Hazard.DRIFT) == []
    kept = detector.snapshot()
    restored = detectors(registry, rules)[0]
    restored.restore(kept)
    _, evidence = restored.explain(4, Hazard.DRIFT)
    assert evidence["intervention"]["who"] == "Li"
    assert evidence["intervention"]["why"] == "jacking"


# A tick tells its changes by sensor, not by time: a frame of several days would tell two days in one tick.
@given(st.integers(150, 700), st.integers(0, 3))
@settings(max_examples=3, deadline=None)
def test_the_cutting_into_frames_changes_nothing(rows: int, seed: int) -> None:
    frame = weeks(seed, {4: 8.0, 5: 8.0}, days=18)
    whole = run(bridge_engine(bridge_registry()), frame, rows=740)
    pieces = run(bridge_engine(bridge_registry()), frame, rows=rows)

    def told(changes: list) -> list[tuple]:
        return [(c.hazard, c.severity, c.state, c.event_at, c.sensor_ids) for c in of(changes, Hazard.DRIFT)]

    assert told(pieces) == told(whole)


def test_a_restored_engine_goes_on_as_if_never_stopped() -> None:
    frame = weeks(6, {4: 6.0, 5: 6.0}, days=20)
    half = len(frame) // 2
    straight, stopped = bridge_engine(bridge_registry()), bridge_engine(bridge_registry())
    first, second = frame.take(np.arange(half)), frame.take(np.arange(half, len(frame)))
    run(straight, first)
    run(stopped, first)
    resumed = bridge_engine(bridge_registry())
    resumed.restore(stopped.snapshot())
    assert run(resumed, second) == run(straight, second)


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=12))
@settings(max_examples=40, deadline=None)
def test_the_slope_is_the_median_of_all_pairs(values: list[float]) -> None:
    day = np.arange(len(values), dtype=float)
    slopes = [
        (values[j] - values[i]) / (j - i) for i in range(len(values)) for j in range(i + 1, len(values))
    ]
    slope, p, n = theil_sen(day, np.array(values), 0.0)
    assert slope == pytest.approx(30 * np.median(slopes))
    assert n == len(values)
    assert 0 <= p <= 1


def test_a_section_of_a_slow_logger_that_steps_by_much_is_found_within_hours() -> None:
    record = MonthRecord(days=17, every_s=1800, drift_from_day=14.1, step_ue={4: 45.0, 5: 40.0, 6: -35.0})
    drift = of(run(bridge_engine(bridge_registry()), record.frame(31)), Hazard.DRIFT)
    assert drift
    assert 14.1 < (drift[0].event_at - START_US) / DAY_US < 14.1 + 0.25
    assert drift[0].reason.key == "rules_bridge.drift.slow"
    assert drift[0].severity is Severity.ORANGE
    assert drift[0].provisional
