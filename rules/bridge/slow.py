"""Drift over days to months: CUSUM and EWMA on whitened daily residuals, Theil–Sen for the slope.

Until `training_days` a channel only learns. Then its model judges each day; weeks that have passed
without alarm still teach it, a month late, until a year is complete: then it is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.compensation import NONE, TERMS, Compensation

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

KEPT_DAYS: Final = 128
"""Days whose residuals are kept for slope and noise."""
RHO_PRIOR: Final = 0.4
RHO_PRIOR_DAYS: Final = 15.0
RHO_MOST: Final = 0.8
SIGMA_PRIOR_UE: Final = 2.0
SIGMA_PRIOR_DAYS: Final = 4.0
MODEL_ALLOWANCE: Final = 1.5
"""Standard errors of the model that a lasting residual is forgiven."""
LEAST_TREND_DAYS: Final = 5
SUDDEN_UE: Final = 12.0
SUDDEN_SIGMA: Final = 6.0
"""An hour so many usual deviations from the latest quiet day is no weather."""
SUDDEN_HOURS: Final = 3
HOUR_SPREAD_UE: Final = 3.0
HOUR_SPREAD_COUNT: Final = 12.0
HOURS_KNOWN: Final = 24
"""Hours of the model's own that must be seen before one of them can be called unusual."""


@dataclass(frozen=True, slots=True)
class SlowLimits:
    """By channel, float64[c]: see `config.bridge_rules.SlowDriftLimits`."""

    training_days: Float
    year_days: Float
    cusum_k: Float
    cusum_h: Float
    pair_h: Float
    ewma_lambda: Float
    ewma_limit: Float
    least_ue: Float
    sigma_floor_ue: Float


class SlowDrift:
    """State of the slow test over all channels.

    up, down : float64[c]  The CUSUMs [σ]. ewma : float64[c]  [σ of the EWMA].
    sigma, rho : float64[c]  Daily residual's spread [µε] and autocorrelation.
    days : int64[c]  Days learned or judged.
    frozen, complete : bool[c]  A model judges; a year is in.
    moved : bool[c]  Beyond a limit by itself. leaning : int8[c]  Sign in which it is beyond `pair_h`, or 0.
    residual_ue : float64[c]  Mean of the newest three daily residuals.
    sudden : int8[c]  Sign in which the newest hours all lie far from the latest quiet day, or 0.
    sudden_ue : float64[c]  How far, smoothed over some hours [µε].
    """

    _STATE: Final = (
        "day",
        "sum_row",
        "sum_value",
        "hours",
        "compensated_hours",
        "days",
        "frozen",
        "complete",
        "sigma",
        "rho",
        "up",
        "down",
        "ewma",
        "up_since",
        "down_since",
        "last_residual",
        "last_day",
        "kept",
        "kept_row",
        "kept_day",
        "moved",
        "leaning",
        "residual_ue",
        "weekday",
        "with_temperature",
        "temperature_part",
        "s0",
        "s1",
        "sn",
        "model_error",
        "quiet_ue",
        "hour_spread",
        "hours_judged",
        "run",
        "sudden",
        "sudden_ue",
    )

    def __init__(self, n: int, limits: SlowLimits, model: Compensation) -> None:
        self.limits, self.model = limits, model
        self.day = np.full(n, NONE, np.int64)
        self.sum_row, self.sum_value = np.zeros((n, TERMS)), np.zeros(n)
        self.hours, self.compensated_hours = np.zeros(n), np.zeros(n)
        self.days, self.weekday = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.frozen, self.complete = np.zeros(n, bool), np.zeros(n, bool)
        self.with_temperature = np.zeros(n, bool)
        self.sigma, self.rho = np.full(n, np.nan), np.full(n, RHO_PRIOR)
        self.up, self.down, self.ewma = np.zeros(n), np.zeros(n), np.zeros(n)
        self.up_since, self.down_since = np.full(n, NONE, np.int64), np.full(n, NONE, np.int64)
        self.last_residual, self.last_day = np.zeros(n), np.full(n, NONE, np.int64)
        self.kept = np.full((n, KEPT_DAYS), np.nan, np.float32)
        self.kept_row = np.zeros((n, 32, TERMS), np.float32)
        self.kept_day = np.full((n, KEPT_DAYS), NONE, np.int64)
        self.moved, self.leaning = np.zeros(n, bool), np.zeros(n, np.int8)
        self.residual_ue, self.temperature_part = np.zeros(n), np.zeros(n)
        self.s0, self.s1, self.sn = np.zeros(n), np.zeros(n), np.zeros(n)
        self.model_error = np.zeros(n)
        self.quiet_ue, self.sudden_ue = np.zeros(n), np.zeros(n)
        self.hour_spread, self.hours_judged = np.full(n, HOUR_SPREAD_UE), np.zeros(n, np.int64)
        self.run, self.sudden = np.zeros(n, np.int64), np.zeros(n, np.int8)

    def add(self, c: Int, hour: Int, row: Float, value: Float, compensated: Bool) -> Int:
        """Take hours; return the channels whose day is over and judged (or learned).

        row : float64[k, TERMS]. value : float64[k]  Strain [µε]. compensated : bool[k]  Temperature is known.
        """
        day = hour // 24
        over: Int = c[(self.day[c] != day) & (self.hours[c] > 0)]
        self._end_days(over)
        self.day[c] = day
        usable = compensated | ~self.with_temperature[c]
        self.with_temperature[c] |= compensated
        c, hour, row, value = c[usable], hour[usable], row[usable], value[usable]
        changed = self._hour(c, row, value)
        learns = ~self.complete[c] & ~self.moved[c] & (self.run[c] == 0)
        self.model.learn(c[learns], hour[learns], row[learns], value[learns], self.frozen[c[learns]])
        self.sum_row[c] += row
        self.sum_value[c] += value
        self.hours[c] += 1
        return np.union1d(over, changed)

    def _hour(self, c: Int, row: Float, value: Float) -> Int:
        """Compare hours with the latest quiet day; return the channels whose `sudden` is or was set."""
        c, row, value = c[self.frozen[c]], row[self.frozen[c]], value[self.frozen[c]]
        if len(c) == 0:
            return c
        off = self.model.residual(c, row, value) - self.quiet_ue[c]
        spread = np.maximum(self.hour_spread[c], self.sigma[c])
        limit = np.maximum(SUDDEN_UE, SUDDEN_SIGMA * spread) + 2.0 * self.model_error[c]
        far = (np.abs(off) > limit) & (self.hours_judged[c] >= HOURS_KNOWN)
        again = far & (self.run[c] > 0) & (np.sign(off) == np.sign(self.sudden_ue[c]))
        self.run[c] = np.where(again, self.run[c] + 1, far.astype(np.int64))
        self.sudden_ue[c] = np.where(again, 0.6 * self.sudden_ue[c] + 0.4 * off, off)
        was = self.sudden[c] != 0
        self.sudden[c] = np.where(self.run[c] >= SUDDEN_HOURS, np.sign(off), 0).astype(np.int8)
        self.hours_judged[c] += 1
        share = 1.0 / np.minimum(self.hours_judged[c] + HOUR_SPREAD_COUNT, 500.0)
        size = np.minimum(1.25 * np.abs(off), 3 * self.hour_spread[c] + 1.0)
        self.hour_spread[c] += np.where(far, 0.0, share * (size - self.hour_spread[c]))
        found: Int = c[was | (self.sudden[c] != 0)]
        return found

    def forget(self, c: Int) -> None:
        """Begin anew with these channels."""
        self.model.forget(c)
        for array in (
            self.sum_row,
            self.sum_value,
            self.hours,
            self.days,
            self.weekday,
            self.up,
            self.down,
            self.ewma,
            self.last_residual,
            self.residual_ue,
            self.temperature_part,
            self.s0,
            self.s1,
            self.sn,
            self.quiet_ue,
            self.sudden_ue,
            self.hours_judged,
            self.run,
            self.sudden,
        ):
            array[c] = 0
        self.hour_spread[c] = HOUR_SPREAD_UE
        for flags in (self.frozen, self.complete, self.moved, self.with_temperature):
            flags[c] = False
        self.leaning[c] = 0
        self.kept[c] = np.nan
        self.sigma[c], self.rho[c] = np.nan, RHO_PRIOR
        self.last_day[c] = self.up_since[c] = self.down_since[c] = NONE

    def skip(self, c: Int) -> None:
        """The day that is under way is not to be trusted for these channels."""
        self.sum_row[c], self.sum_value[c], self.hours[c] = 0, 0, 0
        self.model.hour[c] = NONE

    def trend(self, channel: int, days: int = 90) -> tuple[float, float, int]:
        """Theil–Sen slope of one channel's residuals [µε/month], p of Mann–Kendall, and days used."""
        since = max(int(self.last_day[channel]) - days, self._began(channel) - 1)
        order = np.argsort(self.kept_day[channel])
        x = self.kept_day[channel][order].astype(np.float64)
        y = self.kept[channel][order].astype(np.float64)
        good = np.isfinite(y) & (x > since)
        return theil_sen(x[good], y[good], float(self.rho[channel]))

    def side(self, c: Int) -> npt.NDArray[np.int8]:
        """int8[k]  Sign of the greater CUSUM."""
        return np.where(self.up[c] >= self.down[c], 1, -1).astype(np.int8)

    def began(self, c: Int) -> Int:
        """int64[k]  Day on which the greater CUSUM left zero."""
        return np.where(self.up[c] >= self.down[c], self.up_since[c], self.down_since[c])

    def _began(self, channel: int) -> int:
        """Day on which the movement began, as the CUSUM has it."""
        since = self.up_since if self.up[channel] >= self.down[channel] else self.down_since
        began = int(since[channel])
        return began - 3 if began != NONE else NONE + 1

    def _end_days(self, c: Int) -> None:
        if len(c) == 0:
            return
        row = self.sum_row[c] / self.hours[c][:, None]
        value = self.sum_value[c] / self.hours[c]
        day = self.day[c].copy()
        self.sum_row[c], self.sum_value[c], self.hours[c] = 0, 0, 0
        self.days[c] += 1
        self.weekday[c] += 1
        slot = (self.days[c] - 1) % KEPT_DAYS
        self.kept_day[c, slot] = day
        frozen = self.frozen[c]
        young = ~frozen
        self.kept[c[young], slot[young]] = value[young]
        self.kept_row[c[young], (self.days[c[young]] - 1) % 32] = row[young]
        self._judge(c[frozen], day[frozen], row[frozen], value[frozen], slot[frozen])
        self._freeze(c[young & (self.days[c] >= self.limits.training_days[c])])
        week = c[frozen & (self.weekday[c] >= 7) & ~self.complete[c]]
        if len(week):
            self.weekday[week] = 0
            self.model.week_over(week, ~self.moved[week])
            self.complete[week] |= self.days[week] >= self.limits.year_days[week]

    def _freeze(self, c: Int) -> None:
        """The first model: noise and its memory from the training's own days."""
        self.model.solve(c)
        for channel in c.tolist():
            n = int(min(self.days[channel], 32))
            slots = np.arange(self.days[channel] - n, self.days[channel])
            values = self.kept[channel, slots % KEPT_DAYS].astype(np.float64)
            rows = self.kept_row[channel, slots % 32].astype(np.float64)
            residual = values - self.model.origin[channel] - rows @ self.model.theta[channel]
            self.kept[channel] = np.nan
            self.kept[channel, slots % KEPT_DAYS] = residual
            self.s0[channel] = float(residual @ residual) * n / max(n - 3, 1)
            self.s1[channel] = float(residual[1:] @ residual[:-1])
            self.sn[channel] = n
            self.last_residual[channel] = residual[-1]
            self.quiet_ue[channel] = residual[-1]
            self.last_day[channel] = self.kept_day[channel, slots[-1] % KEPT_DAYS]
            self.frozen[channel] = True
            self.weekday[channel] = 0
        self._noise(c)

    def _noise(self, c: Int) -> None:
        prior = SIGMA_PRIOR_UE**2 * SIGMA_PRIOR_DAYS
        variance = (self.s0[c] + prior) / (self.sn[c] + SIGMA_PRIOR_DAYS)
        self.sigma[c] = np.maximum(np.sqrt(variance), self.limits.sigma_floor_ue[c])
        mass = self.s0[c] / np.maximum(self.sn[c], 1) * RHO_PRIOR_DAYS
        rho = (self.s1[c] + RHO_PRIOR * mass) / np.maximum(self.s0[c] + mass, 1e-9)
        self.rho[c] = np.clip(rho, 0.0, RHO_MOST)

    def _judge(self, c: Int, day: Int, row: Float, value: Float, slot: Int) -> None:
        if len(c) == 0:
            return
        limits = self.limits
        residual = self.model.residual(c, row, value)
        self.kept[c, slot] = residual
        self.temperature_part[c] = np.einsum("ki,ki->k", row[:, 1:4], self.model.theta[c][:, 1:4])
        gap = np.clip(day - self.last_day[c], 1, 30)
        rho = self.rho[c] ** gap
        spread = self.sigma[c] * np.sqrt(1 - rho**2)
        whitened = (residual - rho * self.last_residual[c]) / spread
        self.model_error[c] = self.model.uncertainty(c, row)
        k = limits.cusum_k[c] + MODEL_ALLOWANCE * (1 - rho) * self.model_error[c] / spread
        step = np.clip(whitened, -6, 6)
        most = 2 * limits.cusum_h[c]
        for side, since, sign in ((self.up, self.up_since, 1.0), (self.down, self.down_since, -1.0)):
            risen = np.clip(side[c] + sign * step - k, 0.0, most)
            since[c] = np.where(risen <= 0, NONE, np.where(since[c] == NONE, day, since[c]))
            side[c] = risen
        lam = limits.ewma_lambda[c]
        scale = np.sqrt(lam / (2 - lam))
        self.ewma[c] = (1 - lam) * self.ewma[c] + lam * step / scale
        recent = np.stack([self.kept[c, (slot - i) % KEPT_DAYS] for i in range(3)], axis=1)
        self.residual_ue[c] = np.nanmean(recent.astype(np.float64), axis=1)
        enough = np.abs(self.residual_ue[c]) >= np.maximum(limits.least_ue[c], self.sigma[c])
        up, down = self.up[c], self.down[c]
        agree_up, agree_down = enough & (self.residual_ue[c] > 0), enough & (self.residual_ue[c] < 0)
        allowance = 1.0 + self.model_error[c] / self.sigma[c]
        strong = np.abs(self.ewma[c]) > limits.ewma_limit[c] * allowance
        over = (agree_up & (up > limits.cusum_h[c])) | (agree_down & (down > limits.cusum_h[c]))
        over |= enough & strong & (np.sign(self.ewma[c]) == np.sign(self.residual_ue[c]))
        stays = self.moved[c] & (
            np.abs(self.residual_ue[c]) >= 0.5 * np.maximum(limits.least_ue[c], self.sigma[c])
        )
        self.moved[c] = over | stays
        pair = limits.pair_h[c]
        self.leaning[c] = np.where(agree_up & (up > pair), 1, np.where(agree_down & (down > pair), -1, 0))
        calm = ~self.moved[c] & (self.leaning[c] == 0) & ~self.complete[c]
        held = c[calm]
        kept = np.clip(residual[calm], -3 * self.sigma[held], 3 * self.sigma[held])
        follows = gap[calm] == 1
        before = np.clip(self.last_residual[held], -3 * self.sigma[held], 3 * self.sigma[held])
        self.s0[held] += kept**2
        self.s1[held] += np.where(follows, kept * before, 0.0)
        self.sn[held] += 1
        self._noise(held)
        self.last_residual[c], self.last_day[c] = residual, day
        quiet = self.run[c] == 0
        self.quiet_ue[c[quiet]] = residual[quiet]

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]


def theil_sen(day: Float, value: Float, rho: float) -> tuple[float, float, int]:
    """Slope [per 30 days], two-sided p of Mann–Kendall with the variance of an AR(1) of memory `rho`, n.

    Slope and p are NaN below `LEAST_TREND_DAYS`. Correction of the variance: n/n* of Hamed & Rao (1998)
    for an AR(1), (1 + ρ)/(1 - ρ).
    """
    n = len(day)
    if n < LEAST_TREND_DAYS:
        return float("nan"), float("nan"), n
    i, j = np.triu_indices(n, 1)
    apart = day[j] - day[i]
    slope = float(np.median((value[j] - value[i])[apart > 0] / apart[apart > 0]))
    score = float(np.sign(value[j] - value[i]).sum())
    variance = n * (n - 1) * (2 * n + 5) / 18 * (1 + rho) / (1 - rho)
    z = max(abs(score) - 1.0, 0.0) / np.sqrt(variance)
    return slope * 30.0, float(erfc(z / np.sqrt(2))), n
