"""When sleeping lid sensors report: heartbeats, shocks above the threshold, staged changes, water."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from simulator.effects import EBBED_MM, LIMIT_WATER_MM, Effect, sinking
from simulator.profiles import Lids, LidSensors
from simulator.scenario import Scenario
from simulator.stage import Stage
from simulator.traffic import share
from simulator.weather import STEP_S, WeatherSeries

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

HOUR_S: Final = 3600.0
G: Final = 9.81


class Cause(IntEnum):
    """Why a sensor woke."""

    HEARTBEAT = 0
    SHOCK = 1
    CHANGE = 2
    RECOVERY = 3


@dataclass(frozen=True, slots=True)
class Wakes:
    """Instants at which sensors measure.

    row : int64[k]  Row of `LidSensors`.  t_s : float64[k]  [s since start].
    cause : int64[k]  `Cause`.  jolt_deg : float64[k]  Tilt that a wheel feigns at that instant [°].
    """

    row: Int
    t_s: Float
    cause: Int
    jolt_deg: Float

    @classmethod
    def of(cls, row: Int, t_s: Float, cause: Cause, jolt_deg: Float | None = None) -> Wakes:
        """Wakes of one cause."""
        jolts = np.zeros(len(row)) if jolt_deg is None else jolt_deg
        return cls(row.astype(np.int64), t_s, np.full(len(row), cause, np.int64), jolts)


def join(parts: list[Wakes]) -> Wakes:
    """All of them, sorted by sensor, then time."""
    row = np.concatenate([p.row for p in parts])
    t_s = np.concatenate([p.t_s for p in parts])
    order = np.lexsort((t_s, row))
    return Wakes(
        row[order],
        t_s[order],
        np.concatenate([p.cause for p in parts])[order],
        np.concatenate([p.jolt_deg for p in parts])[order],
    )


def peak_median_g(lids: Lids, lid: Int, gap_mm: Float, wear: Float) -> Float:
    """Median peak acceleration of a wheel's passage [g].

    The wheel's own part, and the lid falling a fifth of its gap onto the seat, √(2gh), stopped within
    the seat's impact time: a worn gasket stops it harder.
    """
    speed = np.sqrt(2 * G * 0.2 * gap_mm / 1000)
    return np.asarray(lids.direct_g[lid] + speed / (lids.impact_s[lid] * wear) / G, np.float64)


def heartbeats(sensors: LidSensors, start_s: float, end_s: float) -> Wakes:
    """Every heartbeat in [start, end)."""
    first = np.ceil((start_s - sensors.phase_s) / sensors.heartbeat_s).astype(np.int64)
    last = np.ceil((end_s - sensors.phase_s) / sensors.heartbeat_s).astype(np.int64)
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(sensors)), count)
    k = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return Wakes.of(row, sensors.phase_s[row] + k * sensors.heartbeat_s[row], Cause.HEARTBEAT)


def shocks(
    scene: Scenario,
    lids: Lids,
    sensors: LidSensors,
    weather: WeatherSeries,
    staged: Stage,
    start_s: float,
    end_s: float,
    rng: np.random.Generator,
) -> Wakes:
    """Wheels, storms and works that pass the shock threshold, thinned from the crossings' Poisson process.

    Only what a sensor would send is drawn: rate(hour) × P(peak > threshold), at most one a quiet time.
    """
    rows = np.flatnonzero(sensors.has["vibration"] | sensors.has["tilt_xyz"])
    hours: Float = (
        np.arange(start_s // HOUR_S, np.ceil(end_s / HOUR_S), dtype=np.float64) * HOUR_S + HOUR_S / 2
    )
    if not len(rows) or not len(hours):
        return Wakes.of(np.zeros(0, np.int64), np.zeros(0), Cause.SHOCK)
    lid = sensors.lid[rows]
    gap = np.repeat(lids.gap_mm[:, None], len(hours), axis=1)
    wear = np.ones_like(gap)
    extra = np.zeros_like(gap)  # shocks an hour that no wheel makes
    for effect in staged.lids:
        during = (hours >= effect.start_s) & (hours < effect.end_s)
        ramp = np.clip((hours - effect.start_s) / effect.ramp_s, 0, 1) * during
        if effect.kind == "loose":
            gap[effect.lid] += ramp * effect.size
            wear[effect.lid] *= 1 - 0.6 * ramp
        elif effect.kind == "damage":
            gap[effect.lid] += 2.0 * during
        elif effect.kind == "roadworks":
            extra[effect.lid] += 3.0 * during
    median = peak_median_g(lids, np.arange(len(lids))[:, None], gap, wear)[lid]
    over = norm.sf(np.log(sensors.wake_g[rows][:, None] / median) / lids.spread[lid][:, None])
    crossings = lids.busiest_per_h[lid][:, None] * share(scene, hours)
    rain = weather.at("rain_mm_h", hours)
    storm = 0.6 * np.clip((rain - 15) / 45, 0, 2)
    rate = crossings * over + extra[lid] + storm
    inside = np.clip(
        np.minimum(hours + HOUR_S / 2, end_s) - np.maximum(hours - HOUR_S / 2, start_s), 0, HOUR_S
    )
    count = rng.poisson(rate * inside / HOUR_S)
    which, hour = np.nonzero(count)
    repeat = np.minimum(count[which, hour], 60)
    which, hour = np.repeat(which, repeat), np.repeat(hour, repeat)
    low = np.maximum(hours[hour] - HOUR_S / 2, start_s)
    t_s = low + rng.uniform(size=len(which)) * inside[hour]
    row = rows[which]
    keep = _one_a_slot(row, t_s, sensors.quiet_s[row])
    row, t_s, which, hour = row[keep], t_s[keep], which[keep], hour[keep]
    # What a prompt sensor takes for tilt while the lid is shaken; the harder the seat, the more.
    strength = 1.2 * np.sqrt(median[which, hour] / 0.5)
    jolt = np.where(sensors.prompt[row], np.minimum(rng.lognormal(np.log(strength), 0.8), 75.0), 0.0)
    shock = Wakes.of(row, t_s, Cause.SHOCK, jolt)
    again = jolt > sensors.wake_tilt_deg[row]
    calm = Wakes.of(row[again], t_s[again] + rng.uniform(1.2, 4.0, int(again.sum())), Cause.RECOVERY)
    return join([shock, calm])


def _one_a_slot(row: Int, t_s: Float, quiet_s: Float) -> Int:
    """Indices of the first of each sensor's reports in each stretch of its quiet time."""
    order = np.lexsort((t_s, row))
    slot = (t_s[order] // quiet_s[order]).astype(np.int64)
    first = np.ones(len(order), np.bool_)
    first[1:] = (slot[1:] != slot[:-1]) | (row[order][1:] != row[order][:-1])
    kept: Int = order[first]
    return kept


def water_levels(lids: Lids, wells: Int, weather: WeatherSeries, staged: Stage) -> Float:
    """Level of some wells on the weather's grid, float64[len(wells), n] [mm]: a reservoir that rain fills."""
    rain_mm = weather.rain_mm_h * STEP_S / 3600
    t_s = np.arange(len(rain_mm)) * STEP_S
    levels = np.empty((len(wells), len(rain_mm)))
    for i, well in enumerate(wells):
        keep = np.exp(-STEP_S / lids.drain_s[well])
        levels[i] = lids.well_mm[well] + lfilter([lids.catchment_mm[well]], [1.0, -keep], rain_mm)
    for effect in staged.lids:
        if effect.kind == "flood":
            rising = np.clip((t_s - effect.start_s) / effect.ramp_s, 0, 1)
            falling = np.clip((effect.end_s - t_s) / (2 * effect.ramp_s), 0, 1)
            levels[wells == effect.lid] += effect.size * np.minimum(rising, falling)
    return np.minimum(levels, 4000.0)


def water_wakes(sensors: LidSensors, rows: Int, levels: Float, rng: np.random.Generator) -> Wakes:
    """Reports of water sensors: at the threshold, each 20 min above it, and when it has fallen."""
    parts = [Wakes.of(np.zeros(0, np.int64), np.zeros(0), Cause.CHANGE)]
    for i, row in enumerate(rows):
        limit = sensors.wake_water_mm[row]
        above = levels[i] >= limit
        if not above.any():
            continue
        rises = np.flatnonzero(~above[:-1] & above[1:])
        falls = np.flatnonzero(above[:-1] & ~above[1:])
        part = (limit - levels[i][rises]) / (levels[i][rises + 1] - levels[i][rises])
        up: Float = np.asarray((rises + part) * STEP_S + 3, np.float64)
        high = np.asarray(np.flatnonzero(above)[::2] * STEP_S + rng.uniform(0, 60), np.float64)
        down = np.asarray((falls + 1) * STEP_S, np.float64)
        parts.append(Wakes.of(np.full(len(up), row), up, Cause.CHANGE))
        parts.append(Wakes.of(np.full(len(high), row), high, Cause.CHANGE))
        parts.append(Wakes.of(np.full(len(down), row), down, Cause.RECOVERY))
    return join(parts)


def floods(wells: Int, levels: Float) -> list[tuple[int, float, float | None, float]]:
    """(lid, from [s], to [s] or None, highest [mm]) of each time that a well stood above the limit.

    Between the grid's points the level runs straight, as the sensors see it, so both instants are exact.
    Water that ebbs, but not below `EBBED_MM`, and swells again is one flood.
    """
    found = []
    for i, well in enumerate(wells):
        over = np.flatnonzero(levels[i] >= LIMIT_WATER_MM)
        ebbed = np.cumsum(levels[i] < EBBED_MM)
        for stretch in np.split(over, np.flatnonzero(np.diff(ebbed[over])) + 1):
            if not len(stretch):
                continue
            first, last = int(stretch[0]), int(stretch[-1])
            onset = _crossing_s(levels[i], first - 1) if first else 0.0
            ended = _crossing_s(levels[i], last) if last + 1 < levels.shape[1] else None
            found.append((int(well), onset, ended, float(levels[i, first : last + 1].max())))
    return found


def _crossing_s(level: Float, k: int) -> float:
    """When the level passes the limit between two points of the grid [s]."""
    return float(k + (LIMIT_WATER_MM - level[k]) / (level[k + 1] - level[k])) * STEP_S


def staged_wakes(sensors: LidSensors, staged: Stage, scene: Scenario, rng: np.random.Generator) -> Wakes:
    """Reports that staged changes cause: at the threshold, repeated while it lasts, and on recovery."""
    parts = [Wakes.of(np.zeros(0, np.int64), np.zeros(0), Cause.CHANGE)]
    length = scene.days * 86400
    for effect in staged.lids:
        for row in np.flatnonzero((sensors.lid == effect.lid) & ~sensors.has["water"]):
            first = _noticed_s(effect, sensors, int(row), rng)
            if first is None:
                continue
            end = min(effect.end_s, length)
            # it is awake now: once more when it has come to rest or moved on, then ever less often
            repeats = first + np.concatenate([[9.0, 60.0, 300.0, 900.0], np.arange(1800.0, 43200.0, 1800.0)])
            if effect.kind == "damage":
                repeats = repeats[:1]
            t_s = np.concatenate([[first], repeats[repeats < end]])
            cause = Cause.SHOCK if effect.kind == "damage" else Cause.CHANGE
            parts.append(Wakes.of(np.full(len(t_s), row), t_s, cause))
            if effect.kind in ("tilt", "permit") and effect.end_s < length:
                after = effect.end_s + rng.uniform(3, 12, 1)
                parts.append(Wakes.of(np.full(1, row), after, Cause.RECOVERY))
    return join(parts)


def _noticed_s(effect: Effect, sensors: LidSensors, row: int, rng: np.random.Generator) -> float | None:
    """When a sensor wakes by an effect [s since start]; None where it crosses no threshold of it."""
    hold = rng.uniform(0.3, 1.5) if sensors.prompt[row] else rng.uniform(3.0, 5.0)
    angle = any(sensors.has[c][row] for c in ("tilt", "tilt_xy", "tilt_xyz"))
    contact = bool(sensors.has["open"][row])
    height = bool(sensors.has["displacement"][row])
    match effect.kind:
        case "theft":
            tilts = angle and effect.size > sensors.wake_tilt_deg[row]
            jolted = bool(sensors.has["vibration"][row])
            share = sensors.wake_tilt_deg[row] / effect.size if tilts else 1.0
            return (
                effect.start_s + share * effect.ramp_s + hold
                if tilts or contact or height or jolted
                else None
            )
        case "tilt" | "permit":
            tilts = angle and effect.size > sensors.wake_tilt_deg[row]
            off = (contact and effect.size > 3.0) or height
            return effect.start_s + effect.ramp_s + hold if tilts or off else None
        case "damage":
            return effect.start_s + hold
        case "sink":
            if not height or effect.size < sensors.wake_mm[row]:
                return None
            grid = np.linspace(0, 1, 2000)
            passed = effect.size * sinking(effect.curve, grid) >= sensors.wake_mm[row]
            return effect.start_s + float(grid[passed.argmax()]) * effect.ramp_s + hold
        case _:
            return None
