"""Lids under another physics than the simulator's: made for robustness, shares no code with `simulator/`.

A `World` says how its sensors sample, what they measure and how badly; `HARM` says what befalls a lid.
`benchmarks.world_readings` makes the readings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.quirks import Quirks

Float = npt.NDArray[np.float64]
DAY: Final = 86_400.0
START_US: Final = 1_775_001_600_000_000
"""2026-04-01T00:00Z."""
DEFECT_PLAY_DEG: Final = float(np.degrees(np.arcsin(15 / 700)))
"""From this play on a wheel moves the edge of a lid of 700 mm by 15 mm: a defect by the code for roads."""


@dataclass(frozen=True)
class World:
    """How the sensors of one fleet behave.

    every_s : regular sampling [s].  wakes : an event is sent at once, and again when it is over.
    angles : what inclination is sent: `tilt`, `xy`, `both` or `none`.
    mm, shocks, contact, water : which other channels there are.
    datum_deg : `tilt_deg` of a lid on its seat.  noise_*, step_*, swing_* : sd, quantum, daily amplitude.
    traffic_per_h : crossings.  passes_seen : share of messages that catch a wheel on the lid,
    which leans by passes_deg.
    wild_per_year : wild samples a sensor.  loss, twice : share of messages.
    jitter_s : sd of the pace.  heartbeat : whether the registry knows it.  days : length of the file.
    quirks : what else is strange.
    """

    name: str
    every_s: float = 3600.0
    wakes: bool = False
    angles: Literal["tilt", "xy", "both", "none"] = "tilt"
    mm: bool = False
    shocks: bool = False
    contact: bool = False
    water: bool = False
    datum_deg: float = 0.0
    noise_deg: float = 0.1
    step_deg: float = 0.1
    swing_deg: float = 0.3
    noise_mm: float = 0.3
    step_mm: float = 0.1
    swing_mm: float = 0.5
    traffic_per_h: float = 20.0
    passes_seen: float = 0.0
    passes_deg: tuple[float, float] = (1.0, 12.0)
    wild_per_year: float = 0.0
    loss: float = 0.0
    twice: float = 0.0
    jitter_s: float = 0.0
    heartbeat: bool = False
    days: float = 40.0
    quirks: Quirks = field(default_factory=Quirks)


@dataclass
class Course:
    """What truly happens to one lid; functions of seconds since the start, vectorized.

    lean : angle from its seat [°].  axis : direction of it [°].  sunk : [mm].  water : [mm].
    play : how far wheels make it rock [°].  knock : how much harder shocks are.  off : contact open.
    gone_at : nothing is heard from then on [s].  wakes : what an event sensor sends besides [s].
    hazard_at : when what grows slowly has reached the size of a defect [s].
    permit : window of it [s].  anew_at : when the sensor is told to learn its seat anew [s].
    """

    lean: Callable[[Float], Float] = field(default=lambda t: t * 0)
    axis: float = 0.0
    sunk: Callable[[Float], Float] = field(default=lambda t: t * 0)
    water: Callable[[Float], Float] = field(default=lambda t: t * 0)
    play: Callable[[Float], Float] = field(default=lambda t: t * 0)
    knock: Callable[[Float], Float] = field(default=lambda t: t * 0 + 1)
    drift: Callable[[Float], Float] = field(default=lambda t: t * 0)
    off: Callable[[Float], Float] = field(default=lambda t: t * 0)
    gone_at: float = np.inf
    wakes: list[float] = field(default_factory=list)
    onset: float = np.nan
    hazard_at: float = np.nan
    full_at: float = np.nan
    permit: tuple[float, float] | None = None
    anew_at: float = np.nan


def after(onset: float, value: float, over_s: float = 1.0) -> Callable[[Float], Float]:
    """0, then in `over_s` up to `value` and staying there."""
    return lambda t: value * np.clip((t - onset) / over_s, 0, 1)


def _theft_silent(rng: np.random.Generator, at: float, world: World) -> Course:
    angle = float(rng.uniform(55, 160))
    every = 0.0 if world.wakes else world.every_s
    return Course(
        lean=after(at, angle, 2),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, -float(rng.uniform(150, 400)), 2),
        gone_at=at + every + float(rng.uniform(5, 8)),
        wakes=[at + 3],
        onset=at,
    )


def _theft_heard(rng: np.random.Generator, at: float, world: World) -> Course:
    angle = float(rng.choice([rng.uniform(60, 90), rng.uniform(150, 178)]))
    return Course(
        lean=after(at, angle, 3),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, -float(rng.uniform(150, 400)), 2),
        wakes=[at + 3, at + 15, at + 60],
        onset=at,
    )


def _ajar(over_s: float) -> Callable[[np.random.Generator, float, World], Course]:
    def course(rng: np.random.Generator, at: float, world: World) -> Course:
        angle = float(rng.uniform(18, 28))
        return Course(
            lean=after(at, angle, over_s),
            axis=rng.uniform(0, 360),
            off=after(at + over_s / 2, 1),
            sunk=after(at, -angle, over_s),
            wakes=[at + 3, at + over_s * 0.5, at + over_s],
            onset=at,
            full_at=at + over_s,
        )

    return course


def _sudden(rng: np.random.Generator, at: float, world: World) -> Course:
    return Course(
        sunk=after(at, float(rng.uniform(18, 40)), 1),
        lean=after(at, float(rng.uniform(0, 2)), 1),
        wakes=[at + 3],
        onset=at,
    )


def _creeping(low: float, high: float) -> Callable[[np.random.Generator, float, World], Course]:
    def course(rng: np.random.Generator, at: float, world: World) -> Course:
        rate = float(rng.uniform(low, high))
        full = at + 15 / rate * DAY
        return Course(sunk=lambda t: np.maximum(t - at, 0) / DAY * rate, onset=at, full_at=full)

    return course


def _loose(over_days: float) -> Callable[[np.random.Generator, float, World], Course]:
    def course(rng: np.random.Generator, at: float, world: World) -> Course:
        play = float(rng.uniform(3, 7))
        return Course(
            hazard_at=at + DEFECT_PLAY_DEG / play * over_days * DAY,
            play=after(at, play, over_days * DAY),
            knock=lambda t: 1 + after(at, float(rng.uniform(1.5, 3)), over_days * DAY)(t),
            axis=rng.uniform(0, 360),
            onset=at,
            full_at=at + over_days * DAY,
        )

    return course


def _flood(rng: np.random.Generator, at: float, world: World) -> Course:
    rise, top, ebb = (
        float(rng.uniform(600, 7200)),
        float(rng.uniform(500, 1800)),
        float(rng.uniform(3, 12)) * 3600,
    )

    def water(t: Float) -> Float:
        up = np.clip((t - at) / rise, 0, 1)
        down = np.clip((t - at - rise - 3600) / ebb, 0, 1)
        return top * up * (1 - down)

    crossing = at + rise * 270 / top
    return Course(water=water, wakes=[crossing + rise * 20 / top + 2], onset=crossing)


def _drift(rng: np.random.Generator, at: float, world: World) -> Course:
    rate = float(rng.uniform(0.1, 0.5)) * (1 if world.datum_deg < 90 else -1)
    return Course(drift=lambda t: np.maximum(t - at, 0) / DAY * rate)


def _permit(rng: np.random.Generator, at: float, world: World) -> Course:
    """Opened under a permit, closed a little askew before its end."""
    opened, closed = at + 600, at + 600 + float(rng.uniform(600, 5400))
    angle, rest = float(rng.uniform(60, 120)), float(rng.uniform(0, 2))
    return Course(
        lean=lambda t: np.where((t > opened) & (t < closed), angle, np.where(t >= closed, rest, 0)),
        off=lambda t: ((t > opened) & (t < closed)).astype(float),
        sunk=lambda t: np.where((t > opened) & (t < closed), -200.0, 0),
        wakes=[opened + 3, closed + 3],
        permit=(at, at + 2.5 * 3600),
    )


def _resurfaced(rng: np.random.Generator, at: float, world: World) -> Course:
    """The frame is raised by 40 mm and the sensor fitted again, in a night; then it learns its seat anew."""
    ends = at + float(rng.uniform(5, 9)) * 3600
    lean, sunk = float(rng.uniform(0.5, 3)), float(rng.choice([-40.0, 40.0]))
    work = float(rng.uniform(20, 70))
    return Course(
        lean=lambda t: np.where((t > at + 900) & (t < ends - 900), work, np.where(t >= ends - 900, lean, 0)),
        axis=rng.uniform(0, 360),
        sunk=after(ends - 900, sunk, 1),
        off=lambda t: ((t > at + 900) & (t < ends - 900)).astype(float),
        wakes=[at + 903, ends - 897],
        permit=(at, ends),
        anew_at=ends,
    )


def _replaced(rng: np.random.Generator, at: float, world: World) -> Course:
    """Another lid under a permit: it leans, sits and knocks otherwise, and is learned anew."""
    ends = at + float(rng.uniform(1, 3)) * 3600
    lean, sunk, knock = float(rng.uniform(1, 25)), float(rng.uniform(-12, 12)), float(rng.uniform(0.4, 2.5))
    return Course(
        lean=lambda t: np.where((t > at + 300) & (t < ends - 300), 95.0, np.where(t >= ends - 300, lean, 0)),
        axis=rng.uniform(0, 360),
        sunk=lambda t: np.where(
            (t > at + 300) & (t < ends - 300), -250.0, np.where(t >= ends - 300, sunk, 0)
        ),
        knock=lambda t: np.where(t >= ends - 300, knock, 1.0),
        off=lambda t: ((t > at + 300) & (t < ends - 300)).astype(float),
        wakes=[at + 303, ends - 297],
        permit=(at, ends),
        anew_at=ends,
    )


HARM: Final[Mapping[str, tuple[Callable[[np.random.Generator, float, World], Course], tuple[str, ...]]]] = {
    "theft_silent": (_theft_silent, ("missing",)),
    "theft_heard": (_theft_heard, ("missing",)),
    "ajar_fast": (_ajar(2.0), ("tilted", "missing")),
    "ajar_slow": (_ajar(3 * 3600.0), ("tilted", "missing")),
    "sunk_sudden": (_sudden, ("sunken",)),
    "sunk_creeping": (_creeping(0.6, 2.0), ("sunken",)),
    "sunk_month": (_creeping(0.25, 0.5), ("sunken",)),
    "loose_day": (_loose(1), ("loose",)),
    "loose_month": (_loose(20), ("loose",)),
    "flood": (_flood, ("flooded",)),
    "drift": (_drift, ()),
    "permit": (_permit, ()),
    "resurfaced": (_resurfaced, ()),
    "replaced": (_replaced, ()),
    "none": (lambda rng, at, world: Course(), ()),
}
"""Harm → (its course, hazards that find it)."""


def shows(world: World, harm: str) -> bool:
    """Whether the channels of a world can show this harm at all."""
    tilted, mm = world.angles != "none", world.mm
    if world.days < {"sunk_creeping": 15, "sunk_month": 60, "loose_month": 35, "loose_day": 5}.get(harm, 0):
        return False
    return {
        "theft_silent": tilted or mm or world.contact,
        "theft_heard": tilted or mm or world.contact,
        "ajar_fast": tilted or mm or world.contact,
        "ajar_slow": tilted or mm or world.contact,
        "sunk_sudden": mm,
        "sunk_creeping": mm,
        "sunk_month": mm,
        "loose_day": world.shocks or (tilted and world.traffic_per_h > 0),
        "loose_month": world.shocks or (tilted and world.traffic_per_h > 0),
        "flood": world.water,
    }.get(harm, True)
