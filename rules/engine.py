"""The engine: frames, ticks and controls in, changes of alarms out. Pure and deterministic.

A frame is judged in occurrence-rank rounds, each vectorized over its sensors. What the rounds settle is
told in the order in which the rows came, so that neither the cutting of the stream into frames nor the
rounds can be seen from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import UNKNOWN, Registry, Role
from rules.alarm import AlarmChange, Hazard, MutedAlarm, Severity
from rules.assets import Voice
from rules.clocks import Clocks
from rules.compose import default_detectors
from rules.detector import FAR, Detector, Foresees, HasBeats, HasThresholds, Hears, Verdicts
from rules.explain import explain_sensor
from rules.faults import EngineFault, Faults
from rules.hearing import AGAIN_US, Listener, listen
from rules.judging import NEVER, Judging
from rules.lanes import Lanes
from rules.machine import SECOND, LaneHold, Machine
from rules.schedule import active, next_change
from rules.snapshot import pack, unpack
from rules.telling import Telling, Told, place_of, place_of_tick
from rules.thresholds import Thresholds, resolve
from rules.windows import Window, Windows

CLOCK_FAULT_US: Final = 60 * SECOND
"""An event time this far ahead of its reception is a clock that is fast: the reception counts."""

UNMUTED: Final = frozenset({Hazard.SILENT, Hazard.BATTERY_LOW})
"""Hazards of the device, not of the asset: work on the asset does not explain them."""

HORIZON_US: Final = 3600 * SECOND
"""Horizon of a detector that names none."""


class Engine:
    """Judges a registry's sensors by a rule set.

    detectors : Sequence[Detector] | None  For tests; None = all that the rule set asks for.
    """

    def __init__(
        self, registry: Registry, rules: RuleSet, detectors: Sequence[Detector] | None = None
    ) -> None:
        self.registry = registry
        self.rules = rules
        self.detectors: tuple[Detector, ...] = tuple(
            default_detectors(registry, rules) if detectors is None else detectors
        )
        self.lane_of = {
            (d, hazard): lane
            for lane, (d, hazard) in enumerate(
                (d, hazard) for d, detector in enumerate(self.detectors) for hazard in detector.hazards
            )
        }
        self._hearing = [(d, it) for d, it in enumerate(self.detectors) if isinstance(it, Hears)]
        self._horizons = tuple((it, int(getattr(it, "horizon_us", HORIZON_US))) for it in self.detectors)
        hazards = [hazard for _, hazard in self.lane_of]
        n = len(registry.sensors)
        self.windows = Windows()
        self.clocks = Clocks(registry)
        self._detector_of_lane = [d for d, _ in self.lane_of]
        self._muted_lane = [hazard not in UNMUTED for hazard in hazards]
        self.machine = Machine(
            hazards, lane_holds(rules, hazards), n, self._muted_until, self._beat_of, self._may_be_muted
        )
        self._now = NEVER
        self._faults = Faults(registry, self.detectors, lambda: self._now)
        self._telling = Telling(
            registry,
            self.detectors,
            tuple(self.lane_of),
            self._faults,
            self._permits,
            self.clocks.slow_at,
        )
        self._judging = Judging(
            self.detectors, self.lane_of, self.machine, self._telling, self._faults, n_sensors=n
        )
        self._next_hours = FAR
        self._has_bridges = has_bridges(registry)
        self.rules_changed(rules)

    # --- what is known ---------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The server's time as far as the engine knows it [µs]."""
        return self._now

    def standing(self, lane: int, sensor: int) -> tuple[Voice, int] | None:
        """What a sensor said in a lane when it made its alarm ring, and since when that rings [µs]; None = it
        does not."""
        return self._telling.standing(lane, sensor)

    @property
    def faults(self) -> list[EngineFault]:
        """The latest failures of detectors."""
        return self._faults.latest

    @property
    def fault_count(self) -> int:
        """Failures since the start."""
        return self._faults.count

    @property
    def late_count(self) -> int:
        """Readings that completed history only."""
        return self._judging.late_count

    @property
    def duplicate_count(self) -> int:
        """Readings that had come before."""
        return self._judging.duplicate_count

    @property
    def keeps_time(self) -> bool:
        """Whether all that becomes due within a frame is seen to at its own moment: where no bridges are."""
        return not self._has_bridges

    # --- what comes in ---------------------------------------------------------------------------

    def apply(self, frame: Frame) -> list[AlarmChange]:
        """Judge a frame's readings."""
        known = (frame.sensor >= 0) & (frame.sensor < len(self._judging.last))
        if not known.all():
            frame = frame.take(known)
        if len(frame) == 0:
            return []
        now = np.maximum.accumulate(frame.received)
        if now[0] < self._now:
            now = np.maximum(now, self._now)
        if now[-1] >= self._next_hours:
            row = int(np.searchsorted(now, self._next_hours))
            if row:
                rows = np.arange(len(frame))
                return self.apply(frame.take(rows[:row])) + self.apply(frame.take(rows[row:]))
            self._now = int(now[0])
            self.rules_changed(self.rules)
            return self.apply(frame)
        told: Told = []
        for d, hears in self._hearing:
            self._listen(d, hears, frame, now, told)
        time = frame.time
        if (time > now + CLOCK_FAULT_US).any():
            time = np.where(time > now + CLOCK_FAULT_US, now, time)
        lateness_us = int(self.rules.alarms.lateness_s * SECOND)
        time = self.clocks.right(frame.sensor, time, now, lateness_us)
        self._judging.judge(frame, time, now, lateness_us, told)
        self._now = int(now[-1])
        for transition in self.machine.tick(self._now):
            self._telling.settle(transition, place_of(transition, now, 0), told)
        for kept in self.machine.take_kept_back():
            self._telling.keep_back(kept, place_of(kept.transition, now, 0), told)
        return self._telling.tell(told)

    def tick(self, now: int) -> list[AlarmChange]:
        """Let time pass: complete holds, notice silence. A `now` before an earlier one counts as that."""
        self._now = now = max(now, self._now)
        if now >= self._next_hours:
            self.rules_changed(self.rules)
        changes = self._let_holds_end(now)
        told: Told = []
        for d, detector in enumerate(self.detectors):
            if detector.due() <= now:
                self._judging.take(d, self._faults.safely(d, partial(detector.tick, now)), told, tick=now)
        return changes + self._telling.tell(told)

    def control(self, name: str, payload: Mapping[str, Any], at: int) -> list[AlarmChange]:
        """A control change of the log: permit, intervention, rules, retry; others go to the detectors."""
        told: Told = []
        if name in ("permit", "intervention"):
            asset = self.registry.asset_index(str(payload.get("asset_id") or ""))
            if asset != UNKNOWN:
                self.windows.take(asset, name, payload)
        elif name == "rules":
            self.rules_changed(RuleSet.model_validate(payload))
        elif name == "retry":
            self._history_until(payload, at)
        for d, detector in enumerate(self.detectors):
            said = self._faults.safely(d, partial(detector.control, name, {**payload, "at": at}))
            self._judging.take(d, said, told, tick=max(self._now, at), by_control=True)
        return self._telling.tell(told)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a registry that has grown or changed; state of known sensors stays."""
        n, old = len(registry.sensors), len(self._judging.last)
        if n < old:
            raise ValueError(f"the registry has {n} sensors, the engine knows {old}")
        self.registry = registry
        self._has_bridges = has_bridges(registry)
        self._judging.grow(n)
        self.machine.grow(n)
        self.clocks.registry_changed(registry)
        self._faults.registry = registry
        self._telling.registry_changed(registry)
        for detector in self.detectors:
            detector.registry_changed(registry)
        self.rules_changed(self.rules)

    def rules_changed(self, rules: RuleSet) -> None:
        """Other limits from now on. Raises FaultsError and changes nothing when they are faulty."""
        resolve(rules, self.registry)
        now = self._now if self._now != NEVER else 0
        thresholds = resolve(rules, self.registry, active(rules, now))
        self._next_hours = next_change(rules, now)
        self.rules = rules
        self.machine.holds = lane_holds(rules, self.machine.lanes)
        self._set_thresholds(thresholds)

    def due(self) -> int:
        """Earliest time at which `tick` may change something [µs]; `rules.detector.FAR` = never."""
        return min([self.machine.due(), *(int(detector.due()) for detector in self.detectors)])

    def limit(
        self,
        sensor: npt.NDArray[np.int32],
        received: npt.NDArray[np.int64],
        gateway: npt.NDArray[np.int32],
        at: int,
    ) -> int:
        """How far a frame of these rows may reach and lose nothing between two ticks [µs].

        at : int  When the first of them comes [µs].

        Detectors of lids and silence keep time within a frame; those of bridges see all gauges as of one
        moment, and what they say of several is told together: then nothing may be due within it.
        """
        if self.keeps_time:
            return FAR
        first, limit = int(received[0]), FAR
        for it, horizon_us in self._horizons:
            limit = min(
                limit,
                it.foresee(sensor, received, gateway) if isinstance(it, Foresees) else first + horizon_us,
            )
        due = self.due()
        return min(limit, due if due > at else at + AGAIN_US)

    def finish(self, last: int) -> list[AlarmChange]:
        """After the last reading of a file: let holds end that its readings began.

        Detectors see time pass only as long as the longest hold before firing: what comes after is not
        silence but the end of the file.
        """
        fire = max((max(hold.fire) for hold in self.machine.holds), default=0)
        longest = max((max(hold.clear, *hold.fire) for hold in self.machine.holds), default=0)
        changes: list[AlarmChange] = []
        ticked = -1
        while ticked < (due := self.due()) <= last + fire:
            changes += self.tick(due)
            ticked = due
        return changes + self._let_holds_end(last + longest)

    def take_muted(self) -> list[MutedAlarm]:
        """What announced work kept from being told since this was last asked, in the order of the rows."""
        return self._telling.take_muted()

    # --- state -----------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state, for `restore`."""
        arrays: dict[str, npt.NDArray[Any]] = {"engine.last": self._judging.last}
        arrays |= {f"machine.{k}": v for k, v in self.machine.snapshot().items()}
        arrays |= {f"clocks.{k}": v for k, v in self.clocks.snapshot().items()}
        for detector in self.detectors:
            arrays |= {f"detector.{detector.name}.{k}": v for k, v in detector.snapshot().items()}
        header = {
            "sensors": len(self._judging.last),
            "now": self._now,
            "rules": self.rules.model_dump(mode="json"),
            "lanes": [[self.detectors[d].name, hazard.value] for d, hazard in self.lane_of],
            "alarms": self._telling.alarms.state(),
            "windows": self.windows.state(),
            "together": self._telling.together.state(),
        }
        return pack(header, arrays)

    def restore(self, snapshot: bytes) -> None:
        """The state that `snapshot` gave; a registry that has grown since is followed.

        Raises ValueError when the snapshot is damaged or was made with other detectors.
        """
        header, arrays = unpack(snapshot)
        names = [[self.detectors[d].name, hazard.value] for d, hazard in self.lane_of]
        lanes = Lanes(header["lanes"], names, header["sensors"])
        if header["sensors"] > len(self.registry.sensors):
            raise ValueError(
                f"the snapshot has {header['sensors']} sensors, the registry {len(self.registry.sensors)}"
            )
        self._now = header["now"]
        # Limits first: detectors look again at all they know when limits change, which the run that made
        # the snapshot did not.
        self.rules_changed(RuleSet.model_validate(header["rules"]))
        self._judging.last = np.array(arrays["engine.last"])
        self.machine.restore(lanes.machine(_under("machine.", arrays)))
        self.clocks.restore(_under("clocks.", arrays))
        for detector in self.detectors:
            detector.restore(_under(f"detector.{detector.name}.", arrays))
        self._telling.alarms.restore(lanes.alarms(header["alarms"]))
        self.windows.restore(header["windows"])
        self._telling.together.restore(header.get("together", []))
        if header["sensors"] != len(self.registry.sensors):
            self.registry_changed(self.registry)

    def explain(self, sensor: int) -> dict[str, Any]:
        """Everything behind one sensor's alarms, JSON-ready: what it can see, what holds, what is on its way.

        `hazards` has a row for each detector's hazard that it can see: settled and coming level, conditions,
        holds, evidence; `blind` names the hazards that it cannot, with the catalogue key of the reason.
        """
        return explain_sensor(self, sensor)

    # --- helpers ---------------------------------------------------------------------------------

    def _listen(self, d: int, hears: Hears, frame: Frame, now: npt.NDArray[np.int64], told: Told) -> None:
        lanes = self._judging.lanes_of[d]

        def heard(said: Sequence[Verdicts], rows: slice) -> None:
            at = np.arange(rows.start, rows.stop)
            self._judging.take(d, said, told, now, frame.sensor[rows], at)

        def look(moment: int) -> None:
            self._judging.settle(self.machine.tick(moment, lanes), now, told)
            if it.due() <= moment:
                said = self._faults.safely(d, partial(it.tick, moment))
                self._judging.take(d, said, told, now, moment=moment)

        try:
            if isinstance(hears, Foresees):
                it = cast(Listener, hears)
                due = partial(self.machine.due, lanes)
                listen(it, frame.sensor, now, frame.gateway, len(self.registry.sensors), due, heard, look)
            else:
                heard(hears.hear(frame.sensor, now, frame.gateway), slice(0, len(frame)))
        except Exception as error:
            self._faults.note(d, UNKNOWN, error)

    def _history_until(self, payload: Mapping[str, Any], at: int) -> None:
        """What these sensors sent before they were bound is history: in a car, in hands, beside the lid."""
        sensors = self.registry.sensor_indices([str(i) for i in payload.get("sensor_ids", ())])
        known = sensors[sensors != UNKNOWN]
        last = self._judging.last
        last[known] = np.maximum(last[known], at)

    def _muted_until(self, lane: int, sensor: int, time: int) -> int:
        if not self.windows or not self._muted_lane[lane]:
            return 0
        return self.windows.until(int(self.registry.sensors.asset[sensor]), time)

    def _may_be_muted(self, lane: int, sensor: int, time: int) -> bool:
        if not self.windows or not self._muted_lane[lane]:
            return False
        return any(window.end > time for window in self.windows.of(int(self.registry.sensors.asset[sensor])))

    def _beat_of(self, lane: int, sensor: int) -> tuple[int, bool]:
        detector = self.detectors[self._detector_of_lane[lane]]
        return detector.beat_us(sensor) if isinstance(detector, HasBeats) else (0, False)

    def _permits(self, lane: int, sensor: int, time: int) -> tuple[Window, ...]:
        """Announced work that mutes a lane of a sensor at an event time."""
        if not self.windows or not self._muted_lane[lane]:
            return ()
        return self.windows.at(int(self.registry.sensors.asset[sensor]), time)

    def _let_holds_end(self, now: int) -> list[AlarmChange]:
        told: Told = []
        for transition in self.machine.tick(now):
            self._telling.settle(transition, place_of_tick(transition), told)
        for kept in self.machine.take_kept_back():
            self._telling.keep_back(kept, place_of_tick(kept.transition), told)
        return self._telling.tell(told)

    def _set_thresholds(self, thresholds: Mapping[str, Thresholds]) -> None:
        for detector in self.detectors:
            if isinstance(detector, HasThresholds):
                own = thresholds[part_of(detector)]
                detector.thresholds_changed(own.sets, own.class_of)


def has_bridges(registry: Registry) -> bool:
    """Whether any sensor is of a kind that bridge detectors read."""
    role = registry.sensors.role
    return bool(((role != Role.LID) & (role != Role.WATER)).any())


def lane_holds(rules: RuleSet, hazards: Sequence[Hazard]) -> tuple[LaneHold, ...]:
    """Holds of each lane, from seconds to microseconds."""
    holds = []
    for hazard in hazards:
        hold = rules.alarms.hold(hazard.value)
        fire = [
            int(SECOND * hold.by_severity.get(severity.colour, hold.for_s))  # type: ignore[call-overload]
            for severity in Severity
        ]
        holds.append(LaneHold((0, *fire), int(SECOND * hold.clear_for_s)))
    return tuple(holds)


def part_of(detector: Detector) -> str:
    """Part of the rule set that a detector goes by: lid, bridge or health."""
    part = getattr(detector, "part", None)
    return str(part) if part else type(detector).__module__.split(".")[1]


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
