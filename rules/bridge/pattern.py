"""A movement over all gauges of a bridge: could vehicles stand so, and come so?

A support that sinks moves all gauges in one proportion from the first moment on. A vehicle that rolls to its
place does not, where gauges see along the bridge: their proportion changes as it goes, as passing ones
show (`liveload.py`). One that does not change it stands where it has one of their patterns, or several
stand so that theirs add up. A movement in one proportion, far from those, is no load. Where it came
sooner than its way can be seen, or gauges see all vehicles alike, or few have passed, nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import QUARTERS

Float = npt.NDArray[np.float64]

LEAST_PASSINGS: Final = 20
"""Vehicles that must have shown how the proportion changes on their way."""
BEYOND: Final = 0.45
"""Distance from all sums of patterns, as a share of the movement: 27 degrees."""
BEYOND_UE: Final = 10.0
"""… and at least this [µε]."""
UNLIKE: Final = 0.85
"""Greatest cosine with any single pattern of a movement that one vehicle cannot be: 32 degrees."""
BETWEEN: Final = (0.15, 0.85)
"""Shares of the movement between which it is under way."""
UNDER_WAY: Final = 4
"""Quarters of a block that it must be seen under way: what comes sooner may be several at once."""
ASKEW: Final = 0.15
"""Share of the movement by which the gauges may leave their proportion under way."""
MOST: Final = 0.9
"""Share of these quarters in which they keep it: a second vehicle may pass."""
SMOOTH: Final = 3
"""Quarters of a running median: it leaves out a vehicle that passes."""


@dataclass(frozen=True, slots=True)
class Together:
    """A movement over the gauges of a bridge.

    shift : float64[g]  What stands [µε]. course : float64[g, QUARTERS · m]  The way there by quarters of a
        block, NaN where not measured [µε], newest last.
    patterns : float64[p, g]  Unit vectors. passings : int  Vehicles that showed several of them on their way.
    """

    shift: Float
    course: Float
    patterns: Float
    passings: int


def no_load(moved: Together, onset: int, rise: int) -> bool:
    """Whether no vehicles can have brought a movement.

    onset, rise : int  [blocks]; the onset is counted from the newest.
    """
    length = float(np.linalg.norm(moved.shift))
    if moved.passings < LEAST_PASSINGS or len(moved.patterns) == 0 or length == 0.0:
        return False
    direction = moved.shift / length
    if not _in_proportion(moved, onset, rise, direction, length):
        return False
    # What leaves makes the pattern of what stood there, the other way round.
    if float(np.abs(moved.patterns @ direction).max()) <= UNLIKE:
        return True
    beyond = min(_beyond(direction, moved.patterns), _beyond(-direction, moved.patterns))
    return beyond >= BEYOND and beyond * length >= BEYOND_UE


def _beyond(direction: Float, patterns: Float) -> float:
    """Distance of a unit vector from all sums of patterns."""
    from scipy.optimize import nnls  # noqa: PLC0415 - takes a quarter of a second, and is rarely needed

    return float(nnls(patterns.T, direction)[1])


def _in_proportion(moved: Together, onset: int, rise: int, direction: Float, length: float) -> bool:
    """Whether all gauges moved by one proportion, as far as the movement is seen under way."""
    quarters = moved.course.shape[1]
    first = max(quarters - QUARTERS * (onset + 3), 0)
    last = min(quarters - QUARTERS * (onset - rise - 3), quarters)
    part = moved.course[:, first:last]
    part = part[:, np.isfinite(part).all(axis=0)]
    if part.shape[1] < UNDER_WAY + SMOOTH:
        return False
    part = np.median(np.lib.stride_tricks.sliding_window_view(part, SMOOTH, axis=1), axis=2)
    along = direction @ part
    askew = np.linalg.norm(part - np.outer(direction, along), axis=0)
    low, high = BETWEEN
    way = (along > low * length) & (along < high * length)
    return bool(way.sum() >= UNDER_WAY and np.quantile(askew[way], MOST) <= ASKEW * length)
