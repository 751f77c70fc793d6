"""A slow, obvious twin of the joint test: one section, every day kept, every window summed anew."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chi2

WINDOWS = (3, 5, 7, 10, 14, 20, 28, 40, 56, 80)


@dataclass
class NaiveSection:
    """Gauges by number; `days` are their whitened residuals, 0 where a gauge has none."""

    gauges: int
    p: float
    others_p: float
    others_alone_p: float
    alone_sigma: float
    days: list[dict[int, float]] = field(default_factory=list)
    learned: list[list[float]] = field(default_factory=list)
    spread: np.ndarray = field(init=False)
    excess: np.ndarray = field(init=False)
    allowed: dict[int, float] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)
    lone: bool = False
    restless: float = 1.0
    found: bool = False
    alone: int | None = None
    alone_side: int = 0
    far_alone: float = 0.0
    distance: float = 0.0
    moving: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spread = np.eye(self.gauges) + 0.5
        self.excess = np.zeros((self.gauges, self.gauges))

    def remember(self, sums: list[list[float]]) -> None:
        """Standardised sums of a year's fortnights, gauge by gauge; NaN = not known."""
        by = [[(own[i] + own[(i + 1) % 28]) / math.sqrt(2) for i in range(28)] for own in sums]
        told = [g for g in range(self.gauges) if sum(map(math.isfinite, by[g])) >= 12]
        whole = [i for i in range(28) if all(math.isfinite(by[g][i]) for g in told)]
        pairs = [[by[g][i] for g in told] for i in whole]
        free = max(len(pairs) - 10, len(pairs) / 2)
        mean = math.fsum(x * x for pair in pairs for x in pair) / max(len(told), 1) / max(free, 1)
        self.excess = np.zeros((self.gauges, self.gauges))
        if len(pairs) < 12 or mean <= 1.4:
            return
        seen = 10 * self.spread
        for i in whole:
            pair = [by[g][i] if g in told else 0.0 for g in range(self.gauges)]
            seen = seen + np.outer(pair, pair)
        sizes, ways = np.linalg.eigh(seen / (free + 10) - self.spread)
        for size, way in zip(sizes, ways.T, strict=True):
            self.excess += 4 * max(size, 0) * np.outer(way, way)
        usual = sum(self.excess[g, g] for g in told) / len(told)
        for g in set(range(self.gauges)) - set(told):
            self.excess[g], self.excess[:, g] = 0.0, 0.0
            self.excess[g, g] = usual

    def day(self, z: dict[int, float], allowed: dict[int, float], learns: bool) -> None:
        """A day of the gauges that have one."""
        self.allowed |= allowed
        z = {g: min(max(value, -4), 4) for g, value in z.items()}
        if learns and len(z) == self.gauges:
            self.learned.append([z[g] for g in range(self.gauges)])
            if len(self.learned) >= 10 and len(self.learned) % 5 == 0:
                total = (np.eye(self.gauges) + 0.5) * 30
                for row in self.learned:
                    total = total + np.outer(row, row)
                self.spread = total / (len(self.learned) + 30)
                for g in range(self.gauges):
                    self.spread[g, g] = max(self.spread[g, g], 1.0)
        self.days.append(z)
        self.look()

    def metric(self, window: int, of: list[int]) -> np.ndarray:
        """Covariance of the sums of a window, of some gauges."""
        whole: np.ndarray = self.spread + min(window / 28, 2) * self.excess
        return whole[np.ix_(of, of)]

    def length(self, u: np.ndarray, of: list[int], window: int) -> float:
        return float(u[of] @ np.linalg.solve(self.metric(window, of), u[of])) if of else 0.0

    def look(self) -> None:
        shown, young = [], 1 + 20 / (len(self.days) + 10)
        own = [g for g in range(self.gauges) if g not in self.aside]
        for w in WINDOWS:
            if len(self.days) < w or not own:
                continue
            u = np.array(
                [
                    math.fsum(day.get(g, 0.0) for day in self.days[-w:])
                    / math.sqrt(w * young + (0.85 * self.allowed.get(g, 0.0) * w) ** 2)
                    / self.restless
                    for g in range(self.gauges)
                ]
            )
            # What is left when one gauge may be anything is the length of the others by themselves.
            whole = self.length(u, own, w)
            left = [self.length(u, [i for i in own if i != g], w) for g in own]
            gauge = own[int(np.argmin(left))]
            push = float(np.linalg.solve(self.metric(w, own), u[own])[own.index(gauge)])
            shown.append((w, u, whole, min(left), gauge, push))
        if not shown:
            self.found, self.alone, self.distance, self.moving = False, None, 0.0, {}
            self.far_alone, self.lone = 0.0, False
            return
        limit = chi2.isf(self.p, len(own))
        others = chi2.isf(self.others_p, len(own) - 1) if len(own) > 1 else math.inf
        sure = chi2.isf(self.others_alone_p, len(own) - 1) if len(own) > 1 else math.inf
        likely = surely = False
        for w, _, whole, rest, _, _ in shown:
            more = math.log(14 / w)
            if whole - more <= limit:
                continue
            surely |= rest - more > sure
            likely |= rest - more > others and rest - more > 0.45 * whole
        self.found = surely if self.lone else surely or likely
        w, u, whole, *_ = max(shown, key=lambda row: row[2] - math.log(14 / row[0]))
        self.distance = math.sqrt(whole)
        self.moving = {g: int(np.sign(u[g])) for g in own if abs(u[g]) >= 2}
        _, _, whole, rest, gauge, push = max(shown, key=lambda row: row[2] - row[3])
        self.far_alone = math.sqrt(max(whole - rest, 0.0))
        told = self.far_alone > self.alone_sigma
        self.alone = gauge if told else None
        self.alone_side = int(np.sign(push)) if told else 0
        self.lone = (
            (self.lone or self.far_alone > 1.2 * self.alone_sigma)
            and not self.found
            and self.far_alone > 0.7 * self.alone_sigma
        )
