"""Staircases: what vehicles that come to stand one after the other do to a gauge; and the noise beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Staircase:
    """The best levels one after the other.

    squares : float64[STEPS]  Left by one step, by two, … [µε²].
    last : blocks since the last of `STEPS` or fewer steps, with as few steps as explain it.
    """

    squares: Float
    last: int


def staircase(values: Float, variance: float, width: int = 1) -> Staircase:
    """Least squares of 1 … `STEPS` steps. The `width` blocks in which a step falls belong to no level.

    values : float64[m]  [µε], newest last; what is not finite is passed over.
    variance : float  Of a block [µε²].
    """
    y = values[np.isfinite(values)]
    n = len(y)
    cost = _level_costs(y)
    best = cost[0].copy()
    paths: list[Int] = []
    squares = np.empty(STEPS)
    for k in range(STEPS):
        # A step in block i: levels end before it, the next one begins after it.
        through = best[:-width, None] + cost[width:]
        choice = np.argmin(through, axis=0)
        best = through[choice, np.arange(n + 1)]
        paths.append(choice)
        squares[k] = best[n]
    steps = int(np.argmin(squares + 20.0 * variance * np.arange(1, STEPS + 1)))
    return Staircase(squares, n - int(paths[steps][n]) - width + 1)


def _level_costs(y: Float) -> Float:
    """float64[n + 1, n + 1]  Squares of y[i:j] about their mean; infinite where that is empty."""
    n = len(y)
    y = y - y.mean()
    total, square = np.append(0.0, np.cumsum(y)), np.append(0.0, np.cumsum(y * y))
    count = np.arange(n + 1)[None, :] - np.arange(n + 1)[:, None]
    sums = total[None, :] - total[:, None]
    cost = square[None, :] - square[:, None] - sums**2 / np.maximum(count, 1)
    return np.where(count > 0, np.maximum(cost, 0.0), np.inf)


def running_median(values: Float, width: int) -> Float:
    """float64[n]  Medians of the odd `width` values around each; beyond the ends the series is reflected."""
    padded = np.pad(values, width // 2, mode="reflect" if len(values) > width // 2 else "edge")
    middle: Float = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    return middle


def without_spikes(values: Float, most: float) -> Float:
    """Values with NaN where one is further than `most` from the median of the five around it [µε]."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5)
    middle = np.median(around, axis=1)
    return np.where(np.abs(values - middle) > most, np.nan, values)


def block_noise(values: Float) -> float:
    """Robust spread of a block without what is slower [µε]: second differences."""
    y = values[np.isfinite(values)]
    return float(np.median(np.abs(np.diff(y, 2)))) / 0.6745 / np.sqrt(6.0) if len(y) > 2 else 0.0
