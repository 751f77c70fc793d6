"""`jingqiao bridge modal` as a person at the terminal has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from config.settings import load_settings
from jingqiao.cli import bridge_modal, main
from jingqiao.database import open_database, writing
from jingqiao.dossier.entries import announce_work
from jingqiao.dossier.tables import control_request
from jingqiao.modal.observation import keep
from tests.jingqiao.modal.conftest import RATE_HZ, SENSORS, START_US, Fill
from tests.support.modal_hours import DAY_US, hours_of, weather

NOW = ("--to", "2024-04-10T00:00:00Z")
"""When the hundred days are over."""


@pytest.fixture
def jingqiao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "160")
    settings = 'data_dir = "data"\n[http]\nport = 1\n[archive]\nkind = "duckdb"\nraw_block_days = 100000\n'
    (tmp_path / "jingqiao.toml").write_text(settings, "utf-8")
    (tmp_path / "assets.csv").write_text("asset_id,kind\nB,bridge\nC,bridge\nL,cover\n", "utf-8")
    rows = [*(f"{s},B,acceleration" for s in SENSORS), "T,B,temperature", "Z,C,acceleration"]
    (tmp_path / "sensors.csv").write_text("sensor_id,asset_id,role\n" + "\n".join(rows) + "\n", "utf-8")

    def run(*arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == code, done.output
        return done

    run("import", "assets.csv", "sensors.csv")
    return run


def database() -> sa.Engine:
    """The office's."""
    return open_database(load_settings(Path("jingqiao.toml")).database_url)


def days_known(jingqiao: Any, days: int, day: int, percent: float = -5.13) -> None:
    """Hours in the database, the last of them of a hurt bridge."""
    hours = hours_of(weather(days, 4), seed=4, change=lambda d, _m: percent if d >= day else 0.0)
    keep(database(), "B", hours)


def test_hours_of_the_archive_are_analysed_and_shown(jingqiao: Any, fill: Fill) -> None:
    fill((1, 2)).close()
    span = ("--from", "2024-01-01T00:00:00Z", "--to", "2024-01-01T05:00:00Z")
    shown = jingqiao("bridge", "modal", "B", *span).stdout
    assert "3 natural frequencies from 2 hours: 2.31, 6.10, 11.78 Hz" in shown
    assert "0 of 14 days" in shown
    figures = json.loads(jingqiao("bridge", "modal", "B", *span, "--json").stdout)
    assert figures["hours"] == 2
    assert [row["frequency_hz"] for row in figures["modes"]] == pytest.approx([2.3, 6.1, 11.8], rel=0.01)
    assert figures["with_temperature"] is True


def test_a_fall_is_shown_with_its_level_and_what_to_do(jingqiao: Any) -> None:
    days_known(jingqiao, 100, 80)
    shown = jingqiao("bridge", "modal", "B", *NOW).stdout
    assert "needs inspection" in shown
    assert "rate_hz" in shown
    told = json.loads(jingqiao("bridge", "modal", "B", *NOW, "--json").stdout)
    assert told["modes"][0]["found_since"].startswith("2024-03-2")
    assert told["modes"][0]["daily"][0]["day"] == "2024-01-01"
    assert told["to"] == "2024-04-09T18:00:00.000Z"
    before = jingqiao("bridge", "modal", "B", "--to", "2024-03-15T00:00:00Z").stdout
    assert "needs inspection" not in before


def test_an_intervention_begins_anew(jingqiao: Any) -> None:
    days_known(jingqiao, 100, 78)
    announce_work(
        database(),
        "B",
        start=START_US + 77 * DAY_US,
        end=START_US + 80 * DAY_US,
        kind="intervention",
        note="bearings",
        recorded_at=START_US,
        who="li",
    )
    shown = jingqiao("bridge", "modal", "B", *NOW).stdout
    assert "no frequency changed" in shown


def test_a_new_baseline_of_an_accelerometer_begins_anew_too(jingqiao: Any) -> None:
    days_known(jingqiao, 60, 1000)
    figures = json.loads(jingqiao("bridge", "modal", "B", *NOW, "--json").stdout)
    assert figures["begun_anew_at"] is None
    jingqiao("devices", "rebaseline", "A1", "--why", "moved")
    with writing(database()) as connection:
        at = START_US + 40 * DAY_US
        connection.execute(sa.update(control_request).values(at=at))
    figures = json.loads(jingqiao("bridge", "modal", "B", *NOW, "--json").stdout)
    assert figures["begun_anew_at"] == "2024-02-10T00:00:00.000Z"
    assert figures["modes"][0]["days"] <= 20


def test_without_the_library_the_command_that_installs_it_is_said(
    jingqiao: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_modal, "installed", lambda: False)
    said = jingqiao("bridge", "modal", "B", code=1).stderr
    assert "-m pip install 'pyOMA-2" in said
    assert "MIT" in said
    days_known(jingqiao, 30, 100)
    kept = jingqiao("bridge", "modal", "B")
    assert "-m pip install 'pyOMA-2" in kept.stderr
    assert "3 natural frequencies" in kept.stdout


def test_what_cannot_be_analysed_is_refused_with_the_reason(jingqiao: Any, fill: Fill) -> None:
    assert "at least 2" in jingqiao("bridge", "modal", "C", code=1).stderr
    assert "no bridge L" in jingqiao("bridge", "modal", "L", code=1).stderr
    span = ("--from", "2024-01-01T00:00:00Z", "--to", "2024-01-01T05:00:00Z")
    assert "no blocks" in jingqiao("bridge", "modal", "B", *span, code=1).stderr
    fill((1,), silent=(1, 2, 3)).close()
    gaps = jingqiao("bridge", "modal", "B", *span, code=1).stderr
    assert "No ten minutes of an hour are whole" in gaps
    assert "A2 did not take part" in gaps
    late = ("--from", "2024-01-02T00:00:00Z", "--to", "2024-01-01T00:00:00Z")
    assert "--from lies after --to" in jingqiao("bridge", "modal", "B", *late, code=2).stderr


def write_rows(path: Path, shaking: np.ndarray, channels: int, seconds: int = 620) -> None:
    n = int(seconds * RATE_HZ)
    t = START_US // 1000 + np.round(np.arange(n) * 1000 / RATE_HZ).astype(np.int64)
    table = pa.table(
        {
            "sensor_id": np.repeat(np.array(SENSORS[:channels]), n),
            "t": np.tile(t, channels),
            "acceleration_g": shaking[:n, :channels].T.reshape(-1),
        }
    )
    pq.write_table(table, path)


def test_a_file_of_rows_is_analysed_with_and_without_sensors_csv(
    jingqiao: Any, tmp_path: Path, shaking: np.ndarray
) -> None:
    write_rows(tmp_path / "r.parquet", shaking, 4)
    for more in ((), ("--sensors", "sensors.csv")):
        done = jingqiao("bridge", "modal", "B", "--readings", "r.parquet", *more, "--json")
        figures = json.loads(done.stdout)
        assert figures["sensors"] == list(SENSORS)
        hz = [row["frequency_hz"] for row in figures["modes"]]
        assert hz == pytest.approx([2.3, 6.1, 11.8], rel=0.01)


def test_a_file_of_too_few_channels_or_minutes_is_refused(
    jingqiao: Any, tmp_path: Path, shaking: np.ndarray
) -> None:
    write_rows(tmp_path / "one.parquet", shaking, 1)
    assert "at least 2" in jingqiao("bridge", "modal", "B", "--readings", "one.parquet", code=1).stderr
    write_rows(tmp_path / "short.parquet", shaking, 4, 300)
    said = jingqiao("bridge", "modal", "B", "--readings", "short.parquet", code=1).stderr
    assert "end too soon" in said
    (tmp_path / "none.csv").write_text("sensor_id,t,strain_ue\nG,1704067200000,1\n", "utf-8")
    assert "at least 2" in jingqiao("bridge", "modal", "B", "--readings", "none.csv", code=1).stderr
