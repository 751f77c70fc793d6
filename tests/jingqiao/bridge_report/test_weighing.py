"""Tonnes only after a truck of known weight has crossed, and never without their error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from config.bridge_rules import BridgeRules, OverloadLimits
from devices.frame import Frame
from devices.registry import Registry
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.bridge_report.weighing import factors_of
from jingqiao.cli import main
from rules.alarm import AlarmChange, Hazard
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import START_US, frame

N = 3600
T = np.arange(N, dtype=float)
SENSORS = "sensor_id,asset_id,role,section,design_live_ue\nG0,B,gauge,S,40\nG1,B,gauge,S,40\n"


def registry() -> Registry:
    return Registry.of(
        [{"asset_id": "B", "kind": "bridge"}],
        [
            {"sensor_id": f"G{i}", "asset_id": "B", "role": "gauge", "section": "S", "design_live_ue": 40}
            for i in (0, 1)
        ],
    )


def crossings(*loads: tuple[float, float, float]) -> Frame:
    """1 s features of two gauges; each load is (second, peak of G0, peak of G1)."""
    rng = np.random.default_rng(3)
    parts: list[dict[str, Any]] = []
    for gauge in (0, 1):
        value = 100 + rng.normal(0, 0.5, N)
        peak = np.zeros(N)
        for second, *peaks in loads:
            peak[int(second)] = peaks[gauge]
        parts.append({"v": value, "high": value + 1.5 + peak, "std": 0.5 + 0.3 * peak})
    joined = {key: np.concatenate([part[key] for part in parts]) for key in ("v", "high", "std")}
    return frame(
        np.repeat([0, 1], N),
        np.concatenate([T, T]),
        strain_ue=joined["v"],
        strain_min_ue=joined["v"] - 1.5,
        strain_max_ue=joined["high"],
        strain_std_ue=joined["std"],
        strain_n=np.full(2 * N, 50.0),
    )


def overloads(calibrated: bool) -> list[AlarmChange]:
    engine = bridge_engine(registry(), BridgeRules(overload=OverloadLimits()))
    if calibrated:
        gauges = {f"G{i}": {"ue_per_t": 1.0, "error": 0.12, "passes": 3} for i in (0, 1)}
        engine.control("calibrate", {"asset_id": "B", "gauges": gauges}, START_US)
    return of(run(engine, crossings((1800, 90, 30)), rows=40), Hazard.OVERLOAD)


def test_without_calibration_it_is_a_peak_and_a_multiple_and_no_weight() -> None:
    [first, *_] = overloads(calibrated=False)
    assert first.reason.key == "rules_bridge.overload.design"
    assert first.evidence["strain_peak_ue"] == pytest.approx(91, abs=3)
    assert first.evidence["times"] == pytest.approx(2.3, abs=0.1)
    assert "weight_t" not in first.evidence
    assert first.reason.values["weighed"] == ""


def test_with_calibration_the_section_is_weighed_whichever_lane_it_drove_in() -> None:
    """90 + 30 µε at 1 µε/t a gauge: 60 t, though one gauge alone would say 90."""
    [first, *_] = overloads(calibrated=True)
    assert first.evidence["weight_t"] == pytest.approx(61.5, abs=2)
    assert first.evidence["weight_error_t"] == pytest.approx(0.12 * 61.5, abs=0.5)
    assert first.evidence["calibration_passes"] == 3
    assert "± 7 t" in first.reason.values["weighed"]


def test_works_on_the_bridge_end_the_calibration() -> None:
    engine = bridge_engine(registry())
    gauges = {"G0": {"ue_per_t": 1.0, "error": 0.12, "passes": 3}}
    engine.control("calibrate", {"asset_id": "B", "gauges": gauges}, START_US)
    engine.control("rebaseline", {"asset_id": "B"}, START_US + 600_000_000)
    [first, *_] = of(run(engine, crossings((1800, 90, 30)), rows=40), Hazard.OVERLOAD)
    assert "weight_t" not in first.evidence


def test_calibration_survives_a_restart() -> None:
    engine, again = bridge_engine(registry()), bridge_engine(registry())
    gauges = {f"G{i}": {"ue_per_t": 1.0, "error": 0.2, "passes": 1} for i in (0, 1)}
    engine.control("calibrate", {"asset_id": "B", "gauges": gauges}, START_US)
    again.restore(engine.snapshot())
    [first, *_] = of(run(again, crossings((1800, 90, 30)), rows=40), Hazard.OVERLOAD)
    assert first.evidence["weight_t"] == pytest.approx(61.5, abs=2)


def test_few_crossings_admit_a_quarter_more_show_their_scatter() -> None:
    one = {"weight_t": 30.0, "peaks_ue": {"G0": 30.0}}
    assert factors_of([one])["G0"] == {"ue_per_t": 1.0, "error": 0.25, "passes": 1}
    assert factors_of([one, one, one])["G0"]["error"] == 0.10
    scattered = [{"weight_t": 30.0, "peaks_ue": {"G0": peak}} for peak in (24.0, 30.0, 36.0)]
    assert factors_of(scattered)["G0"]["error"] == pytest.approx(2 * 0.2 * (4 / 3) ** 0.5, abs=0.01)


def test_the_command_reads_the_peak_from_the_archive_and_asks_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "en")
    (tmp_path / "jingqiao.toml").write_text('data_dir = "data"\n[http]\nport = 1\n', "utf-8")
    (tmp_path / "assets.csv").write_text("asset_id,kind\nB,bridge\n", "utf-8")
    (tmp_path / "sensors.csv").write_text(SENSORS, "utf-8")

    def jingqiao(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == code, done.output
        return done

    jingqiao("import", "assets.csv", "sensors.csv")
    archive = DuckDBArchive(tmp_path / "data" / "archive.duckdb", registry)
    archive.write([(1, crossings((1800, 30, 24)))])
    archive.close()
    crossing = ("bridge", "calibrate", "B", "--weight-t", "30", "--who", "li")
    found = json.loads(jingqiao(*crossing, "--at", "2024-01-01T00:30:00Z", "--json").stdout)
    assert found["peaks_ue"]["G0"] == pytest.approx(31.5, abs=1.5)
    assert found["gauges"]["G1"]["ue_per_t"] == pytest.approx(0.85, abs=0.06)
    nothing = jingqiao(*crossing, "--at", "2024-01-01T00:10:00Z", code=1)
    assert "No gauge shows a peak" in nothing.stderr
    told = json.loads(jingqiao("assets", "show", "B", "--json").stdout)
    assert "calibration" in json.dumps(told)
