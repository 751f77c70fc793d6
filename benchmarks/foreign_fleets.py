"""Fleets as a stranger would write them who has read the protocol and the field's facts, and nothing of ours.

Lids are rigid bodies here: a sensor sits on its lid at any pitch, and what it sends are angles of gravity in
its own frame. Written before any rule was tried on them; of `benchmarks.worlds` they share `Course` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fleet:
    """Sensors of one make, on one kind of road.

    every_s, jitter_s : regular messages and the sd of their pace [s].  wakes : sends what moves it, at once.
    channels : of `tilt`, `xy`, `mm`, `g`, `open`, `water`, `temperature`.  roll : x and y are roll and pitch.
    pitch_deg : greatest pitch at which it was fitted.  noise_*, step_* : sd, quantum.
    per_c : of the sun [°/°C, mm/°C].  sun_c : daily amplitude [°C].
    crossings_h : vehicles.  stands : share of messages while a wheel stands on the lid, which leans by
    stands_deg.  wakes_day : wheels a day that wake it.
    wild_week : wild samples.  loss, twice : share of messages.  heartbeat_s : in the registry.
    outage : a gateway's silence: begin [day] and length [h].  shaken : cloudbursts that shake all lids [day].
    """

    name: str
    channels: frozenset[str]
    every_s: float = 600.0
    jitter_s: float = 2.0
    wakes: bool = False
    roll: bool = False
    pitch_deg: float = 3.0
    noise_deg: float = 0.1
    step_deg: float = 0.01
    noise_mm: float = 0.5
    step_mm: float = 0.1
    per_c: tuple[float, float] = (0.01, 0.02)
    sun_c: float = 4.0
    crossings_h: float = 30.0
    stands: float = 0.0
    stands_deg: tuple[float, float] = (0.5, 3.0)
    wakes_day: float = 0.0
    wild_week: float = 0.0
    loss: float = 0.01
    twice: float = 0.01
    heartbeat_s: float | None = None
    outage: tuple[float, float] | None = None
    shaken: tuple[float, ...] = ()
    days: float = 45.0

    @property
    def wild_per_year(self) -> float:
        """As `World` says it."""
        return self.wild_week * 365.25 / 7


_SHOWN_BY: Final[Mapping[str, frozenset[str]]] = {
    "aside": frozenset({"mm", "open"}),
    "stolen": frozenset({"tilt", "xy", "mm", "open"}),
    "flipped": frozenset({"tilt", "xy", "mm", "open"}),
    "ajar": frozenset({"tilt", "xy", "mm", "open"}),
    "sunk_now": frozenset({"mm"}),
    "sunk_daily": frozenset({"mm"}),
    "sunk_steps": frozenset({"mm"}),
    "flooded": frozenset({"water"}),
}


def shown(fleet: Fleet, case: str) -> bool:
    """Whether the channels of a fleet can show the case; rocking needs wheels often enough to be seen."""
    if case == "loose":
        return fleet.every_s <= 3600 and bool(fleet.channels & {"tilt", "xy", "g"})
    return case not in _SHOWN_BY or bool(fleet.channels & _SHOWN_BY[case])


def _of(*channels: str) -> frozenset[str]:
    return frozenset(channels)


FLEETS: Final = (
    Fleet(
        "10 min, all of the native contract", _of("tilt", "xy", "mm", "g"), wakes=True, shaken=(14.2, 30.6)
    ),
    Fleet(
        "contact only, twice a day",
        _of("open"),
        43_200,
        30,
        wakes=True,
        heartbeat_s=43_200,
        loss=0.03,
        days=60,
    ),
    Fleet(
        "NB-IoT, once a day, wakes at 5 deg",
        _of("xy", "temperature"),
        86_400,
        60,
        wakes=True,
        roll=True,
        pitch_deg=8,
        step_deg=0.1,
        wakes_day=0.1,
        loss=0.03,
        heartbeat_s=86_400,
        days=60,
    ),
    Fleet(
        "172 trucks an hour",
        _of("tilt", "mm", "g"),
        600,
        3,
        crossings_h=172,
        stands=0.015,
        noise_mm=0.8,
        shaken=(20.3,),
        days=40,
    ),
    Fleet(
        "0.05 deg a degree of sun, steps of 0.5 deg",
        _of("tilt", "mm"),
        3600,
        15,
        step_deg=0.5,
        per_c=(0.05, 0.15),
        sun_c=8,
        noise_mm=1,
    ),
    Fleet("fitted at 30 deg, one inclination", _of("tilt", "g"), 900, 5, pitch_deg=30, noise_deg=0.2),
    Fleet("fitted at 30 deg, roll and pitch", _of("xy", "open"), 900, 5, roll=True, pitch_deg=30, wakes=True),
    Fleet(
        "a wild sample a week",
        _of("tilt", "xy", "mm", "open", "water"),
        1800,
        10,
        wakes=True,
        wild_week=1,
        outage=(22.0, 7.0),
        heartbeat_s=1800,
    ),
    Fleet(
        "height alone, two millimetres of noise", _of("mm"), 3600, 20, noise_mm=2, step_mm=1, per_c=(0, 0.1)
    ),
    Fleet(
        "trembling ten times a day, water, shocks",
        _of("tilt", "g", "water"),
        7200,
        10,
        wakes=True,
        wakes_day=10,
        step_deg=1,
        noise_deg=0.3,
        crossings_h=90,
        heartbeat_s=7200,
        shaken=(12.4, 33.1),
    ),
    Fleet(
        "four times a day for ten months",
        _of("tilt", "mm"),
        21_600,
        30,
        per_c=(0.03, 0.05),
        heartbeat_s=21_600,
        days=310,
    ),
)
"""Eleven makes; together some minutes of one core."""
