"""However a stream is cut, doubled or delayed, the lids are judged alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.rules import RuleSet
from rules.alarm import AlarmChange
from rules.engine import Engine
from rules.lid import detectors
from tests.support.lid_rounds import HOUR, SECOND, START, Life, city, frame

reading = st.fixed_dictionaries(
    {},
    optional={
        "tilt_deg": st.sampled_from([1.0, 2.0, 12.0, 18.0, 40.0, 85.0]),
        "displacement_mm": st.sampled_from([0.0, 1.0, 7.0, 20.0, 40.0, -150.0]),
        "vibration_g": st.sampled_from([0.1, 1.0, 9.0]),
        "water_mm": st.sampled_from([10.0, 400.0, 2000.0]),
        "open": st.sampled_from([0.0, 1.0]),
    },
).filter(bool)
steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([2, 40, 600, 21_600]), reading), min_size=1, max_size=40
)


def judged(rows: list[tuple[int, int, dict[str, float]]], cuts: set[int]) -> list[AlarmChange]:
    """Changes over rows that are cut into frames before the given places."""
    registry, rules = city(3), RuleSet()
    engine = Engine(registry, rules, detectors(registry, rules.lid))
    said: list[AlarmChange] = []
    begin = 0
    for end in [*sorted(c for c in cuts if 0 < c < len(rows)), len(rows)]:
        said += engine.apply(frame(rows[begin:end], delay_s=0))
        begin = end
    assert engine.fault_count == 0, engine.faults
    return said + engine.tick(rows[-1][1] + 60 * SECOND)


@settings(max_examples=60, deadline=None)
@given(steps, st.sets(st.integers(1, 40)))
def test_frames_may_be_cut_anywhere(given_steps: list, cuts: set[int]) -> None:
    """One frame for all, or many: the same changes."""
    now, rows = START, []
    for sensor, gap_s, values in given_steps:
        now += gap_s * SECOND
        rows.append((sensor, now, values))
    told = [(c.hazard, c.severity, c.state, c.event_at) for c in judged(rows, set())]
    again = [(c.hazard, c.severity, c.state, c.event_at) for c in judged(rows, cuts)]
    assert sorted(again, key=str) == sorted(told, key=str)


def test_a_back_filled_open_lid_is_recorded_and_pages_nobody() -> None:
    """What came half a day late."""
    life = Life()
    for k in range(12):
        life.reads(k * 21_600.0, tilt_deg=2)
    late = frame([(0, START + 60 * HOUR, {"tilt_deg": 88.0})], delay_s=12 * 3600)
    changes = life.engine.apply(late)
    assert [(c.hazard.value, c.historical) for c in changes] == [("missing", True)]
    assert life.alarms() == []


def test_a_mixed_city_is_judged_without_a_fault() -> None:
    """Every channel missing somewhere, thousands of readings."""
    rng = np.random.default_rng(8)
    registry, rules = city(50), RuleSet()
    engine = Engine(registry, rules, detectors(registry, rules.lid))
    names = ("tilt_deg", "tilt_x_deg", "tilt_y_deg", "displacement_mm", "vibration_g", "water_mm", "open")
    for k in range(60):
        rows = [
            (
                int(s),
                START + k * HOUR + int(s),
                {n: float(abs(rng.normal(1, 0.3))) for n in names if rng.uniform() < 0.5} or {"open": 0.0},
            )
            for s in rng.permutation(50)
        ]
        engine.apply(frame(rows))
    assert engine.fault_count == 0, engine.faults


@pytest.mark.parametrize("remembered", [0, 12])
@pytest.mark.parametrize(
    ("first", "hazard", "colour"),
    [
        ({"open": 1.0}, "missing", "red"),
        ({"open": 1.0, "tilt_deg": 80.0}, "missing", "red"),
        ({"water_mm": 1200.0}, "flooded", "red"),
        ({"water_mm": 500.0}, "flooded", "orange"),
    ],
)
def test_a_sensor_whose_first_timely_word_is_open_or_flooded_rings_as_of_now(
    remembered: int, first: dict[str, float], hazard: str, colour: str
) -> None:
    """Whatever it had kept of the days before: an open contact and a level need no baseline."""
    life = Life()
    for k in range(remembered):
        kept = [(0, START + k * 6 * HOUR, {"tilt_deg": 2.0, "open": 0.0, "water_mm": 20.0})]
        life.said += life.engine.apply(frame(kept, delay_s=(16 - k) * 21_600.0 - 600))
    life.reads(16 * 21_600.0, **first)
    life.passes(16 * 21_600.0 + 120)
    (change,) = (c for c in life.said if c.hazard.value != "silent")
    assert (change.hazard.value, change.severity.colour, change.historical) == (hazard, colour, False)
    assert change.provisional


def backfilled(fitted_h: float | None, remembered: int, **first: float) -> list[AlarmChange]:
    """Readings of every six hours that come late, then one in time, of a sensor fitted at `fitted_h`."""
    more = {} if fitted_h is None else {"installed_at": START + int(fitted_h * HOUR)}
    life = Life(city(heartbeat_s=21_600, **more))
    for k in range(remembered):
        kept = [(0, START + k * 6 * HOUR, {"tilt_deg": 2.0, "displacement_mm": 1.0})]
        life.said += life.engine.apply(frame(kept, delay_s=(16 - k) * 21_600.0 - 600))
    life.reads(16 * 21_600.0, **first)
    life.passes(16 * 21_600.0 + 120)
    return [c for c in life.said if c.hazard.value != "silent"]


@pytest.mark.parametrize(
    ("first", "hazard", "colour"),
    [
        ({"tilt_deg": 20.0}, "tilted", "orange"),
        ({"tilt_deg": 80.0}, "missing", "red"),
        ({"displacement_mm": 24.0}, "sunken", "orange"),
    ],
)
def test_a_first_timely_lean_rings_as_provisional_against_what_was_kept_since_the_fitting(
    first: dict[str, float], hazard: str, colour: str
) -> None:
    (change,) = backfilled(0, 12, **first)
    assert (change.hazard.value, change.severity.colour, change.historical) == (hazard, colour, False)
    assert change.provisional


@pytest.mark.parametrize("fitted_h", [None, 15 * 6])
def test_what_was_kept_from_before_the_fitting_is_no_baseline(fitted_h: float | None) -> None:
    """It lay on a desk, or on another lid; where nobody says when it was fitted, neither is known."""
    assert backfilled(fitted_h, 12, tilt_deg=20.0) == []


def test_what_was_kept_pages_nobody_and_clears_nothing_by_itself() -> None:
    """A lean that comes late is recorded; the lid as it lies now is judged by what is timely."""
    life = Life(city(installed_at=START))
    for k in range(12):
        tilt = 30.0 if k == 11 else 2.0
        kept_s = 86_400 + (11 - k) * 21_600  # all come at once: what is always as late has a slow clock
        life.said += life.engine.apply(frame([(0, START + k * 6 * HOUR, {"tilt_deg": tilt})], delay_s=kept_s))
    assert [(c.hazard.value, c.historical) for c in life.said] == [("tilted", True)]
    life.reads(16 * 21_600.0, tilt_deg=2.0)
    assert [c.historical for c in life.said] == [True]


@settings(max_examples=60, deadline=None)
@given(
    steps,
    st.lists(st.sampled_from([0, 0, 1200, 90_000]), min_size=40, max_size=40),
    st.sets(st.integers(1, 40)),
)
def test_back_fill_may_be_cut_anywhere_too(given_steps: list, delays: list[int], cuts: set[int]) -> None:
    """Rows that came late among timely ones of sensors that were just fitted: the same changes."""
    registry, rules = city(3, installed_at=START), RuleSet()
    now, rows, arrived = START, [], START
    for (sensor, gap_s, values), delay in zip(given_steps, delays, strict=False):
        now += gap_s * SECOND
        arrived = max(arrived, now)
        rows.append((sensor, now - delay * SECOND, values, arrived))
    outcomes = []
    for ends in (set(), cuts):
        engine, said, begin = Engine(registry, rules, detectors(registry, rules.lid)), [], 0
        for end in [*sorted(c for c in ends if 0 < c < len(rows)), len(rows)]:
            part = frame([row[:3] for row in rows[begin:end]], delay_s=0)
            part = replace(part, received=np.array([row[3] for row in rows[begin:end]], np.int64))
            said += engine.apply(part)
            begin = end
        assert engine.fault_count == 0, engine.faults
        said += engine.tick(arrived + 60 * SECOND)
        outcomes.append(sorted((str(c.hazard), c.severity, c.event_at, c.historical) for c in said))
    assert outcomes[0] == outcomes[1]
