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


def test_an_open_contact_is_a_missing_lid_from_the_first_reading() -> None:
    """No baseline is needed for a contact."""
    life = Life()
    life.reads(0, open=1)
    life.passes(30)
    assert life.alarms() == [("missing", "firing", "red", 5.2)]


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
