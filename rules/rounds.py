"""Occurrence-rank rounds: rows of a frame split so that no sensor is twice in one round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def rounds(sensor: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each round, in the order of their sensors: state that lies side by side is visited so.

    Round r has the r-th occurrence of every sensor: an assignment to a repeated index would keep only the
    last, so a sensor that occurs k times needs k rounds.
    """
    # Sensor and row in one number: its plain sort, which is vectorized, is a stable one by sensor.
    key = sensor.astype(np.int64) << 32
    key |= np.arange(len(sensor))
    key.sort()
    order = key & 0xFFFFFFFF
    grouped = key >> 32
    repeated = grouped[1:] == grouped[:-1]
    if not repeated.any():
        yield order
        return
    position = np.arange(len(sensor))
    first = np.concatenate([[True], ~repeated])
    rank = position - np.maximum.accumulate(np.where(first, position, 0))
    yield from np.split(order[np.argsort(rank, kind="stable")], np.cumsum(np.bincount(rank))[:-1])
