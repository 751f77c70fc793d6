"""What `rules explain` says of a gauge: each test's figure against its limit, whether it rings or not."""

from __future__ import annotations

from config.bridge_rules import BridgeRules
from config.messages import catalogue
from config.rules import RuleSet
from rules.alarm import Hazard
from rules.bridge.conditions import conditions_of
from rules.bridge.detector import BridgeDetector
from rules.engine import Engine
from tests.support.bridge_runs import run
from tests.support.bridge_series import MonthRecord, bridge_registry


def rows_after(drift: dict[int, float]) -> dict[str, dict[str, object]]:
    detector = BridgeDetector(bridge_registry(), BridgeRules())
    frame = MonthRecord(days=22, every_s=1800, drift_from_day=14, drift_ue_per_day=drift).frame(1)
    run(Engine(bridge_registry(), RuleSet(), [detector]), frame)
    return {row["name"]: row for row in conditions_of(detector, 4, Hazard.DRIFT)}


def test_a_section_that_drifts_holds_its_condition_and_a_quiet_one_does_not() -> None:
    quiet, moved = rows_after({}), rows_after({4: 5.0, 5: 4.0, 6: 5.0, 7: 4.0})
    assert not any(row["holds"] for row in quiet.values())
    assert moved["section"]["holds"]
    assert moved["section"]["value"] > moved["section"]["limit"] > quiet["section"]["value"]
    assert moved["section"]["unit"] == "σ"
    assert set(quiet) == {"shift", "section", "alone", "live_load"}


def test_every_condition_has_words_in_both_languages() -> None:
    names = [*rows_after({}), "cusum", "strain_limit", "overload"]
    for language in ("zh", "en"):
        words = catalogue(language)
        assert all(f"console_city.condition.{name}" in words for name in names)
