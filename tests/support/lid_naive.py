"""Slow, obvious twins of the lid kernels: one sensor, plain Python, one reading at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

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
            if young and change <= 5:
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
        off, last = displacement - self.base, self.before[1] if self.before else 0.0
        # the first reading of all was wild where two running say another height, and the same
        outvoted = young and self.count == 1 and abs(off) > 6 and abs(last) > 6 and abs(off - last) <= 6
        again = again or (outvoted and abs(off) < self.rules.sunk_defect_mm)
        if not self.count or again:
            self.base, self.count, self.since, self.before = displacement, 1, hours, [0.0, 0.0]
        elif young and abs(displacement - self.base) <= 6:
            self.base += (displacement - self.base) / (self.count + 1)
            self.count += 1
        change = displacement - self.base
        level = sorted([*self.before, change])[1]
        self.before = [self.before[1], change]
        return change, level


@dataclass
class Passages:
    """When a lid passed some depths [day], and what that says of the days to come."""

    depths: tuple[float, ...] = (1.0, 2.0, 3.5, 6.0, 9.0)
    passed: dict[float, float] = field(default_factory=dict)
    mean: float = 0.0
    day: float = 0.0

    def note(self, mean: float, day: float) -> None:
        """The mean of a day that has ended [mm]."""
        for depth in self.depths:
            if mean < float(np.float32(0.7) * np.float32(depth)):
                self.passed.pop(depth, None)
            elif mean >= depth and depth not in self.passed:
                between = (depth - self.mean) / max(mean - self.mean, 1e-6)
                self.passed[depth] = (
                    self.day + min(max(between, 0), 1) * (day - self.day) if self.day else day
                )
        self.mean, self.day = mean, day

    def forecast(self, slow_mm: float, grain_mm: float, limit_mm: float) -> tuple[float, float, float, float]:
        """(rate [mm/d], days to the limit: likely, earliest, latest)."""
        noise, bursts, usual, spread = max(0.3, 0.35 * grain_mm), 0.3, 0.15, 0.65
        far = [d for d in self.passed if self.mean - d >= max(1.5, 0.3 * self.mean)]
        long = [d for d in far if self.day - self.passed[d] >= 2]
        if not far:
            return 0.0, math.inf, math.inf, math.inf
        start = max(long or far)
        rise = self.mean - start
        rate = rise / max(self.day - self.passed[start], 0.25)
        middle = (self.mean + start) / 2
        # how the rate of this stretch differs from that of the one before
        power, power_se = usual, spread
        before = [d for d in self.passed if start - d >= max(1.0, 0.3 * start)]
        if before:
            first = max(before)
            rate_before = (start - first) / max(self.passed[start] - self.passed[first], 0.25)
            apart = math.log(middle / ((start + first) / 2))
            seen = math.log(rate / rate_before) / apart
            error = 2 * (noise / rise) ** 2 + 2 * (noise / (start - first)) ** 2 + 2 * bursts**2
            weight = spread**2 / (spread**2 + error / apart**2)
            power = min(max(usual + weight * (seen - usual), -1.5), 0.8)
            power_se = spread * math.sqrt(1 - weight)
        now = max(self.mean, slow_mm, 0.1)
        left = max(limit_mm, now)

        def days(power: float) -> float:
            return (left ** (1 - power) - now ** (1 - power)) / (1 - power) * middle**power / rate

        def ends(sign: int) -> float:
            bent = math.log(max(days(min(power - sign * 1.645 * power_se, 0.9)), 1e-6) / max(likely, 1e-6))
            by_rate = 1.645**2 * (2 * (noise / rise) ** 2 + bursts**2)
            return max(likely * math.exp(sign * math.sqrt(bent**2 + by_rate)) - 0.5, 0)

        likely = days(power)
        if not long:
            return 0.0, math.inf, ends(-1), math.inf
        return rate, max(likely - 0.5, 0), ends(-1), ends(1)


@dataclass
class SlowPace:
    """The schedule of one sensor, learned from what it sends."""

    heartbeat: float
    pace: float = 0
    wobble: float = 0
    beat: int = 0

    def take(self, time_us: int, gap: float, before: float, calm: bool) -> bool:
        """Whether a message came on schedule; NaN heartbeat = unknown [s]."""
        pace = self.pace or self.heartbeat
        like = abs(gap - before) < min(max(5, 0.003 * gap), 0.1 * gap)
        # who has shown no pace yet shows it by gaps that are roughly alike
        like = like or (self.pace <= 0 and abs(gap - before) < 0.05 * gap)
        reach = min(max(5, 0.0003 * pace, 5 * self.wobble), 0.1 * pace)
        on_time, error = False, math.nan
        # Seen from its latest beat first: what was said after any message counts more.
        for span in ((time_us - self.beat) / 1e6, gap):
            if math.isnan(pace):
                continue
            beats = round(span / pace)
            off = span - beats * pace
            on_time = on_time or (1 <= beats <= 8 and abs(off) < reach * beats)
            if beats == 1 and abs(off) < min(3 * reach, 0.1 * pace):
                error = off
        # what was taken for a pace may have been every second beat, or every third
        part = self.pace > 0 and any(abs(gap - pace / k) < min(reach, 0.02 * pace) for k in (2, 3))
        scheduled = gap > 0 and (like or on_time or part)
        known, near = self.pace > 0, not math.isnan(error)
        other = known and abs(gap - pace) > 0.1 * pace and gap >= 20
        if calm and gap > 0 and ((like and other) or (not known and (like or near))):
            # a message a beat after the one on schedule says how long a beat is, whatever came between
            beat, out = (gap, abs(gap - before)) if like else (pace + error, abs(error))
            self.pace, self.wobble = beat, min(out, 0.02 * beat)
        elif known and near:
            self.pace += error / 8
            more = abs(error) - self.wobble
            self.wobble += more / (8 if more > 0 else 32)
        if scheduled or not self.beat:
            self.beat = time_us
        return scheduled
