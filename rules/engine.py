"""The engine: frames, ticks and controls in, changes of alarms out. Pure and deterministic.

A frame is judged in occurrence-rank rounds, each vectorized over its sensors. What the rounds settle is
told in the order in which the rows came, so that neither the cutting of the stream into frames nor the
rounds can be seen from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.rules import RuleSet
from devices.frame import Flag, Frame
from devices.registry import UNBOUND, UNKNOWN, Registry, Role
from rules.alarm import AlarmChange, AlarmState, Hazard, Reason, Severity
from rules.assets import AssetAlarms, Voice
from rules.compose import default_detectors
from rules.detector import (
    FAR,
    Detector,
    Foresees,
    HasThresholds,
    Hears,
    JudgesHistory,
    Round,
    SpeaksForGroups,
    Verdicts,
)
from rules.explain import explain_sensor
from rules.machine import SECOND, LaneHold, Machine, Transition
from rules.rounds import rounds
from rules.schedule import active, next_change
from rules.snapshot import pack, unpack
from rules.thresholds import Thresholds, resolve
from rules.together import Together
from rules.windows import Windows

NEVER: Final = np.iinfo(np.int64).min
CLOCK_FAULT_US: Final = 60 * SECOND
"""An event time this far ahead of its reception is a clock that is fast: the reception counts."""

UNMUTED: Final = frozenset({Hazard.SILENT, Hazard.BATTERY_LOW})
"""Hazards of the device, not of the asset: work on the asset does not explain them."""

UNITS: Final[Mapping[Hazard, str]] = {
    Hazard.MISSING: "°",
    Hazard.TILTED: "°",
    Hazard.SUNKEN: "mm",
    Hazard.LOOSE: "",
    Hazard.DAMAGED: "",
    Hazard.FLOODED: "mm",
    Hazard.OVERLOAD: "µε",
    Hazard.DRIFT: "µε",
    Hazard.STRAIN_LIMIT: "µε",
    Hazard.SILENT: "h",
    Hazard.SENSOR_FAULT: "",
    Hazard.BATTERY_LOW: "%",
}
"""Unit of a hazard's value where neither the detector's evidence nor the reason's key names another."""


def unit_of(hazard: Hazard, reason: str) -> str:
    """Unit of the value behind a reason: a lid can be missing by an angle or by `…_mm`."""
    return "mm" if reason.endswith("_mm") else UNITS[hazard]


HORIZON_US: Final = 3600 * SECOND
"""Horizon of a detector that names none."""

FAULTS_KEPT: Final = 100


Place = tuple[int, int, int, int]
"""Where something stands among what a frame brings: (2 × row for a deadline that passed before that row
came, 2 × row + 1 for what the row itself says; deadline; lane; sensor)."""

Told = list[tuple[Place, "list[AlarmChange] | tuple[Transition, Voice]"]]
"""Changes ready to tell, or a settled level that is yet to be joined with those of the same asset."""


@dataclass(frozen=True, slots=True)
class EngineFault:
    """A detector that failed on one sensor's evidence (or in a tick or control: sensor_id is "")."""

    detector: str
    sensor_id: str
    at: int
    error: str


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
        self._lane_detector = [d for d, _ in self.lane_of]
        self._hearing = [(d, it) for d, it in enumerate(self.detectors) if isinstance(it, Hears)]
        self._foreseeing = [it for it in self.detectors if isinstance(it, Foresees)]
        self._short_sighted = [it for it in self.detectors if not isinstance(it, Foresees)]
        self._speakers = {d: it for d, it in enumerate(self.detectors) if isinstance(it, SpeaksForGroups)}
        self._historians = [(d, it) for d, it in enumerate(self.detectors) if isinstance(it, JudgesHistory)]
        hazards = [hazard for _, hazard in self.lane_of]
        n = len(registry.sensors)
        self.windows = Windows()
        self._muted_lane = [hazard not in UNMUTED for hazard in hazards]
        self.machine = Machine(hazards, lane_holds(rules, hazards), n, self._muted_until)
        self.alarms = AssetAlarms()
        self.together = Together(registry)
        self._last = np.full(n, NEVER, np.int64)
        self._now = NEVER
        self.faults: list[EngineFault] = []
        self.fault_count = 0
        self.late_count = 0
        self.duplicate_count = 0
        self._next_hours = FAR
        self._has_bridges = has_bridges(registry)
        self.rules_changed(rules)

    # --- what comes in ---------------------------------------------------------------------------

    def apply(self, frame: Frame) -> list[AlarmChange]:
        """Judge a frame's readings."""
        known = (frame.sensor >= 0) & (frame.sensor < len(self._last))
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
            heard = self._safely(d, partial(hears.hear, frame.sensor, now, frame.gateway))
            self._take(d, heard, told, now, frame.sensor)
        time = frame.time
        if (time > now + CLOCK_FAULT_US).any():
            time = np.where(time > now + CLOCK_FAULT_US, now, time)
        self._judge(frame, time, now, told)
        self._now = int(now[-1])
        for transition in self.machine.tick(self._now):
            self._settle(transition, _place(transition, now, 0), told)
        return self._tell(told)

    def tick(self, now: int) -> list[AlarmChange]:
        """Let time pass: complete holds, notice silence. A `now` before an earlier one counts as that."""
        self._now = now = max(now, self._now)
        if now >= self._next_hours:
            self.rules_changed(self.rules)
        told: Told = []
        for transition in self.machine.tick(now):
            self._settle(transition, (0, transition.due, transition.lane, transition.sensor), told)
        changes = self._tell(told)
        told = []
        for d, detector in enumerate(self.detectors):
            if detector.due() <= now:
                self._take(d, self._safely(d, partial(detector.tick, now)), told)
        return changes + self._tell(told)

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
            said = self._safely(d, partial(detector.control, name, {**payload, "at": at}))
            self._take(d, said, told, at=at)
        return self._tell(told)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a registry that has grown or changed; state of known sensors stays."""
        n, old = len(registry.sensors), len(self._last)
        if n < old:
            raise ValueError(f"the registry has {n} sensors, the engine knows {old}")
        self.registry = registry
        self._has_bridges = has_bridges(registry)
        self._last = np.concatenate([self._last, np.full(n - old, NEVER, np.int64)])
        self.machine.grow(n)
        self.together.registry_changed(registry)
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
    ) -> int:
        """How far a frame of these rows may reach and lose nothing between two ticks [µs].

        Deadlines that are known are in `due`; these are the ones that the rows themselves may bring. It
        also lets detectors look ahead, so that `due` does not name a time at which nothing can happen.
        """
        limit = min((it.foresee(sensor, received, gateway) for it in self._foreseeing), default=FAR)
        for detector in self._short_sighted:
            if part_of(detector) != "bridge" or self._has_bridges:
                limit = min(limit, int(received[0]) + int(getattr(detector, "horizon_us", HORIZON_US)))
        return limit

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
        told: Told = []
        for transition in self.machine.tick(last + longest):
            self._settle(transition, (0, transition.due, transition.lane, transition.sensor), told)
        return changes + self._tell(told)

    # --- state -----------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state, for `restore`."""
        arrays: dict[str, npt.NDArray[Any]] = {"engine.last": self._last}
        arrays |= {f"machine.{k}": v for k, v in self.machine.snapshot().items()}
        for detector in self.detectors:
            arrays |= {f"detector.{detector.name}.{k}": v for k, v in detector.snapshot().items()}
        header = {
            "sensors": len(self._last),
            "now": self._now,
            "rules": self.rules.model_dump(mode="json"),
            "lanes": [[self.detectors[d].name, hazard.value] for d, hazard in self.lane_of],
            "alarms": self.alarms.state(),
            "windows": self.windows.state(),
            "together": self.together.state(),
        }
        return pack(header, arrays)

    def restore(self, snapshot: bytes) -> None:
        """The state that `snapshot` gave; a registry that has grown since is followed.

        Raises ValueError when the snapshot is damaged or was made with other detectors.
        """
        header, arrays = unpack(snapshot)
        lanes = [[self.detectors[d].name, hazard.value] for d, hazard in self.lane_of]
        if header["lanes"] != lanes:
            raise ValueError("the snapshot was made with other detectors")
        if header["sensors"] > len(self.registry.sensors):
            raise ValueError(
                f"the snapshot has {header['sensors']} sensors, the registry {len(self.registry.sensors)}"
            )
        self._now = header["now"]
        # Limits first: detectors look again at all they know when limits change, which the run that made
        # the snapshot did not.
        self.rules_changed(RuleSet.model_validate(header["rules"]))
        self._last = np.array(arrays["engine.last"])
        self.machine.restore(_under("machine.", arrays))
        for detector in self.detectors:
            detector.restore(_under(f"detector.{detector.name}.", arrays))
        self.alarms.restore(header["alarms"])
        self.windows.restore(header["windows"])
        self.together.restore(header.get("together", []))
        if header["sensors"] != len(self.registry.sensors):
            self.registry_changed(self.registry)

    def explain(self, sensor: int) -> dict[str, Any]:
        """Everything behind one sensor's alarms, JSON-ready: what it can see, what holds, what is on its way.

        `hazards` has a row for each detector's hazard that it can see: settled and coming level, conditions,
        holds, evidence; `blind` names the hazards that it cannot, with the catalogue key of the reason.
        """
        return explain_sensor(self, sensor)

    # --- judging ---------------------------------------------------------------------------------

    def _judge(
        self,
        frame: Frame,
        time: npt.NDArray[np.int64],
        now: npt.NDArray[np.int64],
        told: Told,
    ) -> None:
        lateness = int(self.rules.alarms.lateness_s * SECOND)
        earliest = now - lateness
        believed = (frame.flag != Flag.FAIL) & (frame.flag != Flag.MISSING)
        all_believed = bool(believed.all())
        for of_round in rounds(frame.sensor):
            rows = of_round
            sensor, at = frame.sensor[rows], time[rows]
            last = self._last.take(sensor)
            fresh = (at > last) & (at >= earliest[rows])
            if not all_believed:
                fresh &= believed[rows]
            if not fresh.all():
                self._late(frame, time, now, rows[~fresh & (at != last)], told)
                self.duplicate_count += int((at == last).sum())
                rows, sensor, at = rows[fresh], sensor[fresh], at[fresh]
                if len(rows) == 0:
                    continue
            self._last[sensor] = at
            batch = Round(
                sensor,
                at,
                frame.received[rows],
                frame.flag[rows],
                {name: column[rows] for name, column in frame.columns.items()},
            )
            for d, detector in enumerate(self.detectors):
                self._take(d, self._observe(d, detector, batch), told, now, sensor, rows)

    def _observe(self, d: int, detector: Detector, batch: Round) -> Sequence[Verdicts]:
        try:
            return detector.observe(batch)
        except Exception as error:
            if len(batch.sensor) == 1:
                self._fault(d, int(batch.sensor[0]), error)
                return ()
        return [
            verdicts
            for i in range(len(batch.sensor))
            for verdicts in self._observe(d, detector, _row(batch, i))
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
            for verdicts in self._safely(d, partial(judges.late, batch)):
                for i in np.flatnonzero(verdicts.level > 0).tolist():
                    sensor = int(verdicts.sensor[i])
                    row = place.get(sensor, int(chosen[-1]))
                    lane = self.lane_of[d, verdicts.hazard]
                    change = self._historical(d, verdicts, i, int(now[row]))
                    told.append(((2 * row + 1, 0, lane, sensor), [change]))

    def _historical(self, d: int, verdicts: Verdicts, i: int, decided: int) -> AlarmChange:
        sensor, level = int(verdicts.sensor[i]), int(verdicts.level[i])
        asset = int(self.registry.sensors.asset[sensor])
        key = self.detectors[d].reasons[int(verdicts.reason[i])]
        value, limit = float(verdicts.value[i]), float(verdicts.limit[i])
        return AlarmChange(
            "" if asset == UNBOUND else self.registry.asset_id(asset),
            verdicts.hazard,
            Severity(level),
            AlarmState.FIRING,
            int(verdicts.time[i]),
            value,
            limit,
            UNITS[verdicts.hazard],
            Reason(key, {"value": value, "limit": limit}),
            (self.registry.sensor_id(sensor),),
            historical=True,
            evidence={"decided_at_us": decided},
        )

    def _take(
        self,
        d: int,
        said: Iterable[Verdicts],
        told: Told,
        now: npt.NDArray[np.int64] | None = None,
        sensors: npt.NDArray[np.int32] | None = None,
        rows: npt.NDArray[np.int64] | None = None,
        at: int = NEVER,
    ) -> None:
        """Verdicts through the machine; what it settles goes to `told` with the row that decided it.

        sensors : of the round, in their order, with their rows in the frame; or of the whole frame as it
            came, with rows None.
        """
        tick_time = max(self._now, at)
        first: dict[int, int] = {}

        def row_of(sensor: int) -> int:
            assert sensors is not None
            if rows is not None:
                i = int(np.searchsorted(sensors, sensor))
                # A verdict on a sensor that is not in the round is the round's as a whole.
                return int(rows[i] if i < len(rows) and sensors[i] == sensor else rows.max())
            if not first:
                first.update({s: row for row, s in reversed(list(enumerate(sensors.tolist())))})
            return first.get(sensor, len(sensors) - 1)

        punctual = now is None and at == NEVER and getattr(self.detectors[d], "horizon_us", 0) == FAR

        def now_of(sensor: int) -> int:
            if now is not None:
                return int(now[row_of(sensor)])
            # What has its own time is known from then on, however late the tick.
            return int(verdicts.time[verdicts.sensor == sensor][0]) if punctual else tick_time

        for verdicts in said:
            lane = self.lane_of[d, verdicts.hazard]
            for transition in self.machine.judge(lane, verdicts, now_of):
                place = (0, transition.due, lane, transition.sensor)
                if now is not None:
                    place = _place(transition, now, row_of(transition.sensor))
                self._settle(transition, place, told)
        if d in self._speakers:
            changes = list(self._safely(d, self._speakers[d].announcements))
            if changes:
                last = 0 if sensors is None else len(sensors) - 1
                last = last if rows is None else int(rows.max())
                told.append(((2 * last + 1, 0, len(self.lane_of), 0), changes))

    def _settle(self, transition: Transition, place: Place, told: Told) -> None:
        """Note a transition with its evidence as it is now; assets are joined in the order of rows."""
        d = self._lane_detector[transition.lane]
        key, values, evidence = self._evidence(d, transition)
        voice = Voice(transition.level, transition.value, transition.limit, Reason(key, values), evidence)
        told.append((place, (transition, voice)))

    def _evidence(self, d: int, transition: Transition) -> tuple[str, dict[str, Any], dict[str, Any]]:
        detector = self.detectors[d]
        hazard = self.machine.lanes[transition.lane]
        key = detector.reasons[transition.reason]
        values: dict[str, Any] = {"value": transition.value, "limit": transition.limit}
        evidence: dict[str, Any] = {"decided_at_us": transition.decided}
        try:
            reason, facts = detector.explain(transition.sensor, hazard)
        except Exception as error:
            self._fault(d, transition.sensor, error)
            return key, values, evidence
        return key, {**reason.values, **values}, {**facts, **evidence}

    def _tell(self, told: Told) -> list[AlarmChange]:
        changes: list[AlarmChange] = []
        for _, what in sorted(told, key=lambda item: item[0]):
            if isinstance(what, list):
                changes += what
            else:
                changes += self._join(*what)
        return changes

    def _join(self, transition: Transition, voice: Voice) -> Iterable[AlarmChange]:
        hazard = self.machine.lanes[transition.lane]
        asset = int(self.registry.sensors.asset[transition.sensor])
        key = -1 - transition.sensor if asset == UNBOUND else asset
        for said in self.alarms.settle(key, hazard, transition.lane, transition.sensor, voice, transition.at):
            evidence = dict(said.voice.evidence)
            provisional = bool(evidence.pop("provisional", False))
            evidence.pop("conditions", None)
            unit = str(evidence.pop("unit", unit_of(hazard, said.voice.reason.key)))
            if said.fires:
                evidence |= self.together.note(asset, transition.sensor, hazard, transition.at)
            yield AlarmChange(
                "" if asset == UNBOUND else self.registry.asset_id(asset),
                hazard,
                Severity(said.level),
                AlarmState.FIRING if said.fires else AlarmState.CLEAR,
                transition.at,
                said.voice.value,
                said.voice.limit,
                unit,
                said.voice.reason,
                tuple(self.registry.sensor_id(sensor) for sensor in said.sensors),
                provisional,
                evidence=evidence,
            )

    # --- helpers ---------------------------------------------------------------------------------

    def _history_until(self, payload: Mapping[str, Any], at: int) -> None:
        """What these sensors sent before they were bound is history: in a car, in hands, beside the lid."""
        sensors = self.registry.sensor_indices([str(i) for i in payload.get("sensor_ids", ())])
        known = sensors[sensors != UNKNOWN]
        self._last[known] = np.maximum(self._last[known], at)

    def _muted_until(self, lane: int, sensor: int, time: int) -> int:
        if not self.windows or not self._muted_lane[lane]:
            return 0
        return self.windows.until(int(self.registry.sensors.asset[sensor]), time)

    def _set_thresholds(self, thresholds: Mapping[str, Thresholds]) -> None:
        for detector in self.detectors:
            if isinstance(detector, HasThresholds):
                own = thresholds[part_of(detector)]
                detector.thresholds_changed(own.sets, own.class_of)

    def _safely(self, d: int, call: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        try:
            return call()
        except Exception as error:
            self._fault(d, UNKNOWN, error)
            return ()

    def _fault(self, d: int, sensor: int, error: Exception) -> None:
        self.fault_count += 1
        sensor_id = "" if sensor == UNKNOWN else self.registry.sensor_id(sensor)
        self.faults.append(
            EngineFault(self.detectors[d].name, sensor_id, self._now, f"{type(error).__name__}: {error}")
        )
        del self.faults[:-FAULTS_KEPT]


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


def _place(transition: Transition, now: npt.NDArray[np.int64], row: int) -> Place:
    if transition.due:
        before = int(np.searchsorted(now, transition.due))
        return (2 * before, transition.due, transition.lane, transition.sensor)
    return (2 * row + 1, 0, transition.lane, transition.sensor)


def _row(batch: Round, i: int) -> Round:
    one = slice(i, i + 1)
    columns = {name: column[one] for name, column in batch.columns.items()}
    return Round(batch.sensor[one], batch.time[one], batch.received[one], batch.flag[one], columns)


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
