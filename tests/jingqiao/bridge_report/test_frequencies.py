"""Natural frequencies in the monthly report: table, plots, conclusion, or how to come by them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.messages import Language
from config.rules import RuleSet
from devices.registry import Registry
from jingqiao.bridge_report import report
from jingqiao.bridge_report.month import month_of
from jingqiao.modal.observation import Observation
from tests.support.bridge_series import frame
from tests.support.modal_hours import DAY_US, SENSORS, START_US, hours_of, weather

ZONE = ZoneInfo("Asia/Shanghai")


def registry(accelerometers: int) -> Registry:
    rows: list[dict[str, Any]] = [{"sensor_id": "T", "asset_id": "B", "role": "temperature"}]
    rows += [{"sensor_id": s, "asset_id": "B", "role": "acceleration"} for s in SENSORS[:accelerometers]]
    return Registry.of([{"asset_id": "B", "kind": "bridge"}], rows)


def made(
    hours: list[Observation],
    *,
    accelerometers: int = 6,
    works: tuple[tuple[int, int], ...] = (),
    language: Language = "en",
) -> report.Report:
    """The report of April 2024, of a bridge with a thermometer and nothing but vibration."""
    time = np.arange(85.0, 115.0, 0.25) * 86_400
    warm = frame(np.zeros(len(time)), time, temperature_c=15 + 0 * time)
    return report.make(
        registry(accelerometers),
        RuleSet(),
        warm,
        (),
        month_of("2024-04", ZONE),
        made_at=START_US + 125 * DAY_US,
        source="duckdb",
        language=language,
        told=report.Told(hours=hours, works=works),
    )


def falling(percent: float) -> list[Observation]:
    return hours_of(weather(118, 4), seed=4, change=lambda day, _m: percent if day >= 100 else 0.0)


def test_a_fall_stands_in_the_conclusions_with_advice_table_and_plots() -> None:
    done = made(falling(-5.13))
    assert any("needs inspection" in line for line in done.figures["conclusions"])
    assert any("rate_hz" in line for line in done.figures["advice"])
    page = report.page(done)
    assert "Natural frequencies (stiffness indicator)" in page
    assert page.count("provisional, fell") == 3
    assert "temperature removed; band" in page
    assert "Frequency against temperature" in page


def test_a_bridge_that_stays_as_it_is_is_said_to() -> None:
    page = report.page(made(falling(0.0), language="zh"))
    assert "固有频率（刚度指标）" in page
    assert "扣除温度后，没有频率变化超过 1 %" in page
    assert "需要检查" not in page


def test_while_it_learns_nothing_is_concluded() -> None:
    done = made(falling(0.0)[: 4 * 5])
    assert not any("requency" in line for line in done.figures["conclusions"])
    page = report.page(done)
    assert "5 of 14 days" in page
    assert "temperature removed; band" not in page


def test_works_begin_anew() -> None:
    works = ((START_US + 99 * DAY_US, START_US + 101 * DAY_US),)
    assert made(falling(-5.13), works=works).figures["modal"]["stiffness"]["verdict"] == "steady"


def test_without_the_library_the_report_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "installed", lambda: False)
    assert "-m pip install" in report.page(made([]))


def test_a_bridge_without_accelerometers_has_no_such_chapter() -> None:
    done = made([], accelerometers=1)
    assert done.figures["modal"] is None
    assert "Natural frequencies" not in report.page(done)
