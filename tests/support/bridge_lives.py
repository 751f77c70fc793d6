"""Years of sections through the whole detector, gate and all: weather, traffic, sensors that die in all ways.

The weather is that of `bridge_years`; each section is a bridge with a thermometer of its own and one on the
deck. A logger wakes every three hours and sends a second of 100 Hz: median, extremes, spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.bridge_rules import BridgeRules
from devices.registry import Registry
from rules.alarm import Hazard
from rules.bridge.detector import BridgeDetector
from rules.bridge.parts import DRIFT, FAULT
from rules.detector import Round
from tests.support.bridge_years import EVERY_H, FIRST_HOUR, GAUGES, Move, _section

Float = npt.NDArray[np.float64]

HOUR_US: Final = 3_600_000_000
SAMPLES: Final = 100.0
RAIL_UE: Final = 600.0
STRUCTURE: Final = ("rules_bridge.drift.slow", "rules_bridge.drift.settlement")
SENSORS: Final = GAUGES + 2


class Fault(StrEnum):
    """Ways of a sensor to die. All but the last are of gauges."""

    GAP = "gap"
    STUCK = "stuck"
    SPIKES = "spikes"
    RANGE = "range"
    LEAP = "leap"
    RATE = "rate"
    SATURATION = "saturation"
    NOISE = "noise growth"
    GAIN = "gain"
    DRIFT = "drift"
    CLOCK = "clock lag"
    RESTART = "restart offset"
    THERMOMETER = "dead thermometer"


@dataclass(frozen=True, slots=True)
class Illness:
    """One sensor of a section from `day` on for so many days.

    sensor : 0–3 gauges, 4 their thermometer, 5 the deck's. size : 0–1, how bad.
    """

    section: int
    sensor: int
    fault: Fault
    day: float
    days: float
    size: float


@dataclass(frozen=True, slots=True)
class Works:
    """Works at a section: told to the service from `day` to the next, and a shift of all gauges [µε]."""

    section: int
    day: int
    shift_ue: float


@dataclass(frozen=True, slots=True)
class Lives:
    """What was said by the end of each day, bool[days, sections * GAUGES].

    structure : Drift of the grade of structure. single : unconfirmed. stiffness : by live load.
    fault : bool[days, sections * SENSORS]  Any sensor fault.
    """

    structure: npt.NDArray[np.bool_]
    single: npt.NDArray[np.bool_]
    stiffness: npt.NDArray[np.bool_]
    fault: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Record:
    """Of one section, [slots, SENSORS]; NaN = not sent."""

    value: Float
    low: Float = field(default_factory=lambda: np.empty(0))
    high: Float = field(default_factory=lambda: np.empty(0))
    std: Float = field(default_factory=lambda: np.empty(0))


def lives(
    days: int,
    sections: int,
    seed: int,
    *,
    moves: tuple[Move, ...] = (),
    ill: tuple[Illness, ...] = (),
    works: tuple[Works, ...] = (),
    traffic: Callable[[np.random.Generator, Float], Float] | None = None,
    rules: BridgeRules | None = None,
) -> Lives:
    """Run the detector. traffic : (generator, day float64[slots]) → µε that stands on the bridge [slots]."""
    records = []
    for s in range(sections):
        record = _healthy(seed + s, days, traffic)
        _move(record, [m for m in moves if m.section == s], [w for w in works if w.section == s])
        for one in ill:
            if one.section == s:
                _sicken(record, one, np.random.default_rng([seed, s, round(one.day * 100)]))
        records.append(record)
    detector = BridgeDetector(bridges(sections), rules or BridgeRules())
    return _run(detector, records, days, works)


def bridges(sections: int) -> Registry:
    """Bridges B<s> of one section: gauges, their thermometer, the deck's."""
    rows: list[Mapping[str, Any]] = []
    for s in range(sections):
        rows += [
            {"sensor_id": f"G{s}-{g}", "asset_id": f"B{s}", "role": "gauge", "section": "S"}
            for g in range(GAUGES)
        ]
        rows.append({"sensor_id": f"T{s}", "asset_id": f"B{s}", "role": "temperature", "section": "S"})
        rows.append({"sensor_id": f"TD{s}", "asset_id": f"B{s}", "role": "temperature"})
    return Registry.of([{"asset_id": f"B{s}", "kind": "bridge"} for s in range(sections)], rows)


def _days(record: _Record) -> Float:
    return np.arange(len(record.value)) * EVERY_H / 24


def _healthy(seed: int, days: int, traffic: Callable[[np.random.Generator, Float], Float] | None) -> _Record:
    girder, deck, strain = (part[::EVERY_H] for part in _section(seed, days))
    rng = np.random.default_rng([seed, 5])
    n = len(strain)
    value = np.hstack([strain, girder[:, :1], deck[:, :1]])
    if traffic is not None:
        standing = traffic(rng, np.arange(n) * EVERY_H / 24)
        value[:, :GAUGES] += (
            standing[:, None] * rng.uniform(0.3, 1.0, GAUGES) * rng.choice([1, 1, -0.4], GAUGES)
        )
    value[:, :GAUGES] += rng.normal(0, 0.3, (n, GAUGES))
    vehicle = np.where(rng.random(n) < 0.2, rng.lognormal(3.0, 0.5, n), 0.0)[:, None] * rng.uniform(
        0.3, 1.0, GAUGES
    )
    std = np.hypot(1.0, 0.3 * vehicle) * rng.uniform(0.9, 1.1, (n, GAUGES))
    return _Record(value, value[:, :GAUGES] - 3, value[:, :GAUGES] + 3 + vehicle, std)


def _move(record: _Record, moves: list[Move], works: list[Works]) -> None:
    t = _days(record)
    shift = np.zeros((len(t), GAUGES))
    for move in moves:
        for gauge, (step, ramp) in move.by_gauge.items():
            shift[:, gauge] += np.where(t >= move.day, step + ramp * (t - move.day), 0.0)
    for one in works:
        shift += np.where(t >= one.day, one.shift_ue, 0.0)[:, None]
    record.value[:, :GAUGES] += shift
    record.low += shift
    record.high += shift


def _sicken(record: _Record, one: Illness, rng: np.random.Generator) -> None:
    """Write one illness into a record."""
    t, c = _days(record), one.sensor
    when = (t >= one.day) & (t < one.day + one.days)
    if not when.any():
        return
    value = record.value[when, c]
    if one.fault is Fault.THERMOMETER:
        record.value[when, c] = (np.nan, value[0], -127.0)[min(int(3 * one.size), 2)]
        return
    below, above = record.low[when, c] - value, record.high[when, c] - value
    usual = float(np.nanmean(record.value[:, c]))
    value = _SHOWS[one.fault](value, t[when] - one.day, one.size, rng.choice([-1.0, 1.0]), usual, rng)
    if one.fault is Fault.STUCK:
        below, above = np.zeros_like(below), np.zeros_like(above)
    elif one.fault is Fault.SATURATION:
        above = RAIL_UE - value
        record.std[when, c] = np.maximum(record.std[when, c], 0.4 * above)
    elif one.fault is Fault.NOISE:
        record.std[when, c] *= 8 + 20 * one.size
        below, above = 8 * below, 8 * above
    record.value[when, c] = value
    record.low[when, c], record.high[when, c] = value + below, value + above


Shows = Callable[[Float, Float, float, float, float, np.random.Generator], Float]
"""What a sick gauge shows: (true values, days ill, size, side, its usual strain, generator)."""


def _lost(v: Float, t: Float, size: float, side: float, usual: float, rng: np.random.Generator) -> Float:
    return np.where(rng.random(len(v)) < 0.5 + 0.5 * size, np.nan, v)


def _spikes(v: Float, t: Float, size: float, side: float, usual: float, rng: np.random.Generator) -> Float:
    return v + (rng.random(len(v)) < 0.3) * side * rng.uniform(450, 2000, len(v))


def _late(v: Float, t: Float, size: float, side: float, usual: float, rng: np.random.Generator) -> Float:
    return np.concatenate([v[:1].repeat(1 + round(3 * size)), v])[: len(v)]


def _restarted(v: Float, t: Float, size: float, side: float, usual: float, rng: np.random.Generator) -> Float:
    shown = v + side * (5 + 60 * size)
    shown[:2] = np.nan
    return shown


_SHOWS: Final[Mapping[Fault, Shows]] = {
    Fault.GAP: _lost,
    Fault.STUCK: lambda v, t, size, side, usual, rng: np.full(len(v), v[0]),
    Fault.SPIKES: _spikes,
    Fault.RANGE: lambda v, t, size, side, usual, rng: side * 5000.0 + rng.normal(0, 20, len(v)),
    Fault.LEAP: lambda v, t, size, side, usual, rng: v + side * (450 + 1500 * size),
    Fault.RATE: lambda v, t, size, side, usual, rng: v + np.cumsum(rng.normal(0, 10 + 100 * size, len(v))),
    Fault.SATURATION: lambda v, t, size, side, usual, rng: v + RAIL_UE - 40 - np.nanmax(v),
    Fault.NOISE: lambda v, t, size, side, usual, rng: v + rng.normal(0, 2 + 20 * size, len(v)),
    Fault.GAIN: lambda v, t, size, side, usual, rng: v + side * (0.05 + 0.45 * size) * (v - usual + 100),
    Fault.DRIFT: lambda v, t, size, side, usual, rng: v + side * (0.05 + size) * t,
    Fault.CLOCK: _late,
    Fault.RESTART: _restarted,
}


def _run(detector: BridgeDetector, records: list[_Record], days: int, works: tuple[Works, ...]) -> Lives:
    count = len(records)
    gauges = np.concatenate([s * SENSORS + np.arange(GAUGES) for s in range(count)])
    value = np.hstack([r.value for r in records])
    columns = {"strain_ue": np.full(value.shape, np.nan), "temperature_c": value.copy()}
    columns["temperature_c"][:, gauges] = np.nan
    columns["strain_ue"][:, gauges] = value[:, gauges]
    for name, part in (
        ("strain_min_ue", np.hstack([r.low for r in records])),
        ("strain_max_ue", np.hstack([r.high for r in records])),
        ("strain_std_ue", np.hstack([r.std for r in records])),
    ):
        columns[name] = np.full(value.shape, np.nan)
        columns[name][:, gauges] = part
    columns["strain_n"] = np.where(np.isfinite(columns["strain_ue"]), SAMPLES, np.nan)
    shape = (days, count * GAUGES)
    out = Lives(*(np.zeros(shape, bool) for _ in range(3)), np.zeros((days, count * SENSORS), bool))
    structural = np.isin(detector.reasons, STRUCTURE)
    stiff = np.array([name.endswith("stiffness") for name in detector.reasons])
    sensors = np.arange(count * SENSORS)
    begun = {w.day: [v for v in works if v.day == w.day] for w in works}
    for slot in range(len(value)):
        day = slot * EVERY_H // 24
        hour_us = (FIRST_HOUR + slot * EVERY_H) * HOUR_US
        if slot * EVERY_H % 24 == 0:
            for one in begun.get(day, ()):
                window = {"from": hour_us, "to": hour_us + 24 * HOUR_US, "who": "Li", "why": "jacking"}
                detector.control("intervention", {"asset_id": f"B{one.section}", **window})
        there = np.isfinite(value[slot])
        time = hour_us + (sensors[there] % SENSORS) * 700_000
        row = {name: column[slot, there].astype(np.float32) for name, column in columns.items()}
        flags = np.zeros(int(there.sum()), np.uint8)
        detector.observe(Round(sensors[there].astype(np.int32), time, time, flags, row))
        detector.tick(hour_us + HOUR_US)
        level, reason = detector.spoken.said[gauges, DRIFT], detector.spoken.reason[gauges, DRIFT]
        out.structure[day] |= (level > 0) & structural[reason]
        out.stiffness[day] |= (level > 0) & stiff[reason]
        out.single[day] |= (level > 0) & ~structural[reason] & ~stiff[reason]
        out.fault[day] |= detector.spoken.said[:, FAULT] > 0
    assert detector.hazards[DRIFT] is Hazard.DRIFT
    return out


def illnesses(
    sections: int, days: int, a_year: float, rng: np.random.Generator, first_day: int = 20
) -> tuple[Illness, ...]:
    """Each sensor falls ill so many times a year, one illness after the other, in all ways alike."""
    found = []
    ways = [fault for fault in Fault if fault is not Fault.THERMOMETER]
    for s in range(sections):
        for sensor in range(SENSORS):
            day = first_day + rng.exponential(365 / a_year)
            while day < days:
                fault = ways[int(rng.integers(len(ways)))] if sensor < GAUGES else Fault.THERMOMETER
                length = float(rng.choice([1.0, 10.0, 60.0]) * rng.uniform(0.5, 1.5))
                found.append(Illness(s, sensor, fault, float(day), length, float(rng.random())))
                day += length + 40 + rng.exponential(365 / a_year)
    return tuple(found)
