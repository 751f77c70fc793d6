"""Drift in minutes: a settlement that is imposed and stays, told from a standing load and a warm afternoon.

Every 20 s the strain of the last minutes is compared with what the gauge's last half hour lets expect
(`background.py`), once as it is and once less temperature; both must be left on the same side by more than
the limit, which grows with the gauge's own usual error. A movement must have come within 11 minutes and
must stand: so smoothly that no vehicles brought it, or for longer than a load stands (`onset.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.background import (
    LEAST_BEFORE,
    MINUTE,
    WINDOWS,
    bank,
    prediction,
    ramp_height,
    reference_error,
    window_of,
)
from rules.bridge.cells import QUARTERS
from rules.bridge.liveload import LiveLoads
from rules.bridge.onset import Movement, standing
from rules.bridge.pattern import LEAST_PASSINGS, Together, no_load
from rules.bridge.returning import WHOLE, left_at, not_counted, seen_from_both_sides
from rules.bridge.stages import Stages
from rules.bridge.staircase import running_median
from rules.bridge.steps import Step, level_of
from rules.bridge.thermal import FastThermal

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

RING: Final = WINDOWS[-1]
NOW: Final = 2 * MINUTE
LEAST_SHARE: Final = 0.6
"""Share of a window's blocks that must be known; gaps are bridged by straight lines."""
FAST_INTERVAL: Final = 2 * MINUTE + 1
"""A gauge whose cells are further apart is too slow for this test."""
TRIGGER: Final = 0.6
"""Share of the limit from which a channel is watched."""
TEST_AGE, TEST_RISE = 12 * MINUTE + 1, 30
"""The ramp whose height in quiet times is the gauge's usual error."""
COMMIT: Final = 20 * MINUTE
"""A shift that has stood this long since its onset is the new state."""
WATCH: Final = 24 * MINUTE
"""A channel that left its prediction and neither stands nor returns is no longer watched."""
SCALE_BLOCKS: Final = 60 * MINUTE
SCALE_START_UE: Final = 3.0
SCALE_START_BLOCKS: Final = 10 * MINUTE
THERE: Final = 0.9
"""Share of its height from which a movement has come to its end."""
PART: Final = 0.8
"""Share of the limit from which what is left of a load is watched on."""
GONE: Final = 0.6
"""Share of the limit below which nothing is left of a movement."""
REST: Final = 0.2
"""… or share of what a movement was."""
BACK: Final = 0.7
"""Share of a settlement that must go back to be seen to go back."""
STAGE_WINDOW: Final = WINDOWS[1]
"""Steps are added up from so many known blocks on."""
PASSING: Final = 5
"""Blocks of a running median: it leaves out vehicles that stand in one or two of them."""
TOGETHER: Final = 5 * MINUTE
"""Gauges whose movements began within this moved together [blocks]."""
OWN: Final = 6 * MINUTE
"""Steps to the same side that are no further apart than this may be one movement [blocks]."""
MARGIN: Final = 2 * MINUTE
"""Blocks before an onset that are not believed to be quiet."""


@dataclass(frozen=True, slots=True)
class FastLimits:
    """By channel, float64[c]: see `config.bridge_rules.FastDriftLimits`; times in blocks."""

    limit_ue: Float
    cap_ue: Float
    sigma: Float
    hold: Float
    smooth_hold: Float


class FastDrift:
    """State of the fast test over all channels.

    shift_ue : float64[c]  Movement that is there now: found, not yet settled, and settled together; 0 = none.
    firing : bool[c]  A shift was found and has not gone away.
    moves : int16[c]  Times that it moved further since it fired.
    rise_s : float64[c]  How long the movement took, as far as it was seen [s].
    moving : int64[c]  Latest block in which the channel had left its prediction noticeably.
    scale : float64[c]  Usual error of a ramp's height [µε].
    home : int64[c]  Block in which its bridge last began to go back to where it was; -1 = never.
    limit, passed : float64[c]  Limit now, and the one that was passed by what is told [µε].
    """

    _STATE: Final = (
        "strain",
        "quarters",
        "temperature",
        "last",
        "scale",
        "judged",
        "firing",
        "settled",
        "pending",
        "since",
        "onset",
        "away",
        "returned",
        "peak",
        "sure",
        "moves",
        "rise_s",
        "moving",
        "off",
        "limit",
        "passed",
        "home",
    )

    def __init__(
        self, n: int, limits: FastLimits, beta_prior: Float, asset: npt.NDArray[np.int32] | None = None
    ) -> None:
        """beta_prior : see `FastThermal`. asset : int32[n]  Of each gauge; None = all apart."""
        self.limits = limits
        self._asset = np.arange(n, dtype=np.int32) if asset is None else asset
        self._imposed: list[tuple[int, Step]] = []
        self.thermal, self.stages = FastThermal(n, beta_prior), Stages(n)
        self.live = LiveLoads(n, self._asset)
        self.strain = np.full((n, RING), np.nan, np.float32)
        self.temperature = np.full((n, RING), np.nan, np.float32)
        self.quarters = np.full((n, RING, QUARTERS), np.nan, np.float32)
        self.last = np.full(n, -1, np.int64)
        self.scale, self.judged = np.full(n, SCALE_START_UE), np.zeros(n, np.int64)
        self.firing = np.zeros(n, bool)
        self.settled, self.pending = np.zeros(n), np.zeros(n)
        self.since, self.onset = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        self.away, self.off, self.peak = np.zeros(n), np.zeros(n), np.zeros(n)
        self.sure = np.zeros(n)
        self.returned, self.moves = np.zeros(n, np.int16), np.zeros(n, np.int16)
        self.rise_s = np.zeros(n)
        self.moving = np.full(n, -(10**12), np.int64)
        self.limit, self.passed = np.full(n, np.nan), np.full(n, np.nan)
        self.home = np.full(n, -1, np.int64)

    @property
    def shift_ue(self) -> Float:
        """float64[c]  Movement that is there now [µε]."""
        return self.settled + self.pending

    def beta(self, c: Int) -> Float:
        """float64[k]  Apparent strain for 1 °C as learned, drawn to 0 while little is known [µε/°C]."""
        return self.thermal.beta(c, self.scale[c])

    def step(
        self,
        block: int,
        c: Int,
        strain: Float,
        temperature: Float,
        quarters: Float | None = None,
        seconds: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Take the cells of one block (finite strain; the rest may be NaN) and judge their channels."""
        if seconds is not None:
            self.live.step(c, seconds)
        quick = (block - self.last[c] <= FAST_INTERVAL) & (self.last[c] >= 0)
        self._store(block, c, strain, temperature)
        self.quarters[c, block % RING] = np.nan if quarters is None else quarters
        c, strain, temperature = c[quick], strain[quick], temperature[quick]
        if len(c) == 0:
            return
        columns = np.arange(block - RING + 1, block + 1) % RING
        y = self.strain[c][:, columns].astype(np.float64)
        known = np.isfinite(y)
        span = np.where(known.any(axis=1), RING - np.argmax(known, axis=1), 0)
        window = window_of(span)
        seen = (known[:, -NOW:].sum(axis=1) >= 2) & (window > 0)
        for w in np.unique(window[seen]).tolist():
            at = np.flatnonzero(seen & (window == w))
            at = at[known[at, -w:].mean(axis=1) >= LEAST_SHARE]
            if len(at):
                self._judge(block, c[at], y[at], columns, w, span[at])
        self._share(block)
        self._all_home()
        self.thermal.learn(c, strain, temperature, self.since[c] < 0)

    def forget(self, c: Int) -> None:
        """Begin anew with these channels (faulty, or re-based after work on the bridge)."""
        self.strain[c], self.temperature[c], self.quarters[c] = np.nan, np.nan, np.nan
        self.firing[c] = False
        for array in (self.settled, self.pending, self.off, self.rise_s, self.moves):
            array[c] = 0
        self.thermal.forget(c)
        self.stages.forget(c)
        self.live.forget(c)
        self.since[c] = self.onset[c] = self.home[c] = -1

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return (
            {name: getattr(self, name) for name in self._STATE}
            | self.thermal.snapshot()
            | self.stages.snapshot()
            | self.live.snapshot()
        )

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            mine = getattr(self, name)
            mine[: len(state[name])] = state[name]
        self.thermal.restore(state)
        self.stages.restore(state)
        self.live.restore(state)

    # --- steps -----------------------------------------------------------------------------------

    def _store(self, block: int, c: Int, strain: Float, temperature: Float) -> None:
        ahead = block - self.last[c]
        for i in np.flatnonzero(ahead > 1).tolist():
            row, since = c[i], max(int(self.last[c[i]]) + 1, block - RING + 1)
            gap = np.arange(since, block + 1) % RING
            self.strain[row, gap], self.temperature[row, gap] = np.nan, np.nan
            self.quarters[row, gap] = np.nan
        self.strain[c, block % RING] = strain
        self.temperature[c, block % RING] = temperature
        self.last[c] = block

    def _judge(self, block: int, c: Int, y: Float, columns: Int, window: int, span: Int) -> None:
        """Channels that leave what was to be expected are watched; those that are, are followed."""
        t = self.temperature[c][:, columns].astype(np.float64)
        y = bridged(y)
        degrees = bridged(t)
        less = y - self.beta(c)[:, None] * (degrees - degrees[:, -1:])
        ramps = bank(window)
        heights = [(z[:, -window:] - z[:, -1:]) @ ramps.weights.T for z in (y, less)]
        height = _nearer(heights[0], heights[1])
        limits = self.limits
        wider = reference_error(window)
        limit = np.clip(
            limits.sigma[c] * self.scale[c] * wider,
            limits.limit_ue[c],
            np.maximum(limits.cap_ue[c] * wider, limits.limit_ue[c]),
        )
        self.limit[c] = limit
        test = _test_ramp(window)
        calm = self.pending[c] == 0
        quiet = c[calm]
        rate = 1.0 / np.minimum(self.judged[quiet] + SCALE_START_BLOCKS, SCALE_BLOCKS)
        usual = np.minimum(1.25 * np.abs(height[calm, test]) / wider, 3 * self.scale[quiet] + 1.0)
        self.scale[quiet] += rate * (usual - self.scale[quiet])
        self.judged[quiet] += 1
        sure = np.abs(height) / ramps.error
        best = np.argmax(np.where(np.abs(height) >= TRIGGER * limit[:, None], sure, 0.0), axis=1)
        rows = np.arange(len(c))
        leaves = np.abs(height[rows, best]) >= TRIGGER * limit
        free = self.since[c] < 0
        self.off[c[free]] = height[free, best[free]]
        new = free & leaves
        self.since[c[new]] = block + 1 - ramps.age[best[new]] - MARGIN
        self.away[c[new]] = np.sign(height[new, best[new]])
        self.sure[c[new]] = sure[new, best[new]]
        self.returned[c[new]] = 0
        self.peak[c[new]] = 0.0
        for i in np.flatnonzero(self.since[c] >= 0).tolist():
            channel, found = int(c[i]), float(sure[i, best[i]])
            same = bool(leaves[i]) and np.sign(height[i, best[i]]) == self.away[channel]
            since = block + 1 - int(ramps.age[best[i]]) - MARGIN
            # A later onset would take the first part of a long movement for what is usual.
            seen = max(abs(self.off[channel]), self.peak[channel])
            begun = seen >= TRIGGER * limit[i] and since > self.since[channel]
            if same and found > self.sure[channel] and not self.pending[channel] and not begun:
                self.since[channel] = since
                self.sure[channel] = found
            self._watch(block, channel, y[i], less[i], int(span[i]))
        still = (self.pending[c] == 0) & ((self.since[c] < 0) | (np.abs(self.off[c]) < limit))
        stepped = self.stages.look(block, c, y, still) & (self.pending[c] == 0)
        for i in np.flatnonzero(stepped & (window >= STAGE_WINDOW)).tolist():
            self._stage(block, int(c[i]))

    def _stage(self, block: int, channel: int) -> None:
        """Add up what came in steps and stays."""
        steps = self.stages.imposed(channel, self._latest(block, channel), float(self.limits.hold[channel]))
        if not steps:
            return
        apart = [block - RING + 1 + step.place - int(self.home[channel]) for step in steps]
        if self.home[channel] >= 0 and min(map(abs, apart)) <= TOGETHER:
            # The bridge went back then: what moved with it is where it was.
            self.stages.taken(channel)
            for step in steps:
                self._raise(channel, block, step)
            return
        self.moving[channel] = block
        self.onset[channel] = self.since[channel] = -1
        self._imposed += [(channel, step) for step in steps]
        self._add(block, channel, steps)

    def _add(self, block: int, channel: int, steps: Sequence[Step]) -> None:
        """Steps that stay: what was before is lifted to the state after them; told when they are enough."""
        oldest = block - RING + 1
        self.stages.add(channel, block, sum(step.height for step in steps), oldest + steps[0].place)
        for step in steps:
            self._raise(channel, block, step)
        limit = self.stages.sum_limit(channel, float(self.limits.limit_ue[channel]))
        total = self.stages.settled(channel, block, float(self.limits.limit_ue[channel]))
        if total:
            self.passed[channel] = limit
            took = oldest + steps[-1].place + steps[-1].rise - self.stages.first[channel]
            self.rise_s[channel] = self.rise_s[channel] if self.firing[channel] else took * 60.0 / MINUTE
            self.moves[channel] += bool(self.firing[channel]) and self.settled[channel] * total > 0
            self._settle(channel, total)

    def _share(self, block: int) -> None:
        """Look for one gauge's steps in the bridge's others, where they are too small to be seen alone."""
        imposed, self._imposed = self._imposed, []
        for channel, step in imposed:
            others = np.flatnonzero((self._asset == self._asset[channel]) & (self.last == block))
            for other in others[(others != channel) & (self.pending[others] == 0)].tolist():
                height = self.stages.shared(other, self._latest(block, other), step)
                if height:
                    self._add(block, other, [Step(step.place, step.rise, height)])

    def _settle(self, channel: int, shift: float) -> None:
        """A movement is over; what is left of all of them is told while it is more than nothing."""
        before = float(self.settled[channel])
        went_back = before * shift < 0 and not self.firing[channel]
        self.settled[channel] += shift
        if went_back or self._gone(channel, float(self.settled[channel]), before):
            self.settled[channel], self.moves[channel] = 0.0, 0
            self.firing[channel] = False
        else:
            self.firing[channel] = True

    def _gone(self, channel: int, left: float, was: float) -> bool:
        """Whether a movement of `was` µε of which so much is left is over."""
        least = float(self.limits.limit_ue[channel])
        # Steps too small to be seen were not counted, and go back with the others: beyond where it was
        # is only what would be told by itself.
        beyond = left * was < 0
        return abs(left) < (
            max(least, float(self.limit[channel])) if beyond else max(GONE * least, REST * abs(was))
        )

    def _latest(self, block: int, channel: int) -> Float:
        """float64[RING]  Strain without gaps and passing vehicles [µε]; NaN before the first known."""
        columns = np.arange(block - RING + 1, block + 1) % RING
        y = self.strain[channel, columns].astype(np.float64)
        known = np.flatnonzero(np.isfinite(y))
        out = np.interp(np.arange(RING), known, running_median(y[known], PASSING))
        out[: known[0]] = np.nan
        return out

    def _raise(self, channel: int, block: int, step: Step) -> None:
        """Lift what was before a step by its height; leave the step itself out."""
        columns = np.arange(block - RING + 1, block + 1) % RING
        for kept in (self.strain, self.quarters):
            kept[channel, columns[: step.place]] += np.float32(step.height)
            kept[channel, columns[step.place : step.place + step.rise]] = np.nan
        self.thermal.shift(channel, step.height)

    def _watch(self, block: int, channel: int, y: Float, less: Float, span: int) -> None:
        """Follow one channel that left its prediction: back again, standing, or settled."""
        age = block - int(self.since[channel]) + 1
        window = min(span, RING) // 6 * 6
        if window - age < LEAST_BEFORE - MARGIN:
            self._end_watch(channel, block, 0.0, masks=False)
            return
        weights, _ = prediction(window, age)
        before = window - age
        parts = []
        stood = self._stood(block, channel, RING - age)[-window:]
        for z in (y[-window:] - stood, less[-window:] - stood):
            expected = weights @ (z[:before] - z[before - 1]) + z[before - 1]
            parts.append((z[before:] - expected, expected))
        direction, limit = float(self.away[channel]), float(self.limit[channel])
        if direction * self.settled[channel] < 0:
            # The way back is as long as the way was.
            limit = min(limit, max(BACK * abs(float(self.settled[channel])), 3 * float(self.scale[channel])))
        residual = direction * _nearer(parts[0][0], parts[1][0])
        warming = min(abs(float(e[-1] - e[0])) for _, e in parts) / age
        now = float(np.median(residual[-NOW:]))
        self.off[channel] = direction * now
        if now > max(0.4 * limit, 3 * self.scale[channel]):
            self.moving[channel] = block
        found = self.pending[channel] != 0
        self.peak[channel] = max(self.peak[channel], now)
        # Half of a great load may still stand at its next place: then it is watched on.
        half = now < 0.5 * self.peak[channel] and (now < PART * limit or age > WATCH)
        back = now < 0.4 * limit or half
        self.returned[channel] = self.returned[channel] + 1 if back else 0
        if self.returned[channel] >= NOW:
            if not found and now <= -0.4 * limit:
                # Across where it was: a lorry on its next place, or another movement, from the same state.
                self.away[channel], self.peak[channel] = -direction, -now
                self.returned[channel] = 0
            else:
                stays = self.stages.stays(channel, y, direction * float(self.peak[channel]))
                self._end_watch(channel, block, 0.0, masks=found or not stays)
        elif found:
            self.pending[channel] = direction * max(abs(self.pending[channel]), now)
            if block - self.onset[channel] >= COMMIT:
                # It may have been told while it was still growing: all of its way is left out.
                short = np.flatnonzero(running_median(residual[:-NOW], PASSING) < THERE * now)
                took = int(short[-1]) + 1 - (age - int(block - self.onset[channel])) if len(short) else 0
                self.rise_s[channel] = max(self.rise_s[channel], took * 60.0 / MINUTE)
                start, rise = window - 1 - int(block - self.onset[channel]), self._rise(channel)
                heights = [ramp_height(z[-window:] - stood, start, rise) for z in (y, less)]
                height = min(heights, key=lambda h: direction * h)
                # What is not alike has gone on since, or a vehicle stands there now.
                alike = abs(height - self.pending[channel]) <= WHOLE * abs(self.pending[channel])
                self._end_watch(channel, block, height if alike else direction * now, masks=True)
        elif now >= limit and (
            movement := standing(
                residual,
                limit,
                float(self.limits.hold[channel]),
                float(self.limits.smooth_hold[channel]),
                warming,
                self._course(block, channel, y[-age:] - direction * residual) * direction,
                lambda fit: self._no_load(block, channel, fit),
            )
        ):
            self._found(block, channel, movement, direction * now)
        elif age > WATCH:
            self._end_watch(channel, block, 0.0, masks=False)

    def _stood(self, block: int, channel: int, since: int) -> Float:
        """float64[RING]  What stood before a movement, less what stands now of it [µε]: no way of the day."""
        if not self.stages.stepped(np.array([channel]), block, RING)[0]:
            return np.zeros(RING)
        steps = self.stages.steps(channel, self._latest(block, channel))
        before = [step for step in steps if step.place + step.rise <= since]
        # What stepped just before, and to the same side, may be the movement's own beginning.
        side, begins = float(self.away[channel]), since
        while before and side * before[-1].height > 0 and begins - before[-1].place <= OWN:
            begins = before.pop().place
        level = level_of(before, RING)
        stood: Float = level - level[-1]
        return stood

    def _found(self, block: int, channel: int, movement: Movement, shift: float) -> None:
        """A movement stands that no load can be: a new one, or one that goes back."""
        course = self._latest(block, channel)
        onset = len(course) - movement.onset
        level = level_of(self.stages.steps(channel, course), RING)
        since = left_at(level, onset, shift)
        if since:
            # It stands where it stood before something came: a load left, however long it was there.
            self._leave_out(block, channel, since, onset + movement.rise)
            self._end_watch(channel, block, 0.0, masks=False)
            return
        if not seen_from_both_sides(course, onset, movement.rise, shift):
            return
        self.moves[channel] += bool(self.firing[channel]) and self.settled[channel] * shift > 0
        # What was added up and not told is part of what is there now, or of what goes back.
        self.settled[channel] += self.stages.taken(channel)
        if self.settled[channel] * shift < 0:
            began = int(self.since[channel]) - block + RING - 1
            self.settled[channel] += not_counted(level, began, float(np.sign(self.settled[channel])))
        self.pending[channel], self.passed[channel] = shift, self.limit[channel]
        self.onset[channel] = block - movement.onset
        self.rise_s[channel] = movement.rise * 60.0 / MINUTE
        was = float(self.settled[channel])
        self.firing[channel] = not self._gone(channel, was + shift, was)
        if was and not self.firing[channel]:
            self._home(channel)

    def _home(self, channel: int) -> None:
        """A gauge went back to where it was: with the one that had moved most, the whole bridge did."""
        own = np.flatnonzero(self._asset == self._asset[channel])
        if abs(self.settled[channel]) >= np.abs(self.settled[own]).max():
            self.home[own] = self.onset[channel]

    def _all_home(self) -> None:
        """What moves while its bridge goes back goes back, too, whatever of its way there was seen."""
        apart = np.abs(self.onset - self.home)
        for channel in np.flatnonzero((self.pending != 0) & (self.home >= 0) & (apart <= TOGETHER)).tolist():
            self.settled[channel] = -self.pending[channel]
            self.firing[channel] = False
            self.moves[channel] = 0

    def _leave_out(self, block: int, channel: int, first: int, last: int) -> None:
        """What was measured from one place of the ring to another belongs to no state."""
        columns = np.arange(block - RING + 1, block + 1)[first : min(last, RING - NOW)] % RING
        for kept in (self.strain, self.quarters):
            kept[channel, columns] = np.nan

    def _no_load(self, block: int, channel: int, fit: Movement) -> bool:
        """Whether all gauges of the bridge together show that no vehicles brought a movement."""
        if self.live.passings[channel] < LEAST_PASSINGS:
            return False
        age = fit.onset + MARGIN
        ring = np.arange(block - RING + 1, block + 1) % RING
        own = np.flatnonzero((self._asset == self._asset[channel]) & (self.last == block))
        y = self.strain[np.ix_(own, ring)].astype(np.float64)
        span = int(RING - np.argmax(np.isfinite(y).all(axis=0)))
        window = span // 6 * 6
        before = window - age
        if len(own) < 2 or before < LEAST_BEFORE or not np.isfinite(y[:, -span:]).any(axis=1).all():
            return False
        y = bridged(y)[:, -window:]
        weights, _ = prediction(window, age)
        expected = (y[:, :before] - y[:, before - 1 : before]) @ weights.T + y[:, before - 1 : before]
        shift = np.median((y[:, before:] - expected)[:, -NOW:], axis=1)
        course = np.stack([self._course(block, int(g), e) for g, e in zip(own, expected, strict=True)])
        moved = Together(shift, course, self.live.patterns(own), int(self.live.passings[channel]))
        return no_load(moved, fit.onset, fit.rise)

    def _course(self, block: int, channel: int, expected: Float) -> Float:
        """float64[QUARTERS · m]  Distance of the newest blocks' quarters from what was expected [µε]."""
        m = len(expected)
        quarters = self.quarters[channel, np.arange(block - m + 1, block + 1) % RING].astype(np.float64)
        place = (np.arange(QUARTERS * m) - (QUARTERS - 1) / 2) / QUARTERS
        course: Float = quarters.ravel() - np.interp(place, np.arange(m), expected)
        return course

    def _end_watch(self, channel: int, block: int, shift: float, *, masks: bool) -> None:
        """The watch is over; where it `masks`, what was before lies where the state after it does."""
        if masks:
            self._lift(channel, block, shift)
        self.pending[channel] = 0.0
        self.onset[channel] = self.since[channel] = -1
        self.returned[channel] = 0
        self._settle(channel, shift)

    def _rise(self, channel: int) -> int:
        """Blocks that a movement took."""
        return int(self.rise_s[channel] * MINUTE / 60)

    def _lift(self, channel: int, block: int, shift: float) -> None:
        """Lift what was before the movement by `shift` [µε]; leave the movement itself out."""
        blocks = np.arange(block - RING + 1, block + 1)
        onset = int(self.onset[channel])
        onset = onset if onset >= 0 else int(self.since[channel]) + MARGIN
        before = blocks[blocks < onset - MINUTE] % RING
        rise = self._rise(channel) + MINUTE
        # The newest minute lies where it will stay; before it, what leaves may still be leaving.
        leaving = abs(self.off[channel]) > 0.4 * self.limit[channel]
        until = min(onset + rise, block - NOW) if shift else block + (1 if leaving else -MINUTE)
        during = blocks[(blocks >= onset - MINUTE) & (blocks < until)] % RING
        for kept in (self.strain, self.quarters):
            kept[channel, before] += np.float32(shift)
            kept[channel, during] = np.nan
        self.thermal.shift(channel, shift)


@cache
def _test_ramp(window: int) -> int:
    """Row of the ramp whose height in quiet times tells the usual error."""
    ramps = bank(window)
    wanted = np.abs(ramps.age - TEST_AGE) + np.abs(ramps.rise - TEST_RISE)
    return int(np.argmin(wanted))


def bridged(values: Float) -> Float:
    """float64[k, m]  Rows with straight lines over what is not finite; a row without anything is 0."""
    known = np.isfinite(values)
    out = np.where(known, values, 0.0)
    place = np.arange(values.shape[1])
    for i in np.flatnonzero(~known.all(axis=1) & known.any(axis=1)).tolist():
        out[i] = np.interp(place, place[known[i]], values[i, known[i]])
    return out


def medians(values: Float) -> tuple[Float, Int]:
    """Median along each row of what is finite, NaN where nothing is; and how much is finite.

    values : float64[k, m]. Returns float64[k], int64[k].
    """
    n = np.isfinite(values).sum(axis=1)
    if values.shape[1] and n.max(initial=0) <= 1:  # slow loggers: one reading is its own median
        return np.fmax.reduce(np.where(np.isfinite(values), values, np.nan), axis=1), n
    ordered = np.sort(values, axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, values.shape[1] - 1)
    middle = 0.5 * (ordered[rows, low] + ordered[rows, high])
    return np.where(n > 0, middle, np.nan), n


def _nearer(a: Float, b: Float) -> Float:
    """The smaller of two deviations where they agree in sign, else 0."""
    return np.where(np.sign(a) == np.sign(b), np.where(np.abs(a) < np.abs(b), a, b), 0.0)
