"""Drift over days to months: CUSUM and EWMA on whitened daily residuals, Theil–Sen for the slope.

Until `training_days` a channel only learns. Then its model judges each day; weeks that have passed
without alarm still teach it, a month late, until a year is complete: then it is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rules.bridge.compensation import TERMS, Compensation
from rules.bridge.day_mean import DayMean
from rules.bridge.joint import Joint, JointLimits
from rules.bridge.noise import DailyNoise
from rules.bridge.teaching import NONE
from rules.bridge.trend import theil_sen

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

KEPT_DAYS: Final = 128
"""Days whose residuals are kept for slope and noise."""
MODEL_ALLOWANCE: Final = 1.0
YOUNG_ALLOWANCE: Final = 1.6
"""Standard errors of the model that a lasting residual is forgiven, with a year in and before."""
LEAST_TAUGHT: Final = 40
"""Hours that a first model needs: with one reading a day it judges after six weeks."""
ASIDE_DAYS: Final = 20
"""A gauge that was said to move by itself for so many days is no witness of its section's movement."""
BACK_DAYS: Final = 7
"""Days in a row that a gauge must be back where it was before it is said to move no more."""
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
    joint_p: Float
    joint_others_p: Float
    joint_others_alone_p: Float
    alone_sigma: Float
    ewma_lambda: Float
    ewma_limit: Float
    least_ue: Float
    sigma_floor_ue: Float
    stiffness_share: Float


class SlowDrift:
    """State of the slow test over all channels.

    up, down : float64[c]  The CUSUMs [σ]. ewma : float64[c]  [σ of the EWMA].
    noise : sigma, rho of the daily residual. joint : the gauges of a section together.
    days : int64[c]  Days learned or judged.
    frozen, complete : bool[c]  A model judges; a year is in.
    moved : bool[c]  Beyond a limit by itself. leaning : int8[c]  Sign in which it is beyond `pair_h`, or 0.
    residual_ue : float64[c]  Median of the newest three daily residuals: one bad day is no movement.
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
        "up",
        "down",
        "ewma",
        "up_since",
        "down_since",
        "last_residual",
        "last_day",
        "kept",
        "kept_day",
        "kept_cusum",
        "moved",
        "alone_since",
        "leaning",
        "residual_ue",
        "weekday",
        "with_temperature",
        "temperature_part",
        "model_error",
        "quiet_ue",
        "hour_spread",
        "hours_judged",
        "run",
        "sudden",
        "sudden_ue",
        "joint_sign",
        "small_days",
        "ended_day",
    )

    def __init__(self, n: int, limits: SlowLimits, model: Compensation, joint: Joint | None = None) -> None:
        self.limits, self.model, self.noise = limits, model, DailyNoise(n)
        self.mean = DayMean(n)
        self.joint = joint or Joint(np.arange(n, dtype=np.int32), np.ones(n, bool))
        self.day = np.full(n, NONE, np.int64)
        self.sum_row, self.sum_value = np.zeros((n, TERMS)), np.zeros(n)
        self.hours, self.compensated_hours = np.zeros(n), np.zeros(n)
        self.days, self.weekday = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.frozen, self.complete = np.zeros(n, bool), np.zeros(n, bool)
        self.with_temperature = np.zeros(n, bool)
        self.up, self.down, self.ewma = np.zeros(n), np.zeros(n), np.zeros(n)
        self.up_since, self.down_since = np.full(n, NONE, np.int64), np.full(n, NONE, np.int64)
        self.last_residual, self.last_day = np.zeros(n), np.full(n, NONE, np.int64)
        # A day of all channels side by side: they are written and asked for together.
        self.kept = np.full((n, KEPT_DAYS), np.nan, np.float32, order="F")
        self.kept_day = np.full((n, KEPT_DAYS), NONE, np.int64, order="F")
        self.kept_cusum = np.full((n, KEPT_DAYS), np.nan, np.float32, order="F")
        self.moved, self.leaning = np.zeros(n, bool), np.zeros(n, np.int8)
        self.alone_since = np.full(n, NONE, np.int64)
        self.residual_ue, self.temperature_part = np.zeros(n), np.zeros(n)
        self.model_error = np.zeros(n)
        self.quiet_ue, self.sudden_ue = np.zeros(n), np.zeros(n)
        self.hour_spread, self.hours_judged = np.full(n, HOUR_SPREAD_UE), np.zeros(n, np.int64)
        self.run, self.sudden = np.zeros(n, np.int64), np.zeros(n, np.int8)
        self.joint_sign, self.small_days = np.zeros(n, np.int8), np.zeros(n, np.int64)
        self.ended_day = np.full(n, NONE, np.int64)

    @property
    def sigma(self) -> Float:
        """float64[c]  Spread of the daily residual [µε]; NaN before a model judges."""
        return self.noise.sigma

    @property
    def rho(self) -> Float:
        """float64[c]  Its lag-1 autocorrelation."""
        return self.noise.rho

    def add(self, c: Int, hour: Int, row: Float, value: Float, compensated: Bool) -> Int:
        """Take hours; return the channels whose day is over and judged (or learned).

        row : float64[k, TERMS]. value : float64[k]  Strain [µε]. compensated : bool[k]  Temperature is known.
        """
        day = hour // 24
        over: Int = c[(self.day[c] != day) & (self.hours[c] > 0)]
        self._end_days(over)
        fresh = day > self.ended_day[c]
        self.day[c[fresh]] = day[fresh]
        usable = (compensated | ~self.with_temperature[c]) & (day > self.ended_day[c])
        self.with_temperature[c] |= compensated
        c, hour, row, value = _only(usable, c, hour, row, value)
        changed = self._hour(c, row, value)
        learns = ~self.complete[c] & ~self.moved[c] & (self.run[c] == 0)
        self.model.learn(c[learns], hour[learns], row[learns], value[learns], self.frozen[c[learns]])
        self.sum_row[c] += row
        self.sum_value[c] += value
        self.hours[c] += 1
        told = np.zeros(len(self.day), bool)
        told[over] = told[changed] = True
        return np.flatnonzero(told)

    def end_before(self, day: int) -> Int:
        """End what is open of days before `day`; return the channels whose day that was."""
        over = np.flatnonzero((self.hours > 0) & (self.day < day))
        self._end_days(over)
        return over

    def _hour(self, c: Int, row: Float, value: Float) -> Int:
        """Compare hours with the latest quiet day; return the channels whose `sudden` is or was set."""
        c, row, value = _only(self.frozen[c], c, row, value)
        if len(c) == 0:
            return c
        off = self.model.residual(c, row, value) - self.quiet_ue[c]
        self.mean.add(c, off)
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
        self.leaning[c] = self.joint_sign[c] = self.small_days[c] = 0
        self.kept[c] = np.nan
        self.noise.forget(c)
        self.joint.forget(c)
        self.mean.clear(c)
        self.ended_day[c] = NONE
        self.kept_cusum[c] = np.nan
        self.last_day[c] = self.up_since[c] = self.down_since[c] = self.alone_since[c] = NONE

    def skip(self, c: Int) -> None:
        """The day that is under way is not to be trusted for these channels."""
        self.sum_row[c], self.sum_value[c], self.hours[c] = 0, 0, 0
        self.model.hours.at[c] = NONE
        self.mean.clear(c)

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
        value = self.sum_value[c] / self.hours[c] - self.mean.end(c, self.hour_spread[c])
        day = self.day[c].copy()
        self.sum_row[c], self.sum_value[c], self.hours[c] = 0, 0, 0
        self.ended_day[c] = day
        self.days[c] += 1
        self.weekday[c] += 1
        slot = (self.days[c] - 1) % KEPT_DAYS
        self.kept_day[c, slot] = day
        frozen = self.frozen[c]
        young = c[~frozen]
        self.kept[young, slot[~frozen]] = np.nan
        learns = ~self.complete[c] & ~self.moved[c] & (self.run[c] == 0)
        taught = (c[learns], day[learns], row[learns], (value - np.nan_to_num(self.model.origin[c]))[learns])
        self.noise.add(*taught)
        self.model.learn_days(*taught, frozen[learns])
        self._judge(*_only(frozen, c, day, row, value, slot))
        enough = self.model.hours.count[young] >= LEAST_TAUGHT
        self._freeze(young[enough & (self.days[young] >= self.limits.training_days[young])])
        # What waits when the year is complete teaches, too: else its last month is a season never seen.
        week = c[frozen & (self.weekday[c] >= 7)]
        week = week[~self.complete[week] | self.model.waits(week)]
        if len(week):
            self.weekday[week] = 0
            self.model.week_over(week, self._calm(week))
            self._learned(week)
            self.complete[week] |= self.days[week] >= self.limits.year_days[week]

    def _calm(self, c: Int) -> Bool:
        """Where nothing speaks for a movement that a model must not learn."""
        calm: Bool = ~self.moved[c] & (self.leaning[c] == 0) & (self.joint_sign[c] == 0)
        return calm

    def _freeze(self, c: Int) -> None:
        """The first model: noise and its memory from the training's own days."""
        if len(c) == 0:
            return
        self.model.solve(c)
        self._learned(c)
        self.last_residual[c] = self.noise.latest(c, self.model.theta[c])
        self.quiet_ue[c] = self.last_residual[c]
        self.last_day[c] = self.noise.day[c]
        self.frozen[c] = True
        self.weekday[c] = 0

    def _learned(self, c: Int) -> None:
        """The days' own model, and their noise under it."""
        self.noise.solve(c, self.model.hourly[c], self.limits.sigma_floor_ue[c])
        rho = self.rho[c]
        self.model.settle(c, self.noise.memory.ratio[c] * self.sigma[c] ** 2 * (1 + rho) / (1 - rho))
        self.noise.solve(c, self.model.theta[c], self.limits.sigma_floor_ue[c])
        self.noise.remember(c, self.model.theta[c])
        self.joint.remember(c, self.noise.memory.sums)

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
        # A season does not change in a day: an eighth of the models is asked each day how sure they are.
        asked = ((c + day) % 8 == 0) | (self.model_error[c] == 0)
        self.model_error[c[asked]] = self.model.uncertainty(c[asked], row[asked])
        allowance = np.where(self.complete[c], MODEL_ALLOWANCE, YOUNG_ALLOWANCE)
        forgiven = allowance * (1 - rho) * self.model_error[c] / spread
        k = limits.cusum_k[c] + forgiven
        step = np.clip(whitened, -6, 6)
        # Its own sums go by weeks, which wander so much more than the days say.
        own = step / np.sqrt(self.noise.memory.ratio[c])
        most = 2 * limits.cusum_h[c]
        for side, since, sign in ((self.up, self.up_since, 1.0), (self.down, self.down_since, -1.0)):
            risen = np.clip(side[c] + sign * own - k, 0.0, most)
            since[c] = np.where(risen <= 0, NONE, np.where(since[c] == NONE, day, since[c]))
            side[c] = risen
        self.kept_cusum[c, slot] = np.where(self.up[c] >= self.down[c], self.up[c], -self.down[c])
        lam = limits.ewma_lambda[c]
        scale = np.sqrt(lam / (2 - lam))
        self.ewma[c] = (1 - lam) * self.ewma[c] + lam * own / scale
        recent = np.stack([self.kept[c, slot - i] for i in range(3)])  # before the first slot lies the last
        known = np.isfinite(recent)
        mean = np.where(known, recent, 0.0).sum(axis=0) / known.sum(axis=0)
        a, b, newest = recent
        middle = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), newest))
        self.residual_ue[c] = np.where(known.all(axis=0), middle, mean)
        enough = np.abs(self.residual_ue[c]) >= np.maximum(limits.least_ue[c], self.sigma[c])
        up, down = self.up[c], self.down[c]
        agree_up, agree_down = enough & (self.residual_ue[c] > 0), enough & (self.residual_ue[c] < 0)
        allowance = 1.0 + self.model_error[c] / self.sigma[c]
        strong = np.abs(self.ewma[c]) > limits.ewma_limit[c] * allowance
        over = (agree_up & (up > limits.cusum_h[c])) | (agree_down & (down > limits.cusum_h[c]))
        over |= enough & strong & (np.sign(self.ewma[c]) == np.sign(self.residual_ue[c]))
        lonely = ~self.joint.several(c)
        self._moves(c[lonely], over[lonely])
        pair = limits.pair_h[c]
        self.leaning[c] = np.where(agree_up & (up > pair), 1, np.where(agree_down & (down > pair), -1, 0))
        self.joint.put(c, day, step, forgiven)
        self._together(c, int(day.max()))
        self.last_residual[c], self.last_day[c] = residual, day
        quiet = self.run[c] == 0
        self.quiet_ue[c[quiet]] = residual[quiet]

    def _moves(self, c: Int, over: Bool) -> None:
        """A gauge that is beyond its own limit moves, until its residual was small for a week."""
        small = np.abs(self.residual_ue[c]) < 0.5 * np.maximum(self.limits.least_ue[c], self.sigma[c])
        self.small_days[c] = np.where(small, self.small_days[c] + 1, 0)
        self.moved[c] = over | (self.moved[c] & (self.small_days[c] < BACK_DAYS))

    def _together(self, c: Int, day: int) -> None:
        """Judge sections: a gauge moves alone, or with others, each in its own direction."""
        joint, limits, first = self.joint, self.limits, int(c[0])
        learns = ~self.complete & self.frozen & ~self.moved & (self.leaning == 0)
        names = ("joint_p", "joint_others_p", "joint_others_alone_p", "alone_sigma")
        asked = JointLimits(*(float(getattr(limits, name)[first]) for name in names))
        aside = (self.alone_since != NONE) & (day - self.alone_since >= ASIDE_DAYS)
        c = joint.judge(c, asked, learns, aside)
        if len(c) == 0:
            return
        section, side = joint.of_channel[c], np.sign(self.residual_ue[c])
        size, least = np.abs(self.residual_ue[c]), np.maximum(limits.least_ue[c], self.sigma[c])
        alone = joint.of_member("alone", c)
        self._moves(c, (alone != 0) & (size >= least) & (side == alone))
        begins = joint.found[section] & (size >= least) & (side == joint.of_member("moving", c))
        moved = np.zeros((2, len(joint.members)), bool)
        moved[0, section[self.joint_sign[c] != 0]] = True
        back = (side == -self.joint_sign[c]) & (size >= 0.5 * least)
        goes_on = joint.holds[section] & (self.joint_sign[c] != 0) & ~back
        self.joint_sign[c] = np.where(begins, side, np.where(goes_on, self.joint_sign[c], 0)).astype(np.int8)
        moved[1, section[self.joint_sign[c] != 0]] = True
        joint.returned(np.flatnonzero(moved[0] & ~moved[1]))
        lone = self.moved[c] & (self.joint_sign[c] == 0)
        since = np.where(self.alone_since[c] == NONE, joint.day[section], self.alone_since[c])
        self.alone_since[c] = np.where(lone, since, NONE)

    def together(self, channel: int) -> Int:
        """Gauges of the section that move with this one; empty unless it moves and more than one does."""
        section = int(self.joint.of_channel[channel])
        if section < 0 or self.joint_sign[channel] == 0:
            return np.empty(0, np.int64)
        members = self.joint.members[section][self.joint.there[section]]
        moves = (self.joint.of_member("moving", members) != 0) | (self.joint_sign[members] != 0)
        found: Int = members[moves & (members != channel)]
        return found

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        mine = {name: getattr(self, name) for name in self._STATE}
        return mine | self.noise.snapshot() | self.joint.snapshot() | self.mean.snapshot()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave; channels may have been added since."""
        for name in self._STATE:
            getattr(self, name)[: len(state[name])] = state[name]
        self.noise.restore(state)
        self.joint.restore(state)
        self.mean.restore(state)


def _only(which: Bool, *columns: Any) -> tuple[Any, ...]:
    """The rows of some columns that are meant; the columns themselves, not copies, where all are."""
    return columns if which.all() else tuple(column[which] for column in columns)
