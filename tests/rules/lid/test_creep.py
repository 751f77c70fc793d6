"""What creeps is the sensor's; what leapt in one step is the lid's, however long it stays there."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.lid_rounds import Life, city

HOUR, DAY = 3600.0, 86_400.0


def lives_on(
    life: Life, at: float, days: float, beat_h: float, angle: float, rng: np.random.Generator
) -> float:
    """Readings with a little noise and sun; when the next one is due [s]."""
    for k in range(int(days * 24 / beat_h)):
        sun = 0.5 * np.sin(2 * np.pi * (at + k * beat_h * HOUR) / DAY)
        life.reads(at + k * beat_h * HOUR, tilt_deg=angle + sun + rng.normal(0, 0.15))
    return at + int(days * 24 / beat_h) * beat_h * HOUR


@pytest.mark.parametrize("beat_h", [0.5, 4, 12])
@pytest.mark.parametrize("step_deg", [3.5, 5.2, 6, 8])
def test_what_came_in_one_step_is_no_creep(step_deg: float, beat_h: float) -> None:
    """A lorry, or a lid that was put back a little askew after a theft: it stays so for two months."""
    rng = np.random.default_rng(int(step_deg * 10 + beat_h))
    life = Life(city(heartbeat_s=beat_h * HOUR))
    at = lives_on(life, 0, 12, beat_h, 1.5, rng)
    lives_on(life, at, 60, beat_h, 1.5 + step_deg, rng)
    assert life.alarms("sensor_fault") == []
    crept = life.engine.explain(0)["hazards"]
    of_fault = next(row for row in crept if row["hazard"] == "sensor_fault")
    assert abs(of_fault["evidence"]["crept_deg"]) < 1.5


def test_a_lid_that_came_back_from_a_theft_otherwise_than_it_lay_has_not_crept() -> None:
    rng = np.random.default_rng(1)
    life = Life(city(heartbeat_s=6 * HOUR))
    at = lives_on(life, 0, 15, 6, 1, rng)
    for k in range(3):
        life.reads(at + 60 * k, tilt_deg=95)
    lives_on(life, at + 2 * DAY, 40, 6, 6, rng)
    assert [row[:3] for row in life.alarms("missing")][-1][1] == "clear"
    assert life.alarms("sensor_fault") == []


@pytest.mark.parametrize("beat_h", [0.5, 4, 12])
@pytest.mark.parametrize("deg_per_day", [0.1, 0.35])
def test_what_creeps_by_readings_between_is_the_sensors_as_before(deg_per_day: float, beat_h: float) -> None:
    rng = np.random.default_rng(int(100 * deg_per_day + beat_h))
    life = Life(city(heartbeat_s=beat_h * HOUR))
    at = lives_on(life, 0, 5, beat_h, 1.5, rng)
    for day in range(int(9 / deg_per_day)):
        at = lives_on(life, at, 1, beat_h, 1.5 + deg_per_day * day, rng)
    assert [row[:3] for row in life.alarms("sensor_fault")] == [("sensor_fault", "firing", "yellow")]
    assert life.alarms("tilted") == []


def test_one_inclination_that_may_hide_a_lean_is_told_once_though_it_trembles_about_its_limit() -> None:
    """20° askew and 4.2° more ± 0.25°, by a blow: look, and look once."""
    rng = np.random.default_rng(3)
    life = Life(city(heartbeat_s=6 * HOUR))
    for k in range(40):
        life.reads(k * 6 * HOUR, tilt_deg=20 + rng.normal(0, 0.1))
    for k in range(40, 160):
        life.reads(k * 6 * HOUR, tilt_deg=24.2 + rng.uniform(-0.25, 0.25))
    assert [row[:3] for row in life.alarms("tilted")] == [("tilted", "firing", "yellow")]
