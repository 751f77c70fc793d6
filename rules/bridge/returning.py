"""Whether a movement leads back to where a gauge stood: a load that left, or a support that was raised again.

A lorry of a load test goes from place to place and may be on the bridge for half an hour; none of its levels
is the bridge's own. When it has left, strain stands where it stood before it came. So a movement to a level
that was held for some minutes before is no settlement. Levels are sums of steps (`stages.py`): the way of
the day between them does not count.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE, ramp_height

Float = npt.NDArray[np.float64]

WHOLE: Final = 0.35
"""Share of a movement by which a level may differ that is the same again."""
HELD: Final = 4 * MINUTE
"""A level that was held for so long is a state, and no vehicle that passes [blocks]."""
EXPLAINED: Final = 0.6
"""Share of a movement that its steps must show."""
SEEN: Final = 0.67
"""Share of a movement that must be seen between its two sides."""
AROUND: Final = 3
"""Blocks around an onset in which a step may be found that belongs to it."""


def held(level: Float, wanted: float, within: float) -> int:
    """End of the latest stretch that was held at a level, 0 where it was not.

    level : float64[n]  [µε]. wanted, within : float  The level, and by how much it may differ [µε].
    """
    near = np.abs(level - wanted) <= within
    if len(near) < HELD:
        return 0
    whole = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(near, HELD).all(axis=1))
    return int(whole[-1]) + HELD if len(whole) else 0


def left_at(level: Float, onset: int, shift: float) -> int:
    """Place in which something came that left with a movement, 0 where the movement leads to a new level.

    level : float64[n]  Sum of the steps up to each block [µε]. onset : place in which the movement began.
    shift : float  Its height [µε]; steps that do not explain most of it, as of a slow one, tell nothing.
    """
    onset = max(onset - AROUND, 0)
    stepped, now = float(level[-1] - level[onset]), float(level[-1])
    if stepped * np.sign(shift) < EXPLAINED * abs(shift):
        return 0
    return held(level[:onset], now, WHOLE * abs(stepped))


def seen_from_both_sides(course: Float, onset: int, rise: int, shift: float) -> bool:
    """Whether a movement lies between what was before and what is after it, and not in the prediction alone.

    A load that was there in part when the prediction was made, or is left out in part, bends the
    prediction for many minutes ahead; beside the step itself it changes little.

    course : float64[n]  Strain without gaps and passing vehicles, NaN before the first known [µε].
    onset : place in which it began; rise [blocks]. shift : its distance from the prediction [µε].
    """
    first = int(np.argmax(np.isfinite(course)))
    height = ramp_height(course[first:], onset - first, rise)
    return height * float(np.sign(shift)) >= SEEN * abs(shift)


def not_counted(level: Float, since: int, side: float) -> float:
    """What stepped to one side before a movement, is there still, and was not counted yet [µε].

    level : float64[n]  Sum of the steps up to each block [µε]. since : place of the state from which the
    movement is measured. side : 1.0 or -1.0.
    """
    stepped = float(level[max(since, 0)])
    return stepped if stepped * side > 0 else 0.0
