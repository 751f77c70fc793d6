"""Wells that fill, told by a level or by a distance that grows shorter."""

from __future__ import annotations

from tests.support.lid_rounds import Life, city

HOUR = 3600.0


def well(life: Life, hours: int = 30, distance: float = 2400.0) -> float:
    """A dry well that a sensor under the lid has looked into; time of its last reading [s]."""
    for k in range(hours + 1):
        life.reads(k * HOUR, distance_mm=distance + (k % 3) * 4)
    return hours * HOUR


def test_a_distance_that_grows_shorter_is_water_that_rises() -> None:
    """From the depth of the well as it was found, not from the sensor."""
    life = Life(city(heartbeat_s=3600))
    at = well(life)
    life.reads(at + 1300, distance_mm=2000)
    life.passes(at + 1310)
    assert [(h, s, c) for h, s, c, _ in life.alarms()] == [("flooded", "firing", "orange")]
    assert 395 < life.said[0].value < 410


def test_a_well_that_was_wet_when_the_sensor_came_is_judged_from_its_bottom() -> None:
    """The water falls within the first day: the deeper surface is the dry one."""
    life = Life(city(heartbeat_s=3600))
    for k in range(40):
        life.reads(k * HOUR, distance_mm=1500 if k < 6 else 2400)
    life.reads(39 * HOUR + 1300, distance_mm=2050)
    life.passes(39 * HOUR + 1310)
    assert [(h, s) for h, s, _, _ in life.alarms("flooded")] == [("flooded", "firing")]


def test_a_sensor_that_looks_at_the_ground_beside_its_well_sees_no_water() -> None:
    """The lid is off: missing, not flooded."""
    life = Life(city(heartbeat_s=3600))
    for k in range(31):
        life.reads(k * HOUR, distance_mm=2400, tilt_deg=2)
    life.reads(30 * HOUR + 1300, distance_mm=60, tilt_deg=95)
    life.passes(30 * HOUR + 1400)
    assert {h for h, _, _, _ in life.alarms()} == {"missing"}


def test_water_that_was_rising_is_believed_on_schedule_at_once() -> None:
    """A jump from dry is asked twice, a rise is not."""
    life = Life(city(heartbeat_s=1800))
    for k in range(20):
        life.reads(k * 1800.0, water_mm=20)
    life.reads(20 * 1800.0, water_mm=180)
    life.reads(21 * 1800.0, water_mm=340)
    life.passes(21 * 1800.0 + 10)
    assert [(h, s, c) for h, s, c, _ in life.alarms()] == [("flooded", "firing", "orange")]


def test_standing_water_that_leaps_by_a_metre_in_one_sample_is_asked_twice() -> None:
    life = Life(city(heartbeat_s=600))
    for k in range(40):
        life.reads(k * 600.0, water_mm=136)
    life.reads(40 * 600.0, water_mm=2000)
    life.reads(41 * 600.0, water_mm=132)
    life.passes(43 * 600.0)
    assert [c for _, _, c, _ in life.alarms() if c in ("orange", "red")] == []


def test_a_single_echo_pages_nobody() -> None:
    """One distance of nothing, on schedule."""
    life = Life(city(heartbeat_s=3600))
    at = well(life)
    life.reads(at + HOUR, distance_mm=0)
    life.reads(at + 2 * HOUR, distance_mm=2400)
    life.passes(at + 2 * HOUR + 700)
    assert [c for _, _, c, _ in life.alarms() if c in ("orange", "red")] == []


def test_water_that_woke_its_sensor_at_the_limit_floods_though_it_says_a_little_less() -> None:
    """The switch of the device acts at 300 mm, its level trembles by 4 mm, and it sleeps until noon."""
    said = {}
    for woken, level in ((True, 297), (True, 250), (False, 297)):
        life = Life(city(heartbeat_s=43_200))
        for k in range(30):
            life.reads(k * 12 * HOUR, water_mm=40 + k % 3)
        at = 30 * 12 * HOUR - (5 * HOUR if woken else 0)
        life.reads(at, water_mm=level)
        life.passes(at + 60)
        said[woken, level] = [(h, c) for h, _, c, _ in life.alarms()]
    assert said == {(True, 297): [("flooded", "orange")], (True, 250): [], (False, 297): []}


def test_water_that_always_stands_just_below_the_limit_is_no_flood_when_something_else_wakes_the_sensor() -> (
    None
):
    life = Life(city(heartbeat_s=43_200))
    for k in range(30):
        life.reads(k * 12 * HOUR, water_mm=285 + 3 * (k % 3))
    life.reads(29 * 12 * HOUR + 7 * HOUR, water_mm=297)
    life.passes(29 * 12 * HOUR + 8 * HOUR)
    assert life.alarms() == []
