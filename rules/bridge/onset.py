"""Whether a movement stands, when it began, how long it took, and whether vehicles could have brought it.

The distances from the prediction are fitted by least squares with (level, ramp, level) of every onset and
duration, and with staircases of up to four steps, as vehicles that stop one after the other make them. Fits
use all blocks, so that noise of several µε moves the onset by little, where a crossing of a threshold
would move it by minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.arrival import arrival
from rules.bridge.background import MINUTE
from rules.bridge.staircase import block_noise, staircase, without_spikes

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RISES: Final = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30, 33, 36)
"""Durations that are tried [blocks]."""
LEAST_BEFORE: Final = 3
LEAST_AFTER: Final = 4
LONGEST_RISE: Final = 33
"""What takes longer than 11 minutes is the slow test's."""
QUICKEST_SMOOTH: Final = 7
"""What takes no longer may be one vehicle that creeps, where only blocks are known [blocks]."""
QUEUE: Final = 5 * MINUTE
"""Vehicles that stop one after the other have all come within this."""
LASTING: Final = 5
"""Newest blocks that must still show the movement, one left out."""
OUTRUNS: Final = 2.0
"""An imposed movement is this many times as quick as the warming that was to be expected."""
SMOOTH_BY: Final = np.array([12.0, -2.0, -12.0, -20.0])
"""By how many variances of a block a ramp must fit better than 1 … 4 steps, which have more to fit with."""
STEPPED_BY: Final = 60.0
"""By how many variances of a block four steps must fit better to be believed."""
WANDER_SHARE: Final = 0.06
SPIKE: Final = 4.0
"""A block this many times the noise from its neighbours' median is a vehicle, and no part of a fit."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The best (level, ramp, level).

    onset : blocks from its first block to the newest, both counted. rise : blocks that it took.
    height : float  [µε]. before : float  Level before it [µε].
    noise : float  Spread of a block about it [µε]. squares : float  Left by it [µε²].
    """

    onset: int
    rise: int
    height: float
    before: float
    noise: float
    squares: float


def standing(
    residual: Float,
    limit: float,
    hold: float,
    smooth_hold: float,
    warming: float = 0.0,
    course: Float | None = None,
    no_load: Callable[[Movement], bool] = lambda _: False,
) -> Movement | None:
    """The movement, when it stands for long enough to be no load; else None.

    residual : float64[m]  Distance from the prediction in the direction of the movement [µε], newest last;
        it begins before the movement.
    limit : float  [µε]. hold, smooth_hold : float  [blocks]; see `config.bridge_rules.FastDriftLimits`.
    warming : float  Slope that was to be expected [µε a block]: what moves as slowly is not imposed.
    course : float64[QUARTERS · m]  The same by quarters of a block, NaN where not measured; None = unknown.
    no_load : Whether the other gauges show that no vehicles brought it.
    """
    known = residual[np.isfinite(residual)]
    if len(known) < smooth_hold:
        return None
    reached = float(np.median(known[-2 * MINUTE :]))
    if reached < limit or np.sort(known[-LASTING:])[1] < 0.5 * reached:
        return None
    variance = block_noise(residual) ** 2 + 0.01
    residual = without_spikes(residual, SPIKE * float(np.sqrt(variance)))
    fit = movement(residual)
    if fit is None or not _imposed(fit, reached, limit, warming):
        return None
    # What moves by a small part of the height is wander and no vehicle.
    restless = max(variance, (WANDER_SHARE * fit.height) ** 2)
    steps = staircase(residual, restless)
    came = None if course is None else arrival(course, fit.onset, fit.rise, fit.height)
    smooth = came is not None and came.smooth
    if came is None or fit.rise > QUEUE:
        # Over many minutes blocks are enough, and what the weather does in that time weighs less in them.
        least = QUICKEST_SMOOTH if came is None else QUEUE
        smooth |= fit.rise > least and bool(np.all(steps.squares - fit.squares >= SMOOTH_BY * variance))
    if smooth:
        return fit if fit.onset >= max(smooth_hold, 0.7 * fit.rise + LASTING) else None
    if fit.onset >= max(smooth_hold, fit.rise + LASTING) and no_load(fit):
        return fit
    stepped = fit.squares - steps.squares.min() >= STEPPED_BY * restless
    if stepped:
        since: float = steps.last
    elif fit.rise <= QUEUE:
        since = fit.onset - max(fit.rise - 1, 0)
    else:
        since = fit.onset
    if came is not None:
        since = min(since, came.last)
    return fit if since >= hold else None


def _imposed(fit: Movement, reached: float, limit: float, warming: float) -> bool:
    """Whether the movement is great, lies where it is now, and outran the warming."""
    great = fit.height >= 0.8 * limit and fit.rise <= LONGEST_RISE
    stays = abs(reached - fit.before - fit.height) <= 0.35 * fit.height and fit.noise <= 0.25 * fit.height
    return great and stays and fit.height >= OUTRUNS * warming * max(fit.rise, QUICKEST_SMOOTH + 1)


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
    squares = max(float(left[best]), 0.0)
    return Movement(
        m - int(start[best]),
        int(rise[best]),
        float(height[best]),
        raw_mean - float(height[best] * sum_x[best] / n),
        float(np.sqrt(squares / max(n - 4, 1.0))),
        squares,
    )


@cache
def _shapes(m: int) -> tuple[Int, Int, Float]:
    """Start [k], rise [k] and shape [k, m] of all ramps that leave something before and after."""
    place = np.arange(m)
    rows = [(s, r) for r in RISES for s in range(LEAST_BEFORE, m - LEAST_AFTER - r + 1)]
    start = np.array([s for s, _ in rows])
    rise = np.array([r for _, r in rows])
    shape = np.clip((place - start[:, None] + 0.5) / np.maximum(rise, 0.5)[:, None], 0.0, 1.0)
    return start, rise, shape
