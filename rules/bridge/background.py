"""What a gauge's latest half hour lets expect of the next minutes: kriging with a drifting background.

The background of a bridge's strain is taken as a Gaussian process: a line of any height and slope, a
bend, clouds and sun through some minutes of thermal inertia, a wander, and the noise of a block. From it
follow, once for all gauges, the weights that predict the blocks after an onset from the blocks before it, and
the weights that estimate the height of a ramp of any onset and duration. Rasmussen & Williams, Gaussian
Processes for Machine Learning (2006), 2.2 and 2.7. Only the ratios of the variances matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MINUTE: Final = 3
"""Blocks in a minute."""
WINDOWS: Final = (18 * MINUTE, 24 * MINUTE, 32 * MINUTE, 48 * MINUTE)
"""How much is looked back upon [blocks]: the longest that is known."""
LEAST_BEFORE: Final = 6 * MINUTE
"""Blocks that must lie before an onset."""

NOISE_UE: Final = 2.0
WANDER_UE: Final = 1.0
WANDER_H: Final = 10 / 60
CLOUD_UE: Final = 4.0
CLOUD_H: Final = 12.5 / 60
SLOPE_UE: Final = 200.0
"""Prior spread of the slope [µε/h]."""
BEND_UE: Final = 40.0
"""Prior spread of the slope's change [µε/h²]."""
LEVEL_UE: Final = 1000.0

RISES: Final = (1, 3, 6, 10, 15, 20, 25, 30, 33)
AGES: Final = tuple(range(3, 19 * MINUTE, 2))


@dataclass(frozen=True, slots=True)
class Bank:
    """Ramps of every onset and duration, and the weights that estimate their heights from a window.

    age : int64[m]  Blocks from the first of the ramp to the newest, both counted. rise : int64[m] [blocks].
    weights : float64[m, window]  Height = weights @ strain [µε].
    error : float64[m]  Standard error for the background's own variances [µε].
    """

    age: Int
    rise: Int
    weights: Float
    error: Float


def window_of(known: Int) -> Int:
    """int64[k]  The longest window that fits into what is known [blocks]; 0 = none does."""
    fits = np.searchsorted(np.array(WINDOWS), known, side="right")
    return np.append(0, WINDOWS)[fits].astype(np.int64)


@cache
def bank(window: int) -> Bank:
    """The ramps that leave `LEAST_BEFORE` before them in a window."""
    rows = [(a, r) for a in AGES for r in RISES if r <= a + 2 and a <= window - LEAST_BEFORE]
    age, rise = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    shape = np.clip((np.arange(window) - (window - age)[:, None] + 0.5) / rise[:, None], 0.0, 1.0)
    filtered = np.linalg.solve(covariance(window), shape.T).T
    information = np.einsum("ij,ij->i", filtered, shape)
    return Bank(age, rise, filtered / information[:, None], 1.0 / np.sqrt(information))


@cache
def prediction(window: int, age: int) -> tuple[Float, float]:
    """Weights that predict a window's newest `age` blocks from those before, and the last one's error.

    Returns float64[age, window - age], and the background's own error, without the block's noise [µε].
    """
    whole = covariance(window)
    before = window - age
    weights = np.linalg.solve(whole[:before, :before], whole[:before, before:]).T.astype(np.float64)
    variance = whole[-1, -1] - weights[-1] @ whole[:before, -1] - NOISE_UE**2
    return weights, float(np.sqrt(max(variance, 0.0)))


@cache
def reference_error(window: int) -> float:
    """Error of a prediction 12 minutes ahead, relative to that from the longest window."""
    return prediction(window, 12 * MINUTE)[1] / prediction(WINDOWS[-1], 12 * MINUTE)[1]


def ramp_height(values: Float, start: int, rise: int) -> float:
    """Height of a ramp, by what lies before and after it [µε]: a prediction errs more, the older it is.

    values : float64[window]  Without gaps [µε], newest last. start : its first block; rise [blocks].
    """
    n = len(values)
    shape = np.clip((np.arange(n) - start + 0.5) / max(rise, 1), 0.0, 1.0)
    filtered = np.linalg.solve(covariance(n), shape)
    return float(filtered @ values / (filtered @ shape))


@cache
def covariance(window: int, slope_ue: float = SLOPE_UE) -> Float:
    """float64[window, window]  Of a window's blocks [µε²]; slope_ue : prior spread of the slope [µε/h]."""
    hours = (np.arange(window) - window + 1) / (60.0 * MINUTE)
    apart = np.abs(hours[:, None] - hours[None, :])
    near = apart / CLOUD_H
    out: Float = (
        NOISE_UE**2 * np.eye(window)
        + WANDER_UE**2 * np.exp(-apart / WANDER_H)
        + CLOUD_UE**2 * (1.0 + near) * np.exp(-near)
        + LEVEL_UE**2
        + slope_ue**2 * np.outer(hours, hours)
        + BEND_UE**2 / 4 * np.outer(hours**2, hours**2)
    )
    return out
