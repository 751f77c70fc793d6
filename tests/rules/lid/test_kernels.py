"""The vectorized kernels agree with their naive twins, whatever is mixed into the readings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.lid_rules import LidRules
from rules.lid.angle import between, normal, turn
from rules.lid.limits import Limits
from rules.lid.settlement import median_of_three, settle
from rules.lid.state import Sink, Tilt
from tests.support import lid_naive as naive

RULES = LidRules()
LIMITS = Limits.of([RULES])
angles = st.floats(-180, 180, width=32)
tilts = st.one_of(st.floats(0, 180, width=32), st.just(math.nan))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@given(angles, angles, angles, angles)
def test_angles_between_normals_are_those_of_the_twin(ax: float, ay: float, bx: float, by: float) -> None:
    """By chords in float32, within a hundredth of a degree where it matters."""
    fast = between(normal(column(ax), column(ay)), normal(column(bx), column(by)))[0]
    slow = naive.between(naive.normal(ax, ay), naive.normal(bx, by))
    # near 180° a chord is flat: nobody needs its last tenth of a degree there
    assert float(fast) == pytest.approx(slow, abs=0.02 if slow < 150 else 0.5)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.lists(tilts, min_size=3, max_size=3), st.floats(0.01, 30)), max_size=25))
def test_turns_are_those_of_the_twin(steps: list[tuple[list[float], float]]) -> None:
    """Three sensors side by side, with gaps, wild samples and missing values."""
    rows = np.zeros((3, len(Tilt)), np.float32)
    twins = [naive.Tilt(RULES) for _ in range(3)]
    hours = 1000.0
    for values, later in steps:
        hours = float(np.float32(hours + later))
        fast = turn(rows, column(*values), None, None, column(hours, hours, hours), LIMITS)
        slow = [twin.turn(float(np.float32(v)), hours) for twin, v in zip(twins, values, strict=True)]
        np.testing.assert_allclose(fast, slow, atol=2e-3)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-60, 60), st.floats(0.01, 30)), min_size=1, max_size=30))
def test_settlements_are_those_of_the_twin(steps: list[tuple[int, float]]) -> None:
    """Change and median of three, through commissioning and after it."""
    rows = np.zeros((1, len(Sink)), np.float32)
    twin = naive.Sink(RULES)
    hours = 1000.0
    for quarter_mm, later in steps:
        hours = float(np.float32(hours + later))
        value = quarter_mm / 2
        fast = settle(rows, column(value), column(hours), column(later * 3600), LIMITS)
        change, level = twin.settle(value, hours)
        assert float(fast[0]) == pytest.approx(change, abs=2e-3)
        assert float(rows[0, Sink.LEVEL]) == pytest.approx(level, abs=2e-3)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50))
def test_the_median_of_three_is_the_middle_one(a: float, b: float, c: float) -> None:
    """By comparison only."""
    values = [float(np.float32(v)) for v in (a, b, c)]
    assert float(median_of_three(*(column(v) for v in values))[0]) == sorted(values)[1]
