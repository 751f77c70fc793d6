"""Occurrence-rank rounds: rows of a frame split so that no sensor is twice in one round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def rounds(
    sensor: npt.NDArray[np.int32], scratch: npt.NDArray[np.int32]
) -> Iterator[npt.NDArray[np.int64] | None]:
    """Rows of each round, in the order of arrival; None = all rows at once, nothing to copy.

    Round r has the r-th occurrence of every sensor: an assignment to a repeated index would keep only the
    last, so a sensor that occurs k times needs k rounds.

    scratch : int32[n_sensors]  Overwritten at the sensors of the frame.
    """
    n = len(sensor)
    place = np.arange(n, dtype=np.int32)
    scratch[sensor] = place
    if np.array_equal(scratch[sensor], place):
        yield None
        return
    order = np.argsort(sensor, kind="stable")
    grouped = sensor[order]
    first = np.ones(n, bool)
    np.not_equal(grouped[1:], grouped[:-1], out=first[1:])
    position = np.arange(n)
    rank = np.empty(n, np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(first, position, 0))
    by_rank = np.argsort(rank, kind="stable")
    yield from np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])
