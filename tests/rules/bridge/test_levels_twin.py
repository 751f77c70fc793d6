"""Strain levels and overload against a slow, obvious twin: one gauge, plain Python, one block at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.bridge.cells import QUARTERS, SECONDS, Cells
from rules.bridge.levels import Levels, StrainLimits

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
GAUGES = 3
DESIGN = {"low": (-100.0, -math.inf, -40.0), "high": (120.0, math.inf, 60.0), "live": (math.nan, 50.0, 20.0)}
YELLOW, ORANGE, RED = 2, 3, 4
REFERENCE_DAYS, LIVE_DAYS, MARGIN, MARGIN_UE, SEASON_UE, LEAST_LIVE = 2.0, 1.0, 0.25, 8.0, 10.0, 16.0


def limits() -> StrainLimits:
    def all_(value: float) -> Any:
        return np.full(GAUGES, float(value))

    return StrainLimits(
        low_ue=np.array(DESIGN["low"]),
        high_ue=np.array(DESIGN["high"]),
        design_live_ue=np.array(DESIGN["live"]),
        grade_1=all_(YELLOW),
        grade_2=all_(RED),
        reference_days=all_(REFERENCE_DAYS),
        margin=all_(MARGIN),
        margin_ue=all_(MARGIN_UE),
        season_ue=all_(SEASON_UE),
        overload_1=all_(1.5),
        overload_2=all_(2.0),
        overload_reference_days=all_(LIVE_DAYS),
        overload_least_ue=all_(LEAST_LIVE),
    )


class SlowGauge:
    """What one gauge has shown while it was new, and what it shows since."""

    def __init__(self, gauge: int) -> None:
        self.low, self.high, self.design_live = (DESIGN[name][gauge] for name in ("low", "high", "live"))
        self.born: int | None = None
        self.live_born: int | None = None
        self.lows: list[float] = []
        self.highs: list[float] = []
        self.cool_lows: list[float] = []
        self.cool_highs: list[float] = []
        self.live: list[float] = [0.0]
        self.last_beyond_history = self.last_beyond_design = -math.inf

    def strain(self, time: int, low: float, high: float, warmth: float, seasoned: bool) -> int:
        """Level 1: beyond all that was seen, by a margin, and not for warmth. Level 2: beyond the design.

        Before a whole year is in, the margin is wider and what is in order goes on being learned.
        """
        self.born = time if self.born is None else self.born
        new = time - self.born < REFERENCE_DAYS * DAY_US
        if not new:
            span = max(self.highs) - min(self.lows) if self.highs and self.lows else 0.0
            margin = max(MARGIN * span, MARGIN_UE) + (0 if seasoned else SEASON_UE)
            above = bool(self.highs) and high > max(self.highs) + margin
            below = bool(self.lows) and low < min(self.lows) - margin
            if not math.isnan(warmth):
                above = above and not (self.cool_highs and high - warmth <= max(self.cool_highs) + margin)
                below = below and not (self.cool_lows and low - warmth >= min(self.cool_lows) - margin)
            if above or below:
                self.last_beyond_history = time
        if high > self.high or low < self.low:
            self.last_beyond_design = time
        level = 0
        if time - self.last_beyond_history < 30 * HOUR_US:
            level = YELLOW
        if time - self.last_beyond_design < HOUR_US:
            level = RED
        if new or (level == 0 and not seasoned):
            sides = ((low, self.lows, self.cool_lows), (high, self.highs, self.cool_highs))
            for extreme, seen, cool in sides:
                if not math.isnan(extreme):
                    seen.append(extreme)
                    if not math.isnan(warmth):
                        cool.append(extreme - warmth)
        return level

    def overload(self, time: int, value: float, low: float, high: float, samples: int) -> int:
        """A crossing so many times as heavy as usual, or as the design vehicle's."""
        away = [x for x in (high - value, value - low) if not math.isnan(x)]
        if samples < 16 or not away or math.isinf(max(away)):
            return 0
        crossing = max(away)
        self.live_born = time if self.live_born is None else self.live_born
        new = time - self.live_born < LIVE_DAYS * DAY_US
        level = 0
        known = not math.isnan(self.design_live) or not new
        unit = max(self.live) if math.isnan(self.design_live) else self.design_live
        if known and crossing >= LEAST_LIVE:
            level = ORANGE if crossing >= 2.0 * unit else YELLOW if crossing >= 1.5 * unit else 0
        if new:
            self.live.append(crossing)
        return level


def quarter(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low * 4, high * 4).map(lambda i: i / 4)


NOTHING = st.just(math.nan)
BLOCK = st.tuples(
    st.sampled_from([20_000_000, HOUR_US // 2, 6 * HOUR_US, 31 * HOUR_US]),
    st.dictionaries(
        st.integers(0, GAUGES - 1),
        st.tuples(
            quarter(-60, 60),
            st.one_of(quarter(0, 60), NOTHING),
            st.one_of(quarter(0, 60), NOTHING),
            st.one_of(NOTHING, quarter(-20, 20)),
            st.sampled_from([1, 15, 16, 2000]),
            st.booleans(),
        ),
        min_size=1,
    ),
)


def cells_of(
    time: int, block: dict[int, tuple[float, float, float, float, int, bool]]
) -> tuple[Any, Cells, Any, Any]:
    who = sorted(block)
    k = len(who)
    value, down, up, warmth, n, seasoned = (
        np.array(x, float) for x in zip(*(block[g] for g in who), strict=True)
    )
    nothing, one = np.full(k, np.nan), np.ones(k, np.int64)
    times = np.full(k, time, np.int64)
    channel = np.array(who, np.int32)
    cells = Cells(
        time // 20_000_000,
        channel,
        value,
        value - down,
        value + up,
        value,
        nothing,
        n,
        one,
        one,
        nothing,
        times,
        np.full((k, QUARTERS), np.nan),
        np.full((k, SECONDS), np.nan, np.float32),
    )
    return channel, cells, warmth, seasoned.astype(bool)


@settings(max_examples=150, deadline=None)
@given(st.lists(BLOCK, min_size=1, max_size=25))
def test_levels_and_overload_are_those_of_the_slow_twin(blocks: list[Any]) -> None:
    """Through the reference period and after it, with and without temperature, with samples missing."""
    fast, twins, time = Levels(GAUGES, limits()), [SlowGauge(g) for g in range(GAUGES)], 1_000 * DAY_US
    for wait, block in blocks:
        time += wait
        channel, cells, warmth, seasoned = cells_of(time, block)
        strain, heavy = fast.strain(channel, cells, warmth, seasoned), fast.overload(channel, cells)
        for i, gauge in enumerate(channel.tolist()):
            value, low, high = (float(x[i]) for x in (cells.value, cells.low, cells.high))
            slow = twins[gauge].strain(time, low, high, float(warmth[i]), bool(seasoned[i]))
            assert strain.level[i] == slow
            assert heavy.level[i] == twins[gauge].overload(time, value, low, high, int(cells.n[i]))
