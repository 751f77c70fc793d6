"""What staged events do to lids: tilt, height, seat, water over time, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

GONE_MM: Final = -150.0
"""What a displacement sensor shows when the lid is out of its reach: the end of its range."""

LIMIT_SUNK_MM: Final = 15.0
LIMIT_LOOSE_MM: Final = 4.0
"""Play from which on a lid is loose. No standard that we know names one: 3 mm between lid and frame is
accepted of a new one [unverified], so ours is the first whole millimetre above."""
LIMIT_WATER_MM: Final = 300.0
EBBED_MM: Final = 0.9 * LIMIT_WATER_MM
"""Level below which a flood is over: what swells again above it is the same flood."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One staged event on one lid.

    kind : str  Of `scenario.KINDS`.  lid : int  Row of `Lids`.
    start_s, end_s : seconds since the scenario's start; end_s may be inf.
    size : float  Its main measure: final tilt [°], sinking [mm], gap [mm], level [mm].
    ramp_s : float  How long it takes to get there [s].
    azimuth : float  Direction of the tilt [rad].
    curve : str  linear, accelerating, step (sinking).
    mode : str  lift, drag, flip (theft).
    """

    kind: str
    lid: int
    start_s: float
    end_s: float
    size: float
    ramp_s: float
    azimuth: float
    curve: str = "linear"
    mode: str = "lift"


@dataclass(slots=True)
class LidState:
    """How lids are at some instants, each float64[k]. Filled by adding effects.

    tilt_x, tilt_y : rotation from level as a vector; its length is the inclination [°].
    displacement_mm : positive = sunk.  gap_mm : seat's clearance.  wear : 1 = sound gasket, less = harder.
    off : share by which the lid is off its seat.  water_mm : level.  shaking_g : works, storm.
    """

    tilt_x: Float
    tilt_y: Float
    displacement_mm: Float
    gap_mm: Float
    wear: Float
    off: Float
    water_mm: Float
    shaking_g: Float


def apply(effect: Effect, state: LidState, rows: slice, t_s: Float, rng: np.random.Generator) -> None:
    """Add one effect to the rows of its lid; `t_s` are those rows' instants [s], rising or not."""
    since = t_s - effect.start_s
    on = since >= 0
    during = on & (t_s < effect.end_s)
    ramp = np.clip(since / effect.ramp_s, 0.0, 1.0)
    match effect.kind:
        case "theft":
            _take_away(effect, state, rows, since, rng)
        case "tilt":
            _raise_edge(effect, state, rows, np.where(during, ramp, 0.0))
        case "permit":
            _raise_edge(effect, state, rows, np.where(during, ramp, 0.0))
            # back on its seat, but turned: it never lies quite as before
            _lean(state, rows, np.where(t_s >= effect.end_s, 0.25, 0.0), effect.azimuth + 1.0)
        case "sink":
            sunk = effect.size * sinking(effect.curve, since / effect.ramp_s)
            state.displacement_mm[rows] += sunk
            _lean(state, rows, 0.02 * sunk, effect.azimuth)
        case "loose":
            state.gap_mm[rows] += np.where(during, ramp, 0.0) * effect.size
            state.wear[rows] *= 1.0 - 0.6 * np.where(during, ramp, 0.0)
        case "damage":
            _lean(state, rows, np.where(on, effect.size, 0.0), effect.azimuth)
            state.displacement_mm[rows] += np.where(on, 3.0, 0.0)
            state.gap_mm[rows] += np.where(on, 2.0, 0.0)
        case "flood":
            left = np.clip((effect.end_s - t_s) / (2 * effect.ramp_s), 0.0, 1.0)
            state.water_mm[rows] += effect.size * np.where(on, np.minimum(ramp, left), 0.0)
        case "roadworks":
            state.shaking_g[rows] += np.where(during, effect.size, 0.0)


def sinking(curve: str, share: Float) -> Float:
    """How much of a settlement has come about after a share of its time, 0–1."""
    x = np.clip(share, 0.0, 1.0)
    match curve:
        case "step":
            return np.where(share >= 0, 1.0, 0.0)
        case "accelerating":
            return np.asarray(x**2.2, np.float64)
        case _:
            return x


def _take_away(effect: Effect, state: LidState, rows: slice, since: Float, rng: np.random.Generator) -> None:
    """Lifted within seconds, carried about for minutes, laid down somewhere."""
    lifted = np.clip(since / effect.ramp_s, 0.0, 1.0)
    carried = (since > effect.ramp_s) & (since < effect.ramp_s + 180)
    if effect.mode == "drag":
        lean = np.where(since >= 0, effect.size * lifted, 0.0)
    else:
        swing = np.where(carried, rng.uniform(-25, 25, len(since)), 0.0)
        lean = np.where(since >= 0, np.clip(effect.size * lifted + swing, 0, 180), 0.0)
    _lean(state, rows, lean, effect.azimuth)
    away = since >= min(1.0, effect.ramp_s)
    state.off[rows] = np.where(away, 1.0, state.off[rows])
    state.displacement_mm[rows] = np.where(away, GONE_MM, state.displacement_mm[rows])


def _raise_edge(effect: Effect, state: LidState, rows: slice, share: Float) -> None:
    """One edge up: the middle rises by the radius times the sine, up to the sensor's reach."""
    lean = effect.size * share
    _lean(state, rows, lean, effect.azimuth)
    state.displacement_mm[rows] = np.maximum(
        state.displacement_mm[rows] - 350.0 * np.sin(np.radians(np.minimum(lean, 90.0))), GONE_MM
    )
    state.off[rows] = np.maximum(state.off[rows], np.where(lean > 3.0, 1.0, 0.0))


def _lean(state: LidState, rows: slice, degrees: Float, azimuth: float) -> None:
    state.tilt_x[rows] += degrees * np.cos(azimuth)
    state.tilt_y[rows] += degrees * np.sin(azimuth)
