"""Lids that sink in courses of several shapes, as a height sensor shows them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

A_DAY = 6
"""Readings a day."""
LIMIT_MM = 15.0


class Courses(NamedTuple):
    """height_mm : [readings, lids]  As measured, on scales of 0.5, 1 or 5 mm.
    reached_day : [lids]  When the ground has truly sunk by 15 mm."""

    height_mm: Float
    reached_day: Float


def sinking_lids(shape: str, lids: int, seed: int, days: int = 105) -> Courses:
    """Lids at rest for 6 to 12 days, then sinking by 20 to 45 mm in 12 to 90 days.

    shape : str  linear, root (of time: a trench that settles), accelerating, rain (most of it in wet days).
    Over that lie weather of some days, the sun, and noise.
    """
    rng = np.random.default_rng(seed)
    n = days * A_DAY
    t = np.arange(n)[:, None] / A_DAY
    onset, lasts, depth = rng.uniform(6, 12, lids), rng.uniform(12, 90, lids), rng.uniform(20, 45, lids)
    share = np.clip((t - onset) / lasts, 0, 1)
    match shape:
        case "linear":
            course = share
        case "root":
            course = np.sqrt(share)
        case "accelerating":
            course = share ** rng.uniform(1.5, 2.2, lids)
        case "rain":
            wet = (rng.random((n, lids)) < 0.05) * rng.gamma(1, 1, (n, lids))
            course = np.cumsum((share > 0) * (1 / lasts / A_DAY + 0.6 * wet / wet.sum(axis=0)), axis=0)
            end = np.minimum(((onset + lasts) * A_DAY).astype(int), n - 1)
            course = np.minimum(course / np.take_along_axis(course, end[None], axis=0), 1)
        case _:
            raise ValueError(f"no such shape: {shape}")
    true = depth * course
    weather, spread, keeps = np.zeros((n, lids)), rng.uniform(0.1, 0.5, lids), np.exp(-1 / (4 * A_DAY))
    for i in range(1, n):
        weather[i] = keeps * weather[i - 1] + spread * np.sqrt(1 - keeps**2) * rng.normal(size=lids)
    sun = rng.uniform(0, 1.2, lids) * np.sin(2 * np.pi * t)
    noise = rng.normal(0, 1, (n, lids)) * rng.uniform(0.2, 1.0, lids)
    scale = rng.choice([0.5, 1.0, 5.0], lids)
    deep = true >= LIMIT_MM
    reached = np.where(deep.any(axis=0), deep.argmax(axis=0) / A_DAY, np.inf)
    return Courses(np.round((true + weather + sun + noise) / scale) * scale, reached)
