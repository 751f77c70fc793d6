"""A day's mean without the hours that stand out of it: queues that stood, jams, a bad reading.

Traffic that stands shifts some hours of a day, a movement of the structure all that follow. So hours that
lie far from the median of their day are left out of its mean. Most of the hours must agree: of two readings
a day neither stands out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

HOURS: Final = 24
STANDS_OUT: Final = 3.0
"""Times an hour's usual spread."""
LEAST_HOURS: Final = 4


class DayMean:
    """Residuals of the hours of the day that is under way, for all channels.

    residual : float32[c, HOURS] [µε]. count : int64[c]  Hours in it. low, high : float64[c]  Their extremes.
    """

    _STATE: Final = ("residual", "count", "low", "high")

    def __init__(self, n: int) -> None:
        self.residual = np.full((n, HOURS), np.nan, np.float32)
        self.count = np.zeros(n, np.int64)
        self.low, self.high = np.full(n, np.inf), np.full(n, -np.inf)

    def add(self, c: Int, residual: Float) -> None:
        """Take an hour of each of these channels."""
        self.residual[c, self.count[c] % HOURS] = residual
        self.count[c] += 1
        self.low[c] = np.minimum(self.low[c], residual)
        self.high[c] = np.maximum(self.high[c], residual)

    def end(self, c: Int, spread: Float) -> Float:
        """float64[k]  What the mean of all hours is above that of those that agree; the day is over.

        spread : float64[k]  Usual spread of an hour [µε].
        """
        above = np.zeros(len(c))
        asked = (self.high[c] - self.low[c] > STANDS_OUT * spread) & (self.count[c] >= LEAST_HOURS)
        if asked.any():
            above[asked] = _above(self.residual[c[asked]], STANDS_OUT * spread[asked])
        self.clear(c)
        return above

    def clear(self, c: Int) -> None:
        """Begin a day anew."""
        self.residual[c], self.count[c] = np.nan, 0
        self.low[c], self.high[c] = np.inf, -np.inf

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"day_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"day_{name}"]
            getattr(self, name)[: len(kept)] = kept


def _above(residual: npt.NDArray[np.float32], limit: Float) -> Float:
    """float64[k]  The same of channels of which some hours may stand out.

    residual : float32[k, HOURS]  NaN = no such hour [µε]. limit : float64[k]  What does not stand out [µε].
    """
    above = np.zeros(len(residual))
    ordered = np.sort(residual, axis=1)  # NaN come last
    count = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(ordered))
    lower, upper = ordered[rows, (count - 1) // 2], ordered[rows, count // 2]
    middle = (lower.astype(np.float64) + upper) / 2
    # Those whose extremes agree have no hour that does not.
    far = np.flatnonzero(np.maximum(ordered[rows, count - 1] - middle, middle - ordered[:, 0]) > limit)
    hours = residual[far].astype(np.float64)
    there = np.isfinite(hours)
    agree = np.abs(hours - middle[far, None]) <= limit[far, None]  # of what is not there nothing does
    agree = np.where((2 * agree.sum(axis=1) > count[far])[:, None], agree, there)
    above[far] = _mean(hours, there) - _mean(hours, agree)
    return above


def _mean(hours: Float, of: npt.NDArray[np.bool_]) -> Float:
    total: Float = np.where(of, hours, 0.0).sum(axis=1) / of.sum(axis=1)
    return total
