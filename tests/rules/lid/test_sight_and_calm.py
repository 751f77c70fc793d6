"""What a sensor is said to see, and alarms that must not flap around a limit."""

from __future__ import annotations

import numpy as np

from rules.alarm import Hazard
from rules.lid.detector import LidDetector
from tests.support.lid_rounds import Life

HOUR = 3600.0
DAY = 24 * HOUR


def lid_detector(life: Life) -> LidDetector:
    return next(d for d in life.engine.detectors if isinstance(d, LidDetector))


def test_a_sensor_with_a_contact_alone_sees_a_missing_lid() -> None:
    """It is blind for all else."""
    life = Life()
    life.reads(0, open=0)
    life.reads(6 * HOUR, open=0)
    seen = lid_detector(life).sees(0)
    assert seen[Hazard.MISSING] == "rules_lid.sees.contact"
    assert seen[Hazard.SUNKEN] == "rules_lid.blind.displacement"
    assert life.alarms() == []


def test_a_contact_that_was_judged_is_still_known() -> None:
    """Opening and closing do not make it forgotten; a new sensor does."""
    life = Life()
    life.reads(0, open=1)
    life.reads(HOUR, open=0)
    assert lid_detector(life).sees(0)[Hazard.MISSING] == "rules_lid.sees.contact"
    life.engine.control("rebaseline", {"sensor_id": "S0", "who": "x", "why": "swap"}, life.now)
    assert lid_detector(life).sees(0)[Hazard.MISSING] == "rules_lid.blind.tilt"


def test_water_is_seen_and_its_level_shown() -> None:
    """Dry wells too."""
    life = Life()
    life.reads(0, water_mm=120)
    detector = lid_detector(life)
    assert detector.sees(0)[Hazard.FLOODED] == "rules_lid.sees.water"
    _, evidence = detector.explain(0, Hazard.FLOODED)
    assert [row["value"] for row in evidence["conditions"]] == [120]
    life.reads(HOUR, water_mm=450)
    _, evidence = detector.explain(0, Hazard.FLOODED)
    assert [(row["value"], row["holds"]) for row in evidence["conditions"]] == [(450, True)]


def test_a_float_switch_sees_a_flood() -> None:
    """Without any level, and no level is made up for it."""
    life = Life()
    life.reads(0, water_alarm=0)
    detector = lid_detector(life)
    assert detector.sees(0)[Hazard.FLOODED] == "rules_lid.sees.water_alarm"
    _, evidence = detector.explain(0, Hazard.FLOODED)
    assert evidence["water_mm"] is None


def after_a_wheel(days: float) -> list[str]:
    """Colours told of a leaning lid that woke its sensor, so long after it had been driven over."""
    life = Life()
    for at in np.arange(0, 3 * DAY, 6 * HOUR):
        life.reads(at, tilt_deg=2)
    life.reads(3 * DAY + 4000, tilt_deg=14)
    life.reads(3 * DAY + 4002, tilt_deg=2)
    for at in np.arange(3 * DAY + 6 * HOUR, (3 + days) * DAY + 1, 6 * HOUR):
        life.reads(at, tilt_deg=2)
    life.reads((3 + days) * DAY + 7000, tilt_deg=19)
    life.passes((3 + days) * DAY + 7060)
    return [colour for _, state, colour, _ in life.alarms("tilted") if state == "firing"]


def test_a_lid_is_not_doubted_forever_because_it_was_once_driven_over() -> None:
    """Within the month one leaning message is unconfirmed, later it is believed."""
    assert after_a_wheel(5) == ["blue"]
    assert after_a_wheel(40) == ["orange"]


def test_a_sensor_that_creeps_over_the_limit_is_told_once() -> None:
    """0.025° in six hours, with a noise of 0.1°."""
    life, rng = Life(), np.random.default_rng(5)
    for k in range(4 * 130):
        life.reads(k * 6 * HOUR, tilt_deg=1 + 0.025 * k + rng.normal(0, 0.1))
    assert [(h, s) for h, s, _, _ in life.alarms()] == [("sensor_fault", "firing")]


def test_wheels_do_not_make_a_sinking_lid_flap() -> None:
    """Half a millimetre a day, read every ten minutes, one reading in twenty under a wheel."""
    for seed in range(3):
        life, rng = Life(), np.random.default_rng(seed)
        for k in range(144 * 36):
            mm = 0.5 * k / 144 + rng.normal(0, 0.5) + (3 if rng.random() < 0.05 else 0)
            life.reads(k * 600.0, displacement_mm=mm)
        assert [(s, c) for _, s, c, _ in life.alarms("sunken")] == [
            ("firing", "yellow"),
            ("firing", "orange"),
        ]


def test_a_small_step_of_a_sleeping_sensor_is_told_with_its_second_reading() -> None:
    """From 12 to 17 mm: no half-day mean delays it."""
    life = Life()
    for k in range(8):
        life.reads(k * 6 * HOUR, displacement_mm=0)
    for k in range(8, 100):
        life.reads(k * 6 * HOUR, displacement_mm=12)
    life.reads(100 * 6 * HOUR, displacement_mm=17)
    life.reads(101 * 6 * HOUR, displacement_mm=17)
    life.passes(101 * 6 * HOUR + 60)
    assert [(s, c) for _, s, c, _ in life.alarms("sunken")][-1] == ("firing", "orange")
