"""A day's mean without the hours that stand out, against its slow twin: hour by hour, day by day."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from rules.bridge.day_mean import HOURS, STANDS_OUT, DayMean


def slow_above(hours: list[float], spread: float) -> float:
    """What the mean of all hours is above that of those that agree with their median."""
    if len(hours) < 4 or max(hours) - min(hours) <= STANDS_OUT * spread:
        return 0.0
    middle = statistics.median(hours)
    agree = [hour for hour in hours if abs(hour - middle) <= STANDS_OUT * spread]
    if 2 * len(agree) <= len(hours):
        return 0.0
    return statistics.fmean(hours) - statistics.fmean(agree)


@pytest.mark.parametrize("seed", range(5))
def test_hours_that_stand_out_are_those_of_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = 60
    mean = DayMean(channels)
    kept: list[list[float]] = [[] for _ in range(channels)]
    for _ in range(HOURS):
        there = np.flatnonzero(rng.random(channels) < 0.8)
        hour = np.float32(rng.normal(0, 3, len(there)) + 25 * (rng.random(len(there)) < 0.2))
        mean.add(there, hour.astype(np.float64))
        for channel, value in zip(there.tolist(), hour.tolist(), strict=True):
            kept[channel].append(value)
    spread = rng.uniform(0.5, 8, channels)
    expected = [slow_above(hours, float(s)) for hours, s in zip(kept, spread, strict=True)]
    assert mean.end(np.arange(channels), spread) == pytest.approx(expected, abs=1e-9)
    assert sum(value != 0 for value in expected) > 10
