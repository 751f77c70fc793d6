"""What befalls lids of `benchmarks.foreign_fleets`, by time: harm, works, swaps and sensors that drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.worlds import DAY, DEFECT_PLAY_DEG, Course, Float, after

Bool = npt.NDArray[np.bool_]
HOUR: Final = 3600.0


def _tumbles(at: float, low: float, high: float, rng: np.random.Generator) -> Callable[[Float], Float]:
    """From `at` on another angle every 20 s: a lid in a van."""
    angles = rng.uniform(low, high, 400)
    return lambda t: np.where(t < at, 0, angles[np.clip((t - at) / 20, 0, 399).astype(int)])


def _stolen(rng: np.random.Generator, at: float) -> Course:
    return Course(
        lean=_tumbles(at, 50, 170, rng),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, -float(rng.uniform(120, 400)), 3),
        wakes=[at + 2, at + 25],
        gone_at=at + float(rng.uniform(30, 1500)),
        onset=at,
    )


def _flipped(rng: np.random.Generator, at: float) -> Course:
    lean = float(rng.uniform(165, 179))
    return Course(
        lean=after(at, lean, 4),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, -float(rng.uniform(110, 300)), 4),
        wakes=[at + 3, at + 9, at + 70],
        onset=at,
    )


def _aside(rng: np.random.Generator, at: float) -> Course:
    """Dragged beside its hole, where it lies nearly flat."""
    return Course(
        lean=after(at, float(rng.uniform(1, 8)), 4),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, -float(rng.uniform(110, 300)), 4),
        wakes=[at + 3, at + 10],
        onset=at,
    )


def _ajar(rng: np.random.Generator, at: float) -> Course:
    lean = float(rng.uniform(16, 30))
    return Course(
        lean=after(at, lean, 3),
        axis=rng.uniform(0, 360),
        off=after(at, 1),
        sunk=after(at, float(rng.choice([-1, 1]) * rng.uniform(20, 60)), 3),
        wakes=[at + 3, at + 12],
        onset=at,
    )


def _sunk_now(rng: np.random.Generator, at: float) -> Course:
    return Course(
        sunk=after(at, float(rng.uniform(18, 35)), 2),
        lean=after(at, float(rng.uniform(0, 3)), 2),
        axis=rng.uniform(0, 360),
        wakes=[at + 2],
        onset=at,
    )


def _sunk_daily(rng: np.random.Generator, at: float) -> Course:
    """1 mm a day."""
    return Course(sunk=lambda t: np.maximum(t - at, 0) / DAY, onset=at, full_at=at + 15 * DAY)


def _sunk_steps(rng: np.random.Generator, at: float) -> Course:
    """A few millimetres after each heavy rain."""
    times = at + np.cumsum(np.concatenate([[0], rng.uniform(1, 4, 7)])) * DAY
    heights = np.cumsum(rng.uniform(2.5, 6, 8))
    full = float(times[np.searchsorted(heights, 15)])
    return Course(
        sunk=lambda t: np.concatenate([[0], heights])[np.searchsorted(times, t, side="right")],
        onset=at,
        full_at=full,
    )


def _loose(rng: np.random.Generator, at: float) -> Course:
    """From one day to the next it rocks by 2 to 4° under wheels, and knocks."""
    play, knock = float(rng.uniform(2, 4)), float(rng.uniform(1.5, 2.5))
    return Course(
        play=after(at, play, 6 * HOUR),
        knock=lambda t: 1 + after(at, knock, 6 * HOUR)(t),
        axis=rng.uniform(0, 360),
        onset=at,
        full_at=at + 6 * HOUR,
        hazard_at=at + 6 * HOUR * DEFECT_PLAY_DEG / play,
    )


def _flood(rng: np.random.Generator, at: float) -> Course:
    top, rise, ebb = (
        float(rng.uniform(450, 2000)),
        float(rng.uniform(0.3, 3)) * HOUR,
        float(rng.uniform(2, 9)) * HOUR,
    )
    crossing = at + rise * 300 / top

    def water(t: Float) -> Float:
        up = np.clip((t - at) / rise, 0, 1)
        return top * up * np.exp(-np.maximum(t - at - rise, 0) / ebb)

    return Course(water=water, wakes=[crossing + 3], onset=crossing)


def _slow_drift(rng: np.random.Generator, at: float) -> Course:
    """0.3° a week, for as long as the file lasts."""
    return Course(drift=lambda t: np.maximum(t - at, 0) / DAY * 0.3 / 7, axis=rng.uniform(0, 360))


def _permit(rng: np.random.Generator, at: float) -> Course:
    opened, closed, rest = at + 300, at + 300 + float(rng.uniform(900, 6000)), float(rng.uniform(0, 1.5))

    def while_open(t: Float) -> Bool:
        return np.asarray((t > opened) & (t < closed), bool)

    return Course(
        lean=lambda t: np.where(while_open(t), 75.0, np.where(t >= closed, rest, 0)),
        axis=rng.uniform(0, 360),
        off=lambda t: while_open(t).astype(float),
        sunk=lambda t: np.where(while_open(t), -250.0, 0),
        wakes=[opened + 3, closed + 3],
        permit=(at, at + 2 * HOUR),
    )


def _swapped(rng: np.random.Generator, at: float) -> Course:
    """Another sensor, fitted otherwise, told by the control `binding` at that moment."""
    return Course(
        lean=after(at, float(rng.uniform(5, 60)), 1),
        axis=rng.uniform(0, 360),
        sunk=after(at, float(rng.uniform(-4, 4)), 1),
        knock=lambda t: np.where(t > at, 1.6, 1),
        anew_at=at,
    )


CASES: Final[Mapping[str, tuple[Callable[[np.random.Generator, float], Course], tuple[str, ...]]]] = {
    "stolen": (_stolen, ("missing",)),
    "flipped": (_flipped, ("missing",)),
    "aside": (_aside, ("missing", "tilted")),
    "ajar": (_ajar, ("tilted", "missing", "sunken")),
    "sunk_now": (_sunk_now, ("sunken",)),
    "sunk_daily": (_sunk_daily, ("sunken",)),
    "sunk_steps": (_sunk_steps, ("sunken",)),
    "loose": (_loose, ("loose",)),
    "flooded": (_flood, ("flooded",)),
    "quiet": (lambda rng, at: Course(), ()),
    "slow_drift": (_slow_drift, ()),
    "works": (_permit, ()),
    "swapped": (_swapped, ()),
}
"""Case → (its course, hazards that find it)."""
