"""What a gauge's strain does for a degree, learned on the way for the fast test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MEMORY: Final = 180 * MINUTE
"""Blocks over which it is learned."""
LEARN: Final = 1.0 - np.exp(-1.0 / MEMORY)
PRIOR_COUNT: Final = 30
"""Blocks that the prior weighs: one that is learned in few minutes is believed little."""


class FastThermal:
    """Running moments of temperature and strain over all channels.

    beta_prior : float64[c]  Spread that is thought likely [µε/°C].
    """

    _STATE: Final = ("mean_t", "mean_y", "var_t", "cov", "weight")

    def __init__(self, n: int, beta_prior: Float) -> None:
        self.beta_prior = beta_prior
        self.mean_t, self.mean_y = np.zeros(n), np.zeros(n)
        self.var_t, self.cov, self.weight = np.zeros(n), np.zeros(n), np.zeros(n)

    def beta(self, c: Int, scale: Float) -> Float:
        """float64[k]  Apparent strain for 1 °C, drawn to 0 while little is known [µε/°C].

        scale : float64[k]  Usual error of the gauge [µε].
        """
        prior = (scale**2 + 1.0) / self.beta_prior[c] ** 2
        beta: Float = MEMORY * self.cov[c] / (MEMORY * self.var_t[c] + prior * PRIOR_COUNT)
        return np.clip(beta, -3 * self.beta_prior[c], 3 * self.beta_prior[c])

    def learn(self, c: Int, strain: Float, temperature: Float, quiet: npt.NDArray[np.bool_]) -> None:
        """Take a block: strain [µε] and temperature [°C, may be NaN] of channels, where nothing moves."""
        known = np.isfinite(temperature) & quiet
        c, strain, temperature = c[known], strain[known], temperature[known]
        rate = np.maximum(LEARN, 1.0 / (self.weight[c] + 1.0))
        self.weight[c] += 1.0
        dt, dy = temperature - self.mean_t[c], strain - self.mean_y[c]
        self.mean_t[c] += rate * dt
        self.mean_y[c] += rate * dy
        self.var_t[c] += rate * ((1 - rate) * dt * dt - self.var_t[c])
        self.cov[c] += rate * ((1 - rate) * dt * dy - self.cov[c])

    def shift(self, channel: int, shift_ue: float) -> None:
        """The strain of a channel lies elsewhere from now on."""
        self.mean_y[channel] += shift_ue

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.weight[c] = 0.0

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
