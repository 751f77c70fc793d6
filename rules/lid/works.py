"""Works on sensors: after an announced intervention a lid is learned anew, as it then lies.

A crew that swaps a sensor, turns it or sets its zero anew says so by an `intervention`. What was learned
before says nothing of what is measured after it. But an announcement is a plan, no report: where nothing of
the first reading after the work differs from the last before it, nobody has touched the sensor; and where the
lid was known to be missing, to lean or to lie low when the work began, what was learned goes on counting
until it lies well again or somebody who has seen it says `rebaseline`: else a crew that never came would
hide a theft.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from rules.alarm import Hazard
from rules.detector import FAR, Verdicts
from rules.lid.limits import Limits
from rules.lid.reasons import ROW
from rules.lid.state import LidState, Sink, Tilt, Water
from rules.windows import Windows

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]

MOVED_DEG: Final = 3.0
MOVED_MM: Final = 5.0
"""Readings after the work that differ by so much from those before it: somebody has been at sensor or lid."""
STANDING: Final = 2
"""Level of missing, tilted or sunken from which on a lid lay badly when the work began."""
ASKED_US: Final = 86_400_000_000
"""So long it is told that somebody is to look whether a lid lies well that was learned anew so far off."""


@dataclass(slots=True)
class Before:
    """What was known of a sensor when work on it began.

    said : tuple[int, ...]  Levels by hazard.  tilt, x, y : latest inclinations [°].  mm : height [mm].
    water : level [mm].  NaN = not measured.  spoke : It has spoken since.
    worded : What it said then has not been taken back yet.
    """

    said: tuple[int, ...]
    tilt: float
    x: float
    y: float
    mm: float
    water: float
    spoke: bool = False
    worded: bool = False

    @classmethod
    def of(cls, state: LidState, row: int) -> Before:
        """What a row of the state says."""
        tilt, sink, water = state.tilt[row], state.sink[row], state.water[row]
        nan = float("nan")
        turned = tilt[Tilt.COUNT] > 0
        return cls(
            tuple(int(level) for level in state.said[row, :7]),
            float(tilt[Tilt.LAST]) if turned else nan,
            float(tilt[Tilt.LAST_X]) if turned else nan,
            float(tilt[Tilt.LAST_Y]) if turned else nan,
            float(sink[Sink.BASE] + sink[Sink.LEVEL]) if sink[Sink.COUNT] > 0 else nan,
            float(water[Water.LEVEL]) if water[Water.COUNT] > 0 else nan,
        )

    def lies(self) -> bool:
        """Whether anything is known of how it lay."""
        return not np.isnan([self.tilt, self.x, self.y, self.mm]).all()

    def standing(self) -> bool:
        """Whether the lid was known to lie badly."""
        return max(self.said[:3]) >= STANDING

    def turned_deg(self, reading: Mapping[str, float]) -> float:
        """How far the inclinations of a reading are from those before [°]; NaN = not to be compared."""
        pairs = (("tilt_deg", self.tilt), ("tilt_x_deg", self.x), ("tilt_y_deg", self.y))
        apart = [abs(reading.get(name, np.nan) - was) for name, was in pairs]
        known = [min(deg, 360 - deg) for deg in apart if not np.isnan(deg)]
        return max(known, default=float("nan"))

    def moved_mm(self, reading: Mapping[str, float]) -> float:
        """How far its height is from that before [mm]; NaN = not to be compared."""
        return abs(reading.get("displacement_mm", np.nan) - self.mm)


def ask_to_look(sensor: npt.NDArray[np.int32], time: Int64, level: int) -> list[Verdicts]:
    """Have somebody look whether lids lie well that were learned anew far off; level 0 = no more."""
    if len(sensor) == 0:
        return []
    nothing = np.full(len(sensor), np.nan, np.float32)
    reason = np.full(len(sensor), ROW["sensor_fault.reset"] if level else 0, np.uint8)
    levels = np.full(len(sensor), level, np.int8)
    return [Verdicts(Hazard.SENSOR_FAULT, sensor, time, levels, nothing, nothing, reason)]


class Works:
    """Interventions on the lids of n sensors.

    begins, over : int64[n]  Next work whose end each sensor has not seen, with the windows that adjoin it
        [µs]; FAR = none.
    zero_mm : float32[n]  By how much the zero of its water was moved by such work [mm].
    ask_until : int64[n]  Until when somebody is asked to look at a lid that was learned anew far off [µs];
        0 = nobody is.
    """

    def __init__(self, n: int) -> None:
        self._windows = Windows()
        self._seen = np.zeros(n, np.int64)
        self._before: dict[int, Before] = {}
        self.begins, self.over = np.full(n, FAR, np.int64), np.full(n, FAR, np.int64)
        self.zero_mm, self._usual_mm = np.zeros(n, np.float32), np.zeros(n, np.float32)
        self.ask_until = np.zeros(n, np.int64)
        self._any = False

    # --- what comes in ---------------------------------------------------------------------------

    def announce(self, name: str, payload: Mapping[str, Any], registry: Registry) -> None:
        """A control `permit` or `intervention`. Raises ValueError."""
        asset = registry.asset_index(str(payload.get("asset_id") or ""))
        if asset >= 0:
            self._windows.take(asset, name, payload)
            self.look_ahead(registry, np.flatnonzero(registry.sensors.asset == asset))

    def look_ahead(self, registry: Registry, sensors: npt.NDArray[Any]) -> None:
        """Find the next work of some sensors."""
        for sensor in sensors.tolist():
            asset = int(registry.sensors.asset[sensor])
            self.begins[sensor], self.over[sensor] = self._next(asset, int(self._seen[sensor]))
        self._any = bool((self.over < FAR).any() or self.zero_mm.any() or self.ask_until.any())

    def concerned(self, sensor: npt.NDArray[Any], until: Int64) -> Bool:
        """bool[k]  Sensors for which work has begun by some event times [µs], or goes on counting."""
        if not self._any:
            return np.zeros(len(sensor), bool)
        asked = self.ask_until.take(sensor)
        found = (until >= self.begins.take(sensor)) | (self.zero_mm.take(sensor) != 0) | (asked > 0)
        return np.asarray(found, bool)

    def receive(
        self,
        sensor: npt.NDArray[np.int32],
        time: Int64,
        columns: Mapping[str, Float32],
        state: LidState,
        limits: Limits,
        registry: Registry,
    ) -> tuple[list[int], list[int]]:
        """Take timely readings in before they are judged, at most one of a sensor.

        Returns those of the sensors that begin anew with theirs, and those that somebody is to look at.
        """
        anew: list[int] = []
        asked: list[int] = []
        for i in np.flatnonzero(time >= self.begins.take(sensor)).tolist():
            s = int(sensor[i])
            before = self._before.get(s) or Before.of(*state.find(s))
            if time[i] < self.over[s]:
                before.spoke = before.worded = True
                self._before[s] = before
                continue
            reading = {name: float(column[i]) for name, column in columns.items()}
            turned, moved = before.turned_deg(reading), before.moved_mm(reading)
            if before.lies() and np.isnan(turned) and np.isnan(moved):
                continue
            own = limits.take(np.array([i]))
            look = bool(turned >= own["tilt_attention_deg"][0] or moved >= own["sunk_defect_mm"][0])
            if (turned >= MOVED_DEG or moved >= MOVED_MM) and not before.standing():
                anew.append(s)
            else:
                look = False
            shift = _new_zero_mm(before, reading.get("water_mm", np.nan), *state.find(s), own)
            if shift > 0:
                self.zero_mm[s], self._usual_mm[s] = shift, before.water
            if look or shift > 0:
                self.ask_until[s] = int(time[i]) + ASKED_US
                asked.append(s)
            self._seen[s] = self.over[s]
            self._before.pop(s, None)
            self.look_ahead(registry, np.array([s]))
        return anew, asked

    def answered(self, sensor: npt.NDArray[np.int32], time: Int64) -> npt.NDArray[np.intp]:
        """Rows of sensors that nobody need look at any more."""
        asked = self.ask_until.take(sensor)
        rows = np.flatnonzero((asked > 0) & (time >= asked))
        self.ask_until[sensor[rows]] = 0
        return rows

    def level(self, sensor: npt.NDArray[Any], water_mm: Float32) -> Float32:
        """float32[k]  Levels by the zero of before the work [mm].

        Water that falls takes the shift back with it: a flood that stood when the work ended is no zero.
        """
        fallen = np.fmin(self.zero_mm.take(sensor), water_mm - self._usual_mm.take(sensor))
        self.zero_mm[sensor] = np.maximum(fallen, 0)
        return np.asarray(water_mm - self.zero_mm.take(sensor), np.float32)

    # --- waiting ---------------------------------------------------------------------------------

    def dues(self, sensor: npt.NDArray[Any]) -> Int64:
        """int64[k]  When the words that each said under work are taken back [µs]; FAR = it said none."""
        due = np.full(len(sensor), FAR, np.int64)
        if self._before:
            for i in np.flatnonzero(np.isin(sensor, list(self._before))).tolist():
                due[i] = self._due(int(sensor[i]))
        return due

    def due(self) -> int:
        """Earliest of those [µs]."""
        return min((self._due(sensor) for sensor in self._before), default=FAR)

    def take_ripe(self, now: int) -> list[tuple[int, int, Before]]:
        """(sensor, end of work [µs], before) of those that are due by now, in order of their ends."""
        ripe = [
            (int(self.over[sensor]), sensor, before)
            for sensor, before in self._before.items()
            if self._due(sensor) <= now
        ]
        for _, _, before in ripe:
            before.worded = False
        return [(sensor, end, before) for end, sensor, before in sorted(ripe, key=lambda r: r[:2])]

    def _due(self, sensor: int) -> int:
        return int(self.over[sensor]) - 1 if self._before[sensor].worded else FAR

    def _next(self, asset: int, after: int) -> tuple[int, int]:
        for window in self._windows.of(asset):
            if window.kind != "intervention" or window.end <= after:
                continue
            begins, over = window.start, window.end
            while longer := self._windows.until(asset, over):
                over = longer
            while sooner := [w.start for w in self._windows.of(asset) if w.start < begins <= w.end]:
                begins = min(sooner)
            if over > after:
                return begins, over
        return FAR, FAR

    # --- state -----------------------------------------------------------------------------------

    def grow(self, n: int) -> None:
        """Make room for n sensors."""
        more = n - len(self._seen)
        fresh = Works(more)
        for name in ("_seen", "begins", "over", "zero_mm", "_usual_mm", "ask_until"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(fresh, name)]))

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        told = {
            "windows": self._windows.state(),
            "before": [[sensor, asdict(before)] for sensor, before in self._before.items()],
        }
        return {
            "work.seen": self._seen.copy(),
            "work.zero": self.zero_mm.copy(),
            "work.usual": self._usual_mm.copy(),
            "work.ask": self.ask_until.copy(),
            "work.told": np.frombuffer(json.dumps(told).encode(), np.uint8),
        }

    @classmethod
    def of(cls, state: Mapping[str, npt.NDArray[Any]], registry: Registry) -> Works:
        """The state that `snapshot` gave; an earlier version had none."""
        n = len(registry.sensors)
        if "work.seen" not in state:
            return cls(n)
        works = cls(len(state["work.seen"]))
        works._seen, works.zero_mm = np.array(state["work.seen"]), np.array(state["work.zero"])
        works._usual_mm, works.ask_until = np.array(state["work.usual"]), np.array(state["work.ask"])
        told = json.loads(state["work.told"].tobytes())
        works._windows.restore(told["windows"])
        works._before = {
            sensor: Before(**{**before, "said": tuple(before["said"])}) for sensor, before in told["before"]
        }
        works.grow(n)
        if works._windows:
            works.look_ahead(registry, np.arange(n))
        return works


def _new_zero_mm(before: Before, water_mm: float, state: LidState, row: int, limits: Limits) -> float:
    """By how much the zero of its water was moved [mm]; 0 = not at all, or the water rises."""
    hysteresis = float(limits["flood_hysteresis_mm"][0])
    near = float(limits["flood_mm"][0]) - hysteresis
    if not (water_mm >= near > before.water) or before.said[5] >= STANDING:
        return 0.0
    if before.spoke and water_mm - float(state.water[row, Water.LEVEL]) >= hysteresis:
        return 0.0
    return water_mm - before.water
