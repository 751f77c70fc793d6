"""`jingqiao bridge report`: one file that an inspector can sign, from readings or from the archive."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from devices.frame import Frame
from devices.strain import reduce_rows
from jingqiao.archive.duckdb import DuckDBArchive
from jingqiao.bridge_report.month import month_of
from jingqiao.bridge_report.source import coarse
from jingqiao.cli import main
from tests.support.bridge_series import START_US, MonthRecord, bridge_registry, frame

DAY_US = 86_400_000_000
GAUGES = ("G0-0", "G0-1", "G0-2", "G0-3")
STEPPED = {0: 40.0, 1: 35.0, 2: 38.0}
SENSORS = (
    "sensor_id,asset_id,role,section,strain_min_ue,strain_max_ue,design_live_ue\n"
    + "".join(f"{gauge},B,gauge,S0,-600,600,60\n" for gauge in GAUGES)
    + "T0,B,temperature,S0,,,\nTD,B,temperature,,,,\n"
)
ASSETS = "asset_id,kind,name,road\nB,bridge,试验桥,武昌大道\nC,cover,,\n"


def record() -> Frame:
    """45 days of a section, three gauges of which step on day 33 (3 February 2024)."""
    return MonthRecord(days=45, sections=1, drift_from_day=33, step_ue=STEPPED).frame(7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    rows = record()
    names = pa.array(bridge_registry(sections=1).sensors.texts["sensor_id"].to_pylist())
    columns: dict[str, Any] = {
        "sensor_id": names.take(pa.array(rows.sensor)),
        "t": pa.array(rows.time, pa.timestamp("us", "UTC")),
    }
    columns |= {n: pa.array(c, mask=np.isnan(c)) for n, c in rows.columns.items()}
    pq.write_table(pa.table(columns), made / "readings.parquet")
    (made / "assets.csv").write_text(ASSETS, "utf-8")
    (made / "sensors.csv").write_text(SENSORS, "utf-8")
    (made / "works.csv").write_text(
        "asset_id,from,to,kind,note\nB,2024-02-10T09:00:00+08:00,2024-02-10T15:00:00+08:00,permit,换支座\n",
        "utf-8",
    )
    return made


def report(folder: Path, *more: object, language: str = "zh", code: int = 0, asset: str = "B") -> Result:
    files = [f"--{name}={folder / f'{name}.csv'}" for name in ("assets", "sensors")]
    arguments = [
        "bridge",
        "report",
        asset,
        f"--readings={folder / 'readings.parquet'}",
        *files,
        *map(str, more),
    ]
    result = CliRunner().invoke(main, arguments, env={"JINGQIAO_LANGUAGE": language})
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, Any]:
    found = json.loads(
        report(folder, "--month=2024-02", "--json", "--maintenance", folder / "works.csv").stdout
    )
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    target = folder / "page.html"
    report(folder, "--month=2024-02", "-o", target, "--maintenance", folder / "works.csv")
    return target.read_text("utf-8")


def test_the_figures_show_which_gauges_moved_and_which_did_not(figures: dict[str, Any]) -> None:
    drift = {row["sensor_id"]: row for row in figures["drift"]}
    assert [drift[gauge]["moved"] for gauge in GAUGES] == [True, True, True, False]
    assert drift["G0-0"]["residual_ue"] == pytest.approx(40, abs=12)
    assert {row["state"] for row in drift.values()} == {"provisional"}
    assert "drift" in {event["hazard"] for event in figures["events"]}
    assert any("G0-0、G0-1、G0-2" in line for line in figures["conclusions"])
    assert figures["interventions"][0]["why"] == "换支座"


def test_slow_loggers_have_no_live_load_and_the_report_says_so(figures: dict[str, Any]) -> None:
    assert {row["live_greatest"] for row in figures["strain"]} == {None}
    assert "没有高频应变，活载峰值不能评价。" in figures["conclusions"]


def test_the_page_stands_alone_and_has_every_chapter(page: str) -> None:
    chapters = [
        "概况",
        "测点",
        "数据质量",
        "温度",
        "静应变",
        "活载",
        "漂移",
        "事件",
        "结论",
        "建议",
        "编制",
        "审核",
    ]
    assert [chapter for chapter in chapters if chapter not in page] == []
    assert page.count("<svg") >= 6
    assert not re.search(r'(?:src|href)="(?!#|data:image/png)', page)
    assert "<script" not in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "试验桥 结构监测月报 2024-02" in page
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).lower()


def test_it_can_be_had_in_english(folder: Path) -> None:
    target = folder / "english.html"
    report(folder, "--month=2024-2", "-o", target, language="en")
    text = target.read_text("utf-8")
    assert "With temperature removed 3 gauges moved beyond the limit" in text
    assert not re.search(
        r"[\u4e00-\u9fff]", text.replace("试验桥", "").replace("武昌大道", "").split("</style>")[1]
    )


def test_the_archive_gives_the_same_drift_as_the_file(
    folder: Path, figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "zh")
    (tmp_path / "jingqiao.toml").write_text('data_dir = "data"\n[http]\nport = 1\n', "utf-8")
    run = CliRunner()
    done = run.invoke(main, ["import", str(folder / "assets.csv"), str(folder / "sensors.csv")])
    assert done.exit_code == 0, done.output
    registry = bridge_registry(sections=1)
    archive = DuckDBArchive(tmp_path / "data" / "archive.duckdb", lambda: registry)
    archive.write([(1, record())])
    archive.close()
    told = run.invoke(main, ["bridge", "report", "B", "--month", "2024-02", "--history-days", "40", "--json"])
    assert told.exit_code == 0, told.output
    again = json.loads(told.stdout)
    moved = [[(row["sensor_id"], row["moved"]) for row in found["drift"]] for found in (figures, again)]
    assert moved[0] == moved[1]
    residuals = [[row["residual_ue"] for row in found["drift"]] for found in (figures, again)]
    assert residuals[0] == pytest.approx(residuals[1], abs=1.0)
    assert again["source"] == "duckdb"


@pytest.mark.parametrize(
    ("more", "asset", "code", "says"),
    [
        (["--month=2024-13"], "B", 2, "写成 2026-10"),
        (["--month=Februar"], "B", 2, "写成 2026-10"),
        (["--month=2024-02"], "X", 1, "没有桥梁 X"),
        (["--month=2024-02"], "C", 1, "没有桥梁 C"),
        (["--month=2019-02"], "B", 1, "没有 B 的读数"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_the_reason(
    folder: Path, more: list[str], asset: str, code: int, says: str
) -> None:
    assert says in report(folder, *more, asset=asset, code=code).stderr


def test_without_a_browser_the_page_is_written_and_the_remedy_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINGQIAO_BROWSER", str(folder / "no-such-browser"))
    target = folder / "unprinted.html"
    told = report(folder, "--month=2024-02", "-o", target, "--pdf", code=1)
    assert target.exists()
    assert "chromium" in told.stderr


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on PATH")
def test_a_browser_prints_it_as_pdf(folder: Path) -> None:
    target = folder / "printed.html"
    report(folder, "--month=2024-02", "-o", target, "--pdf")
    assert target.with_suffix(".pdf").read_bytes()[:5] == b"%PDF-"


def test_coarse_blocks_keep_the_extremes_and_the_medians_of_fast_strain() -> None:
    t = np.arange(0, 60, 0.02)
    values = 100 + 3 * np.sin(t)
    values[1234] += 80
    fine = reduce_rows(frame(np.zeros(len(t)), t, strain_ue=values))
    blocks = coarse(fine, 20.0)
    assert len(blocks) == 3
    assert blocks.columns["strain_max_ue"].max() == pytest.approx(values.max(), abs=0.01)
    assert blocks.columns["strain_n"].tolist() == [1000, 1000, 1000]
    middle = [
        np.median([np.median(values[i * 50 : i * 50 + 50]) for i in range(k, k + 20)]) for k in (0, 20, 40)
    ]
    assert blocks.columns["strain_ue"] == pytest.approx(middle, abs=0.01)


def test_a_month_is_the_offices_month() -> None:
    from zoneinfo import ZoneInfo

    month = month_of("2024-01", ZoneInfo("Asia/Shanghai"))
    assert month.since == START_US - 8 * 3_600_000_000
    assert month.until - month.since == 31 * DAY_US
    assert month_of("2024-12", ZoneInfo("Asia/Shanghai")).until > month.until


def test_only_the_bridges_own_sensors_are_replayed(figures: dict[str, Any]) -> None:
    assert [row["sensor_id"] for row in figures["sensors"]] == [*GAUGES, "T0", "TD"]
