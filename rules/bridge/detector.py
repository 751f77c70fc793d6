"""The bridge's detector: cells through the gate to levels, overload, drift; neighbours decide the grade."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from devices.registry import Registry
from rules.alarm import Hazard, Reason
from rules.bridge.cells import BLOCK_US, LEAST_SAMPLES, Cells, Pending
from rules.bridge.channels import NO_CHANNEL, Channels, channels
from rules.bridge.clock import LEAST_LAG_US, Clocks
from rules.bridge.closing import Closing
from rules.bridge.compensation import TERMS, Compensation, terms
from rules.bridge.evidence import REASONS, Evidence
from rules.bridge.fast import FastDrift
from rules.bridge.gate import FaultGate, GaugeFault
from rules.bridge.hours import HourMedians, Temperatures
from rules.bridge.joint import Joint
from rules.bridge.levels import Grades, Levels
from rules.bridge.limits import Limits
from rules.bridge.neighbours import Neighbours
from rules.bridge.slow import SlowDrift
from rules.bridge.stiffness import Stiffness
from rules.bridge.weighing import Weighing
from rules.detector import Round, Verdicts

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

HAZARDS: Final = (Hazard.STRAIN_LIMIT, Hazard.OVERLOAD, Hazard.DRIFT, Hazard.SENSOR_FAULT)
STRAIN, OVERLOAD, DRIFT, FAULT = range(4)
MOST_PENDING: Final = 400_000
FRESH_TEMPERATURE_US: Final = 45 * 60_000_000
NEVER: Final = -(1 << 60)
HORIZON_US: Final = 60_000_000
FAST_ROWS: Final = 3
"""A sensor with so many readings in a minute is fast."""


class BridgeDetector:
    """Judges gauges and thermometers of bridges. What is seen in a block is judged when a tick ends it."""

    name = "bridge"
    hazards: tuple[Hazard, ...] = HAZARDS
    reasons: tuple[str, ...] = REASONS

    def __init__(self, registry: Registry, rules: BridgeRules) -> None:
        self._sets: Sequence[BridgeRules] = (rules,)
        self._class_of = np.zeros(len(registry.sensors), np.uint16)
        self._build(registry)

    # --- the contract of detectors ---------------------------------------------------------------

    def observe(self, batch: Round) -> Sequence[Verdicts]:
        """Take a round; verdicts come with the ticks."""
        if len(self.channels.sensor) == 0:
            return ()
        channel = self.channels.of_sensor.take(batch.sensor)
        own = channel != NO_CHANNEL
        if not own.any():
            return ()
        strain = batch.columns.get("strain_ue")
        temperature = batch.columns.get("temperature_c")
        missing = np.full(len(channel), np.nan, np.float32)
        strain = missing if strain is None else strain
        temperature = missing if temperature is None else temperature
        warm = self.channels.thermometer[channel] & own
        value = np.where(warm, temperature, strain)
        own &= np.isfinite(value)
        if not own.any():
            return ()
        self.clocks.saw(channel[own].astype(np.int64), batch.time[own], batch.received[own])
        columns = {name: column[own] for name, column in batch.columns.items()}
        self._pending.add(channel[own], batch.time[own], value[own], columns)
        if self._pending.rows > MOST_PENDING:
            return self._advance(int(batch.time[own].min()))
        return ()

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Judge all blocks that are over."""
        return [*self._advance(now), *self._lost_thermometers(now)]

    def due(self) -> int:
        """End of the earliest block, hour or day that waits."""
        if self._pending.rows == 0:
            return self._closing.at
        return min(self._pending.earliest // BLOCK_US * BLOCK_US + BLOCK_US, self._closing.at)

    def foresee(self, sensor: npt.NDArray[np.int32], received: Int, gateway: npt.NDArray[np.int32]) -> int:
        """How far a frame of these rows may reach: to the end of a block, where gauges are fast.

        Evidence is read after a tick: two blocks that one tick judged would show the later one's.
        """
        del gateway
        first = int(received[0])
        near = self.channels.of_sensor.take(sensor[: int(np.searchsorted(received, first + HORIZON_US))])
        near = near[near != NO_CHANNEL]
        if len(near) and np.bincount(near).max() >= FAST_ROWS:
            return first // BLOCK_US * BLOCK_US + BLOCK_US
        return first + 60 * HORIZON_US

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Reason and evidence of the latest verdict of one sensor."""
        channel = int(self.channels.of_sensor[sensor])
        return Evidence(self).of(channel, hazard)

    def registry_changed(self, registry: Registry) -> None:
        """Follow a registry that has grown: rows of known sensors stay."""
        old, state = self.channels, self.snapshot()
        grown = len(registry.sensors) - len(self._class_of)
        self._class_of = np.concatenate([self._class_of, np.zeros(max(grown, 0), np.uint16)])
        self._build(registry)
        self._restore(old.sensor, state)

    def thresholds_changed(self, sets: Sequence[Any], class_of: npt.NDArray[np.uint16]) -> None:
        """Other limits from now on."""
        self._sets, self._class_of = sets, class_of
        self._set_limits()

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`rebaseline`: begin anew now. `intervention`: begin anew after it, and learn nothing during it.

        `calibrate`: `gauges` is sensor id → {ue_per_t, error, passes}, see `Weighing`.
        """
        if name == "calibrate":
            for sensor_id, found in dict(payload.get("gauges") or {}).items():
                for channel in self._named({"sensor_id": sensor_id}).tolist():
                    values = (float(found["ue_per_t"]), float(found["error"]), int(found["passes"]))
                    self.weighing.calibrate(channel, *values)
        if name not in ("rebaseline", "intervention"):
            return ()
        at = int(payload.get("at") or 0)
        start = int(payload.get("from") or at)
        end = int(payload.get("to") or at)
        chosen = self._named(payload)
        self.closed_from[chosen] = start
        self.closed_to[chosen] = end
        for channel in chosen.tolist():
            self.interventions[channel] = {
                "kind": name,
                "from_us": start,
                "to_us": end,
                "who": str(payload.get("who") or payload.get("by") or ""),
                "why": str(payload.get("why") or payload.get("note") or ""),
            }
        return ()

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        state: dict[str, npt.NDArray[Any]] = {"sensor": self.channels.sensor}
        for part in self._parts():
            state |= {f"{part}.{k}": v for k, v in getattr(self, part).snapshot().items()}
        state |= {f"pending.{k}": v for k, v in self._pending.state().items()}
        state |= {f"own.{name}": getattr(self, name) for name in self._OWN}
        told = {str(self.channels.sensor[c]): told for c, told in self.interventions.items()}
        state["interventions"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        return {name: np.array(array) for name, array in state.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it is of other sensors."""
        sensor = state.get("sensor")
        if sensor is None or not np.isin(sensor, self.channels.sensor).all():
            raise ValueError("not a state of this registry's bridge sensors")
        self._restore(sensor, state)

    def rules_of(self, channel: int) -> BridgeRules:
        """The rule set that holds for a channel."""
        return self._sets[int(self._class_of[self.channels.sensor[channel]])]

    # --- building --------------------------------------------------------------------------------

    _OWN: Final = (
        "said",
        "value",
        "limit",
        "reason",
        "closed_from",
        "closed_to",
        "temperature_now",
        "temperature_at",
        "seen_at",
        "row",
        "crossed",
    )

    @staticmethod
    def _parts() -> tuple[str, ...]:
        return (
            "gate",
            "clocks",
            "levels",
            "weighing",
            "fast",
            "tens",
            "temperatures",
            "model",
            "slow",
            "stiffness",
        )

    def _build(self, registry: Registry) -> None:
        self.registry = registry
        self.channels: Channels = channels(registry)
        n = len(self.channels)
        self.limits = Limits(self.channels, self._sets, self._class_of)
        self._pending = Pending(float(self._sets[0].fault.spike_ue))
        self.gate = FaultGate(n, self.limits.gate, self.channels.thermometer)
        self.clocks = Clocks(n)
        self.levels = Levels(n, self.limits.strain)
        self.weighing = Weighing(n)
        self.fast = FastDrift(n, self.limits.fast, self.channels.beta_prior)
        self.tens = HourMedians(n)
        self.temperatures = Temperatures(n, self.channels.sources, self.channels.others)
        self.model = Compensation(n, self.channels.beta_prior)
        joint = Joint(self.channels.near, ~self.channels.thermometer)
        self.slow = SlowDrift(n, self.limits.slow, self.model, joint)
        self.stiffness = Stiffness(
            self.channels.near, ~self.channels.thermometer, self.limits.slow.stiffness_share
        )
        self.neighbours = Neighbours(
            self.channels, self.gate, self.fast, self.slow, self.stiffness, self.limits
        )
        self._closing = Closing(self.tens, self.slow)
        self.said = np.zeros((n, len(HAZARDS)), np.int8)
        self.value = np.full((n, len(HAZARDS)), np.nan)
        self.limit = np.full((n, len(HAZARDS)), np.nan)
        self.reason = np.zeros((n, len(HAZARDS)), np.uint8)
        self.closed_from = np.full(n, NEVER, np.int64)
        self.closed_to = np.full(n, NEVER, np.int64)
        self.temperature_now = np.full(n, np.nan)
        self.temperature_at = np.full(n, NEVER, np.int64)
        self.seen_at = np.full(n, NEVER, np.int64)
        self.row = np.full((n, TERMS), np.nan)
        self.crossed = np.zeros(n, bool)
        self.interventions: dict[int, Mapping[str, Any]] = {}

    def _set_limits(self) -> None:
        self.limits = Limits(self.channels, self._sets, self._class_of)
        self.gate.limits, self.levels.limits = self.limits.gate, self.limits.strain
        self.fast.limits, self.slow.limits = self.limits.fast, self.limits.slow
        self.neighbours.limits, self.stiffness.share = self.limits, self.limits.slow.stiffness_share
        self._pending.spike_ue = float(self._sets[0].fault.spike_ue)

    def _restore(self, sensor: npt.NDArray[np.int32], state: Mapping[str, npt.NDArray[Any]]) -> None:
        """State of channels by their sensors: rows may lie elsewhere now."""
        place = self.channels.of_sensor[sensor].astype(np.int64)
        kept = place != NO_CHANNEL

        def moved(name: str, fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
            fresh = np.array(fresh)
            if name in state and state[name].shape[1:] == fresh.shape[1:]:
                fresh[place[kept]] = state[name][kept]
            return fresh

        for part in self._parts():
            mine = getattr(self, part)
            mine.restore({k: moved(f"{part}.{k}", v) for k, v in mine.snapshot().items()})
        for name in self._OWN:
            setattr(self, name, moved(f"own.{name}", getattr(self, name)))
        rows = {k.removeprefix("pending."): v for k, v in state.items() if k.startswith("pending.")}
        told = json.loads(state["interventions"].tobytes())
        self.interventions = {int(self.channels.of_sensor[int(s)]): told[s] for s in told}
        here = place[rows["channel"].astype(np.int64)]
        rows = {**rows, "channel": here}
        self._pending.restore({k: v[here != NO_CHANNEL] for k, v in rows.items()})
        self._closing.look()

    # --- judging ---------------------------------------------------------------------------------

    def _advance(self, until: int) -> list[Verdicts]:
        verdicts: list[Verdicts] = []
        for cells in self._pending.take(until):
            verdicts += self._close(cells.block * BLOCK_US)
            verdicts += self._block(cells)
            self._closing.saw(cells.block)
        return verdicts + self._close(until)

    def _close(self, until: int) -> list[Verdicts]:
        """End the hours and days that are over, also of gauges that say nothing any more."""
        said: list[Verdicts] = []
        while self._closing.at <= until:
            at = self._closing.at
            hours = self.tens.end_before(self._closing.hour)
            warm = self.channels.thermometer[hours.channel]
            if warm.any():
                self.temperatures.keep(hours.channel[warm], hours.hour[warm], hours.value[warm])
            gauges = hours.at(~warm)
            touched = self._hours(gauges.channel, gauges.hour, gauges.value) if len(gauges.channel) else None
            ended = self.slow.end_before(self._closing.day)
            touched = ended if touched is None else np.union1d(touched, ended)
            if len(touched):
                self._say_drift(touched, at, said)
            self._closing.look()
        return said

    def _block(self, cells: Cells) -> list[Verdicts]:
        c = cells.channel.astype(np.int64)
        self._reopen(c, cells.time)
        self.seen_at[c] = cells.time
        usable, peaks = self.gate.step(cells)
        late = self.clocks.fault[c]
        if late.any():
            lag_min = self.clocks.lag_us[c[late]] / 60e6
            self.gate.tell(c[late], cells.time[late], GaugeFault.CLOCK, lag_min, LEAST_LAG_US / 60e6)
            usable, peaks = usable & ~late, peaks & ~late
        warm = self.channels.thermometer[c]
        busy = (cells.time >= self.closed_from[c]) & (cells.time < self.closed_to[c])
        self._temperature(cells, c, usable & warm)
        flat = c[warm & self.gate.flat_long[c]]
        if len(flat):
            self._distrust(flat)
        gauges = ~warm & ~busy
        said: list[Verdicts] = []
        said += self._peaks(cells, c, gauges & peaks)
        touched = self._drift(cells, c, gauges & usable)
        loaded = gauges & usable & peaks & (cells.n >= LEAST_SAMPLES)
        if loaded.any():
            top = np.fmax(cells.high - cells.value, cells.value - cells.low)
            touched = np.union1d(touched, self.stiffness.add(cells.block, c[loaded], top[loaded]))
        self._faulty(c, cells.time, said)
        if len(touched):
            self._say_drift(touched, int(cells.time.max()), said)
        return said

    def _reopen(self, c: Int, time: Int) -> None:
        anew = c[(time >= self.closed_to[c]) & (self.closed_to[c] != NEVER)]
        if len(anew):
            self.fast.forget(anew)
            self.slow.forget(anew)
            self.crossed[anew] = False
            self.stiffness.forget(anew)
            self.levels.forget(anew)
            self.weighing.forget(anew)
            self.neighbours.structural[anew] = False
            self.closed_from[anew] = self.closed_to[anew] = NEVER

    def _temperature(self, cells: Cells, c: Int, good: npt.NDArray[np.bool_]) -> None:
        thermometers, value, time = c[good], cells.value[good], cells.time[good]
        own = np.isfinite(cells.temperature) & ~self.channels.thermometer[c]
        believed = own & (cells.temperature > -50) & (cells.temperature < 85)
        both = np.concatenate([thermometers, c[believed]])
        degrees = np.concatenate([value, cells.temperature[believed]])
        self.temperature_now[both] = degrees
        self.temperature_at[both] = np.concatenate([time, cells.time[believed]])
        self.temperatures.own[c[believed]] = True
        if len(thermometers):
            self.temperatures.add(self.tens.add(cells.block, thermometers, value))

    def _fast_temperature(self, c: Int, time: Int) -> Float:
        """Temperature beside gauges now [°C]; NaN where no thermometer has spoken lately."""
        sources = self.channels.sources[c].astype(np.int64)
        own = self.temperatures.own[c]
        sources[own] = NO_CHANNEL
        sources[own, 0] = c[own]
        fresh = (sources != NO_CHANNEL) & (
            time[:, None] - self.temperature_at[sources] < FRESH_TEMPERATURE_US
        )
        degrees = np.where(fresh, self.temperature_now[sources], 0.0).sum(axis=1)
        n = fresh.sum(axis=1)
        return np.where(n > 0, degrees / np.maximum(n, 1), np.nan)

    def _peaks(self, cells: Cells, c: Int, chosen: npt.NDArray[np.bool_]) -> list[Verdicts]:
        rows = np.flatnonzero(chosen)
        if len(rows) == 0:
            return []
        some = cells.at(rows)
        own = c[rows]
        explained = np.where(
            self.slow.frozen[own] & np.isfinite(self.row[own, 0]),
            np.einsum("ki,ki->k", np.nan_to_num(self.row[own, 1:]), self.model.theta[own, 1:]),
            np.nan,
        )
        loads = self.levels.overload(own, some)
        self.weighing.weigh(own, self.channels.near[own], loads.value, loads.level > 0)
        return [
            *self._say(
                STRAIN, own, some.time, self.levels.strain(own, some, explained, self.slow.complete[own]), 0
            ),
            *self._say(OVERLOAD, own, some.time, loads, 3),
        ]

    def _drift(self, cells: Cells, c: Int, chosen: npt.NDArray[np.bool_]) -> Int:
        """Feed both drift tests; return the gauges whose drift must be graded anew."""
        own, value, time = c[chosen], cells.value[chosen], cells.time[chosen]
        if len(own) == 0:
            return own
        before = self.fast.shift_ue[own], self.fast.firing[own].copy()
        degrees = self._fast_temperature(own, time)
        self.fast.step(cells.block, own, value, degrees, cells.quarters[chosen])
        changed = (self.fast.shift_ue[own] != before[0]) | (self.fast.firing[own] != before[1])
        touched = own[changed | self.fast.firing[own]]
        hours = self.tens.add(cells.block, own, value)
        if len(hours.channel):
            touched = np.concatenate([touched, self._hours(hours.channel, hours.hour, hours.value)])
        return np.unique(touched)

    def _hours(self, c: Int, hour: Int, value: Float) -> Int:
        thermometers = np.flatnonzero(self.channels.thermometer & (self.tens.n_tens + self.tens.n_blocks > 0))
        running, degrees = self.tens.running(thermometers)
        known = np.isfinite(degrees)
        self.temperatures.keep(thermometers[known], running[known], degrees[known])
        own = self.temperatures.own[c] & np.isfinite(self.temperature_now[c])
        self.temperatures.keep(c[own], hour[own], self.temperature_now[c[own]])
        around = self.temperatures.around(c, hour)
        row = terms(hour, around.now, around.lagged, around.day_lagged, around.across)
        self.row[c] = row
        # A model that learned with the other thermometers is wrong without them.
        whole = np.isfinite(around.now) & (around.crossed | ~self.crossed[c])
        self.crossed[c] |= around.crossed
        return self.slow.add(c, hour, row, value, whole)

    def _faulty(self, c: Int, time: Int, said: list[Verdicts]) -> None:
        fault = self.gate.fault[c]
        begins = c[(fault > 0) & (self.said[c, FAULT] == 0)]
        gauges = begins[~self.channels.thermometer[begins]]
        if len(gauges):
            self.fast.forget(gauges)
            self.slow.skip(gauges)
            # After a leap nothing that was learned of its level holds: it was zeroed, or is torn off.
            leapt = gauges[self.gate.fault[gauges] == GaugeFault.RATE]
            self.slow.forget(leapt)
            self.crossed[leapt] = False
        warm = begins[self.channels.thermometer[begins]]
        if len(warm):
            self._distrust(warm)
        level = np.where(fault > 0, 2, 0).astype(np.int8)
        grades = Grades(level, self.gate.value[c], self.gate.limit[c], fault)
        said += self._say(FAULT, c, time, grades, _FIRST_FAULT - 1)

    def _distrust(self, thermometers: Int) -> None:
        """The day that is under way is judged for none of the gauges that these thermometers compensate."""
        beside = np.isin(self.channels.sources, thermometers) | np.isin(self.channels.others, thermometers)
        self.slow.skip(np.flatnonzero(beside.any(axis=1)))

    def _say_drift(self, touched: Int, time: int, said: list[Verdicts]) -> None:
        assets = np.unique(self.channels.asset[touched])
        gauges = np.flatnonzero(np.isin(self.channels.asset, assets) & ~self.channels.thermometer)
        active = gauges[self.neighbours.active(gauges) | (self.said[gauges, DRIFT] > 0)]
        c = np.unique(np.concatenate([active, touched]))
        grades = [self.neighbours.grade(channel) for channel in c.tolist()]
        told = Grades(
            np.array([grade.level for grade in grades], np.int8),
            np.array([grade.value for grade in grades]),
            np.array([grade.limit for grade in grades]),
            np.array([grade.reason for grade in grades], np.uint8),
        )
        said += self._say(DRIFT, c, np.full(len(c), time, np.int64), told, _FIRST_DRIFT)

    def _say(self, hazard: int, c: Int, time: Int, grades: Grades, first: int) -> list[Verdicts]:
        """Verdicts of channels whose level changed since they were last spoken of."""
        reason = (grades.reason + first).astype(np.uint8)
        new = (grades.level != self.said[c, hazard]) | (
            (grades.level > 0) & (reason != self.reason[c, hazard])
        )
        self.value[c, hazard] = np.where(new | (grades.level > 0), grades.value, self.value[c, hazard])
        self.limit[c, hazard] = np.where(new | (grades.level > 0), grades.limit, self.limit[c, hazard])
        if not new.any():
            return []
        c, time = c[new], time[new]
        self.said[c, hazard] = grades.level[new]
        self.reason[c, hazard] = np.where(grades.level[new] > 0, reason[new], self.reason[c, hazard])
        return [
            Verdicts(
                HAZARDS[hazard],
                self.channels.sensor[c],
                time,
                grades.level[new],
                grades.value[new].astype(np.float32),
                grades.limit[new].astype(np.float32),
                self.reason[c, hazard].copy(),
            )
        ]

    def _lost_thermometers(self, now: int) -> list[Verdicts]:
        """Thermometers that are silent while gauges of their asset report: what they compensate is blind."""
        warm = np.flatnonzero(self.channels.thermometer & (self.seen_at != NEVER))
        if len(warm) == 0:
            return []
        newest = np.full(len(warm), NEVER, np.int64)
        for i, asset in enumerate(self.channels.asset[warm].tolist()):
            gauges = (self.channels.asset == asset) & ~self.channels.thermometer
            newest[i] = self.seen_at[gauges].max(initial=NEVER)
        silent_s = (newest - self.seen_at[warm]) / 1e6
        lost = (silent_s > self.limits.temperature_lost_s[warm]) & (self.gate.fault[warm] == 0)
        found = warm[lost & (newest <= now)]
        back = warm[(self.gate.fault[warm] == GaugeFault.LOST_TEMPERATURE) & (silent_s <= 0)]
        self.gate.fault[found] = GaugeFault.LOST_TEMPERATURE
        self.gate.value[found] = silent_s[lost & (newest <= now)] / 3600
        self.gate.limit[found] = self.limits.temperature_lost_s[found] / 3600
        self.gate.fault[back] = GaugeFault.NONE
        both = np.concatenate([found, back])
        said: list[Verdicts] = []
        if len(both):
            self._faulty(both, np.full(len(both), now, np.int64), said)
        return said

    def _named(self, payload: Mapping[str, Any]) -> Int:
        """Channels of the sensors or of the asset that a control names."""
        names = payload.get("sensor_ids") or [payload.get("sensor_id")]
        sensors = self.registry.sensor_indices([str(name) for name in names if name])
        found = self.channels.of_sensor[sensors[sensors >= 0]]
        if len(sensors):
            chosen: Int = found[found != NO_CHANNEL].astype(np.int64)
            return chosen
        asset = self.registry.asset_index(str(payload.get("asset_id") or ""))
        if asset < 0:
            return np.empty(0, np.int64)
        return np.flatnonzero(self.channels.asset == asset)


_FIRST_FAULT = REASONS.index("rules_bridge.fault.gap")
_FIRST_DRIFT = REASONS.index("rules_bridge.drift.settlement")
