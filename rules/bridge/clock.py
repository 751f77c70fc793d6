"""A gauge whose clock is wrong: every reading comes equally late, for hours.

A reading that waits for its transmission comes late by anything between nothing and the interval; one that
waited out an outage comes less late as the backlog drains. Only a clock that is slow makes every one equally
late. Its strain is then compared with the temperature and with neighbours of another time. (Event times ahead
of their reception are the engine's to refuse.) In a backtest readings are received when they were measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

HOUR_US: Final = 3_600_000_000
LEAST_LAG_US: Final = 300_000_000
"""Five minutes: networks are not so slow for hours, and the fast test compares neighbours by minutes."""
SPREAD_US: Final = 60_000_000
HOURS: Final = 3
LEAST_READINGS: Final = 4
"""In an hour: fewer tell no spread."""


class Clocks:
    """State over all channels, by hours of reception.

    fault : bool[c]  The clock is wrong. lag_us : int64[c]  By how much, at the end of the latest hour.
    """

    _STATE: Final = ("hour", "low", "high", "readings", "run", "lag_us", "fault")

    def __init__(self, n: int) -> None:
        self.hour = np.full(n, -1, np.int64)
        self.low, self.high = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.readings, self.run = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.lag_us, self.fault = np.zeros(n, np.int64), np.zeros(n, bool)

    def saw(self, c: Int, time: Int, received: Int) -> None:
        """Take readings: channels, event times and times of reception [µs]."""
        lag = received - time
        late = np.abs(lag) >= LEAST_LAG_US
        if not late.any() and not self.run[c].any() and not self.fault[c].any():
            # The usual case: nothing is late, so no hour of these channels can be of one lag.
            self.hour[c] = -1
            return
        hour = int(received.max()) // HOUR_US
        one = np.unique(c)
        self._end(one[self.hour[one] != hour], hour)
        np.minimum.at(self.low, c, lag)
        np.maximum.at(self.high, c, lag)
        np.add.at(self.readings, c, 1)

    def _end(self, c: Int, hour: int) -> None:
        """Judge the hours that are over and begin the next."""
        told = c[(self.hour[c] >= 0) & (self.readings[c] >= LEAST_READINGS)]
        same = (self.low[told] >= LEAST_LAG_US) & (self.high[told] - self.low[told] <= SPREAD_US)
        near = np.abs(self.low[told] - self.lag_us[told]) <= SPREAD_US
        self.run[told] = np.where(same, np.where(near, self.run[told], 0) + 1, 0)
        self.lag_us[told] = self.low[told]
        self.fault[told] = self.run[told] >= HOURS
        self.hour[c], self.readings[c] = hour, 0
        self.low[c], self.high[c] = np.iinfo(np.int64).max, np.iinfo(np.int64).min

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
