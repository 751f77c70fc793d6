"""Settlements in stages, each below the limit of one movement: added up over hours, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from rules.alarm import AlarmChange, AlarmState, Hazard
from rules.bridge.background import MINUTE
from rules.bridge.stages import FORGOTTEN, Stages
from rules.bridge.steps import Step, staircase_of
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import SECOND_US, START_US, DayRecord, Event, day_registry

CALM = DayRecord(hours=3.5, noise_ue=1.5, cloud_ue=2.0, sun_ue=10.0, vehicles_an_hour=60.0)


def drifts(record: DayRecord, seed: int) -> list[AlarmChange]:
    """What was said of drift."""
    return of(run(bridge_engine(day_registry()), record.frame(seed), 240), Hazard.DRIFT)


@pytest.mark.parametrize(
    ("gauges", "reason"),
    [(1, "rules_bridge.drift.settlement_single"), (4, "rules_bridge.drift.settlement")],
)
def test_four_stages_of_12_ue_half_an_hour_apart_are_a_settlement(gauges: int, reason: str) -> None:
    stages = tuple(Event(2700 + 1800 * i, 60, {g: 12.0 * (-1) ** g for g in range(gauges)}) for i in range(4))
    changes = drifts(replace(CALM, events=stages), 31)
    first = (changes[0].event_at - START_US) / SECOND_US
    assert changes[0].state is AlarmState.FIRING
    assert 2700 + 1800 < first < 2700 + 3 * 1800 + 900
    assert {change.reason.key for change in changes} == {reason}


def test_a_warm_day_with_loads_that_stand_and_leave_adds_up_to_nothing() -> None:
    loads = tuple(Event(2700 + 1800 * i, 10, {0: 12.0, 1: 12.0}, stay_s=540) for i in range(4))
    assert drifts(replace(CALM, events=loads), 32) == []


@pytest.mark.parametrize("apart", [5, 8, 10])
def test_steps_that_follow_sooner_than_a_load_would_leave_are_added_up(apart: int) -> None:
    steps = tuple(Event(2700 + 60 * apart * i, 40, {0: 12.0, 1: -3.0}) for i in range(5))
    changes = drifts(replace(CALM, events=steps), 33)
    first = (changes[0].event_at - START_US) / SECOND_US
    assert 2700 + 60 * apart < first < 2700 + 60 * apart + 60 + 960


def test_a_load_whose_coming_lies_too_far_back_is_not_taken_for_a_settlement_when_it_has_left() -> None:
    loads = tuple(Event(2700 + 1500 * i, 10, {0: 25.0}, stay_s=400) for i in range(5))
    assert drifts(replace(CALM, events=loads), 34) == []


def test_a_vehicle_in_one_block_is_no_step() -> None:
    y = np.zeros(144)
    y[:10], y[100] = np.nan, 40.0
    assert Stages(1).imposed(0, y, 36.0) == []
    assert Stages(1).stays(0, y, 20.0) is False


def test_a_step_too_small_to_be_seen_alone_is_seen_where_another_gauge_tells_when_it_came() -> None:
    y = np.where(np.arange(144) < 80, 0.0, 3.0)
    stages = Stages(1)
    stages.scale[:] = 0.5
    assert staircase_of(y, 5.0) == []
    assert stages.shared(0, y, Step(80, 1, 12.0)) == pytest.approx(3.0, abs=0.3)
    assert stages.shared(0, y, Step(60, 1, 12.0)) == 0.0
    assert stages.shared(0, 3 * y, Step(80, 1, 12.0)) == 0.0, "what it sees by itself is counted there"


def test_stages_to_and_fro_add_up_to_nothing() -> None:
    stages = Stages(1)
    for i, height in enumerate((12.0, -12.0, 12.0, -12.0, 12.0)):
        stages.add(0, 100 * i, height)
        assert stages.settled(0, 100 * i, 14.0) == 0.0


def test_a_sum_is_told_once_and_what_came_many_hours_before_is_not_in_it() -> None:
    stages = Stages(1)
    stages.add(0, 100, 12.0)
    stages.add(0, 101 + FORGOTTEN, 12.0)
    assert stages.settled(0, 101 + FORGOTTEN, 14.0) == 0.0
    stages.add(0, 101 + FORGOTTEN + 30 * MINUTE, 12.0)
    assert stages.settled(0, 0, 14.0) == pytest.approx(24.0)
    assert stages.settled(0, 0, 14.0) == 0.0


def test_stages_survive_a_snapshot() -> None:
    stages, restored = Stages(2), Stages(2)
    stages.add(1, 500, -12.0)
    restored.restore({k: np.array(v) for k, v in stages.snapshot().items()})
    restored.add(1, 600, -12.0)
    assert restored.settled(1, 600, 14.0) == pytest.approx(-24.0)
