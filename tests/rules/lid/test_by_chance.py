"""What chance makes once in a while among the readings of a city's sensors, and what it does not."""

from __future__ import annotations

import numpy as np

from rules.lid.schedule import Pace, on_schedule
from tests.rules.lid.test_scenarios import DAY, HOUR
from tests.support.lid_rounds import Life, city


def loud(life: Life, *hazards: str) -> list[tuple[str, str]]:
    return [
        (hazard, colour)
        for hazard, state, colour, _ in life.alarms(*hazards)
        if state == "firing" and colour in ("orange", "red")
    ]


def on_time(jitter_s: float, messages: int = 4000) -> float:
    """Share of messages of a sensor of 15 minutes with a clock of so much error that kept its schedule."""
    rng = np.random.default_rng(8)
    time = (900.0 * np.arange(1, messages) + rng.normal(0, jitter_s, messages - 1)) * 1e6
    known = Pace(np.zeros(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    nothing, calm = np.full(1, np.nan, np.float32), np.ones(1, bool)
    last, before, kept = time[0], np.zeros(1, np.float32), []
    for now in time[1:]:
        gap = np.full(1, (now - last) / 1e6, np.float32)
        scheduled, known = on_schedule(np.full(1, int(now)), gap, before, nothing, known, calm)
        last, before = now, gap
        kept.append(bool(scheduled[0]))
    return float(np.mean(kept[2:]))


def test_a_restless_clock_wakes_nobody() -> None:
    """One contact that bounces in a message half a minute early was taken for a theft."""
    assert on_time(jitter_s=2) == 1
    assert on_time(jitter_s=10) == 1


def test_a_wheel_in_the_second_message_of_all_pages_nobody() -> None:
    life = Life(city(heartbeat_s=None))
    for k, tilt in enumerate((0.8, 34.6, 0.9, 1.0, 0.9, 0.8, 1.1)):
        life.reads(k * 60.0, tilt_deg=tilt)
    assert loud(life) == []


def test_a_stolen_lid_in_the_second_message_of_all_is_red() -> None:
    life = Life(city(heartbeat_s=None))
    life.reads(0, tilt_deg=0.8)
    life.reads(60, tilt_deg=120)
    life.passes(90)
    assert loud(life) == [("missing", "red")]


def test_two_wheels_running_on_the_second_day_page_nobody_and_a_lid_ajar_does_within_the_hour() -> None:
    """How often wheels are caught is not known from some two hundred readings."""
    life, rng = Life(city(heartbeat_s=600)), np.random.default_rng(2)
    for k in range(260):
        life.reads(k * 600.0, tilt_deg=1.5 + rng.normal(0, 0.1))
    at = 260 * 600.0
    for k, tilt in enumerate((24.7, 29.9, 1.6, 1.5)):
        life.reads(at + k * 600, tilt_deg=tilt)
    assert loud(life) == []
    at += 2400
    for k in range(6):
        life.reads(at + k * 600, tilt_deg=24 + rng.normal(0, 0.1))
    assert loud(life) == [("tilted", "orange")]


def test_a_wheel_on_a_sensor_that_has_crept_pages_nobody() -> None:
    """Eleven degrees of creep and six of a wheel are no defect."""
    life, rng = Life(city(heartbeat_s=3600)), np.random.default_rng(3)
    for k in range(40 * 24):
        crept = max(k - 72, 0) / 24 * 0.3
        wheel = 6.0 if k in (900, 901, 930, 931) else 0.0
        life.reads(k * HOUR, tilt_deg=1 + crept + wheel + rng.normal(0, 0.05))
    assert loud(life) == []
    assert ("sensor_fault", "firing") in [row[:2] for row in life.alarms()]


def test_one_wild_sample_of_a_sleeper_does_not_make_its_lid_loose() -> None:
    """Its way there and back was counted as two steps of rocking."""
    life, rng = Life(city(heartbeat_s=None)), np.random.default_rng(4)
    for k in range(40 * 4):
        wild = 107.0 if k in (130, 134, 138) else 0.0
        life.reads(k * DAY / 4, tilt_deg=wild or 1 + rng.normal(0, 0.1), open=float(wild > 0))
    assert life.alarms("loose") == []


def test_noon_and_midnight_by_turns_are_no_loose_lid() -> None:
    """A sensor that reads twice a day sees the sun go to and fro; in spring it was weaker."""
    life, rng = Life(city(heartbeat_s=43_200)), np.random.default_rng(6)
    for k in range(120):
        sun = 0.1 if k < 50 else 0.35
        life.reads(k * DAY / 2, tilt_deg=3 + sun * (-1) ** k + rng.normal(0, 0.03))
    assert life.alarms("loose") == []
    for k in range(120, 150):
        life.reads(k * DAY / 2, tilt_deg=3 + rng.uniform(-2.5, 2.5))
    assert [row[:2] for row in life.alarms("loose")][:1] == [("loose", "firing")]


def test_an_echo_that_came_first_is_not_the_seat() -> None:
    """Ten millimetres too short, once; any echo the other way then passed for a sunken lid."""
    life, rng = Life(city(heartbeat_s=900)), np.random.default_rng(9)
    for k in range(400):
        echo = -10.0 if k == 0 else 6.0 if k in (300, 301) else 0.0
        life.reads(k * 900.0, displacement_mm=echo + rng.normal(0, 0.5))
    assert life.alarms("sunken", "tilted") == []
    for k in range(400, 404):
        life.reads(k * 900.0, displacement_mm=18.0)
    assert loud(life, "sunken") == [("sunken", "orange")]


def test_a_contact_does_not_confirm_angles_that_contradict_one_another() -> None:
    """Quarter-hourly: the whole frame is wild, and the next one is soon there."""
    life, rng = Life(city(heartbeat_s=900)), np.random.default_rng(5)
    seat = {"tilt_x_deg": 2.0, "tilt_y_deg": 0.0, "displacement_mm": 0.0, "open": 0.0}
    for k in range(200):
        life.reads(k * 900.0, tilt_deg=2 + rng.normal(0, 0.1), **seat)
    wild = {"tilt_x_deg": 60.0, "tilt_y_deg": 45.0, "displacement_mm": -80.0, "open": 1.0}
    life.reads(200 * 900.0, tilt_deg=31.0, **wild)
    life.reads(201 * 900.0, tilt_deg=2.0, **seat)
    life.passes(202 * 900.0)
    assert loud(life) == []


def test_days_that_turn_sunny_page_nobody_of_a_sensor_that_reads_noon_and_midnight() -> None:
    """Cloudy weeks teach a swing of 0.2 degrees; then the sun makes 1.4 of it, the same every day."""
    life, rng = Life(city(heartbeat_s=43_200)), np.random.default_rng(4)
    for k in range(120):
        swing = 0.2 if k < 60 else 1.4
        life.reads(k * 43_200.0, tilt_deg=round(3.2 + swing * (k % 2) + rng.normal(0, 0.05), 1))
    assert loud(life) == []


def test_a_lid_that_rocks_under_a_sensor_of_half_an_hour_without_shocks_pages() -> None:
    life, rng = Life(city(heartbeat_s=1800)), np.random.default_rng(5)
    for k in range(14 * 48):
        rocks = 1.4 * rng.integers(0, 2) if k >= 10 * 48 else 0
        life.reads(k * 1800.0, tilt_deg=1.0 + rocks + rng.normal(0, 0.05))
    assert loud(life) == [("loose", "orange")]
