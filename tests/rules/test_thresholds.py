"""Limits by class, road and asset."""

from __future__ import annotations

import numpy as np
import pytest

from config.faults import FaultsError
from config.rules import Hours, Override, RuleSet, Where
from devices.registry import Registry
from rules.engine import Engine
from rules.schedule import active, next_change
from rules.thresholds import check, resolve
from tests.support.frames import HOUR, T0, frame_of

REGISTRY = Registry.of(
    [
        {"asset_id": "A", "kind": "cover", "road": "East", "load_class": "D400"},
        {"asset_id": "B", "kind": "cover", "road": "East", "low_lying": 1},
        {"asset_id": "C", "kind": "bridge", "road": "West"},
    ],
    [{"sensor_id": f"s{a}", "asset_id": a} for a in "ABC"] + [{"sensor_id": "free"}],
)


def rules(*overrides: tuple[dict[str, object], dict[str, object]]) -> RuleSet:
    return RuleSet(
        override=tuple(Override(where=Where.model_validate(where), set=keys) for where, keys in overrides)
    )


def limits(rule_set: RuleSet) -> list[float]:
    health = resolve(rule_set, REGISTRY)["health"]
    return [health.sets[int(i)].battery_low_pct for i in health.class_of]


def test_without_overrides_there_is_one_set_of_limits() -> None:
    health = resolve(RuleSet(), REGISTRY)["health"]
    assert len(health.sets) == 1
    assert np.array_equal(health.class_of, np.zeros(4, np.uint16))


def test_an_override_holds_where_all_its_cells_match() -> None:
    assert limits(rules(({"road": "East", "load_class": "D400"}, {"health.battery_low_pct": 30}))) == [
        30,
        20,
        20,
        20,
    ]
    assert limits(rules(({"low_lying": True}, {"health.battery_low_pct": 31}))) == [20, 31, 20, 20]
    assert limits(rules(({"kind": "bridge"}, {"health.battery_low_pct": 32}))) == [20, 20, 32, 20]


def test_later_overrides_win_and_others_stay() -> None:
    rule_set = rules(
        ({"road": "East"}, {"health.battery_low_pct": 30, "health.battery_empty_pct": 7}),
        ({"asset_id": "B"}, {"health.battery_low_pct": 40}),
    )
    health = resolve(rule_set, REGISTRY)["health"]
    of_b = health.sets[int(health.class_of[1])]
    assert (of_b.battery_low_pct, of_b.battery_empty_pct) == (40, 7)
    assert len(health.sets) == 3


@pytest.mark.parametrize("key", ["health.batery", "wealth.battery_low_pct", "battery_low_pct", "lid.no.such"])
def test_an_unknown_key_is_a_fault(key: str) -> None:
    faulty = rules(({"road": "East"}, {key: 1}))
    assert len(check(faulty)) == 1
    with pytest.raises(FaultsError, match="unknown key"):
        resolve(faulty, REGISTRY)


def test_a_value_out_of_range_is_a_fault() -> None:
    with pytest.raises(FaultsError, match="battery_low_pct"):
        resolve(rules(({"road": "East"}, {"health.battery_low_pct": 300})), REGISTRY)


def test_the_same_rules_have_the_same_version_and_others_another() -> None:
    assert RuleSet().version() == RuleSet().version()
    assert RuleSet().version() != rules(({"road": "East"}, {"health.battery_low_pct": 30})).version()


def test_limits_change_while_the_engine_runs() -> None:
    engine = Engine(REGISTRY, RuleSet())
    rows = [{"sensor": s, "t": 0, "battery_pct": 25} for s in range(3)]
    assert engine.apply(frame_of(rows)) == []
    stricter = rules(({"road": "East"}, {"health.battery_low_pct": 30}))
    engine.control("rules", stricter.model_dump(mode="json"), int(frame_of(rows).time[0]))
    changes = engine.apply(frame_of([{**row, "t": 60} for row in rows]))
    assert [change.asset_id for change in changes] == ["A", "B"]


def test_faulty_rules_change_nothing() -> None:
    engine = Engine(REGISTRY, RuleSet())
    faulty = rules(({"road": "East"}, {"health.nothing": 30}))
    with pytest.raises(FaultsError):
        engine.rules_changed(faulty)
    assert engine.rules == RuleSet()


NIGHT = RuleSet(
    override=(
        Override(
            when=Hours.model_validate({"from": "22:00", "to": "06:00", "weekdays": ["fri"]}),
            set={"health.battery_low_pct": 50},
        ),
    )
)
FRIDAY_22 = 1_767_967_200_000_000 - 7 * 24 * HOUR
"""2026-01-02 22:00 in China, a Friday."""


@pytest.mark.parametrize(
    ("hours", "expected"), [(-0.1, False), (0, True), (7.9, True), (8, False), (24, False), (168, True)]
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(hours: float, expected: bool) -> None:
    assert active(NIGHT, FRIDAY_22 + int(hours * HOUR)) == (expected,)


def test_the_next_change_is_the_next_end_or_beginning() -> None:
    assert next_change(NIGHT, FRIDAY_22 - 1) == FRIDAY_22
    assert next_change(NIGHT, FRIDAY_22) == FRIDAY_22 + 8 * HOUR


def test_rules_with_hours_survive_their_record_in_the_log() -> None:
    assert RuleSet.model_validate(NIGHT.model_dump(mode="json")) == NIGHT


@pytest.mark.parametrize("whole", [True, False])
def test_limits_follow_the_hours_however_frames_are_cut(whole: bool) -> None:
    hours = [-2, -1, 1, 7, 9]
    offset = (FRIDAY_22 - T0) / 1e6
    rows = [{"sensor": s, "t": offset + 3600 * h, "battery_pct": 40} for h in hours for s in (0, 1)]
    engine = Engine(REGISTRY, NIGHT)
    frames = [frame_of(rows)] if whole else [frame_of([row]) for row in rows]
    changes = [change for frame in frames for change in engine.apply(frame)]
    assert [(c.asset_id, c.state.value, (c.event_at - FRIDAY_22) // HOUR) for c in changes] == [
        ("A", "firing", 1),
        ("B", "firing", 1),
    ]
    changes = engine.tick(FRIDAY_22 + 11 * HOUR)
    assert [(c.asset_id, c.state.value, (c.event_at - FRIDAY_22) // HOUR) for c in changes] == [
        ("A", "clear", 9),
        ("B", "clear", 9),
    ]
