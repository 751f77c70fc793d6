"""Readings of whole fleets in worlds of another physics, with what truly befell each lid beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quirks import convoy, moved, spoil
from benchmarks.worlds import DAY, HARM, START_US, Course, Float, World, shows
from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame
from devices.registry import Registry
from ingest.log import Control


@dataclass(frozen=True)
class Made:
    """A fleet's readings and what truly happened.

    truth : sensor → (harm, onset, first message after it, when it was complete, when it had grown to a
        defect) [µs], nan as -1.
    blind : sensor → whether what befell its lid shows in no channel, by the truth alone.
    """

    registry: Registry
    frame: Frame
    controls: list[Control]
    truth: list[tuple[str, int, int, int, int]]
    blind: list[bool]


def make(world: World, harms: Mapping[str, int], seed: int) -> Made:
    """A fleet of `sum(harms.values())` lids."""
    kinds = [harm for harm, n in harms.items() if shows(world, harm) for _ in range(n)]
    registry = Registry.of(
        [
            {
                "asset_id": f"L{i}",
                "kind": "cover",
                "lon": 114.8 + 0.01 * (i % 40),
                "lat": 30.3 + 0.01 * (i // 40),
            }
            for i in range(len(kinds))
        ],
        [
            {
                "sensor_id": f"S{i}",
                "asset_id": f"L{i}",
                "role": "lid",
                **({"heartbeat_s": world.every_s} if world.heartbeat else {}),
            }
            for i in range(len(kinds))
        ],
    )
    pieces: list[dict[str, Any]] = []
    truth, blind, controls = [], [], []
    for i, harm in enumerate(kinds):
        rng = np.random.default_rng([seed, i])
        first = 0.3 if world.days <= 2 else 2.5 if world.days <= 10 else 8.0
        last = {"loose_month": 0.35, "sunk_creeping": 0.3, "sunk_month": 0.3, "loose_day": 0.7}.get(
            harm, 0.92
        )
        at = float(rng.uniform(first, max(first + 0.05, world.days * last))) * DAY
        course = HARM[harm][0](rng, at, world)
        columns = readings(world, course, rng)
        sent = columns["t"][columns["t"] >= course.onset] if np.isfinite(course.onset) else columns["t"][:0]
        truth.append(
            (
                harm,
                at_us(course.onset),
                at_us(float(sent.min())) if len(sent) else -1,
                at_us(course.full_at),
                at_us(course.hazard_at),
            )
        )
        blind.append(_hidden(world, course, sent))
        if course.permit:
            start, end = (at_us(x) for x in course.permit)
            controls.append(Control("permit", {"asset_id": f"L{i}", "from": start, "to": end}, start))
        if np.isfinite(course.anew_at):
            controls.append(Control("rebaseline", {"asset_id": f"L{i}"}, at_us(course.anew_at)))
        pieces.append({**columns, "sensor": np.full(len(columns["t"]), i, np.int32)})
    return Made(registry, frame_of(pieces), sorted(controls, key=lambda c: c.at), truth, blind)


def at_us(seconds: float) -> int:
    """Event time [µs]; not finite as -1."""
    return START_US + int(seconds * 1e6) if np.isfinite(seconds) else -1


def _hidden(world: World, course: Course, sent: Float) -> bool:
    """Whether one inclination at 90° is all that could show a turn, and shows none, at none of its messages.

    It sees the part of a turn about its own axis; of that nothing leaves what noise, grain and, for a lid
    that lies otherwise, the sun make it show of one on its seat.
    """
    if world.angles != "tilt" or world.datum_deg != 90 or len(sent) == 0:
        return False
    leans, rocks = np.abs(course.lean(sent)), course.play(sent) / 2
    if (leans.max() == 0 and rocks.max() == 0) or (
        world.shocks if rocks.max() else world.mm or world.contact
    ):
        return False
    own = 3 * world.noise_deg + world.step_deg / 2 + (0 if rocks.max() else 1.6 * world.swing_deg)
    turned = np.maximum(leans, rocks) * np.cos(np.radians(course.axis))
    shown = np.abs(np.clip(np.abs(90 + turned), 0, 180) - 90)
    return bool(shown.max() <= own)


def readings(world: World, course: Course, rng: np.random.Generator) -> dict[str, Float]:
    """Columns of one sensor: what it sends, by time [s]."""
    t = np.arange(rng.uniform(0, world.every_s), world.days * DAY, world.every_s)
    t = t + rng.normal(0, world.jitter_s, len(t)) if world.jitter_s else t
    regular = np.ones(len(t), bool)
    if world.wakes:
        extra = np.array([w for w in course.wakes if w < world.days * DAY], float)
        t, regular = np.concatenate([t, extra]), np.concatenate([regular, np.zeros(len(extra), bool)])
    order = np.argsort(t)
    t, regular = t[order], regular[order]
    keep = (t < course.gone_at) & (rng.random(len(t)) >= world.loss)
    t = t[keep]
    n = len(t)
    # A wheel or two have passed since the message before; sometimes one stands on the lid right now.
    hour = (t / 3600 + 8) % 24
    busy = 0.25 + 0.75 * np.exp(-(((hour - 13) / 6) ** 2))
    wheel = rng.random(n) < 1 - np.exp(-busy * world.traffic_per_h * np.minimum(world.every_s, 3600) / 3600)
    caught = wheel & (rng.random(n) < world.passes_seen)
    heavy = convoy(world.quirks, t, rng)
    wheel |= heavy
    caught |= heavy & (rng.random(n) < 0.15) if heavy.any() else False
    # Sunny spells and dull ones, and slow changes of the weather.
    spell = 1 + 0.6 * np.sin(2 * np.pi * (t / (11 * DAY) + rng.random()))
    warm = spell * np.sin(2 * np.pi * (t / DAY - 0.3))
    warm = warm + 0.3 * rng.normal(0, 1) * np.sin(2 * np.pi * t / (9 * DAY))
    columns = {"t": t, **_measured(world, course, t, wheel, caught, warm, heavy, rng)}
    spoil(world.quirks, columns, rng)
    _wild(columns, rng.random(n) < world.wild_per_year * world.every_s / (365.25 * DAY), rng)
    again = np.flatnonzero(rng.random(n) < world.twice)
    return {name: np.concatenate([values, values[again]]) for name, values in columns.items()}


def _measured(
    world: World,
    course: Course,
    t: Float,
    wheel: npt.NDArray[np.bool_],
    caught: npt.NDArray[np.bool_],
    warm: Float,
    heavy: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> dict[str, Float]:
    """What the channels show at t, given whether a wheel has passed or stands there and how warm it is."""
    n = len(t)
    play = course.play(t)
    # The lid comes to rest another way after every wheel: a different place within its play.
    rocked = np.where(wheel, play * rng.uniform(-0.5, 0.5, n), 0.0)
    lean = course.lean(t) + np.where(caught, rng.uniform(*world.passes_deg, n), 0)
    axis = np.radians(course.axis)
    bias = rng.normal(0, 1.2, 2)
    x = bias[0] + lean * np.cos(axis) + rocked * np.cos(axis) + world.swing_deg * warm
    y = bias[1] + lean * np.sin(axis) + rocked * np.sin(axis) + 0.4 * world.swing_deg * warm
    x += course.drift(t)
    wet_x, wet_y, heaved = moved(world.quirks, t, rng)
    x, y = x + wet_x, y + wet_y
    columns: dict[str, Float] = {}

    def measured(true: Float, noise: float, step: float) -> Float:
        noisy = true + rng.normal(0, noise, n)
        return np.round(noisy / step) * step if step else noisy

    if world.angles in ("tilt", "both"):
        if world.datum_deg == 90:
            tilt = 90 + x
        else:
            tilt = np.hypot(x, y)
            tilt = np.where(tilt > 180, 360 - tilt, tilt)
            tilt = np.abs(world.datum_deg - tilt)
        columns["tilt_deg"] = np.clip(np.abs(measured(tilt, world.noise_deg, world.step_deg)), 0, 180)
    if world.angles in ("xy", "both"):
        columns["tilt_x_deg"] = np.clip(measured(x, world.noise_deg, world.step_deg), -180, 180)
        columns["tilt_y_deg"] = np.clip(measured(y, world.noise_deg, world.step_deg), -180, 180)
    if world.mm:
        sunk = course.sunk(t) + world.swing_mm * warm + np.where(caught, rng.uniform(0, 3, n), 0)
        sunk += rng.normal(0, 1) + heaved
        columns["displacement_mm"] = measured(sunk, world.noise_mm, world.step_mm)
    if world.shocks:
        peak = np.where(wheel, rng.lognormal(np.log(0.4), 0.45, n), np.abs(rng.normal(0, 0.02, n)))
        columns["vibration_g"] = np.round(peak * np.where(wheel, course.knock(t), 1) * (1 + 1.5 * heavy), 3)
    if world.contact:
        columns["open"] = (course.off(t) > 0.5).astype(float)
    if world.water:
        columns["water_mm"] = np.maximum(measured(30 + course.water(t), 4, 1), 0)
    return columns


def _wild(columns: dict[str, Float], where: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
    """One channel or all of a frame, random or at the end of its scale."""
    for i in np.flatnonzero(where).tolist():
        kind = int(rng.integers(0, 4))
        for name, values in columns.items():
            if name.startswith("tilt") and kind != 2:
                values[i] = rng.choice([0.0, 90.0, 180.0]) if kind == 0 else rng.uniform(0, 180)
            if name == "displacement_mm" and kind >= 1:
                values[i] = rng.choice([-500.0, 0.0, 999.0]) if kind == 2 else rng.uniform(-100, 200)
            if name == "vibration_g" and kind == 3:
                values[i] = rng.choice([8.0, 16.0])
            if name == "open" and kind == 3:
                values[i] = 1 - values[i]
            if name == "water_mm" and kind >= 2:
                values[i] = rng.choice([2000.0, 4000.0])


def frame_of(pieces: list[dict[str, Any]]) -> Frame:
    """Columns of all sensors, by `t` [s] and `sensor`, as one frame by event time."""
    whole = {name: np.concatenate([p[name] for p in pieces]) for name in pieces[0]}
    order = np.argsort(whole["t"], kind="stable")
    whole = {name: values[order] for name, values in whole.items()}
    n = len(order)
    names = [name for name in whole if name not in ("t", "sensor")]
    return Frame(
        whole["sensor"].astype(np.int32),
        START_US + (whole["t"] * 1e6).astype(np.int64),
        START_US + (whole["t"] * 1e6).astype(np.int64),
        np.full(n, NO_SEQ, np.int64),
        np.full(n, Flag.GOOD, np.uint8),
        {name: whole[name].astype(np.float32) for name in names},
        np.full(n, NO_GATEWAY, np.int32),
    )
