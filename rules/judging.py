"""Rounds of a frame through the detectors, and their verdicts through the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.frame import Flag, Frame
from devices.registry import UNKNOWN
from rules.ahead import Course
from rules.alarm import Hazard
from rules.detector import (
    FAR,
    Chooses,
    Detector,
    JudgesHistory,
    Prepares,
    Round,
    RunsAhead,
    SpeaksForGroups,
    Verdicts,
)
from rules.faults import Faults
from rules.machine import Machine, Transition
from rules.rounds import Rounds, in_rounds
from rules.telling import Place, Telling, Told, place_of, place_of_tick, place_within

NEVER: Final = np.iinfo(np.int64).min
SHORT_US: Final = 10_000_000
"""A frame of one round that spans less is judged as of one moment: nothing becomes due within it."""


class Judging:
    """What was judged last of each sensor, and the way from readings to what is told.

    last : int64[n_sensors]  Event time of the latest reading in time [µs]; NEVER = none.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        lane_of: Mapping[tuple[int, Hazard], int],
        machine: Machine,
        telling: Telling,
        faults: Faults,
        n_sensors: int,
    ) -> None:
        self.last = np.full(n_sensors, NEVER, np.int64)
        self.late_count = 0
        self.duplicate_count = 0
        self._detectors = detectors
        self._lane_of = lane_of
        self.machine = machine
        self._telling = telling
        self.faults = faults
        self._speakers = {d: it for d, it in enumerate(detectors) if isinstance(it, SpeaksForGroups)}
        self._preparing = [it for it in detectors if isinstance(it, Prepares)]
        self._choosing = [it if isinstance(it, Chooses) else None for it in detectors]
        self.lanes_of = [
            [lane for (of, _), lane in lane_of.items() if of == d] for d in range(len(detectors))
        ]
        self._running = [(d, it) for d, it in enumerate(detectors) if isinstance(it, RunsAhead)]
        self.historians = [(d, it) for d, it in enumerate(detectors) if isinstance(it, JudgesHistory)]

    def grow(self, n_sensors: int) -> None:
        """Make room for more sensors."""
        self.last = np.concatenate([self.last, np.full(n_sensors - len(self.last), NEVER, np.int64)])

    def judge(
        self,
        frame: Frame,
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        lateness_us: int,
        told: Told,
    ) -> None:
        """Judge a frame, round by round; what is settled goes to `told`.

        time, now : int64[n]  Event time as it is believed, the server's time [µs].
        lateness_us : int  Readings older than this, when they come, are late.
        """
        order = in_rounds(frame.sensor)
        rows = order.rows
        sensor, at = frame.sensor[rows], time[rows]
        may_count = (at >= now[rows] - lateness_us) & ~_is_void(frame.flag[rows])
        late: npt.NDArray[np.bool_] | None = None
        if may_count.all() and self._in_order(order, sensor, at):
            self.last[sensor] = at
        else:
            order, late = self._sort_out(frame, order, sensor, at, may_count)
            rows = order.rows
            if len(rows) == 0:
                return
            sensor, at = frame.sensor[rows], time[rows]
        columns = {name: column[rows] for name, column in frame.columns.items()}
        whole = Round(sensor, at, frame.received[rows], frame.flag[rows], columns)
        of_all = sensor[: order.sizes[0]]
        waiting = {
            d: detector
            for (d, detector), choosing in zip(enumerate(self._detectors), self._choosing, strict=True)
            if choosing is None or choosing.concerned(of_all)
        }
        prepared = len(rows) >= 2 * order.sizes[0]
        if prepared:
            for it in self._preparing:
                it.prepare(of_all)
        if prepared or now[-1] - now[0] >= SHORT_US:
            own_time = replace(whole, received=now[rows])
            for d, runner in self._running:
                if d in waiting:
                    court = _Court(self, d, waiting.pop(d), frame, time, now, rows, told)
                    Course(runner, court, order, own_time, late, ready=prepared).run()
        if waiting:
            self._in_rounds(waiting, frame, time, order, whole, late, now, told)
        if prepared:
            for it in self._preparing:
                it.release()

    def _in_rounds(
        self,
        waiting: dict[int, Detector],
        frame: Frame,
        time: npt.NDArray[np.int64],
        order: Rounds,
        whole: Round,
        late: npt.NDArray[np.bool_] | None,
        now: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        """Rounds through the detectors that see all sensors as of one moment."""
        historians = [(d, it) for d, it in self.historians if d in waiting]
        start = 0
        for size in order.sizes.tolist():
            of, start = slice(start, start + size), start + size
            batch, rows_of = whole.take(of), order.rows[of]
            if late is not None:
                fresh = ~late[of]
                if not fresh.all():
                    self.late(historians, frame, time, now, rows_of[~fresh], told)
                    if not fresh.any():
                        continue
                    batch, rows_of = batch.take(fresh), rows_of[fresh]
            for d, detector in waiting.items():
                said = self.observe(d, detector, batch)
                if len(said) or d in self._speakers:
                    self.take(d, said, told, now, batch.sensor, rows_of)

    def _sort_out(
        self,
        frame: Frame,
        order: Rounds,
        sensor: npt.NDArray[np.int32],
        at: npt.NDArray[np.int64],
        may_count: npt.NDArray[np.bool_],
    ) -> tuple[Rounds, npt.NDArray[np.bool_]]:
        """Rounds without what came twice or is void, and which of their rows complete history only."""
        latest = self.last.take(sensor[: order.sizes[0]])
        fresh, again = np.empty(len(at), bool), np.empty(len(at), bool)
        start = 0
        for size in order.sizes.tolist():
            of, start = slice(start, start + size), start + size
            before, times = latest[:size], at[of]
            again[of] = times == before
            fresh[of] = (times > before) & may_count[of]
            np.copyto(before, times, where=fresh[of])
        self.last[sensor[: order.sizes[0]]] = latest
        self.duplicate_count += int(np.count_nonzero(again))
        late = ~fresh & ~again & ~_is_void(frame.flag[order.rows])
        self.late_count += int(np.count_nonzero(late))
        kept, is_late = np.zeros(len(at), bool), np.zeros(len(at), bool)
        kept[order.rows] = fresh | late
        is_late[order.rows] = late
        rows = np.flatnonzero(kept)
        if len(rows) == 0:
            return Rounds(rows, np.zeros(0, np.int64)), late[:0]
        rounds = in_rounds(frame.sensor[rows])
        return Rounds(rows[rounds.rows], rounds.sizes), is_late[rows[rounds.rows]]

    def _in_order(self, order: Rounds, sensor: npt.NDArray[np.int32], at: npt.NDArray[np.int64]) -> bool:
        """Whether no reading is older than one that the same sensor sent before, or as old."""
        first = int(order.sizes[0])
        if not (at[:first] > self.last.take(sensor[:first])).all():
            return False
        return len(order.sizes) == 1 or bool((at[first:] > at[order.before()]).all())

    def observe(self, d: int, detector: Detector, batch: Round) -> Sequence[Verdicts]:
        try:
            return detector.observe(batch)
        except Exception as error:
            if len(batch.sensor) == 1:
                self.faults.note(d, int(batch.sensor[0]), error)
                return ()
        return [
            verdicts
            for i in range(len(batch.sensor))
            for verdicts in self.observe(d, detector, batch.take(slice(i, i + 1)))
        ]

    def late(
        self,
        historians: Sequence[tuple[int, JudgesHistory]],
        frame: Frame,
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        if not historians:
            return
        batch = Round(
            frame.sensor[rows],
            time[rows],
            frame.received[rows],
            frame.flag[rows],
            {name: column[rows] for name, column in frame.columns.items()},
        )
        place = {int(sensor): int(row) for sensor, row in zip(batch.sensor, rows, strict=True)}
        for d, judges in historians:
            for verdicts in self.faults.safely(d, partial(judges.late, batch)):
                for i in np.flatnonzero(verdicts.level > 0).tolist():
                    sensor = int(verdicts.sensor[i])
                    row = place.get(sensor, int(rows[-1]))
                    lane = self._lane_of[d, verdicts.hazard]
                    here = (2 * row + 1, 0, lane, sensor)
                    self._telling.note_late(lane, verdicts, i, int(now[row]), here, told)

    def settle(self, transitions: Iterable[Transition], now: npt.NDArray[np.int64], told: Told) -> None:
        """Note what the passing of time within a frame settles. now : The server's time at its rows [µs]."""
        for transition in transitions:
            self._telling.settle(transition, place_of(transition, now, 0), told)
        for kept in self.machine.take_kept_back():
            self._telling.keep_back(kept, place_of(kept.transition, now, 0), told)

    def take(
        self,
        d: int,
        said: Iterable[Verdicts],
        told: Told,
        now: npt.NDArray[np.int64] | None = None,
        sensors: npt.NDArray[np.int32] | None = None,
        rows: npt.NDArray[np.int64] | None = None,
        tick: int = NEVER,
        by_control: bool = False,
        moment: int | None = None,
    ) -> None:
        """Verdicts through the machine; what it settles goes to `told` with the row that decided it.

        sensors : of the round, in their order, with their rows in the frame; or of the whole frame as it
            came, with rows None.
        tick : The server's time where no row brings it [µs].
        moment : The same within a frame, whose rows' times are `now` [µs].
        """
        first: dict[int, int] = {}

        def row_of(sensor: int) -> int:
            assert sensors is not None
            if rows is not None:
                at = np.flatnonzero(sensors == sensor)
                # A verdict on a sensor that is not in the round is the round's as a whole.
                return int(rows[at[0]] if len(at) else rows.max())
            if not first:
                first.update({s: row for row, s in reversed(list(enumerate(sensors.tolist())))})
            return first.get(sensor, len(sensors) - 1)

        by_row = now is not None and moment is None
        punctual = not by_row and not by_control and getattr(self._detectors[d], "horizon_us", 0) == FAR

        def now_of(sensor: int) -> int:
            if now is not None and moment is None:
                return int(now[row_of(sensor)])
            # What has its own time is known from then on, however late the tick.
            if punctual:
                return int(verdicts.time[verdicts.sensor == sensor][0])
            return tick if moment is None else moment

        def decided_at(transition: Transition) -> Place:
            if now is None:
                return place_of_tick(transition)
            if moment is not None:
                return place_within(transition, now, moment)
            return place_of(transition, now, row_of(transition.sensor))

        for verdicts in said:
            lane = self._lane_of[d, verdicts.hazard]
            for transition in self.machine.judge(lane, verdicts, now_of):
                self._telling.settle(transition, decided_at(transition), told)
            for kept in self.machine.take_kept_back():
                self._telling.keep_back(kept, decided_at(kept.transition), told)
        if d in self._speakers:
            changes = list(self.faults.safely(d, self._speakers[d].announcements))
            if changes:
                last = 0 if sensors is None else len(sensors) - 1
                last = last if rows is None else int(rows.max())
                here = (2 * last + 1, 0, len(self._lane_of), 0)
                if now is not None and moment is not None:
                    here = (2 * int(np.searchsorted(now, moment)), moment, len(self._lane_of), 0)
                told.append((here, changes))


class _Court:
    """What stands behind one detector's course through a frame; see `rules.ahead.Court`."""

    def __init__(
        self,
        judging: Judging,
        d: int,
        detector: Detector,
        frame: Frame,
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        self._judging, self._d, self._detector = judging, d, detector
        self._frame, self._time, self._now, self._rows, self._told = frame, time, now, rows, told
        self._lanes = judging.lanes_of[d]
        self._historians = [(of, it) for of, it in judging.historians if of == d]

    def held(
        self, sensors: npt.NDArray[np.int32], time: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        return self._judging.machine.underway(self._lanes, sensors, time)

    def deadlines(self, sensors: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        return self._judging.machine.deadlines(self._lanes, sensors)

    def pass_time(self, sensor: int, now: int) -> None:
        transitions = self._judging.machine.pass_time(self._lanes, sensor, now)
        self._judging.settle(transitions, self._now, self._told)

    def tick(self, now: int) -> None:
        said = self._judging.faults.safely(self._d, partial(self._detector.tick, now))
        self._judging.take(self._d, said, self._told, self._now, moment=now)

    def observe(self, batch: Round, at: npt.NDArray[np.int64]) -> None:
        said = self._judging.observe(self._d, self._detector, batch)
        if len(said):
            self.take(said, batch.sensor, at)

    def late(self, at: npt.NDArray[np.int64]) -> None:
        self._judging.late(self._historians, self._frame, self._time, self._now, self._rows[at], self._told)

    def take(
        self, said: Sequence[Verdicts], sensors: npt.NDArray[np.int32], at: npt.NDArray[np.int64]
    ) -> None:
        self._judging.take(self._d, said, self._told, self._now, sensors, self._rows[at])

    def failed(self, error: Exception) -> None:
        self._judging.faults.note(self._d, UNKNOWN, error)


def _is_void(flag: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Rows that say themselves that they measured nothing, or wrongly."""
    return np.asarray((flag == Flag.FAIL) | (flag == Flag.MISSING))
