"""Table 9 of JT/T 1037 for what is no strain: deflection, displacement, tilt, temperature, shaking, sag."""

from typing import Any

import numpy as np
import pytest

from config.bridge_rules import BridgeRules, LevelLimits
from config.messages import catalogue
from devices.frame import Frame
from devices.registry import Registry
from rules.alarm import AlarmChange, AlarmState, Hazard, Severity
from rules.bridge.movements import REASONS
from rules.engine import Engine
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import frame

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def registry(role: str, **cells: Any) -> Registry:
    return Registry.of(
        [{"asset_id": "B", "kind": "bridge"}],
        [
            {"sensor_id": "M", "asset_id": "B", "role": role, **cells},
            {"sensor_id": "T", "asset_id": "B", "role": "temperature"},
        ],
    )


def told(rows: Frame, role: str, rules: BridgeRules | None = None, **cells: Any) -> list[AlarmChange]:
    return run(bridge_engine(registry(role, **cells), rules), rows, rows=max(1, len(rows) // 1000))


def every(minutes: float, hours: float) -> np.ndarray:
    return np.arange(0, hours * HOUR, minutes * MINUTE)


def firing(changes: list[AlarmChange], hazard: Hazard = Hazard.STRAIN_LIMIT) -> list[tuple[Severity, str]]:
    return [
        (c.severity, c.reason.key.removeprefix("rules_bridge."))
        for c in of(changes, hazard)
        if c.state is AlarmState.FIRING
    ]


def deflection(values: np.ndarray, t: np.ndarray, **cells: Any) -> list[AlarmChange]:
    return told(frame(np.zeros(len(t)), t, displacement_mm=values), "deflection", **cells)


def test_a_deflection_is_level_2_at_four_fifths_and_level_3_at_the_design_value() -> None:
    t = every(1, 12)
    values = np.where(t > 4 * HOUR, 33.0, 10.0) + np.where(t > 8 * HOUR, 8.0, 0.0)
    changes = deflection(values, t, design_max=40, design_min=-10)
    assert firing(changes) == [
        (Severity.ORANGE, "movement.deflection_near"),
        (Severity.RED, "movement.deflection"),
    ]
    first = changes[0]
    assert (first.unit, first.value, first.limit) == ("mm", 33, 40)
    assert first.reason.values["label"] == "二级"
    assert first.evidence["quantity"] == "deflection"


def test_an_uplift_counts_against_its_own_side() -> None:
    t = every(1, 6)
    changes = deflection(np.where(t > 3 * HOUR, -9.0, 0.0), t, design_max=40, design_min=-10)
    assert firing(changes) == [(Severity.ORANGE, "movement.deflection_near")]
    assert changes[0].limit == -10


def test_one_wild_sample_is_no_level() -> None:
    t = every(1, 6)
    assert deflection(np.where(t == 3 * HOUR, 500.0, 5.0), t, design_max=40) == []


def test_a_vehicle_at_9_hz_is_seen_by_its_peak() -> None:
    t = np.arange(0, 600, 1 / 9)
    values = 5 + 30 * np.exp(-(((t - 300) / 0.5) ** 2))
    assert firing(deflection(values, t, design_max=40)) == [(Severity.ORANGE, "movement.deflection_near")]


def test_the_tenth_level_2_in_a_month_is_level_3() -> None:
    t = every(10, 24 * 12)
    values = np.where((t % DAY >= 8 * HOUR) & (t % DAY < 9 * HOUR), 34.0, 5.0)
    changes = deflection(values, t, design_max=40)
    [found] = [c for c in changes if c.severity is Severity.RED and c.state is AlarmState.FIRING]
    assert found.reason.key == "rules_bridge.movement.deflection_many"
    assert found.reason.values["count"] == 10
    assert len([f for f in firing(changes) if f[1] == "movement.deflection_near"]) == 9


def test_a_bearing_that_moves_has_the_same_levels() -> None:
    t = every(1, 6)
    rows = frame(np.zeros(len(t)), t, displacement_mm=np.where(t > 3 * HOUR, 26.0, 10.0))
    changes = told(rows, "displacement", design_max=25)
    assert firing(changes) == [(Severity.RED, "movement.displacement")]


def test_a_tilt_counts_from_where_it_was_learned() -> None:
    """Fitted 3° askew; a pier turns by 0.17° about another axis."""
    t = every(10, 72)
    turned = np.where(t > 48 * HOUR, 0.17, 0.0)
    rng = np.random.default_rng(1)
    rows = frame(
        np.zeros(len(t)),
        t,
        tilt_x_deg=3 + rng.normal(0, 0.005, len(t)),
        tilt_y_deg=-1 + turned + rng.normal(0, 0.005, len(t)),
    )
    changes = told(rows, "tilt", design_max=0.2)
    assert firing(changes) == [(Severity.ORANGE, "movement.tilt_near")]
    assert changes[0].value == pytest.approx(0.17, abs=0.02)


def test_a_structure_hotter_than_designed_is_level_1() -> None:
    t = every(5, 24)
    degrees = 30 + 20 * np.sin(2 * np.pi * t / DAY)
    rows = frame(np.zeros(len(t)), t, temperature_c=degrees)
    changes = told(rows, "temperature", design_min=-10, design_max=45)
    assert firing(changes) == [(Severity.YELLOW, "movement.temperature")]
    assert (changes[0].unit, changes[0].limit) == ("°C", 45)


def shaking(rms_cm_s2: np.ndarray, t: np.ndarray, **columns: Any) -> list[AlarmChange]:
    rows = frame(np.zeros(len(t)), t, acceleration_rms_g=rms_cm_s2 / 980.665, **columns)
    return told(rows, "acceleration")


def test_shaking_above_31_5_is_level_1_only_after_half_an_hour() -> None:
    t = every(10, 8)
    brief = np.where((t >= 2 * HOUR) & (t <= 2.5 * HOUR), 35.0, 5.0)
    assert firing(shaking(brief, t)) == []
    long = np.where((t >= 2 * HOUR) & (t <= 3 * HOUR), 35.0, 5.0)
    changes = shaking(long, t)
    assert firing(changes) == [(Severity.YELLOW, "shaking.long")]
    assert changes[0].unit == "cm/s²"
    assert changes[0].value == pytest.approx(35, rel=0.01)


def test_shaking_above_50_is_level_2_and_growing_level_3() -> None:
    t = every(10, 8)
    assert firing(shaking(np.where(t >= 4 * HOUR, 55.0, 5.0), t)) == [(Severity.ORANGE, "shaking.strong")]
    grows = np.where(t >= 4 * HOUR, 30 * 1.3 ** ((t - 4 * HOUR) / 600), 5.0)
    assert (Severity.RED, "shaking.growing") in firing(shaking(np.minimum(grows, 800), t))


def test_a_waveform_is_squared_here_and_peaks_are_not() -> None:
    t = np.arange(0, 3600, 0.1)
    wave = np.abs(60 * np.sqrt(2) * np.sin(2 * np.pi * 1.3 * t)) / 980.665
    rows = frame(np.zeros(len(t)), t, vibration_g=wave)
    changes = told(rows, "acceleration")
    assert firing(changes) == [(Severity.ORANGE, "shaking.strong")]
    assert changes[0].value == pytest.approx(60, rel=0.02)
    t = every(1, 8)
    assert told(frame(np.zeros(len(t)), t, vibration_g=np.full(len(t), 0.3)), "acceleration") == []


def year_of_deflection(sag_mm_per_month: float, days: int = 200, seed: int = 1) -> Frame:
    rng = np.random.default_rng(seed)
    t = every(60, 24 * days)
    weather, days_ar = np.zeros(days + 1), np.zeros(days + 1)
    for i in range(1, days + 1):
        weather[i] = 0.7 * weather[i - 1] + rng.normal(0, 2.5)
        days_ar[i] = 0.6 * days_ar[i - 1] + rng.normal(0, 0.4)
    warm = 18 + 12 * np.sin(2 * np.pi * (t / DAY - 100) / 365) + 6 * np.sin(2 * np.pi * t / DAY)
    warm += weather[(t // DAY).astype(int)]
    values = (
        8
        + 0.3 * warm
        + days_ar[(t // DAY).astype(int)]
        + np.clip(t / DAY - 60, 0, None) * sag_mm_per_month / 30
        + rng.normal(0, 0.5, len(t))
    )
    rows = np.concatenate([np.zeros(len(t)), np.ones(len(t))])
    nothing = np.full(len(t), np.nan)
    return frame(
        rows,
        np.concatenate([t, t + 1]),
        displacement_mm=np.concatenate([values, nothing]),
        temperature_c=np.concatenate([nothing, warm]),
    )


def test_a_girder_that_goes_on_sagging_is_level_3_and_drift() -> None:
    changes = told(year_of_deflection(3.0), "deflection", design_max=40)
    assert firing(changes, Hazard.DRIFT) == [(Severity.RED, "sag")]
    [found] = [c for c in of(changes, Hazard.DRIFT) if c.state is AlarmState.FIRING]
    assert found.provisional
    assert found.evidence["temperature_coefficient_mm_per_c"] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_warm_season_is_no_sag(seed: int) -> None:
    assert told(year_of_deflection(0.0, seed=seed), "deflection", design_max=40) == []


def test_levels_have_the_names_of_the_client() -> None:
    t = every(1, 6)
    rows = frame(np.zeros(len(t)), t, displacement_mm=np.where(t > 3 * HOUR, 50.0, 0.0))
    rules = BridgeRules(level=LevelLimits(labels=("Ⅲ级", "Ⅱ级", "Ⅰ级")))
    [change] = told(rows, "deflection", rules, design_max=40)
    assert change.reason.values["label"] == "Ⅰ级"
    assert change.severity is Severity.RED


def test_without_design_value_it_is_blind_and_says_so() -> None:
    engine = bridge_engine(registry("deflection"))
    [sensor, thermometer] = [engine.explain(i) for i in (0, 1)]
    assert sensor["blind"]["strain_limit"] == "rules_bridge.blind.no_design_value"
    assert "strain_limit" in {row["hazard"] for row in thermometer["hazards"]}


def test_state_survives_a_restart_in_the_middle_of_everything() -> None:
    t = every(10, 24 * 12)
    values = np.where((t % DAY >= 8 * HOUR) & (t % DAY < 9 * HOUR), 34.0, 5.0)
    rows = frame(np.zeros(len(t)), t, displacement_mm=values)
    whole = run(bridge_engine(registry("deflection", design_max=40)), rows, rows=1)
    engine: Engine = bridge_engine(registry("deflection", design_max=40))
    parts: list[AlarmChange] = []
    for start in range(0, len(rows), 300):
        parts += run(engine, rows.take(np.arange(start, min(start + 300, len(rows)))), rows=1)
        snapshot, engine = engine.snapshot(), bridge_engine(registry("deflection", design_max=40))
        engine.restore(snapshot)
    assert [(c.event_at, c.severity, c.state, c.reason) for c in parts] == [
        (c.event_at, c.severity, c.state, c.reason) for c in whole
    ]


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    for language in ("zh", "en"):
        assert set(REASONS) - set(catalogue(language)) == set()
