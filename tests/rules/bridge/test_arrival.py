"""How a movement came, at 5 s: vehicles that come to stand are told from a support that goes down."""

import numpy as np
import pytest

from rules.bridge.arrival import arrival
from rules.bridge.cells import QUARTERS

BLOCKS, ONSET = 51, 25
AT_S = 20.0 * (BLOCKS - ONSET)


def course(*rises: tuple[float, float, float], noise_ue: float = 0.5, seed: int = 1) -> np.ndarray:
    """Quarters of blocks, the newest last: each rise is (begins [s after AT_S], takes [s], µε)."""
    t = (np.arange(BLOCKS * QUARTERS) + 0.5) * 20.0 / QUARTERS
    y = np.random.default_rng(seed).normal(0, noise_ue, len(t))
    for begins, takes, height in rises:
        y += height * np.clip((t - AT_S - begins) / takes, 0, 1)
    return y


@pytest.mark.parametrize("seconds", [120, 180, 300, 600])
def test_a_support_that_goes_down_over_minutes_came_smoothly(seconds: int) -> None:
    came = arrival(course((0, seconds, 30.0)), ONSET, min(seconds // 20, 20), 30.0)
    assert came is not None
    assert came.smooth


@pytest.mark.parametrize("seconds", [3, 15, 40, 60])
def test_a_lorry_that_creeps_on_does_not_come_smoothly(seconds: int) -> None:
    came = arrival(course((0, seconds, 30.0)), ONSET, max(seconds // 20, 1), 30.0)
    assert came is not None
    assert not came.smooth


def test_vehicles_that_come_one_after_the_other_are_counted_from_the_last_one_on() -> None:
    queue = [(40.0 * i, 6.0, 8.0) for i in range(4)]
    came = arrival(course(*queue), ONSET, 7, 32.0)
    assert came is not None
    assert not came.smooth
    assert came.last == pytest.approx(ONSET - 6, abs=1)


def test_lorries_that_pass_meanwhile_hide_nothing() -> None:
    y = course((0, 180, 30.0))
    y[np.random.default_rng(2).choice(len(y), 30, replace=False)] += 80.0
    came = arrival(y, ONSET, 9, 30.0)
    assert came is not None
    assert came.smooth


def test_a_gauge_that_sends_once_a_block_shows_no_course() -> None:
    y = course((0, 180, 30.0))
    y[np.arange(len(y)) % QUARTERS > 0] = np.nan
    assert arrival(y, ONSET, 9, 30.0) is None
