"""The temperature beside gauges now, from their own sensors or from the thermometers that compensate them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import Cells
from rules.bridge.channels import NO_CHANNEL, Channels

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

FRESH_US: Final = 45 * 60_000_000
"""A temperature stands for now this long."""
NEVER: Final = -(1 << 60)


class Warmth:
    """now : float64[c]  Newest temperature that a channel measured itself [°C]. at : int64[c]  When [µs]."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.now = np.full(len(channels), np.nan)
        self.at = np.full(len(channels), NEVER, np.int64)

    def take(self, cells: Cells, good: Bool) -> Int:
        """Take a block; `good` are the thermometers that are believed. Return gauges with their own."""
        c = cells.channel.astype(np.int64)
        own = np.isfinite(cells.temperature) & ~self.channels.thermometer[c]
        believed = own & (cells.temperature > -50) & (cells.temperature < 85)
        both = np.concatenate([c[good], c[believed]])
        self.now[both] = np.concatenate([cells.value[good], cells.temperature[believed]])
        self.at[both] = np.concatenate([cells.time[good], cells.time[believed]])
        return c[believed]

    def beside(self, c: Int, time: Int, own: Bool) -> Float:
        """Mean temperature beside gauges [°C]; NaN where no thermometer has spoken lately.

        own : bool[k]  Gauges that measure their own temperature, and so need no thermometer.
        """
        sources = self.channels.sources[c].astype(np.int64)
        sources[own] = NO_CHANNEL
        sources[own, 0] = c[own]
        fresh = (sources != NO_CHANNEL) & (time[:, None] - self.at[sources] < FRESH_US)
        degrees = np.where(fresh, self.now[sources], 0.0).sum(axis=1)
        n = fresh.sum(axis=1)
        return np.where(n > 0, degrees / np.maximum(n, 1), np.nan)

    def compensated_by(self, thermometers: Int) -> Int:
        """Gauges whose model hears any of these thermometers."""
        beside = np.isin(self.channels.sources, thermometers) | np.isin(self.channels.others, thermometers)
        return np.flatnonzero(beside.any(axis=1))

    def silent_s(self, seen_at: Int) -> tuple[Int, Int, Float]:
        """(thermometers, newest reading of a gauge of their asset [µs], how far they lie behind it [s])."""
        warm = np.flatnonzero(self.channels.thermometer & (seen_at != NEVER))
        newest = np.full(len(warm), NEVER, np.int64)
        for i, asset in enumerate(self.channels.asset[warm].tolist()):
            gauges = (self.channels.asset == asset) & ~self.channels.thermometer
            newest[i] = seen_at[gauges].max(initial=NEVER)
        return warm, newest, (newest - seen_at[warm]) / 1e6
