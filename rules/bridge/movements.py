"""The bridge's other detector: levels of deflection, displacement, tilt, temperature, acceleration; sag.

Readings wait until a tick ends their block of 20 s, as strain's do. A value counts when two of three
successive readings reach it: one wild sample is no level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from devices.registry import Registry, Role
from rules.alarm import Hazard, Reason
from rules.bridge.attitude import Attitude
from rules.bridge.cells import BLOCK_US
from rules.bridge.channels import NO_CHANNEL
from rules.bridge.clock import LEAST_LAG_US, Clocks
from rules.bridge.design_values import MANY, NEAR, DesignValues
from rules.bridge.levels import NEVER
from rules.bridge.movement_channels import CM_S2, movement_channels, movement_rules
from rules.bridge.movement_evidence import FIRST_FAULT, REASONS, evidence_of
from rules.bridge.movement_gate import BlockRows, MovementFault, MovementGate
from rules.bridge.movement_rows import Rows
from rules.bridge.sag import Rate, Sag
from rules.bridge.shaking import LEAST_SAMPLES, Shaking
from rules.bridge.spoken import Spoken
from rules.bridge.threes import median_of_three, threes
from rules.bridge.works import ANEW, Works, named
from rules.detector import FAR, Round, Verdicts

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

HAZARDS: Final = (Hazard.STRAIN_LIMIT, Hazard.DRIFT, Hazard.SENSOR_FAULT)
LIMIT, SAG, FAULT = range(3)
DESIGN: Final = {
    Role.DEFLECTION: (1, 2, 3),
    Role.DISPLACEMENT: (4, 5, 5),
    Role.TILT: (6, 7, 7),
    Role.TEMPERATURE: (8, 8, 8),
}
_SHAKING: Final = np.array([0, 9, 10, 11])
_SAG: Final = 12
MOST_PENDING: Final = 400_000
DAY_US: Final = 86_400_000_000
FRESH_US: Final = 2 * 3_600_000_000
"""A temperature stands in for this long."""


class MovementDetector:
    """Judges what bridges do besides strain, sensor by sensor."""

    name = "bridge_movements"
    hazards: tuple[Hazard, ...] = HAZARDS
    reasons: tuple[str, ...] = REASONS

    def __init__(self, registry: Registry, rules: BridgeRules) -> None:
        self._sets: Sequence[BridgeRules] = (rules,)
        self._class_of = np.zeros(len(registry.sensors), np.uint16)
        self._build(registry)

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
        own = (channel != NO_CHANNEL) & self.channels.heeded[channel]
        if not own.any():
            return ()
        columns = {name: column[own] for name, column in batch.columns.items()}
        self.clocks.saw(channel[own].astype(np.int64), batch.time[own], batch.received[own])
        self._rows.add(channel[own], batch.time[own], self.channels.role[channel[own]], columns)
        if len(self._rows) > MOST_PENDING:
            return self._advance(int(batch.time[own].min()))
        return ()

    def late(self, batch: Round) -> Sequence[Verdicts]:
        """Late readings are no history of a bridge, but a clock that was set back makes all readings late."""
        channel = self.channels.of_sensor.take(batch.sensor)
        own = channel != NO_CHANNEL
        if own.any():
            self.clocks.saw(channel[own].astype(np.int64), batch.time[own], batch.received[own])
        return ()

    def tick(self, now: int) -> Sequence[Verdicts]:
        """Judge all blocks that are over."""
        return self._advance(now)

    def due(self) -> int:
        """End of the earliest block that waits."""
        return FAR if len(self._rows) == 0 else self._rows.earliest // BLOCK_US * BLOCK_US + BLOCK_US

    def explain(self, sensor: int, hazard: Hazard) -> tuple[Reason, Mapping[str, Any]]:
        """Reason and evidence of the latest verdict of one sensor."""
        return evidence_of(self, int(self.channels.of_sensor[sensor]), hazard)

    def sees(self, sensor: int) -> Mapping[Hazard, str]:
        """Which hazards a sensor can show, or why it cannot."""
        channel = int(self.channels.of_sensor[sensor])
        if channel == NO_CHANNEL:
            return {}
        role = Role(int(self.channels.role[channel]))
        gate = {} if role is Role.TEMPERATURE else {Hazard.SENSOR_FAULT: "rules_bridge.sees.fault"}
        if role is Role.ACCELERATION:
            return {Hazard.STRAIN_LIMIT: "rules_bridge.sees.shaking"} | gate
        bounds = self.channels.low[channel], self.channels.high[channel]
        known = any(map(math.isfinite, bounds))
        sight = "rules_bridge.sees.design" if known else "rules_bridge.blind.no_design_value"
        if role is Role.DEFLECTION:
            gate[Hazard.DRIFT] = "rules_bridge.sees.sag"
        return {Hazard.STRAIN_LIMIT: sight} | gate

    def registry_changed(self, registry: Registry) -> None:
        """Follow a registry that has grown: state of known sensors stays."""
        state = self.snapshot()
        grown = len(registry.sensors) - len(self._class_of)
        self._class_of = np.concatenate([self._class_of, np.zeros(max(grown, 0), np.uint16)])
        self._build(registry)
        self._restore(state)

    def thresholds_changed(self, sets: Sequence[Any], class_of: npt.NDArray[np.uint16]) -> None:
        """Other limits from now on."""
        self._sets, self._class_of = sets, class_of
        self.rules = movement_rules(self.channels, sets, class_of)

    def control(self, name: str, payload: Mapping[str, Any]) -> Sequence[Verdicts]:
        """`rebaseline`, `intervention`: a tilt's reference and the days of sag begin anew after it."""
        if name in ANEW:
            chosen = named(self.registry, self.channels.of_sensor, self.channels.asset, payload)
            self.works.begin(name, payload, chosen)
        return ()

    def snapshot(self) -> Mapping[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        state: dict[str, npt.NDArray[Any]] = {"sensor": self.channels.sensor}
        for part, arrays in self._parts().items():
            state |= {f"{part}.{name}": np.array(array) for name, array in arrays.items()}
        state["interventions"] = self.works.state(self.channels.sensor)
        return state | {f"rows.{name}": array for name, array in self._rows.state().items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it is of other sensors."""
        sensor = state.get("sensor")
        if sensor is None or (len(sensor) and int(sensor.max()) >= len(self.channels.of_sensor)):
            raise ValueError("not a state of this registry's bridge sensors")
        self._restore(state)

    # --- building --------------------------------------------------------------------------------

    def _parts(self) -> dict[str, dict[str, npt.NDArray[Any]]]:
        return {
            "design": self.design.state,
            "shaking": self.shaking.state,
            "sag": self.sag.state,
            "gate": self.gate.state,
            "clocks": self.clocks.snapshot(),
            "own": self.own | self.attitude.state | self._said() | self._works(),
        }

    def _said(self) -> dict[str, npt.NDArray[Any]]:
        spoken = self.spoken
        return {
            "said": spoken.said,
            "value": spoken.value,
            "limit": spoken.limit,
            "reason": spoken.reason,
            "level": self.level,
        }

    def _works(self) -> dict[str, npt.NDArray[Any]]:
        return {"closed_from": self.works.closed_from, "closed_to": self.works.closed_to}

    def _build(self, registry: Registry) -> None:
        self.registry = registry
        self.channels = movement_channels(registry)
        self.rules = movement_rules(self.channels, self._sets, self._class_of)
        n = len(self.channels)
        self._rows = Rows()
        self.design, self.shaking, self.sag = DesignValues(n), Shaking(n), Sag(n)
        self.attitude = Attitude(n)
        self.gate, self.clocks = MovementGate(n), Clocks(n)
        self.spoken, self.level = Spoken(self.channels.sensor, HAZARDS), np.zeros((n, len(HAZARDS)), np.int8)
        self.works = Works(n)
        self.own: dict[str, npt.NDArray[Any]] = {
            "before": np.full((n, 2), np.nan),
            "warm": np.full(n, np.nan),
            "now": np.full(n, np.nan),
            "seen_at": np.full(n, NEVER, np.int64),
        }

    def _restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """State of channels by their sensors: rows may lie elsewhere now."""
        place = self.channels.of_sensor[state["sensor"]].astype(np.int64)
        kept = place != NO_CHANNEL
        for part, arrays in self._parts().items():
            for name, array in arrays.items():
                # A snapshot of an earlier version may lack some: they begin anew.
                if f"{part}.{name}" in state:
                    known = state[f"{part}.{name}"][kept]
                    own = array if known.ndim == 1 else array[..., : known.shape[-1]]
                    own[place[kept]] = known
        self.works.restore(state.get("interventions"), self.channels.of_sensor)
        rows = {k.removeprefix("rows."): v for k, v in state.items() if k.startswith("rows.")}
        here = place[rows["channel"]] if len(rows["channel"]) else rows["channel"]
        rows["channel"] = here
        self._rows.restore({name: column[here != NO_CHANNEL] for name, column in rows.items()})

    def _forget(self, c: Int) -> None:
        self.attitude.forget(c)
        fresh = Sag(len(c)).state
        for name, array in self.sag.state.items():
            array[c] = fresh[name]

    # --- judging ---------------------------------------------------------------------------------

    def rules_of(self, channel: int) -> BridgeRules:
        """The rule set that holds for a channel."""
        return self._sets[int(self._class_of[self.channels.sensor[channel]])]

    def seen_at(self, channel: int) -> int:
        """Event time of the newest block of a channel [µs]."""
        return int(self.own["seen_at"][channel])

    def _advance(self, until: int) -> list[Verdicts]:
        said: list[Verdicts] = []
        for block, rows in self._rows.take(until):
            said += self._block(block, rows)
        return said

    def _block(self, block: int, rows: Mapping[str, npt.NDArray[Any]]) -> list[Verdicts]:
        """Judge one block: rows of it, by channel and time."""
        channel, time = rows["channel"], rows["time"]
        starts = np.flatnonzero(np.concatenate(([True], channel[1:] != channel[:-1])))
        ends = np.append(starts[1:], len(channel)) - 1
        c, newest = channel[starts], time[ends]
        self.own["seen_at"][c] = newest
        self._forget(self.works.over(c, newest))
        role = self.channels.role[c]
        sound, said = self._gate(block, rows, starts, ends, c, newest)
        value = self._tilts(rows, starts, c, role)
        low, high, middle = self._confirmed(value, starts, ends, c)
        self._warmth(rows, ends, c, role, middle)
        some = np.flatnonzero((role != Role.ACCELERATION) & sound)
        if len(some):
            said += self._judge_design(c[some], newest[some], low[some], high[some])
        some = np.flatnonzero((role == Role.ACCELERATION) & sound)
        if len(some):
            said += self._judge_shaking(block, rows, starts[some], ends[some], c[some], newest[some])
        calm = ~self.works.busy(c, newest)
        some = np.flatnonzero((role == Role.DEFLECTION) & np.isfinite(middle) & calm & sound)
        if len(some):
            said += self._judge_sag(c[some], newest[some], middle[some])
        return said

    def _gate(
        self, block: int, rows: Mapping[str, npt.NDArray[Any]], starts: Int, ends: Int, c: Int, newest: Int
    ) -> tuple[npt.NDArray[np.bool_], list[Verdicts]]:
        """(bool[k] whose levels may be judged, verdicts on faults) of one block."""
        role = self.channels.role[rows["channel"]]
        x, y = rows["x"], rows["y"]
        side = np.where((role == Role.TILT) & np.isfinite(y), y, 0.0)
        x = np.where((role == Role.ACCELERATION) & np.isfinite(y), y, x)
        seen = np.where(role == Role.TILT, np.hypot(x, side), x)
        of_block = BlockRows(seen, np.stack([x, side], axis=1), starts, ends, newest)
        sound = np.ones(len(c), bool)
        own = np.flatnonzero(self.channels.role[c] != Role.TEMPERATURE)
        if len(own) == 0:
            return sound, []
        some, judged = c[own], of_block.of(own)
        sound[own] = self.gate.step(self.rules, self.channels.role[some], block, some, judged)
        late = self.clocks.fault[some]
        if late.any():
            lag_min = self.clocks.lag_us[some[late]] / 60e6
            self.gate.tell(some[late], newest[own[late]], MovementFault.CLOCK, lag_min, LEAST_LAG_US / 60e6)
        state = self.gate.state
        fault = state["fault"][some].astype(np.int64)
        level = np.where(fault > 0, 2, 0)
        keys = np.where(fault > 0, fault + FIRST_FAULT - 1, 0)
        value, limit = state["value"][some], state["limit"][some]
        return sound, self.spoken.say(FAULT, some, newest[own], level, value, limit, keys)

    def _tilts(self, rows: Mapping[str, npt.NDArray[Any]], starts: Int, c: Int, role: Any) -> Float:
        """Values of rows; of tilts the angle to their reference [°], NaN while it is learned or in works."""
        channel, x, y = rows["channel"], rows["x"], rows["y"]
        tilts = role == Role.TILT
        if not tilts.any():
            return np.asarray(x, np.float64)
        self.attitude.ripen(c[tilts], rows["time"][starts[tilts]], self.rules.reference_us[c[tilts]])
        of_tilt, busy = self.channels.role[channel] == Role.TILT, self.works.busy(channel, rows["time"])
        side = np.where(np.isfinite(y), y, 0.0)
        believable = np.hypot(x, side) <= self.rules.range_high[channel]
        turned = self.attitude.turned(channel, x, side, of_tilt & ~busy & believable)

        return np.where(of_tilt, np.where(busy, np.nan, turned), x)

    def _confirmed(self, value: Float, starts: Int, ends: Int, c: Int) -> tuple[Float, Float, Float]:
        """Least and greatest running median of three, and the block's median; NaN where there is none."""
        three, self.own["before"][c] = threes(value, starts, ends, self.own["before"][c])
        running = median_of_three(three)
        of = np.repeat(c, ends - starts + 1)
        with np.errstate(invalid="ignore"):
            running[(running < self.rules.range_low[of]) | (running > self.rules.range_high[of])] = np.nan
        middle = np.array([np.median(value[a : b + 1]) for a, b in zip(starts, ends, strict=True)])
        return np.fmin.reduceat(running, starts), np.fmax.reduceat(running, starts), middle

    def _warmth(
        self, rows: Mapping[str, npt.NDArray[Any]], ends: Int, c: Int, role: Any, middle: Float
    ) -> None:
        degrees = np.where(role == Role.TEMPERATURE, middle, rows["warm"][ends])
        with np.errstate(invalid="ignore"):
            good = (degrees > self.rules.warm_low[c]) & (degrees < self.rules.warm_high[c])
        self.own["warm"][c[good]] = degrees[good]

    def _judge_design(self, c: Int, time: Int, low: Float, high: Float) -> list[Verdicts]:
        self.own["now"][c] = np.where(np.abs(high) >= np.abs(low), high, low)
        level, found = self.design.step(self.channels, self.rules, c, time, low, high)
        keys = np.zeros(len(c), np.int64)
        for role, (near, beyond, many) in DESIGN.items():
            chosen = np.where(found == NEAR, near, np.where(found == MANY, many, beyond))
            keys = np.where(self.channels.role[c] == role, chosen, keys)
        value, limit = self.design.state["peak"][c], self.design.state["bound"][c]
        return self._say(LIMIT, c, time, level, value, limit, keys)

    def _judge_shaking(
        self, block: int, rows: Mapping[str, npt.NDArray[Any]], starts: Int, ends: Int, c: Int, time: Int
    ) -> list[Verdicts]:
        squares, counts, whole = np.zeros(len(c)), np.zeros(len(c)), np.zeros(len(c), bool)
        most = self.rules.range_high[rows["channel"]]
        all_means = np.where(np.abs(rows["y"]) <= most, rows["y"], np.nan)
        all_peaks = np.where(np.abs(rows["x"]) <= most, rows["x"], np.nan)
        for i, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            means, peaks = all_means[a : b + 1], all_peaks[a : b + 1]
            own = means[np.isfinite(means)]
            if len(own) == 0 and np.isfinite(peaks).sum() >= LEAST_SAMPLES:
                own = peaks[np.isfinite(peaks)]
            elif len(own):
                whole[i] = True
            squares[i], counts[i] = float(((own * CM_S2) ** 2).sum()), len(own)
        told = counts > 0
        if not told.any():
            return []
        c, time = c[told], time[told]
        level, found, rms = self.shaking.step(
            self.rules, block, c, time, squares[told], counts[told], whole[told]
        )
        self.own["now"][c] = rms
        limit = np.where(found >= 2, self.rules.shaking_2[c], self.rules.shaking_1[c])
        return self._say(LIMIT, c, time, level, rms, limit, _SHAKING[found])

    def _judge_sag(self, c: Int, time: Int, middle: Float) -> list[Verdicts]:
        over = self.sag.add(c, time // DAY_US, middle, self._warm_of(c, time))
        if len(over) == 0:
            return []
        level, value, limit = np.zeros(len(over), np.int64), np.zeros(len(over)), np.zeros(len(over))
        for i, channel in enumerate(over.tolist()):
            rate = self.rate(channel)
            limit[i] = self.least_sag_mm(channel)
            if rate is not None:
                value[i] = rate.growth_mm
                grows = rate.growth_mm >= limit[i] and rate.certainty >= self.rules.sag_certainty[channel]
                level[i] = 3 if grows else 0
        when = time[np.searchsorted(c, over)]
        return self._say(SAG, over, when, level, value, limit, np.where(level > 0, _SAG, 0))

    def _warm_of(self, c: Int, time: Int) -> Float:
        """Temperature of deflections: their own, else the mean of the asset's thermometers [°C]."""
        warm = self.own["warm"][c].copy()
        thermometers = np.flatnonzero(self.channels.role == Role.TEMPERATURE)
        for i in np.flatnonzero(np.isnan(warm)).tolist():
            beside = thermometers[self.channels.asset[thermometers] == self.channels.asset[c[i]]]
            beside = beside[time[i] - self.own["seen_at"][beside] < FRESH_US]
            degrees = self.own["warm"][beside]
            degrees = degrees[np.isfinite(degrees)]
            warm[i] = degrees.mean() if len(degrees) else np.nan
        return np.asarray(warm, np.float64)

    def rate(self, channel: int) -> Rate | None:
        """Growth of a deflection; None while too little is known."""
        return self.sag.rate(channel, int(self.rules.sag_days[channel]))

    def least_sag_mm(self, channel: int) -> float:
        """Growth of a deflection below which it is no sag [mm]."""
        high = float(self.channels.high[channel])
        share = float(self.rules.sag_share[channel]) * high if math.isfinite(high) else 0.0
        return max(float(self.rules.sag_mm[channel]), share)

    def _say(
        self, hazard: int, c: Int, time: Int, level: Int, value: Float, limit: Float, keys: Int
    ) -> list[Verdicts]:
        """Verdicts of channels whose level or reason changed since they were last spoken of."""
        self.level[c, hazard] = np.where(level > 0, level, self.level[c, hazard])
        return self.spoken.say(hazard, c, time, self.rules.grade[c, level], value, limit, keys)
