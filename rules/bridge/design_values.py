"""Deflection, displacement, tilt and temperature against their design values (JT/T 1037-2022 table 9)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Role
from rules.bridge.levels import LATCH_2_US, NEVER
from rules.bridge.movement_channels import MovementChannels, MovementRules

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MOST_EVENTS: Final = 32
WITHIN, NEAR, BEYOND, MANY = range(4)
"""What was found: within the design value, at level 2, beyond it, at level 2 too often."""


class DesignValues:
    """When each channel was near or beyond its design value.

    beyond : int64[c, 4]  Time of the newest excess by what was found [µs].
    inside : bool[c]  The newest block was near or beyond it.
    events : int64[c, MOST_EVENTS]  Beginnings of the newest level-2 events, a ring; count : int64[c].
    peak : float64[c]  Value of the newest excess. bound : float64[c]  … and the design value on its side.
    """

    def __init__(self, n: int) -> None:
        self.state: dict[str, npt.NDArray[Any]] = {
            "beyond": np.full((n, 4), NEVER, np.int64),
            "events": np.full((n, MOST_EVENTS), NEVER, np.int64),
            "count": np.zeros(n, np.int64),
            "inside": np.zeros(n, bool),
            "peak": np.full(n, np.nan),
            "bound": np.full(n, np.nan),
        }

    def step(
        self, channels: MovementChannels, rules: MovementRules, c: Int, time: Int, low: Float, high: Float
    ) -> tuple[Int, Int]:
        """Take least and greatest of one block; return (level, found) as int64[k].

        low, high : float64[k]  NaN where nothing was confirmed.
        """
        state, near = self.state, rules.near[c]
        bottom, top = channels.low[c], channels.high[c]
        warm = channels.role[c] == Role.TEMPERATURE
        near = np.where(warm, 1.0, near)
        # A design value on the far side of zero (a range that leaves out 0) has no 0.8 of its own.
        near_top, near_bottom = (
            np.where(top > 0, near * top, top),
            np.where(bottom < 0, near * bottom, bottom),
        )
        with np.errstate(invalid="ignore"):
            over, under = high >= near_top, low <= near_bottom
            beyond = (high >= top) | (low <= bottom)
        excess = over | under
        begins = excess & ~warm & ~state["inside"][c]
        self._count(rules, c[begins], time[begins])
        state["inside"][c] = excess
        for found, where in ((NEAR, excess), (BEYOND, beyond)):
            state["beyond"][c[where], found] = time[where]
        state["peak"][c[excess]] = np.where(over, high, low)[excess]
        state["bound"][c[excess]] = np.where(over, top, bottom)[excess]
        return self._level(channels, rules, c, time)

    def _count(self, rules: MovementRules, c: Int, time: Int) -> None:
        new = time - self.state["beyond"][c, NEAR] > rules.apart_us[c]
        c, time = c[new], time[new]
        self.state["events"][c, self.state["count"][c] % MOST_EVENTS] = time
        self.state["count"][c] += 1

    def events(self, rules: MovementRules, c: Int, time: Int) -> Int:
        """int64[k]  Level-2 events in the month that ends now."""
        n: Int = (time[:, None] - self.state["events"][c] < rules.month_us[c][:, None]).sum(axis=1)
        return n

    def _level(self, channels: MovementChannels, rules: MovementRules, c: Int, time: Int) -> tuple[Int, Int]:
        lately = time[:, None] - self.state["beyond"][c] < LATCH_2_US
        bends = channels.role[c] == Role.DEFLECTION
        many = bends & (self.events(rules, c, time) >= rules.many[c])
        warm = channels.role[c] == Role.TEMPERATURE
        found = np.where(
            lately[:, BEYOND], BEYOND, np.where(many, MANY, np.where(lately[:, NEAR], NEAR, WITHIN))
        )
        level = np.array([0, 2, 3, 3])[found]
        return np.where(warm, np.minimum(level, 1), level), found
