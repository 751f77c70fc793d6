"""How far a lid has sunk since it was commissioned: robust level, rate, and the day it reaches the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits
from rules.lid.state import Sink

Float32 = npt.NDArray[np.float32]

ACCEPT_MM = np.float32(6.0)
"""As for the angle: the mean of a warm day and its night is the baseline, not the hour of fitting."""
SLOW_S = np.float32(12 * 3600)
SWING_S = np.float32(2 * 86400)
MEMORY_DAYS = np.float32(12.0)
"""Days after which a day's mean weighs 1/e in the regression."""
LEAST_WEIGHT = np.float32(4.0)
GREATEST_STEP_MM = np.float32(20.0)
"""A step counts no more than this for the jitter: one fall of the lid is none."""
CALM_MM = np.float32(3.0)
"""Jitter that traffic, thermal movement and quantization explain."""
STEP_MM = np.float32(0.3)
"""Least standard error of a day's mean: thermal movement and quantization [mm]."""


def median_of_three(a: Float32, b: Float32, c: Float32) -> Float32:
    """float32[k]  The middle one: one wild sample among three never shows."""
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def settle(
    rows: Float32, displacement_mm: Float32, hours: Float32, gap_s: Float32, limits: Limits
) -> Float32:
    """Change of displacement since the baseline; level, slow mean and days of `rows` follow.

    rows : float32[k, Sink]  State, changed in place.
    displacement_mm : float32[k]  [mm], positive = sunk, no NaN.
    gap_s : float32[k]  Since the message before [s].
    Returns float32[k]  [mm].
    """
    young = rows[:, Sink.COUNT] < limits["commission_readings"]
    young |= hours - rows[:, Sink.SINCE] < limits["commission_hours"]
    change = displacement_mm - rows[:, Sink.BASE]
    if np.count_nonzero(young):
        # What came late has no time of commissioning: that begins with the first timely reading.
        rows[:, Sink.SINCE] = np.minimum(rows[:, Sink.SINCE], hours)
        new = rows[:, Sink.COUNT] == 0
        base = np.abs(rows[:, Sink.BASE])
        again = young & ~new & (np.abs(displacement_mm) < base - limits["sunk_defect_mm"])
        # A first reading that two others running contradict, alike, was wild: an echo, a fitter's hand.
        before = rows[:, Sink.B]
        outvoted = (rows[:, Sink.COUNT] == 1) & (np.minimum(np.abs(change), np.abs(before)) > ACCEPT_MM)
        outvoted &= (np.abs(change - before) <= ACCEPT_MM) & (np.abs(change) < limits["sunk_defect_mm"])
        again |= young & outvoted
        start = new | again
        learn = young & ~start & (np.abs(change) <= ACCEPT_MM)
        _learn(rows, start, learn, displacement_mm, hours)
        change = displacement_mm - rows[:, Sink.BASE]
    a, b = rows[:, Sink.A], rows[:, Sink.B].copy()
    level = median_of_three(a, b, change)
    step = np.minimum(np.abs(change - b), GREATEST_STEP_MM)
    jitter = rows[:, Sink.JITTER]
    jitter += (step - jitter) * np.float32(1 / 8)
    rows[:, Sink.A] = b
    rows[:, Sink.B] = change
    rows[:, Sink.LEVEL] = level
    share = gap_s / (gap_s + SLOW_S)
    slow, swing = rows[:, Sink.SLOW], rows[:, Sink.SWING]
    # Bounded, so that a lid that has sunk is not taken for a sensor that swings.
    away = np.minimum(np.abs(change - slow), np.float32(1.5) * swing + np.float32(0.5))
    swing += gap_s / (gap_s + SWING_S) * (away - swing)
    slow += share * np.minimum(np.maximum(level - slow, np.float32(-5)), np.float32(5))
    day = np.floor(hours / np.float32(24))
    fresh = day != rows[:, Sink.DAY]
    turning = np.count_nonzero(fresh)
    if turning == len(fresh):
        turn_day(rows, day)
    elif turning:
        i = np.flatnonzero(fresh)
        turned = rows[i]
        turn_day(turned, day[i])
        rows[i] = turned
    rows[:, Sink.SUM] += level
    rows[:, Sink.N] += 1
    return change


def _learn(
    rows: Float32,
    start: npt.NDArray[np.bool_],
    learn: npt.NDArray[np.bool_],
    displacement_mm: Float32,
    hours: Float32,
) -> None:
    if learn.any():
        j = np.flatnonzero(learn)
        base, count = rows[j, Sink.BASE], rows[j, Sink.COUNT] + np.float32(1)
        rows[j, Sink.BASE] = base + (displacement_mm[j] - base) / count
        rows[j, Sink.COUNT] = count
    if start.any():
        i: Any = slice(None) if start.all() else np.flatnonzero(start)
        rows[i] = 0
        rows[i, Sink.BASE] = displacement_mm[i]
        rows[i, Sink.COUNT] = 1
        rows[i, Sink.SINCE] = hours[i]
        rows[i, Sink.DAY] = np.floor(hours[i] / np.float32(24))


def turn_day(rows: Float32, day: Float32) -> None:
    """Put the day that has ended into the regression and move its origin to the new day."""
    n = rows[:, Sink.N]
    mean = rows[:, Sink.SUM] / np.maximum(n, 1)
    weight = (n > 0).astype(np.float32)
    weighed = weight * mean
    s0, y0 = rows[:, Sink.S0] + weight, rows[:, Sink.Y0] + weighed
    s1, s2, y1 = rows[:, Sink.S1], rows[:, Sink.S2], rows[:, Sink.Y1]
    y2 = rows[:, Sink.Y2] + weighed * mean
    days = np.maximum(day - rows[:, Sink.DAY], np.float32(1))
    keep = np.exp(-days / MEMORY_DAYS)
    s2 = (s2 - 2 * days * s1 + days * days * s0) * keep
    s1 = (s1 - days * s0) * keep
    y1 = (y1 - days * y0) * keep
    s0, y0, y2 = s0 * keep, y0 * keep, y2 * keep
    rate, rate_se = slope(s0, s1, s2, y0, y1, y2)
    columns = (Sink.S0, Sink.S1, Sink.S2, Sink.Y0, Sink.Y1, Sink.Y2, Sink.RATE, Sink.RATE_SE)
    for column, value in zip(columns, (s0, s1, s2, y0, y1, y2, rate, rate_se), strict=True):
        rows[:, column] = value
    rows[:, Sink.DAY] = day
    rows[:, Sink.SUM] = 0
    rows[:, Sink.N] = 0


def slope(
    s0: Float32, s1: Float32, s2: Float32, y0: Float32, y1: Float32, y2: Float32
) -> tuple[Float32, Float32]:
    """Weighted least squares: slope [mm/d] and its standard error; 0 and 0 where days are too few."""
    d0, d1, d2 = (np.asarray(s, np.float64) for s in (s0, s1, s2))
    e0, e1, e2 = (np.asarray(y, np.float64) for y in (y0, y1, y2))
    enough = d0 > LEAST_WEIGHT
    if not enough.any():
        nothing = np.zeros(len(enough), np.float32)
        return nothing, nothing
    safe = np.where(enough, d0, 1.0)
    spread = np.maximum(d2 - d1 * d1 / safe, 1e-6)
    along = e1 - d1 * e0 / safe
    rate = along / spread
    rest = np.maximum(e2 - e0 * e0 / safe - rate * along, 0.0) / np.maximum(d0 - 2, 1.0)
    error = np.sqrt((rest + float(STEP_MM) ** 2) / spread)
    return np.where(enough, rate, 0).astype(np.float32), np.where(enough, error, 0).astype(np.float32)


def unrest(rows: Float32) -> Float32:
    """float32[k]  What a level must pass a limit by because the sensor trembles: a few millimetres of noise
    in the median of three are two thirds of that of one reading [mm]."""
    return np.asarray(np.float32(1.5) * np.maximum(rows[:, Sink.JITTER] - CALM_MM, 0), np.float32)


def warmth(rows: Float32) -> Float32:
    """float32[k]  What the half-day mean must pass a limit by because the sun moves the sensor [mm]."""
    return np.asarray(np.float32(0.7) * np.maximum(rows[:, Sink.SWING] - 1, 0), np.float32)


def days_to(rows: Float32, limit_mm: Float32) -> tuple[Float32, Float32, Float32]:
    """Days until the level reaches the limit: likely, earliest, latest (90 % interval); inf = not in sight.

    The interval is that of the rate and of the level together.
    """
    rate, error = rows[:, Sink.RATE], rows[:, Sink.RATE_SE] * np.float32(1.645)
    left = np.maximum(limit_mm - rows[:, Sink.SLOW], 0)

    def at(speed: Float32) -> Float32:
        safe = np.where(speed > np.float32(1e-3), speed, np.float32(1))
        return np.where(speed > np.float32(1e-3), left / safe, np.float32(np.inf))

    return at(rate), at(rate + error), at(rate - error)
