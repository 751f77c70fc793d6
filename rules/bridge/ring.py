"""The latest 48 minutes of gauges in blocks of 20 s, as they were measured or lifted since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import WINDOWS
from rules.bridge.cells import QUARTERS
from rules.bridge.staircase import running_median
from rules.bridge.steps import Step

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RING: Final = WINDOWS[-1]
PASSING: Final = 5
"""Blocks of a running median: it leaves out vehicles that stand in one or two of them."""


class Ring:
    """State over all channels; block b lies in column b % RING, what is not known is NaN.

    strain : float32[c, RING]  [µε]. temperature : float32[c, RING]  [°C].
    quarters : float32[c, RING, QUARTERS]  Strain by quarters of a block [µε].
    last : int64[c]  Newest block; -1 = none.
    """

    _STATE: Final = ("strain", "quarters", "temperature", "last")

    def __init__(self, n: int) -> None:
        self.strain = np.full((n, RING), np.nan, np.float32)
        self.temperature = np.full((n, RING), np.nan, np.float32)
        self.quarters = np.full((n, RING, QUARTERS), np.nan, np.float32)
        self.last = np.full(n, -1, np.int64)

    def store(self, block: int, c: Int, strain: Float, temperature: Float, quarters: Float | None) -> None:
        """Take the cells of one block; quarters float64[k, QUARTERS], None = not measured."""
        ahead = block - self.last[c]
        for i in np.flatnonzero(ahead > 1).tolist():
            row, since = c[i], max(int(self.last[c[i]]) + 1, block - RING + 1)
            gap = np.arange(since, block + 1) % RING
            self.strain[row, gap], self.temperature[row, gap] = np.nan, np.nan
            self.quarters[row, gap] = np.nan
        self.strain[c, block % RING] = strain
        self.temperature[c, block % RING] = temperature
        self.quarters[c, block % RING] = np.nan if quarters is None else quarters
        self.last[c] = block

    def latest(self, block: int, channel: int) -> Float:
        """float64[RING]  Strain without gaps and passing vehicles [µε]; NaN before the first known."""
        y = self.strain[channel, columns(block)].astype(np.float64)
        known = np.flatnonzero(np.isfinite(y))
        out = np.interp(np.arange(RING), known, running_median(y[known], PASSING))
        out[: known[0]] = np.nan
        return out

    def course(self, block: int, channel: int, expected: Float) -> Float:
        """float64[QUARTERS · m]  Distance of the newest blocks' quarters from what was expected [µε]."""
        m = len(expected)
        quarters = self.quarters[channel, columns(block)[-m:]].astype(np.float64)
        place = (np.arange(QUARTERS * m) - (QUARTERS - 1) / 2) / QUARTERS
        course: Float = quarters.ravel() - np.interp(place, np.arange(m), expected)
        return course

    def step_up(self, block: int, channel: int, step: Step) -> None:
        """Lift what was before a step by its height; leave the step itself out."""
        self.shift(block, channel, step.place, step.height)
        self.leave_out(block, channel, step.place, step.place + step.rise)

    def shift(self, block: int, channel: int, until: int, height: float) -> None:
        """Lift what lies before a place [µε]."""
        before = columns(block)[: max(until, 0)]
        for kept in (self.strain, self.quarters):
            kept[channel, before] += np.float32(height)

    def leave_out(self, block: int, channel: int, first: int, last: int) -> None:
        """What was measured from one place to another belongs to no state."""
        between = columns(block)[max(first, 0) : max(last, 0)]
        for kept in (self.strain, self.quarters):
            kept[channel, between] = np.nan

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.strain[c], self.temperature[c], self.quarters[c] = np.nan, np.nan, np.nan

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]


def columns(block: int) -> Int:
    """int64[RING]  Columns of the ring in the order of time, the newest last."""
    return np.arange(block - RING + 1, block + 1) % RING


def bridged(values: Float) -> Float:
    """float64[k, m]  Rows with straight lines over what is not finite; a row without anything is 0."""
    known = np.isfinite(values)
    out = np.where(known, values, 0.0)
    place = np.arange(values.shape[1])
    for i in np.flatnonzero(~known.all(axis=1) & known.any(axis=1)).tolist():
        out[i] = np.interp(place, place[known[i]], values[i, known[i]])
    return out
