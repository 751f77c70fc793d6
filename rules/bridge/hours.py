"""From blocks to ten minutes to hours: robust medians, and each hour's temperature now, lagged, across."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import BLOCK_US
from rules.bridge.channels import NO_CHANNEL

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

BLOCKS_IN_TEN: Final = 600_000_000 // BLOCK_US
TENS_IN_HOUR: Final = 6
KEPT_HOURS: Final = 48
LAG_HOURS: Final = 4.0
"""Time constant of the lagged temperature [h]: between that of a steel deck and of a concrete slab."""
LAG_REACH: Final = 16
LAG_SHARES: Final = np.exp(-np.arange(1, LAG_REACH + 1) / LAG_HOURS)
DAY_LAG_HOURS: Final = 24.0
FRESH_HOURS: Final = 2
"""A thermometer's hour stands in for this many later ones."""
NONE: Final = -(1 << 60)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours that are over: channel int64[k], hour int64[k] (event time // 1 h), value float64[k]."""

    channel: Int
    hour: Int
    value: Float

    def at(self, rows: npt.NDArray[np.bool_]) -> Hours:
        """Some of them."""
        return Hours(self.channel[rows], self.hour[rows], self.value[rows])


@dataclass(frozen=True, slots=True)
class Around:
    """Temperatures of gauges in an hour, float64[k] each [°C].

    now : NaN = no thermometer tells. lagged, day_lagged : by hours and by a day.
    across : the other thermometers' mean less now; 0 where there is none. crossed : bool  There is one.
    """

    now: Float
    lagged: Float
    day_lagged: Float
    across: Float
    crossed: npt.NDArray[np.bool_]


class HourMedians:
    """Median of the ten-minute medians of each hour, of all channels, in constant memory."""

    _STATE: Final = ("ten", "hour", "blocks", "tens", "n_blocks", "n_tens")

    def __init__(self, n: int) -> None:
        self.ten, self.hour = np.full(n, NONE, np.int64), np.full(n, NONE, np.int64)
        self.blocks = np.full((n, BLOCKS_IN_TEN), np.nan, np.float32)
        self.tens = np.full((n, TENS_IN_HOUR), np.nan, np.float32)
        self.n_blocks, self.n_tens = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def add(self, block: int, c: Int, value: Float) -> Hours:
        """Take cells of one block (finite values); return the hours that they end."""
        ten, hour = block // BLOCKS_IN_TEN, block // (BLOCKS_IN_TEN * TENS_IN_HOUR)
        self._end_tens(c[self.ten[c] != ten])
        self.ten[c] = ten
        ended = self._end_hours(c[self.hour[c] != hour])
        self.hour[c] = hour
        self.blocks[c, self.n_blocks[c] % BLOCKS_IN_TEN] = value
        self.n_blocks[c] += 1
        return ended

    def end_before(self, hour: int) -> Hours:
        """End hours before `hour`, also of channels that say nothing any more."""
        c = np.flatnonzero((self.hour < hour) & (self.n_blocks + self.n_tens > 0))
        self._end_tens(c)
        return self._end_hours(c)

    def running(self, c: Int) -> tuple[Int, Float]:
        """Hour that is under way and its median so far."""
        with_open = np.concatenate([self.tens[c], medians_of(self.blocks[c])[:, None]], axis=1)
        return self.hour[c], medians_of(with_open)

    def _end_tens(self, c: Int) -> None:
        c = c[self.n_blocks[c] > 0]
        self.tens[c, self.n_tens[c] % TENS_IN_HOUR] = medians_of(self.blocks[c])
        self.n_tens[c] += 1
        self.blocks[c] = np.nan
        self.n_blocks[c] = 0

    def _end_hours(self, c: Int) -> Hours:
        c = c[self.n_tens[c] > 0]
        hours = Hours(c, self.hour[c].copy(), medians_of(self.tens[c]))
        self.tens[c] = np.nan
        self.n_tens[c] = 0
        return hours

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]


class Temperatures:
    """Hourly temperatures of the last two days, of thermometers and of gauges with one of their own.

    sources, others : int[c, s]  See `rules.bridge.channels.Channels`.
    """

    _STATE: Final = ("hour", "value", "own", "newest", "before", "share", "day_lagged")

    def __init__(self, n: int, sources: npt.NDArray[np.int32], others: npt.NDArray[np.int32]) -> None:
        self.sources, self.others = sources.astype(np.int64), others.astype(np.int64)
        self.hour = np.full((n, KEPT_HOURS), NONE, np.int64)
        self.value = np.full((n, KEPT_HOURS), np.nan, np.float32)
        self.own = np.zeros(n, bool)
        self.newest, self.share = np.full(n, NONE, np.int64), np.ones(n)
        self.before, self.day_lagged = np.full(n, np.nan), np.full(n, np.nan)

    def add(self, hours: Hours) -> None:
        """Keep hours, over or under way."""
        self.keep(hours.channel, hours.hour, hours.value)

    def keep(self, channel: Int, hour: Int, value: Float) -> None:
        """Keep values of hours."""
        slot = hour % KEPT_HOURS
        self.hour[channel, slot] = hour
        self.value[channel, slot] = value
        later = hour > self.newest[channel]
        new = channel[later]
        self.before[new] = self.day_lagged[new]
        gap = np.clip(hour[later] - self.newest[new], 1, 1000)
        self.share[new] = 1 - np.exp(-gap / DAY_LAG_HOURS)
        self.newest[new] = hour[later]
        latest = hour == self.newest[channel]
        now, degrees = channel[latest], value[latest]
        before = np.where(np.isfinite(self.before[now]), self.before[now], degrees)
        self.day_lagged[now] = before + self.share[now] * (degrees - before)

    def at(self, channel: Int, hour: Int, reach: int = 0) -> Float:
        """float64[k, s, reach + 1]  Temperature of thermometers in an hour and those before it [°C].

        channel : int64[k, s], hour : int64[k]. The newest hour before stands in for one that is not known.
        """
        wanted = hour[:, None, None] - np.arange(reach + FRESH_HOURS + 1)
        beside = channel[:, :, None]
        slot = wanted % KEPT_HOURS
        known = (self.hour[beside, slot] == wanted) & (beside != NO_CHANNEL)
        value = np.where(known, self.value[beside, slot], np.nan).astype(np.float64)
        found = value[:, :, : reach + 1]
        for back in range(1, FRESH_HOURS + 1):
            found = np.where(np.isnan(found), value[:, :, back : back + reach + 1], found)
        return found

    def around(self, c: Int, hour: Int) -> Around:
        """Temperatures of gauges in an hour; where no lag or difference is known, they are now and 0."""
        own = self.own[c]
        sources = self.sources[c].copy()
        sources[own] = NO_CHANNEL
        sources[own, 0] = c[own]
        latest = _mean(self.at(sources, hour, LAG_REACH))
        now, earlier = latest[:, 0], latest[:, 1:]
        known = np.isfinite(earlier)
        # One after the other, as they have always been summed: a model goes by the last bit, too.
        total = np.add.accumulate(np.where(known, earlier, 0.0) * LAG_SHARES, axis=1)[:, -1]
        weight = np.add.accumulate(known * LAG_SHARES, axis=1)[:, -1]
        lagged = np.where(weight > 0.2, total / np.maximum(weight, 1e-9), now)
        across = _mean(self.at(self.others[c], hour))[:, 0] - now
        slow = _mean(np.where(sources != NO_CHANNEL, self.day_lagged[sources], np.nan))
        day_lagged = np.where(np.isfinite(slow), slow, now)
        crossed = np.isfinite(across)
        return Around(now, lagged, day_lagged, np.where(crossed, across, 0.0), crossed)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]


def medians_of(values: npt.NDArray[np.float32]) -> Float:
    """float64[k]  Median along each row of what is finite."""
    return medians(values.astype(np.float64))[0]


def _mean(values: Float) -> Float:
    """Mean along the second axis of what is finite, NaN where nothing is."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def medians(values: Float) -> tuple[Float, Int]:
    """Median along each row of what is finite, NaN where nothing is; and how much is finite.

    values : float64[k, m]. Returns float64[k], int64[k].
    """
    n = np.isfinite(values).sum(axis=1)
    if values.shape[1] and n.max(initial=0) <= 1:  # slow loggers: one reading is its own median
        return np.fmax.reduce(np.where(np.isfinite(values), values, np.nan), axis=1), n
    ordered = np.sort(values, axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, values.shape[1] - 1)
    middle = 0.5 * (ordered[rows, low] + ordered[rows, high])
    return np.where(n > 0, middle, np.nan), n
