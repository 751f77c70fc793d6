"""When a movement began, how long it took, and whether vehicles could have brought it.

The distances from the prediction of the last minutes are fitted by least squares with (level, ramp, level)
of every onset and duration, and by two steps, as vehicles that stop one after the other make them. Fits
use all blocks, so that noise of several µε moves the onset by little, where a crossing of a threshold
would move it by minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RISES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30, 33, 36)
"""Durations that are tried [blocks]."""
LEAST_BEFORE: Final = 3
LEAST_AFTER: Final = 4


@dataclass(frozen=True, slots=True)
class Movement:
    """The best (level, ramp, level).

    onset : blocks from its first block to the newest, both counted. rise : blocks that it took.
    height : float  [µε]. before : float  Level before it [µε].
    noise : float  Spread of a block about it [µε].
    gain : float  Squares that the best two steps leave more than it does [µε²].
    """

    onset: int
    rise: int
    height: float
    before: float
    noise: float
    gain: float


def movement(values: Float) -> Movement | None:
    """Fit the newest blocks; None where too little is known.

    values : float64[m]  [µε], newest last; NaN = not measured.
    """
    m = len(values)
    known = np.isfinite(values).astype(np.float64)
    n = float(known.sum())
    if n < 2 * (LEAST_BEFORE + LEAST_AFTER):
        return None
    start, rise, shape = _shapes(m)
    y = np.where(known > 0, values, 0.0)
    y = y - y.sum() / n * known
    sum_x, sum_xx, sum_xy = shape @ known, (shape * shape) @ known, shape @ y
    spread = sum_xx - sum_x * sum_x / n
    with np.errstate(invalid="ignore", divide="ignore"):
        height = np.where(spread > 1e-9, sum_xy / spread, 0.0)
    left = float(y @ y) - height * sum_xy
    best = int(np.argmin(left))
    raw_mean = float(np.where(known > 0, values, 0.0).sum()) / n
    return Movement(
        m - int(start[best]),
        int(rise[best]),
        float(height[best]),
        raw_mean - float(height[best] * sum_x[best] / n),
        float(np.sqrt(max(left[best], 0.0) / max(n - 4, 1.0))),
        _two_steps(y, known) - float(left[best]),
    )


@cache
def _shapes(m: int) -> tuple[Int, Int, Float]:
    """Start [k], rise [k] and shape [k, m] of all ramps that leave something before and after."""
    place = np.arange(m)
    rows = [(s, r) for r in RISES for s in range(LEAST_BEFORE, m - LEAST_AFTER - r + 1)]
    start = np.array([s for s, _ in rows])
    rise = np.array([r for _, r in rows])
    shape = np.clip((place - start[:, None] + 0.5) / rise[:, None], 0.0, 1.0)
    return start, rise, shape


def _two_steps(y: Float, known: Float) -> float:
    """Squares left by the best three levels [µε²]."""
    m = len(y)
    total, count = np.append(0.0, np.cumsum(y)), np.append(0.0, np.cumsum(known))
    i, j = _pairs(m)
    explained = np.zeros(len(i))
    for a, b in ((np.zeros_like(i), i), (i, j), (j, np.full_like(j, m))):
        weight = count[b] - count[a]
        explained += (total[b] - total[a]) ** 2 / np.maximum(weight, 1.0)
    return float(y @ y - explained.max())


@cache
def _pairs(m: int) -> tuple[Int, Int]:
    i, j = np.triu_indices(m - 1, 1)
    return i + 1, j + 1
