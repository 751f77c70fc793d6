"""Occurrence-rank rounds: rows of a frame split so that no sensor is twice in one round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Rounds:
    """Rows of a frame, round after round: round r has the r-th occurrence of every sensor.

    An assignment to a repeated index would keep only the last, so a sensor that occurs k times needs k
    rounds. Within a round whoever occurs most often in the frame comes first, then it goes by sensor: state
    that lies side by side is visited so, and a round's sensors are the first ones of the round before.

    rows : int64[n]  Rows of the frame.
    sizes : int64[r]  Rows of each round, falling.
    """

    rows: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    def before(self) -> npt.NDArray[np.int64]:
        """int64[n − sizes[0]]  For each place in `rows` from the second round on, that of the same sensor in
        the round before."""
        return np.arange(self.sizes[0], len(self.rows)) - np.repeat(self.sizes[:-1], self.sizes[1:])


def in_rounds(sensor: npt.NDArray[np.int32]) -> Rounds:
    """The rounds of a frame's sensors; at least one row."""
    n = len(sensor)
    # Sensor and row in one number: its plain sort, which is vectorized, is a stable one by sensor.
    key = sensor.astype(np.int64) << 32
    key |= np.arange(n)
    key.sort()
    order = key & 0xFFFFFFFF
    grouped = key >> 32
    starts = np.flatnonzero(np.concatenate([[True], grouped[1:] != grouped[:-1]]))
    if len(starts) == n:
        return Rounds(order, np.array([n]))
    counts = np.diff(starts, append=n)
    by_count = np.argsort(-counts, kind="stable")
    place = np.empty(len(starts), np.int64)
    place[by_count] = np.arange(len(starts))
    rank = np.arange(n) - np.repeat(starts, counts)
    sizes = np.bincount(rank)
    begins = np.cumsum(sizes) - sizes
    rows = np.empty(n, np.int64)
    rows[begins[rank] + np.repeat(place, counts)] = order
    return Rounds(rows, sizes)
