"""Weather that is remembered for weeks: by how much a gauge's fortnights wander more than its days explain.

Moisture, snow, traffic of a season, temperatures that no thermometer sees: such a residual has the lag-1
autocorrelation of days, but its sums over weeks wander by several times as much as an AR(1)'s, and look
like movements. So the sums of a day's row and value over fortnights are kept. Whatever coefficients hold,
they give the residual's sums; their mean square over four weeks against the AR(1)'s is the ratio of the
long-run variances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.teaching import NONE

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

FORTNIGHT: Final = 14
FORTNIGHTS: Final = 28
"""That are kept: a year of them, and one that is empty between the newest and the oldest."""
LEAST_DAYS: Final = 10
"""In a fortnight, else it tells nothing."""
LEAST_PAIRS: Final = 12
"""Pairs of fortnights, half a year, before anything is said: a young model's errors look the same."""
USED: Final = 10.0
"""Pairs that the coefficients of level, season and temperature follow …"""
USED_MOST: Final = 0.5
"""… but no more than this share of them."""
PRIOR_PAIRS: Final = 10.0
"""With which it is thought that an AR(1) explains all."""
SURE: Final = 1.25
"""A ratio that chance makes."""
HIDDEN: Final = 4.0
"""The waves of the year follow most of such weather in the year that teaches them, and err by it in the next:
what is seen beyond the AR(1) is so many times as much afterwards."""


class LongMemory:
    """State of all channels.

    ratio : float64[c]  Long-run variance of the days' residual against its AR(1)'s; 1 = nothing is beyond it.
    sums : float32[c, FORTNIGHTS]  Standardised sums of the residual, by fortnight; NaN = not known.
    """

    _STATE: Final = ("rows", "days", "newest", "ratio", "sums")

    def __init__(self, n: int, width: int) -> None:
        self.rows = np.zeros((n, FORTNIGHTS, width), np.float32)
        self.days = np.zeros((n, FORTNIGHTS), np.int16)
        self.newest = np.full(n, NONE, np.int64)
        self.ratio = np.ones(n)
        self.sums = np.full((n, FORTNIGHTS), np.nan, np.float32)

    def add(self, c: Int, day: Int, row: Float) -> None:
        """Take days. row : float64[k, width]  A day's row and value."""
        fortnight = day // FORTNIGHT
        place = fortnight % FORTNIGHTS
        new = fortnight != self.newest[c]
        self.rows[c[new], place[new]], self.days[c[new], place[new]] = 0.0, 0
        self.newest[c] = fortnight
        self.rows[c, place] += row
        self.days[c, place] += 1

    def solve(self, c: Int, combine: Float, sigma: Float, rho: Float) -> None:
        """What the residuals that `combine`, float64[k, width], makes of row and value show.

        sigma, rho : float64[k]  Their daily spread [µε] and lag-1 autocorrelation.
        """
        sums = np.einsum("kmi,ki->km", self.rows[c].astype(np.float64), combine)
        days = self.days[c]
        long_run = sigma**2 * (1 + rho) / (1 - rho) * _of_four_weeks(rho)
        scale = np.sqrt(long_run[:, None] * np.maximum(days, 1))
        self.sums[c] = np.where(days >= LEAST_DAYS, sums / scale, np.nan)
        pairs = pairs_of(self.sums[c].astype(np.float64))
        known = np.isfinite(pairs)
        count = known.sum(axis=1)
        free = freedom(count)
        mean = (np.where(known, pairs, 0.0) ** 2).sum(axis=1)
        mean = (mean + PRIOR_PAIRS) / (free + PRIOR_PAIRS)
        seen = np.where(count >= LEAST_PAIRS, np.maximum(mean - SURE, 0.0), 0.0)
        self.ratio[c] = 1.0 + HIDDEN * seen

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.rows[c], self.days[c], self.newest[c] = 0.0, 0, NONE
        self.ratio[c], self.sums[c] = 1.0, np.nan

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"memory_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"memory_{name}"]
            getattr(self, name)[: len(kept)] = kept


def pairs_of(sums: Float) -> Float:
    """float64[…, FORTNIGHTS]  Standardised sums of each fortnight with the one after it."""
    pairs: Float = (sums + np.roll(sums, -1, axis=-1)) / np.sqrt(2.0)
    return pairs


def freedom(count: npt.NDArray[Any]) -> Float:
    """float64[…]  Pairs that are left when the coefficients have followed their share."""
    left: Float = np.maximum(count - USED, USED_MOST * count)
    return left


def _of_four_weeks(rho: Float) -> Float:
    """Variance of a sum of four weeks of an AR(1), of its long-run variance times the days."""
    days = 2 * FORTNIGHT
    share: Float = 1 - 2 * rho * (1 - rho**days) / (days * (1 - rho**2))
    return share
