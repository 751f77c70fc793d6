"""Gauges of a section together against a slow, obvious twin; who moves, and who moves alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rules.bridge.joint import MEMBERS, Joint, JointLimits
from tests.support.bridge_joint_naive import NaiveSection

LIMITS = JointLimits(0.01, 0.1, 0.02, 3.0)
SIZES = (4, 2, 3, 1)
FIRST = 19_000


def test_sections_are_judged_as_their_slow_twins() -> None:
    """Days without some gauges, days that come in by pieces, steps, ramps, what models may be wrong by."""
    seen = Counter[str]()
    near = np.repeat(np.arange(len(SIZES)), SIZES).astype(np.int32)
    places = [np.flatnonzero(near == s) for s in range(len(SIZES))]
    for seed in range(9):
        rng = np.random.default_rng(seed)
        fast = Joint(near, np.ones(len(near), bool))
        slow = [NaiveSection(n, 0.01, 0.1, 0.02, 3.0) for n in SIZES]
        shift, ramp = np.zeros(len(near)), np.zeros(len(near))
        aside = np.zeros(len(near), bool)
        for day in range(220):
            if rng.random() < 0.02:
                shift[rng.integers(len(near))] = rng.choice([-1.5, 1.5, 0.0])
            if rng.random() < 0.01:
                ramp[rng.integers(len(near))] = rng.choice([-0.02, 0.02, 0.0])
            if rng.random() < 0.02:
                aside = rng.random(len(near)) < 0.2
            shift += ramp
            if day == 105:  # a year's fortnights: of some sections they wander by more than their days do
                sums = fortnights(rng, near)
                fast.remember(np.arange(len(near)), sums)
                for s, section in enumerate(slow):
                    section.remember(sums[places[s]].tolist())
                    seen["remembers"] += bool(section.excess.any())
            if day in (110, 150):
                fast.returned(np.array([0]))
                slow[0].restless *= 1.25
            z = rng.normal(size=len(near)) + 0.7 * rng.normal(size=len(SIZES))[near] + shift
            allowed = rng.uniform(0, 0.2, len(near))
            learns = np.full(len(near), day < 100)
            there = rng.random(len(near)) > 0.05
            order = rng.permutation(np.flatnonzero(there))
            for piece in np.array_split(order, int(rng.integers(1, 4))):
                if len(piece):
                    fast.put(piece, np.full(len(piece), FIRST + day), z[piece], allowed[piece])
                    fast.judge(piece, LIMITS, learns, aside)
            for s, section in enumerate(slow):
                own = [g for g in range(SIZES[s]) if there[places[s][g]]]
                if not own or SIZES[s] == 1:
                    continue
                of = {g: float(z[places[s][g]]) for g in own}
                section.aside = {g for g in range(SIZES[s]) if aside[places[s][g]]}
                section.day(of, {g: float(allowed[places[s][g]]) for g in own}, day < 100)
                compare(fast, s, section, seen)
    assert min(seen[name] for name in ("found", "alone", "quiet", "lone")) > 20
    assert 3 < seen["remembers"] < 30


def fortnights(rng: np.random.Generator, near: np.ndarray) -> np.ndarray:
    """A year's sums: of some sections they wander by more than their days do, some are not known."""
    wander = rng.choice([0.0, 2.0], len(SIZES))[:, None] * rng.normal(size=(len(SIZES), 28))
    sums = 0.75 * rng.normal(size=(len(near), 28)) + wander[near] * rng.choice([-1, 1], len(near))[:, None]
    sums[rng.random(sums.shape) < 0.02] = np.nan
    sums[rng.random(len(near)) < 0.1, :18] = np.nan
    return sums.astype(np.float32)


def compare(fast: Joint, s: int, slow: NaiveSection, seen: Counter[str]) -> None:
    np.testing.assert_allclose(fast.distance[s], slow.distance, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(fast.alone_sigma[s], slow.far_alone, rtol=1e-4, atol=1e-3)
    moving = {g: int(side) for g, side in enumerate(fast.moving[s]) if side}
    assert moving == slow.moving
    alone = [(g, int(side)) for g, side in enumerate(fast.alone[s]) if side]
    assert alone == ([(slow.alone, slow.alone_side)] if slow.alone is not None else [])
    assert bool(fast.found[s]) == slow.found
    name = "found" if slow.found else "alone" if alone else "lone" if slow.lone else "quiet"
    seen[name] += 1


@pytest.mark.parametrize("gauges", [2, 4, MEMBERS])
def test_however_far_one_gauge_goes_its_section_does_not_move(gauges: int) -> None:
    joint = Joint(np.zeros(gauges, np.int32), np.ones(gauges, bool))
    rng = np.random.default_rng(1)
    c = np.arange(gauges)
    limits = JointLimits(0.0006, 0.0001, 0.0001, 3.85)
    for day in range(60):
        z = rng.normal(size=gauges)
        z[0] += 6.0 * (day >= 30)
        joint.put(c, np.full(gauges, day), z, np.zeros(gauges))
        joint.judge(c, limits, np.full(gauges, day < 30), np.zeros(gauges, bool))
        assert not joint.found.any()
    assert joint.of_member("alone", c).tolist() == [1] + [0] * (gauges - 1)


def test_a_section_larger_than_is_judged_at_once_is_cut_and_a_lone_gauge_is_left_to_itself() -> None:
    joint = Joint(np.array([0] * (MEMBERS + 2) + [1], np.int32), np.ones(MEMBERS + 3, bool))
    assert joint.members.shape == (3, MEMBERS)
    assert joint.several(np.arange(MEMBERS + 3)).tolist() == [True] * (MEMBERS + 2) + [False]
