"""Faults of deflections, displacements, tilts, accelerations: told, and they raise or hide no level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from config.messages import catalogue
from devices.frame import Frame
from devices.registry import Registry
from rules.alarm import AlarmChange, AlarmState, Hazard, Severity
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import frame

HOUR, DAY = 3600.0, 86_400.0
BEGIN = float(frame(np.zeros(1), np.zeros(1), displacement_mm=np.zeros(1)).time[0]) / 1e6
"""Event time from which the seconds of a made-up series count."""


def registry(role: str, **more: Any) -> Registry:
    return Registry.of(
        [{"asset_id": "B", "kind": "bridge"}], [{"sensor_id": "S", "asset_id": "B", "role": role, **more}]
    )


def every(minutes: float, days: float) -> Any:
    return np.arange(0, days * DAY, minutes * 60)


def weather(t: Any, seed: int, mm: float = 3.0) -> Any:
    """A reading that follows the day, with the sensor's own noise."""
    rng = np.random.default_rng([1, seed])
    return mm * np.sin(2 * np.pi * t / DAY) + rng.normal(0, 0.1 * mm, len(t))


def told(rows: Frame, role: str, **more: Any) -> list[AlarmChange]:
    return run(bridge_engine(registry(role, **more)), rows, rows=200)


def series(t: Any, values: Any, column: str = "displacement_mm") -> Frame:
    return frame(np.zeros(len(t)), t, **{column: values})


def faults(changes: list[AlarmChange]) -> list[str]:
    found = [c for c in of(changes, Hazard.SENSOR_FAULT) if c.state is AlarmState.FIRING]
    return [c.reason.key.rpartition(".")[2] for c in found]


def levels(changes: list[AlarmChange]) -> list[Severity | None]:
    return [c.severity for c in of(changes, Hazard.STRAIN_LIMIT) if c.state is AlarmState.FIRING]


ROLES = (
    ("deflection", "displacement_mm", 3.0, 40.0),
    ("displacement", "displacement_mm", 6.0, 30.0),
    ("tilt", "tilt_x_deg", 0.02, 0.5),
    ("acceleration", "acceleration_rms_g", 0.002, None),
)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("role", "column", "size", "design"), ROLES)
def test_a_healthy_sensor_has_no_fault(
    role: str, column: str, size: float, design: float | None, seed: int
) -> None:
    t = every(30, 14)
    values = np.abs(weather(t, seed, size)) if role == "acceleration" else weather(t, seed, size)
    more = {} if design is None else {"design_max": design}
    assert faults(told(series(t, values, column), role, **more)) == []


@pytest.mark.parametrize(("role", "column", "size", "design"), ROLES)
def test_a_value_that_stands_far_longer_than_ever_is_stuck(
    role: str, column: str, size: float, design: float | None
) -> None:
    t = every(10, 5)
    values = np.abs(weather(t, 5, size))
    values[t > 4 * DAY] = values[t > 4 * DAY][0]
    changes = told(series(t, values, column), role)
    assert faults(changes) == ["stuck"]
    [found] = of(changes, Hazard.SENSOR_FAULT)
    assert 6 * HOUR <= found.event_at / 1e6 - BEGIN - 4 * DAY <= 8 * HOUR


def test_a_coarse_scale_that_stands_for_nights_is_not_stuck() -> None:
    t = every(30, 14)
    traffic = ((t % DAY) > 6 * HOUR) & ((t % DAY) < 22 * HOUR)
    rng = np.random.default_rng(3)
    values = np.where(traffic, np.round(rng.gamma(1.0, 1.5, len(t))), 0.0)
    values[(t > 10 * DAY) & (t < 11.2 * DAY)] = 0.0  # a day on which the bridge was closed
    assert faults(told(series(t, values), "deflection", design_max=40)) == []


def test_a_scale_that_has_hardly_ever_moved_is_not_called_stuck() -> None:
    t = every(60, 30)
    values = np.where(t > 10 * DAY, 0.01, 0.0)
    assert faults(told(series(t, values, "tilt_x_deg"), "tilt", design_max=0.5)) == []


def test_a_broken_wire_is_out_of_range_and_raises_no_level() -> None:
    t = every(10, 4)
    values = weather(t, 7)
    values[t > 3 * DAY] = -9999.0
    changes = told(series(t, values), "deflection", design_min=-10, design_max=40)
    assert faults(changes) == ["range"]
    assert levels(changes) == []


@pytest.mark.parametrize("column", ["vibration_g", "acceleration_rms_g"])
def test_an_accelerometer_at_full_scale_shakes_no_bridge(column: str) -> None:
    t = np.arange(0, HOUR / 2, 1.0)
    values = np.abs(weather(t, 8, 0.003))
    values[t > HOUR / 4] = 327.67
    changes = told(series(t, values, column), "acceleration")
    assert faults(changes) == ["range"]
    assert levels(changes) == []


def test_many_lone_spikes_are_told_and_raise_no_level() -> None:
    t = every(10, 6)
    values = weather(t, 9)
    values[700:840:17] = 300.0
    changes = told(series(t, values), "deflection", design_max=40)
    assert faults(changes) == ["spikes"]
    assert levels(changes) == []


def test_a_value_that_exceeds_between_spikes_is_told() -> None:
    t = every(10, 6)
    values = weather(t, 9)
    values[700:840:17] = 300.0
    beyond = (t > 5 * DAY) & (t < 5.2 * DAY)
    values[beyond & (values < 100)] = 45.0
    changes = told(series(t, values), "deflection", design_max=40)
    assert faults(changes) == ["spikes"]
    assert Severity.RED in levels(changes)


def test_a_value_that_exceeds_beside_one_wild_reading_is_told() -> None:
    t = every(10, 3)
    values = weather(t, 10)
    values[300:] = 45.0
    values[301] = -9999.0
    changes = told(series(t, values), "deflection", design_max=40)
    assert levels(changes)[:1] == [Severity.RED]
    assert of(changes, Hazard.STRAIN_LIMIT)[0].event_at / 1e6 - BEGIN <= t[302] + 20


def test_a_bearing_that_leaps_and_stays_is_told_as_a_level_and_is_no_fault() -> None:
    t = every(10, 6)
    values = weather(t, 11) + np.where(t > 5 * DAY, 60.0, 0.0)
    changes = told(series(t, values), "displacement", design_max=30)
    assert faults(changes) == []
    assert levels(changes)[:1] == [Severity.RED]


def test_a_level_that_was_told_is_not_taken_back_by_a_fault() -> None:
    t = every(10, 8)
    values = weather(t, 12)
    values[(t > 6 * DAY)] = 45.0
    values[(t > 6.1 * DAY)] = -9999.0
    changes = told(series(t, values), "deflection", design_max=40)
    assert faults(changes) == ["range"]
    assert [c.state for c in of(changes, Hazard.STRAIN_LIMIT)] == [AlarmState.FIRING]


def test_peaks_that_stop_at_one_value_are_saturated_and_still_judged() -> None:
    t = np.arange(0, HOUR / 2, 0.5)
    wave = 90 * np.sin(2 * np.pi * t / 7)
    values = np.where(t > HOUR / 4, np.clip(wave, -60, 60), wave / 30)
    changes = told(series(t, values), "displacement", design_max=40)
    assert "saturated" in faults(changes)
    assert Severity.RED in levels(changes)


def test_a_displacement_that_turns_restless_for_days_is_told() -> None:
    t = every(30, 14)
    rng = np.random.default_rng(13)
    values = weather(t, 13) + np.where(t > 10 * DAY, rng.normal(0, 4.0, len(t)), 0.0)
    changes = told(series(t, values), "displacement", design_max=60)
    assert faults(changes) == ["noise"]
    [found] = [c for c in of(changes, Hazard.SENSOR_FAULT) if c.state is AlarmState.FIRING]
    assert found.reason.values["unit"] == "mm"
    assert found.value > found.limit


def test_a_fast_sensor_that_loses_most_samples_is_told() -> None:
    rng = np.random.default_rng(14)
    t = np.arange(0, HOUR, 0.5)
    t = t[(t < HOUR / 3) | (rng.random(len(t)) < 0.2)]
    assert faults(told(series(t, weather(t, 14)), "deflection", design_max=40)) == ["gap"]


def test_a_fault_heals_and_levels_are_judged_again() -> None:
    t = every(10, 8)
    values = weather(t, 15)
    values[(t > 4 * DAY) & (t < 5 * DAY)] = -9999.0
    values[t > 7 * DAY] += 45.0
    changes = told(series(t, values), "deflection", design_max=40)
    states = [c.state for c in of(changes, Hazard.SENSOR_FAULT)]
    assert states == [AlarmState.FIRING, AlarmState.CLEAR]
    assert levels(changes)[:1] == [Severity.RED]


def test_rules_explain_shows_each_test_of_a_deflection_against_its_limit() -> None:
    t = every(10, 6)
    engine = bridge_engine(registry("deflection", design_max=40))
    run(engine, series(t, weather(t, 16) + np.where(t > 5 * DAY, 33.0, 0.0)))
    by_hazard: dict[str, list[Mapping[str, Any]]] = {
        row["hazard"]: row["conditions"] for row in engine.explain(0)["hazards"] if row["conditions"]
    }
    near, beyond, events = by_hazard["strain_limit"]
    assert (near["limit"], near["holds"]) == (32.0, near["value"] >= 32)
    assert (beyond["limit"], beyond["holds"], beyond["unit"]) == (40.0, False, "mm")
    assert 25 < near["value"] < 40
    assert (events["name"], events["limit"]) == ("events", 10.0)
    assert [row["name"] for row in by_hazard["drift"]] == ["sag_days", "sag", "sag_certainty"]
    assert by_hazard["drift"][1]["value"] is None
    assert [row["name"] for row in by_hazard["sensor_fault"]] == ["stands_still", "lone_spikes"]
    assert not any(row["holds"] for row in by_hazard["sensor_fault"])


def test_rules_explain_shows_how_long_a_girder_has_been_shaking() -> None:
    t = np.arange(0, HOUR, 20.0)
    engine = bridge_engine(registry("acceleration"))
    run(engine, series(t, np.full(len(t), 40 / 980.665), "acceleration_rms_g"))
    [row] = [row for row in engine.explain(0)["hazards"] if row["hazard"] == "strain_limit"]
    first, stood, second = row["conditions"]
    assert (first["limit"], first["holds"], round(first["value"])) == (31.5, True, 40)
    assert (stood["unit"], stood["holds"]) == ("min", True)
    assert 30 < stood["value"] <= 60
    assert (second["limit"], second["holds"]) == (50.0, False)


def test_every_condition_of_a_movement_has_words_in_both_languages() -> None:
    names = set()
    for role, column, size, _ in ROLES:
        engine = bridge_engine(registry(role, design_min=-size * 9, design_max=size * 9))
        t = np.arange(0, 180, 0.5)
        run(engine, series(t, np.abs(weather(t, 17, size)), column))
        for row in engine.explain(0)["hazards"]:
            names |= {condition["name"] for condition in row["conditions"]}
    assert {"deflection", "displacement", "tilt", "shaking", "sag", "stands_still", "samples"} <= names
    for language in ("zh", "en"):
        words = catalogue(language)
        assert [n for n in sorted(names) if f"console_city.condition.{n}" not in words] == []
