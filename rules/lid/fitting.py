"""When each sensor was fitted where it is: what it read before was of a desk, a car, or another lid.

A date that lies far ahead of what a sensor sends in time is more likely a slip in the registry than a desk.
Believed, it would keep a lid unwatched until then, and a warning that does not come is worse than a false one
from a shelf. So it is believed for some days at most; before those the sensor is judged like one that nobody
gave a date, the registry is named, and when the date comes the lid in its seat is learned anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard
from rules.detector import Verdicts
from rules.lid.limits import Limits
from rules.lid.reasons import ROW

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

DAY_US: Final = 86_400_000_000


class Stage(IntEnum):
    """How a sensor stands to its fitting.

    FITTED : it has spoken since.  DESK : what is timely and older counts for nothing.
    DOUBTED : it spoke too long before for a desk, is judged, and its registry entry is told to be wrong.
    AMENDED : that was told, and the entry has changed since; else like DESK.
    """

    FITTED = 0
    DESK = 1
    DOUBTED = 2
    AMENDED = 3


class Fitting:
    """Dates of fitting of n sensors.

    seat : int64[n]  Since when readings that come late show the seat: fitting, binding, or told to begin
        anew [µs]; 0 = unknown.
    begins : int64[n]  Before this a reading is of a desk: fitting or binding [µs]; 0 = unknown.
    """

    def __init__(self, installed_at: Int64) -> None:
        self.seat = installed_at.copy()
        self.begins = installed_at.copy()
        self._stage = np.where(installed_at > 0, Stage.DESK, Stage.FITTED).astype(np.uint8)

    # --- what comes in ---------------------------------------------------------------------------

    def stage(self, sensor: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """uint8[k]  `Stage` of some sensors."""
        return self._stage.take(sensor)

    def awaits(self, sensor: npt.NDArray[Any]) -> Bool:
        """bool[k]  Sensors that have not spoken in time since they were fitted."""
        return np.asarray(self._stage.take(sensor) != Stage.FITTED, bool)

    def receive(
        self, sensor: npt.NDArray[np.int32], time: Int64, limits: Limits
    ) -> tuple[Bool, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Take timely readings in, at most one of a sensor.

        sensor : int32[k].  time : int64[k]  [µs].  limits : of those sensors.
        Returns which readings count, bool[k]; sensors that begin anew with theirs; and sensors whose
        registry entry need not be told any more.
        """
        stage, begins = self._stage.take(sensor), self.begins.take(sensor)
        fitted = time >= begins
        far = begins - time > limits["desk_days"].astype(np.float64) * DAY_US
        desk = (stage == Stage.DESK) | (stage == Stage.AMENDED)
        told = (stage == Stage.DOUBTED) | (stage == Stage.AMENDED)
        anew = fitted & (stage == Stage.DOUBTED)
        self._stage[sensor[fitted]] = Stage.FITTED
        self._stage[sensor[desk & ~fitted & far]] = Stage.DOUBTED
        return fitted | ~desk | far, sensor[anew], sensor[fitted & told]

    def of_registry(
        self,
        sensor: npt.NDArray[np.int32],
        time: Int64,
        mended: npt.NDArray[np.int32],
        limits: Limits,
    ) -> list[Verdicts]:
        """What is to be told of the registry's dates after `receive`, which gave `mended`."""
        doubted = np.flatnonzero(self.stage(sensor) == Stage.DOUBTED)
        ahead = ((self.begins.take(sensor) - time) / DAY_US).astype(np.float32)
        desk_days = np.broadcast_to(limits["desk_days"], len(sensor)).astype(np.float32)
        verdicts = []
        for level, rows in ((2, doubted), (0, np.flatnonzero(np.isin(sensor, mended)))):
            if len(rows):
                reason = np.full(len(rows), ROW["sensor_fault.fitted_ahead"] if level else 0, np.uint8)
                levels = np.full(len(rows), level, np.int8)
                told = sensor[rows], time[rows], levels, ahead[rows], desk_days[rows], reason
                verdicts.append(Verdicts(Hazard.SENSOR_FAULT, *told))
        return verdicts

    def of_desk(self, sensor: npt.NDArray[Any], time: Int64) -> Bool:
        """bool[k]  Readings that came late and are from before the fitting."""
        before = time < self.begins.take(sensor)
        return np.asarray(before & (self._stage.take(sensor) != Stage.DOUBTED), bool)

    # --- what changes ----------------------------------------------------------------------------

    def bound(self, sensors: npt.NDArray[Any], at: int) -> None:
        """These sensors were bound to a lid just now; `at` is that time [µs]."""
        self.seat[sensors] = self.begins[sensors] = at
        self._stage[sensors] = Stage.DESK

    def learn_anew(self, sensors: npt.NDArray[Any], at: int) -> None:
        """The lids of these sensors are to be learned as they lie; `at` is that time [µs]."""
        self.seat[sensors] = at

    def follow(self, installed_at: Int64, moved: npt.NDArray[Any]) -> None:
        """Take a grown registry's dates for new sensors and for those that `moved` or were dated anew."""
        new = Fitting(installed_at[len(self.seat) :])
        told = moved[self._stage[moved] >= Stage.DOUBTED]
        self.seat = np.concatenate([self.seat, new.seat])
        self.begins = np.concatenate([self.begins, new.begins])
        self._stage = np.concatenate([self._stage, new._stage])
        self.seat[moved] = self.begins[moved] = installed_at[moved]
        self._stage[moved] = np.where(installed_at[moved] > 0, Stage.DESK, Stage.FITTED)
        self._stage[told] = Stage.AMENDED

    # --- state -----------------------------------------------------------------------------------

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {
            "at.fitted": self.seat.copy(),
            "at.begins": self.begins.copy(),
            "at.stage": self._stage.copy(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]], last: Int64, installed_at: Int64) -> None:
        """The state that `snapshot` gave; that of an earlier version has learned from whatever was timely.

        last : int64[n]  Event time of the latest reading that was judged [µs]; 0 = none.
        installed_at : int64[m]  Of a registry that may have grown since.
        """
        seat = np.array(state["at.fitted"], np.int64)
        n = len(seat)
        if "at.stage" in state:
            begins, stage = np.array(state["at.begins"], np.int64), np.array(state["at.stage"], np.uint8)
        else:
            begins = installed_at[:n]
            ahead = begins > last[:n]
            stage = np.where(ahead, np.where(last[:n] > 0, Stage.DOUBTED, Stage.DESK), Stage.FITTED)
        new = Fitting(installed_at[n:])
        self.seat = np.concatenate([seat, new.seat])
        self.begins = np.concatenate([begins, new.begins])
        self._stage = np.concatenate([stage, new._stage]).astype(np.uint8)
