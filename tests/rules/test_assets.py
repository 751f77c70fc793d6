"""Several sensors of one asset make one alarm, and no place hides another."""

from __future__ import annotations

from rules.alarm import Hazard, Reason
from rules.assets import Announcement, AssetAlarms, Voice


def said(level: int, value: float = 5.0) -> Voice:
    return Voice(level, value, 1.0, Reason("rules_bridge.drift.slow_single", {}), {})


def settle(alarms: AssetAlarms, sensor: int, level: int, sections: str | None) -> list[Announcement]:
    place = None if sections is None else sections.__getitem__
    return list(alarms.settle(7, Hazard.DRIFT, 0, sensor, said(level), 0, place))


def test_a_gauge_of_another_section_is_told_beside_an_alarm_that_fires_and_keeps_its_grade() -> None:
    alarms = AssetAlarms()
    assert [a.level for a in settle(alarms, 0, 3, "AAB")] == [3]
    assert settle(alarms, 1, 3, "AAB") == []
    (told,) = settle(alarms, 2, 2, "AAB")
    assert (told.level, told.sensors, told.voice.level, told.fires) == (3, (0, 1, 2), 2, True)
    assert settle(alarms, 2, 2, "AAB") == []


def test_where_places_do_not_count_a_second_sensor_is_told_only_if_it_is_graver() -> None:
    alarms = AssetAlarms()
    assert len(settle(alarms, 0, 3, None)) == 1
    assert settle(alarms, 2, 2, None) == []
    assert [a.level for a in settle(alarms, 2, 4, None)] == [4]


def at_once(alarms: AssetAlarms, *words: tuple[int, int, float]) -> list[Announcement]:
    """words : (sensor, level, value) of each."""
    voices = [(0, sensor, said(level, value), 0) for sensor, level, value in words]
    return list(alarms.settle_at_once(7, Hazard.DRIFT, voices))


def test_what_several_say_in_one_moment_is_told_once_by_the_one_that_moved_most() -> None:
    (told,) = at_once(AssetAlarms(), (0, 3, 18.0), (1, 3, -40.0), (2, 2, 90.0))
    assert (told.level, told.fires, told.voice.value, told.sensors) == (3, True, -40.0, (1, 0, 2))


def test_an_alarm_that_ends_for_all_at_once_is_never_told_in_a_lower_grade_before() -> None:
    alarms = AssetAlarms()
    at_once(alarms, (0, 4, 60.0), (1, 3, 20.0))
    (told,) = at_once(alarms, (0, 0, 0.0), (1, 0, 0.0))
    assert (told.fires, told.level, told.sensors) == (False, 4, (0, 1))
    assert list(alarms.firing()) == []


def test_an_alarm_that_ends_for_the_gravest_only_goes_on_in_the_grade_of_the_others() -> None:
    alarms = AssetAlarms()
    at_once(alarms, (0, 4, 60.0), (1, 3, 20.0))
    (told,) = at_once(alarms, (0, 0, 0.0), (2, 3, 25.0))
    assert (told.fires, told.level, told.voice.value, told.sensors) == (True, 3, 25.0, (2, 1))


def test_nothing_that_ends_where_nothing_was_is_told() -> None:
    assert at_once(AssetAlarms(), (0, 0, 0.0), (1, 0, 0.0)) == []
