"""Movements that lead back to where a gauge stood."""

import numpy as np
import pytest

from rules.bridge.background import MINUTE, ramp_height
from rules.bridge.returning import HELD, held, left_at, not_counted, seen_from_both_sides


def level(*parts: tuple[int, float]) -> np.ndarray:
    """Levels, each (blocks, µε)."""
    return np.concatenate([np.full(n, float(ue)) for n, ue in parts])


def test_a_level_is_held_when_it_stands_for_minutes() -> None:
    series = level((20, 0.0), (10, 30.0), (HELD, 12.0), (5, 40.0))
    assert held(series, 12.0, 3.0) == 20 + 10 + HELD
    assert held(series, 1.0, 3.0) == 20
    assert held(series, 30.0, 3.0) == 0


def test_a_lorry_that_leaves_after_two_places_leads_back_to_where_it_came() -> None:
    series = level((40, 0.0), (18, 30.0), (18, 12.0), (10, 1.0))
    assert left_at(series, 76, -11.0) == 40


def test_a_step_to_a_new_level_leads_nowhere_back() -> None:
    series = level((40, 0.0), (18, 30.0), (18, 1.0), (40, 16.0))
    assert left_at(series, 76, 15.0) == 0


def test_what_no_step_shows_leads_nowhere_back() -> None:
    assert left_at(level((100, 0.0), (20, 6.0)), 100, 30.0) == 0


def test_steps_that_were_not_counted_go_back_with_those_that_were() -> None:
    series = level((40, 0.0), (40, 9.0), (20, -21.0))
    assert not_counted(series, 78, 1.0) == 9.0
    assert not_counted(series, 78, -1.0) == 0.0
    assert not_counted(series, 30, 1.0) == 0.0


@pytest.mark.parametrize("rise", [1, 9, 30])
def test_the_height_of_a_ramp_is_told_from_a_warming_that_bends(rise: int) -> None:
    hours = (np.arange(48 * MINUTE) - 48 * MINUTE) / (60 * MINUTE)
    day = 80 * hours + 30 * hours**2
    ramp = 41.0 * np.clip((np.arange(48 * MINUTE) - 70 + 0.5) / rise, 0, 1)
    assert ramp_height(day + ramp, 70, rise) == pytest.approx(41.0, abs=1.0)


def test_a_movement_that_only_a_bent_prediction_shows_is_none() -> None:
    hours = (np.arange(48 * MINUTE) - 48 * MINUTE) / (60 * MINUTE)
    load_left_out = np.where(np.arange(48 * MINUTE) < 104, -9.0 * (hours + 0.8), -4.0)
    assert not seen_from_both_sides(load_left_out, 104, 5, 35.0)
    settled = 60 * hours + np.where(np.arange(48 * MINUTE) < 104, 0.0, 30.0)
    assert seen_from_both_sides(settled, 104, 1, 33.0)
    assert not seen_from_both_sides(settled, 104, 1, -33.0)
