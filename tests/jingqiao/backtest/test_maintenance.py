"""Works on a bridge that a file tells a backtest of: learned anew, no false drift, who and why on record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import main

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, WORKS = 60, 35
NOTE, WHO = "更换 3# 墩支座", "王工"


def readings(step_ue: float, later_ue: float = 0.0) -> str:
    """Four gauges of a section, three-hourly; they come back from works by `step_ue` elsewhere."""
    rng = np.random.default_rng(7)
    rows = ["sensor_id,t,strain_ue,temperature_c"]
    hours = np.arange(0, DAYS * 24, 3)
    warm = 15 + 6 * np.sin(2 * np.pi * hours / 24) + np.cumsum(rng.normal(0, 0.15, len(hours)))
    for k, hour in enumerate(hours.tolist()):
        t = (BEGIN + timedelta(hours=hour)).isoformat()
        day = hour / 24
        jacked = rng.normal(0, 60) if WORKS <= day < WORKS + 2 else 0.0
        moved = (step_ue if day >= WORKS + 2 else 0.0) + (later_ue if day >= WORKS + 17 else 0.0)
        for g in range(4):
            value = 9.0 * warm[k] + rng.normal(0, 1.0) + moved + jacked
            rows.append(f"G{g},{t},{value:.2f},{warm[k]:.2f}")
    return "\n".join(rows) + "\n"


def run(tmp_path: Path, data: str, *, told: bool) -> list[dict[str, object]]:
    sensors = "".join(f"G{g},B,gauge,S1\n" for g in range(4))
    (tmp_path / "sensors.csv").write_text("sensor_id,asset_id,role,section\n" + sensors)
    (tmp_path / "assets.csv").write_text("asset_id,kind\nB,bridge\n")
    (tmp_path / "r.csv").write_text(data)
    start, end = (BEGIN + timedelta(days=day) for day in (WORKS, WORKS + 2))
    works = (
        f"asset_id,from,to,kind,note,who\nB,{start.isoformat()},{end.isoformat()},intervention,{NOTE},{WHO}\n"
    )
    (tmp_path / "works.csv").write_text("asset_id,from,to,kind,note,who\n" + works)
    arguments = ["backtest", str(tmp_path / "r.csv"), "--json"]
    arguments += ["--assets", str(tmp_path / "assets.csv"), "--sensors", str(tmp_path / "sensors.csv")]
    arguments += ["--maintenance", str(tmp_path / "works.csv")] if told else []
    result: Result = CliRunner().invoke(main, arguments, env={"JINGQIAO_LANGUAGE": "en"})
    assert result.exit_code == 0, result.output
    return [row for row in json.loads(result.stdout) if row["hazard"] == "drift" and row["state"] == "firing"]


@pytest.mark.parametrize("step_ue", [40.0, -40.0])
def test_works_that_a_file_tells_of_are_no_drift_and_without_it_they_are(
    tmp_path: Path, step_ue: float
) -> None:
    data = readings(step_ue)
    assert run(tmp_path, data, told=True) == []
    assert run(tmp_path, data, told=False) != []


def test_a_drift_after_works_is_found_anew_and_names_who_and_why(tmp_path: Path) -> None:
    found = run(tmp_path, readings(40.0, later_ue=25.0), told=True)
    assert found
    moved_at = BEGIN + timedelta(days=WORKS + 17)
    assert all(datetime.fromisoformat(str(row["event_at"])) >= moved_at for row in found)
    evidence = found[0]["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["intervention"]["kind"] == "intervention"
    assert (evidence["intervention"]["who"], evidence["intervention"]["why"]) == (WHO, NOTE)
    assert evidence["intervention"]["to_us"] - evidence["intervention"]["from_us"] == 2 * 86_400_000_000
