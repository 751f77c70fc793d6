"""`rules explain` answers the duty officer: why did it ring, why didn't it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from config.messages import catalogue
from config.rules import RuleSet
from devices.import_csv import read_registry
from jingqiao.cli import main
from jingqiao.database import migrate, open_database, writing
from jingqiao.incidents.tables import alarm_change
from jingqiao.registry_files import save_registry
from jingqiao.snapshots import SnapshotHead, write_snapshot
from rules.engine import Engine
from tests.support.lid_rounds import HOUR, SECOND, START, frame

LID = "4207040103000001"
EVERYTHING = {
    "tilt_deg": 2.0,
    "displacement_mm": 1.0,
    "vibration_g": 0.3,
    "water_mm": 20.0,
    "open": 0.0,
    "battery_pct": 80.0,
}


def city(folder: Path) -> tuple[Path, Path]:
    """A lid with an inclination, one with a contact alone, one that measures everything."""
    assets, sensors = folder / "assets.csv", folder / "sensors.csv"
    assets.write_text(f"asset_id,kind\n{LID},cover\nB,cover\nC,cover\n")
    sensors.write_text(
        f"sensor_id,asset_id,role,heartbeat_s\ntilt,{LID},lid,3600\ncontact,B,lid,3600\nall,C,lid,3600\n"
    )
    return assets, sensors


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Two days at rest, then the first lid is turned over and the second's contact opens."""
    engine = Engine(read_registry(*city(tmp_path)), RuleSet())
    for k in range(48):
        at = START + k * HOUR
        tilt = 2 + 0.1 * (k % 3)
        engine.apply(frame([(0, at, {"tilt_deg": tilt}), (1, at, {"open": 0.0}), (2, at, EVERYTHING)]))
    at = START + 47 * HOUR + 600 * SECOND
    engine.apply(frame([(0, at, {"tilt_deg": 97.0}), (1, at, {"open": 1.0})]))
    engine.tick(at + 60 * SECOND)
    return engine


def explain(folder: Path, engine: Engine, asset: str, *options: Any, tongue: str = "en") -> Result:
    """What the command says of an engine's snapshot."""
    snapshot = folder / "engine.bin"
    snapshot.write_bytes(engine.snapshot())
    given = ["--snapshot", snapshot, "--assets", folder / "assets.csv", "--sensors", folder / "sensors.csv"]
    result = CliRunner(env={"JINGQIAO_LANGUAGE": tongue, "COLUMNS": "80"}).invoke(
        main, ["rules", "explain", asset, *map(str, given), *options]
    )
    assert result.exit_code == 0, result.output
    return result


def rows(folder: Path, engine: Engine, asset: str) -> dict[str, dict[str, Any]]:
    """Hazard → what is said of it."""
    (sensor,) = json.loads(explain(folder, engine, asset, "--json").stdout)
    return {row["hazard"]: row for row in sensor["hazards"]}


def test_what_rings_says_what_was_said_when_it_rang_and_since_when(tmp_path: Path, engine: Engine) -> None:
    missing = rows(tmp_path, engine, LID)["missing"]
    assert (missing["severity"], missing["since"]) == ("red", "2026-01-02T23:10:00.000Z")
    assert missing["reason"].startswith("lid open or flipped, turned by 95°")
    shown = explain(tmp_path, engine, LID, tongue="zh").stdout
    assert "井盖缺失 [missing]: 红色，自 2026-01-02T23:10:00.000Z 起" in shown
    assert "井盖打开或翻转，角度变化 95°" in shown
    assert "红色 (由倾角可见) 正常" not in shown


def test_a_contact_says_whether_it_is_open_or_closed(tmp_path: Path, engine: Engine) -> None:
    (contact,) = rows(tmp_path, engine, "B")["missing"]["conditions"]
    assert (contact["name"], contact["value"], contact["holds"]) == ("contact", 1.0, True)
    assert "● contact: open" in explain(tmp_path, engine, "B").stdout
    assert "○ 开盖触点: 关闭" in explain(tmp_path, engine, "C", tongue="zh").stdout


def test_what_is_missing_says_why_it_is_not_called_tilted_besides(tmp_path: Path, engine: Engine) -> None:
    tilted = rows(tmp_path, engine, LID)["tilted"]
    assert tilted["severity"] is None
    assert all(condition["holds"] for condition in tilted["conditions"])
    assert tilted["reason_key"] == "rules_lid.quiet.missing"
    assert "已按井盖缺失报警，不另报" in explain(tmp_path, engine, LID, tongue="zh").stdout


def test_a_limit_that_is_passed_by_one_sample_alone_says_what_decides(tmp_path: Path, engine: Engine) -> None:
    at = START + 48 * HOUR
    engine.apply(frame([(2, at, {**EVERYTHING, "tilt_deg": 20.0})]))
    engine.tick(at + 60 * SECOND)
    told = rows(tmp_path, engine, "C")
    assert told["tilted"]["severity"] is None
    assert told["tilted"]["reason_key"] == "rules_lid.quiet.unsure"
    assert told["tilted"]["evidence"]["silence_decides_us"] > at
    assert "rings if nothing comes until=2026-01-03T" in explain(tmp_path, engine, "C").stdout


def test_missing_names_all_the_ways_in_which_it_is_found(tmp_path: Path, engine: Engine) -> None:
    limits = {c["name"]: c["limit"] for c in rows(tmp_path, engine, "C")["missing"]["conditions"]}
    lid = RuleSet().lid
    assert limits == {
        "contact": 1.0,
        "turned": lid.open_deg,
        "carried": lid.carried_deg,
        "then_silent": lid.theft_deg,
        "off_frame": lid.gone_mm,
    }


def test_a_sensor_that_sends_no_battery_is_not_said_to_be_at_nan(tmp_path: Path, engine: Engine) -> None:
    shown = explain(tmp_path, engine, LID).stdout
    assert "nan" not in shown
    assert "neither charge nor voltage" in shown
    assert "battery at 80%" in explain(tmp_path, engine, "C").stdout


@pytest.mark.parametrize("tongue", ["zh", "en"])
@pytest.mark.parametrize("asset", [LID, "B", "C"])
def test_it_is_told_in_words_and_within_80_columns(
    tmp_path: Path, engine: Engine, asset: str, tongue: str
) -> None:
    """No key of a program, no microseconds of the epoch; every fact has a name in both languages."""
    shown = explain(tmp_path, engine, asset, tongue=tongue).stdout
    assert max(cell_len(line) for line in shown.splitlines()) <= 80
    assert re.findall(r"\b[a-z]+(?:_[a-z]+)+=|=–|\d{13,}|\{", shown.replace(LID, "")) == []
    for row in rows(tmp_path, engine, asset).values():
        named = {f"console_city.evidence.{key}" for key in row["evidence"]}
        named |= {f"console_city.condition.{condition['name']}" for condition in row["conditions"]}
        assert named <= catalogue(tongue).keys()


@pytest.fixture
def office(tmp_path: Path, engine: Engine) -> Path:
    """A service's folder with a snapshot, and a theft found in what came a day late."""
    (tmp_path / "jingqiao.toml").write_text("")
    (tmp_path / "data").mkdir()
    save_registry(engine.registry, tmp_path / "data" / "registry", 3)
    write_snapshot(tmp_path / "data" / "snapshots", SnapshotHead(9, 3), engine.snapshot())
    database = open_database(f"sqlite:///{tmp_path / 'data' / 'jingqiao.sqlite'}")
    migrate(database)
    told = {
        "seq": 1,
        "recorded_at": START + 30 * HOUR,
        "subject": LID,
        "asset_id": LID,
        "sensor_ids": ["tilt"],
        "hazard": "missing",
        "severity": 4,
        "state": "firing",
        "event_at": START + 5 * HOUR,
        "value": 91.0,
        "limit": 50.0,
        "unit": "°",
        "reason_key": "rules_lid.missing.angle",
        "reason_values": {"value": 91.0, "limit": 50.0},
        "provisional": False,
        "historical": True,
        "evidence": {},
    }
    with writing(database) as connection:
        connection.execute(alarm_change.insert().values(**told))
    return tmp_path / "jingqiao.toml"


def test_what_was_found_in_late_readings_is_told_on_the_offices_clock(office: Path) -> None:
    run = CliRunner(env={"JINGQIAO_LANGUAGE": "zh", "COLUMNS": "80"})
    shown = run.invoke(main, ["rules", "explain", LID, "-c", str(office)])
    assert shown.exit_code == 0, shown.output
    assert "迟到读数中发现（只记录，不通知）" in shown.stdout
    assert "2026-01-01 13:00:00 井盖缺失: 井盖打开或翻转，角度变化 91°" in shown.stdout
    assert "红色，自 2026-01-03 07:10:00 起" in shown.stdout
    (sensor,) = json.loads(run.invoke(main, ["rules", "explain", LID, "-c", str(office), "--json"]).stdout)
    assert [late["event_at"] for late in sensor["found_late"]] == ["2026-01-01T05:00:00.000Z"]
    (other,) = json.loads(run.invoke(main, ["rules", "explain", "B", "-c", str(office), "--json"]).stdout)
    assert other["found_late"] == []
