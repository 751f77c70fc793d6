"""Clocks that are slow: sensors whose readings come late by the same time, again and again.

A radio delays one message or a few, and an outage gives back what it kept faster than it was measured.
Whoever is late by the same minutes for hours, message after message, measures in time and states it wrongly.
Its readings are judged by its time and what the clock lacks: else the lid that a crew opens would have been
opened before the permit, and closed before the crew came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry, Role
from rules.rounds import in_rounds

Int64 = npt.NDArray[np.int64]

SECOND: Final = 1_000_000
LEAST_US: Final = 300 * SECOND
"""Lateness below this is the network's: permits are made with as much to spare."""
ALIKE_US: Final = 60 * SECOND
"""Messages that are late by the same clock differ by the network's delays, and its few seconds a day."""
MESSAGES: Final = 4
HOURS_US: Final = 6 * 3600 * SECOND
"""As many, over as long: no outage gives back what it kept at the pace at which it was measured."""
MOST_US: Final = 24 * 3600 * SECOND
"""No zone of time is further away."""
HISTORY_MESSAGES: Final = 8
HISTORY_US: Final = 24 * 3600 * SECOND
"""Of what is so late that it counts as history: as many, over as long, with nothing in time between. Local
time taken for UTC is 8 h, and its sensor would be blind for ever."""


class Clocks:
    """What is known of the clocks of lid sensors: bridges send blocks, which are late by their length.

    slow : int64[n]  What each lacks [µs]; 0 = right, or not known. Never more than its latest message is
        late.
    first, since, count : int64[n]  Messages running that are late alike: lateness of the first [µs], when
        it was received, how many.
    """

    def __init__(self, registry: Registry) -> None:
        n = len(registry.sensors)
        self.slow, self.first, self.since, self.count = np.zeros((4, n), np.int64)
        self._changed: dict[int, list[tuple[int, int]]] = {}
        self.registry_changed(registry)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a grown registry."""
        role = registry.sensors.role
        self._mine = (role == Role.LID) | (role == Role.WATER)
        more = len(role) - len(self.slow)
        for name in ("slow", "first", "since", "count"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more, np.int64)]))

    def right(self, sensor: npt.NDArray[np.int32], time: Int64, now: Int64, lateness_us: int) -> Int64:
        """Event times as they would be by right clocks [µs].

        sensor : int32[k]  In the order in which they came; a sensor may be in them more than once.
        time, now : int64[k]  Event time as it was stated, and when it was received [µs].
        lateness_us : int  What is later than this is history, and says less of a clock.
        """
        self._changed.clear()
        late = now - time
        asks = self._mine.take(sensor) & ((late >= LEAST_US) | (self.count.take(sensor) > 0))
        if not np.count_nonzero(asks):
            return time
        # All of these sensors' rows: one in time that follows within the frame ends what came before.
        rows = np.flatnonzero(np.isin(sensor, sensor[asks]))
        time = time.copy()
        order = in_rounds(sensor[rows])
        start = 0
        for size in order.sizes.tolist():
            at = rows[order.rows[start : start + size]]
            start += size
            tells = at[late[at] <= MOST_US]
            of = sensor[at]
            before = self.slow[of]
            self._learn(sensor[tells], late[tells], now[tells], lateness_us)
            time[at] += np.minimum(self.slow[of], np.maximum(late[at], 0))
            for i in np.flatnonzero(self.slow[of] != before).tolist():
                changes = self._changed.setdefault(int(of[i]), [(0, int(before[i]))])
                changes.append((int(time[at[i]]), int(self.slow[of[i]])))
        return time

    def slow_at(self, sensor: int, time: int) -> int:
        """What the clock of a sensor lacked at a right event time of the latest frame [µs]."""
        changes = self._changed.get(sensor)
        if changes is None:
            return int(self.slow[sensor])
        return next(slow for since, slow in reversed(changes) if since <= time)

    def _learn(self, s: npt.NDArray[np.int32], late: Int64, now: Int64, lateness_us: int) -> None:
        count, first = self.count[s], self.first[s]
        on_time = late < LEAST_US
        alike = (count > 0) & (np.abs(late - first) <= ALIKE_US)
        first = np.where(alike, first, late)
        since = np.where(alike, self.since[s], now)
        count = np.where(on_time, 0, np.where(alike, count + 1, 1))
        sure = (count >= MESSAGES) & (now - since >= HOURS_US) & (late <= lateness_us)
        sure |= (count >= HISTORY_MESSAGES) & (now - since >= HISTORY_US)
        slow = np.where(sure, np.maximum(self.slow[s], np.minimum(first, late)), self.slow[s])
        self.slow[s] = np.where(on_time, 0, np.minimum(slow, late))
        self.first[s], self.since[s], self.count[s] = first, since, count

    def snapshot(self) -> dict[str, Int64]:
        """All state as named arrays."""
        return {name: getattr(self, name).copy() for name in ("slow", "first", "since", "count")}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; of an earlier version, none: all clocks are right at first."""
        for name, own in self.snapshot().items():
            own[:] = 0
            known = state.get(name)
            if known is not None:
                own[: len(known)] = known
            setattr(self, name, own)
