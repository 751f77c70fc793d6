"""Limits by class, road and asset."""

from __future__ import annotations

import numpy as np
import pytest

from config.faults import FaultsError
from config.rules import Override, RuleSet, Where
from devices.registry import Registry
from rules.engine import Engine
from rules.thresholds import check, resolve
from tests.support.frames import frame_of

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
