"""Weather that is remembered for weeks: its sums against slow ones, and what it keeps from being told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from rules.bridge.long_memory import LongMemory
from tests.support import bridge_years
from tests.support.bridge_years import GAUGES, SIGMA_UE, Move, years

WIDTH = 3


def naive(days: list[tuple[int, list[float]]], v: list[float], sigma: float, rho: float) -> float:
    """Ratio of the long-run variances, from all days of a channel."""
    by: dict[int, list[float]] = {}
    for day, row in days:
        by.setdefault(day // 14, []).append(math.fsum(a * b for a, b in zip(row, v, strict=True)))
    edge = 1 - 2 * rho * (1 - rho**28) / (28 * (1 - rho**2))
    scale = math.sqrt(sigma**2 * (1 + rho) / (1 - rho) * edge)
    sums = {f: math.fsum(own) / scale / math.sqrt(len(own)) for f, own in by.items() if len(own) >= 10}
    pairs = [(sums[f] + sums[f + 1]) / math.sqrt(2) for f in sums if f + 1 in sums]
    if len(pairs) < 12:
        return 1.0
    free = max(len(pairs) - 10, len(pairs) / 2)
    mean = (math.fsum(x * x for x in pairs) + 10) / (free + 10)
    return 1 + 4 * max(mean - 1.25, 0)


@pytest.mark.parametrize("seed", range(4))
def test_the_ratio_is_that_of_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 5
    memory, c = LongMemory(n, WIDTH), np.arange(n)
    kept: list[list[tuple[int, list[float]]]] = [[] for _ in range(n)]
    wander = np.zeros(n)
    for day in range(20_003, 20_003 + 370):
        wander = 0.97 * wander + rng.normal(0, 0.3, n) * np.arange(n)
        there = c[rng.random(n) > 0.1]
        row = np.concatenate([rng.normal(size=(n, WIDTH - 1)), wander[:, None] + rng.normal(size=(n, 1))], 1)
        memory.add(there, np.full(len(there), day), row[there])
        for g in there.tolist():
            kept[g].append((day, row[g].tolist()))
        if day % 60 == 0 or day == 20_003 + 369:
            v = np.concatenate([rng.normal(0, 0.1, (n, WIDTH - 1)), np.ones((n, 1))], 1)
            sigma, rho = rng.uniform(0.8, 1.2, n), rng.uniform(0, 0.8, n)
            memory.solve(c, v, sigma, rho)
            expected = [naive(kept[g], v[g].tolist(), float(sigma[g]), float(rho[g])) for g in range(n)]
            np.testing.assert_allclose(memory.ratio, expected, rtol=1e-4)
    assert memory.ratio.max() > 2
    assert memory.ratio.min() < 1.1


def test_weather_of_forty_days_is_hardly_ever_called_structure_and_a_step_still_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wander that a section shares, of 1.2 µε and 40 days: it rang 1.2 times a channel-year."""
    plain = bridge_years._section

    def remembers(seed: int, days: int) -> tuple[bridge_years.Float, bridge_years.Float, bridge_years.Float]:
        girder, deck, strain = plain(seed, days)
        hours, keep = days * 24, math.exp(-1 / 960)
        noise = np.random.default_rng([seed, 40]).normal(0, 1.2 * math.sqrt(1 - keep**2), hours)
        return girder, deck, strain + lfilter([1.0], [1.0, -keep], noise)[:, None]

    monkeypatch.setattr(bridge_years, "_section", remembers)
    sections = 12
    run = years(1100, sections, 31)
    told = run.together[365:].astype(int)
    rings = int((np.diff(told, axis=0) > 0).sum()) / (sections * GAUGES * 2)
    assert rings < 0.6
    moves = tuple(
        Move(s, 400, {g: (3 * SIGMA_UE * (-1) ** g, 0.0) for g in range(GAUGES)}) for s in range(sections)
    )
    found = years(430, sections, 31, moves).together[400:].reshape(-1, sections, GAUGES).any(axis=(0, 2))
    assert found.mean() > 0.9
