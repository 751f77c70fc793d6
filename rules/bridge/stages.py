"""Settlements in stages: small movements that came quickly and stayed are added up over hours.

A stage is less than the limit of one movement, so one alone says nothing. What tells it from a warm day: it
comes within minutes, against a prediction that follows line and bend of the day; it outstays loads;
and the next ones go the same way. What was before it is lifted, so that each stage is seen against the state
after the one before; the sum is what has been imposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import LEAST_BEFORE, MINUTE, bank, prediction
from rules.bridge.onset import Movement, standing

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

LEAST_UE: Final = 5.0
"""Least height of a stage [µε]."""
SIGMA: Final = 3.5
"""… and so many times the gauge's own usual height of a step in quiet times."""
SUM_SIGMA: Final = 6.0
"""The sum is at least so many times that."""
SUM_LIMITS: Final = 1.2
"""… and so many limits of a single movement: several chances to err need more than one."""
LEAST_STAGES: Final = 2
QUICK: Final = 5 * MINUTE
"""A stage comes within this; what is slower may be a cloud."""
SEEN: Final = 3 * MINUTE
"""A stage is looked for during this long after it has stood as long as a load may."""
CONTEXT: Final = 5 * MINUTE
"""Blocks before the onset that are fitted with it."""
LOAD: Final = 14 * MINUTE
"""… and what lies before a load that may have stood until then."""
STILL: Final = 0.4
"""Share of a stage that is left when it is seen from there."""
FORGOTTEN: Final = 6 * 60 * MINUTE
"""Stages belong together when none waits longer than this for the next [blocks]."""
TEST_AGE: Final = 13 * MINUTE
SCALE_START_UE: Final = 2.0
SCALE_START_BLOCKS: Final = 10 * MINUTE
SCALE_BLOCKS: Final = 60 * MINUTE


class Stages:
    """State over all channels.

    total : float64[c]  Sum of the stages that belong together and were not told yet [µε].
    count : int64[c]  How many of them go its way. last : int64[c]  Block of the latest.
    told : int64[c]  Block in which a sum was told.
    scale : float64[c]  Usual height of a step where nothing steps [µε].
    """

    _STATE: Final = ("total", "count", "last", "told", "scale", "judged")

    def __init__(self, n: int) -> None:
        self.total, self.count = np.zeros(n), np.zeros(n, np.int64)
        self.last, self.told = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        self.scale, self.judged = np.full(n, SCALE_START_UE), np.zeros(n, np.int64)

    def steps(self, c: Int, height: Float, window: int, hold: Float, calm: Bool) -> Int:
        """int64[k]  How old the step is that may be a stage of each channel [blocks]; 0 = none.

        height : float64[k, m]  Heights of the ramps of `bank(window)` [µε].
        hold : float64[k]  How long a load may stand [blocks]. calm : bool[k]  Nothing is pending.
        """
        quick, test = _quick(window)
        if len(quick) == 0:
            return np.zeros(len(c), np.int64)
        quiet = c[calm]
        rate = 1.0 / np.minimum(self.judged[quiet] + SCALE_START_BLOCKS, SCALE_BLOCKS)
        usual = np.minimum(1.25 * np.abs(height[calm, test]), 3 * self.scale[quiet] + 1.0)
        self.scale[quiet] += rate * (usual - self.scale[quiet])
        self.judged[quiet] += 1
        ramps = bank(window)
        size = np.abs(height[:, quick])
        since = ramps.age[quick] - hold[:, None]
        old = (since > 1) & (since <= SEEN)
        sure = np.where(old & (size >= self.least(c)[:, None]), size / ramps.error[quick], 0.0)
        best = np.argmax(sure, axis=1)
        found = calm & (sure[np.arange(len(c)), best] > 0)
        return np.where(found, ramps.age[quick][best], 0)

    def least(self, c: Int) -> Float:
        """float64[k]  Least height of a stage [µε]."""
        return np.maximum(LEAST_UE, SIGMA * self.scale[c])

    def stage(
        self, channel: int, age: int, y: Float, less: Float, hold: float
    ) -> tuple[Movement, float] | None:
        """The movement and its signed height [µε], when it came quickly and stands; else None.

        y, less : float64[window]  Strain as it is and less temperature [µε], newest last.
        """
        ends, slopes, nearer = _beyond(y, less, age + CONTEXT)
        direction = float(np.sign(ends[0]))
        if ends[0] * ends[1] <= 0:
            return None
        least = float(self.least(np.array([channel]))[0])
        movement = standing(direction * nearer, least, hold, hold, min(slopes))
        if movement is None or movement.rise > QUICK:
            return None
        # A small load that left looks like a step back from where it stood, but not from before it came.
        before, _, _ = _beyond(y, less, age + LOAD)
        if min(direction * end for end in before) < STILL * movement.height:
            return None
        return movement, direction * movement.height

    def add(self, channel: int, block: int, height: float) -> None:
        """Take a stage that was found [µε]."""
        if block - self.last[channel] > FORGOTTEN or self.last[channel] < 0:
            self.total[channel], self.count[channel] = 0.0, 0
        if self.total[channel] * height < 0:
            self.count[channel] = max(int(self.count[channel]) - 1, 0)
        else:
            self.count[channel] += 1
        self.total[channel] += height
        self.last[channel] = block

    def settled(self, channel: int, block: int, limit: float) -> float:
        """The sum, when it is beyond doubt, else 0 [µε]; it counts once."""
        total = float(self.total[channel])
        least = max(SUM_LIMITS * limit, SUM_SIGMA * float(self.scale[channel]))
        if abs(total) < least or self.count[channel] < LEAST_STAGES:
            return 0.0
        self.total[channel], self.count[channel] = 0.0, 0
        self.told[channel] = block
        return total

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.total[c], self.count[c] = 0.0, 0
        self.last[c] = self.told[c] = -1

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"stage_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"stage_{name}"]
            getattr(self, name)[: len(kept)] = kept


def _beyond(y: Float, less: Float, since: int) -> tuple[list[float], list[float], Float]:
    """How far both lie from what was expected: now, slopes [µε a block], and the nearer one's course."""
    window = len(y)
    since = min(since, window - LEAST_BEFORE)
    weights, _ = prediction(window, since)
    before = window - since
    parts, slopes = [], []
    for z in (y, less):
        expected = weights @ (z[:before] - z[before - 1]) + z[before - 1]
        parts.append(z[before:] - expected)
        slopes.append(abs(float(expected[-1] - expected[0])) / since)
    ends = [float(np.median(part[-2 * MINUTE :])) for part in parts]
    return ends, slopes, parts[0] if abs(ends[0]) < abs(ends[1]) else parts[1]


@cache
def _quick(window: int) -> tuple[Int, int]:
    """Rows of quick ramps that may be stages, and the row by which the usual height is learned."""
    ramps = bank(window)
    quick = np.flatnonzero(ramps.rise <= QUICK)
    test = int(np.argmin(np.abs(ramps.age - TEST_AGE) + np.abs(ramps.rise - MINUTE)))
    return quick, test
