"""A slow, obvious twin of what bridges do besides strain: one sensor, plain Python, one block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

import numpy as np

from config.bridge_rules import BridgeRules

SECOND = 1_000_000
BLOCK = 20 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR
G_CM_S2 = 980.665
GRADES = (0, 2, 3, 4)
"""Severity of level 0 to 3: yellow, orange, red."""
nan = math.nan


@dataclass(frozen=True)
class Reading:
    """x, y : what the role measures, NaN where it does not. warm : the sensor's own temperature [°C]."""

    time: int
    x: float
    y: float
    warm: float


@dataclass(frozen=True)
class Said:
    """What a sensor's block changed."""

    hazard: str
    sensor: int
    time: int
    grade: int
    reason: str
    value: float
    limit: float


@dataclass
class Sensor:
    """All that is remembered of one sensor."""

    number: int
    role: str
    low: float
    high: float
    before: list[float] = field(default_factory=lambda: [nan, nan])
    warm: float = nan
    seen: int | None = None
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    learning: list[tuple[float, float]] = field(default_factory=list)
    learns_since: int | None = None
    reference: tuple[float, float] | None = None
    near_at: int | None = None
    beyond_at: int | None = None
    inside: bool = False
    events: list[int] = field(default_factory=list)
    peak: float = nan
    bound: float = nan
    squares: dict[int, tuple[float, int]] = field(default_factory=dict)
    rms: dict[int, float] = field(default_factory=dict)
    shaken: int | None = None
    over_since: int | None = None
    day: int | None = None
    today: list[tuple[float, float]] = field(default_factory=list)
    days: dict[int, tuple[float, float] | None] = field(default_factory=dict)


class SlowMovements:
    """The sensors of one bridge."""

    def __init__(self, sensors: list[Sensor], rules: BridgeRules) -> None:
        self.sensors, self.rules = sensors, rules

    def block(self, number: int, readings: dict[int, list[Reading]]) -> list[Said]:
        """Judge a block of readings by sensor; what was said changed by it."""
        said: list[Said] = []
        spans: dict[int, tuple[float, float, float]] = {}
        for who, rows in readings.items():
            sensor = self.sensors[who]
            sensor.seen = rows[-1].time
            values = self.turned(sensor, rows) if sensor.role == "tilt" else [r.x for r in rows]
            chain = [*sensor.before, *values]
            threes = [chain[i : i + 3] for i in range(len(values))]
            steady = [median(three) for three in threes if all(map(math.isfinite, three))]
            if sensor.role == "temperature":
                steady = [degrees for degrees in steady if self.reachable(degrees)]
            sensor.before = chain[-2:]
            middle = nan if any(map(math.isnan, values)) else median(values)
            spans[who] = (min(steady, default=nan), max(steady, default=nan), middle)
            degrees = middle if sensor.role == "temperature" else rows[-1].warm
            if self.believable(degrees):
                sensor.warm = degrees
        for who, rows in readings.items():
            sensor, (low, high, middle) = self.sensors[who], spans[who]
            if sensor.role == "acceleration":
                said += self.shaking(sensor, number, rows)
            else:
                said += self.design(sensor, low, high)
            if sensor.role == "deflection":
                said += self.sag(sensor, middle)
        return said

    def believable(self, degrees: float) -> bool:
        return self.rules.fault.temperature_low_c < degrees < self.rules.fault.temperature_high_c

    def reachable(self, degrees: float) -> bool:
        return self.rules.fault.temperature_low_c <= degrees <= self.rules.fault.temperature_high_c

    def turned(self, sensor: Sensor, rows: list[Reading]) -> list[float]:
        """Angle to the attitude of the first day [°]; none while that is learned."""
        sides = [r.y if math.isfinite(r.y) else 0.0 for r in rows]
        began = rows[0].time
        if sensor.learns_since is None:
            sensor.learns_since = began
        ripe = began - sensor.learns_since >= self.rules.movement.reference_h * HOUR
        if sensor.reference is None and ripe and len(sensor.learning) >= 3:
            sensor.reference = (fmean(x for x, _ in sensor.learning), fmean(y for _, y in sensor.learning))
        if sensor.reference is None:
            sensor.learning += [(r.x, side) for r, side in zip(rows, sides, strict=True)]
            return [nan] * len(rows)
        x, y = sensor.reference
        return [math.hypot(r.x - x, side - y) for r, side in zip(rows, sides, strict=True)]

    def design(self, sensor: Sensor, low: float, high: float) -> Iterable[Said]:
        """Level 2 near the design value, level 3 beyond it, and at the tenth level 2 of a month."""
        rules, now = self.rules.movement, sensor.seen or 0
        warm = sensor.role == "temperature"
        share = 1.0 if warm else rules.near
        top = share * sensor.high if sensor.high > 0 else sensor.high
        bottom = share * sensor.low if sensor.low < 0 else sensor.low
        over, under = high >= top, low <= bottom
        if over or under:
            apart = sensor.near_at is None or now - sensor.near_at > rules.apart_s * SECOND
            if not warm and not sensor.inside and apart:
                sensor.events.append(now)
            sensor.near_at = now
            sensor.peak, sensor.bound = (high, sensor.high) if over else (low, sensor.low)
        if high >= sensor.high or low <= sensor.low:
            sensor.beyond_at = now
        sensor.inside = over or under
        level, reason = 0, ""
        month = [at for at in sensor.events[-32:] if now - at < rules.month_days * DAY]
        if sensor.beyond_at is not None and now - sensor.beyond_at < HOUR:
            level, reason = (1 if warm else 3), sensor.role
        elif sensor.role == "deflection" and len(month) >= rules.many:
            level, reason = 3, "deflection_many"
        elif sensor.near_at is not None and now - sensor.near_at < HOUR:
            level, reason = 2, f"{sensor.role}_near"
        return self.say("strain_limit", sensor, level, f"movement.{reason}", sensor.peak, sensor.bound)

    def shaking(self, sensor: Sensor, block: int, rows: list[Reading]) -> Iterable[Said]:
        """Root mean square of 10 min: mean squares of the device's own, else of a waveform of 20 samples."""
        now, rules = sensor.seen or 0, self.rules.shaking
        own = [r.y for r in rows if math.isfinite(r.y)]
        whole = bool(own)
        peaks = [r.x for r in rows if math.isfinite(r.x)]
        if not own and len(peaks) >= 20:
            own = peaks
        if not own:
            return []
        sensor.squares[block] = (math.fsum((v * G_CM_S2) ** 2 for v in own), len(own))
        latest = [sensor.squares[b] for b in range(block - 29, block + 1) if b in sensor.squares]
        rms = nan
        if whole or len(latest) >= 15:
            rms = math.sqrt(math.fsum(s for s, _ in latest) / sum(n for _, n in latest))
        sensor.rms[block] = rms
        if sensor.shaken is not None and now - sensor.shaken > 20 * 60 * SECOND:
            sensor.over_since = None
        sensor.shaken = now
        if not rms > rules.level_1_cm_s2:
            sensor.over_since = None
        elif sensor.over_since is None:
            sensor.over_since = now
        ten, twenty = sensor.rms.get(block - 30, nan), sensor.rms.get(block - 60, nan)
        level, reason = 0, ""
        if sensor.over_since is not None and now - sensor.over_since > rules.level_1_s * SECOND:
            level, reason = 1, "long"
        if rms > rules.level_2_cm_s2:
            level, reason = 2, "strong"
            if rms >= rules.growing * ten and ten >= rules.growing * twenty:
                level, reason = 3, "growing"
        limit = rules.level_2_cm_s2 if level >= 2 else rules.level_1_cm_s2
        return self.say("strain_limit", sensor, level, f"shaking.{reason}", rms, limit)

    def sag(self, sensor: Sensor, value: float) -> Iterable[Said]:
        """When a day is over: whether the days' means grow, temperature removed."""
        now = sensor.seen or 0
        warm = sensor.warm
        if math.isnan(warm):
            near = [
                s.warm
                for s in self.sensors
                if s.role == "temperature" and s.seen is not None and now - s.seen < 2 * HOUR
            ]
            warm = fmean([w for w in near if math.isfinite(w)] or [nan])
        said: Iterable[Said] = []
        if sensor.today and sensor.day is not None and sensor.day != now // DAY:
            degrees = [w for _, w in sensor.today if math.isfinite(w)]
            mean = (fmean(v for v, _ in sensor.today), fmean(degrees) if degrees else nan)
            sensor.days[sensor.day] = mean if len(sensor.today) >= 4 else None
            sensor.today = []
            limit = self.rules.sag.least_mm
            if math.isfinite(sensor.high):
                limit = max(limit, self.rules.sag.least_share * sensor.high)
            growth, certainty = self.growth(sensor)
            grows = growth >= limit and certainty >= self.rules.sag.certainty
            said = self.say("drift", sensor, 3 if grows else 0, "sag", growth, limit)
        sensor.day = now // DAY
        sensor.today.append((value, warm))
        return said

    def growth(self, sensor: Sensor) -> tuple[float, float]:
        """(growth [mm], over its standard error) of less than a year; 0 before there are days enough."""
        days = sorted((day, *mean) for day, mean in sensor.days.items() if mean is not None)
        least = self.rules.sag.least_days
        if len(days) < least or max(sensor.days) - days[0][0] < least:
            return 0.0, 0.0
        each = 0.0
        if all(math.isfinite(warm) for _, _, warm in days):
            steps = [(b[1] - a[1], b[2] - a[2]) for a, b in pairwise(days) if b[0] - a[0] == 1]
            weather = math.fsum(dw * dw for _, dw in steps)
            each = math.fsum(dy * dw for dy, dw in steps) / max(weather, 0.09 * len(steps), 1e-9)
        span = days[-1][0] - days[0][0]
        x = np.array([(day - days[0][0]) / span for day, _, _ in days])
        y = np.array([mm - (each * warm if each else 0.0) for _, mm, warm in days])
        growth = float(np.polyfit(x, y, 1)[0])
        left = (y - np.polyval(np.polyfit(x, y, 3), x)).tolist()
        squares = math.fsum(v * v for v in left)
        rho = math.fsum(a * b for a, b in pairwise(left)) / max(squares, 1e-12)
        rho = min(max(rho, 0.0), 0.95)
        spread = squares / max(len(left) - 4, 1) / float(((x - x.mean()) ** 2).sum())
        return growth, growth / math.sqrt(max(spread * (1 + rho) / (1 - rho), 1e-12))

    def say(
        self, hazard: str, sensor: Sensor, level: int, reason: str, value: float, limit: float
    ) -> Iterable[Said]:
        """Only what differs from what was said last; the reason of an end is that of the alarm."""
        grade = GRADES[level]
        before, why = sensor.told.get(hazard, (0, ""))
        reason = reason if grade else why
        sensor.told[hazard] = (grade, reason)
        if grade == before and (not grade or reason == why):
            return []
        return [Said(hazard, sensor.number, sensor.seen or 0, grade, reason, value, limit)]
