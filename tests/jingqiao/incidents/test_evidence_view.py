"""What stands behind a bridge's alarm is told in words: curve, temperature's part, neighbours, confidence."""

from __future__ import annotations

from jingqiao.incidents.evidence_view import BARS, sparkline, told_evidence
from rules.alarm import AlarmChange, AlarmState, Hazard
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import MonthRecord, bridge_registry


def drift() -> AlarmChange:
    record = MonthRecord(days=45, sections=1, drift_from_day=33, step_ue={0: 40.0, 1: 35.0, 2: 38.0})
    engine = bridge_engine(bridge_registry(sections=1))
    changes = of(run(engine, record.frame(7), rows=2000), Hazard.DRIFT)
    return next(change for change in changes if change.state is AlarmState.FIRING)


def test_a_drift_shows_its_curve_the_part_of_temperature_its_neighbours_and_its_confidence() -> None:
    told = dict(told_evidence(drift().evidence, "zh"))
    for name in ("扣除温度后 [µε]", "其中温度所致 [µε]", "温度系数 [µε/°C]", "可信度（0–1）"):
        assert float(told[name])
    assert "G0-" in told["同时变化的测点"]
    bars, *_ = told["逐日残差曲线（扣除温度）[µε]"].split()
    assert len(bars) >= 10
    assert set(bars) <= set(BARS)


def test_facts_are_told_in_both_languages_and_unknown_ones_as_they_are() -> None:
    facts = {"confidence": 0.8, "neighbours": [], "odd_fact": 3, "unit": "µε", "intervention": {"who": "li"}}
    assert told_evidence(facts, "en") == [
        ("Confidence (0–1)", "0.8"),
        ("odd_fact", "3"),
        ("intervention.who", "li"),
    ]


def test_a_curve_in_a_line_shows_its_shape_and_its_ends() -> None:
    assert sparkline([0, 0, 10]) == "▁▁█  +0.0 … +10.0"
    assert sparkline([5, 5]) == "▁▁  +5.0 … +5.0"
    assert sparkline([]) == ""
