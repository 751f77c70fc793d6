"""Synthetic strain with known truth, of other physics than the simulator's: for tests and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from devices.frame import NO_SEQ, Flag, Frame
from devices.registry import Registry

Float = npt.NDArray[np.float64]

START_US: Final = 1_704_067_200_000_000
"""2024-01-01T00:00Z."""
SECOND_US: Final = 1_000_000


def bridge_registry(sections: int = 3, gauges: int = 4, thermometers: bool = True, **cells: Any) -> Registry:
    """One bridge: gauges G<section>-<i>, a thermometer T<section> a section, TD on the deck (last rows)."""
    rows: list[Mapping[str, Any]] = [
        {"sensor_id": f"G{s}-{i}", "asset_id": "B", "role": "gauge", "section": f"S{s}", **cells}
        for s in range(sections)
        for i in range(gauges)
    ]
    if thermometers:
        rows += [
            {"sensor_id": f"T{s}", "asset_id": "B", "role": "temperature", "section": f"S{s}"}
            for s in range(sections)
        ]
        rows.append({"sensor_id": "TD", "asset_id": "B", "role": "temperature"})
    return Registry.of([{"asset_id": "B", "kind": "bridge"}], rows)


def frame(sensor: npt.NDArray[Any], time_s: Float, **columns: Float) -> Frame:
    """Rows in the order of time; seconds since START_US."""
    order = np.argsort(time_s, kind="stable")
    time = START_US + np.round(time_s[order] * SECOND_US).astype(np.int64)
    return Frame(
        np.asarray(sensor, np.int32)[order],
        time,
        time,
        np.full(len(time), NO_SEQ, np.int64),
        np.full(len(time), Flag.GOOD, np.uint8),
        {name: np.asarray(column, np.float32)[order] for name, column in columns.items()},
    )


@dataclass(frozen=True, slots=True)
class Event:
    """A movement of some gauges: begins at start_s, takes rise_s, stays for stay_s (inf = for good).

    by_gauge : gauge number → µε.
    """

    start_s: float
    rise_s: float
    by_gauge: Mapping[int, float]
    stay_s: float = np.inf

    def at(self, gauge: int, t_s: Float) -> Float:
        """Its part of a gauge's strain [µε]."""
        height = self.by_gauge.get(gauge, 0.0)
        up = np.clip((t_s - self.start_s) / max(self.rise_s, 1e-3), 0, 1)
        if not np.isfinite(self.stay_s):
            return height * up
        end = self.start_s + self.rise_s + self.stay_s
        return height * np.minimum(up, np.clip((end + self.rise_s - t_s) / max(self.rise_s, 1e-3), 0, 1))


@dataclass(frozen=True, slots=True)
class DayRecord:
    """A record of hours as a fast system makes it: 1 s features of gauges, thermometers every 5 min.

    swing_c : how far it warms. sun_ue : strain that the sun makes and no thermometer shows, at its greatest.
    cloud_ue : of passing clouds, through 10 min of thermal inertia.
    noise_ue : of a second's median. wander_ue : AR(1) of 10 min.
    vehicles_an_hour, vehicle_ue : traffic. lag_s : of the strain behind the temperature.
    """

    hours: float = 4.0
    gauges: int = 4
    swing_c: float = 10.0
    peak_hour: float = 9.0
    sun_ue: float = 20.0
    cloud_ue: float = 3.0
    noise_ue: float = 1.0
    wander_ue: float = 1.0
    vehicles_an_hour: float = 60.0
    vehicle_ue: float = 30.0
    lag_s: float = 1800.0
    beta_most: float = 10.0
    events: Sequence[Event] = field(default_factory=tuple)

    def frame(self, seed: int) -> Frame:
        """The record; gauges are sensors 0 …, the thermometers the last two of `bridge_registry(n, 1)`."""
        rng = np.random.default_rng(seed)
        n = int(self.hours * 3600)
        t = np.arange(n, dtype=np.float64)
        phase = 2 * np.pi * (t / 3600 / (4 * self.peak_hour)) + rng.uniform(-0.2, 0.2)
        air = self.swing_c * np.sin(phase)
        late = self.swing_c * np.sin(phase - 2 * np.pi * self.lag_s / 3600 / (4 * self.peak_hour))
        cloud = _smoothed(_ar1(rng, n, 900.0), 600.0)
        sun = np.sin(np.clip(phase * 1.3, 0, np.pi)) ** 2
        axles = rng.poisson(self.vehicles_an_hour / 3600, n)
        arrivals = np.flatnonzero(axles)
        weight = rng.lognormal(-0.5, 0.6, len(arrivals))
        strain, low, high, std = [], [], [], []
        for g in range(self.gauges):
            beta = rng.uniform(-1, 1) * self.beta_most
            y = rng.normal(0, 200) + beta * (0.6 * air + 0.4 * late)
            y += rng.uniform(-1, 1) * (self.sun_ue * sun + self.cloud_ue * cloud)
            y += self.wander_ue * _ar1(rng, n, 600.0) + rng.normal(0, self.noise_ue / 3, n)
            for event in self.events:
                y += event.at(g, t)
            share = rng.uniform(0.3, 1.0) * rng.choice([1.0, 1.0, -0.4])
            live = np.zeros(n)
            for shift, part in ((0, 0.5), (1, 1.0), (2, 1.0), (3, 0.4)):
                at = np.minimum(arrivals + shift, n - 1)
                np.add.at(live, at, part * share * self.vehicle_ue * weight)
            noise = 3 * self.noise_ue
            std.append(np.hypot(self.noise_ue, 0.3 * live))
            strain.append(y + 0.8 * live)
            low.append(y + np.minimum(live, 0) - noise)
            high.append(y + np.maximum(live, 0) + noise)
        every = np.arange(0, n, 300)
        shown = np.round(15 + air[every] + rng.normal(0, 0.1, len(every)), 1)
        deck = np.round(17 + 1.3 * air[every] + rng.normal(0, 0.1, len(every)), 1)
        gauges, warm = self.gauges * n, 2 * len(every)
        sensor = np.concatenate(
            [np.repeat(np.arange(self.gauges), n), np.repeat([self.gauges, self.gauges + 1], len(every))]
        )
        nothing = np.full(warm, np.nan)

        def column(parts: Sequence[Float]) -> Float:
            return np.concatenate([*parts, nothing])

        return frame(
            sensor,
            np.concatenate([np.tile(t, self.gauges), every, every]) + 0.99,
            strain_ue=column(strain),
            strain_min_ue=column(low),
            strain_max_ue=column(high),
            strain_std_ue=column(std),
            strain_n=np.concatenate([np.full(gauges, 100.0), nothing]),
            temperature_c=np.concatenate([np.full(gauges, np.nan), shown, deck]),
        )


def day_registry(gauges: int = 4, **cells: Any) -> Registry:
    """The bridge of a `DayRecord`: gauges in sections of two, one thermometer each at girder and deck."""
    rows: list[Mapping[str, Any]] = [
        {"sensor_id": f"G{i}", "asset_id": "B", "role": "gauge", "section": f"S{i // 2}", **cells}
        for i in range(gauges)
    ]
    rows += [{"sensor_id": name, "asset_id": "B", "role": "temperature"} for name in ("T-girder", "T-deck")]
    return Registry.of([{"asset_id": "B", "kind": "bridge"}], rows)


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """Weeks or years of a slow logger: `bridge_registry(sections, 4)` with thermometers.

    every_s : interval of all sensors.
    day_noise_ue, day_rho : AR(1) of the days. reading_noise_ue : of a reading.
    season_c : annual swing. step_ue : gauge → µε from `drift_from_day` on.
    drift_ue_per_day : gauge → µε a day.
    season_ue : annual swing of strain that no thermometer explains.
    """

    days: int = 40
    sections: int = 3
    every_s: float = 600.0
    day_noise_ue: float = 1.5
    day_rho: float = 0.5
    reading_noise_ue: float = 1.0
    season_c: float = 0.0
    season_ue: float = 0.0
    drift_from_day: float = 14.0
    drift_ue_per_day: Mapping[int, float] = field(default_factory=dict)
    step_ue: Mapping[int, float] = field(default_factory=dict)

    def frame(self, seed: int) -> Frame:
        """The record."""
        rng = np.random.default_rng(seed)
        n = int(self.days * 86_400 / self.every_s)
        t = np.arange(n) * self.every_s
        day = t / 86_400
        corner = np.arange(self.days + 2)
        weather = np.interp(day, corner, 3.5 * _ar1(rng, self.days + 2, 4.0))
        season = 2 * np.pi * day / 365.25
        swing = np.interp(day, corner, rng.uniform(2, 8, self.days + 2))
        air = 15 + weather - self.season_c * np.cos(season) + swing * np.sin(2 * np.pi * (day - 0.375))
        sun = np.maximum(0, np.sin(2 * np.pi * (day - 0.3)))
        sun = sun * np.interp(day, corner, rng.uniform(0, 8, self.days + 2))
        share = 1 - np.exp(-self.every_s / 10_800)
        late, _ = lfilter([share], [1, -(1 - share)], air + 0.5 * sun, zi=[(1 - share) * air[0]])
        deck = air + sun
        parts: list[tuple[int, Float, Float, Float]] = []
        nothing = np.full(n, np.nan)
        gauges = self.sections * 4
        for g in range(gauges):
            y = rng.normal(0, 100) + rng.uniform(4, 9) * late + rng.normal(0, 1.8) * (deck - late)
            y = y + rng.normal(0, self.reading_noise_ue, n)
            spread = self.day_noise_ue / np.sqrt(1 - self.day_rho**2)
            memory = -1 / np.log(self.day_rho) if self.day_rho > 0 else 1e-3
            y += np.interp(day, corner, spread * _ar1(rng, self.days + 2, memory))
            y += self.season_ue * rng.uniform(-1, 1) * np.sin(season)
            since = np.maximum(day - self.drift_from_day, 0)
            y += self.drift_ue_per_day.get(g, 0.0) * since + self.step_ue.get(g, 0.0) * (since > 0)
            parts.append((g, t + g * 0.5, y, nothing))
        for s in range(self.sections):
            parts.append((gauges + s, t, nothing, np.round(late + rng.normal(0, 0.1, n), 1)))
        parts.append((gauges + self.sections, t, nothing, np.round(deck, 1)))
        return frame(
            np.concatenate([np.full(n, part[0]) for part in parts]),
            np.concatenate([part[1] for part in parts]),
            strain_ue=np.concatenate([part[2] for part in parts]),
            temperature_c=np.concatenate([part[3] for part in parts]),
        )


def _smoothed(series: Float, tau: float) -> Float:
    """First-order lag of `tau` samples, scaled back to a standard deviation of 1."""
    a = np.exp(-1.0 / tau)
    out, _ = lfilter([1 - a], [1.0, -a], series, zi=[a * series[0]])
    return np.asarray(out / max(float(np.std(out)), 1e-9), np.float64)


def _ar1(rng: np.random.Generator, n: int, tau: float) -> Float:
    """Standard AR(1) with a memory of `tau` samples."""
    a = np.exp(-1.0 / tau)
    start = rng.normal()
    noise = rng.normal(0, np.sqrt(1 - a * a), n)
    out, _ = lfilter([1.0], [1.0, -a], noise, zi=[a * start])
    return np.asarray(out, np.float64)
