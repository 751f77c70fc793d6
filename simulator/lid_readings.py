"""What lid and well sensors measure: physics through each sensor's noise, steps, ageing and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from devices.registry import Registry
from simulator import effects, wakes
from simulator.effects import LidState
from simulator.profiles import lids_of, sensors_of
from simulator.scenario import Scenario
from simulator.stage import SensorEffect
from simulator.staging import stage
from simulator.streams import stream
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
    clock_s : float64[k]  What the sensor's clock is wrong by.  gateway : int64[k]
    columns : quantity → float64[k]  NaN = not measured.
    """

    sensor: Int
    t_s: Float
    clock_s: Float
    gateway: Int
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
        self._effects_of: dict[int, list[effects.Effect]] = {}
        for effect in self.stage.lids:
            self._effects_of.setdefault(effect.lid, []).append(effect)
        self._sensor_effects: dict[int, list[SensorEffect]] = {}
        for fault in self.stage.sensors:
            self._sensor_effects.setdefault(fault.row, []).append(fault)
        self.truth = self.stage.truth + self._natural_floods(registry)

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
        """Without the reports of sensors that are silent."""
        keep = np.ones(len(found.row), np.bool_)
        for row, faults in self._sensor_effects.items():
            for fault in faults:
                if fault.kind == "silence":
                    mine = slice(*np.searchsorted(found.row, [row, row + 1]))
                    t_s = found.t_s[mine]
                    keep[mine] &= (t_s < fault.start_s) | (t_s >= fault.end_s)
        return Wakes(found.row[keep], found.t_s[keep], found.cause[keep], found.jolt_deg[keep])

    def _state(self, lid: Int, t_s: Float, rng: np.random.Generator) -> LidState:
        """How the lids lie; `lid` is grouped (all rows of a lid together)."""
        k = len(lid)
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
        for row, staged in self._effects_of.items():
            for mine in _stretches(lid, row):
                for effect in staged:
                    if effect.kind != "flood":  # already in the wells' levels
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
        state = self._state(lid, t_s, rng)
        rock = state.gap_mm / self.lids.diameter_mm[lid] * np.degrees(1.0)
        # A rocking lid stays on whichever side the last wheel left it.
        side = rng.choice([-0.5, 0.5], k) * rng.uniform(0.6, 1.0, k) * rock
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
        self._break(row, t_s, values, clock, charge, rng)
        self._last_s[row] = t_s  # sorted by time: the last one stays
        return Readings(
            sensors.sensor[row], t_s, clock, sensors.gateway[row], self._columns(row, values, charge, rng)
        )

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
        passed_h = np.clip(t_s - before, 1.0, 86400.0) / 3600
        wheels = rng.poisson(self.lids.busiest_per_h[lid] * 0.5 * passed_h)
        median = wakes.peak_median_g(self.lids, lid, state.gap_mm, state.wear)
        spread = self.lids.spread[lid]
        limit = norm.cdf(np.log(self.sensors.wake_g[row] / median) / spread)
        u = rng.uniform(size=len(row))
        calm = np.exp(np.log(np.maximum(u * limit ** np.maximum(wheels, 1), 1e-300)) / np.maximum(wheels, 1))
        share = np.where(found.cause == Cause.SHOCK, limit + u * (1 - limit), calm)
        peak = median * np.exp(spread * norm.ppf(np.clip(share, 1e-9, 1 - 1e-9)))
        still = (wheels == 0) & (found.cause != Cause.SHOCK)
        peak = np.where(still, rng.exponential(0.02, len(row)), peak)
        handled = found.cause == Cause.CHANGE
        peak = np.where(handled & (state.off > 0), np.maximum(peak, rng.lognormal(0.7, 0.5, len(row))), peak)
        return np.minimum(peak + state.shaking_g, 16.0)

    def _break(
        self,
        row: Int,
        t_s: Float,
        values: dict[str, Float],
        clock: Float,
        charge: Float,
        rng: np.random.Generator,
    ) -> None:
        """Staged sensor faults, on the rows of their sensors."""
        for sensor, faults in self._sensor_effects.items():
            mine = slice(*np.searchsorted(row, [sensor, sensor + 1]))
            if mine.start == mine.stop:
                continue
            for fault in faults:
                _break_one(
                    fault, t_s[mine], {k: v[mine] for k, v in values.items()}, clock[mine], charge[mine], rng
                )

    def _columns(
        self, row: Int, values: dict[str, Float], charge: Float, rng: np.random.Generator
    ) -> dict[str, Float]:
        """Only what each sensor has, in its own steps."""
        sensors = self.sensors
        k = len(row)
        nan = np.full(k, np.nan)
        tilt = np.minimum(np.hypot(values["x"], values["y"]), 180.0)
        around = np.arctan2(values["y"], values["x"])
        step = sensors.tilt_step_deg[row]
        gx = np.sin(np.radians(tilt)) * np.cos(around)
        gy = np.sin(np.radians(tilt)) * np.sin(around)
        gz = np.cos(np.radians(tilt))
        xy = sensors.has["tilt_xy"][row] | sensors.has["tilt_xyz"][row]
        axis_x = np.where(
            sensors.has["tilt_xyz"][row], np.degrees(np.arcsin(gx)), np.degrees(np.arctan2(gx, gz))
        )
        axis_y = np.where(
            sensors.has["tilt_xyz"][row], np.degrees(np.arcsin(gy)), np.degrees(np.arctan2(gy, gz))
        )
        upright = sensors.has["tilt"][row] | sensors.has["tilt_xyz"][row]
        charge = np.clip(charge, 0.0, 1.0)
        cold = np.clip(10 - values["temperature_c"], 0, 40)
        volts = 3.55 + 0.1 * charge - 0.9 * np.clip(0.12 - charge, 0, 1) / 0.12 - 0.004 * cold
        percent = np.clip(100 * charge - 0.2 * cold, 0, 100)
        return {
            "tilt_deg": np.where(upright, _steps(tilt, step), nan),
            "tilt_x_deg": np.where(xy, _steps(axis_x, step), nan),
            "tilt_y_deg": np.where(xy, _steps(axis_y, step), nan),
            "displacement_mm": np.where(
                sensors.has["displacement"][row],
                _steps(values["displacement_mm"], sensors.displacement_step_mm[row]),
                nan,
            ),
            "vibration_g": np.where(
                sensors.has["vibration"][row],
                _steps(values["vibration_g"], sensors.vibration_step_g[row]),
                nan,
            ),
            "water_mm": np.where(sensors.has["water"][row], np.round(values["water_mm"]), nan),
            "open": np.where(sensors.has["open"][row], values["open"], nan),
            "temperature_c": np.where(sensors.thermometer[row], np.round(values["temperature_c"], 1), nan),
            "battery_v": np.where(sensors.percent[row], nan, np.round(volts, 2)),
            "battery_pct": np.where(sensors.percent[row], np.round(percent), nan),
            "rssi_dbm": np.round(np.clip(sensors.rssi_dbm[row] + rng.normal(0, 3, k), -135, -40)),
        }

    def _natural_floods(self, registry: Registry) -> list[TruthEvent]:
        """Wells that rain alone filled above the limit."""
        staged = {effect.lid for effect in self.stage.lids if effect.kind == "flood"}
        found = []
        for lid, start, end, highest in wakes.floods(self._wells, self._levels):
            if lid in staged:
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


def _break_one(
    fault: SensorEffect,
    t_s: Float,
    values: dict[str, Float],
    clock: Float,
    charge: Float,
    rng: np.random.Generator,
) -> None:
    on = (t_s >= fault.start_s) & (t_s < fault.end_s)
    channel = "displacement_mm" if fault.channel == "displacement" else "x"
    match fault.kind:
        case "sensor_drift":
            values[channel] += np.where(on, (t_s - fault.start_s) / 86400 * fault.value, 0.0)
        case "sensor_stuck":
            for name in ("x", "y", "displacement_mm", "vibration_g", "temperature_c"):
                values[name][on] = {"x": 1.7, "y": 0.0, "vibration_g": 0.0}.get(name, 2.0)
        case "sensor_spike":
            first = np.flatnonzero(on)[:1]
            if len(first) and t_s[first[0]] - fault.start_s < 2 * 86400:
                values[channel][first] += fault.value
        case "sensor_noise":
            values["x"] += np.where(on, rng.normal(0, 0.1 * fault.value, len(t_s)), 0.0)
            values["displacement_mm"] += np.where(on, rng.normal(0, 0.4 * fault.value, len(t_s)), 0.0)
        case "sensor_clock":
            clock += np.where(on, fault.value, 0.0)
        case "wrong_setup":
            values["x"] += np.where(on, fault.value, 0.0)
        case "battery":
            charge[on] = fault.value / 100


def _stretches(lid: Int, row: int) -> list[slice]:
    """The runs of rows that belong to a lid (one for each of its sensors)."""
    mine = np.concatenate([[False], lid == row, [False]])
    edges = np.flatnonzero(mine[1:] != mine[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _steps(values: Float, step: Float) -> Float:
    return np.asarray(np.round(values / step) * step, np.float64)
