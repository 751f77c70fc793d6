"""How far a lid has sunk since it was commissioned: robust level, and the means of days."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rules.lid.forecast import note_passages
from rules.lid.limits import Limits
from rules.lid.state import Sink

Float32 = npt.NDArray[np.float32]

ACCEPT_MM = np.float32(6.0)
"""As for the angle: the mean of a warm day and its night is the baseline, not the hour of fitting."""
SLOW_S = np.float32(12 * 3600)
SWING_S = np.float32(2 * 86400)
GREATEST_STEP_MM = np.float32(20.0)
"""A step counts no more than this for the jitter: one fall of the lid is none."""
CALM_MM = np.float32(3.0)
"""Jitter that traffic, thermal movement and quantization explain."""
COARSEST_MM = np.float32(5.0)
"""Of the coarsest scales; a wild sample weighs no more in the mean of its day."""
SET_UP_READINGS = np.float32(3)
"""So many show where a gauge was set up: before its day is over, while what it says is provisional."""
FINEST_MM = np.float32(0.1)
"""Steps below are of no scale's grain."""


def median_of_three(a: Float32, b: Float32, c: Float32) -> Float32:
    """float32[k]  The middle one: one wild sample among three never shows."""
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def heard(change_mm: Float32, level_mm: Float32) -> Float32:
    """What a reading adds to the mean of its day: itself, as far as the two beside it let it be believed.

    Of a scale of 5 mm the median hides what the share of readings on either mark tells.
    """
    return np.asarray(np.clip(change_mm, level_mm - COARSEST_MM, level_mm + COARSEST_MM), np.float32)


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
    finer = ~young & (step >= FINEST_MM) & ((step < rows[:, Sink.GRAIN]) | (rows[:, Sink.GRAIN] == 0))
    if np.count_nonzero(finer):
        rows[finer, Sink.GRAIN] = step[finer]
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
    rows[:, Sink.SUM] += heard(change, level)
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
    """Take the mean of the day that has ended, and begin the new one."""
    note_passages(rows)
    rows[:, Sink.DAY] = day
    rows[:, Sink.SUM] = 0
    rows[:, Sink.N] = 0


def set_up_low(rows: Float32, hours: Float32, gap_s: Float32, limits: Limits) -> npt.NDArray[np.bool_]:
    """Sensors whose new baseline is of three readings or more and lies as low as a sunken lid: all the while
    they are commissioned, or with one reading where three take longer than the hours of it."""
    low: npt.NDArray[np.bool_] = np.asarray(rows[:, Sink.BASE] >= limits["sunk_defect_mm"], bool)
    if np.count_nonzero(low):
        low &= rows[:, Sink.COUNT] >= np.minimum(SET_UP_READINGS, limits["commission_readings"])
        few = (SET_UP_READINGS - np.float32(0.5)) * gap_s * np.float32(1 / 3600)
        low &= hours - rows[:, Sink.SINCE] < np.maximum(limits["commission_hours"], few)
    return low


def unrest(rows: Float32) -> Float32:
    """float32[k]  What a level must pass a limit by because the sensor trembles: a few millimetres of noise
    in the median of three are two thirds of that of one reading [mm]."""
    return np.asarray(np.float32(1.5) * np.maximum(rows[:, Sink.JITTER] - CALM_MM, 0), np.float32)


def warmth(rows: Float32) -> Float32:
    """float32[k]  What the half-day mean must pass a limit by because the sun moves the sensor [mm]."""
    return np.asarray(np.float32(0.7) * np.maximum(rows[:, Sink.SWING] - 1, 0), np.float32)
