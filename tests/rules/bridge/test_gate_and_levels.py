"""Dying gauges are faults, not structure; limits and overload speak of strain, never of tonnes."""

import re

import numpy as np
import pytest

from config.messages import catalogue
from jingqiao.backtest.view import as_json
from rules.alarm import AlarmChange, AlarmState, Hazard, Severity
from rules.bridge.evidence import REASONS
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import bridge_registry, day_registry, frame

N = 4 * 3600
T = np.arange(N, dtype=float)


def strain(seed: int = 1) -> np.ndarray:
    return 100 + np.random.default_rng(seed).normal(0, 0.5, N)


def told(values: np.ndarray, peaks: np.ndarray | None = None, **cells: float) -> list[AlarmChange]:
    """What is said of one gauge with 1 s features; `peaks` are added to the greatest sample."""
    top = values + 1.5 + (0 if peaks is None else peaks)
    spread = 0.5 + (0 if peaks is None else 0.3 * peaks)
    rows = frame(
        np.zeros(N),
        T,
        strain_ue=values,
        strain_min_ue=values - 1.5,
        strain_max_ue=top,
        strain_std_ue=np.broadcast_to(spread, (N,)),
        strain_n=np.full(N, 100.0),
    )
    return run(bridge_engine(day_registry(1, **cells)), rows)


def faults(changes: list[AlarmChange]) -> list[str]:
    return [c.reason.key for c in of(changes, Hazard.SENSOR_FAULT) if c.state is AlarmState.FIRING]


def test_a_sound_gauge_says_nothing() -> None:
    assert told(strain()) == []


def test_a_gauge_out_of_range_is_a_fault_and_no_limit() -> None:
    values = strain()
    values[7000:] = 9000
    changes = told(values, strain_max_ue=400)
    assert faults(changes) == ["rules_bridge.fault.range"]
    assert {c.hazard for c in changes} == {Hazard.SENSOR_FAULT}


def test_a_value_that_never_moves_is_a_stuck_gauge() -> None:
    rows = frame(np.zeros(N), T, strain_ue=np.where(T > 7000, 100.0, strain()))
    assert faults(run(bridge_engine(day_registry(1)), rows)) == ["rules_bridge.fault.stuck"]


def test_a_leap_that_no_structure_makes_is_a_fault_and_no_settlement() -> None:
    values = strain()
    values[7200:] += 700
    changes = told(values)
    assert faults(changes) == ["rules_bridge.fault.rate"]
    assert of(changes, Hazard.DRIFT) == []


def test_strain_beyond_the_design_worst_case_is_level_2_at_once() -> None:
    peaks = np.where((T > 9000) & (T < 9004), 400.0, 0.0)
    [first, *_] = of(told(strain(), peaks, strain_max_ue=420), Hazard.STRAIN_LIMIT)
    assert (first.severity, first.reason.key) == (Severity.RED, "rules_bridge.strain.design")
    assert first.reason.values["label"] == "二级"
    assert first.value == pytest.approx(501, abs=3)
    assert first.limit == pytest.approx(420)


def test_a_single_sample_that_stands_alone_is_no_load() -> None:
    values, peaks = strain(), np.where(T == 9000, 900.0, 0.0)
    rows = frame(
        np.zeros(N),
        T,
        strain_ue=values,
        strain_min_ue=values - 1.5,
        strain_max_ue=values + 1.5 + peaks,
        strain_std_ue=np.where(peaks > 0, 90.0, 0.5),
        strain_n=np.full(N, 100.0),
    )
    assert run(bridge_engine(day_registry(1, strain_max_ue=420)), rows) == []


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    for language in ("zh", "en"):
        assert set(REASONS) - set(catalogue(language)) == set()


@pytest.mark.parametrize(("scale", "stuck"), [(0.5, True), (20.0, False)])
def test_a_gauge_of_a_slow_logger_that_stands_through_a_day_is_stuck_unless_its_scale_is_coarse(
    scale: float, stuck: bool
) -> None:
    t = np.arange(0.0, 30 * 86_400, 3 * 3600)
    rng = np.random.default_rng(21)
    values = 12 * np.sin(2 * np.pi * t / 86_400) + np.cumsum(rng.normal(0, 0.5, len(t)))
    values = np.round(values / scale) * scale
    still = (t > 20 * 86_400) & (t < 23 * 86_400)
    values[still] = values[still][0]
    rows = frame(np.zeros(len(t)), t, strain_ue=values)
    changes = run(bridge_engine(bridge_registry(1, 1, thermometers=False)), rows, rows=8)
    found = [c for c in of(changes, Hazard.SENSOR_FAULT) if c.state is AlarmState.FIRING]
    assert [c.reason.key for c in found] == (["rules_bridge.fault.stuck"] if stuck else [])
    if stuck:
        assert 20 * 60 <= found[0].limit <= found[0].value <= 27 * 60
    assert not [c for c in of(changes, Hazard.DRIFT) if stuck and c.state is AlarmState.FIRING]


def test_the_end_of_a_level_says_what_is_measured_now_and_no_false_excess() -> None:
    t = np.arange(0.0, 2 * 86_400, 600)
    values = np.where((t > 40_000) & (t < 60_000), 180.0, 20.0) + np.random.default_rng(4).normal(
        0, 1, len(t)
    )
    rows = frame(np.zeros(len(t)), t, strain_ue=values)
    registry = bridge_registry(1, 1, thermometers=False, strain_max_ue=150)
    begins, ends = of(run(bridge_engine(registry), rows, rows=6), Hazard.STRAIN_LIMIT)
    assert (ends.state, ends.limit) == (AlarmState.CLEAR, 150)
    assert as_json(begins, "en")["reason"].endswith("beyond the design worst case 150 µε (level 2)")
    assert as_json(begins, "zh")["reason"].endswith("（二级）")
    assert re.fullmatch(r"over: [\d.]+ µε now \(limit 150 µε\)", as_json(ends, "en")["reason"])
    assert "nan" not in as_json(ends, "zh")["reason"]
