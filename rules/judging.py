"""Rounds of a frame through the detectors, and their verdicts through the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.frame import Flag, Frame
from devices.registry import UNKNOWN
from rules.ahead import LEAST_ROUNDS, run_ahead
from rules.alarm import Hazard
from rules.detector import (
    FAR,
    Chooses,
    Detector,
    JudgesHistory,
    Prepares,
    Round,
    SkipsQuiet,
    SpeaksForGroups,
    Verdicts,
)
from rules.faults import Faults
from rules.machine import Machine, Transition
from rules.rounds import Rounds, in_rounds
from rules.telling import Place, Telling, Told, place_of, place_of_tick

NEVER: Final = np.iinfo(np.int64).min


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
        self._machine = machine
        self._telling = telling
        self._faults = faults
        self._speakers = {d: it for d, it in enumerate(detectors) if isinstance(it, SpeaksForGroups)}
        self._preparing = [it for it in detectors if isinstance(it, Prepares)]
        self._choosing = [it if isinstance(it, Chooses) else None for it in detectors]
        self._lanes_of = [
            [lane for (of, _), lane in lane_of.items() if of == d] for d in range(len(detectors))
        ]
        self._skipping = [(d, it) for d, it in enumerate(detectors) if isinstance(it, SkipsQuiet)]
        self._historians = [(d, it) for d, it in enumerate(detectors) if isinstance(it, JudgesHistory)]

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
        sensor, at, received, flag = frame.sensor[rows], time[rows], frame.received[rows], frame.flag[rows]
        columns = {name: column[rows] for name, column in frame.columns.items()}
        may_count = (at >= now[rows] - lateness_us) & (flag != Flag.FAIL) & (flag != Flag.MISSING)
        in_time = bool(may_count.all()) and self._in_order(order, sensor, at)
        if in_time:
            self.last[sensor] = at
        prepared = in_time and len(rows) >= 2 * order.sizes[0]
        if prepared:
            for it in self._preparing:
                it.prepare(sensor[: order.sizes[0]])
        of_all = sensor[: order.sizes[0]]
        waiting = {
            d: detector
            for (d, detector), choosing in zip(enumerate(self._detectors), self._choosing, strict=True)
            if choosing is None or choosing.concerned(of_all)
        }
        if prepared:
            self._ahead(waiting, order, Round(sensor, at, received, flag, columns), now, told)
        start = 0
        for size in order.sizes.tolist() if waiting or not in_time else ():
            of, start = slice(start, start + size), start + size
            some = {name: column[of] for name, column in columns.items()}
            batch = Round(sensor[of], at[of], received[of], flag[of], some)
            rows_of = rows[of]
            if not in_time:
                last = self.last.take(batch.sensor)
                fresh = (batch.time > last) & may_count[of]
                if not fresh.all():
                    self._late(frame, time, now, rows_of[~fresh & (batch.time != last)], told)
                    self.duplicate_count += int((batch.time == last).sum())
                    if not fresh.any():
                        continue
                    batch, rows_of = _rows(batch, fresh), rows_of[fresh]
                self.last[batch.sensor] = batch.time
            for d, detector in waiting.items():
                said = self._observe(d, detector, batch)
                if len(said) or d in self._speakers:
                    self.take(d, said, told, now, batch.sensor, rows_of)
        if prepared:
            for it in self._preparing:
                it.release()

    def _ahead(
        self,
        waiting: dict[int, Detector],
        order: Rounds,
        frame: Round,
        now: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        """Let detectors that can run ahead of the rounds: they wait for no round any more."""
        if len(order.sizes) < LEAST_ROUNDS:
            return
        for d, it in self._skipping:
            if d not in waiting or order.sizes[0] > it.ahead_sensors:
                continue
            detector = waiting.pop(d)
            calm = partial(self._machine.calm, self._lanes_of[d], frame.sensor[: order.sizes[0]])
            for at in run_ahead(it, order, frame, calm, partial(self._faults.note, d, UNKNOWN)):
                batch = _rows(frame, at)
                said = self._observe(d, detector, batch)
                if len(said):
                    self.take(d, said, told, now, batch.sensor, order.rows[at])

    def _in_order(self, order: Rounds, sensor: npt.NDArray[np.int32], at: npt.NDArray[np.int64]) -> bool:
        """Whether no reading is older than one that the same sensor sent before, or as old."""
        first = int(order.sizes[0])
        if not (at[:first] > self.last.take(sensor[:first])).all():
            return False
        return len(order.sizes) == 1 or bool((at[first:] > at[order.before()]).all())

    def _observe(self, d: int, detector: Detector, batch: Round) -> Sequence[Verdicts]:
        try:
            return detector.observe(batch)
        except Exception as error:
            if len(batch.sensor) == 1:
                self._faults.note(d, int(batch.sensor[0]), error)
                return ()
        return [
            verdicts
            for i in range(len(batch.sensor))
            for verdicts in self._observe(d, detector, _rows(batch, slice(i, i + 1)))
        ]

    def _late(
        self,
        frame: Frame,
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        flag = frame.flag[rows]
        chosen = rows[(flag != Flag.FAIL) & (flag != Flag.MISSING)]
        if len(chosen) == 0:
            return
        self.late_count += len(chosen)
        batch = Round(
            frame.sensor[chosen],
            time[chosen],
            frame.received[chosen],
            frame.flag[chosen],
            {name: column[chosen] for name, column in frame.columns.items()},
        )
        place = {int(sensor): int(row) for sensor, row in zip(batch.sensor, chosen, strict=True)}
        for d, judges in self._historians:
            for verdicts in self._faults.safely(d, partial(judges.late, batch)):
                for i in np.flatnonzero(verdicts.level > 0).tolist():
                    sensor = int(verdicts.sensor[i])
                    row = place.get(sensor, int(chosen[-1]))
                    lane = self._lane_of[d, verdicts.hazard]
                    here = (2 * row + 1, 0, lane, sensor)
                    self._telling.note_late(lane, verdicts, i, int(now[row]), here, told)

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
    ) -> None:
        """Verdicts through the machine; what it settles goes to `told` with the row that decided it.

        sensors : of the round, in their order, with their rows in the frame; or of the whole frame as it
            came, with rows None.
        tick : The server's time where no row brings it [µs].
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

        punctual = now is None and not by_control and getattr(self._detectors[d], "horizon_us", 0) == FAR

        def now_of(sensor: int) -> int:
            if now is not None:
                return int(now[row_of(sensor)])
            # What has its own time is known from then on, however late the tick.
            return int(verdicts.time[verdicts.sensor == sensor][0]) if punctual else tick

        def decided_at(transition: Transition) -> Place:
            if now is None:
                return place_of_tick(transition)
            return place_of(transition, now, row_of(transition.sensor))

        for verdicts in said:
            lane = self._lane_of[d, verdicts.hazard]
            for transition in self._machine.judge(lane, verdicts, now_of):
                self._telling.settle(transition, decided_at(transition), told)
            for kept in self._machine.take_kept_back():
                self._telling.keep_back(kept, decided_at(kept.transition), told)
        if d in self._speakers:
            changes = list(self._faults.safely(d, self._speakers[d].announcements))
            if changes:
                last = 0 if sensors is None else len(sensors) - 1
                last = last if rows is None else int(rows.max())
                told.append(((2 * last + 1, 0, len(self._lane_of), 0), changes))


def _rows(batch: Round, rows: slice | npt.NDArray[Any]) -> Round:
    columns = {name: column[rows] for name, column in batch.columns.items()}
    return Round(batch.sensor[rows], batch.time[rows], batch.received[rows], batch.flag[rows], columns)
