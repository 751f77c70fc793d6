"""Each reading of a channel with the two before it: a value counts when two of three reach it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


def threes(value: Float, starts: Int, ends: Int, before: Float) -> tuple[Float, Float]:
    """(float64[3, n] the reading two before, the one before, the reading itself; float64[k, 2] the last two).

    value : float64[n]  Readings of k channels, one channel after the other.
    starts, ends : int64[k]  First and last row of each. before : float64[k, 2]  Their last two until now.
    """
    k = len(starts)
    at = np.arange(len(value)) + 2 * np.repeat(np.arange(1, k + 1), ends - starts + 1)
    joined = np.full(len(value) + 2 * k, np.nan)
    joined[at] = value
    heads = starts + 2 * np.arange(k)
    joined[heads], joined[heads + 1] = before.T
    tails = ends + 2 * np.arange(1, k + 1)
    return (
        np.stack([joined[at - 2], joined[at - 1], joined[at]]),
        np.stack([joined[tails - 1], joined[tails]], axis=1),
    )


def median_of_three(three: Float) -> Float:
    """float64[n]  The middle one of each three; NaN where one of them is missing."""
    ordered = np.sort(three, axis=0)
    return np.where(np.isfinite(ordered[2]), ordered[1], np.nan)
