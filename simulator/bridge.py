"""The overpass: strain by temperature with lag and gradient, vehicles, settlement, and dying gauges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.registry import Kind, Registry, Role
from simulator.scenario import Scenario
from simulator.stage import BridgeEffect, Stage
from simulator.streams import stream
from simulator.weather import WeatherSeries

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

DESIGN_VEHICLE_UE: Final = 60.0
"""What the design vehicle makes of a girder's strain at midspan [µε]."""

_REACH: Final = 0.3
"""How much of a section's settlement its neighbour sections feel, with the sign turned."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Strain gauges of all bridges, one row each.

    sensor : int64[m]  Registry row.  section : section name.
    per_c : free expansion let through by the bearings [µε/K].  gradient_per_c : by deck minus girder [µε/K].
    zero_ue, noise_ue, step_ue.  share : this girder's part of live load and settlement.
    """

    sensor: Int
    section: tuple[str, ...]
    per_c: Float
    gradient_per_c: Float
    zero_ue: Float
    noise_ue: Float
    step_ue: Float
    share: Float


@dataclass(frozen=True, slots=True)
class BridgeReadings:
    """Slow readings by time: `strain_ue` of gauges, `temperature_c` of thermometers (the other NaN)."""

    sensor: Int
    t_s: Float
    clock_s: Float
    strain_ue: Float
    temperature_c: Float


@dataclass(frozen=True, slots=True)
class StrainBlock:
    """A block of fast samples of one gauge, float64[n] [µε], from `t_s` at `rate_hz`."""

    sensor: int
    t_s: float
    rate_hz: float
    strain_ue: Float


class BridgeModel:
    """Every gauge and thermometer of the registry's bridges."""

    def __init__(
        self, registry: Registry, scene: Scenario, weather: WeatherSeries, staged: Stage, seed: int
    ) -> None:
        self.scene, self.weather, self.staged, self.seed = scene, weather, staged.bridge, seed
        rng = stream(seed, "bridge")
        table = registry.sensors
        bridges = np.flatnonzero(registry.assets.kind == Kind.BRIDGE)
        at_bridge = np.isin(table.asset, bridges)
        rows = np.flatnonzero(at_bridge & (table.role == Role.GAUGE)).astype(np.int64)
        self.thermometers = np.flatnonzero(at_bridge & (table.role == Role.TEMPERATURE)).astype(np.int64)
        m = len(rows)
        alpha = np.nan_to_num(table.alpha_per_c[rows].astype(np.float64), nan=1.2e-5) * 1e6
        self.gauges = Gauges(
            rows,
            tuple(table.text("section", int(i)) for i in rows),
            alpha * rng.uniform(0.35, 0.8, m),
            rng.normal(0, 1.8, m),
            rng.normal(0, 120, m),
            rng.uniform(0.5, 1.2, m),
            rng.choice([0.1, 0.5, 1.0], m),
            rng.uniform(0.75, 1.2, m),
        )
        self._deck = np.array(["DECK" in registry.sensor_id(int(i)) for i in self.thermometers], np.bool_)
        self._offset_c = rng.normal(0, 0.15, len(self.thermometers))

    def readings(self, chunk: int, start_s: float, end_s: float) -> BridgeReadings:
        """Slow readings in [start, end); gauges are silent here when they send blocks."""
        rng = stream(self.seed, "bridge readings", chunk)
        every = self.scene.bridge.every_s
        ticks = _ticks(start_s, end_s, every)
        parts: list[tuple[Int, Float, Float, Float]] = []
        for i, thermometer in enumerate(self.thermometers.tolist()):
            name = "deck_c" if self._deck[i] else "steel_c"
            t_s = ticks + 2.0
            warm = self.weather.at(name, t_s) + self._offset_c[i] + rng.normal(0, 0.06, len(ticks))
            warm = self._broken(thermometer, t_s, warm, rng)
            parts.append(self._kept(thermometer, t_s, np.full(len(ticks), np.nan), np.round(warm, 1), rng))
        if self.scene.bridge.mode == "readings":
            for i, gauge in enumerate(self.gauges.sensor.tolist()):
                t_s = np.sort(np.concatenate([ticks, self._triggers(start_s, end_s)]))
                parts.append(self._kept(gauge, t_s, self._slow(i, t_s, rng), np.full(len(t_s), np.nan), rng))
        sensor = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
        t_s, strain, warm = (
            np.concatenate([part[c] for part in parts]) if parts else np.zeros(0) for c in (1, 2, 3)
        )
        order = np.lexsort((sensor, t_s))
        return BridgeReadings(sensor[order], t_s[order], np.zeros(len(order)), strain[order], warm[order])

    def blocks(self, chunk: int, start_s: float, end_s: float) -> Iterator[StrainBlock]:
        """Fast blocks that begin in [start, end), in order of time, when the gauges send blocks."""
        if self.scene.bridge.mode != "blocks":
            return
        rng = stream(self.seed, "bridge blocks", chunk)
        bridge = self.scene.bridge
        ticks = _ticks(start_s, end_s, bridge.every_s)
        n = max(round(bridge.rate_hz * bridge.block_s), 1)
        for start in np.sort(np.concatenate([ticks, self._triggers(start_s, end_s)])):
            t_s = start + np.arange(n) / bridge.rate_hz
            live = self._vehicles(t_s, rng)
            for i, sensor in enumerate(self.gauges.sensor):
                if self._silent(int(sensor), np.array([start]))[0]:
                    continue
                still = self._still(i, t_s) + rng.normal(0, self.gauges.noise_ue[i], n)
                strain = self._broken(
                    int(sensor), t_s, still + live * self._sign(i) * self.gauges.share[i], rng
                )
                yield StrainBlock(
                    int(sensor), float(start), bridge.rate_hz, _steps(strain, self.gauges.step_ue[i])
                )

    def _still(self, i: int, t_s: Float) -> Float:
        """Strain without vehicles and noise [µε]."""
        steel, deck = self.weather.at("steel_c", t_s), self.weather.at("deck_c", t_s)
        gauges = self.gauges
        strain = (
            gauges.zero_ue[i] + gauges.per_c[i] * (steel - 15) + gauges.gradient_per_c[i] * (deck - steel)
        )
        for effect in self.staged:
            if effect.kind in ("settlement", "drift", "standing_load"):
                strain = strain + self._moved(effect, i, t_s)
        return np.asarray(strain, np.float64)

    def _moved(self, effect: BridgeEffect, i: int, t_s: Float) -> Float:
        ramp = np.clip((t_s - effect.start_s) / effect.ramp_s, 0, 1) * (t_s < effect.end_s)
        here = not effect.section or effect.section == self.gauges.section[i]
        part = 1.0 if here else -_REACH
        return np.asarray(effect.value * part * self.gauges.share[i] * ramp, np.float64)

    def _sign(self, i: int) -> float:
        """Vehicles stretch the bottom flange at midspan most; over a pier the top flange, less."""
        return {"S2": 1.0, "S1": 0.7, "S3": 0.45}.get(self.gauges.section[i], 0.8)

    def _slow(self, i: int, t_s: Float, rng: np.random.Generator) -> Float:
        """One reading: the logger's median over ten seconds lets a little of passing vehicles through."""
        wheels = rng.poisson(self.scene.bridge.vehicles_per_h * 10 / 3600, len(t_s))
        live = wheels * rng.exponential(1.5, len(t_s)) * self._sign(i)
        noise = rng.normal(0, self.gauges.noise_ue[i], len(t_s))
        strain = self._still(i, t_s) + live + noise + self._overloads(i, t_s)
        return _steps(self._broken(int(self.gauges.sensor[i]), t_s, strain, rng), self.gauges.step_ue[i])

    def _overloads(self, i: int, t_s: Float) -> Float:
        peak = np.zeros(len(t_s))
        for effect in self.staged:
            if effect.kind == "overload":
                on = (t_s >= effect.start_s) & (t_s < effect.end_s)
                peak += on * effect.value * DESIGN_VEHICLE_UE * self._sign(i) * self.gauges.share[i]
        return peak

    def _triggers(self, start_s: float, end_s: float) -> Float:
        """Instants at which a passing peak triggers the loggers."""
        found = [e.start_s + 1.0 for e in self.staged if e.kind == "overload"]
        return np.array([t for t in found if start_s <= t < end_s])

    def _vehicles(self, t_s: Float, rng: np.random.Generator) -> Float:
        """Strain of passing vehicles over a block, for a full share of midspan [µε]."""
        lasts = t_s[-1] - t_s[0] + 4
        count = rng.poisson(self.scene.bridge.vehicles_per_h * lasts / 3600)
        live = np.zeros(len(t_s))
        for middle, peak in zip(
            rng.uniform(t_s[0] - 2, t_s[-1] + 2, count), rng.lognormal(np.log(7), 0.8, count), strict=True
        ):
            live += min(peak, 0.95 * DESIGN_VEHICLE_UE) * np.exp(-0.5 * ((t_s - middle) / 0.45) ** 2)
        for effect in self.staged:
            if effect.kind == "overload":
                middle = effect.start_s + 4.0
                live += effect.value * DESIGN_VEHICLE_UE * np.exp(-0.5 * ((t_s - middle) / 0.6) ** 2)
        return live

    def _silent(self, sensor: int, t_s: Float) -> npt.NDArray[np.bool_]:
        off = np.zeros(len(t_s), np.bool_)
        for effect in self.staged:
            if effect.sensor == sensor and effect.kind == "silence":
                off |= (t_s >= effect.start_s) & (t_s < effect.end_s)
        return off

    def _broken(self, sensor: int, t_s: Float, strain: Float, rng: np.random.Generator) -> Float:
        """Staged faults of one gauge."""
        for effect in self.staged:
            if effect.sensor != sensor:
                continue
            on = (t_s >= effect.start_s) & (t_s < effect.end_s)
            match effect.kind:
                case "sensor_drift":
                    strain = strain + on * effect.value * (t_s - effect.start_s) / 86400
                case "sensor_stuck":
                    strain = np.where(on, 12.0, strain)
                case "sensor_noise":
                    strain = strain + on * rng.normal(0, effect.value, len(t_s))
                case "sensor_spike":
                    once = on & (t_s < effect.start_s + self.scene.bridge.every_s)
                    strain = strain + np.where(once & (np.cumsum(once) == 1), effect.value, 0.0)
        return strain

    def _kept(
        self, sensor: int, t_s: Float, strain: Float, warm: Float, rng: np.random.Generator
    ) -> tuple[Int, Float, Float, Float]:
        keep = ~self._silent(sensor, t_s)
        jitter = rng.uniform(0, 0.5, len(t_s))
        return np.full(keep.sum(), sensor, np.int64), (t_s + jitter)[keep], strain[keep], warm[keep]


def _steps(values: Float, step: float) -> Float:
    return np.asarray(np.round(values / step) * step, np.float64)


def _ticks(start_s: float, end_s: float, every_s: float) -> Float:
    numbers = np.arange(np.ceil(start_s / every_s), np.ceil(end_s / every_s))
    return np.asarray(numbers * every_s, np.float64)
