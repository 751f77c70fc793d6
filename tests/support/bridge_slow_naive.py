"""Slow, obvious twins of a gauge's model and its slow drift: one gauge, plain Python, one hour at a time."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

import numpy as np

HOUR_MEMORY = 0.9
DAY_MEMORY = 0.5
SPREAD = (5000.0, 1.0, 0.5, 0.5, 0.5, 2.0, 4.0, 4.0, 2.0, 2.0)
"""Prior spread of the ten coefficients; those of temperature in units of the gauge's own prior."""
Row = list[float]


def terms(hour: int, now: float, lagged: float, day_lagged: float, across: float) -> Row:
    """Level, temperature from 15 °C, lag of hours, difference across, lag of a day, square, waves."""
    season = 2 * math.pi * (hour % 35_063) / (365.2425 * 24)
    waves = [f(n * season) for n in (1, 2) for f in (math.cos, math.sin)]
    if math.isnan(now):
        return [1, 0, 0, 0, 0, 0, *waves]
    return [1, now - 15, lagged - now, across, day_lagged - now, ((now - 15) / 10) ** 2, *waves]


def dot(a: Row, b: Row) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


@dataclass
class Daily:
    """Every day's mean, whitened by half of the day before, that was taught; later ones wait four weeks."""

    taught: list[tuple[Row, float]] = field(default_factory=list)
    weeks: list[list[tuple[Row, float]]] = field(default_factory=lambda: [[], [], [], []])
    before: tuple[int, Row, float] | None = None

    def learn(self, day: int, row: Row, value: float, waits: bool) -> None:
        """What is new in a day; after a gap of four days, nothing."""
        if self.before is not None and 0 < day - self.before[0] < 4:
            memory = DAY_MEMORY ** (day - self.before[0])
            scale = math.sqrt((1 - DAY_MEMORY**2) / (1 - memory**2))
            x = [(new - memory * old) * scale for new, old in zip(row, self.before[1], strict=True)]
            (self.weeks[0] if waits else self.taught).append((x, (value - memory * self.before[2]) * scale))
        self.before = (day, row, value)

    def week_over(self, sound: bool) -> None:
        """As the hours' weeks."""
        if sound:
            self.taught += self.weeks.pop()
            self.weeks.insert(0, [])
        else:
            self.weeks = [[], [], [], []]


@dataclass
class SlowModel:
    """Every whitened hour that was taught, in a list; least squares, with a row for each prior."""

    beta: float
    taught: list[tuple[Row, float]] = field(default_factory=list)
    weeks: list[list[tuple[Row, float]]] = field(default_factory=lambda: [[], [], [], []])
    origin: float = math.nan
    before: tuple[int, Row, float] | None = None
    days: Daily = field(default_factory=Daily)
    hourly: Row = field(default_factory=lambda: [0.0] * 10)
    theta: Row = field(default_factory=lambda: [0.0] * 10)
    variance: float = 4.0
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((10, 10)))

    def learn(self, hour: int, row: Row, value: float, waits: bool) -> None:
        """What is new in an hour against nine tenths of the one before; after three days' gap, nothing."""
        if math.isnan(self.origin):
            self.origin = value
        value -= self.origin
        if self.before is not None and 0 < hour - self.before[0] < 72:
            memory = HOUR_MEMORY ** (hour - self.before[0])
            scale = math.sqrt((1 - HOUR_MEMORY**2) / (1 - memory**2))
            x = [(new - memory * old) * scale for new, old in zip(row, self.before[1], strict=True)]
            y = (value - memory * self.before[2]) * scale
            (self.weeks[0] if waits else self.taught).append((x, y))
        self.before = (hour, row, value)

    def week_over(self, sound: bool) -> None:
        """A week teaches when three more have passed; where anything moves all that wait are thrown away."""
        self.days.week_over(sound)
        if not sound:
            self.weeks = [[], [], [], []]
            return
        self.taught += self.weeks.pop()
        self.weeks.insert(0, [])
        self.solve()

    def waits(self) -> bool:
        """Something was learned that has not taught yet."""
        return any(self.weeks) or any(self.days.weeks)

    def prior_sizes(self) -> Row:
        """Weights of the prior's rows."""
        spread = [s * self.beta if 1 <= i <= 4 else s for i, s in enumerate(SPREAD)]
        return [math.sqrt(self.variance) / s for s in spread]

    def solve(self) -> None:
        """Twice, as the prior's weight hangs on the noise that comes out."""
        if not self.taught:
            return
        for _ in range(2):
            weights = self.prior_sizes()
            matrix = np.array([x for x, _ in self.taught] + np.diag(weights).tolist())
            target = np.array([y for _, y in self.taught] + [0.0] * 10)
            theta = np.linalg.lstsq(matrix, target, rcond=None)[0]
            misfit = float(((target - matrix @ theta) ** 2).sum())
            self.variance = max((misfit + 12.0) / (len(self.taught) + 12), 0.01)
        self.hourly = theta.tolist()

    def settle(self, long_run: float) -> None:
        """The means of days have the last word: least squares again, with a row for what the hours found.

        The level's and the season's prior is 0; temperature's are the hours' coefficients, a tenth of the
        gauge's own prior to either side.
        """
        noise = math.sqrt(long_run) * (1 - DAY_MEMORY)
        spread = [0.1 * self.beta if 1 <= i <= 4 else s for i, s in enumerate(SPREAD)]
        thought = [self.hourly[i] if 1 <= i <= 5 else 0.0 for i in range(10)]
        rows = [[x / noise for x in row] for row, _ in self.days.taught]
        matrix = np.array(rows + np.diag([1 / s for s in spread]).tolist())
        target = np.array(
            [y / noise for _, y in self.days.taught] + [t / s for t, s in zip(thought, spread, strict=True)]
        )
        self.theta = np.linalg.lstsq(matrix, target, rcond=None)[0].tolist()
        self.covariance = np.linalg.inv(matrix.T @ matrix)

    def residual(self, row: Row, value: float) -> float:
        """What the model does not explain [µε]."""
        return value - (0.0 if math.isnan(self.origin) else self.origin) - dot(row, self.theta)

    def uncertainty(self, row: Row) -> float:
        """Standard error of the model's part [µε]."""
        return math.sqrt(max(float(np.array(row) @ self.covariance @ np.array(row)), 0.0))


@dataclass
class SlowNoise:
    """Spread and memory of daily residuals under the model of now: all days kept, all residuals anew."""

    days: list[tuple[int, Row, float]] = field(default_factory=list)
    sigma: float = math.nan
    rho: float = 0.4

    def solve(self, theta: Row, floor: float) -> None:
        left = [value - dot(row, theta) for _, row, value in self.days]
        pairs = [
            (left[i], left[i - 1]) for i in range(1, len(left)) if self.days[i][0] - self.days[i - 1][0] == 1
        ]
        n = len(left)
        squares = max(math.fsum(x * x for x in left), 1e-9)
        mass = squares / max(n, 1)
        crossed = math.fsum(a * b for a, b in pairs)
        rho = (crossed + 0.4 * 15 * mass) / ((max(len(pairs), 1) + 15) * mass)
        rho += (1 + 8 * min(max(rho, 0), 1)) / max(n, 10)
        self.rho = min(max(rho, 0.0), 0.9)
        used = min(10 * (1 + self.rho) / (1 - self.rho), n / 2)
        variance = (squares * n / max(n - used, 1) + 2.0**2 * 4) / (n + 4)
        self.sigma = max(math.sqrt(variance), floor)


@dataclass
class SlowLimit:
    """Of one gauge: see `config.bridge_rules.SlowDriftLimits`."""

    training_days: float
    year_days: float
    cusum_k: float
    cusum_h: float
    pair_h: float
    ewma_lambda: float
    ewma_limit: float
    least_ue: float
    sigma_floor_ue: float


def sign(x: float) -> int:
    return (x > 0) - (x < 0)


class SlowGauge:
    """Drift of one gauge by itself."""

    def __init__(self, number: int, limits: SlowLimit, beta: float) -> None:
        self.number, self.limits = number, limits
        self.model, self.noise = SlowModel(beta), SlowNoise()
        self.day: int | None = None
        self.ended: int | None = None
        self.open: list[tuple[Row, float]] = []
        self.offs: list[float] = []
        self.with_temperature = self.frozen = self.complete = self.moved = False
        self.days = self.weekday = self.small_days = 0
        self.up = self.down = self.ewma = 0.0
        self.up_since: int | None = None
        self.down_since: int | None = None
        self.last = 0.0
        self.last_day = 0
        self.kept: dict[int, float] = {}
        self.residual = self.error = self.quiet = self.sudden_ue = 0.0
        self.leaning = self.sudden = self.run = self.judged_hours = 0
        self.spread = 3.0

    def add(self, hour: int, row: Row, value: float, compensated: bool) -> bool:
        """Take an hour; whether something may have changed."""
        day, told = hour // 24, False
        if self.open and self.day != day:
            self.end_day()
            told = True
        if self.ended is not None and day <= self.ended:
            return told
        self.day = day
        without = not compensated and self.with_temperature
        self.with_temperature |= compensated
        if without:
            return told
        if self.frozen:
            told |= self.take_hour(row, value)
        if not self.complete and not self.moved and self.run == 0:
            self.model.learn(hour, row, value, self.frozen)
        self.open.append((row, value))
        return told

    def take_hour(self, row: Row, value: float) -> bool:
        """Three hours in a row far from the latest quiet day, on one side, are sudden."""
        off = self.model.residual(row, value) - self.quiet
        self.offs.append(off)
        limit = max(12.0, 6.0 * max(self.spread, self.noise.sigma)) + 2 * self.error
        far = abs(off) > limit and self.judged_hours >= 24
        if far and self.run > 0 and sign(off) == sign(self.sudden_ue):
            self.run += 1
            self.sudden_ue = 0.6 * self.sudden_ue + 0.4 * off
        else:
            self.run = 1 if far else 0
            self.sudden_ue = off
        was, self.sudden = self.sudden, sign(off) if self.run >= 3 else 0
        self.judged_hours += 1
        if not far:
            size = min(1.25 * abs(off), 3 * self.spread + 1)
            self.spread += (size - self.spread) / min(self.judged_hours + 12, 500)
        return was != 0 or self.sudden != 0

    def end_day(self) -> None:
        """The mean of a day's hours teaches, or is judged."""
        n = len(self.open)
        row = [math.fsum(r[i] for r, _ in self.open) / n for i in range(10)]
        value = math.fsum(v for _, v in self.open) / n
        if len(self.offs) >= 4:
            middle = statistics.median(self.offs)
            agree = [off for off in self.offs if abs(off - middle) <= 3 * self.spread]
            if 2 * len(agree) > len(self.offs):
                value -= math.fsum(self.offs) / len(self.offs) - math.fsum(agree) / len(agree)
        self.offs = []
        self.open, self.ended = [], self.day
        day = self.day or 0
        self.days += 1
        self.weekday += 1
        if not self.complete and not self.moved and self.run == 0:
            origin = 0.0 if math.isnan(self.model.origin) else self.model.origin
            self.noise.days.append((day, row, value - origin))
            self.model.days.learn(day, row, value - origin, self.frozen)
        if self.frozen:
            self.judge(day, row, value)
            if self.weekday >= 7 and (not self.complete or self.model.waits()):
                self.weekday = 0
                self.model.week_over(not self.moved and self.leaning == 0)
                self.learned()
                self.complete |= self.days >= self.limits.year_days
        elif len(self.model.taught) >= 40 and self.days >= self.limits.training_days:
            self.model.solve()
            self.learned()
            newest = self.noise.days[-1]
            self.last = self.quiet = newest[2] - dot(newest[1], self.model.theta)
            self.last_day = newest[0]
            self.frozen, self.weekday = True, 0

    def learned(self) -> None:
        self.noise.solve(self.model.hourly, self.limits.sigma_floor_ue)
        rho = self.noise.rho
        self.model.settle(self.noise.sigma**2 * (1 + rho) / (1 - rho))
        self.noise.solve(self.model.theta, self.limits.sigma_floor_ue)

    def judge(self, day: int, row: Row, value: float) -> None:
        """A day's residual, whitened, to the CUSUMs and the EWMA; the median of three days has to agree."""
        limits, sigma = self.limits, self.noise.sigma
        left = self.model.residual(row, value)
        self.kept[self.days] = left
        memory = self.noise.rho ** min(max(day - self.last_day, 1), 30)
        spread = sigma * math.sqrt(1 - memory**2)
        if (self.number + day) % 8 == 0 or self.error == 0:
            self.error = self.model.uncertainty(row)
        k = limits.cusum_k + (1.0 if self.complete else 1.6) * (1 - memory) * self.error / spread
        step = min(max((left - memory * self.last) / spread, -6), 6)
        self.up = min(max(self.up + step - k, 0), 2 * limits.cusum_h)
        self.down = min(max(self.down - step - k, 0), 2 * limits.cusum_h)
        if self.up <= 0:
            self.up_since = None
        elif self.up_since is None:
            self.up_since = day
        if self.down <= 0:
            self.down_since = None
        elif self.down_since is None:
            self.down_since = day
        scale = math.sqrt(limits.ewma_lambda / (2 - limits.ewma_lambda))
        self.ewma = (1 - limits.ewma_lambda) * self.ewma + limits.ewma_lambda * step / scale
        recent = [self.kept[d] for d in range(self.days - 2, self.days + 1) if d in self.kept]
        self.residual = statistics.median(recent)
        size, least = abs(self.residual), max(limits.least_ue, sigma)
        side = sign(self.residual)
        cusum = self.up if side > 0 else self.down if side < 0 else 0.0
        wanders = abs(self.ewma) > limits.ewma_limit * (1 + self.error / sigma)
        over = size >= least and (cusum > limits.cusum_h or (wanders and sign(self.ewma) == side))
        self.small_days = self.small_days + 1 if size < least / 2 else 0
        self.moved = over or (self.moved and self.small_days < 7)
        self.leaning = side if size >= least and cusum > limits.pair_h else 0
        self.last, self.last_day = left, day
        if self.run == 0:
            self.quiet = left
