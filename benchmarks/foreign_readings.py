"""Readings of `benchmarks.foreign_fleets`: gravity in the frame of a sensor, fitted to its lid anyhow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from benchmarks.foreign_cases import CASES, HOUR, Bool
from benchmarks.foreign_fleets import Fleet, shown
from benchmarks.world_readings import Made, at_us, frame_of
from benchmarks.worlds import DAY, Course, Float
from devices.registry import Registry
from ingest.log import Control

LIDS: Final[Mapping[str, int]] = {
    "stolen": 10,
    "flipped": 8,
    "aside": 8,
    "ajar": 12,
    "sunk_now": 8,
    "sunk_daily": 8,
    "sunk_steps": 8,
    "loose": 12,
    "flooded": 8,
    "quiet": 60,
    "slow_drift": 10,
    "works": 8,
    "swapped": 8,
}


def make_fleet(fleet: Fleet, seed: int, times: int = 1) -> Made:
    """All lids of a fleet."""
    kinds = [case for case, n in LIDS.items() if shown(fleet, case) for _ in range(n * times)]
    registry = Registry.of(
        [
            {
                "asset_id": f"L{i}",
                "kind": "cover",
                "lon": 114.6 + i % 25 * 0.013,
                "lat": 30.2 + i // 25 * 0.013,
            }
            for i in range(len(kinds))
        ],
        [
            {"sensor_id": f"S{i}", "asset_id": f"L{i}", "role": "lid", "heartbeat_s": fleet.heartbeat_s}
            for i in range(len(kinds))
        ],
    )
    pieces: list[dict[str, Any]] = []
    truth, blind, controls = [], [], []
    for i, case in enumerate(kinds):
        rng = np.random.default_rng([seed, 77, i])
        last = {"sunk_daily": 0.5, "sunk_steps": 0.4, "loose": 0.8}.get(case, 0.93)
        at = 20.0 * DAY if case == "swapped" else float(rng.uniform(9, fleet.days * last)) * DAY
        course = CASES[case][0](rng, at)
        columns, hidden = sent(fleet, course, rng)
        struck = np.isfinite(course.onset)
        heard = columns["t"][columns["t"] >= course.onset] if struck else columns["t"][:0]
        first = at_us(float(heard.min())) if len(heard) else -1
        truth.append((case, at_us(course.onset), first, at_us(course.full_at), at_us(course.hazard_at)))
        blind.append(hidden)
        if course.permit:
            start, end = (at_us(x) for x in course.permit)
            controls.append(Control("permit", {"asset_id": f"L{i}", "from": start, "to": end}, start))
        if np.isfinite(course.anew_at):
            controls.append(Control("binding", {"sensor_id": f"S{i}"}, at_us(course.anew_at)))
        pieces.append({**columns, "sensor": np.full(len(columns["t"]), i, np.int32)})
    return Made(registry, frame_of(pieces), sorted(controls, key=lambda c: c.at), truth, blind)


def sent(fleet: Fleet, course: Course, rng: np.random.Generator) -> tuple[dict[str, Float], bool]:
    """Columns of one sensor by time [s], and whether what befell its lid shows in none of them."""
    t = np.arange(rng.uniform(0, fleet.every_s), fleet.days * DAY, fleet.every_s)
    t = t + np.clip(rng.normal(0, fleet.jitter_s, len(t)), -0.3 * fleet.every_s, 0.3 * fleet.every_s)
    rained = np.array([day * DAY + rng.uniform(0, 900) for day in fleet.shaken])
    if fleet.wakes:
        by_wheels = rng.uniform(0, fleet.days * DAY, rng.poisson(fleet.wakes_day * fleet.days))
        by_rain = np.concatenate([[], *(r + np.sort(rng.uniform(0, 2400, 4)) for r in rained)])
        t = np.concatenate([t, [w for w in course.wakes if w < fleet.days * DAY], by_wheels, by_rain])
    t = np.sort(t)
    keep = (t < course.gone_at) & (rng.random(len(t)) >= fleet.loss)
    if fleet.outage:
        begins = fleet.outage[0] * DAY
        keep &= (t < begins) | (t > begins + fleet.outage[1] * HOUR)
    t = t[keep]
    shaken = np.zeros(len(t), bool)
    for r in rained:
        shaken |= (t >= r) & (t < r + 2400)
    mount = _mount(fleet, rng)
    columns = {"t": t, **_channels(fleet, course, t, shaken, mount, rng)}
    _spoil(fleet, columns, rng)
    again = np.flatnonzero(rng.random(len(t)) < fleet.twice)
    hidden = np.isfinite(course.onset) and _hidden(fleet, course, t, mount)
    return {name: np.concatenate([v, v[again]]) for name, v in columns.items()}, bool(hidden)


def _mount(fleet: Fleet, rng: np.random.Generator) -> Float:
    """Rotation from the lid's frame to the sensor's."""
    pitch, yaw = np.radians(rng.uniform(0, fleet.pitch_deg)), rng.uniform(0, 2 * np.pi)
    if fleet.pitch_deg >= 20:
        pitch = np.radians(fleet.pitch_deg)
    return _rotation(np.array([np.cos(yaw), np.sin(yaw), 0.0]), np.array([pitch]))[0]


def _rotation(axis: Float, angle: Float) -> Float:
    """float64[n, 3, 3]  By Rodrigues' formula."""
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.asarray(np.eye(3) + s * k + (1 - c) * (k @ k))


def _up(course: Course, mount: Float, lean_deg: Float) -> Float:
    """float64[n, 3]  The vertical as the sensor sees it when its lid leans."""
    axis = np.array([np.cos(np.radians(course.axis)), np.sin(np.radians(course.axis)), 0.0])
    lid = np.swapaxes(_rotation(axis, np.radians(lean_deg)), 1, 2) @ np.array([0.0, 0.0, 1.0])
    return np.asarray(lid @ mount)


def _angles(fleet: Fleet, up: Float) -> dict[str, Float]:
    """Inclination, and two angles as this maker means them [°]."""
    columns: dict[str, Float] = {}
    if "tilt" in fleet.channels:
        columns["tilt_deg"] = np.degrees(np.arccos(np.clip(up[:, 2], -1, 1)))
    if "xy" in fleet.channels and fleet.roll:
        columns["tilt_x_deg"] = np.degrees(np.arctan2(up[:, 1], up[:, 2]))
        columns["tilt_y_deg"] = np.degrees(np.arctan2(-up[:, 0], np.hypot(up[:, 1], up[:, 2])))
    elif "xy" in fleet.channels:
        columns["tilt_x_deg"] = np.degrees(np.arcsin(np.clip(up[:, 0], -1, 1)))
        columns["tilt_y_deg"] = np.degrees(np.arcsin(np.clip(up[:, 1], -1, 1)))
    return columns


def _channels(
    fleet: Fleet, course: Course, t: Float, shaken: Bool, mount: Float, rng: np.random.Generator
) -> dict[str, Float]:
    n = len(t)
    hour = (t / HOUR + 8) % 24
    rate = fleet.crossings_h * np.where((hour > 6) & (hour < 22), 1.3, 0.4)
    since = np.minimum(np.diff(t, prepend=t[:1] - fleet.every_s), 600)
    wheels = rng.poisson(np.maximum(rate * since / HOUR, 0))
    stands = rng.random(n) < fleet.stands * rate / max(fleet.crossings_h, 1)
    # Most wheels leave a loose lid as they found it; some leave it on the other edge of its play.
    rests = np.where((wheels > 0) & (rng.random(n) < 0.4), course.play(t) * rng.choice([-0.5, 0.5], n), 0)
    lean = course.lean(t) + course.drift(t) + rests + stands * rng.uniform(*fleet.stands_deg, n)
    warm = fleet.sun_c * np.sin(2 * np.pi * (t / DAY - 0.2)) * rng.uniform(0.4, 1.2, int(fleet.days) + 2)[
        (t / DAY).astype(int)
    ] + 10 * np.sin(2 * np.pi * t / (90 * DAY))
    up = _up(course, mount, lean)
    columns = _angles(fleet, up)
    shiver = np.where(shaken, 2.0, 0.0)
    for name in columns:
        sun = fleet.per_c[0] * warm * (0.6 if name == "tilt_y_deg" else 1)
        noisy = columns[name] + sun + rng.normal(0, 1, n) * (fleet.noise_deg + shiver)
        columns[name] = np.round(noisy / fleet.step_deg) * fleet.step_deg
    if "tilt_deg" in columns:
        columns["tilt_deg"] = np.clip(np.abs(columns["tilt_deg"]), 0, 180)
    if "mm" in fleet.channels:
        mm = rng.uniform(-3, 3) + course.sunk(t) + fleet.per_c[1] * warm + stands * rng.uniform(0, 3, n)
        columns["displacement_mm"] = np.round((mm + rng.normal(0, fleet.noise_mm, n)) / fleet.step_mm) * (
            fleet.step_mm
        )
    if "g" in fleet.channels:
        most = np.where(wheels > 0, 0.3 * rng.gumbel(1 + np.log(np.maximum(wheels, 1)), 0.6, n), 0)
        peak = np.maximum(most, 0) * course.knock(t) + np.abs(rng.normal(0, 0.02, n))
        columns["vibration_g"] = np.round(peak + shaken * rng.uniform(0.3, 1.5, n), 2)
    if "open" in fleet.channels:
        columns["open"] = (course.off(t) > 0.5).astype(float)
    if "water" in fleet.channels:
        columns["water_mm"] = np.maximum(
            np.round(20 + 100 * shaken + course.water(t) + rng.normal(0, 3, n)), 0
        )
    if "temperature" in fleet.channels:
        columns["temperature_c"] = np.round(15 + warm, 1)
    return columns


def _spoil(fleet: Fleet, columns: dict[str, Float], rng: np.random.Generator) -> None:
    """One channel of a frame anywhere in its range, now and then the whole frame."""
    n = len(columns["t"])
    names = [name for name in columns if name not in ("t", "temperature_c")]
    ranges = {"displacement_mm": (-300, 300), "water_mm": (0, 3000), "tilt_deg": (0, 180)}
    for i in np.flatnonzero(rng.random(n) < fleet.wild_week * fleet.every_s / (7 * DAY)).tolist():
        struck = names if rng.random() < 0.2 else [str(rng.choice(names))]
        for name in struck:
            columns[name][i] = (
                1 - columns[name][i] if name == "open" else rng.uniform(*ranges.get(name, (-90, 90)))
            )


def _hidden(fleet: Fleet, course: Course, t: Float, mount: Float) -> bool:
    """Whether none of the angles, without noise, leaves what its sensor shows of a lid on its seat.

    Asked of lids that turn or rock where nothing else can show it: height and contact show a turn, shocks
    that it rocks.
    """
    sent_after = t[t >= course.onset]
    leans, rocks = course.lean(sent_after), course.play(sent_after) / 2
    turns = leans.max(initial=0) > 0
    if not turns and rocks.max(initial=0) == 0:
        return False
    if fleet.channels & ({"mm", "open"} if turns else {"g"}):
        return False
    own = (
        3 * fleet.noise_deg + fleet.step_deg / 2 + (fleet.per_c[0] * (fleet.sun_c * 1.2 + 10) if turns else 0)
    )
    seat = _angles(fleet, _up(course, mount, np.zeros(1)))
    now = _angles(fleet, _up(course, mount, leans if turns else rocks))
    return bool(all(np.abs(now[name] - seat[name]).max(initial=0) <= own for name in now))
