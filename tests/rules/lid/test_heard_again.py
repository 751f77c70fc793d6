"""Whoever is heard again was not carried off, wherever the limits of his lid lie."""

from __future__ import annotations

import numpy as np

from config.lid_rules import LidRules
from config.rules import RuleSet
from tests.support.lid_rounds import Life

HOUR = 3600.0
DAY = 24 * HOUR
LAST = 20 * DAY
FAR_LIMITS = {
    "open_deg": 179,
    "carried_deg": 179,
    "tilt_attention_deg": 70,
    "tilt_defect_deg": 80,
    "tilt_urgent_deg": 90,
}


def test_one_wild_sample_below_far_limits_is_no_theft_when_the_sensor_goes_on_speaking() -> None:
    """A lid whose limits were set far apart: 45° once, off schedule, then as ever, every six hours."""
    life = Life(rules=RuleSet(lid=LidRules(**FAR_LIMITS)))
    rng = np.random.default_rng(4)
    for k in range(round(LAST / 6 / HOUR) + 1):
        life.reads(k * 6 * HOUR, tilt_deg=2 + rng.normal(0, 0.05))
    life.reads(LAST + 2.4 * HOUR, tilt_deg=45)
    for k in range(1, 8):
        life.reads(LAST + k * 6 * HOUR, tilt_deg=2 + rng.normal(0, 0.05))
    assert [(c.hazard.value, c.severity.colour) for c in life.said if c.state.value == "firing"] == []
