"""What lid and well sensors measure: physics through each sensor's noise, steps, ageing and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from devices.registry import Registry
from simulator import effects, instrument, wakes
from simulator.effects import LidState
from simulator.profiles import lids_of, sensors_of
from simulator.scenario import Scenario
from simulator.stage import SensorEffect
from simulator.staging import stage
from simulator.streams import stream
from simulator.traffic import share
from simulator.truth import TruthEvent
from simulator.wakes import Cause, Wakes
from simulator.weather import STEP_S, generate

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

YEAR_S: Final = 365.25 * 86400


@dataclass(frozen=True, slots=True)
class Readings:
    """Measured values, sorted by sensor, then time.

    sensor : int64[k]  Registry row.  t_s : float64[k]  True instant [s since start].
    clock_s : float64[k]  What the sensor's clock is wrong by.
    gateway : int64[k]  Which one hears it best.  rssi_dbm : float64[k]  How strongly, usually.
    columns : quantity → float64[k]  NaN = not measured.
    """

    sensor: Int
    t_s: Float
    clock_s: Float
    gateway: Int
    rssi_dbm: Float
    columns: Mapping[str, Float]


class LidModel:
    """All lids, wells and their sensors over a scenario; `readings` is asked stretch after stretch."""

    def __init__(self, registry: Registry, scene: Scenario, seed: int) -> None:
        self.scene, self.seed = scene, seed
        self.weather = generate(scene, seed)
        self.lids = lids_of(registry, scene, seed)
        self.sensors = sensors_of(registry, self.lids, scene, seed)
        self.stage = stage(scene, registry, self.lids, self.sensors, seed)
        rng = stream(seed, "staged wakes")
        self._water_rows = np.flatnonzero(self.sensors.has["water"])
        self._wells, well_of_row = np.unique(self.sensors.lid[self._water_rows], return_inverse=True)
        self._levels = wakes.water_levels(self.lids, self._wells, self.weather, self.stage)
        self._well_of_lid = np.full(len(self.lids), -1, np.int64)
        self._well_of_lid[self._wells] = np.arange(len(self._wells))
        self._staged = wakes.join(
            [
                wakes.staged_wakes(self.sensors, self.stage, scene, rng),
                wakes.water_wakes(self.sensors, self._water_rows, self._levels[well_of_row], rng),
            ]
        )
        self._last_s = np.full(len(self.sensors), -np.inf)
        self._grid_s: Float = np.arange(-2 * 86400, scene.days * 86400 + STEP_S, STEP_S, dtype=np.float64)
        self._busy: Float = np.cumsum(share(scene, self._grid_s)) * STEP_S / 3600
        self._effects_of: dict[int, list[effects.Effect]] = {}
        for effect in self.stage.lids:
            if effect.kind == "flood":  # already in the wells' levels
                continue
            for row in np.flatnonzero(self.sensors.lid == effect.lid):
                self._effects_of.setdefault(int(row), []).append(effect)
        self._faults_of: dict[int, list[SensorEffect]] = {}
        for fault in self.stage.sensors:
            self._faults_of.setdefault(fault.row, []).append(fault)
        self._jumped: set[SensorEffect] = set()
        self._empty_s = self.sensors.charge / self.sensors.charge_per_year * YEAR_S
        self.truth = self.stage.truth + self._natural_floods(registry) + self._weak_batteries(registry)

    def readings(self, chunk: int, start_s: float, end_s: float) -> Readings:
        """Everything measured in [start, end); stretches must be asked in order, each once."""
        rng = stream(self.seed, "lid readings", chunk)
        staged = (self._staged.t_s >= start_s) & (self._staged.t_s < end_s)
        found = wakes.join(
            [
                wakes.heartbeats(self.sensors, start_s, end_s),
                wakes.shocks(
                    self.scene, self.lids, self.sensors, self.weather, self.stage, start_s, end_s, rng
                ),
                Wakes(
                    self._staged.row[staged],
                    self._staged.t_s[staged],
                    self._staged.cause[staged],
                    self._staged.jolt_deg[staged],
                ),
            ]
        )
        return self._measure(self._awake(found), rng)

    def _awake(self, found: Wakes) -> Wakes:
        """Without the reports of sensors that are silent, or whose battery is empty."""
        keep = found.t_s < self._empty_s[found.row]
        for row, faults in self._faults_of.items():
            for fault in faults:
                if fault.kind == "silence":
                    mine = slice(*np.searchsorted(found.row, [row, row + 1]))
                    t_s = found.t_s[mine]
                    keep[mine] &= (t_s < fault.start_s) | (t_s >= fault.end_s)
        return Wakes(found.row[keep], found.t_s[keep], found.cause[keep], found.jolt_deg[keep])

    def _state(self, row: Int, t_s: Float, rng: np.random.Generator) -> LidState:
        """How the lids lie under their sensors; `row` rises."""
        lid, k = self.sensors.lid[row], len(row)
        warm = self.weather.at("lid_c", t_s) - 15.0
        state = LidState(
            tilt_x=self.lids.slope_x[lid] + self.lids.therm_x[lid] * warm,
            tilt_y=self.lids.slope_y[lid] + self.lids.therm_y[lid] * warm,
            displacement_mm=0.008 * warm,
            gap_mm=self.lids.gap_mm[lid],
            wear=np.ones(k),
            off=np.zeros(k),
            water_mm=self._water(lid, t_s),
            shaking_g=0.02 * np.clip(self.weather.at("rain_mm_h", t_s) - 15, 0, 60) * rng.exponential(1, k),
        )
        for sensor, staged in self._effects_of.items():
            mine = slice(*np.searchsorted(row, [sensor, sensor + 1]))
            if mine.start == mine.stop:
                continue
            for effect in staged:
                effects.apply(effect, state, mine, t_s[mine], rng)
        return state

    def _water(self, lid: Int, t_s: Float) -> Float:
        well = self._well_of_lid[lid]
        level = np.full(len(lid), np.nan)
        wet = well >= 0
        x = np.clip(t_s[wet] / STEP_S, 0, self._levels.shape[1] - 1.001)
        low = x.astype(np.int64)
        before, after = self._levels[well[wet], low], self._levels[well[wet], low + 1]
        level[wet] = before + (x - low) * (after - before)
        return level

    def _measure(self, found: Wakes, rng: np.random.Generator) -> Readings:
        sensors, row, t_s = self.sensors, found.row, found.t_s
        k, lid = len(row), sensors.lid[row]
        state = self._state(row, t_s, rng)
        rock = state.gap_mm / self.lids.diameter_mm[lid] * np.degrees(1.0)
        # A rocking lid stays on whichever side the last wheel left it.
        moved = self.lids.busiest_per_h[lid] > 0.5  # where nobody drives it never changes sides
        side = 0.5 * rock * np.where(moved, rng.choice([-1.0, 1.0], k) * rng.uniform(0.6, 1.0, k), 1.0)
        lean = np.where(state.off > 0, 0.0, side)
        axis = lid * 2.399963  # each lid rocks about its own axis
        warm = self.weather.at("lid_c", t_s) - 15.0
        own = sensors.tilt_per_c[row] * warm + sensors.tilt_per_year[row] * t_s / YEAR_S
        towards = rng.uniform(0, 2 * np.pi, k)
        noisy = sensors.tilt_noise_deg[row]
        shaken = noisy + np.where(sensors.prompt[row], state.shaking_g, 0.0)
        x = state.tilt_x + sensors.mount_x[row] + own + lean * np.cos(axis) + found.jolt_deg * np.cos(towards)
        y = state.tilt_y + sensors.mount_y[row] + lean * np.sin(axis) + found.jolt_deg * np.sin(towards)
        x, y = x + rng.normal(0, 1, k) * shaken, y + rng.normal(0, 1, k) * shaken
        height = (
            state.displacement_mm
            + np.where(state.off > 0, 0.0, side * 2)
            + sensors.zero_mm[row]
            + sensors.displacement_per_year[row] * t_s / YEAR_S
            + rng.normal(0, 1, k) * sensors.displacement_noise_mm[row]
        )
        values: dict[str, Float] = {
            "x": x,
            "y": y,
            "displacement_mm": np.maximum(height, effects.GONE_MM),
            "vibration_g": self._peaks(found, lid, state, rng),
            "water_mm": state.water_mm + rng.normal(0, 3.0, k),
            "open": (state.off > 0.5).astype(np.float64),
            "temperature_c": self.weather.at("lid_c", t_s) * 0.6 + self.weather.at("air_c", t_s) * 0.4,
        }
        clock = sensors.clock_s[row].copy()
        charge = sensors.charge[row] - sensors.charge_per_year[row] * t_s / YEAR_S
        self._ailing(row, t_s, values, clock, charge, rng)
        self._last_s[row] = t_s  # sorted by time: the last one stays
        return Readings(
            sensors.sensor[row],
            t_s,
            clock,
            sensors.gateway[row],
            sensors.rssi_dbm[row],
            instrument.stated(sensors, row, values, charge, rng),
        )

    def _busy_hours(self, t_s: Float) -> Float:
        """Hours of busiest traffic that have gone by until some instants."""
        return np.asarray(np.interp(t_s, self._grid_s, self._busy), np.float64)

    def _peaks(self, found: Wakes, lid: Int, state: LidState, rng: np.random.Generator) -> Float:
        """Greatest shock since the last report: the extreme of as many log-normal peaks as wheels came by."""
        row, t_s = found.row, found.t_s
        before = np.empty(len(row))
        before[1:] = t_s[:-1]
        first = np.ones(len(row), np.bool_)
        first[1:] = row[1:] != row[:-1]
        before[first] = np.maximum(
            self._last_s[row[first]], t_s[first] - self.sensors.heartbeat_s[row[first]]
        )
        busy_h = self._busy_hours(t_s) - self._busy_hours(before)
        wheels = rng.poisson(self.lids.busiest_per_h[lid] * np.maximum(busy_h, 0.0))
        median = wakes.peak_median_g(self.lids, lid, state.gap_mm, state.wear)
        spread = self.lids.spread[lid]
        limit = norm.cdf(np.log(self.sensors.wake_g[row] / median) / spread)
        u = rng.uniform(size=len(row))
        # the greatest of so many, none of which passed the threshold
        calm = limit * u ** (1 / np.maximum(wheels, 1))
        rank = np.where(found.cause == Cause.SHOCK, limit + u * (1 - limit), calm)
        peak = median * np.exp(spread * norm.ppf(np.clip(rank, 1e-9, 1 - 1e-9)))
        still = (wheels == 0) & (found.cause != Cause.SHOCK)
        peak = np.where(still, rng.exponential(0.02, len(row)), peak)
        handled = found.cause == Cause.CHANGE
        peak = np.where(handled & (state.off > 0), np.maximum(peak, rng.lognormal(0.7, 0.5, len(row))), peak)
        return np.minimum(peak + state.shaking_g, 16.0)

    def _ailing(
        self,
        row: Int,
        t_s: Float,
        felt: dict[str, Float],
        clock: Float,
        charge: Float,
        rng: np.random.Generator,
    ) -> None:
        """Faults of sensors, on the rows of those that have some."""
        for sensor, faults in self._faults_of.items():
            mine = slice(*np.searchsorted(row, [sensor, sensor + 1]))
            if mine.start == mine.stop:
                continue
            part = {name: values[mine] for name, values in felt.items()}
            for fault in faults:
                instrument.ail(fault, t_s[mine], part, clock[mine], charge[mine], self._jumped, rng)

    def _weak_batteries(self, registry: Registry) -> list[TruthEvent]:
        """Batteries that run low, and then empty, by themselves while the scenario lasts."""
        sensors = self.sensors
        years = (sensors.charge - instrument.WEAK) / sensors.charge_per_year
        found = []
        for row in np.flatnonzero(years * 365.25 < self.scene.days):
            at_s = max(float(years[row]) * YEAR_S, 0.0)
            found.append(
                TruthEvent(
                    asset_id=registry.asset_id(int(self.lids.asset[sensors.lid[row]])),
                    sensor_ids=(registry.sensor_id(int(sensors.sensor[row])),),
                    hazard="battery_low",
                    # cold days and coarse steps let it seem low some weeks before
                    onset=self.scene.start_us + round(max(at_s - 0.12 * YEAR_S, 0.0) * 1e6),
                    severity="slow",
                    reaches_limit_at=self.scene.start_us + round(at_s * 1e6),
                    required=False,
                    params={"kind": "discharge"},
                )
            )
            if self._empty_s[row] < self.scene.days * 86400:
                empty = self.scene.start_us + round(float(self._empty_s[row]) * 1e6)
                found.append(replace(found[-1], hazard="silent", onset=empty, reaches_limit_at=None))
        return found

    def _natural_floods(self, registry: Registry) -> list[TruthEvent]:
        """Times that rain filled a well above the limit, those apart in which a staged flood began."""
        staged = [effect for effect in self.stage.lids if effect.kind == "flood"]
        found = []
        for lid, start, end, highest in wakes.floods(self._wells, self._levels):
            if any(e.lid == lid and e.start_s <= start < e.end_s for e in staged):
                continue
            rows = np.flatnonzero((self.sensors.lid == lid) & self.sensors.has["water"])
            onset = self.scene.start_us + round(start * 1e6)
            found.append(
                TruthEvent(
                    asset_id=registry.asset_id(int(self.lids.asset[lid])),
                    sensor_ids=tuple(registry.sensor_id(int(self.sensors.sensor[r])) for r in rows),
                    hazard="flooded",
                    onset=onset,
                    severity="sudden",
                    reaches_limit_at=onset,
                    ended=None if end is None else self.scene.start_us + round(end * 1e6),
                    required=highest >= 330.0 and (end is None or end - start >= 1800),
                    params={"kind": "rain", "highest_mm": round(highest)},
                )
            )
        return found
