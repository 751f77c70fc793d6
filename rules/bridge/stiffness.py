"""Local stiffness from traffic: how a gauge's live-load peaks compare with those of its section.

The same vehicles load all gauges of a section, so the ratio of their summed peaks knows neither the day's
traffic nor the temperature. Each day's log ratio against the other gauges' median is compared with that of a
learned time by a two-sided CUSUM. A gauge that sees 11 % more of the same vehicles sits where stiffness fell
by 10 %, or its gain has changed: alone it is unconfirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import BLOCK_US

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

DAY_BLOCKS: Final = 86_400_000_000 // BLOCK_US
HEAVY: Final = 4.0
"""A block counts when a gauge of the section shows so many times its own quiet width."""
LEAST_BLOCKS: Final = 30
LEAST_MEAN_UE: Final = 2.0
TRAINING_DAYS: Final = 10
PRIOR_SPREAD: Final = 0.03
PRIOR_DAYS: Final = 5.0
K: Final = 0.5
H: Final = 8.0
NEWEST: Final = 0.3
"""Weight of the newest day in the change that is told."""
NONE: Final = -(1 << 60)


class Stiffness:
    """State over all channels.

    near : int32[c]  Section's number. share : float64[c]  Least change that is told.
    change : float64[c]  Lately, of the log ratio. found : bool[c]. days : float64[c]  Days learned or judged.
    """

    _STATE: Final = (
        "day",
        "floor",
        "total",
        "blocks",
        "most",
        "days",
        "mean",
        "square",
        "up",
        "down",
        "change",
        "found",
        "first",
    )

    def __init__(self, near: npt.NDArray[np.int32], gauge: npt.NDArray[np.bool_], share: Float) -> None:
        n = len(near)
        self.near, self.gauge, self.share = near.astype(np.int64), gauge, share
        self.sections = int(near.max(initial=-1)) + 1
        self.day = np.full(n, NONE, np.int64)
        self.floor = np.full(n, np.inf)
        self.total, self.blocks, self.most = np.zeros(n), np.zeros(n), np.zeros(n)
        self.days, self.mean, self.square = np.zeros(n), np.zeros(n), np.zeros(n)
        self.up, self.down, self.change = np.zeros(n), np.zeros(n), np.zeros(n)
        self.found, self.first = np.zeros(n, bool), np.full(n, np.nan)

    def add(self, block: int, c: Int, live: Float) -> Int:
        """Take the live-load peaks of a block, float64[k] [µε]; return channels whose day ended by it."""
        day = block // DAY_BLOCKS
        over = c[(self.day[c] != day) & (self.blocks[c] > 0)]
        ended = self._end(np.unique(self.near[over])) if len(over) else over
        self.day[c] = day
        self.floor[c] = np.minimum(live + 0.01, self.floor[c] * 1.0005)
        section = self.near[c]
        present = np.bincount(section, minlength=self.sections)[section]
        self.most[c] = np.maximum(0.9999 * self.most[c], present)
        height = np.zeros(self.sections)
        np.maximum.at(height, section, live / self.floor[c])
        counts = (height[section] >= HEAVY) & (present >= 2) & (present >= self.most[c] - 0.5)
        heavy = c[counts]
        self.total[heavy] += np.maximum(live[counts] - self.floor[heavy], 0.0)
        self.blocks[heavy] += 1
        return ended

    def _end(self, sections: Int) -> Int:
        ended = [self._judge(np.flatnonzero(self.gauge & (self.near == s))) for s in sections.tolist()]
        return np.concatenate(ended)

    def _judge(self, members: Int) -> Int:
        """Judge one section's day."""
        enough = (self.blocks[members] >= LEAST_BLOCKS) & (
            self.total[members] >= LEAST_MEAN_UE * self.blocks[members]
        )
        c = members[enough]
        logs = np.log(self.total[c])
        self.total[members], self.blocks[members] = 0.0, 0.0
        if len(c) < 2:
            return c
        # Gauges are compared by what changed since their first day: else the median of the others is the
        # level of whichever lies in the middle, and its change would be told of all.
        fresh = np.isnan(self.first[c])
        known = logs[~fresh] - self.first[c[~fresh]]
        self.first[c[fresh]] = logs[fresh] - (np.median(known) if len(known) else 0.0)
        changed = logs - self.first[c]
        for i, channel in enumerate(c.tolist()):
            self._day(channel, float(changed[i] - np.median(np.delete(changed, i))))
        return c

    def _day(self, channel: int, ratio: float) -> None:
        n = self.days[channel]
        self.days[channel] += 1
        if n < TRAINING_DAYS:
            step = ratio - self.mean[channel]
            self.mean[channel] += step / (n + 1)
            self.square[channel] += step * (ratio - self.mean[channel])
            return
        prior = PRIOR_SPREAD**2 * PRIOR_DAYS
        variance = (self.square[channel] + prior) / (TRAINING_DAYS - 1 + PRIOR_DAYS) * (1 + 1 / TRAINING_DAYS)
        off = ratio - self.mean[channel]
        z = float(np.clip(off / np.sqrt(variance), -6, 6))
        self.up[channel] = np.clip(self.up[channel] + z - K, 0.0, 2 * H)
        self.down[channel] = np.clip(self.down[channel] - z - K, 0.0, 2 * H)
        self.change[channel] += NEWEST * (off - self.change[channel])
        height = self.up[channel] if self.change[channel] > 0 else self.down[channel]
        limit = np.log1p(self.share[channel]) * (0.5 if self.found[channel] else 1.0)
        self.found[channel] = height > H and abs(self.change[channel]) >= limit

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        for array in (
            self.total,
            self.blocks,
            self.days,
            self.mean,
            self.square,
            self.up,
            self.down,
            self.change,
        ):
            array[c] = 0
        self.found[c], self.first[c] = False, np.nan

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
