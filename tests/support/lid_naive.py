"""Slow, obvious twins of the lid kernels: one sensor, plain Python, one reading at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from config.lid_rules import LidRules


def normal(x_deg: float, y_deg: float) -> tuple[float, float, float]:
    """Unit normal of a plane from its two inclinations."""
    sx, sy = math.sin(math.radians(x_deg)), math.sin(math.radians(y_deg))
    flat = sx * sx + sy * sy
    up = math.sqrt(max(1 - flat, 0))
    length = math.sqrt(max(flat, 1))
    return sx / length, sy / length, -up if abs(x_deg) > 90 or abs(y_deg) > 90 else up


def between(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    """Angle between unit vectors [°]."""
    chord = math.dist(a, b)
    return math.degrees(2 * math.asin(min(chord / 2, 1)))


@dataclass
class Tilt:
    """Baseline of a scalar inclination and what has changed since."""

    rules: LidRules
    base: float = math.nan
    count: int = 0
    since: float = 0

    def turn(self, tilt: float, hours: float) -> float:
        """Change of inclination [°]; NaN for NaN."""
        if math.isnan(tilt):
            return math.nan
        young = self.count < self.rules.commission_readings or (
            hours - self.since < self.rules.commission_hours
        )
        if self.count and not (young and tilt < self.base - self.rules.tilt_attention_deg):
            change = abs(tilt - self.base)
            if young and change <= 3:
                self.base += (tilt - self.base) / (self.count + 1)
                self.count += 1
            return change
        self.base, self.count, self.since = tilt, 1, hours
        return 0.0


@dataclass
class Sink:
    """Baseline and median of three of a displacement."""

    rules: LidRules
    base: float = math.nan
    count: int = 0
    since: float = 0
    before: list[float] = field(default_factory=list)

    def settle(self, displacement: float, hours: float) -> tuple[float, float]:
        """(change, median of the latest three changes) [mm]."""
        young = self.count < self.rules.commission_readings or (
            hours - self.since < self.rules.commission_hours
        )
        again = young and self.count and abs(displacement) < abs(self.base) - self.rules.sunk_defect_mm
        if not self.count or again:
            self.base, self.count, self.since, self.before = displacement, 1, hours, [0.0, 0.0]
        elif young and abs(displacement - self.base) <= 3:
            self.base += (displacement - self.base) / (self.count + 1)
            self.count += 1
        change = displacement - self.base
        level = sorted([*self.before, change])[1]
        self.before = [self.before[1], change]
        return change, level


def slope(points: list[tuple[float, float]], today: float, memory_days: float) -> float:
    """Weighted least squares slope of (day, value), older days forgotten exponentially."""
    weights = [math.exp(-(today - day) / memory_days) for day, _ in points]
    total = sum(weights)
    mean_x = sum(w * day for w, (day, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(w * (day - mean_x) ** 2 for w, (day, _) in zip(weights, points, strict=True))
    along = sum(w * (day - mean_x) * (y - mean_y) for w, (day, y) in zip(weights, points, strict=True))
    return along / spread
