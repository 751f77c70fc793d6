"""Rows that teach a model: whitened, summed for least squares, newer ones only after some weeks.

Drift must not teach the model that is to find it, so what is learned while a model already judges waits in
a queue of weeks, and is thrown away with all that waits when anything speaks for a movement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

BUCKETS: Final = 4
"""Weeks that wait."""
NONE: Final = -(1 << 60)


class Teaching:
    """Normal equations of all channels, of rows of one kind (hours, or means of days).

    information : float64[c, t, t], moment : float64[c, t], square : float64[c]  Sums over whitened rows.
    count : float64[c]  Rows in them.
    at : int64[c]  Number of the newest row (its hour, its day), NONE = the next has no row before it.
    """

    _STATE: Final = (
        "information",
        "moment",
        "square",
        "count",
        "at",
        "row",
        "value",
        "wait_information",
        "wait_moment",
        "wait_square",
        "wait_count",
    )

    def __init__(self, n: int, terms: int, memory: float, longest: int, name: str) -> None:
        """memory : AR(1) of what no row explains, from one number to the next. longest : gap that ends it.

        name : Prefix of its state in snapshots.
        """
        self.memory, self.longest, self.name = memory, longest, name
        self.information, self.moment = np.zeros((n, terms, terms)), np.zeros((n, terms))
        self.square, self.count = np.zeros(n), np.zeros(n)
        self.at = np.full(n, NONE, np.int64)
        self.row, self.value = np.zeros((n, terms)), np.zeros(n)
        self.wait_information = np.zeros((n, BUCKETS, terms, terms), np.float32)
        self.wait_moment = np.zeros((n, BUCKETS, terms), np.float32)
        self.wait_square = np.zeros((n, BUCKETS), np.float32)
        self.wait_count = np.zeros((n, BUCKETS), np.float32)

    def learn(self, c: Int, at: Int, row: Float, value: Float, waits: npt.NDArray[np.bool_]) -> None:
        """Take a row a channel; those that wait go into the newest week of the queue."""
        gap = at - self.at[c]
        rho = np.where((gap > 0) & (gap < self.longest), self.memory ** np.clip(gap, 0, self.longest), 0.0)
        scale = 1.0 / np.sqrt(1.0 - rho**2) * np.sqrt(1.0 - self.memory**2)
        x = (row - rho[:, None] * self.row[c]) * scale[:, None]
        y = (value - rho * self.value[c]) * scale
        self.at[c], self.row[c], self.value[c] = at, row, value
        started = rho > 0
        c, x, y, waits = c[started], x[started], y[started], waits[started]
        square = x[:, :, None] * x[:, None, :]
        now, later = ~waits, waits
        self.information[c[now]] += square[now]
        self.moment[c[now]] += x[now] * y[now, None]
        self.square[c[now]] += y[now] ** 2
        self.count[c[now]] += 1
        self.wait_information[c[later], 0] += square[later]
        self.wait_moment[c[later], 0] += x[later] * y[later, None]
        self.wait_square[c[later], 0] += y[later] ** 2
        self.wait_count[c[later], 0] += 1

    def week_over(self, good: Int, bad: Int) -> None:
        """The oldest waiting week of the good teaches; of the bad all that waits is thrown away."""
        self.information[good] += self.wait_information[good, -1]
        self.moment[good] += self.wait_moment[good, -1]
        self.square[good] += self.wait_square[good, -1]
        self.count[good] += self.wait_count[good, -1]
        for queue in (self.wait_information, self.wait_moment, self.wait_square, self.wait_count):
            queue[good] = np.roll(queue[good], 1, axis=1)
            queue[good, 0] = 0.0
            queue[bad] = 0.0

    def waits(self, c: Int) -> npt.NDArray[np.bool_]:
        """bool[k]  Rows wait."""
        found: npt.NDArray[np.bool_] = np.asarray((self.wait_count[c] > 0).any(axis=1))
        return found

    def inverse(self, c: Int, weights: Float) -> Float:
        """float64[k, t, t]  Of the information with a prior of `weights`, float64[k, t], on its diagonal."""
        matrix = self.information[c].copy()
        place = np.arange(matrix.shape[1])
        matrix[:, place, place] += weights
        return np.linalg.inv(matrix).astype(np.float64)

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        for name in self._STATE:
            getattr(self, name)[c] = 0
        self.at[c] = NONE

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {f"{self.name}_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            kept = state[f"{self.name}_{name}"]
            getattr(self, name)[: len(kept)] = kept
