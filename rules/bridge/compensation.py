"""What temperature and the season explain of a gauge's strain: learned, then frozen.

strain = level + a·T + b·(T lagged by hours - T) + c·(T of the other thermometers - T)
+ d·(T lagged by a day - T) + e·T² + waves of a year and of half a year.
Hourly medians are whitened (AR(1), ρ 0.9) before the least squares, so that a day's many hours do not
pretend to know the level better than they do, and each coefficient has a prior, so that the
uncertainty of a model learned in ten days is known and grows when it is asked about another season.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

TERMS: Final = 10
"""Level, temperature, its lag of hours, difference across, lag of a day, square, two waves of the year."""
SQUARE_C: Final = 10.0
RHO_HOUR: Final = 0.9
T_ZERO_C: Final = 15.0
YEAR_HOURS: Final = 365.2425 * 24
PRIOR_LEVEL_UE: Final = 5000.0
PRIOR_SEASON_UE: Final = 4.0
PRIOR_HALF_YEAR_UE: Final = 2.0
PRIOR_SQUARE_UE: Final = 2.0
"""Bend of the strain against temperature at 10 °C from the middle [µε]."""
START_VARIANCE: Final = 4.0
"""Variance of an hour's innovation before any is known [µε²]."""
BUCKETS: Final = 4
"""Weeks that wait before they may teach a model that is already judging: drift must not teach it."""
NONE: Final = -(1 << 60)


def terms(hour: Int, now_c: Float, lagged_c: Float, day_lagged_c: Float, across_c: Float) -> Float:
    """float64[k, TERMS]  The regression's row of an hour; without temperature only level and season."""
    known = np.isfinite(now_c)
    phase = 2 * np.pi * (hour % round(YEAR_HOURS * 4)) / YEAR_HOURS
    out = np.zeros((len(hour), TERMS))
    out[:, 0] = 1.0
    warm = np.where(known, now_c - T_ZERO_C, 0.0)
    out[:, 1] = warm
    out[:, 2] = np.where(known, lagged_c - now_c, 0.0)
    out[:, 3] = np.where(known, across_c, 0.0)
    out[:, 4] = np.where(known, day_lagged_c - now_c, 0.0)
    out[:, 5] = (warm / SQUARE_C) ** 2
    for place, wave in ((6, 1), (8, 2)):
        out[:, place], out[:, place + 1] = np.cos(wave * phase), np.sin(wave * phase)
    return out


class Compensation:
    """Least squares in information form for all channels.

    theta : float64[c, TERMS]  Coefficients. variance : float64[c]  Of an hour's innovation [µε²].
    covariance : float64[c, TERMS, TERMS]  Of the coefficients.
    """

    _STATE: Final = (
        "information",
        "moment",
        "square",
        "count",
        "origin",
        "theta",
        "covariance",
        "variance",
        "inflation",
        "hour",
        "row",
        "value",
        "wait_information",
        "wait_moment",
        "wait_square",
        "wait_count",
    )

    def __init__(self, n: int, beta_prior: Float) -> None:
        self.beta_prior = beta_prior
        self.information = np.zeros((n, TERMS, TERMS))
        self.moment = np.zeros((n, TERMS))
        self.square, self.count = np.zeros(n), np.zeros(n)
        self.origin = np.full(n, np.nan)
        self.theta = np.zeros((n, TERMS))
        self.covariance = np.zeros((n, TERMS, TERMS))
        self.variance = np.full(n, START_VARIANCE)
        self.inflation = np.ones(n)
        self.hour = np.full(n, NONE, np.int64)
        self.row, self.value = np.zeros((n, TERMS)), np.zeros(n)
        self.wait_information = np.zeros((n, BUCKETS, TERMS, TERMS), np.float32)
        self.wait_moment = np.zeros((n, BUCKETS, TERMS), np.float32)
        self.wait_square = np.zeros((n, BUCKETS), np.float32)
        self.wait_count = np.zeros((n, BUCKETS), np.float32)

    def learn(self, c: Int, hour: Int, row: Float, value: Float, waits: npt.NDArray[np.bool_]) -> None:
        """Take hours of training; those that wait go into the newest week of the queue."""
        gap = hour - self.hour[c]
        rho = np.where((gap > 0) & (gap < 72), RHO_HOUR ** np.clip(gap, 0, 72), 0.0)
        scale = 1.0 / np.sqrt(1.0 - rho**2) * np.sqrt(1.0 - RHO_HOUR**2)
        value = value - self._origins(c, value)
        x = (row - rho[:, None] * self.row[c]) * scale[:, None]
        y = (value - rho * self.value[c]) * scale
        self.hour[c], self.row[c], self.value[c] = hour, row, value
        started = rho > 0
        c, x, y, waits = c[started], x[started], y[started], waits[started]
        square = x[:, :, None] * x[:, None, :]
        now, later = ~waits, waits
        self.information[c[now]] += square[now]
        self.moment[c[now]] += x[now] * y[now, None]
        self.square[c[now]] += y[now] ** 2
        self.count[c[now]] += 1
        self.wait_information[c[later], 0] += square[later]
        self.wait_moment[c[later], 0] += x[later] * y[later, None]
        self.wait_square[c[later], 0] += y[later] ** 2
        self.wait_count[c[later], 0] += 1

    def _origins(self, c: Int, value: Float) -> Float:
        """First value of each channel: the sums stay small and exact."""
        new = np.isnan(self.origin[c])
        self.origin[c[new]] = value[new]
        return self.origin[c]

    def week_over(self, c: Int, sound: npt.NDArray[np.bool_]) -> None:
        """The oldest waiting week teaches the model (or, where nothing is sound, is thrown away with all)."""
        good, bad = c[sound], c[~sound]
        self.information[good] += self.wait_information[good, -1]
        self.moment[good] += self.wait_moment[good, -1]
        self.square[good] += self.wait_square[good, -1]
        self.count[good] += self.wait_count[good, -1]
        for queue in (self.wait_information, self.wait_moment, self.wait_square, self.wait_count):
            queue[good] = np.roll(queue[good], 1, axis=1)
            queue[good, 0] = 0.0
            queue[bad] = 0.0
        self.solve(good)

    def solve(self, c: Int) -> None:
        """Coefficients from all that was taught."""
        c = c[self.count[c] > 0]
        if len(c) == 0:
            return
        spread = self._spread(c)
        for _ in range(2):
            inverse = self._inverse(c, spread)
            theta = np.einsum("kij,kj->ki", inverse, self.moment[c])
            misfit = self.square[c] - np.einsum("ki,ki->k", theta, self.moment[c])
            freedom = self.count[c] + 12.0
            self.variance[c] = np.maximum((misfit + 12.0 * START_VARIANCE / 4) / freedom, 0.01)
        self.theta[c] = theta
        self.covariance[c] = inverse * (self.variance * self.inflation)[c][:, None, None]

    def _spread(self, c: Int) -> Float:
        """float64[k, TERMS]  Prior spread of the coefficients."""
        spread = np.empty((len(c), TERMS))
        spread[:] = (
            PRIOR_LEVEL_UE, 1.0, 0.5, 0.5, 0.5, PRIOR_SQUARE_UE, PRIOR_SEASON_UE, PRIOR_SEASON_UE,
            PRIOR_HALF_YEAR_UE, PRIOR_HALF_YEAR_UE,
        )  # fmt: skip
        spread[:, 1:5] *= self.beta_prior[c][:, None]
        return spread

    def _inverse(self, c: Int, spread: Float) -> Float:
        prior = (self.variance * self.inflation)[c][:, None] / spread**2
        matrix = self.information[c].copy()
        matrix[:, np.arange(TERMS), np.arange(TERMS)] += prior
        return np.linalg.inv(matrix).astype(np.float64)

    def widen(self, c: Int, daily: Float) -> None:
        """Be less sure where days wander more than the hours' noise lets expect.

        daily : float64[k]  Long-run variance of a day's residual, variance · (1 + ρ) / (1 - ρ) [µε² d].
        """
        hourly = self.variance[c] / (1 - RHO_HOUR) ** 2 / 24
        self.inflation[c] = np.maximum(daily / np.maximum(hourly, 1e-9), 1.0)
        variance = (self.variance * self.inflation)[c]
        self.covariance[c] = self._inverse(c, self._spread(c)) * variance[:, None, None]

    def residual(self, c: Int, row: Float, value: Float) -> Float:
        """float64[k]  What is left of strain when the model's part is taken away [µε]."""
        left: Float = value - np.nan_to_num(self.origin[c]) - np.einsum("ki,ki->k", row, self.theta[c])
        return left

    def uncertainty(self, c: Int, row: Float) -> Float:
        """float64[k]  Standard error of the model's part there [µε]."""
        pulled = np.matmul(self.covariance[c], row[:, :, None])[:, :, 0]
        spread: Float = np.sqrt(np.maximum((row * pulled).sum(axis=1), 0.0))
        return spread

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        for array in (
            self.information,
            self.moment,
            self.square,
            self.count,
            self.theta,
            self.covariance,
            self.wait_information,
            self.wait_moment,
            self.wait_square,
            self.wait_count,
        ):
            array[c] = 0
        self.variance[c], self.inflation[c] = START_VARIANCE, 1.0
        self.origin[c] = np.nan
        self.hour[c] = NONE

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
