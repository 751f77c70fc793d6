"""From a staged event to what it does to one lid: size, course, and when it passes its limit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from simulator.effects import LIMIT_LOOSE_MM, LIMIT_SUNK_MM, LIMIT_WATER_MM, Effect
from simulator.scenario import Event

_WEEKS_S = 14 * 86400.0


@dataclass(frozen=True, slots=True)
class Course:
    """An effect, how suddenly it comes (sudden, fast, slow), and when it passes its limit [s since start].

    limit_s : None where it never does, or where there is no limit to pass.
    """

    effect: Effect
    severity: str = "sudden"
    limit_s: float | None = None


def course(event: Event, lid: int, gap_mm: float, rng: np.random.Generator) -> Course:
    """What the event does to a lid whose seat has `gap_mm` of clearance."""
    at = event.at
    make = partial(Effect, event.kind, lid, at, azimuth=float(rng.uniform(0, 2 * np.pi)))
    for_minutes = at + event.minutes * 60 if event.minutes else np.inf
    match event.kind:
        case "theft":
            mode = event.mode or "lift"
            size = {"lift": rng.uniform(60, 175), "flip": 178.0, "drag": rng.uniform(2, 9)}[mode]
            effect = make(np.inf, float(size), float(rng.uniform(2, 8)), mode=mode)
            result = Course(effect, limit_s=at)
        case "tilt":
            result = Course(make(for_minutes, event.tilt_deg or float(rng.uniform(12, 30)), 2.0), limit_s=at)
        case "permit":
            result = Course(make(at + (event.minutes or 90) * 60, float(rng.uniform(40, 110)), 5.0))
        case "sink":
            result = _sinking(event, make)
        case "loose":
            size, ramp_s = event.to_mm or 8.0, max((event.days or 0) * 86400, 1800.0)
            share = max((LIMIT_LOOSE_MM - gap_mm) / size, 0.0)
            limit = at + ramp_s * share if share <= 1 else None
            result = Course(make(np.inf, size, ramp_s), "fast" if ramp_s < _WEEKS_S else "slow", limit)
        case "damage":
            result = Course(make(np.inf, event.tilt_deg or float(rng.uniform(0.6, 2.5)), 1.0), limit_s=at)
        case "flood":
            level, ramp_s = event.level_mm or 600.0, (event.minutes or 30) * 60
            end = at + max((event.hours or 6) * 3600, 4 * ramp_s)
            limit = at + ramp_s * LIMIT_WATER_MM / level if level >= LIMIT_WATER_MM else None
            result = Course(make(end, level, ramp_s), limit_s=limit)
        case _:  # roadworks
            result = Course(make(at + (event.hours or 8) * 3600, 2.5, 1.0))
    return result


def _sinking(event: Event, make: partial[Effect]) -> Course:
    size, ramp_s = event.to_mm or 25.0, max((event.days or 0) * 86400, 1.0)
    curve = event.curve or ("linear" if event.days else "step")
    severity = "sudden" if curve == "step" else "fast" if ramp_s < _WEEKS_S else "slow"
    share = {"accelerating": (LIMIT_SUNK_MM / size) ** (1 / 2.2), "step": 0.0}.get(
        curve, LIMIT_SUNK_MM / size
    )
    limit = event.at + ramp_s * share if size >= LIMIT_SUNK_MM else None
    return Course(make(np.inf, size, ramp_s, curve=curve), severity, limit)
