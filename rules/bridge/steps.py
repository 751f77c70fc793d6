"""Steps in a series of minutes: each by what lies around it, then all together beside the way of the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import MINUTE, covariance

Float = npt.NDArray[np.float64]

RISES: Final = (1, 3, 6)
"""Durations of a step [blocks]; what is slower is a row of steps, or may be a cloud."""
BEFORE: Final = 4 * MINUTE
AFTER: Final = 2 * MINUTE
"""Blocks before and after the slowest step that show it; a quicker one is seen by as many."""
SLOPE_UE: Final = 60.0
"""Prior spread of the slope during these minutes [µε/h]."""
APART: Final = 4
"""Steps are further apart than this [blocks]."""
MOST_STEPS: Final = 16
LEAST_TOGETHER: Final = 2
"""One step alone is as its surroundings tell."""


@dataclass(frozen=True, slots=True)
class Step:
    """place : first block of its ramp, counted from the oldest of the ring. rise [blocks]. height [µε]."""

    place: int
    rise: int
    height: float


def staircase_of(y: Float, least: float) -> list[Step]:
    """The steps of at least `least` µε in a series without gaps, in order: the clearest is taken out first.

    y : float64[n]  NaN before the first that is known [µε].
    """
    known = int(np.argmax(np.isfinite(y)))
    left = np.where(np.isfinite(y), y, y[known])
    steps: list[Step] = []
    taken = np.arange(len(y)) < known + BEFORE
    while len(steps) < MOST_STEPS:
        best, found = 0.0, None
        for rise, weights, error in filters():
            height = np.correlate(left, weights, "valid")
            middle = np.arange(len(height)) + BEFORE + rise // 2
            sure = np.where((np.abs(height) >= least) & ~taken[middle], np.abs(height) / error, 0.0)
            i = int(np.argmax(sure))
            if sure[i] > best:
                best, found = float(sure[i]), Step(i + BEFORE, rise, float(height[i]))
        if found is None:
            break
        steps.append(found)
        left -= ramp(len(y), found)
        at = found.place + found.rise // 2
        taken[max(at - APART, 0) : at + APART + 1] = True
    return sorted(steps, key=lambda step: step.place)


def steps_of(y: Float, least: float) -> tuple[list[Step], Float]:
    """The steps of a series, and the level float64[n] to which they lead [µε]."""
    steps = refined(y, staircase_of(y, least))
    return steps, level_of(steps, len(y))


def level_of(steps: Sequence[Step], n: int) -> Float:
    """float64[n]  Sum of steps up to each block, beginning with 0 [µε]."""
    level = np.zeros(n)
    for step in steps:
        level += ramp(n, step)
    return level


def refined(y: Float, steps: Sequence[Step]) -> list[Step]:
    """The same steps with the heights that explain the whole series best, together and beside the day's way.

    One by one each is taken for what lies a few minutes around it, which may be another step.
    """
    known = int(np.argmax(np.isfinite(y)))
    steps = [step for step in steps if step.place > known]
    if len(steps) < LEAST_TOGETHER:
        return list(steps)
    shapes = np.stack([ramp(len(y), Step(step.place, step.rise, 1.0)) for step in steps])[:, known:]
    filtered = shapes @ _precision(len(y) - known)
    heights = np.linalg.lstsq(filtered @ shapes.T, filtered @ y[known:])[0]
    return [Step(s.place, s.rise, float(h)) for s, h in zip(steps, heights, strict=True)]


@cache
def _precision(n: int) -> Float:
    """float64[n, n]  Inverse of the covariance of n blocks [1/µε²]."""
    inverse: Float = np.linalg.inv(covariance(n, SLOPE_UE)).astype(np.float64)
    return inverse


def height_at(y: Float, place: int, rise: int) -> float:
    """Height of a step of which another gauge tells when it came [µε]; 0 where too little is known.

    place : first block of its ramp; rise [blocks].
    """
    weights = next((w for r, w, _ in filters() if r >= rise), filters()[-1][1])
    part = y[max(place - BEFORE, 0) : place - BEFORE + len(weights)]
    whole = len(part) == len(weights) and place >= BEFORE and bool(np.isfinite(part).all())
    return float(part @ weights) if whole else 0.0


def ramp(n: int, step: Step) -> Float:
    shape: Float = step.height * np.clip((np.arange(n) - step.place + 0.5) / step.rise, 0.0, 1.0)
    return shape


def fell(rest: Float, most: float) -> bool:
    """Whether what the steps leave fell by more than `most` in 5 minutes, beside the way of the day."""
    rest = rest[np.isfinite(rest)]
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(rest, 5), axis=1)
    fall = smooth[: -5 * MINUTE] - smooth[5 * MINUTE :]
    return bool(fall.max() - np.median(fall) > most)


@cache
def filters() -> tuple[tuple[int, Float, float], ...]:
    """Of each duration: blocks, weights that estimate the height of a step, and their error [µε]."""
    out: list[tuple[int, Float, float]] = []
    n = BEFORE + RISES[-1] + AFTER
    for rise in RISES:
        shape = ramp(n, Step(BEFORE, rise, 1.0))
        filtered = np.linalg.solve(covariance(n, SLOPE_UE), shape).astype(np.float64)
        information = float(filtered @ shape)
        out.append((rise, filtered / information, float(1.0 / np.sqrt(information))))
    return tuple(out)
