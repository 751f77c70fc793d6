"""The fast test over bridges of other physics: noise of 2–10 µε, warming of 200 µε, trucks of 100 µε."""

import numpy as np
import pytest

from rules.bridge.onset import movement
from tests.support.bridge_series import Event
from tests.support.bridge_worlds import firings, world


def test_restless_bridges_are_not_settling() -> None:
    assert sum(map(bool, firings([world(seed) for seed in range(200_000, 200_025)]))) <= 1


def test_a_settlement_of_45_ue_is_found_whatever_the_bridge() -> None:
    rises = np.linspace(300, 600, 20)
    events = [Event(5000 + 200 * i, rise, {0: 45.0 * (-1) ** i}) for i, rise in enumerate(rises)]
    worlds = [world(210_000 + i, events=[event]) for i, event in enumerate(events)]
    found = [
        any(event.start_s < t <= event.start_s + event.rise_s + 700 for t in times)
        for event, times in zip(events, firings(worlds), strict=True)
    ]
    assert sum(found) >= 19


def test_a_gap_in_the_readings_is_no_return_to_zero() -> None:
    values = np.full(48, 30.0)
    values[:20] = np.nan
    fit = movement(values)
    assert fit is not None
    assert abs(fit.height) < 1e-6


@pytest.mark.parametrize("rise", [1, 6, 15, 30])
def test_onset_and_duration_of_a_movement_are_found_in_noise(rise: int) -> None:
    noise = np.random.default_rng(rise).normal(0, 2.0, 48)
    truth = np.clip((np.arange(48) - 10 + 0.5) / rise, 0, 1) * 30
    fit = movement(truth + noise)
    assert fit is not None
    assert fit.onset == pytest.approx(38, abs=3)
    assert fit.rise == pytest.approx(rise, abs=4)
    assert fit.height == pytest.approx(30, abs=3)


def test_onset_agrees_with_the_obvious_fit() -> None:
    values = np.random.default_rng(1).normal(0, 3, 24) + np.where(np.arange(24) >= 11, 20.0, 0.0)
    left = {}
    for start in range(3, 20):
        shape = np.clip((np.arange(24) - start + 0.5) / 1, 0, 1)
        _, squares, *_ = np.linalg.lstsq(np.stack([np.ones(24), shape], axis=1), values, rcond=None)
        left[start] = float(squares[0])
    fit = movement(values)
    assert fit is not None
    if fit.rise == 1:
        assert 24 - fit.onset == min(left, key=lambda start: left[start])
    assert fit.noise**2 * 20 <= min(left.values()) + 1e-6
