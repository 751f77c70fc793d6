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
