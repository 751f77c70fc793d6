"""Persistent sag: a deflection whose daily mean goes on growing with temperature and season removed.

By day: deflection − coefficient · temperature = level + rate · time (+ an annual wave once a year is in), by
least squares over at most a year. The rate's standard error counts the memory of the residuals as an AR(1)'s,
√((1 + ρ)/(1 − ρ)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

KEPT_DAYS: Final = 400
YEAR: Final = 365.25
NONE: Final = -(1 << 60)
LEAST_ROWS: Final = 4
"""A day with fewer blocks does not count."""
LEAST_WEATHER_C: Final = 0.3
"""Days that differ by less say nothing of temperature [°C]."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Growth of one deflection.

    growth_mm : over `days` days. certainty : growth over its standard error. a_month_mm : rate.
    coefficient : part of temperature [mm/°C]; 0 where none was known. provisional : less than a year.
    """

    growth_mm: float
    certainty: float
    a_month_mm: float
    coefficient: float
    days: int
    provisional: bool


class Sag:
    """Days of each channel.

    day : int64[c]  The day under way. sums : float64[c, 4]  Of deflection, n, temperature, n in it.
    kept_day : int64[c, KEPT_DAYS]; kept : float64[c, KEPT_DAYS, 2]  Deflection [mm], temperature [°C].
    """

    def __init__(self, n: int) -> None:
        self.state: dict[str, npt.NDArray[Any]] = {
            "day": np.full(n, NONE, np.int64),
            "sums": np.zeros((n, 4)),
            "kept_day": np.full((n, KEPT_DAYS), NONE, np.int64),
            "kept": np.full((n, KEPT_DAYS, 2), np.nan),
            "growth": np.zeros(n),
            "found": np.zeros(n, np.int64),
        }

    def add(self, c: Int, day: Int, value: Float, warm: Float) -> Int:
        """Take blocks: deflection [mm] and temperature [°C] or NaN. Return the channels whose day ended."""
        state = self.state
        over: Int = c[(state["day"][c] != day) & (state["sums"][c, 1] > 0)]
        slot = state["day"][over] % KEPT_DAYS
        sums = state["sums"][over]
        mean = sums[:, [0, 2]] / np.maximum(sums[:, [1, 3]], 1)
        mean[sums[:, 3] == 0, 1] = np.nan
        mean[sums[:, 1] < LEAST_ROWS] = np.nan
        state["kept_day"][over, slot], state["kept"][over, slot] = state["day"][over], mean
        state["sums"][over] = 0.0
        state["day"][c] = day
        known = np.isfinite(warm)
        state["sums"][c] += np.stack([value, np.ones(len(c)), np.where(known, warm, 0.0), known], axis=1)
        return over

    def rate(self, channel: int, least_days: int) -> Rate | None:
        """Growth of one channel over at most a year; None before `least_days` days."""
        day, kept = self.state["kept_day"][channel], self.state["kept"][channel]
        newest = int(day.max(initial=NONE))
        good = (day > newest - 366) & np.isfinite(kept[:, 0])
        if good.sum() < least_days or newest - int(day[good].min()) < least_days:
            return None
        order = np.argsort(day[good])
        t = day[good][order].astype(np.float64)
        y, warm = kept[good][order].T
        span = t[-1] - t[0]
        slope, warm = _coefficient(t, y, warm)
        provisional = span < YEAR - 15
        return _fit(t, y - slope * warm, slope, provisional)


def _coefficient(t: Float, y: Float, warm: Float) -> tuple[float, Float]:
    """Deflection for 1 °C, and the temperatures (0 where they cannot be used).

    From the differences of successive days alone: over a season a sag and a temperature look alike, from one
    day to the next the weather moves and a sag does not.
    """
    if not np.isfinite(warm).all():
        return 0.0, np.zeros(len(y))
    follows = np.diff(t) == 1
    dy, dw = np.diff(y)[follows], np.diff(warm)[follows]
    return float(dy @ dw) / max(float(dw @ dw), len(dw) * LEAST_WEATHER_C**2, 1e-9), warm


def _fit(t: Float, y: Float, slope: float, provisional: bool) -> Rate:
    """Growth by least squares; noise and its memory are those left by a curve, so that a sag is no noise."""
    span = float(t[-1] - t[0])
    x = (t - t[0]) / span
    columns = [np.ones(len(t)), x]
    if not provisional:
        columns += [np.sin(2 * np.pi * t / YEAR), np.cos(2 * np.pi * t / YEAR)]
    lines = np.stack(columns, axis=1)
    curves = np.stack([*columns, x**2, x**3], axis=1)
    growth = float(np.linalg.lstsq(lines, y, rcond=None)[0][1])
    left = y - curves @ np.linalg.lstsq(curves, y, rcond=None)[0]
    rho = float(np.clip((left[1:] @ left[:-1]) / max(float(left @ left), 1e-12), 0.0, 0.95))
    spread = float(left @ left) / max(len(y) - curves.shape[1], 1)
    inverse = np.linalg.pinv(lines.T @ lines)
    error = float(np.sqrt(max(spread * inverse[1, 1] * (1 + rho) / (1 - rho), 1e-12)))
    return Rate(growth, growth / error, growth / span * 30, slope, round(span), provisional)
