"""How a movement came, in quarters of a block: could vehicles have brought it that came to stand?

A vehicle comes to stand within seconds, one that creeps within a minute; several come one after the other.
A support is lowered by jacks or gives way over minutes. Blocks of 20 s hide that in movements of few
minutes: four steps explain nine blocks however they lie. Quarters of 5 s tell them apart.

The course is fitted by least squares with a ramp of any duration, with ramps that are no longer than a
creeping vehicle's, and with staircases: up to four vehicles that take 10 s each, or two that take half a
minute each. It came smoothly when the long ramp explains it better than all of them by some variances of a
quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import QUARTERS
from rules.bridge.staircase import block_noise, running_median, staircase

Float = npt.NDArray[np.float64]

AROUND: Final = 36
"""Quarters before and after the movement that are fitted with it: 3 minutes."""
LEAST_KNOWN: Final = 0.7
"""Share of the quarters that must be measured: a gauge that sends once a block shows no course."""
CREEPS: Final = 20
"""A vehicle that creeps, or two close behind each other, stand after so many quarters: 100 s."""
LONGER_BY: Final = 8.0
"""By how many variances of a quarter a longer ramp must fit better than any that a vehicle may make."""
QUICK: Final = 2
"""Quarters that a vehicle takes to stand, at 15 km/h and …"""
SLOW: Final = 6
"""… when it creeps."""
QUICK_BY: Final = np.array([10.0, 2.0, -3.0, -9.0])
"""By how many variances it must fit better than 1 … 4 quick steps: each step more fits noise, too."""
SLOW_BY: Final = np.array([8.0, -2.0])
"""… than 1 and 2 slow ones."""
ROUGH_SHARE: Final = 0.02
"""What moves by this part of the height is wander and no vehicle."""
PASSING: Final = 11
"""Quarters of a running median: it leaves out vehicles that pass, and leaves what climbs as it is."""
SHIFTS: Final = 16
"""Quarters by which the onset may lie elsewhere than it was found in blocks."""
LONGEST: Final = 144


@dataclass(frozen=True, slots=True)
class Arrival:
    """smooth : no vehicles can have brought it. last : blocks since the last of them, if some have."""

    smooth: bool
    last: float


def arrival(course: Float, onset: int, rise: int, height: float) -> Arrival | None:
    """How a movement came; None where its course was not measured.

    course : float64[QUARTERS · m]  Distance from the prediction in its direction [µε], newest last.
    onset, rise : as found in blocks, the onset counted from the newest. height : float  [µε].
    """
    first = max(len(course) - QUARTERS * onset - AROUND, 0)
    last = min(len(course) - QUARTERS * (onset - rise) + AROUND, len(course))
    y = course[first:last]
    known = np.isfinite(y)
    if len(y) < AROUND or known.mean() < LEAST_KNOWN:
        return None
    variance = max(block_noise(y) ** 2 + 0.01, (ROUGH_SHARE * height) ** 2)
    y = _without_passing(y)
    long, short = _ramps(y, len(course) - QUARTERS * onset - first)
    steps = staircase(y, variance, QUICK)
    quick = steps.squares - long
    slow = staircase(y, variance, SLOW).squares[: len(SLOW_BY)] - long
    smooth = (
        short - long >= LONGER_BY * variance
        and np.all(quick >= QUICK_BY * variance)
        and np.all(slow >= SLOW_BY * variance)
    )
    return Arrival(bool(smooth), (len(course) - last + steps.last) / QUARTERS)


def _without_passing(values: Float) -> Float:
    """Running median; what is not finite is taken from its neighbours by straight lines."""
    known = np.isfinite(values)
    place = np.arange(len(values))
    return running_median(np.interp(place, place[known], values[known]), PASSING)


def _ramps(values: Float, start: int) -> tuple[float, float]:
    """Squares left by the best ramp longer than `CREEPS`, and by the best that is not [µε²]."""
    y = values - values.mean()
    shape, rise = _shapes(len(values), start)
    sums, products = shape.sum(axis=1), shape @ y
    spread = (shape * shape).sum(axis=1) - sums * sums / len(y)
    gain = np.where(spread > 1e-9, products**2 / np.maximum(spread, 1e-9), 0.0)
    total, longer = float(y @ y), rise > CREEPS
    return total - float(gain[longer].max()), total - float(gain[~longer].max())


@cache
def _rises() -> tuple[int, ...]:
    return (*range(1, CREEPS + 1, 2), *range(CREEPS + 3, 60, 3), *range(60, LONGEST + 1, 6))


def _shapes(n: int, start: int) -> tuple[Float, Float]:
    """Ramps float64[k, n] of many onsets around `start`, and the quarters float64[k] that they take."""
    shifts = np.arange(-SHIFTS, SHIFTS + 1, 2)
    rise, onset = (grid.ravel().astype(np.float64) for grid in np.meshgrid(_rises(), start + shifts))
    shape = np.clip((np.arange(n) - onset[:, None] + 0.5) / rise[:, None], 0.0, 1.0)
    return shape, rise
