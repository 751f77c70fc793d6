"""Drift in minutes: a settlement that is imposed and stays, told from a standing load and a warm afternoon.

Every 20 s the strain of the last two minutes is compared with what the half hour that ended 16 minutes
ago lets expect, in three ways: a straight line through the strain, a straight line through the strain
less temperature, and no change at all. A sun that comes out bends the first, a wrong temperature
coefficient the second; so the two lines must both be left on the same side by more than the limit, and the
level by half of it. The shift must have come within 10 minutes, and must stand since its onset longer
than a standing load does, or have come so smoothly that no vehicle brought it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.cells import BLOCK_US

Float = npt.NDArray[np.float64]

MINUTE: Final = 3
"""Blocks in a minute."""
REFERENCE: Final = 32 * MINUTE
GAP: Final = 16 * MINUTE
RING: Final = REFERENCE + GAP
THIRD: Final = REFERENCE // 3
NOW: Final = 2 * MINUTE
RISE: Final = 10 * MINUTE
LEAST_REFERENCE: Final = 10 * MINUTE
LEAST_THIRD: Final = 8
FAST_INTERVAL: Final = 2 * MINUTE + 1
"""A gauge whose cells are further apart is too slow for this test."""
COMMIT: Final = 20 * MINUTE
"""A shift that has stood this long since its onset is the new state."""
LEARN: Final = 1.0 - np.exp(-1.0 / (180 * MINUTE))
SCALE_LEARN: Final = 1.0 - np.exp(-1.0 / (60 * MINUTE))
SCALE_START_UE: Final = 1.5


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
    """

    _STATE: Final = (
        "strain",
        "temperature",
        "last",
        "mean_t",
        "mean_y",
        "var_t",
        "cov",
        "weight",
        "scale",
        "firing",
        "settled",
        "pending",
        "onset",
        "base",
        "slope",
        "base_t",
        "returned",
        "moves",
        "rise_s",
        "moving",
        "moved_ue",
        "limit",
    )

    def __init__(self, n: int, limits: FastLimits, beta_prior: Float) -> None:
        self.limits = limits
        self.beta_prior = beta_prior
        self.strain = np.full((n, RING), np.nan, np.float32)
        self.temperature = np.full((n, RING), np.nan, np.float32)
        self.last = np.full(n, -1, np.int64)
        self.mean_t, self.mean_y = np.zeros(n), np.zeros(n)
        self.var_t, self.cov, self.weight = np.zeros(n), np.zeros(n), np.zeros(n)
        self.scale = np.full(n, SCALE_START_UE)
        self.firing = np.zeros(n, bool)
        self.settled, self.pending = np.zeros(n), np.zeros(n)
        self.onset = np.full(n, -1, np.int64)
        self.base, self.slope, self.base_t = np.zeros(n), np.zeros(n), np.full(n, np.nan)
        self.returned = np.zeros(n, np.int16)
        self.moves = np.zeros(n, np.int16)
        self.rise_s = np.zeros(n)
        self.moving = np.full(n, -(10**12), np.int64)
        self.moved_ue = np.zeros(n)
        self.limit = np.full(n, np.nan)

    @property
    def shift_ue(self) -> Float:
        """float64[c]  Movement that is there now [µε]."""
        return self.settled + self.pending

    def beta(self, c: npt.NDArray[np.int64]) -> Float:
        """float64[k]  Apparent strain for 1 °C as learned, drawn to 0 while little is known [µε/°C]."""
        noise = self.scale[c] ** 2 + 1.0
        prior = noise / self.beta_prior[c] ** 2
        mass = 180 * MINUTE * self.var_t[c]
        beta: Float = 180 * MINUTE * self.cov[c] / (mass + prior * 30)
        return np.clip(beta, -3 * self.beta_prior[c], 3 * self.beta_prior[c])

    def step(self, block: int, c: npt.NDArray[np.int64], strain: Float, temperature: Float) -> None:
        """Take the cells of one block (finite strain; temperature may be NaN) and judge their channels."""
        quick = (block - self.last[c] <= FAST_INTERVAL) & (self.last[c] >= 0)
        self._store(block, c, strain, temperature)
        c, strain, temperature = c[quick], strain[quick], temperature[quick]
        if len(c) == 0:
            return
        columns = np.arange(block - RING + 1, block + 1) % RING
        y = self.strain[c][:, columns].astype(np.float64)
        t = self.temperature[c][:, columns].astype(np.float64)
        now, seen = medians(y[:, -NOW:])
        now_t = _latest(t)
        old = np.flatnonzero((self.pending[c] != 0) & (seen >= 2))
        if len(old):
            self._follow(block, c[old], now[old], now_t[old])
        self._search(block, c, y, t, now, now_t, seen)
        self._learn(c, strain, temperature)

    def forget(self, c: npt.NDArray[np.int64]) -> None:
        """Begin anew with these channels (faulty, or re-based after work on the bridge)."""
        self.strain[c], self.temperature[c] = np.nan, np.nan
        self.firing[c] = False
        for array in (self.settled, self.pending, self.moved_ue, self.rise_s, self.moves, self.weight):
            array[c] = 0
        self.onset[c] = -1

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            mine = getattr(self, name)
            mine[: len(state[name])] = state[name]

    # --- steps -----------------------------------------------------------------------------------

    def _store(self, block: int, c: npt.NDArray[np.int64], strain: Float, temperature: Float) -> None:
        ahead = block - self.last[c]
        for i in np.flatnonzero(ahead > 1).tolist():
            row, since = c[i], max(int(self.last[c[i]]) + 1, block - RING + 1)
            gap = np.arange(since, block + 1) % RING
            self.strain[row, gap], self.temperature[row, gap] = np.nan, np.nan
        self.strain[c, block % RING] = strain
        self.temperature[c, block % RING] = temperature
        self.last[c] = block

    def _learn(self, c: npt.NDArray[np.int64], strain: Float, temperature: Float) -> None:
        known = np.isfinite(temperature) & (self.pending[c] == 0)
        c, strain, temperature = c[known], strain[known], temperature[known]
        rate = np.maximum(LEARN, 1.0 / (self.weight[c] + 1.0))
        self.weight[c] += 1.0
        dt, dy = temperature - self.mean_t[c], strain - self.mean_y[c]
        self.mean_t[c] += rate * dt
        self.mean_y[c] += rate * dy
        self.var_t[c] += rate * ((1 - rate) * dt * dt - self.var_t[c])
        self.cov[c] += rate * ((1 - rate) * dt * dy - self.cov[c])

    def _search(
        self,
        block: int,
        c: npt.NDArray[np.int64],
        y: Float,
        t: Float,
        now: Float,
        now_t: Float,
        seen: npt.NDArray[np.int64],
    ) -> None:
        level, known = medians(y[:, :REFERENCE])
        able = (known >= LEAST_REFERENCE) & (seen >= 2)
        if not able.any():
            return
        c, y, t, now, now_t, level = c[able], y[able], t[able], now[able], now_t[able], level[able]
        warming = t - now_t[:, None]
        compensated = y - self.beta(c)[:, None] * np.where(np.isfinite(warming), warming, 0.0)
        raw_line, raw_base, raw_slope = _line(y)
        line, base, slope = _line(compensated)
        level_compensated, _ = medians(compensated[:, :REFERENCE])
        raw, left = now - raw_line, now - line
        agree = np.sign(raw) == np.sign(left)
        smaller = np.where(np.abs(raw) < np.abs(left), raw, left)
        off = np.where(agree, smaller, 0.0)
        direction = np.sign(off)
        level_off = np.maximum(direction * (now - level), direction * (now - level_compensated))
        limits = self.limits
        limit = np.minimum(
            np.maximum(limits.limit_ue[c], limits.sigma[c] * self.scale[c]),
            np.maximum(limits.cap_ue[c], limits.limit_ue[c]),
        )
        self.limit[c] = limit
        self.moved_ue[c] = off
        noticeable = (np.abs(off) > np.maximum(0.4 * limit, 4 * self.scale[c])) & (level_off > 0.3 * limit)
        self.moving[c[noticeable]] = block
        quiet = np.minimum(np.abs(off), 3 * self.scale[c] + 1.0)
        free = self.pending[c] == 0
        self.scale[c[free]] += SCALE_LEARN * (1.25 * quiet[free] - self.scale[c[free]])
        found = free & (np.abs(off) >= limit) & (level_off >= 0.5 * limit)
        for i in np.flatnonzero(found).tolist():
            channel = int(c[i])
            gap = y[i, REFERENCE:] if abs(raw[i]) < abs(left[i]) else compensated[i, REFERENCE:]
            start, rate = (raw_base, raw_slope) if abs(raw[i]) < abs(left[i]) else (base, slope)
            ages = np.arange(-GAP + 1, 1)
            residual = direction[i] * (gap - start[i] - rate[i] * ages)
            standing = stands(
                residual, float(limit[i]), float(limits.hold[channel]), float(limits.smooth_hold[channel])
            )
            if standing is not None:
                onset, rise = standing
                self._fire(channel, block, onset, rise, float(off[i]))
                self.base[channel], self.slope[channel] = base[i], slope[i]
                self.base_t[channel] = now_t[i]

    def _fire(self, channel: int, block: int, onset: int, rise: int, off: float) -> None:
        again = bool(self.firing[channel]) and self.settled[channel] * off > 0
        self.moves[channel] += again
        self.firing[channel] = True
        self.pending[channel] = off
        self.onset[channel] = block - onset
        self.rise_s[channel] = rise * 60.0 / MINUTE
        self.returned[channel] = 0

    def _follow(self, block: int, c: npt.NDArray[np.int64], now: Float, now_t: Float) -> None:
        """Measure shifts that were found: gone again, or settled."""
        elapsed = np.minimum(block - self.onset[c], GAP + 4 * MINUTE)
        fired_at = self.onset[c]
        del fired_at
        warming = now_t - self.base_t[c]
        expected = self.base[c] + self.beta(c) * np.where(np.isfinite(warming), warming, 0.0)
        off = now - expected - 0.0 * elapsed
        back = np.abs(off) < 0.4 * np.abs(self.pending[c])
        back |= np.sign(off) != np.sign(self.pending[c])
        self.returned[c] = np.where(back, self.returned[c] + 1, 0)
        grows = np.abs(off) > np.abs(self.pending[c])
        self.pending[c] = np.where(grows, off, self.pending[c])
        gone = self.returned[c] >= NOW
        for channel in c[gone].tolist():
            self._drop(channel, block, 0.0)
        due = ~gone & (block - self.onset[c] >= COMMIT)
        for channel, shift in zip(c[due].tolist(), off[due].tolist(), strict=True):
            self._drop(channel, block, shift)

    def _drop(self, channel: int, block: int, shift: float) -> None:
        """End the watch of a found shift: what was before the onset is lifted to the new state."""
        onset = int(self.onset[channel])
        blocks = np.arange(block - RING + 1, block + 1)
        before = blocks[blocks < onset - 1] % RING
        during = blocks[(blocks >= onset - 1) & (blocks < min(onset + 12 * MINUTE, block - NOW))] % RING
        self.strain[channel, before] += np.float32(shift)
        self.strain[channel, during] = np.nan
        self.mean_y[channel] += shift
        self.settled[channel] += shift
        self.pending[channel] = 0.0
        self.onset[channel] = -1
        limit = self.limits.limit_ue[channel]
        if abs(self.settled[channel]) < 0.6 * limit:
            self.settled[channel] = 0.0
            self.firing[channel] = False
            self.moves[channel] = 0


def stands(residual: Float, limit: float, hold: float, smooth_hold: float) -> tuple[int, int] | None:
    """Whether a movement has stood long enough: (blocks since its onset, blocks that it took), or None.

    residual : float64[GAP]  Distance from the prediction in the direction of the movement [µε], newest last.
    limit : float  [µε]. hold, smooth_hold : float  [blocks].
    """
    known = np.flatnonzero(np.isfinite(residual))
    if len(known) < NOW:
        return None
    smooth = _smoothed(residual[known])
    reached = float(np.median(smooth[-NOW:]))
    if reached < 0.9 * limit or residual[known[-3:]].min() < 0.5 * reached:
        return None
    low = np.flatnonzero(smooth < 0.2 * reached)
    first = int(low[-1]) + 1 if len(low) else 0
    since = GAP - int(known[first])
    early = smooth[max(0, first - RISE) : first + 1]
    top = np.flatnonzero(smooth[first:] >= 0.8 * reached)
    rise = int(known[first + int(top[0])] - known[first]) + 1 if len(top) else GAP
    window = smooth[np.maximum(np.arange(len(smooth)) - RISE, 0)]
    if float((smooth - window)[first:].max(initial=0.0)) < 0.75 * min(reached, 1.2 * limit) and len(early):
        return None
    if since >= hold:
        return since, rise
    steps = np.abs(np.diff(residual[known]))
    two = np.abs(residual[known][2:] - residual[known][:-2])[max(0, first - 3) :]
    noise = float(np.median(steps)) * 1.5
    smoothly = len(two) > 0 and float(two.max()) <= 0.25 * reached + 2.5 * noise
    smoothly = smoothly and 2.5 * noise < 0.2 * reached and rise >= 2.5 * MINUTE
    return (since, rise) if smoothly and since >= smooth_hold else None


def medians(values: Float) -> tuple[Float, npt.NDArray[np.int64]]:
    """Median along each row of what is finite, NaN where nothing is; and how much is finite.

    values : float64[k, m]. Returns float64[k], int64[k].
    """
    ordered = np.sort(values, axis=1)
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, values.shape[1] - 1)
    middle = 0.5 * (ordered[rows, low] + ordered[rows, high])
    return np.where(n > 0, middle, np.nan), n


def _line(y: Float) -> tuple[Float, Float, Float]:
    """Tukey's resistant line through the reference, told for the newest block: (value in the middle of the
    newest two minutes, value now, slope per block); flat where an outer third is not known.
    """
    ages = np.arange(-RING + 1, 1, dtype=np.float64)
    first, n_first = medians(y[:, :THIRD])
    last, n_last = medians(y[:, REFERENCE - THIRD : REFERENCE])
    where = np.where(np.isfinite(y[:, :REFERENCE]), ages[:REFERENCE], np.nan)
    at_first, _ = medians(where[:, :THIRD])
    at_last, _ = medians(where[:, REFERENCE - THIRD :])
    known = (n_first >= LEAST_THIRD) & (n_last >= LEAST_THIRD)
    slope = np.where(known, (last - first) / np.where(known, at_last - at_first, 1.0), 0.0)
    base, _ = medians(y[:, :REFERENCE] - slope[:, None] * ages[:REFERENCE])
    return base - slope * (NOW - 1) / 2, base, slope


def _smoothed(values: Float) -> Float:
    """Running median of three; the ends as they are."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])


def _latest(t: Float) -> Float:
    """The newest finite value of each row; NaN where there is none."""
    position = np.where(np.isfinite(t), np.arange(t.shape[1]), -1).max(axis=1)
    return np.where(position >= 0, t[np.arange(len(t)), np.maximum(position, 0)], np.nan)
