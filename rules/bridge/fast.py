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

from rules.bridge.onset import Movement, movement

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

MINUTE: Final = 3
"""Blocks in a minute."""
REFERENCE: Final = 32 * MINUTE
GAP: Final = 16 * MINUTE
RING: Final = REFERENCE + GAP
THIRD: Final = REFERENCE // 3
NOW: Final = 2 * MINUTE
RISE: Final = 10 * MINUTE
LEAST_REFERENCE: Final = 10 * MINUTE
SURE_REFERENCE: Final = 24 * MINUTE
"""With less than this the slope is little known: then strain itself must leap, too."""
LEAST_THIRD: Final = 8
FAST_INTERVAL: Final = 2 * MINUTE + 1
"""A gauge whose cells are further apart is too slow for this test."""
COMMIT: Final = 20 * MINUTE
"""A shift that has stood this long since its onset is the new state."""
LONGEST_RISE: Final = 33
"""What takes longer than 11 minutes is the slow test's."""
LEAST_SMOOTH: Final = 11
"""What takes less than this may be vehicles that stop one after the other."""
LASTING: Final = 5
"""Newest blocks that must still show the movement, one left out."""
OUTRUNS: Final = 2.0
"""An imposed movement is this many times as quick as the warming before it."""
LEAP_REACH: Final = 26 * MINUTE
WATCH: Final = 25 * MINUTE
"""A channel that left its prediction and neither stands nor returns is no longer watched."""
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
        "since",
        "onset",
        "away",
        "raw_base",
        "raw_slope",
        "base",
        "slope",
        "base_t",
        "returned",
        "peak",
        "moves",
        "rise_s",
        "moving",
        "off",
        "limit",
        "sure",
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
        self.since, self.onset = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        self.away, self.raw_base, self.raw_slope = np.zeros(n), np.zeros(n), np.zeros(n)
        self.base, self.slope, self.base_t = np.zeros(n), np.zeros(n), np.full(n, np.nan)
        self.returned = np.zeros(n, np.int16)
        self.moves = np.zeros(n, np.int16)
        self.rise_s = np.zeros(n)
        self.moving = np.full(n, -(10**12), np.int64)
        self.off, self.peak = np.zeros(n), np.zeros(n)
        self.limit = np.full(n, np.nan)
        self.sure = np.zeros(n, bool)

    @property
    def shift_ue(self) -> Float:
        """float64[c]  Movement that is there now [µε]."""
        return self.settled + self.pending

    def beta(self, c: Int) -> Float:
        """float64[k]  Apparent strain for 1 °C as learned, drawn to 0 while little is known [µε/°C]."""
        noise = self.scale[c] ** 2 + 1.0
        prior = noise / self.beta_prior[c] ** 2
        mass = 180 * MINUTE * self.var_t[c]
        beta: Float = 180 * MINUTE * self.cov[c] / (mass + prior * 30)
        return np.clip(beta, -3 * self.beta_prior[c], 3 * self.beta_prior[c])

    def step(self, block: int, c: Int, strain: Float, temperature: Float) -> None:
        """Take the cells of one block (finite strain; temperature may be NaN) and judge their channels."""
        quick = (block - self.last[c] <= FAST_INTERVAL) & (self.last[c] >= 0)
        self._store(block, c, strain, temperature)
        c, strain, temperature = c[quick], strain[quick], temperature[quick]
        if len(c) == 0:
            return
        columns = np.arange(block - RING + 1, block + 1) % RING
        y = self.strain[c][:, columns].astype(np.float64)
        t = self.temperature[c][:, columns].astype(np.float64)
        seen = np.isfinite(y[:, -NOW:]).sum(axis=1) >= 2
        free = seen & (self.since[c] < 0)
        if free.any():
            self._search(block, c[free], y[free], t[free])
        for i in np.flatnonzero(seen & (self.since[c] >= 0)).tolist():
            self._watch(block, int(c[i]), y[i], t[i])
        self._learn(c, strain, temperature)

    def forget(self, c: Int) -> None:
        """Begin anew with these channels (faulty, or re-based after work on the bridge)."""
        self.strain[c], self.temperature[c] = np.nan, np.nan
        self.firing[c] = False
        for array in (self.settled, self.pending, self.off, self.rise_s, self.moves, self.weight):
            array[c] = 0
        self.since[c] = self.onset[c] = -1

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            mine = getattr(self, name)
            mine[: len(state[name])] = state[name]

    # --- steps -----------------------------------------------------------------------------------

    def _store(self, block: int, c: Int, strain: Float, temperature: Float) -> None:
        ahead = block - self.last[c]
        for i in np.flatnonzero(ahead > 1).tolist():
            row, since = c[i], max(int(self.last[c[i]]) + 1, block - RING + 1)
            gap = np.arange(since, block + 1) % RING
            self.strain[row, gap], self.temperature[row, gap] = np.nan, np.nan
        self.strain[c, block % RING] = strain
        self.temperature[c, block % RING] = temperature
        self.last[c] = block

    def _learn(self, c: Int, strain: Float, temperature: Float) -> None:
        known = np.isfinite(temperature) & (self.since[c] < 0)
        c, strain, temperature = c[known], strain[known], temperature[known]
        rate = np.maximum(LEARN, 1.0 / (self.weight[c] + 1.0))
        self.weight[c] += 1.0
        dt, dy = temperature - self.mean_t[c], strain - self.mean_y[c]
        self.mean_t[c] += rate * dt
        self.mean_y[c] += rate * dy
        self.var_t[c] += rate * ((1 - rate) * dt * dt - self.var_t[c])
        self.cov[c] += rate * ((1 - rate) * dt * dy - self.cov[c])

    def _search(self, block: int, c: Int, y: Float, t: Float) -> None:
        """Channels that leave what the half hour before lets expect are watched from now on."""
        level, known = medians(y[:, :REFERENCE])
        able = known >= LEAST_REFERENCE
        if not able.any():
            return
        c, y, t, level = c[able], y[able], t[able], level[able]
        now, now_t = medians(y[:, -NOW:])[0], _latest(t)
        warming = t - now_t[:, None]
        compensated = y - self.beta(c)[:, None] * np.where(np.isfinite(warming), warming, 0.0)
        raw_base, raw_slope = _line(y)
        base, slope = _line(compensated)
        middle = (NOW - 1) / 2
        off = _nearer(now - raw_base + raw_slope * middle, now - base + slope * middle)
        level_compensated, _ = medians(compensated[:, :REFERENCE])
        direction = np.sign(off)
        level_off = np.maximum(direction * (now - level), direction * (now - level_compensated))
        limits = self.limits
        limit = np.minimum(
            np.maximum(limits.limit_ue[c], limits.sigma[c] * self.scale[c]),
            np.maximum(limits.cap_ue[c], limits.limit_ue[c]),
        )
        self.limit[c], self.off[c] = limit, off
        quiet = np.minimum(np.abs(off), 3 * self.scale[c] + 1.0)
        self.scale[c] += SCALE_LEARN * (1.25 * quiet - self.scale[c])
        leaves = (np.abs(off) >= 0.5 * limit) & (level_off >= 0.3 * limit)
        new = c[leaves]
        self.since[new] = block
        self.away[new] = direction[leaves]
        self.raw_base[new], self.raw_slope[new] = raw_base[leaves], raw_slope[leaves]
        self.base[new], self.slope[new], self.base_t[new] = base[leaves], slope[leaves], now_t[leaves]
        self.returned[new] = 0
        self.peak[new] = 0.0
        self.sure[new] = known[able][leaves] >= SURE_REFERENCE

    def _watch(self, block: int, channel: int, y: Float, t: Float) -> None:
        """Follow one channel that left its prediction: back again, standing, or settled."""
        ages = np.arange(block - RING + 1, block + 1) - int(self.since[channel])
        warming = t - self.base_t[channel]
        beta = float(self.beta(np.array([channel]))[0])
        expected = self.base[channel] + self.slope[channel] * ages
        expected = expected + beta * np.where(np.isfinite(warming), warming, 0.0)
        raw_expected = self.raw_base[channel] + self.raw_slope[channel] * ages
        direction, limit = float(self.away[channel]), float(self.limit[channel])
        residual = direction * _nearer(y - raw_expected, y - expected)
        now = float(np.nanmedian(residual[-NOW:]))
        self.off[channel] = direction * now
        if now > max(0.4 * limit, 4 * self.scale[channel]):
            self.moving[channel] = block
        found = self.pending[channel] != 0
        self.peak[channel] = max(self.peak[channel], now)
        back = now < 0.4 * limit or now < 0.5 * self.peak[channel]
        self.returned[channel] = self.returned[channel] + 1 if back else 0
        if self.returned[channel] >= NOW:
            # One that crossed to the other side is no load that left: what comes next must not be hidden.
            self._end_watch(channel, block, 0.0, masks=found or now > -0.4 * limit)
            return
        if found:
            self.pending[channel] = direction * max(abs(self.pending[channel]), now)
            if block - self.onset[channel] >= COMMIT:
                self.pending[channel] = direction * now
                self._end_watch(channel, block, direction * now, masks=True)
            return
        standing = None
        leap = 0.0
        if now >= limit:
            leap = leaps(residual[-LEAP_REACH:])
            less_t = y - beta * np.where(np.isfinite(warming), warming, 0.0)
            bare = [leaps(direction * z[-LEAP_REACH:]) for z in (y, less_t)]
            leap = min(leap, 1.1 * max(bare) if self.sure[channel] else min(bare))
        if leap >= limit:
            standing = stands(
                residual[REFERENCE:],
                limit,
                float(self.limits.hold[channel]),
                float(self.limits.smooth_hold[channel]),
                min(abs(float(self.raw_slope[channel])), abs(float(self.slope[channel]))),
            )
        if standing is not None:
            onset, rise = standing
            self.moves[channel] += bool(self.firing[channel]) and self.settled[channel] * direction > 0
            self.firing[channel] = True
            self.pending[channel] = direction * now
            self.onset[channel] = block - onset
            self.rise_s[channel] = rise * 60.0 / MINUTE
        elif block - self.since[channel] > WATCH:
            self._end_watch(channel, block, 0.0, masks=False)

    def _end_watch(self, channel: int, block: int, shift: float, *, masks: bool) -> None:
        """What was before the movement is lifted to the state after it; the movement itself is left out."""
        blocks = np.arange(block - RING + 1, block + 1)
        onset = (
            int(self.onset[channel]) if self.onset[channel] >= 0 else int(self.since[channel]) - 4 * MINUTE
        )
        if masks:
            before = blocks[blocks < onset - MINUTE] % RING
            until = min(onset + 12 * MINUTE, block - NOW) if shift else block - NOW
            during = blocks[(blocks >= onset - MINUTE) & (blocks < until)] % RING
            self.strain[channel, before] += np.float32(shift)
            self.strain[channel, during] = np.nan
            self.mean_y[channel] += shift
        self.settled[channel] += shift
        self.pending[channel] = 0.0
        self.onset[channel] = self.since[channel] = -1
        self.returned[channel] = 0
        if abs(self.settled[channel]) < 0.6 * self.limits.limit_ue[channel]:
            self.settled[channel] = 0.0
            self.firing[channel] = False
            self.moves[channel] = 0


def stands(
    residual: Float, limit: float, hold: float, smooth_hold: float, drift: float = 0.0
) -> tuple[int, int] | None:
    """Whether a movement has stood long enough: (blocks since its onset, blocks that it took), or None.

    residual : float64[GAP]  Distance from the prediction in the direction of the movement [µε], newest last.
    limit : float  [µε]. hold, smooth_hold : float  [blocks].
    drift : float  Slope that was there before [µε a block]: what moves as slowly as that is not imposed.
    """
    known = residual[np.isfinite(residual)]
    if len(known) < NOW:
        return None
    reached = float(np.median(known[-NOW:]))
    if reached < 0.9 * limit or np.sort(known[-LASTING:])[1] < 0.5 * reached:
        return None
    fit = movement(residual)
    if fit is None or not _imposed(fit, reached, limit, drift):
        return None
    long = fit.onset >= hold
    if long or (fit.onset >= max(smooth_hold, fit.rise + LASTING) and _smooth(fit, residual)):
        return fit.onset, fit.rise
    return None


def _imposed(fit: Movement, reached: float, limit: float, drift: float) -> bool:
    """Whether the movement is great, has ended where it is now, and outran the warming before it."""
    share = 0.8 if fit.rise <= LEAST_SMOOTH else 1.0
    great = fit.height >= share * limit and fit.rise <= LONGEST_RISE
    ended = abs(reached - fit.before - fit.height) <= 0.35 * fit.height and fit.noise <= 0.25 * fit.height
    return great and ended and fit.height >= OUTRUNS * drift * max(fit.rise, LEAST_SMOOTH)


def _smooth(fit: Movement, residual: Float) -> bool:
    """Whether no vehicles brought it: a ramp explains it better than two steps, and no leap is in it."""
    if fit.rise < LEAST_SMOOTH or fit.gain < max(0.55 * fit.height**2 * fit.rise / 48, 8 * fit.noise**2):
        return False
    during = residual[-fit.onset :][: fit.rise + 2]
    during = during[np.isfinite(during)]
    if len(during) < LEAST_SMOOTH // 2:
        return False
    jump = float(np.max(during[2:] - during[:-2]))
    return jump <= (2 / fit.rise + 0.06) * fit.height + 2.5 * fit.noise


def leaps(series: Float) -> float:
    """Greatest rise within 10 minutes of minute medians in the newest part of a series [µε]."""
    minutes, _ = medians(series[len(series) % MINUTE :].reshape(-1, MINUTE))
    if len(minutes) <= RISE // MINUTE:
        return 0.0
    rises = [
        minutes[i] - minutes[max(0, i - RISE // MINUTE) : i + 1]
        for i in range(RISE // MINUTE // 2, len(minutes))
    ]
    return float(np.nanmax([np.nanmax(rise, initial=0.0) for rise in rises], initial=0.0))


def medians(values: Float) -> tuple[Float, Int]:
    """Median along each row of what is finite, NaN where nothing is; and how much is finite.

    values : float64[k, m]. Returns float64[k], int64[k].
    """
    ordered = np.sort(values, axis=1)
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, values.shape[1] - 1)
    middle = 0.5 * (ordered[rows, low] + ordered[rows, high])
    return np.where(n > 0, middle, np.nan), n


def _line(y: Float) -> tuple[Float, Float]:
    """Tukey's resistant line through each row's reference: (value at the newest block, slope per block).

    The thirds are those of what is known; the line is flat where that is too short.
    """
    reference = y[:, :REFERENCE]
    known = np.isfinite(reference)
    ages = np.arange(-RING + 1, -RING + 1 + REFERENCE, dtype=np.float64)
    first = np.argmax(known, axis=1)
    third = (REFERENCE - first) // 3
    place = np.arange(REFERENCE)
    left = known & (place < (first + third)[:, None])
    right = known & (place >= (REFERENCE - third)[:, None])
    y_left, n_left = medians(np.where(left, reference, np.nan))
    y_right, n_right = medians(np.where(right, reference, np.nan))
    x_left, _ = medians(np.where(left, ages, np.nan))
    x_right, _ = medians(np.where(right, ages, np.nan))
    enough = (n_left >= LEAST_THIRD) & (n_right >= LEAST_THIRD)
    slope = np.where(enough, (y_right - y_left) / np.where(enough, x_right - x_left, 1.0), 0.0)
    base, _ = medians(reference - slope[:, None] * ages)
    return base, slope


def _nearer(a: Float, b: Float) -> Float:
    """The smaller of two deviations where they agree in sign, else 0; NaN where one is unknown."""
    agreed = np.where(np.sign(a) == np.sign(b), np.where(np.abs(a) < np.abs(b), a, b), 0.0)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, agreed)


def _latest(t: Float) -> Float:
    """The newest finite value of each row; NaN where there is none."""
    position = np.where(np.isfinite(t), np.arange(t.shape[1]), -1).max(axis=1)
    return np.where(position >= 0, t[np.arange(len(t)), np.maximum(position, 0)], np.nan)
