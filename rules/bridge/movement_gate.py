"""The fault gate of what is no strain: deflection, displacement, tilt, acceleration.

A gauge's leap is a fault; a bearing's is not, for one that falls leaps: levels are judged of it. Only what no
structure can do keeps a level from being told: values out of any range, and those of a channel that has died,
or in which spikes are so many that two of three may be spikes. All else is told beside the levels.
Thermometers are looked after by the gauges' gate (`rules.bridge.gate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Role
from rules.bridge.coverage import Coverage
from rules.bridge.movement_channels import MovementRules
from rules.bridge.threes import median_of_three, threes
from rules.bridge.works import NEVER

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Found = npt.NDArray[np.uint8]


DAY_US: Final = 86_400_000_000
KNOWN_US: Final = 3 * DAY_US
KNOWN_CHANGES: Final = 50
"""A channel that has not shown so many changes in three days may be of a coarse scale: it is never stuck."""
LONGER: Final = 4.0
"""Stuck is what stands so many times longer than ever before."""
DAY_READINGS: Final = 24
"""Readings in which spikes are counted, and of which restlessness is taken, where a day has fewer."""
DENSE: Final = 10
"""One reading of so many a spike: two of three may be spikes."""
LEARNED_DAYS: Final = 7
RESTLESS_DAYS: Final = 2
LEAST_RESTLESS: Final = 1e-6
RAIL_RUN: Final = 5
RAIL_SAMPLES: Final = 3


class MovementFault(IntEnum):
    """What is wrong with a channel; the order is that of the reasons, append only."""

    NONE = 0
    GAP = 1
    STUCK = 2
    SPIKES = 3
    RANGE = 4
    SATURATED = 5
    NOISE = 6
    CLOCK = 7


@dataclass(frozen=True, slots=True)
class BlockRows:
    """Readings of one block, one channel after the other, each in the order of time.

    x : float64[n]  What the channel measures, in the unit of its role; a tilt's angle whatever its axis.
    axes : float64[n, 2]  Both axes of a tilt [°], else x and 0.
    starts, ends : int64[k]  First and last row of each channel. newest : int64[k]  Time of the last [µs].
    """

    x: Float
    axes: Float
    starts: Int
    ends: Int
    newest: Int

    def of(self, which: Int) -> BlockRows:
        """The rows of some of the channels."""
        if len(which) == len(self.starts):
            return self
        lengths = (self.ends - self.starts + 1)[which]
        ends = np.cumsum(lengths) - 1
        rows = np.repeat(self.starts[which] - ends - 1 + lengths, lengths) + np.arange(lengths.sum())

        return BlockRows(self.x[rows], self.axes[rows], ends - lengths + 1, ends, self.newest[which])


class MovementGate:
    """State over all channels.

    fault : uint8[c]  `MovementFault` now. value, limit : float64[c]  What was measured of it, and its limit.
    first, seen : int64[c]  Event time of the first and of the newest block [µs].
    before : float64[c, 2]  The last two readings. held : float64[c, 2]  The value (of both axes) that stands.
    run, since, longest : How many readings it stands, since when [µs], and how long at most before [µs].
    day, readings : A day that goes on until it has 24 readings, and how many it has.
    spikes : How many of them are. moved : float64[c, 2]  Sum of its steps, and their number.
    usual : float64[c, 2]  Sum of the logarithms of days' mean steps, and their number.
    restless : int64[c]  Days in a row that lay beyond the usual.
    rail, rail_run : The greatest value that a block reached thrice, and blocks in a row that did.
    """

    def __init__(self, n: int) -> None:
        self.covered = Coverage(n)
        self.state: dict[str, npt.NDArray[Any]] = {
            "fault": np.zeros(n, np.uint8),
            "value": np.full(n, np.nan),
            "limit": np.full(n, np.nan),
            "bad_at": np.full(n, NEVER, np.int64),
            "before": np.full((n, 2), np.nan),
            "held": np.full((n, 2), np.nan),
            "run": np.zeros(n, np.int64),
            "since": np.full(n, NEVER, np.int64),
            "longest": np.zeros(n, np.int64),
            "seen": np.full(n, NEVER, np.int64),
            "changes": np.zeros(n, np.int64),
            "first": np.full(n, NEVER, np.int64),
            "spikes": np.zeros(n, np.int64),
            "readings": np.zeros(n, np.int64),
            "day": np.full(n, NEVER, np.int64),
            "moved": np.zeros((n, 2)),
            "usual": np.zeros((n, 2)),
            "restless": np.zeros(n, np.int64),
            "rail": np.zeros(n),
            "rail_run": np.zeros(n, np.int64),
            **self.covered.snapshot(),
        }

    def step(
        self, rules: MovementRules, role: npt.NDArray[np.int8], block: int, c: Int, rows: BlockRows
    ) -> Bool:
        """Judge one block of channels; bool[k]  Whose levels may be judged.

        role : int8[k].
        """
        state = self.state
        found = np.zeros(len(c), np.uint8)
        three, state["before"][c] = threes(rows.x, rows.starts, rows.ends, state["before"][c])
        of = np.repeat(np.arange(len(c)), rows.ends - rows.starts + 1)
        self._range(rules, c, of, three, found)
        self._stuck(rules, c, rows, found)
        over = self._day_over(c, rows)
        self._spikes(rules, role, c, of, three, rows, found, over)
        n = (rows.ends - rows.starts + 1).astype(np.float64)
        few = self.covered.step(c, block, n, rules.gap_share[c])
        self._mark(c, found, few, MovementFault.GAP, self.covered.share[c] * 100, rules.gap_share[c] * 100)
        self._rail(rules, c, of, rows, found)
        self._restless(rules, role, c, of, three, rows, found, over)
        self._settle(rules, c, rows.newest, found)
        dense = (state["fault"][c] == MovementFault.SPIKES) & (
            state["spikes"][c] * DENSE > state["readings"][c]
        )

        return np.asarray(~(np.isin(state["fault"][c], _WITHHOLDING) | dense))

    def tell(self, c: Int, time: Int, fault: MovementFault, value: Float, limit: float) -> None:
        """Take a fault that was found elsewhere; it heals like the others."""
        new = (self.state["fault"][c] == 0) | (self.state["fault"][c] == fault)
        c, time = c[new], time[new]
        self.state["fault"][c], self.state["limit"][c] = fault, limit
        self.state["value"][c], self.state["bad_at"][c] = value[new], time

    def _mark(
        self,
        c: Int,
        found: Found,
        which: Bool,
        fault: MovementFault,
        value: Float,
        limit: Float,
    ) -> None:
        which = which & (found == 0)
        found[which] = fault
        self.state["value"][c[which]], self.state["limit"][c[which]] = value[which], limit[which]

    def _settle(self, rules: MovementRules, c: Int, time: Int, found: Found) -> None:
        state = self.state
        bad = found > 0
        state["fault"][c[bad]], state["bad_at"][c[bad]] = found[bad], time[bad]
        quiet = ~bad & (state["fault"][c] > 0) & (time - state["bad_at"][c] > rules.heal_us[c])
        # Restlessness is looked at when its day is over: until then it is what it was.
        quiet &= (state["fault"][c] != MovementFault.NOISE) | (state["restless"][c] < RESTLESS_DAYS)
        # Spikes that come every few hours are one fault, not many.
        quiet &= (state["fault"][c] != MovementFault.SPIKES) | (state["spikes"][c] <= rules.spikes_a_day[c])
        state["fault"][c[quiet]] = 0

    def _day_over(self, c: Int, rows: BlockRows) -> Bool:
        """bool[k]  Whose day is over; the readings are counted of that which is under way."""
        state, day = self.state, rows.newest // DAY_US
        enough = (state["readings"][c] >= DAY_READINGS) | (day - state["day"][c] > DAY_READINGS)
        over: Bool = (state["day"][c] != day) & enough
        state["day"][c] = np.where(over, day, state["day"][c])
        state["readings"][c] = np.where(over, 0, state["readings"][c]) + rows.ends - rows.starts + 1
        return over

    def _range(
        self,
        rules: MovementRules,
        c: Int,
        of: Int,
        three: Float,
        found: Found,
    ) -> None:
        """Two of three readings that no structure can have reached."""
        middle = median_of_three(three)
        low, high = rules.range_low[c][of], rules.range_high[c][of]
        with np.errstate(invalid="ignore"):
            outside = (middle < low) | (middle > high)
        beyond = np.zeros(len(c), bool)
        value = np.full(len(c), np.nan)
        beyond[of[outside]], value[of[outside]] = True, middle[outside]
        limit = np.where(value < 0, rules.range_low[c], rules.range_high[c])
        self._mark(c, found, beyond, MovementFault.RANGE, value, limit)

    def _stuck(self, rules: MovementRules, c: Int, rows: BlockRows, found: Found) -> None:
        """A value that stands far longer than this channel's values ever did."""
        state, time = self.state, rows.newest
        least = np.minimum.reduceat(rows.axes, rows.starts)
        most = np.maximum.reduceat(rows.axes, rows.starts)
        flat = (least == most).all(axis=1)
        same = flat & (least == state["held"][c]).all(axis=1)
        first = state["first"][c]
        state["first"][c] = first = np.where(first == NEVER, time, first)
        stood = time - state["since"][c]
        ended = ~same & (state["since"][c] != NEVER)
        was_bad = np.isin(state["fault"][c], _WITHHOLDING)
        lasted = np.where(ended & ~was_bad, state["seen"][c] - state["since"][c], 0)
        state["longest"][c] = np.maximum(state["longest"][c], lasted)
        state["seen"][c] = time
        state["changes"][c] += ~same
        n = rows.ends - rows.starts + 1
        state["run"][c] = np.where(same, state["run"][c] + n, n)
        state["since"][c] = np.where(same, state["since"][c], time)
        state["held"][c] = np.where(flat[:, None], least, np.nan)
        limit = np.maximum(rules.stuck_us[c], LONGER * state["longest"][c])
        known = (state["changes"][c] >= KNOWN_CHANGES) & (time - first >= KNOWN_US)
        stuck = same & known & (state["run"][c] >= rules.stuck_readings[c]) & (stood >= limit)
        self._mark(c, found, stuck, MovementFault.STUCK, stood / 3600e6, limit / 3600e6)

    def _spikes(
        self,
        rules: MovementRules,
        role: npt.NDArray[np.int8],
        c: Int,
        of: Int,
        three: Float,
        rows: BlockRows,
        found: Found,
        over: Bool,
    ) -> None:
        """Lone readings that leap from their neighbours, which agree."""
        state = self.state
        before, lone, after = three
        jump = rules.jump[c][of]
        with np.errstate(invalid="ignore"):
            up, down = lone - before, lone - after
            far = (np.abs(up) > jump) & (np.abs(down) > jump) & (up * down > 0)
            alone = far & (np.abs(after - before) <= jump / 2)
        count = np.add.reduceat(alone.astype(np.int64), rows.starts)
        count = np.where(role == Role.ACCELERATION, 0, count)
        state["spikes"][c] = np.where(over, 0, state["spikes"][c]) + count
        many = (state["spikes"][c] > rules.spikes_a_day[c]) & (count > 0)
        counted = state["spikes"][c].astype(np.float64)
        self._mark(c, found, many, MovementFault.SPIKES, counted, rules.spikes_a_day[c])

    def _rail(self, rules: MovementRules, c: Int, of: Int, rows: BlockRows, found: Found) -> None:
        """Peaks that stop again and again at one value, the greatest ever."""
        state = self.state
        size = np.abs(rows.x)
        top = np.maximum.reduceat(size, rows.starts)
        times = np.add.reduceat((size == top[of]).astype(np.int64), rows.starts)
        moves = np.minimum.reduceat(rows.x, rows.starts) < np.maximum.reduceat(rows.x, rows.starts)
        with np.errstate(invalid="ignore"):
            often = times >= RAIL_SAMPLES
            stops = (top == state["rail"][c]) & (top >= rules.rail[c]) & moves & often
            inside = often & (top <= rules.range_high[c])
        state["rail_run"][c] = np.where(stops, state["rail_run"][c] + 1, 0)
        state["rail"][c] = np.where(inside, np.maximum(state["rail"][c], top), state["rail"][c])
        clipped = stops & (state["rail_run"][c] >= RAIL_RUN)
        self._mark(c, found, clipped, MovementFault.SATURATED, top, rules.rail[c])

    def _restless(
        self,
        rules: MovementRules,
        role: npt.NDArray[np.int8],
        c: Int,
        of: Int,
        three: Float,
        rows: BlockRows,
        found: Found,
        over: Bool,
    ) -> None:
        """The mean step of a day against that of the days that were learned; a girder may shake."""
        state = self.state
        judged = over & (state["moved"][c, 1] >= DAY_READINGS)
        ended = c[judged]
        mean = np.maximum(state["moved"][ended, 0] / np.maximum(state["moved"][ended, 1], 1), LEAST_RESTLESS)
        learns = state["usual"][ended, 1] < LEARNED_DAYS
        usual = np.exp(state["usual"][ended, 0] / np.maximum(state["usual"][ended, 1], 1))
        far = ~learns & (mean > rules.noise_ratio[ended] * usual) & (mean > rules.jump[ended] / 1000)
        state["restless"][ended] = np.where(far, state["restless"][ended] + 1, 0)
        state["usual"][ended[learns]] += np.stack([np.log(mean[learns]), np.ones(learns.sum())], axis=1)
        state["moved"][c[over]] = 0.0
        step = np.abs(three[2] - three[1])
        known = np.isfinite(step)
        sums = np.add.reduceat(np.where(known, np.minimum(step, rules.jump[c][of]), 0.0), rows.starts)
        state["moved"][c] += np.stack([sums, np.add.reduceat(known.astype(np.float64), rows.starts)], axis=1)
        which = np.zeros(len(c), bool)
        which[np.flatnonzero(judged)] = state["restless"][ended] >= RESTLESS_DAYS
        which &= role != Role.ACCELERATION
        value, limit = np.full(len(c), np.nan), np.full(len(c), np.nan)
        value[judged], limit[judged] = mean, usual * rules.noise_ratio[ended]
        self._mark(c, found, which, MovementFault.NOISE, value, limit)


_WITHHOLDING: Final = (MovementFault.STUCK, MovementFault.RANGE)
