"""When a lid that is sinking will reach a limit: from the days on which it passed a few depths.

Days of passage remember the whole course in a few numbers, at a scale of its own: a lid that lay still for
months and one that sank from its first day on look alike once they sink, and the millimetres between two
depths stand as far above a day's noise in a slow settlement as in a quick one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.lid.state import Sink

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

DEPTHS_MM: Final = np.array([1.0, 2.0, 3.5, 6.0, 9.0], np.float32)
"""Depths whose days of passage are kept."""
BACK: Final = np.float32(0.7)
"""A day's mean that is less than this share of a depth again has not passed it."""
PASSED: Final = slice(Sink.PASSED_1, Sink.PASSED_5 + 1)

LEAST_RISE_MM: Final = 1.5
LEAST_DAYS: Final = 2.0
"""A rate is that of the latest stretch of so many millimetres and days or more: what came within a day is a
step, which says nothing of the days to come but how near they may be."""
LEAST_GAP_DAYS: Final = 0.25
"""Means of days tell no two passages apart that are nearer."""
STRETCH: Final = 0.3
"""Such a stretch is at least this share of the depth."""
NOISE_MM: Final = 0.3
"""Of a day's mean: sun, weather, traffic (standard error)."""
GRAIN_SHARE: Final = 0.35
"""Of a scale's step: noise of the mean of a day that lies between two of its marks (1 / √12 of one reading
that lies anywhere, more where it cleaves to a mark)."""
BURSTS: Final = 0.3
"""Of the logarithm of a rate: rain brings in a day what else comes in a week (standard error)."""
USUAL_POWER: Final = 0.15
POWER_SE: Final = 0.65
"""How rates go with the depth, of settlements of which nothing is known: rate ~ depth ** power. Even sinking
is 0, the root of time −1, a power of time of 2 is 0.5."""
WITHIN: Final = 1.645
"""Standard errors of an interval of 90 %."""
LAG_DAYS: Final = 0.5
"""By which the half-day mean is behind."""


class Forecast(NamedTuple):
    """float64[k]  Rate of the latest stretch [mm/d], 0 = not known; days until the limit is reached: likely,
    and the ends of a 90 % interval; inf = not in sight. Of what came within two days the earliest alone is
    known."""

    rate: Float64
    likely: Float64
    earliest: Float64
    latest: Float64


def note_passages(rows: Float32) -> None:
    """Note the depths that the mean of the day that has ended has passed, of rows that have one."""
    n = rows[:, Sink.N]
    whole = n > 0
    mean, day = rows[:, Sink.SUM] / np.maximum(n, 1), rows[:, Sink.DAY]
    before, then = rows[:, Sink.MEAN], rows[:, Sink.MEAN_DAY]
    if np.count_nonzero(whole) == 0:
        return
    top = np.maximum(mean, before).max(initial=0, where=whole)
    passed = rows[:, PASSED]
    if top >= DEPTHS_MM[0] or passed.any():
        rise = np.maximum(mean - before, np.float32(1e-6))
        share = (DEPTHS_MM - before[:, None]) / rise[:, None]
        at = then[:, None] + np.clip(share, 0, 1) * (day - then)[:, None]
        at = np.where((then > 0)[:, None], at, day[:, None])
        beyond, above = mean[:, None] >= DEPTHS_MM, mean[:, None] < BACK * DEPTHS_MM
        noted = np.where(beyond & (passed == 0), at, np.where(above, np.float32(0), passed))
        rows[:, PASSED] = np.where(whole[:, None], noted, passed)
    rows[:, Sink.MEAN] = np.where(whole, mean, before)
    rows[:, Sink.MEAN_DAY] = np.where(whole, day, then)


def forecast(rows: Float32, limit_mm: Float32) -> Forecast:
    """When the level reaches a limit, if the rate goes on as a power of the depth as it did.

    The power is that between the latest stretch and the one before, as far as noise lets it be seen, else the
    usual one; its error, that of the rate and that of bursts make the interval.

    rows : float32[k, Sink].  limit_mm : float32[k] or float32[1].
    """
    k, count = len(rows), len(DEPTHS_MM)
    depths = DEPTHS_MM.astype(np.float64)
    passed = rows[:, PASSED].astype(np.float64)
    depth, today = rows[:, Sink.MEAN].astype(np.float64), rows[:, Sink.MEAN_DAY].astype(np.float64)
    noise = np.maximum(NOISE_MM, GRAIN_SHARE * rows[:, Sink.GRAIN].astype(np.float64))
    known = passed > 0
    rose = known & (depth[:, None] - depths >= np.maximum(LEAST_RISE_MM, STRETCH * depth)[:, None])
    long = rose & (today[:, None] - passed >= LEAST_DAYS)
    sure: Bool = np.asarray(long.any(axis=1), bool)
    sinks: Bool = np.asarray(rose.any(axis=1), bool)
    upper, row = np.where(sure[:, None], long, rose), np.arange(k)
    begin = np.where(sinks, count - 1 - upper[:, ::-1].argmax(axis=1), 0)
    start, since = depths[begin], passed[row, begin]
    rise = np.where(sinks, depth - start, 1.0)
    days = np.where(sinks, np.maximum(today - since, LEAST_GAP_DAYS), 1.0)
    rate = np.where(sinks, rise / days, 0.0)
    rate_var = 2 * (noise / rise) ** 2 + BURSTS**2
    # --- the stretch before, for how the rate changes
    lower = known & (start[:, None] - depths >= np.maximum(1.0, STRETCH * start)[:, None]) & sinks[:, None]
    two = lower.any(axis=1)
    first = np.where(two, count - 1 - lower[:, ::-1].argmax(axis=1), 0)
    rise_1 = np.where(two, start - depths[first], 1.0)
    days_1 = np.where(two, np.maximum(since - passed[row, first], LEAST_GAP_DAYS), 1.0)
    middle = np.where(sinks, (depth + start) / 2, 1.0)
    middle_1 = np.where(two, (start + depths[first]) / 2, 1.0)
    apart = np.where(two, np.log(middle / middle_1), 1.0)
    seen = np.log(np.where(two, rise / days / (rise_1 / days_1), 1.0)) / apart
    seen_var = (2 * (noise / rise) ** 2 + 2 * (noise / rise_1) ** 2 + 2 * BURSTS**2) / apart**2
    weight = np.where(two, POWER_SE**2 / (POWER_SE**2 + seen_var), 0.0)
    power = np.clip(USUAL_POWER + weight * (seen - USUAL_POWER), -1.5, 0.8)
    power_se = POWER_SE * np.sqrt(1 - weight)
    now = np.maximum(np.maximum(depth, rows[:, Sink.SLOW]), 0.1)
    left = np.maximum(limit_mm, now)

    def days_by(power: Float64) -> Float64:
        """If the rate goes with this power of the depth."""
        rest = 1 - power
        return (left**rest - now**rest) / rest * middle**power / np.where(sinks, rate, 1.0)

    def at(days: Float64, known: Bool) -> Float64:
        return np.where(known, np.maximum(days - LAG_DAYS, 0.0), np.inf)

    likely = days_by(power)
    ends = []
    for sign in (-1, 1):
        bent = np.log(np.maximum(days_by(np.minimum(power - sign * WITHIN * power_se, 0.9)), 1e-6))
        bent -= np.log(np.maximum(likely, 1e-6))
        ends.append(likely * np.exp(sign * np.sqrt(bent**2 + WITHIN**2 * rate_var)))
    return Forecast(np.where(sure, rate, 0.0), at(likely, sure), at(ends[0], sinks), at(ends[1], sure))
