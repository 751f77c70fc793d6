"""The order in which a backtest gives readings, controls and ticks to the engine."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from devices.frame import Flag, Frame
from ingest.log import Control
from jingqiao.backtest.run import feed
from jingqiao.cli import main


class Recorder:
    """An engine that notes what it is given and is always waiting for a time that has been told."""

    keeps_time = False

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def apply(self, frame: Frame) -> list[Any]:
        self.heard += [("reading", int(t)) for t in frame.time]
        return []

    def tick(self, now: int) -> list[Any]:
        self.heard.append(("tick", now))
        return []

    def control(self, name: str, payload: object, at: int) -> list[Any]:
        self.heard.append((name, at))
        return []

    def due(self) -> int:
        return 10

    def limit(self, sensor: object, received: object, gateway: object, at: int) -> int:
        return 1_000


def test_a_control_never_waits_behind_a_time_that_has_been_told() -> None:
    times = np.array([10, 20, 30], np.int64)
    n = len(times)
    frame = Frame(
        np.arange(n, dtype=np.int32), times, times, np.full(n, -1, np.int64), np.full(n, Flag.GOOD, np.uint8)
    )
    engine = Recorder()
    feed(engine, frame, [Control("permit", {}, 25)])  # type: ignore[arg-type]
    assert engine.heard == [
        ("tick", 10),
        ("tick", 10),
        ("reading", 10),
        ("reading", 20),
        ("tick", 20),  # once after a reading, for what it may have made due
        ("permit", 25),
        ("tick", 25),
        ("reading", 30),
    ]


def test_a_permit_mutes_its_lid_and_a_lid_left_open_rings_at_its_end(tmp_path: Path) -> None:
    start, minute = 1_790_000_000_000, 60_000
    rows = [f"{s},{start + k * minute},0.5,false" for k in range(60) for s in ("a", "b")]
    rows += [f"{s},{start + 60 * minute},120,true" for s in ("a", "b")]
    rows += [f"a,{start + 70 * minute},0.5,false"]  # a is put back, b is forgotten
    readings = tmp_path / "readings.csv"
    readings.write_text("\n".join(["sensor_id,t,tilt_deg,open", *rows]) + "\n")
    (tmp_path / "assets.csv").write_text("asset_id,kind\nA,cover\nB,cover\n")
    (tmp_path / "sensors.csv").write_text("sensor_id,asset_id\na,A\nb,B\n")
    begin, end = "2026-09-21T14:53:20Z", "2026-09-21T16:13:20Z"  # start + 0 … 80 min
    (tmp_path / "maintenance.csv").write_text(
        f"asset_id,from,to,kind,note\nA,{begin},{end},permit,\nB,{begin},{end},permit,\n"
    )
    arguments = ["--assets", "assets.csv", "--sensors", "sensors.csv", "--maintenance", "maintenance.csv"]
    paths = [a if a.startswith("--") else str(tmp_path / a) for a in arguments]
    result = CliRunner().invoke(main, ["backtest", str(readings), *paths, "--json"])
    assert result.exit_code == 0, result.output
    fired = [
        (r["asset_id"], r["hazard"], r["severity"])
        for r in json.loads(result.stdout)
        if r["state"] == "firing"
    ]
    assert fired == [("B", "missing", "red")]

    plain = CliRunner().invoke(main, ["backtest", str(readings), *paths], env={"JINGQIAO_LANGUAGE": "en"})
    assert "announced work kept back 3 changes" in plain.stderr
    muted = CliRunner().invoke(main, ["backtest", str(readings), *paths, "--muted", "--json"])
    assert [(r["asset_id"], r["hazard"], r["severity"], r["state"]) for r in json.loads(muted.stdout)] == [
        ("A", "missing", "red", "firing"),
        ("B", "missing", "red", "firing"),
        ("A", "missing", "red", "clear"),
    ]
    without = CliRunner().invoke(main, ["backtest", str(readings), "--muted"])
    assert without.exit_code == 2
    assert "--muted needs --maintenance" in without.stderr


def test_a_month_without_works_is_a_file_with_its_head_only(tmp_path: Path) -> None:
    readings, works = tmp_path / "readings.csv", tmp_path / "works.csv"
    readings.write_text("sensor_id,t,open\na,1790000000000,true\n")
    works.write_text("asset_id,from,to,kind,note\n,,,,\n")
    arguments = ["backtest", str(readings), "--maintenance", str(works), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert [r["hazard"] for r in json.loads(result.stdout)] == ["missing"]
    works.write_text("asset_id,from,to,kind,note\n")
    assert CliRunner().invoke(main, arguments).stdout == result.stdout
    works.write_text("")
    nothing = CliRunner().invoke(main, arguments, env={"JINGQIAO_LANGUAGE": "en"})
    assert nothing.exit_code == 1
    assert "empty" in nothing.stderr


def test_a_row_of_works_that_is_none_is_named_and_the_others_count(tmp_path: Path) -> None:
    readings, works = tmp_path / "readings.csv", tmp_path / "works.csv"
    readings.write_text("sensor_id,t,open\na,1790000000000,true\nb,1790000000000,true\n")
    begin, end = "2026-09-21T14:00:00Z", "2026-09-21T16:00:00Z"
    works.write_text(
        f"asset_id,from,to\nnobody,{begin},{end}\nb,{end},{begin}\nb,yesterday,{end}\na,{begin},{end}\n"
    )
    (tmp_path / "sensors.csv").write_text("sensor_id,asset_id\na,a\nb,b\n")
    arguments = ["backtest", str(readings), "--sensors", str(tmp_path / "sensors.csv"), "--json"]
    arguments += ["--maintenance", str(works)]
    result = CliRunner().invoke(main, arguments, env={"JINGQIAO_LANGUAGE": "en"})
    assert result.exit_code == 0, result.output
    when = {r["asset_id"]: r["event_at"][11:16] for r in json.loads(result.stdout)}
    assert when == {"a": "16:00", "b": "14:13"}, "a's works count: left open, it rings at their end"
    for line, field in ((2, "asset_id"), (3, "to"), (4, "from")):
        assert f"{works}:{line}: {field}" in result.stderr
