"""Live loads of a section against a slow, obvious twin that keeps every block and every day."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rules.bridge.stiffness import DAY_BLOCKS, Stiffness
from tests.support.bridge_stiffness_naive import NaiveGauge, NaiveSectionLoad

SIZES = (4, 2, 1, 3)
BLOCKS = 45
"""A day."""


def test_sections_are_judged_as_their_slow_twins() -> None:
    """Gauges that are missing, softening, gains, days without traffic, gauges that begin anew."""
    seen = Counter[str]()
    for seed in range(4):
        two_months(seed, seen)
    assert min(seen[name] for name in ("found", "judged", "learns")) > 20


def two_months(seed: int, seen: Counter[str]) -> None:
    rng = np.random.default_rng(seed)
    near = np.repeat(np.arange(len(SIZES)), SIZES).astype(np.int32)
    share = rng.choice([0.03, 0.06, 0.15], len(near))
    fast = Stiffness(near, np.ones(len(near), bool), share)
    slow = [
        NaiveSectionLoad({int(g): float(share[g]) for g in np.flatnonzero(near == s)})
        for s in range(len(SIZES))
    ]
    gain = rng.uniform(0.4, 1.2, len(near))
    for day in range(50):
        if rng.random() < 0.1:
            gain[rng.integers(len(near))] *= rng.choice([0.8, 0.9, 1.1, 1.3])
        lost = rng.random(len(near)) < 0.05
        busy = rng.choice([0.05, 0.9, 0.9, 0.9])
        for block in range(BLOCKS):
            weight = rng.lognormal(3, 0.5) * (rng.random(len(SIZES)) < busy)
            live = 3 + weight[near] * gain + rng.normal(0, 0.2, len(near))
            there = ~lost & (rng.random(len(near)) > 0.005)
            number = day * DAY_BLOCKS + block * 90
            judged = fast.add(number, np.flatnonzero(there), live[there])
            expected = set[int]()
            for s, section in enumerate(slow):
                own = np.flatnonzero(there & (near == s))
                expected |= section.block(number, {int(g): float(live[g]) for g in own})
            assert set(judged.tolist()) == expected
        if rng.random() < 0.03:
            gauge = int(rng.integers(len(near)))
            fast.forget(np.array([gauge]))
            slow[near[gauge]].forget(gauge)
        for section in slow:
            for g, gauge_ in section.gauges.items():
                compare(fast, g, gauge_)
                seen["found" if gauge_.found else "judged" if len(gauge_.ratios) > 10 else "learns"] += 1


def compare(fast: Stiffness, g: int, slow: NaiveGauge) -> None:
    assert bool(fast.found[g]) == slow.found
    assert int(fast.days[g]) == len(slow.ratios)
    assert int(fast.blocks[g]) == len(slow.heavy)
    pairs = {
        "floor": (fast.floor[g], slow.quiet),
        "total": (fast.total[g], sum(slow.heavy)),
        "up": (fast.up[g], slow.up),
        "down": (fast.down[g], slow.down),
        "change": (fast.change[g], slow.change),
    }
    for name, (found, expected) in pairs.items():
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7, err_msg=name)
