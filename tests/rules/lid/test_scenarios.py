"""Lids as timelines: what must ring, when, and what must stay quiet."""

from __future__ import annotations

import numpy as np

from tests.support.lid_rounds import Life

HOUR = 3600.0
DAY = 24 * HOUR


def rested(days: float = 3, every_h: float = 6, seed: int = 1, **level: float) -> tuple[Life, float]:
    """A lid that has lain still for days; time of its last reading [s]."""
    life, rng = Life(), np.random.default_rng(seed)
    at = 0.0
    for at in np.arange(0, days * DAY + 1, every_h * HOUR):
        life.reads(at, **{name: value + rng.normal(0, 0.1) for name, value in level.items()})
    return life, float(at)


def test_one_message_of_a_waking_sensor_is_enough_for_a_missing_lid() -> None:
    """The alarm is out within 30 s, though nothing comes after it."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 4000, tilt_deg=80)
    life.passes(at + 4030)
    assert life.alarms() == [("missing", "firing", "red", at + 4005.2)]


def test_a_lid_dragged_off_flat_is_missing() -> None:
    """The angle hardly changes, but nothing is where the lid was."""
    life, at = rested(tilt_deg=2, displacement_mm=0)
    life.reads(at + 4000, tilt_deg=6, displacement_mm=-150)
    life.passes(at + 4030)
    assert life.alarms() == [("missing", "firing", "red", at + 4005.2)]
    assert [(round(c.value), c.limit, c.unit) for c in life.said] == [(-150, 100, "mm")]


def test_an_open_contact_is_a_missing_lid_from_the_first_reading() -> None:
    """No baseline is needed for a contact."""
    life = Life()
    life.reads(0, open=1)
    life.passes(30)
    assert life.alarms() == [("missing", "firing", "red", 5.2)]
    assert np.isnan(life.said[0].value)  # open is open: a message has no "1 °" to tell


def test_a_spike_in_a_burst_never_pages() -> None:
    """A contrary reading within the hold takes it back."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 4000, tilt_deg=2.2)
    life.reads(at + 4003, tilt_deg=120)
    life.reads(at + 4006, tilt_deg=2.1)
    life.passes(at + HOUR)
    assert life.alarms() == []


def test_a_wild_sample_on_schedule_is_told_as_unconfirmed_only() -> None:
    """A heartbeat with one wild angle is no red alarm."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 6 * HOUR, tilt_deg=120)
    life.reads(at + 12 * HOUR, tilt_deg=2)
    life.passes(at + 13 * HOUR)
    assert [(h, s, c) for h, s, c, _ in life.alarms()] == [
        ("missing", "firing", "yellow"),
        ("missing", "clear", "yellow"),
    ]


def test_an_open_lid_seen_on_schedule_is_red_with_the_second_reading() -> None:
    """Confirmed by the next heartbeat."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 6 * HOUR, tilt_deg=120)
    life.reads(at + 12 * HOUR, tilt_deg=121)
    assert [(h, s, c) for h, s, c, _ in life.alarms()] == [
        ("missing", "firing", "yellow"),
        ("missing", "firing", "red"),
    ]


def test_a_lid_that_sinks_is_told_weeks_before_the_limit_and_at_it() -> None:
    """Half a millimetre a day: attention, then defect when 15 mm are reached."""
    life, rng = Life(), np.random.default_rng(3)
    for at in np.arange(0, 50 * DAY, 6 * HOUR):
        life.reads(at, displacement_mm=rng.normal(0, 0.4) + max(0.0, (at / DAY - 10) * 0.5))
    told = {(state, colour): at / DAY for _, state, colour, at in life.alarms("sunken")}
    assert list(told) == [("firing", "yellow"), ("firing", "orange")]
    assert told["firing", "yellow"] < 40 - 14
    assert 39 < told["firing", "orange"] < 42


def test_a_well_that_fills_is_told() -> None:
    """300 mm, from one event."""
    life, at = rested(water_mm=40)
    life.reads(at + 4000, water_mm=420)
    life.passes(at + 4030)
    assert life.alarms() == [("flooded", "firing", "orange", at + 4005.2)]


def test_a_lid_left_ajar_is_tilted() -> None:
    """20° and staying there: orange, though only one message came."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 4000, tilt_deg=22)
    life.passes(at + 4030)
    assert life.alarms() == [("tilted", "firing", "orange", at + 4010.2)]


def test_a_wheel_on_the_rim_is_no_tilt() -> None:
    """Back within two seconds."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 4000, tilt_deg=19)
    life.reads(at + 4002, tilt_deg=2)
    life.passes(at + HOUR)
    assert life.alarms() == []


def test_a_lost_recovery_of_a_lid_that_wheels_often_shake_pages_nobody() -> None:
    """It has leaned and lain flat again before: one message more is told in blue."""
    life, at = rested(tilt_deg=2)
    for k in range(3):
        life.reads(at + 3000 * k + 4000, tilt_deg=14)
        life.reads(at + 3000 * k + 4002, tilt_deg=2)
    life.reads(at + 15_000, tilt_deg=19)
    life.reads(at + 6 * HOUR, tilt_deg=2)
    life.passes(at + 7 * HOUR)
    assert [(s, c) for _, s, c, _ in life.alarms()] == [("firing", "blue"), ("clear", "blue")]


def test_a_sensor_that_creeps_is_faulty_and_no_lid_is_tilted() -> None:
    """0.3° a day for three months."""
    life, rng = Life(), np.random.default_rng(5)
    for at in np.arange(0, 90 * DAY, 6 * HOUR):
        life.reads(at, tilt_deg=1 + 0.3 * at / DAY + rng.normal(0, 0.1))
    assert [(h, s, c) for h, s, c, _ in life.alarms()] == [("sensor_fault", "firing", "yellow")]


def test_a_tilted_lid_stays_tilted_however_long() -> None:
    """The creep that excuses a sensor never follows a jump."""
    life, at = rested(tilt_deg=2)
    for k in range(4 * 120):
        life.reads(at + 4000 + k * 6 * HOUR, tilt_deg=25)
    assert [(h, s) for h, s, _, _ in life.alarms()] == [("tilted", "firing")]


def test_a_sensor_fitted_on_its_side_sees_its_lid_open() -> None:
    """At rest it shows 90°; what counts is the change."""
    life, at = rested(tilt_x_deg=88, tilt_y_deg=1)
    life.reads(at + 4000, tilt_x_deg=10, tilt_y_deg=2)
    life.passes(at + 4030)
    assert life.alarms() == [("missing", "firing", "red", at + 4005.2)]


def test_a_first_reading_in_the_fitters_hand_is_no_baseline() -> None:
    """The sensor was switched on at 70° and then laid flat."""
    life = Life()
    life.reads(0, tilt_deg=70)
    for k in range(1, 12):
        life.reads(k * 6 * HOUR, tilt_deg=2)
    assert life.alarms() == []


def test_silence_after_a_lone_open_reading_is_suspected_theft() -> None:
    """Unconfirmed at once; red when its heartbeats fail to come."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 6 * HOUR, tilt_deg=80)
    life.passes(at + 24 * HOUR)
    colours = [(s, c) for h, s, c, _ in life.alarms("missing")]
    assert colours == [("firing", "yellow"), ("firing", "red")]


def test_a_lid_that_rocks_is_found_within_two_days() -> None:
    """Shocks three times the usual, heartbeats of six hours."""
    life, rng = Life(), np.random.default_rng(6)
    for at in np.arange(0, 12 * DAY, 6 * HOUR):
        usual = 1.0 if at < 8 * DAY else 3.0
        life.reads(at, vibration_g=usual * rng.lognormal(0, 0.25))
    found = [at for h, s, _, at in life.alarms("loose") if s == "firing"]
    assert 8 * DAY < found[0] < 10 * DAY


def test_one_hard_bump_is_no_loose_lid() -> None:
    """However hard it was."""
    life, rng = Life(), np.random.default_rng(7)
    for at in np.arange(0, 20 * DAY, 6 * HOUR):
        life.reads(at, vibration_g=rng.lognormal(0, 0.25) * (16 if at == 10 * DAY else 1))
    assert life.alarms("loose") == []


def test_a_new_sensor_on_the_lid_begins_with_a_baseline_of_its_own() -> None:
    """After `rebaseline` what was tilted is as it should be."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 4000, tilt_deg=24)
    life.passes(at + 5000)
    life.said += life.engine.control("rebaseline", {"sensor_id": "S0", "who": "x", "why": "swap"}, life.now)
    for k in range(1, 8):
        life.reads(at + 6000 + k * 6 * HOUR, tilt_deg=24)
    assert [(h, s) for h, s, _, _ in life.alarms()] == [("tilted", "firing"), ("tilted", "clear")]


def test_a_restart_in_the_middle_changes_nothing() -> None:
    """Snapshot and restore between a large movement and the silence after it."""
    life, at = rested(tilt_deg=2)
    life.reads(at + 6 * HOUR, tilt_deg=80)
    again = Life()
    again.engine.restore(life.engine.snapshot())
    again.now = life.now
    for one in (life, again):
        one.said.clear()
        one.passes(at + 24 * HOUR)
    assert again.alarms() == life.alarms() != []
