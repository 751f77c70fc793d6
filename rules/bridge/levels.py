"""Levels of strain (JT/T 1037-2022 table 9) and overload from live-load peaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import LEAST_SAMPLES, Cells

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

DAY_US: Final = 86_400_000_000
LATCH_1_US: Final = 30 * 3_600_000_000
"""A level 1 stays this long after the last excess: the next warm afternoon is no new event."""
LATCH_2_US: Final = 3_600_000_000
NEVER: Final = -(1 << 60)


@dataclass(frozen=True, slots=True)
class StrainLimits:
    """By channel: see `config.bridge_rules.LevelLimits` and `OverloadLimits`; grades as `Severity`.

    low_ue, high_ue : float64[c]  Design worst case [µε], infinite where unknown.
    design_live_ue : float64[c]  Design vehicle's strain [µε]; NaN = the reference period's greatest peak.
    """

    low_ue: Float
    high_ue: Float
    grade_1: Float
    grade_2: Float
    reference_days: Float
    margin: Float
    margin_ue: Float
    season_ue: Float
    design_live_ue: Float
    overload_1: Float
    overload_2: Float
    overload_reference_days: Float
    overload_least_ue: Float


@dataclass(frozen=True, slots=True)
class Grades:
    """Judgement of one block: level int8[k], value and limit float64[k] [µε], reason uint8[k] (1 or 2)."""

    level: npt.NDArray[np.int8]
    value: Float
    limit: Float
    reason: npt.NDArray[np.uint8]


class Levels:
    """What each gauge has shown in its reference period, and what is beyond it.

    least, most : float64[c]  Strain in the reference period [µε]; `least_left`, `most_left` less temperature.
    live : float64[c]  Greatest live-load peak of the reference period [µε].
    """

    _STATE: Final = (
        "beyond_1",
        "beyond_2",
        "began",
        "least",
        "most",
        "least_left",
        "most_left",
        "left_began",
        "live",
        "live_began",
    )

    def __init__(self, n: int, limits: StrainLimits) -> None:
        self.limits = limits
        self.began, self.left_began = np.full(n, NEVER, np.int64), np.full(n, NEVER, np.int64)
        self.live_began = np.full(n, NEVER, np.int64)
        self.least, self.most = np.full(n, np.inf), np.full(n, -np.inf)
        self.least_left, self.most_left = np.full(n, np.inf), np.full(n, -np.inf)
        self.live = np.zeros(n)
        self.beyond_1, self.beyond_2 = np.full(n, NEVER, np.int64), np.full(n, NEVER, np.int64)

    def strain(self, c: Int, cells: Cells, explained: Float, seasoned: Bool | None = None) -> Grades:
        """Grade extremes of gauges' cells.

        explained : float64[k]  Temperature's part [µε], NaN = none.
        seasoned : bool[k]  A whole year is in; before, the margin is wider and extremes go on being learned.
        """
        limits = self.limits
        level, reason = np.zeros(len(c), np.int8), np.ones(len(c), np.uint8)
        value, limit = cells.value.copy(), np.full(len(c), np.nan)
        young = self._young(c, cells.time, self.began, limits.reference_days)
        unseasoned = np.zeros(len(c), bool) if seasoned is None else ~seasoned
        model = np.isfinite(explained)
        part = np.nan_to_num(explained)
        margin = np.maximum(limits.margin[c] * (self.most[c] - self.least[c]), limits.margin_ue[c])
        margin = margin + np.where(unseasoned, limits.season_ue[c], 0.0)
        sides = (
            (1.0, cells.high, self.most[c], self.most_left[c]),
            (-1.0, -cells.low, -self.least[c], -self.least_left[c]),
        )
        for sign, peak, best, best_left in sides:
            with np.errstate(invalid="ignore"):
                # What has shown nothing in its reference period has no history to go beyond.
                over = ~young & np.isfinite(best) & (peak > best + margin)
                over &= ~model | (peak - sign * part > best_left + margin)
            level[over] = limits.grade_1[c[over]]
            self.beyond_1[c[over]] = cells.time[over]
            value[over], limit[over] = (sign * peak)[over], (sign * (best + margin))[over]
        for peak, bound, over in (
            (cells.high, limits.high_ue[c], cells.high > limits.high_ue[c]),
            (cells.low, limits.low_ue[c], cells.low < limits.low_ue[c]),
        ):
            level[over] = np.maximum(level[over], limits.grade_2[c[over]].astype(np.int8))
            self.beyond_2[c[over]] = cells.time[over]
            value[over], limit[over], reason[over] = peak[over], bound[over], 2
        lately_1 = cells.time - self.beyond_1[c] < LATCH_1_US
        lately_2 = cells.time - self.beyond_2[c] < LATCH_2_US
        level = np.where(lately_1, np.maximum(level, limits.grade_1[c]), level).astype(np.int8)
        level = np.where(lately_2, np.maximum(level, limits.grade_2[c]), level).astype(np.int8)
        reason[lately_2] = 2
        young |= unseasoned & (level == 0)
        self.least[c] = np.where(young, np.fmin(self.least[c], cells.low), self.least[c])
        self.most[c] = np.where(young, np.fmax(self.most[c], cells.high), self.most[c])
        learns = young & model
        self.least_left[c] = np.where(
            learns, np.fmin(self.least_left[c], cells.low - part), self.least_left[c]
        )
        self.most_left[c] = np.where(learns, np.fmax(self.most_left[c], cells.high - part), self.most_left[c])
        return Grades(level, value, limit, reason)

    def overload(self, c: Int, cells: Cells) -> Grades:
        """Grade live-load peaks above the block's median; cells of slow loggers show none."""
        limits = self.limits
        live = np.fmax(cells.high - cells.value, cells.value - cells.low)
        live = np.where(cells.n >= LEAST_SAMPLES, live, np.nan)
        known = np.isfinite(live)
        if not known.any():
            nothing = np.zeros(len(c), np.int8)
            return Grades(nothing, live, live, np.ones(len(c), np.uint8))
        young = np.zeros(len(c), bool)
        young[known] = self._young(
            c[known], cells.time[known], self.live_began, limits.overload_reference_days
        )
        design = limits.design_live_ue[c]
        unit = np.where(np.isfinite(design), design, np.where(young, np.nan, self.live[c]))
        with np.errstate(invalid="ignore"):
            heavy = known & (live >= limits.overload_least_ue[c])
            first = heavy & (live >= limits.overload_1[c] * unit)
            second = heavy & (live >= limits.overload_2[c] * unit)
        level = np.where(second, 3, np.where(first, 2, 0)).astype(np.int8)
        bound = np.where(second, limits.overload_2[c], limits.overload_1[c]) * unit
        self.live[c] = np.where(young, np.fmax(self.live[c], live), self.live[c])
        return Grades(level, live, bound, np.where(np.isfinite(design), 1, 2).astype(np.uint8))

    def _young(self, c: Int, time: Int, began: Int, days: Float) -> Bool:
        began[c] = np.where(began[c] == NEVER, time, began[c])
        young: Bool = time - began[c] < days[c] * DAY_US
        return young

    def forget(self, c: Int) -> None:
        """Learn the reference anew."""
        for began in (self.began, self.left_began, self.live_began):
            began[c] = NEVER
        self.least[c], self.most[c], self.live[c] = np.inf, -np.inf, 0.0
        self.least_left[c], self.most_left[c] = np.inf, -np.inf

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
