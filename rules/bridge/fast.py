"""Drift in minutes: a settlement that is imposed and stays, told from a standing load and a warm afternoon.

Every 20 s the strain of the last minutes is compared with what the gauge's last half hour lets expect
(`background.py`), once as it is and once less temperature; both must be left on the same side by more than
the limit, which grows with the gauge's own usual error. A movement must have come within 11 minutes and
must stand: so smoothly that no vehicles brought it, or for longer than a load stands (`onset.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
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
    window_of,
)
from rules.bridge.imposed import Imposed
from rules.bridge.liveload import LiveLoads
from rules.bridge.loads_together import together_no_load
from rules.bridge.onset import Movement, standing
from rules.bridge.returning import WHOLE, left_at, not_counted, seen_from_both_sides
from rules.bridge.ring import PASSING, RING, Ring, bridged, columns
from rules.bridge.settlements import Settlements
from rules.bridge.stages import Stages
from rules.bridge.staircase import running_median
from rules.bridge.steps import level_of
from rules.bridge.thermal import FastThermal
from rules.bridge.usual import FastLimits, Usual

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

NOW: Final = 2 * MINUTE
LEAST_SHARE: Final = 0.6
"""Share of a window's blocks that must be known; gaps are bridged by straight lines."""
FAST_INTERVAL: Final = 2 * MINUTE + 1
"""A gauge whose cells are further apart is too slow for this test."""
TRIGGER: Final = 0.6
"""Share of the limit from which a channel is watched."""
COMMIT: Final = 20 * MINUTE
"""A shift that has stood this long since its onset is the new state."""
WATCH: Final = 24 * MINUTE
"""A channel that left its prediction and neither stands nor returns is no longer watched."""
THERE: Final = 0.9
"""Share of its height from which a movement has come to its end."""
PART: Final = 0.8
"""Share of the limit from which what is left of a load is watched on."""
BACK: Final = 0.7
"""Share of a settlement that must go back to be seen to go back."""
STAGE_WINDOW: Final = WINDOWS[1]
"""Steps are added up from so many known blocks on."""
OWN: Final = 6 * MINUTE
"""Steps to the same side that are no further apart than this may be one movement [blocks]."""
MARGIN: Final = 2 * MINUTE
"""Blocks before an onset that are not believed to be quiet."""


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
        "since",
        "away",
        "returned",
        "peak",
        "sure",
        "moving",
        "off",
    )

    def __init__(
        self, n: int, limits: FastLimits, beta_prior: Float, asset: npt.NDArray[np.int32] | None = None
    ) -> None:
        """beta_prior : see `FastThermal`. asset : int32[n]  Of each gauge; None = all apart."""
        self.limits = limits
        self._asset = np.arange(n, dtype=np.int32) if asset is None else asset
        self.thermal, self.stages = FastThermal(n, beta_prior), Stages(n)
        self.live, self.ring = LiveLoads(n, self._asset), Ring(n)
        self.told = Settlements(n, self._asset)
        self._imposed = Imposed(self.ring, self.stages, self.told, self.thermal, self._asset)
        # The arrays of what is told, for who reads them.
        self.settled, self.pending, self.firing = self.told.settled, self.told.pending, self.told.firing
        self.moves, self.rise_s, self.passed = self.told.moves, self.told.rise_s, self.told.passed
        self.usual = Usual(n)
        self.scale, self.limit = self.usual.scale, self.usual.limit
        self.since = np.full(n, -1, np.int64)
        self.away, self.off, self.peak = np.zeros(n), np.zeros(n), np.zeros(n)
        self.sure, self.returned = np.zeros(n), np.zeros(n, np.int16)
        self.moving = np.full(n, -(10**12), np.int64)

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
        last = self.ring.last[c]
        quick = (block - last <= FAST_INTERVAL) & (last >= 0)
        self.ring.store(block, c, strain, temperature, quarters)
        c, strain, temperature = c[quick], strain[quick], temperature[quick]
        if len(c) == 0:
            return
        y = self.ring.strain[c][:, columns(block)].astype(np.float64)
        known = np.isfinite(y)
        span = np.where(known.any(axis=1), RING - np.argmax(known, axis=1), 0)
        window = window_of(span)
        seen = (known[:, -NOW:].sum(axis=1) >= 2) & (window > 0)
        for w in np.unique(window[seen]).tolist():
            at = np.flatnonzero(seen & (window == w))
            at = at[known[at, -w:].mean(axis=1) >= LEAST_SHARE]
            if len(at):
                self._judge(block, c[at], y[at], w, span[at])
        self._imposed.share(block, self.limits.limit_ue, self.limit)
        self.told.all_home()
        self.thermal.learn(c, strain, temperature, self.since[c] < 0)

    def forget(self, c: Int) -> None:
        """Begin anew with these channels (faulty, or re-based after work on the bridge)."""
        self.off[c], self.since[c] = 0, -1
        for part in (self.ring, self.told, self.thermal, self.stages, self.live):
            part.forget(c)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        state = {name: getattr(self, name) for name in self._STATE}
        for part in self._parts():
            state |= part.snapshot()
        return state

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
        for part in self._parts():
            part.restore(state)

    def _parts(self) -> tuple[Ring, Usual, Settlements, FastThermal, Stages, LiveLoads]:
        return self.ring, self.usual, self.told, self.thermal, self.stages, self.live

    # --- steps -----------------------------------------------------------------------------------

    def _judge(self, block: int, c: Int, y: Float, window: int, span: Int) -> None:
        """Channels that leave what was to be expected are watched; those that are, are followed."""
        t = self.ring.temperature[c][:, columns(block)].astype(np.float64)
        y = bridged(y)
        degrees = bridged(t)
        less = y - self.beta(c)[:, None] * (degrees - degrees[:, -1:])
        ramps = bank(window)
        heights = [(z[:, -window:] - z[:, -1:]) @ ramps.weights.T for z in (y, less)]
        height = _nearer(heights[0], heights[1])
        limit = self.usual.judge(c, self.limits, height, window, self.pending[c] == 0)
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
            channel, limits = int(c[i]), self.limits
            if self._imposed.look(
                block, channel, float(limits.hold[channel]), float(limits.limit_ue[channel]), float(limit[i])
            ):
                self.moving[channel] = block
                self.told.onset[channel] = self.since[channel] = -1

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
            if block - self.told.onset[channel] >= COMMIT:
                # It may have been told while it was still growing: all of its way is left out.
                short = np.flatnonzero(running_median(residual[:-NOW], PASSING) < THERE * now)
                took = int(short[-1]) + 1 - (age - int(block - self.told.onset[channel])) if len(short) else 0
                self.rise_s[channel] = max(self.rise_s[channel], took * 60.0 / MINUTE)
                start, rise = window - 1 - int(block - self.told.onset[channel]), self._rise(channel)
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
                self.ring.course(block, channel, y[-age:] - direction * residual) * direction,
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
        steps = self.stages.steps(channel, self.ring.latest(block, channel))
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
        course = self.ring.latest(block, channel)
        onset = len(course) - movement.onset
        level = level_of(self.stages.steps(channel, course), RING)
        since = left_at(level, onset, shift)
        if since:
            # It stands where it stood before something came: a load left, however long it was there.
            self.ring.leave_out(block, channel, since, min(onset + movement.rise, RING - NOW))
            self._end_watch(channel, block, 0.0, masks=False)
            return
        if not seen_from_both_sides(course, onset, movement.rise, shift):
            return
        self.told.further(channel, shift)
        # What was added up and not told is part of what is there now, or of what goes back.
        self.settled[channel] += self.stages.taken(channel)
        if self.settled[channel] * shift < 0:
            began = int(self.since[channel]) - block + RING - 1
            self.settled[channel] += not_counted(level, began, float(np.sign(self.settled[channel])))
        rise_s = movement.rise * 60.0 / MINUTE
        limit, least = float(self.limit[channel]), float(self.limits.limit_ue[channel])
        self.told.begin(channel, shift, block - movement.onset, rise_s, limit, least)

    def _no_load(self, block: int, channel: int, fit: Movement) -> bool:
        age = fit.onset + MARGIN
        return together_no_load(self.ring, self.live, self._asset, block, channel, fit, age, NOW)

    def _end_watch(self, channel: int, block: int, shift: float, *, masks: bool) -> None:
        """The watch is over; where it `masks`, what was before lies where the state after it does."""
        if masks:
            self._lift(channel, block, shift)
        self.since[channel], self.returned[channel] = -1, 0
        limit, least = float(self.limit[channel]), float(self.limits.limit_ue[channel])
        self.told.settle(channel, shift, limit, least)

    def _rise(self, channel: int) -> int:
        """Blocks that a movement took."""
        return int(self.rise_s[channel] * MINUTE / 60)

    def _lift(self, channel: int, block: int, shift: float) -> None:
        """Lift what was before the movement by `shift` [µε]; leave the movement itself out."""
        onset = int(self.told.onset[channel])
        onset = onset if onset >= 0 else int(self.since[channel]) + MARGIN
        # The newest minute lies where it will stay; before it, what leaves may still be leaving.
        leaving = abs(self.off[channel]) > 0.4 * self.limit[channel]
        ends = min(onset + self._rise(channel) + MINUTE, block - NOW)
        until = ends if shift else block + (1 if leaving else -MINUTE)
        first, oldest = onset - MINUTE, block - RING + 1
        self.ring.shift(block, channel, first - oldest, shift)
        self.ring.leave_out(block, channel, first - oldest, until - oldest)
        self.thermal.shift(channel, shift)


def _nearer(a: Float, b: Float) -> Float:
    """The smaller of two deviations where they agree in sign, else 0."""
    return np.where(np.sign(a) == np.sign(b), np.where(np.abs(a) < np.abs(b), a, b), 0.0)
