"""A frame through a detector that judges each sensor by itself: every sensor goes as far as it can.

A round of readings costs some hundred calls of numpy however few rows it has, and a frame has as many rounds
as its busiest sensor has readings. So each sensor goes on by itself, many readings at a time, and stops only
where something is said of it that is not held already. Time within the frame is kept for each by itself, too:
a hold ends before the reading that comes after its end, and what silence says of a sensor is asked for when
all others have come as far as to that moment. From outside it is as if the frame had been cut there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from rules.detector import Detector, Round, RunsAhead, Verdicts
from rules.rounds import Rounds

Places = npt.NDArray[np.int64]
Int64 = npt.NDArray[np.int64]

LEAST_AHEAD: Final = 4
ALONE_AHEAD: Final = 32
"""Few go on together after one was waited for: further costs them little."""
FEW: Final = 1.5
"""Where sensors get no further than this on average, rounds cost less."""
LONGEST_WAIT: Final = 16
"""So many of those at most, before running ahead is tried again."""


class Runner(Detector, RunsAhead, Protocol):
    """What runs."""


class Court(Protocol):
    """What a sensor's readings are brought before, on the engine's side."""

    def held(self, sensors: npt.NDArray[np.int32], time: Int64) -> tuple[npt.NDArray[np.int8], Int64]:
        """int8[hazards, k], levels as `RunsAhead.run` takes them, and up to which event time that is so [µs].

        time : int64[k]  Event time of the next reading of each [µs].
        """
        ...

    def deadlines(self, sensors: npt.NDArray[np.int32]) -> Int64:
        """int64[k]  When the next hold of each ends [µs]; FAR = none."""
        ...

    def pass_time(self, sensor: int, now: int) -> None:
        """Let holds of a sensor end that are over by now [µs]."""
        ...

    def tick(self, now: int) -> None:
        """Let the detector say what becomes certain at a moment of the frame [µs]."""
        ...

    def observe(self, batch: Round, at: Places) -> None:
        """Judge readings as a round. at : Their places in the frame's round order."""
        ...

    def late(self, at: Places) -> None:
        """Readings that complete history only."""
        ...

    def take(self, said: Sequence[Verdicts], sensors: npt.NDArray[np.int32], at: Places) -> None:
        """What is said of sensors by the readings at these places."""
        ...

    def failed(self, error: Exception) -> None:
        """Running ahead has failed, which costs only speed."""
        ...


class Course:
    """One frame's readings, and how far each sensor has come.

    order : Rounds.  frame : Round  In that order; `received` is the engine's own time, which never falls.
    late : bool[n]  Readings that complete history only.
    ready : Whether the detector has been told of the sensors, so that it may run ahead.
    """

    def __init__(
        self,
        it: Runner,
        court: Court,
        order: Rounds,
        frame: Round,
        late: npt.NDArray[np.bool_] | None,
        *,
        ready: bool,
    ) -> None:
        self._it, self._court = it, court
        self._frame, self._late = frame, late
        sizes = order.sizes
        k = int(sizes[0])
        self._sensor = frame.sensor[:k]
        self._count = len(sizes) - np.searchsorted(sizes[::-1], np.arange(k), side="right")
        self._begins = np.cumsum(sizes) - sizes
        self._reached = np.zeros(k, np.int64)
        self._end = int(frame.received.max())
        self._can = ready
        self._ahead = max(LEAST_AHEAD, it.ahead_readings // k)
        self._wait, self._penalty = 0, 1
        wanted = it.ahead_columns
        self._read = {n: column for n, column in frame.columns.items() if wanted is None or n in wanted}

    def run(self) -> None:
        """Judge all readings, and let everything be said that is due before the last of them came."""
        self._it.begin(self._sensor)
        try:
            while self._step():
                pass
        finally:
            self._it.end()

    def _step(self) -> bool:
        places = np.flatnonzero(self._reached < self._count)
        at = self._begins[self._reached[places]] + places
        coming = self._frame.received[at]
        due = self._it.due()
        if due <= self._end:
            free = self._it.waits(self._sensor[places]) > coming
            if not free.any():
                self._say_what_is_due(places, coming, due)
                return True
            places, at, coming = places[free], at[free], coming[free]
        elif len(places) == 0:
            return False
        until = self._let_holds_end(places, coming)
        if self._late is not None and (is_late := self._late[at]).any():
            self._court.late(at[is_late])
            self._reached[places[is_late]] += 1
            rest = ~is_late
            places, at, until = places[rest], at[rest], until[rest]
            if len(places) == 0:
                return True
        if self._can and self._wait == 0 and len(places) <= self._it.ahead_sensors:
            places, at = self._run_ahead(places, at, until)
        else:
            self._wait = max(0, self._wait - 1)
        if len(places):
            self._court.observe(self._frame.take(_neighbours(at)), at)
            self._reached[places] += 1
        return True

    def _say_what_is_due(self, places: Places, coming: Int64, due: int) -> None:
        """All sensors have come as far as to the earliest of what they wait for; what is due after it may be
        said as well, as long as it asks nothing of sensors that can now go on."""
        self._tick(due)
        while (due := self._it.due()) <= self._end:
            free = self._it.waits(self._sensor[places]) > coming
            if not self._it.apart(self._sensor[places[free]]):
                break
            self._tick(due)
        self._ahead = max(self._ahead, ALONE_AHEAD)

    def _tick(self, due: int) -> None:
        # What was said of the sensor before is settled as it was before silence speaks.
        self._court.pass_time(self._it.waits_first(), due)
        self._court.tick(due)

    def _let_holds_end(self, places: Places, coming: Int64) -> Int64:
        """int64[k]  When the next hold of each ends; what ends before its next reading comes is over."""
        sensors = self._sensor[places]
        until = self._court.deadlines(sensors)
        for i in np.flatnonzero(until <= coming).tolist():
            self._court.pass_time(int(sensors[i]), int(coming[i]))
            until[i] = self._court.deadlines(sensors[i : i + 1])[0]
        return until

    def _run_ahead(self, places: Places, at: Places, until: Int64) -> tuple[Places, Places]:
        """Take in as many readings as possible at once; returns those that are to be observed instead."""
        frame, it = self._frame, self._it
        most = max(LEAST_AHEAD, it.ahead_readings // len(places))
        rest = self._count[places] - self._reached[places]
        r = min(self._ahead, most, int(rest.max()))
        ranks = np.arange(r)[:, None]
        rows = self._begins[self._reached[places] + np.minimum(ranks, rest - 1)] + places
        valid = (ranks < rest) & (frame.received[rows] < until)
        if self._late is not None and (is_late := self._late[rows]).any():
            valid &= ~np.logical_or.accumulate(is_late, axis=0)
        columns = {name: column[rows] for name, column in self._read.items()}
        sensors, time = self._sensor[places], frame.time[rows]
        held, ends = self._court.held(sensors, time[0])
        valid &= time < ends
        try:
            done, said = it.run(sensors, time, frame.received[rows], columns, valid, held)
        except Exception as error:
            self._court.failed(error)
            self._can = False
            return places, at
        self._reached[places] += done
        if said:
            self._court.take(said, sensors, rows[np.maximum(done - 1, 0), np.arange(len(places))])
        mean = float(done.mean())
        # Twice as far as was got this time: what lies beyond is judged again.
        self._ahead = max(LEAST_AHEAD, int(2 * mean))
        if mean <= FEW and r > FEW:
            self._wait = self._penalty
            self._penalty = min(2 * self._penalty, LONGEST_WAIT)
        else:
            self._penalty = 1
        none = done == 0
        return places[none], at[none]


def _neighbours(at: Places) -> slice | Places:
    """A slice where they follow one another."""
    first = int(at[0])
    if int(at[-1]) - first == len(at) - 1 and (at == np.arange(first, first + len(at))).all():
        return slice(first, first + len(at))
    return at
