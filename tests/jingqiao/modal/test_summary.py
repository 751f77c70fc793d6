"""What people are told of a bridge's frequencies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.messages import Language
from jingqiao.modal.observation import Observation
from jingqiao.modal.summary import advice, sentences, state_of, summary_of
from tests.support.modal_hours import DAY_US, HOUR_US, START_US, hours_of, weather

LABELS = ("一级", "二级", "三级")


def falls(day: int, *modes: int) -> list[Observation]:
    """A hundred days; on one, some modes lose what a tenth of stiffness makes."""
    return hours_of(
        weather(100, 4), seed=4, change=lambda d, m: -5.13 if d >= day and (not modes or m in modes) else 0.0
    )


def test_a_tenth_less_stiffness_is_told_in_per_cent_with_error_level_and_advice() -> None:
    found = summary_of("B", falls(80), (), LABELS)
    stiffness = found["stiffness"]
    assert (stiffness["verdict"], stiffness["state"], stiffness["modes"]) == (
        "fell",
        "provisional",
        [1, 2, 3],
    )
    assert stiffness["stiffness_change_percent"] == pytest.approx(-10, abs=1.5)
    for row in found["modes"]:
        expected = row["frequency_hz"] / (1 + row["change_percent"] / 100)
        assert row["expected_hz"] == pytest.approx(expected, rel=1e-3)
    assert 0.5 < stiffness["confidence"] < 0.95
    assert stiffness["level"] in (2, 3)
    said = " ".join(sentences(found, "en"))
    assert "needs inspection" in said
    assert "Provisional" in said
    assert stiffness["label"] in said
    assert "rate_hz" in str(advice(found, "en"))
    assert "刚度指标：需要检查" in " ".join(sentences(found, "zh"))


def test_one_mode_that_falls_is_inspected_where_it_moves_most() -> None:
    found = summary_of("B", falls(80, 2), (), LABELS)
    assert found["stiffness"]["modes"] == [2]
    assert "moves most" in str(advice(found, "en"))
    assert state_of(found["modes"][1], "en").startswith("provisional, fell")


def test_a_bridge_that_stays_as_it_is_has_no_advice() -> None:
    found = summary_of("B", falls(1000), (), LABELS)
    assert found["stiffness"]["verdict"] == "steady"
    assert found["stiffness"]["stiffness_change_percent"] is None
    assert advice(found, "zh") is None


def test_works_begin_anew_and_hours_within_them_do_not_count() -> None:
    works = ((START_US + 75 * DAY_US, START_US + 80 * DAY_US),)
    found = summary_of("B", falls(78), works, LABELS)
    assert found["from"] == found["begun_anew_at"] == works[0][1]
    assert found["stiffness"]["verdict"] == "steady"
    assert {row["days"] for row in found["modes"]} == {20}


def test_works_that_go_on_leave_what_was_before() -> None:
    works = ((START_US + 90 * DAY_US, START_US + 120 * DAY_US),)
    found = summary_of("B", falls(1000), works, LABELS)
    assert found["to"] == works[0][0] - 6 * HOUR_US
    assert found["begun_anew_at"] is None


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("problem", ["channels", "gaps", "rate", "still", "modes"])
def test_why_nothing_could_be_analysed_is_said(problem: str, language: Language) -> None:
    bad = [Observation(START_US + i * HOUR_US, problem=problem, left_out={"A1": "gaps"}) for i in range(3)]
    found = summary_of("B", bad, (), LABELS)
    said = sentences(found, language)
    assert (found["hours"], found["problems"]) == (0, {problem: 3})
    assert "A1" in said[1]
    assert found["stiffness"]["verdict"] == "unknown"


def test_without_thermometer_and_while_learning_that_is_said() -> None:
    cold = summary_of("B", hours_of(weather(30, 1), seed=1, thermometer=False), (), LABELS)
    assert "No thermometer" in sentences(cold, "en")[1]
    young = summary_of("B", hours_of(weather(5, 1), seed=1), (), LABELS)
    assert "5 of 14 days" in sentences(young, "en")[1]


def test_a_sensor_that_is_often_left_out_is_named() -> None:
    hours = [replace(one, left_out={"A9": "rate"}) for one in hours_of(weather(5, 1), seed=1)]
    assert any("A9" in line for line in sentences(summary_of("B", hours, (), LABELS), "en"))


def test_of_nothing_nothing_is_said() -> None:
    found = summary_of("B", [], (), LABELS)
    assert sentences(found, "en") == ["No acceleration was analysed yet"]


def test_what_was_judged_long_ago_is_not_said_of_now() -> None:
    hours = falls(80)
    lately = summary_of("B", hours, (), LABELS, START_US + 105 * DAY_US)
    assert lately["stiffness"]["verdict"] == "fell"
    later = summary_of("B", hours, (), LABELS, START_US + 130 * DAY_US)
    assert (later["stiffness"]["verdict"], later["stiffness"]["state"]) == ("unknown", "old")
    assert "more than 10 days ago" in sentences(later, "en")[1]
    assert advice(later, "en") is None


def test_a_dead_thermometer_is_no_damage() -> None:
    hours = hours_of(weather(200, 4, 30), seed=4, percent_per_degree=-0.3)
    dead = [replace(one, temperature_c=0.0) if i >= 4 * 60 else one for i, one in enumerate(hours)]
    found = summary_of("B", dead, (), LABELS, START_US + 200 * DAY_US)
    assert found["stiffness"]["verdict"] == "unknown"
    assert all(55 <= row["days"] <= 60 for row in found["modes"])
