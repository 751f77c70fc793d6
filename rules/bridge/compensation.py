"""What temperature and the season explain of a gauge's strain: learned, then frozen.

strain = level + a·T + b·(T lagged by hours - T) + c·(T of the other thermometers - T)
+ d·(T lagged by a day - T) + e·T² + waves of a year and of half a year.
Hourly medians are whitened (AR(1), ρ 0.9) before the least squares, so that a day's many hours do not
pretend to know the level better than they do. What hours teach of temperature is the day's swing; the
days' means follow a cold week otherwise (the lags and the sun of a day are over by then). So the days'
means, whitened by their own memory, have the last word: a second least squares, drawn to what the hours
found. Each coefficient has a prior, so that the uncertainty of a model learned in ten days is known and
grows when it is asked about another season.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.teaching import Teaching

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

TERMS: Final = 10
"""Level, temperature, its lag of hours, difference across, lag of a day, square, two waves of the year."""
SQUARE_C: Final = 10.0
RHO_HOUR: Final = 0.9
T_ZERO_C: Final = 15.0
YEAR_HOURS: Final = 365.2425 * 24
PRIOR_LEVEL_UE: Final = 5000.0
PRIOR_LAGS: Final = np.array([1.0, 0.5, 0.5, 0.5])
"""Temperature, its lag of hours, difference across, lag of a day: of what the gauge is thought to feel."""
PRIOR_SEASON_UE: Final = 4.0
PRIOR_HALF_YEAR_UE: Final = 2.0
PRIOR_SQUARE_UE: Final = 2.0
"""Bend of the strain against temperature at 10 °C from the middle [µε]."""
START_VARIANCE: Final = 4.0
"""Variance of an hour's innovation before any is known [µε²]."""
LONGEST_HOURS: Final = 72
LONGEST_DAYS: Final = 4
RHO_DAY: Final = 0.5
DAYS_DIFFER: Final = 0.1
"""What a coefficient of temperature may be otherwise for days than for hours, of its own prior …"""


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

    theta : float64[c, TERMS]  Coefficients. hourly : float64[c, TERMS]  Those that the hours alone give.
    variance : float64[c]  Of an hour's innovation [µε²].
    covariance : float64[c, TERMS, TERMS]  Of `theta`.
    hours, days : What teaches them.
    """

    _STATE: Final = ("origin", "theta", "hourly", "covariance", "variance")

    def __init__(self, n: int, beta_prior: Float) -> None:
        self.beta_prior = beta_prior
        self.hours = Teaching(n, TERMS, RHO_HOUR, LONGEST_HOURS, "hours")
        self.days = Teaching(n, TERMS, RHO_DAY, LONGEST_DAYS, "days")
        self.origin = np.full(n, np.nan)
        self.theta, self.hourly = np.zeros((n, TERMS)), np.zeros((n, TERMS))
        self.covariance = np.zeros((n, TERMS, TERMS))
        self.variance = np.full(n, START_VARIANCE)

    def learn(self, c: Int, hour: Int, row: Float, value: Float, waits: npt.NDArray[np.bool_]) -> None:
        """Take hours of training; those that wait teach a month later."""
        new = np.isnan(self.origin[c])  # the first value of each channel: the sums stay small and exact
        self.origin[c[new]] = value[new]
        self.hours.learn(c, hour, row, value - self.origin[c], waits)

    def learn_days(self, c: Int, day: Int, row: Float, value: Float, waits: npt.NDArray[np.bool_]) -> None:
        """Take means of days. value : float64[k]  Less the channel's origin [µε]."""
        self.days.learn(c, day, row, value, waits)

    def week_over(self, c: Int, sound: npt.NDArray[np.bool_]) -> None:
        """The oldest waiting week teaches the model (or, where nothing is sound, is thrown away with all)."""
        for rows in (self.hours, self.days):
            rows.week_over(c[sound], c[~sound])
        self.solve(c[sound])

    def waits(self, c: Int) -> npt.NDArray[np.bool_]:
        """bool[k]  Something was learned that has not taught yet."""
        return self.hours.waits(c) | self.days.waits(c)

    def solve(self, c: Int) -> None:
        """Coefficients from the hours that were taught."""
        c = c[self.hours.count[c] > 0]
        if len(c) == 0:
            return
        spread = self._spread(c)
        for _ in range(2):
            inverse = self.hours.inverse(c, self.variance[c][:, None] / spread**2)
            theta = np.einsum("kij,kj->ki", inverse, self.hours.moment[c])
            misfit = self.hours.square[c] - np.einsum("ki,ki->k", theta, self.hours.moment[c])
            freedom = self.hours.count[c] + 12.0
            self.variance[c] = np.maximum((misfit + 12.0 * START_VARIANCE / 4) / freedom, 0.01)
        self.hourly[c] = self.theta[c] = theta

    def settle(self, c: Int, long_run: Float) -> None:
        """Let the means of days have the last word.

        long_run : float64[k]  Long-run variance of a day's residual, variance · (1 + ρ) / (1 - ρ) [µε² d].
        Level and season are theirs alone; temperature's coefficients are drawn to the hours'.
        """
        spread, centre = self._spread(c), self.hourly[c].copy()
        spread[:, 1:5] *= DAYS_DIFFER / PRIOR_LAGS
        centre[:, 0] = centre[:, 6:] = 0.0
        innovation = (1 - RHO_DAY) ** 2 * long_run[:, None]
        weights = innovation / spread**2
        inverse = self.days.inverse(c, weights)
        self.theta[c] = np.einsum("kij,kj->ki", inverse, self.days.moment[c] + weights * centre)
        self.covariance[c] = inverse * innovation[:, :, None]

    def _spread(self, c: Int) -> Float:
        """float64[k, TERMS]  Prior spread of the coefficients."""
        spread = np.empty((len(c), TERMS))
        spread[:] = (
            PRIOR_LEVEL_UE, *PRIOR_LAGS, PRIOR_SQUARE_UE, PRIOR_SEASON_UE, PRIOR_SEASON_UE,
            PRIOR_HALF_YEAR_UE, PRIOR_HALF_YEAR_UE,
        )  # fmt: skip
        spread[:, 1:5] *= self.beta_prior[c][:, None]
        return spread

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
        self.hours.forget(c)
        self.days.forget(c)
        for array in (self.theta, self.hourly, self.covariance):
            array[c] = 0
        self.variance[c], self.origin[c] = START_VARIANCE, np.nan

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        mine = {name: getattr(self, name) for name in self._STATE}
        return mine | self.hours.snapshot() | self.days.snapshot()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
        self.hours.restore(state)
        self.days.restore(state)
