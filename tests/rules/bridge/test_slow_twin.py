"""A gauge's model and its slow drift against slow, obvious twins that keep every hour and every day."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.bridge.compensation import TERMS, Compensation, terms
from rules.bridge.slow import SlowDrift, SlowLimits
from tests.support import bridge_slow_naive as naive

BETA = (10.0, 2.0, 10.0, 4.0)
GAUGES = len(BETA)
LIMITS = [
    naive.SlowLimit(3, 20, 0.25, 5.0, 3.0, 0.2, 4.5, 1.5, 0.5),
    naive.SlowLimit(5, 40, 0.5, 4.0, 2.0, 0.3, 2.0, 1.0, 0.1),
    naive.SlowLimit(4, 1000, 0.25, 12.6, 10.0, 0.2, 2.5, 1.5, 0.5),
    naive.SlowLimit(10, 25, 0.25, 8.0, 5.0, 0.4, 9.0, 3.0, 2.0),
]
DEGREES = st.one_of(st.just(math.nan), st.floats(-40, 60))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**7), DEGREES, st.floats(-40, 60), st.floats(-40, 60), st.floats(-20, 20))
def test_the_row_of_an_hour_is_that_of_the_slow_twin(
    hour: int, now: float, lagged: float, day_lagged: float, across: float
) -> None:
    given_ = (np.array([x]) for x in (hour, now, lagged, day_lagged, across))
    expected = naive.terms(hour, now, lagged, day_lagged, across)
    np.testing.assert_allclose(terms(*given_)[0], expected, rtol=1e-9, atol=1e-9)


def hours(rng: np.random.Generator) -> list[tuple[int, int, list[float], float, bool]]:
    """(gauge, hour, row, strain, temperature known): gaps, late days, steps, ramps, storms, lost sensors."""
    out = []
    shift, ramp, wander = np.zeros(GAUGES), np.zeros(GAUGES), np.zeros(GAUGES)
    level = rng.normal(0, 300, GAUGES)
    cold = rng.random(GAUGES) < 0.2
    every, back, storm = int(rng.choice([1, 1, 2])), float(rng.choice([1, 0.99, 0.995])), 0
    for hour in range(480_000, 480_000 + 24 * int(rng.integers(40, 56)), every):
        air = 15 + 8 * math.sin(hour / 24 * 2 * math.pi) + 5 * math.sin(hour / 170) + rng.normal(0, 0.5)
        lagged = 15 + 8 * math.sin((hour - 4) / 24 * 2 * math.pi) + 5 * math.sin(hour / 170)
        if rng.random() < 0.004:
            shift[rng.integers(GAUGES)] += rng.choice([-60, -15, -6, 6, 15, 60])
        if rng.random() < 0.002:
            ramp[rng.integers(GAUGES)] = rng.choice([0.0, 0.02, -0.02, 0.1])
        shift = (shift + ramp * every) * back**every
        storm = 8 if rng.random() < 0.004 else storm - 1
        wander = 0.97 * wander + rng.normal(0, 0.3, GAUGES)
        for g in range(GAUGES):
            if rng.random() < 0.1:
                continue
            known = not cold[g] and rng.random() > 0.03
            late = 24 if rng.random() < 0.002 else 0
            row = naive.terms(hour - late, air if known else math.nan, lagged, air - 1, 0.3 * (lagged - air))
            gust = rng.choice([-90, 90]) if storm > 0 else 0
            strain = gust + level[g] + 9.0 * (air - 15) * (not cold[g]) + shift[g] + wander[g]
            out.append((g, hour - late, row, float(strain), known))
    return out


def limits() -> SlowLimits:
    table = {name: np.array([getattr(one, name) for one in LIMITS]) for name in vars(LIMITS[0])}
    joint = {
        name: np.full(GAUGES, value)
        for name, value in (
            ("joint_p", 0.0005),
            ("joint_others_p", 0.013),
            ("joint_others_alone_p", 0.0046),
            ("alone_sigma", 3.9),
        )
    }
    return SlowLimits(**table, **joint, stiffness_share=np.full(GAUGES, 0.06))


@pytest.mark.parametrize("seed", range(5))
def test_slow_drift_is_that_of_the_slow_twin(seed: int) -> None:
    """Hour by hour: what is told, frozen, complete, moved, leaning, sudden, and all that it hangs on."""
    rng = np.random.default_rng(seed)
    fast = SlowDrift(GAUGES, limits(), Compensation(GAUGES, np.array(BETA)))
    slow = [naive.SlowGauge(g, LIMITS[g], BETA[g]) for g in range(GAUGES)]
    rows = hours(rng)
    at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and rows[end][0] > rows[end - 1][0]:
            end += 1
        batch, at = rows[at:end], end
        c, hour = np.array([r[0] for r in batch]), np.array([r[1] for r in batch])
        told = fast.add(
            c,
            hour,
            np.array([r[2] for r in batch]),
            np.array([r[3] for r in batch]),
            np.array([r[4] for r in batch]),
        )
        expected = [g for g, h, row, strain, known in batch if slow[g].add(h, row, strain, known)]
        assert told.tolist() == expected
        for g in expected:
            compare(fast, g, slow[g])
    seen = Counter[str]()
    for g in range(GAUGES):
        compare(fast, g, slow[g])
        seen["frozen"] += bool(slow[g].frozen)
    assert seen["frozen"] == GAUGES


def compare(fast: SlowDrift, g: int, slow: naive.SlowGauge) -> None:
    for name, mine in (("frozen", slow.frozen), ("complete", slow.complete), ("moved", slow.moved)):
        assert bool(getattr(fast, name)[g]) == mine, name
    for name, mine in (
        ("leaning", slow.leaning),
        ("sudden", slow.sudden),
        ("run", slow.run),
        ("days", slow.days),
    ):
        assert int(getattr(fast, name)[g]) == mine, name
    pairs = {
        "sigma": (fast.sigma[g], slow.noise.sigma),
        "rho": (fast.rho[g], slow.noise.rho),
        "up": (fast.up[g], slow.up),
        "down": (fast.down[g], slow.down),
        "ewma": (fast.ewma[g], slow.ewma),
        "residual": (fast.residual_ue[g], slow.residual),
        "error": (fast.model_error[g], slow.error),
        "quiet": (fast.quiet_ue[g], slow.quiet),
        "sudden_ue": (fast.sudden_ue[g], slow.sudden_ue),
        "spread": (fast.hour_spread[g], slow.spread),
        "variance": (fast.model.variance[g], slow.model.variance),
    }
    for name, (found, expected) in pairs.items():
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3, err_msg=name)
    if slow.up >= slow.down and slow.up_since is not None:
        assert int(fast.began(np.array([g]))[0]) == slow.up_since
    if slow.down > slow.up and slow.down_since is not None:
        assert int(fast.began(np.array([g]))[0]) == slow.down_since
    assert fast.model.theta.shape[1] == TERMS
