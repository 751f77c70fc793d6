"""A slow, obvious twin of the gate of movements: one channel, plain Python, one reading at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean, median

from config.bridge_rules import FaultLimits

HOUR = 3_600_000_000
DAY = 24 * HOUR
nan = math.nan


@dataclass
class SlowGate:
    """One channel. design : the greater of its design values, 0 where none is known."""

    role: str
    design: float
    rules: FaultLimits
    fault: str = "none"
    value: float = nan
    limit: float = nan
    bad_at: int = 0
    readings: list[float] = field(default_factory=list)
    held: tuple[float, float] | None = None
    run: int = 0
    since: int | None = None
    seen: int = 0
    first: int | None = None
    longest: int = 0
    changes: int = 0
    spikes: int = 0
    counted: int = 0
    day: int | None = None
    over: bool = False
    steps: list[float] = field(default_factory=list)
    days: list[float] = field(default_factory=list)
    restless: int = 0
    rail: float = 0.0
    rail_run: int = 0
    share: float = 1.0
    usual_n: float = 0.0
    last_block: int | None = None

    def block(self, number: int, rows: list[tuple[float, float]], now: int) -> bool:
        """Take the (x, y) of a block; whether levels may be judged."""
        said: list[tuple[str, float, float]] = []
        seen = [math.hypot(x, y) if self.role == "tilt" else x for x, y in rows]
        chain = [*[nan, nan, *self.readings][-2:], *seen]
        threes = [chain[i : i + 3] for i in range(len(seen))]
        self.readings = chain[-2:]
        said += self.range(threes)
        said += self.stuck(rows, now)
        self.over = self.day_over(len(rows), now)
        said += self.lone(threes, now)
        said += self.gap(number, len(rows))
        said += self.stops(seen)
        said += self.shaky(threes)
        if said:
            self.fault, self.value, self.limit = said[0]
            self.bad_at = now
        elif self.fault != "none" and now - self.bad_at > self.rules.heal_s * 1e6:
            waits = self.fault == "noise" and self.restless >= 2
            waits |= self.fault == "spikes" and self.spikes > self.rules.spikes_a_day
            self.fault = self.fault if waits else "none"
        dense = self.fault == "spikes" and self.spikes * 10 > self.counted
        return self.fault not in ("stuck", "range") and not dense

    def jump(self) -> float:
        plain = {"tilt": self.rules.movement_jump_deg, "acceleration": math.inf}
        return self.design or plain.get(self.role, self.rules.movement_jump_mm)

    def reach(self) -> float:
        most = {"tilt": self.rules.movement_range_deg, "acceleration": self.rules.movement_range_g}
        return most.get(self.role, max(self.rules.movement_range_mm, 3 * self.design))

    def range(self, threes: list[list[float]]) -> list[tuple[str, float, float]]:
        middles = [median(three) for three in threes if all(map(math.isfinite, three))]
        wild = [m for m in middles if abs(m) > self.reach()]
        return [("range", wild[-1], math.copysign(self.reach(), wild[-1]))] if wild else []

    def stuck(self, rows: list[tuple[float, float]], now: int) -> list[tuple[str, float, float]]:
        flat = all(row == rows[0] for row in rows)
        same = flat and self.held == rows[0]
        first = self.first = now if self.first is None else self.first
        if same:
            self.run += len(rows)
        else:
            if self.since is not None and self.fault not in ("stuck", "range"):
                self.longest = max(self.longest, self.seen - self.since)
            self.changes += 1
            self.run, self.since = len(rows), now
        self.held, self.seen = (rows[0] if flat else None), now
        limit = max(self.rules.movement_stuck_s * 1e6, 4 * self.longest)
        stood = now - (self.since or 0)
        known = self.changes >= 50 and now - first >= 3 * DAY
        if same and known and self.run >= self.rules.stuck_readings and stood >= limit:
            return [("stuck", stood / HOUR, limit / HOUR)]
        return []

    def lone(self, threes: list[list[float]], now: int) -> list[tuple[str, float, float]]:
        jump = self.jump()
        found = 0
        for before, spike, after in threes:
            far = min(spike - before, spike - after) > jump or max(spike - before, spike - after) < -jump
            found += far and abs(after - before) <= jump / 2 and self.role != "acceleration"
        self.spikes = found + (0 if self.over else self.spikes)
        if found and self.spikes > self.rules.spikes_a_day:
            return [("spikes", self.spikes, self.rules.spikes_a_day)]
        return []

    def day_over(self, n: int, now: int) -> bool:
        """A day goes on until it has 24 readings, but for 24 days at most."""
        today = now // DAY
        over = self.day is None or (today != self.day and (self.counted >= 24 or today - self.day > 24))
        if over:
            self.day, self.counted = today, 0
        self.counted += n
        return over

    def gap(self, number: int, n: int) -> list[tuple[str, float, float]]:
        ahead = max(1, number - self.last_block) if self.last_block is not None else 10**9
        if n >= 16:
            self.usual_n = max(n, 0.999 * self.usual_n)
        self.last_block = number
        if ahead > 30 or self.usual_n == 0:
            self.share = 1.0
            return []
        kept = self.share * (29 / 30) ** ahead + min(1.0, n / self.usual_n) / 30
        self.share = min(kept, 1.0)
        if self.share < self.rules.gap_share and self.usual_n >= 32:
            return [("gap", 100 * self.share, 100 * self.rules.gap_share)]
        return []

    def stops(self, seen: list[float]) -> list[tuple[str, float, float]]:
        floors = {"tilt": math.inf, "acceleration": 1.0}
        floor = floors.get(self.role, self.rules.movement_jump_mm)
        sizes = [abs(x) for x in seen]
        top = max(sizes)
        stops = top == self.rail and top >= floor and min(seen) < max(seen) and sizes.count(top) >= 3
        self.rail_run = self.rail_run + 1 if stops else 0
        if top <= self.reach() and sizes.count(top) >= 3:
            self.rail = max(self.rail, top)
        return [("saturated", top, floor)] if stops and self.rail_run >= 5 else []

    def shaky(self, threes: list[list[float]]) -> list[tuple[str, float, float]]:
        said: list[tuple[str, float, float]] = []
        if self.over and len(self.steps) >= 24:
            mean = max(fmean(self.steps), 1e-6)
            if len(self.days) < 7:
                self.days.append(math.log(mean))
                self.restless = 0
            else:
                usual = math.exp(fmean(self.days))
                far = mean > self.rules.noise_ratio * usual and mean > self.jump() / 1000
                self.restless = self.restless + 1 if far else 0
                if self.restless >= 2 and self.role != "acceleration":
                    said.append(("noise", mean, usual * self.rules.noise_ratio))
        if self.over:
            self.steps = []
        for _, before, now_ in threes:
            if math.isfinite(before):
                self.steps.append(min(abs(now_ - before), self.jump()))
        return said
