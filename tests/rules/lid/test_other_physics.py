"""Sensors that are built, fitted and shaken otherwise than our simulator's: what still holds."""

from __future__ import annotations

import numpy as np

from tests.rules.lid.test_scenarios import DAY, HOUR
from tests.support.lid_rounds import Life, city


def hourly(life: Life, hours: int, seed: int = 1, **level: float) -> float:
    """Regular readings from the start; time of the last of them [s]."""
    rng = np.random.default_rng(seed)
    for k in range(hours + 1):
        life.reads(k * HOUR, **{name: value + rng.normal(0, 0.1) for name, value in level.items()})
    return hours * HOUR


def paged(life: Life) -> list[tuple[str, str]]:
    """(hazard, colour) of what fired in orange or red."""
    return [
        (hazard, colour)
        for hazard, state, colour, _ in life.alarms()
        if state == "firing" and colour in ("orange", "red")
    ]


def test_a_wild_sample_after_a_lost_message_pages_nobody() -> None:
    """The gap is twice the usual one, but the sample came when the schedule says; no heartbeat is known."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + 2 * HOUR, tilt_deg=120)
    life.reads(at + 3 * HOUR, tilt_deg=2)
    life.reads(at + 5 * HOUR, tilt_deg=90)
    life.reads(at + 6 * HOUR, tilt_deg=2)
    life.passes(at + 7 * HOUR)
    assert paged(life) == []


def test_a_frame_that_is_wild_in_every_channel_pages_nobody() -> None:
    """Inclination and axes are of no one rotation: that is no second opinion."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, tilt_x_deg=2, tilt_y_deg=0, displacement_mm=0)
    life.reads(at + HOUR, tilt_deg=31, tilt_x_deg=150, tilt_y_deg=77, displacement_mm=-80)
    life.reads(at + 2 * HOUR, tilt_deg=2, tilt_x_deg=2, tilt_y_deg=0, displacement_mm=0)
    life.passes(at + 3 * HOUR)
    assert paged(life) == []


def test_a_lid_in_somebodys_hands_is_red_from_one_sample_in_two_channels() -> None:
    """Turned and lifted, on schedule: an hourly sensor need not be asked twice."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, displacement_mm=0)
    life.reads(at + HOUR, tilt_deg=75, displacement_mm=-180)
    life.passes(at + HOUR + 20)
    assert paged(life) == [("missing", "red")]


def test_a_burst_about_a_lid_ajar_is_not_followed_by_suspected_theft() -> None:
    """Three messages within seconds say nothing of how long a sleeper may be silent."""
    life = Life(city(heartbeat_s=None))
    for k in range(16):
        life.reads(k * 6 * HOUR, tilt_deg=2)
    at = 15 * 6 * HOUR
    for k in range(3):
        life.reads(at + HOUR + k, tilt_deg=22)
    life.passes(at + 6 * HOUR)
    assert paged(life) == [("tilted", "orange")]


def test_silence_after_a_large_movement_is_counted_by_the_sensors_own_pace() -> None:
    """It sent every hour though the registry says daily: red after little more than two hours."""
    life = Life(city(heartbeat_s=86_400))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + 1500, tilt_deg=25)
    life.passes(at + 1500 + 3 * HOUR)
    assert ("missing", "firing", "red") in [row[:3] for row in life.alarms()]


def swinging(life: Life, days: int, drift: float = 0.0, seed: int = 5) -> float:
    """A noisy sensor that swings by ± 4.5° with the sun, every half hour."""
    rng = np.random.default_rng(seed)
    at = 0.0
    for k in range(days * 48):
        at = k * 1800.0
        sun = 4.5 * np.sin(2 * np.pi * at / DAY)
        life.reads(at, tilt_deg=90 + sun + drift * max(0.0, at / DAY - 5) + rng.normal(0, 0.8))
    return at


def test_a_sensor_that_swings_with_the_sun_is_judged_from_the_mean_of_its_day() -> None:
    """Fitted when it was coldest, it swings by nine degrees to one side only."""
    life = Life()
    swinging(life, 6)
    assert life.alarms("tilted", "missing") == []


def test_a_sensor_that_creeps_and_swings_is_a_fault_of_the_sensor_told_once() -> None:
    """A third of a degree a day, for weeks: no seat gives way like that."""
    life = Life()
    swinging(life, 45, drift=0.35)
    assert paged(life) == []
    told = [row[:2] for row in life.alarms("sensor_fault")]
    assert told == [("sensor_fault", "firing")]


def test_a_wheel_that_is_caught_on_a_sensor_that_has_crept_pages_nobody() -> None:
    """Twelve degrees of creep are no first opinion of a lid ajar."""
    life = Life()
    for k in range(40 * 24):
        tilt = 2 + 0.35 * max(0.0, k / 24 - 3)
        life.reads(k * HOUR, tilt_deg=tilt + (9.0 if k == 39 * 24 else 0.0))
    assert paged(life) == []
