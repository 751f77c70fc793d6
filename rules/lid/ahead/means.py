"""Running means over readings, step by step: all sensors and several means in one call each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.lid.limits import Limits

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

ONE: Final = np.float32(1)


def after(first: npt.NDArray[Any], following: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[r, k]  What is before each reading, of what is before the first one and after each."""
    return np.concatenate([first[None], following[:-1]])


def put(own: npt.NDArray[Any], before: npt.NDArray[Any], of: Any) -> None:
    """Write a column of r · k states for the sensors `of`."""
    own.reshape(before.shape[0], -1)[:, of] = before


def learning(count: Float32, since: Float32, hours: Float32, limits: Limits) -> tuple[Float32, Float32]:
    """Readings in a baseline before each reading, and the share that each has in it; 0 = it is complete."""
    steps = np.arange(len(hours), dtype=np.float32)[:, None]
    young = (count + steps < limits["commission_readings"]) | (hours - since < limits["commission_hours"])
    counts = np.asarray(count + after(np.zeros_like(count), np.cumsum(young, axis=0)), np.float32)
    return counts, np.where(young, ONE / (counts + ONE), np.float32(0))


def mean(first: Float32, values: Float32, share: Float32) -> Float32:
    """A running mean before each value."""
    means = np.empty_like(values)
    means[0], young = first, int(share.any(axis=1).sum())
    for r in range(min(young, len(values) - 1)):
        means[r + 1] = means[r] + (values[r] - means[r]) * share[r]
    means[young + 1 :] = means[min(young, len(values) - 1)]
    return means


def mean_of_count(first: Float32, values: Float32, counts: Float32, share: Float32) -> Float32:
    """[r + 1, k]  The same, rounded in another way, and what it is after the last value."""
    means = np.empty((len(values) + 1, len(first)), np.float32)
    means[0], young = first, int(share.any(axis=1).sum())
    for r in range(young):
        off = (values[r] - means[r]) / (counts[r] + ONE)
        means[r + 1] = means[r] + np.where(share[r] > 0, off, np.float32(0))
    means[young + 1 :] = means[young]
    return means


def followed(first: Float32, toward: Float32, share: Float32, new: Bool, instead: Float32) -> Float32:
    """[r + 1, m, k]  Means before each reading and after the last: each moves a share toward what is seen.

    first : [m, k]. toward, share : [r, m, k].
    new : bool[r, k]  Where the first of the means becomes `instead`, [r, k].
    """
    means = np.empty((len(toward) + 1, *first.shape), np.float32)
    means[0] = first
    step = np.empty(first.shape, np.float32)
    any_new = np.asarray(new.any(axis=1)).tolist()
    for r, (seen, part, now, then) in enumerate(zip(toward, share, means, means[1:], strict=False)):
        np.subtract(seen, now, out=step)
        np.multiply(step, part, out=step)
        np.add(now, step, out=then)
        if any_new[r]:
            np.copyto(then[0], instead[r], where=new[r])
    return means
