"""Whether a mode's frequency fell beyond what temperature explains.

Per cent of frequency = 100 ln(f / reference), means of days. They are regressed on temperature, its part
below freezing (asphalt and ballast stiffen: Peeters & De Roeck 2001) and the day before's (thermal inertia),
by Bayesian least squares: what the days do not know stays as uncertain as the priors say, so that a first
summer after a winter's training is no damage. Days teach when they are a month old and nothing was told of
them, until a year is in; then the model is frozen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jingqiao.modal.tracking import Track

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

DAY_US: Final = 86_400_000_000
LEAST_HOURS: Final = 3
"""Hours that make a day: fewer may be all night or all noon."""
LEAST_SWING_C: Final = 0.05
"""A day on which the temperature moved less had a dead thermometer."""
TRAINING_DAYS: Final = 14
TEACHING_LAG: Final = 30
"""A day teaches so many days later, unless a change was told then."""
YEAR: Final = 365
PRIOR_SD: Final = (5.0, 0.3, 0.5, 0.1)
"""Of the level [%], of a degree, of a degree below 0 °C beside that, of a degree the day before [%/°C].
Bridges: −0.4 to 0 %/°C, twice as much and more in frost."""
PRIOR_NOISE: Final = 0.3
"""Usual scatter of a day's mean about the model [%], worth PRIOR_DAYS days."""
PRIOR_DAYS: Final = 5.0
RECENT: Final = 7
"""Days whose mean is judged, at least LEAST_RECENT of them."""
LEAST_RECENT: Final = 3
CERTAIN: Final = 4.0
"""Standard errors beyond which a change is no chance."""
LEAST_PERCENT: Final = 1.0
LEVEL_2, LEVEL_3 = 3.0, 5.0
"""Fall of frequency, environment removed, of level 2 and 3 in JT/T 1037-2022 table 9 [%]."""


@dataclass(frozen=True, slots=True)
class Days:
    """Means of days. day : int64[n]  since 1970 UTC. percent : float64[n]  100 ln(f / reference).
    warm : float64[n]  [°C]. hours : int64[n]  windows in each.
    """

    day: Int
    percent: Float
    warm: Float
    hours: Int


@dataclass(frozen=True, slots=True)
class Judged:
    """A mode by day, and where it stands.

    days : The days. compensated, error : float64[n]  What temperature does not explain, and the standard
    error of a single day's [%]; NaN while learning. change_percent, change_error : Mean of the newest days,
    None while learning. per_degree : [%/°C] above freezing. state : `learning`, `provisional` (no year yet),
    `judged`, `unknown_temperature` (nothing is judged). found : The change is certain. found_since : Day.
    level : 0, 2, 3. sigmas : change by its error.
    """

    days: Days
    compensated: Float
    error: Float
    state: str
    change_percent: float | None = None
    change_error: float | None = None
    sigmas: float | None = None
    per_degree: float | None = None
    found: bool = False
    level: int = 0
    found_since: int | None = None


def of_frequency(percent: float) -> float:
    """Change of a frequency [%] that 100 ln(f / reference) = `percent` is."""
    return 100 * math.expm1(percent / 100)


def days_of(track: Track) -> Days:
    """Means of the days that have hours enough with a temperature that moves; of all without thermometers."""
    known = np.isfinite(track.temperature_c)
    use = known if known.any() else np.ones(len(known), bool)
    day = track.start[use] // DAY_US
    percent = 100 * np.log(track.frequency_hz[use] / track.hz)
    found, place, hours = np.unique(day, return_inverse=True, return_counts=True)
    means = np.bincount(place, percent) / np.maximum(hours, 1)
    warm = np.bincount(place, track.temperature_c[use]) / np.maximum(hours, 1)
    enough = hours >= LEAST_HOURS
    if known.any():
        low, high = np.full(len(found), np.inf), np.full(len(found), -np.inf)
        np.minimum.at(low, place, track.temperature_c[use])
        np.maximum.at(high, place, track.temperature_c[use])
        enough &= high - low >= LEAST_SWING_C
    return Days(found[enough], means[enough], warm[enough], hours[enough])


def judge(days: Days) -> Judged:
    """Walk through the days as they came."""
    n = len(days.day)
    nothing = np.full(n, np.nan)
    if n < TRAINING_DAYS:
        return Judged(days, nothing, nothing.copy(), "learning")
    if not np.isfinite(days.warm).all():
        return Judged(days, nothing, nothing.copy(), "unknown_temperature")
    rows = _rows(days)
    compensated, error = nothing, nothing.copy()
    taught = np.arange(n) < TRAINING_DAYS  # nobody told anything of these
    change, spread = 0.0, np.inf
    model = _Model(rows[taught], days.percent[taught])
    told = np.zeros(n, bool)
    for today in range(TRAINING_DAYS, n):
        old = _turned_old(days.day, today)
        fresh = old[~taught[old] & ~told[old] & (days.day[old] < days.day[0] + YEAR)]
        if len(fresh) and not told[today - 1]:
            taught[fresh] = True
            model = _Model(rows[taught], days.percent[taught])
        compensated[today] = days.percent[today] - float(rows[today] @ model.mean)
        error[today] = model.error(rows[today : today + 1], 1)
        recent = np.flatnonzero(days.day[: today + 1] > days.day[today] - RECENT)
        recent = recent[recent >= TRAINING_DAYS]
        change = float(np.mean(days.percent[recent] - rows[recent] @ model.mean))
        spread = model.error(rows[recent], len(recent))
        held = 0.5 if told[today - 1] else 1.0
        certain = abs(change) >= held * max(LEAST_PERCENT, CERTAIN * spread)
        told[today] = certain and len(recent) >= LEAST_RECENT
    if n == TRAINING_DAYS:
        return Judged(days, compensated, error, "learning")
    found = bool(told[-1])
    fall = -of_frequency(change) if found else 0.0
    since = int(days.day[np.flatnonzero(~told)[-1] + 1]) if found else None
    return Judged(
        days,
        compensated,
        error,
        "judged" if days.day[-1] - days.day[0] >= YEAR else "provisional",
        of_frequency(change),
        spread,
        change / spread,
        float(model.mean[1]),
        found,
        3 if fall > LEVEL_3 else 2 if fall > LEVEL_2 else 0,
        since,
    )


def _rows(days: Days) -> Float:
    """float64[n, 4]: one, temperature from its first days', below freezing, the day before from today."""
    warm = days.warm
    before = np.concatenate((warm[:1], warm[:-1]))
    gap = np.concatenate(([1], np.diff(days.day)))
    before = np.where(gap <= 2, before, warm)
    start = float(np.mean(warm[:TRAINING_DAYS]))
    return np.column_stack((np.ones(len(warm)), warm - start, np.minimum(warm, 0.0), before - warm))


def _turned_old(day: Int, today: int) -> Int:
    return np.flatnonzero(day[:today] <= day[today] - TEACHING_LAG)


class _Model:
    """Coefficients with their covariance, the scatter of days, and how long it remembers."""

    def __init__(self, rows: Float, percent: Float) -> None:
        prior = np.diag(1 / np.square(PRIOR_SD))
        noise = PRIOR_NOISE
        memory = 0.0
        for _ in range(3):  # noise and coefficients explain each other
            weight = (1 - memory) / (1 + memory) / noise**2
            precision = prior + weight * rows.T @ rows
            self.covariance: Any = np.linalg.inv(precision)
            self.mean = self.covariance @ (weight * rows.T @ percent)
            left = percent - rows @ self.mean
            noise = float(np.sqrt((left @ left + PRIOR_DAYS * PRIOR_NOISE**2) / (len(left) + PRIOR_DAYS)))
            product = float(left[1:] @ left[:-1])
            memory = float(np.clip(product / (left @ left + 10 * noise**2), 0.0, 0.8))
        self.noise, self.memory = noise, memory

    def error(self, rows: Float, n: int) -> float:
        """Standard error of the mean of n successive days' residuals [%]."""
        mean = rows.mean(axis=0)
        lags = np.arange(1, n)
        alike = 1 + 2 * float(np.sum((1 - lags / n) * self.memory**lags))
        return float(np.sqrt(self.noise**2 * alike / n + mean @ self.covariance @ mean))
