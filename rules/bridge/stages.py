"""Settlements in stages: steps that stay are added up over hours, however soon the next one comes.

Each step is seen by what lies a few minutes before and after it, so that neither the day nor other steps hide
it. The steps of the latest 48 minutes make a staircase; a load that comes and leaves is one up and one
down. What the staircase never fell below for longer than a load stands has been imposed: it is lifted, and
added to what was imposed before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE
from rules.bridge.returning import WHOLE, held
from rules.bridge.steps import BEFORE, RISES, Step, fell, filters, height_at, steps_of

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

LEAST_UE: Final = 5.0
"""Least height of a step [µε]."""
SIGMA: Final = 3.5
"""… and so many times the gauge's own usual height of a step in quiet times."""
SUM_SIGMA: Final = 6.0
"""The sum is at least so many times that."""
SUM_LIMITS: Final = 1.2
"""… and so many limits of a single movement: several chances to err need more than one."""
LEAVING: Final = 2 * MINUTE
"""Blocks beyond the hold in which a load that stood that long is seen to have left."""
QUEUE: Final = 4 * MINUTE
"""What follows sooner may be the next vehicle of a queue, which stands for longer than each of them."""
AGAIN: Final = 11 * MINUTE
"""A step is looked at during this long after a load would have left."""
SHARED_SIGMA: Final = 2.0
"""A step is this many times the usual one where another gauge of the bridge tells when it came …"""
SHARED_UE: Final = 1.0
"""… and at least this [µε]."""
FELL: Final = 0.5
"""Share of what was imposed by which the rest may fall in 5 minutes: more is a load that left unseen."""
STILL: Final = 0.8
"""Share of the greatest height of a movement that its steps still lead to, when nothing has left."""
FORGOTTEN: Final = 6 * 60 * MINUTE
"""Stages belong together when none waits longer than this for the next [blocks]."""
NEVER: Final = -(10**12)
SCALE_START_UE: Final = 2.0
SCALE_START_BLOCKS: Final = 10 * MINUTE
SCALE_BLOCKS: Final = 60 * MINUTE


class Stages:
    """State over all channels.

    total : float64[c]  Sum of the stages that belong together and were not told yet [µε].
    count : int64[c]  How many of them go its way. last : int64[c]  Block of the latest.
    told : int64[c]  Block in which a sum was told.
    scale : float64[c]  Usual height of a step where nothing steps [µε].
    seen : int64[c]  Latest block in which something stepped. first : int64[c]  Block in which the sum began.
    """

    _STATE: Final = ("total", "count", "last", "told", "scale", "judged", "seen", "first")

    def __init__(self, n: int) -> None:
        self.total, self.count = np.zeros(n), np.zeros(n, np.int64)
        self.last, self.told = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        self.scale, self.judged = np.full(n, SCALE_START_UE), np.zeros(n, np.int64)
        self.seen = np.full(n, NEVER, np.int64)
        self.first = np.full(n, -1, np.int64)

    def look(self, block: int, c: Int, y: Float, calm: Bool) -> Bool:
        """bool[k]  Channels that stepped within the ring.

        y : float64[k, ring]  Strain without gaps [µε], newest last. calm : bool[k]  Nothing is moving.
        """
        heights = []
        for rise, weights, _ in filters():
            heights.append(np.abs(y[:, -len(weights) :] @ weights))
            if rise == RISES[1]:
                quiet = c[calm]
                rate = 1.0 / np.minimum(self.judged[quiet] + SCALE_START_BLOCKS, SCALE_BLOCKS)
                usual = np.minimum(1.25 * heights[-1][calm], 3 * self.scale[quiet] + 1.0)
                self.scale[quiet] += rate * (usual - self.scale[quiet])
                self.judged[quiet] += 1
        self.seen[c[np.max(heights, axis=0) >= self.least(c)]] = block
        return self.stepped(c, block, y.shape[1])

    def stepped(self, c: Int, block: int, ring: int) -> Bool:
        """bool[k]  Whether something stepped within the latest `ring` blocks."""
        found: Bool = block - self.seen[c] < ring
        return found

    def least(self, c: Int) -> Float:
        """float64[k]  Least height of a step [µε]."""
        return np.maximum(LEAST_UE, SIGMA * self.scale[c])

    def imposed(self, channel: int, y: Float, hold: float) -> list[Step]:
        """Steps that came and stay for longer than a load does; none when they are too little.

        y : float64[ring]  Strain without gaps, NaN before the first that is known [µε].
        hold : float  How long a load may stand [blocks].
        """
        least = float(self.least(np.array([channel]))[0])
        steps, level = steps_of(y, least)
        apart = int(hold) + LEAVING
        start = int(np.argmax(np.isfinite(y))) + BEFORE
        # What was before a load could have come, so that one that left has been seen to come.
        until = max(len(y) - AGAIN - apart, start + apart)
        if until > len(y) - apart:
            return []
        before, stood = level[max(until - apart, start) : until], level[-apart:]
        up, down = float(stood.min() - before.max()), float(before.min() - stood.max())
        stays, side = max(up, down), 1.0 if up > down else -1.0
        if stays < least or fell(side * (y - level), FELL * stays):
            return []
        # A support stays where it was put: what leaves in part is a lorry that went on to its next place.
        if side * stood[0] - (side * stood).min() > WHOLE * stays:
            return []
        if held(level[start:until], float(stood[-1]), WHOLE * stays):
            return []
        since = len(y) - apart
        last = max((step.place for step in steps if step.place + step.rise <= since), default=0)
        if any(last < step.place <= last + QUEUE and side * step.height > 0 for step in steps):
            return []
        steps = [step for step in steps if until <= step.place and step.place + step.rise <= since]
        total = side * sum(step.height for step in steps)
        # A part that has left since is not imposed.
        share = stays / total if total >= stays else 0.0
        return [Step(s.place, s.rise, s.height * share) for s in steps] if share else []

    def shared(self, channel: int, y: Float, step: Step) -> float:
        """Height of a step of which another gauge tells, where it is too small to be seen alone [µε]."""
        height = height_at(y, step.place, step.rise)
        seen = max(SHARED_UE, SHARED_SIGMA * float(self.scale[channel])) <= abs(height)
        return height if seen and abs(height) < self.least(np.array([channel]))[0] else 0.0

    def steps(self, channel: int, y: Float) -> list[Step]:
        """The steps of a series without gaps, NaN before the first that is known [µε]."""
        return steps_of(y, float(self.least(np.array([channel]))[0]))[0]

    def stays(self, channel: int, y: Float, height: float) -> bool:
        """Whether the steps of a series still lead to a height [µε], so that no load has left."""
        _, level = steps_of(y, float(self.least(np.array([channel]))[0]))
        end, side = float(level[-1]), float(np.sign(height))
        return side * end >= STILL * abs(height) and not fell(side * (y - level), FELL * abs(end))

    def taken(self, channel: int) -> float:
        """What was added up and not told, when another movement tells of it [µε]; it counts once."""
        total = float(self.total[channel])
        self.total[channel], self.count[channel] = 0.0, 0
        return total

    def add(self, channel: int, block: int, height: float, began: int | None = None) -> None:
        """Take a stage that was found [µε]. began : block of its first step, where it is not this one."""
        if block - self.last[channel] > FORGOTTEN or self.last[channel] < 0:
            self.total[channel], self.count[channel] = 0.0, 0
        if self.total[channel] == 0.0:
            self.first[channel] = block if began is None else began
        if self.total[channel] * height < 0:
            self.count[channel] = max(int(self.count[channel]) - 1, 0)
        else:
            self.count[channel] += 1
        self.total[channel] += height
        self.last[channel] = block

    def settled(self, channel: int, block: int, limit: float) -> float:
        """The sum, when it is beyond doubt, else 0 [µε]; it counts once."""
        if abs(self.total[channel]) < self.sum_limit(channel, limit):
            return 0.0
        self.told[channel] = block
        return self.taken(channel)

    def sum_limit(self, channel: int, limit: float) -> float:
        """What a sum must reach [µε]. limit : of a single movement on a quiet gauge [µε]."""
        return max(SUM_LIMITS * limit, SUM_SIGMA * float(self.scale[channel]))

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.total[c], self.count[c] = 0.0, 0
        self.last[c] = self.told[c] = -1
        self.seen[c] = NEVER

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"stage_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"stage_{name}"]
            getattr(self, name)[: len(kept)] = kept
