"""A slow, obvious twin of the stiffness test: one section, every block and every day's ratio kept."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

DAY_BLOCKS = 4320
"""Blocks of 20 s."""


@dataclass
class NaiveGauge:
    """A gauge's live load."""

    share: float
    quiet: float = math.inf
    most: float = 0.0
    day: int | None = None
    heavy: list[float] = field(default_factory=list)
    first: float | None = None
    ratios: list[float] = field(default_factory=list)
    up: float = 0.0
    down: float = 0.0
    change: float = 0.0
    found: bool = False

    def ratio(self, value: float) -> None:
        """A day's log ratio to the others: the first ten teach, later ones are judged."""
        self.ratios.append(value)
        if len(self.ratios) <= 10:
            return
        learned = self.ratios[:10]
        mean = statistics.fmean(learned)
        spread = math.fsum((x - mean) ** 2 for x in learned)
        variance = (spread + 0.03**2 * 5) / 14 * 1.1
        z = min(max((value - mean) / math.sqrt(variance), -6), 6)
        self.up = min(max(self.up + z - 0.5, 0), 16)
        self.down = min(max(self.down - z - 0.5, 0), 16)
        self.change = 0.7 * self.change + 0.3 * (value - mean)
        height = self.up if self.change > 0 else self.down
        least = math.log(1 + self.share) / (2 if self.found else 1)
        self.found = height > 8 and abs(self.change) >= least


class NaiveSectionLoad:
    """The gauges of one section by number."""

    def __init__(self, shares: dict[int, float]) -> None:
        self.gauges = {number: NaiveGauge(share) for number, share in shares.items()}

    def block(self, number: int, live: dict[int, float]) -> set[int]:
        """A block's peaks; the gauges that were judged because a day is over."""
        if not live:
            return set()
        day, judged = number // DAY_BLOCKS, set[int]()
        if any(self.gauges[g].heavy and self.gauges[g].day != day for g in live):
            judged = self.end()
        for g, peak in live.items():
            gauge = self.gauges[g]
            gauge.day = day
            gauge.quiet = min(peak + 0.01, 1.0005 * gauge.quiet)
            gauge.most = max(0.9999 * gauge.most, len(live))
        lorry = max(peak / self.gauges[g].quiet for g, peak in live.items()) >= 4
        for g, peak in live.items():
            gauge = self.gauges[g]
            if lorry and len(live) >= 2 and len(live) >= gauge.most - 0.5:
                gauge.heavy.append(max(peak - gauge.quiet, 0.0))
        return judged

    def end(self) -> set[int]:
        """Compare the gauges that saw thirty lorries and more, of 2 µε and more on average."""
        logs = {
            g: math.log(math.fsum(gauge.heavy))
            for g, gauge in self.gauges.items()
            if len(gauge.heavy) >= 30 and math.fsum(gauge.heavy) >= 2 * len(gauge.heavy)
        }
        for gauge in self.gauges.values():
            gauge.heavy = []
        if len(logs) < 2:
            return set(logs)
        known = [log - first for g, log in logs.items() if (first := self.gauges[g].first) is not None]
        usual = statistics.median(known) if known else 0.0
        changed = {}
        for g, log in logs.items():
            gauge = self.gauges[g]
            gauge.first = log - usual if gauge.first is None else gauge.first
            changed[g] = log - gauge.first
        for g in logs:
            self.gauges[g].ratio(changed[g] - statistics.median(v for o, v in changed.items() if o != g))
        return set(logs)

    def forget(self, g: int) -> None:
        """Begin anew with a gauge; what it is when quiet and how many there are is not forgotten."""
        old = self.gauges[g]
        self.gauges[g] = NaiveGauge(old.share, old.quiet, old.most, old.day)
