"""How restless a gauge's days are: spread and memory of the daily residual, for whatever model holds now.

The sums of products of a day's row and value, with themselves and with the day before, give the residuals'
variance and lag-1 covariance for any coefficients. So the noise is that of the model that judges, and
not that of the poorer ones with which the year began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.compensation import TERMS
from rules.bridge.long_memory import LongMemory
from rules.bridge.teaching import NONE

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

WIDTH: Final = TERMS + 1
RHO_PRIOR: Final = 0.4
RHO_PRIOR_DAYS: Final = 15.0
SLOW_ONES: Final = 5.0
"""Those of them that follow its slow part: level and waves."""
RHO_MOST: Final = 0.9
SIGMA_PRIOR_UE: Final = 2.0
SIGMA_PRIOR_DAYS: Final = 4.0
USED: Final = 10.0
"""Coefficients that a series of days is followed by."""


class DailyNoise:
    """Sums over days for all channels.

    sigma, rho : float64[c]  Daily residual's spread [µε] and lag-1 autocorrelation.
    memory : What is remembered longer than that.
    """

    _STATE: Final = ("own", "lagged", "count", "pairs", "before", "day", "sigma", "rho")

    def __init__(self, n: int) -> None:
        self.own, self.lagged = np.zeros((n, WIDTH, WIDTH)), np.zeros((n, WIDTH, WIDTH))
        self.count, self.pairs = np.zeros(n), np.zeros(n)
        self.memory = LongMemory(n, WIDTH)
        self.before, self.day = np.zeros((n, WIDTH)), np.full(n, NONE, np.int64)
        self.sigma, self.rho = np.full(n, np.nan), np.full(n, RHO_PRIOR)

    def add(self, c: Int, day: Int, row: Float, value: Float) -> None:
        """Take days. row : float64[k, TERMS]. value : float64[k]  Less the channel's origin [µε]."""
        z = np.concatenate([row, value[:, None]], axis=1)
        follows = day - self.day[c] == 1
        self.own[c] += z[:, :, None] * z[:, None, :]
        self.count[c] += 1
        to = c[follows]
        self.lagged[to] += z[follows][:, :, None] * self.before[to][:, None, :]
        self.pairs[to] += 1
        self.before[c], self.day[c] = z, day
        self.memory.add(c, day, z)

    def solve(self, c: Int, theta: Float, floor_ue: Float) -> None:
        """Spread and memory for coefficients float64[k, TERMS]; each drawn to a prior while days are few."""
        v = np.concatenate([-theta, np.ones((len(c), 1))], axis=1)
        n, pairs = self.count[c], np.maximum(self.pairs[c], 1.0)
        squares = np.maximum(np.einsum("ki,kij,kj->k", v, self.own[c], v), 1e-9)
        crossed = np.einsum("ki,kij,kj->k", v, self.lagged[c], v)
        mass = squares / np.maximum(n, 1.0)
        rho = (crossed + RHO_PRIOR * RHO_PRIOR_DAYS * mass) / ((pairs + RHO_PRIOR_DAYS) * mass)
        # Marriott & Pope (1954), and what the coefficients follow of the slow part.
        rho = rho + (1 + (3 + SLOW_ONES) * np.clip(rho, 0, 1)) / np.maximum(n, 10.0)
        self.rho[c] = np.clip(rho, 0.0, RHO_MOST)
        used = np.minimum(USED * (1 + self.rho[c]) / (1 - self.rho[c]), 0.5 * n)
        prior = SIGMA_PRIOR_UE**2 * SIGMA_PRIOR_DAYS
        variance = (squares * n / np.maximum(n - used, 1.0) + prior) / (n + SIGMA_PRIOR_DAYS)
        self.sigma[c] = np.maximum(np.sqrt(variance), floor_ue)

    def remember(self, c: Int, theta: Float) -> None:
        """What is remembered longer than by days, for coefficients float64[k, TERMS] that were solved for."""
        v = np.concatenate([-theta, np.ones((len(c), 1))], axis=1)
        self.memory.solve(c, v, self.sigma[c], self.rho[c])

    def latest(self, c: Int, theta: Float) -> Float:
        """float64[k]  Residual of the newest day that was taken [µε]."""
        left: Float = self.before[c, -1] - np.einsum("ki,ki->k", self.before[c, :-1], theta)
        return left

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        for array in (self.own, self.lagged, self.count, self.pairs):
            array[c] = 0
        self.day[c] = NONE
        self.sigma[c], self.rho[c] = np.nan, RHO_PRIOR
        self.memory.forget(c)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        mine = {f"noise_{name}": getattr(self, name) for name in self._STATE}
        return mine | self.memory.snapshot()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"noise_{name}"]
            getattr(self, name)[: len(kept)] = kept
        self.memory.restore(state)
