"""The fault gate: what a dying gauge or thermometer says is kept away from every other test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import BLOCK_US, LEAST_SAMPLES, Cells
from rules.bridge.coverage import Coverage

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


class GaugeFault(IntEnum):
    """What is wrong with a channel; the order is that of the reasons, append only."""

    NONE = 0
    GAP = 1
    STUCK = 2
    SPIKES = 3
    RANGE = 4
    RATE = 5
    SATURATED = 6
    NOISE = 7
    LOST_TEMPERATURE = 8
    CLOCK = 9


COARSE_UE: Final = 0.5
"""A step of the converter from which on equal neighbours are usual: then it takes thrice as long."""
LIVELY: Final = 1.5
DAY_READINGS: Final = 8
DAY_STILL_S: Final = 72_000.0
RAIL_UE: Final = 500.0
RAIL_RUN: Final = 5
NOISE_HOURS: Final = 24
"""Hours of noise that are learned before it is compared."""
NOISE_RUN: Final = 2
NOISE_BLOCKS: Final = 6
"""Blocks of which the quietest is taken: one alone may be a vehicle's, and a logger of hours needs a day."""
SLOW_GAP_US: Final = 26 * 3_600_000_000
"""Up to a daily logger, a gauge's readings are compared with the one before …"""
SLOW_STEPS: Final = 16
"""… once so many steps of its own show what is usual."""
SPIKE_READINGS: Final = 24
"""Readings in which spikes are counted, where a day has fewer."""
FLAT_THERMOMETER_S: Final = 25_200.0
FLAT_READINGS: Final = 3
"""A thermometer that did not move at all in seven hours is not believed before it is called stuck: what it
compensates would seem to move, all gauges together."""
HOUR_BLOCKS: Final = 3_600_000_000 // BLOCK_US
STUCK_THERMOMETER_S: Final = 43_200.0
NEVER: Final = -(1 << 60)


@dataclass(frozen=True, slots=True)
class GateLimits:
    """By channel, float64[c]: see `config.bridge_rules.FaultLimits`."""

    range_ue: Float
    rate_ue: Float
    spike_ue: Float
    spikes_a_day: Float
    stuck_s: Float
    stuck_readings: Float
    noise_ratio: Float
    gap_share: Float
    temperature_low_c: Float
    temperature_high_c: Float
    temperature_rate_c: Float
    heal_s: Float


class FaultGate:
    """State of the gate over all channels.

    fault : uint8[c]  `GaugeFault` now. value, limit : float64[c]  What was measured of it, and its limit.
    flat_long : bool[c]  A thermometer that has not moved for hours, long before it is called stuck.
    """

    _STATE: Final = (
        "fault",
        "value",
        "limit",
        "bad_at",
        "previous",
        "previous_time",
        "held",
        "run",
        "run_since",
        "flat",
        "quantum",
        "change",
        "spikes",
        "spike_day",
        "rail",
        "rail_run",
        "hour",
        "hour_noise",
        "noise_sum",
        "noise_hours",
        "noise_run",
        "noise_blocks",
        "out_run",
        "usual_gap",
        "steps",
        "spike_readings",
        "flat_long",
    )

    def __init__(self, n: int, limits: GateLimits, thermometer: Bool) -> None:
        self.limits, self.thermometer = limits, thermometer
        self.fault = np.zeros(n, np.uint8)
        self.value, self.limit = np.full(n, np.nan), np.full(n, np.nan)
        self.bad_at = np.full(n, NEVER, np.int64)
        self.previous, self.held = np.full(n, np.nan), np.full(n, np.nan)
        self.previous_time = np.full(n, NEVER, np.int64)
        self.run, self.run_since = np.zeros(n, np.int64), np.full(n, NEVER, np.int64)
        self.flat = np.full(n, np.nan)
        self.quantum, self.change = np.full(n, np.inf), np.full(n, np.nan)
        self.spikes, self.spike_day = np.zeros(n, np.int64), np.full(n, NEVER, np.int64)
        self.covered = Coverage(n)
        self.rail, self.rail_run = np.zeros(n), np.zeros(n, np.int64)
        self.hour, self.hour_noise = np.full(n, NEVER, np.int64), np.full(n, np.nan)
        self.noise_sum, self.noise_hours = np.zeros(n), np.zeros(n, np.int64)
        self.noise_run, self.out_run = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.noise_blocks, self.spike_readings = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.usual_gap, self.steps = np.zeros(n), np.zeros(n, np.int64)
        self.flat_long = np.zeros(n, bool)

    def step(self, cells: Cells) -> tuple[Bool, Bool]:
        """Judge the channels of one block: (bool[k] cell may be used for baselines, bool[k] for peaks)."""
        c = cells.channel.astype(np.int64)
        measured = np.isfinite(cells.value)
        time = cells.time
        found = np.zeros(len(c), np.uint8)
        low, high = self._range(c)
        with np.errstate(invalid="ignore"):
            outside = measured & ((cells.value < low) | (cells.value > high))
        self.out_run[c] = np.where(outside, self.out_run[c] + 1, 0)
        self._mark(c, found, outside & (self.out_run[c] >= 2), GaugeFault.RANGE, cells.value, high)
        plausible = measured & ~outside
        usable, peaks = self._jumps(c, cells, plausible, found)
        flat = self.flat_long[c] = self._stuck(c, cells, plausible, found)
        self._coverage(c, cells, found)
        self._rail(c, cells, plausible, found)
        self._noise(c, cells, plausible, found)
        bad = found > 0
        self.fault[c[bad]] = found[bad]
        self.bad_at[c[bad | outside]] = time[bad | outside]
        quiet = ~bad & (self.fault[c] > 0) & (time - self.bad_at[c] > self.limits.heal_s[c] * 1e6)
        # Noise is looked at when its blocks are over: until then it is what it was.
        quiet &= (self.fault[c] != GaugeFault.NOISE) | (self.noise_run[c] < NOISE_RUN)
        healing = c[quiet & (self.fault[c] != GaugeFault.LOST_TEMPERATURE)]
        self.fault[healing] = 0
        sound = self.fault[c] == 0
        return usable & sound & ~flat, peaks & sound

    def tell(self, c: Int, time: Int, fault: GaugeFault, value: Float, limit: float) -> None:
        """Take a fault that was found elsewhere; it heals like the others."""
        new = (self.fault[c] == 0) | (self.fault[c] == fault)
        c, time = c[new], time[new]
        self.fault[c], self.value[c], self.limit[c] = fault, value[new], limit
        self.bad_at[c] = time

    def _range(self, c: Int) -> tuple[Float, Float]:
        limits, warm = self.limits, self.thermometer[c]
        return (
            np.where(warm, limits.temperature_low_c[c], -limits.range_ue[c]),
            np.where(warm, limits.temperature_high_c[c], limits.range_ue[c]),
        )

    def _mark(
        self, c: Int, found: npt.NDArray[np.uint8], which: Bool, fault: GaugeFault, value: Float, limit: Float
    ) -> None:
        which = which & (found == 0)
        found[which] = fault
        self.value[c[which]], self.limit[c[which]] = value[which], limit[which]

    def _jumps(
        self, c: Int, cells: Cells, plausible: Bool, found: npt.NDArray[np.uint8]
    ) -> tuple[Bool, Bool]:
        """A lone reading far off waits for the next one to confirm it; a leap that stays is a fault."""
        value, before = cells.value, self.previous[c]
        limits = self.limits
        leap = np.where(self.thermometer[c], limits.temperature_rate_c[c], limits.rate_ue[c])
        floor = np.where(self.thermometer[c], limits.temperature_rate_c[c] / 3, limits.spike_ue[c])
        usual = np.maximum(floor, 8 * np.nan_to_num(self.change[c]))
        with np.errstate(invalid="ignore"):
            away = plausible & (np.abs(value - before) > usual)
            confirmed = away & (np.abs(value - self.held[c]) <= np.maximum(usual / 2, floor / 2))
            leapt = plausible & (np.abs(value - before) > leap)
        gap = cells.time - self.previous_time[c]
        near = (gap < 7_200_000_000) | self._paced(c, gap)
        waits = away & ~confirmed & near
        returned = plausible & ~away & np.isfinite(self.held[c])
        spiked = returned & (np.abs(self.held[c] - before) > leap)
        day = cells.time // 86_400_000_000
        self.spike_readings[c] += 1
        fresh = (self.spike_day[c] != day) & (
            (self.spike_readings[c] > SPIKE_READINGS) | (day - self.spike_day[c] > SPIKE_READINGS)
        )
        self.spikes[c[fresh]], self.spike_readings[c[fresh]] = 0, 0
        self.spike_day[c] = np.where(fresh, day, np.maximum(self.spike_day[c], day - SPIKE_READINGS))
        self.spikes[c] += spiked + cells.spikes
        many = self.spikes[c] > limits.spikes_a_day[c]
        new = many & ((spiked > 0) | (cells.spikes > 0))
        self._mark(
            c, found, new, GaugeFault.SPIKES, self.spikes[c].astype(np.float64), limits.spikes_a_day[c]
        )
        self._mark(c, found, confirmed & leapt & near, GaugeFault.RATE, value - before, leap)
        self.held[c] = np.where(waits, value, np.where(plausible, np.nan, self.held[c]))
        used = plausible & ~waits
        steps = np.abs(value - before)
        known = used & np.isfinite(steps) & ~confirmed & (gap < SLOW_GAP_US)
        old = self.change[c]
        self.change[c] = np.where(
            known, np.where(np.isfinite(old), old + 0.02 * (steps - old), np.maximum(steps, 1.0)), old
        )
        with np.errstate(invalid="ignore"):
            smaller = known & (steps > 1e-6) & (steps < self.quantum[c])
        self.quantum[c[smaller]] = steps[smaller]
        self.previous[c] = np.where(used, value, before)
        self.previous_time[c] = np.where(used, cells.time, self.previous_time[c])
        return used, used | (waits & ~leapt)

    def _paced(self, c: Int, gap: Int) -> Bool:
        """Where a slow gauge speaks in its usual interval, and its usual step is known."""
        usual, slow = self.usual_gap[c], (gap < SLOW_GAP_US) & ~self.thermometer[c]
        paced: Bool = slow & (gap <= 2.5 * usual) & (self.steps[c] >= SLOW_STEPS)
        self.usual_gap[c] = np.where(slow, usual + (gap - usual) / np.minimum(self.steps[c] + 1, 50), usual)
        self.steps[c] += slow
        return paced

    def _stuck(self, c: Int, cells: Cells, plausible: Bool, found: npt.NDArray[np.uint8]) -> Bool:
        """bool[k]  Thermometers that have not moved for hours, long before they are called stuck."""
        flat = plausible & (cells.low == cells.high)
        same = flat & (cells.value == self.flat[c])
        self.run[c] = np.where(same, self.run[c] + cells.rows, np.where(flat, cells.rows, 0))
        self.run_since[c] = np.where(same, self.run_since[c], cells.time)
        self.flat[c] = np.where(flat, cells.value, np.nan)
        limits = self.limits
        often = np.where(self.quantum[c] >= COARSE_UE, 3.0, 1.0)
        for_s = np.where(self.thermometer[c], STUCK_THERMOMETER_S, limits.stuck_s[c] * often)
        lasted = (cells.time - self.run_since[c]) / 1e6
        need = limits.stuck_readings[c] * often
        stuck = same & (self.run[c] >= need) & (lasted >= for_s)
        # A slow gauge whose steps are several of its scale's does not stand through a day's temperatures.
        lively = (self.change[c] >= LIVELY * self.quantum[c]) & ~self.thermometer[c]
        whole_day = same & lively & (self.run[c] >= DAY_READINGS) & (lasted >= DAY_STILL_S)
        limit = np.where(stuck, np.maximum(for_s, lasted * need / np.maximum(self.run[c], 1)), DAY_STILL_S)
        self._mark(c, found, stuck | whole_day, GaugeFault.STUCK, lasted / 60, limit / 60)
        long = (self.run[c] >= FLAT_READINGS) & (lasted >= FLAT_THERMOMETER_S)
        return np.asarray(same & long & self.thermometer[c])

    def _coverage(self, c: Int, cells: Cells, found: npt.NDArray[np.uint8]) -> None:
        few = self.covered.step(c, cells.block, cells.n, self.limits.gap_share[c])
        share, least = self.covered.share[c], self.limits.gap_share[c]
        self._mark(c, found, few, GaugeFault.GAP, share * 100, least * 100)

    def _rail(self, c: Int, cells: Cells, plausible: Bool, found: npt.NDArray[np.uint8]) -> None:
        top = np.fmax(np.abs(cells.low), np.abs(cells.high))
        with np.errstate(invalid="ignore"):
            at_rail = plausible & (top == self.rail[c]) & (top >= RAIL_UE) & (cells.high - cells.low > 2.0)
        self.rail_run[c] = np.where(at_rail, self.rail_run[c] + 1, 0)
        self.rail[c] = np.fmax(self.rail[c], np.where(plausible, top, 0.0))
        clipped = at_rail & (self.rail_run[c] >= RAIL_RUN) & ~self.thermometer[c]
        self._mark(c, found, clipped, GaugeFault.SATURATED, top, np.full(len(c), RAIL_UE))

    def _noise(self, c: Int, cells: Cells, plausible: Bool, found: npt.NDArray[np.uint8]) -> None:
        """The quietest block of each hour (or of six blocks) against that of the hours that were learned."""
        fast = plausible & np.isfinite(cells.std) & (cells.n >= LEAST_SAMPLES) & ~self.thermometer[c]
        if not fast.any():
            return
        c, std, hour = c[fast], np.maximum(cells.std[fast], 0.02), cells.block // HOUR_BLOCKS
        over = (self.hour[c] != hour) & (self.noise_blocks[c] >= NOISE_BLOCKS)
        ended, quiet = c[over], self.hour_noise[c[over]]
        learns = self.noise_hours[ended] < NOISE_HOURS
        usual = np.exp(self.noise_sum[ended] / np.maximum(self.noise_hours[ended], 1))
        ratio = quiet / usual
        far = ~learns & (
            (ratio > self.limits.noise_ratio[ended]) | (ratio < 1 / (2 * self.limits.noise_ratio[ended]))
        )
        self.noise_run[ended] = np.where(far, self.noise_run[ended] + 1, 0)
        self.noise_sum[ended[learns]] += np.log(quiet[learns])
        self.noise_hours[ended[learns]] += 1
        self.hour_noise[ended], self.noise_blocks[ended] = np.nan, 0
        self.hour[c] = hour
        self.noise_blocks[c] += 1
        self.hour_noise[c] = np.fmin(self.hour_noise[c], std)
        rows = np.flatnonzero(fast)[over]
        loud = self.noise_run[ended] >= NOISE_RUN
        which = np.zeros(len(found), bool)
        which[rows[loud]] = True
        value, limit = np.full(len(found), np.nan), np.full(len(found), np.nan)
        value[rows], limit[rows] = quiet, usual * self.limits.noise_ratio[ended]
        self._mark(cells.channel.astype(np.int64), found, which, GaugeFault.NOISE, value, limit)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE} | self.covered.snapshot()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
        self.covered.restore(state)
