"""The bridge's detector: cells through the gate to levels, overload, drift; neighbours decide the grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.alarm import Hazard, Reason
from rules.bridge.cells import BLOCK_US, LEAST_SAMPLES, Cells
from rules.bridge.channels import NO_CHANNEL
from rules.bridge.clock import LEAST_LAG_US
from rules.bridge.compensation import terms
from rules.bridge.evidence import REASONS, Evidence
from rules.bridge.gate import GaugeFault
from rules.bridge.levels import Grades
from rules.bridge.parts import DRIFT, FAULT, HAZARDS, OVERLOAD, STRAIN, Parts
from rules.bridge.works import ANEW, named
from rules.detector import Round, Verdicts

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

MOST_PENDING: Final = 400_000
HORIZON_US: Final = 60_000_000
FAST_ROWS: Final = 3
"""A sensor with so many readings in a minute is fast."""


class BridgeDetector(Parts):
    """Judges gauges and thermometers of bridges. What is seen in a block is judged when a tick ends it."""

    name = "bridge"
    hazards: tuple[Hazard, ...] = HAZARDS
    reasons: tuple[str, ...] = REASONS

    # --- the contract of detectors ---------------------------------------------------------------

    def concerned(self, sensor: npt.NDArray[np.int32]) -> bool:
        """Whether any of these sensors is a bridge's."""
        none = len(self.channels.sensor) == 0
        return not none and bool((self.channels.of_sensor.take(sensor) != NO_CHANNEL).any())

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

    def late(self, batch: Round) -> Sequence[Verdicts]:
        """Late readings are no history of a bridge, but a clock that was set back makes all readings late."""
        self._saw(batch)
        return ()

    def _saw(self, batch: Round) -> None:
        channel = self.channels.of_sensor.take(batch.sensor)
        own = channel != NO_CHANNEL
        if own.any():
            self.clocks.saw(channel[own].astype(np.int64), batch.time[own], batch.received[own])

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

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`rebaseline`: begin anew now. `intervention`: begin anew after it, and learn nothing during it.

        `calibrate`: `gauges` is sensor id → {ue_per_t, error, passes}, see `Weighing`.
        """
        if name == "calibrate":
            for sensor_id, found in dict(payload.get("gauges") or {}).items():
                for channel in self._named({"sensor_id": sensor_id}).tolist():
                    values = (float(found["ue_per_t"]), float(found["error"]), int(found["passes"]))
                    self.weighing.calibrate(channel, *values)
        if name in ANEW:
            self.works.begin(name, payload, self._named(payload))
        return ()

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
        busy = self.works.busy(c, cells.time)
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
        anew = self.works.over(c, time)
        if len(anew):
            self.fast.forget(anew)
            self.slow.forget(anew)
            self.crossed[anew] = False
            self.stiffness.forget(anew)
            self.levels.forget(anew)
            self.weighing.forget(anew)
            self.neighbours.structural[anew] = False

    def _temperature(self, cells: Cells, c: Int, good: npt.NDArray[np.bool_]) -> None:
        self.temperatures.own[self.warmth.take(cells, good)] = True
        thermometers, value = c[good], cells.value[good]
        if len(thermometers):
            self.temperatures.add(self.tens.add(cells.block, thermometers, value))

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
        strain = self.levels.strain(own, some, explained, self.slow.complete[own])
        return [
            *self._say(STRAIN, own, some.time, strain, 0),
            *self._say(OVERLOAD, own, some.time, loads, 3),
        ]

    def _drift(self, cells: Cells, c: Int, chosen: npt.NDArray[np.bool_]) -> Int:
        """Feed both drift tests; return the gauges whose drift must be graded anew."""
        own, value, time = c[chosen], cells.value[chosen], cells.time[chosen]
        if len(own) == 0:
            return own
        before = self.fast.shift_ue[own], self.fast.firing[own].copy()
        degrees = self.warmth.beside(own, time, self.temperatures.own[own])
        self.fast.step(cells.block, own, value, degrees, cells.quarters[chosen], cells.seconds[chosen])
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
        own = self.temperatures.own[c] & np.isfinite(self.warmth.now[c])
        self.temperatures.keep(c[own], hour[own], self.warmth.now[c[own]])
        around = self.temperatures.around(c, hour)
        row = terms(hour, around.now, around.lagged, around.day_lagged, around.across)
        self.row[c] = row
        # A model that learned with the other thermometers is wrong without them.
        whole = np.isfinite(around.now) & (around.crossed | ~self.crossed[c])
        self.crossed[c] |= around.crossed
        return self.slow.add(c, hour, row, value, whole)

    def _faulty(self, c: Int, time: Int, said: list[Verdicts]) -> None:
        fault = self.gate.fault[c]
        begins = c[(fault > 0) & (self.spoken.said[c, FAULT] == 0)]
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
        self.slow.skip(self.warmth.compensated_by(thermometers))

    def _say_drift(self, touched: Int, time: int, said: list[Verdicts]) -> None:
        assets = np.unique(self.channels.asset[touched])
        gauges = np.flatnonzero(np.isin(self.channels.asset, assets) & ~self.channels.thermometer)
        active = gauges[self.neighbours.active(gauges) | (self.spoken.said[gauges, DRIFT] > 0)]
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
        reason = grades.reason + first
        return self.spoken.say(hazard, c, time, grades.level, grades.value, grades.limit, reason)

    def _lost_thermometers(self, now: int) -> list[Verdicts]:
        """Thermometers that are silent while gauges of their asset report: what they compensate is blind."""
        warm, newest, silent_s = self.warmth.silent_s(self.seen_at)
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
        return named(self.registry, self.channels.of_sensor, self.channels.asset, payload)


_FIRST_FAULT = REASONS.index("rules_bridge.fault.gap")
_FIRST_DRIFT = REASONS.index("rules_bridge.drift.settlement")
