"""Reasons are sentences, also where a value is not known yet."""

from __future__ import annotations

import pytest

from config.messages import catalogue
from jingqiao.incidents.reason import sentence

VALUES = {
    "sensor": "S-7",
    "value": 61.4,
    "limit": 30.0,
    "neighbours": 2,
    "others": "S-8, S-9",
    "slope": "+4.2",
    "days": 90,
}


@pytest.mark.parametrize("key", ["rules_bridge.drift.slow", "rules_bridge.drift.slow_single"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_drift_of_unknown_pace_is_told_without_one(key: str, language: str) -> None:
    known = sentence(key, VALUES, language)  # type: ignore[arg-type]
    assert "+4.2 µε" in known
    young = sentence(key, VALUES | {"slope": "?"}, language)  # type: ignore[arg-type]
    assert "?" not in young
    assert "月 " not in young
    assert "61 µε" in young


def test_a_sag_of_unknown_pace_is_told_without_one() -> None:
    values = {"sensor": "D-1", "value": 12.0, "rate": None, "days": None, "label": "二级"}
    assert "None" not in sentence("rules_bridge.sag", values, "zh")
    assert "12.0 mm" in sentence("rules_bridge.sag", values, "zh")


def test_what_the_catalogue_cannot_say_is_shown_as_it_is() -> None:
    assert sentence("nowhere.said", {}, "zh") == "nowhere.said"
    assert sentence("rules_bridge.drift.slow", {}, "en") == catalogue("en")["rules_bridge.drift.slow"]
