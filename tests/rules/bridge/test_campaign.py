"""A campaign on a girder of beam theory through the backtest: what an engineer would have to sign."""

import pytest

from config.rules import RuleSet
from jingqiao.backtest.run import backtest
from rules.alarm import AlarmChange, AlarmState, Severity
from tests.support.bridge_campaign import Campaign, Jacks, Lorry
from tests.support.bridge_series import SECOND_US, START_US


def told(campaign: Campaign, seed: int = 1) -> list[AlarmChange]:
    """All changes of alarms."""
    result = backtest(campaign.registry(), RuleSet(), campaign.frame(seed))
    assert result.faults == []
    return result.changes


def minute(change: AlarmChange) -> float:
    return (change.event_at - START_US) / SECOND_US / 60


@pytest.mark.parametrize(
    "lorries",
    [
        [Lorry(4500, 17, 560)],
        [Lorry(4500, 20, 590, speed_m_s=0.7)],
        [Lorry(4500, 20, 590), Lorry(4530, 12, 550), Lorry(4560, 45, 500)],
    ],
    ids=["at walking pace", "creeping", "three of them"],
)
def test_test_lorries_that_stand_and_leave_are_no_alarm(lorries: list[Lorry]) -> None:
    assert told(Campaign(hours=1.7, lorries=lorries)) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "places",
    [
        [(11.0, 240.0), (28.0, 300.0), (45.0, 240.0)],
        [(8.0, 360.0), (17.0, 240.0), (40.0, 200.0), (52.0, 300.0)],
    ],
    ids=["three places", "four places"],
)
def test_a_test_lorry_that_goes_from_place_to_place_is_no_alarm_when_it_has_left(
    places: list[tuple[float, float]], seed: int
) -> None:
    lorry = Lorry(3600, *places[0], axles_kn=(110.0, 140.0, 140.0), then=places[1:])
    assert told(Campaign(hours=2.2, rate_hz=10, lorries=[lorry], swing_c=12.0), seed) == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_a_pier_that_goes_back_ends_the_alarm_though_small_steps_of_some_gauges_were_not_counted(
    seed: int,
) -> None:
    down = [(2400.0 + 1200.0 * i, 60.0 + 70.0 * i, 9.0) for i in range(3)]
    jacks = Jacks(1, [*down, (6900.0, 120.0, -27.0)])
    changes = told(Campaign(hours=2.7, rate_hz=10, jacks=[jacks], vehicles_an_hour=60, swing_c=12.0), seed)
    assert changes[0].state is AlarmState.FIRING
    assert changes[-1].state is AlarmState.CLEAR
    assert 6900 / 60 < minute(changes[-1]) < 7020 / 60 + 12.5


def test_a_pier_lowered_by_jacks_and_raised_again_is_one_alarm_that_ends() -> None:
    steps = [(4500.0 + 90 * i, 30.0, 2.0) for i in range(5)]
    changes = told(Campaign(hours=2.0, jacks=[Jacks(1, [*steps, (6200.0, 120.0, -10.0)])]))
    firing, clear = changes
    assert firing.state is AlarmState.FIRING
    assert 78 < minute(firing) <= (4500 + 4 * 90 + 30) / 60 + 5
    assert firing.sensor_ids[0] == firing.reason.values["sensor"] == "G2"
    assert sorted(firing.sensor_ids) == ["G0", "G1", "G2", "G3"]
    assert firing.value < -14
    assert firing.severity is Severity.ORANGE
    assert firing.reason.key == "rules_bridge.drift.settlement"
    assert firing.evidence["neighbours"] == ["G0", "G1", "G3"]
    assert clear.state is AlarmState.CLEAR
    assert 6200 / 60 < minute(clear) < 6320 / 60 + 12


@pytest.mark.parametrize("vehicles_an_hour", [0.0, 60.0])
def test_a_pier_that_goes_down_in_two_minutes_is_told_within_five_of_its_end(vehicles_an_hour: float) -> None:
    jacks = [Jacks(1, [(4500.0, 120.0, 12.0)])]
    changes = told(Campaign(hours=1.6, jacks=jacks, vehicles_an_hour=vehicles_an_hour))
    assert changes[0].reason.key == "rules_bridge.drift.settlement"
    assert 75 < minute(changes[0]) <= 77 + 5


def test_the_evidence_is_that_of_the_moment_in_which_it_was_told() -> None:
    jacks = [Jacks(1, [(4500.0, 180.0, 12.0), (6000.0, 60.0, -12.0)])]
    first = told(Campaign(hours=1.9, jacks=jacks))[0]
    assert first.evidence["decided_at_us"] - first.event_at < 20 * SECOND_US
    assert first.evidence["compensated_ue"] == pytest.approx(first.value, abs=0.1)


def test_steps_ten_minutes_apart_are_told_after_the_second_and_end_when_the_pier_is_raised() -> None:
    steps = [(3600.0 + 600 * i, 40.0, 4.3) for i in range(7)]
    changes = told(Campaign(hours=3.0, jacks=[Jacks(1, [*steps, (9600.0, 120.0, -30.1)])], swing_c=12.0))
    first, last = changes[0], changes[-1]
    assert first.reason.key == "rules_bridge.drift.settlement"
    assert first.sensor_ids == ("G2", "G1", "G3")
    assert 70 < minute(first) < 70 + 1 + 16
    assert first.value == pytest.approx(-20, abs=3)
    assert abs(first.value) > first.limit
    assert 10 <= first.reason.values["minutes"] <= 13
    assert changes[1].severity is Severity.RED
    assert changes[1].value < -35
    assert last.state is AlarmState.CLEAR
    assert 160 < minute(last) < 162 + 5


def test_gauges_that_moved_too_little_to_be_told_are_not_told_when_the_pier_is_raised_again() -> None:
    jacks = [Jacks(1, [(3600.0, 120.0, 10.0), (6000.0, 120.0, 10.0), (9000.0, 180.0, -20.0)])]
    changes = told(Campaign(hours=3.4, jacks=jacks, vehicles_an_hour=60, swing_c=12.0), 9001)
    assert [c.state for c in changes if minute(c) > 150][-1] is AlarmState.CLEAR
    assert all(c.value < 0 for c in changes if c.reason.values["sensor"] == "G2")
    assert all(c.value >= 0 for c in changes if c.reason.values["sensor"] != "G2")


def test_a_pier_that_is_raised_fifteen_minutes_after_a_slow_descent_ends_the_alarm() -> None:
    jacks = Jacks(1, [(1800.0, 600.0, 12.9), (3300.0, 120.0, -12.9)])
    firing, clear = told(Campaign(hours=1.3, rate_hz=10, jacks=[jacks]), 6)
    assert (firing.state, clear.state) == (AlarmState.FIRING, AlarmState.CLEAR)
    assert 3300 / 60 < minute(clear) < 3420 / 60 + 5
    assert firing.value < -14


def test_a_movement_that_was_told_while_it_grew_is_counted_once() -> None:
    changes = told(Campaign(hours=1.2, rate_hz=10, jacks=[Jacks(1, [(1800.0, 600.0, 12.9)])]), 6)
    assert [change.severity for change in changes if change.state is AlarmState.FIRING] == [Severity.ORANGE]
    assert all(abs(change.value) < 36 for change in changes)
