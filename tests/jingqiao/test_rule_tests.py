"""`jingqiao rules`: the shipped tests pass, failures are shown, every answer has its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
from config.rules import RuleSet
from devices.import_csv import read_registry
from devices.registry import Registry
from jingqiao.cli import main
from jingqiao.registry_files import save_registry
from jingqiao.rule_tests import run_file, seconds
from jingqiao.snapshots import SnapshotHead, write_snapshot
from rules.engine import Engine
from tests.support.frames import SECOND, T0, frame_of

SHIPPED = sorted((Path(config.__file__).parent / "examples" / "rule-tests").glob("*.yaml"))

BROKEN = """
assets: [{asset_id: A, kind: cover}]
sensors: [{sensor_id: a, asset_id: A, heartbeat_s: 3600}]
tests:
  - name: expects too much
    input: [{sensor: a, every: 1h, until: 5h, battery_pct: 15}]
    expect: [{at: 4h, firing: [A missing red]}]
"""


def run(*arguments: object, tongue: str = "en") -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], env={"JINGQIAO_LANGUAGE": tongue})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_rule_tests_pass(path: Path) -> None:
    assert [(o.name, o.differences, o.told) for o in run_file(path) if o.differences] == []


def test_there_are_shipped_rule_tests() -> None:
    assert len(SHIPPED) >= 2


def test_a_failing_test_shows_what_was_missing_and_what_was_not_expected(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    result = run("test", path, "--json")
    assert result.exit_code == 1
    (outcome,) = json.loads(result.stdout)
    assert outcome["differences"] == [
        {"at": "4h", "missing": ["A missing red"], "unexpected": ["A battery_low blue"]}
    ]
    shown = run("test", path)
    assert shown.exit_code == 1
    assert "- A missing red" in shown.stdout
    assert "+ A battery_low blue" in shown.stdout


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("sensor: a,", "sensor: x,", "no sensor x"),
        ("battery_pct: 15", "batery: 15", "unknown quantity"),
        ("at: 4h", "at: soon", "no duration"),
        ("until: 5h, ", "", "every without until"),
        ("tests:", "tests: [", "no YAML"),
    ],
)
def test_a_faulty_test_file_is_named_with_its_place(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "faulty.yaml"
    path.write_text(BROKEN.replace(old, new, 1))
    result = run("test", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert named in result.stderr


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", ":1: the file is empty → write assets:"),
        ("- 1\n", ":1: the file is no table of keys → "),
        ("assets: [{asset_id: A, kind: cover}]\nsensors: []\ntests: 3\n", ":2: sensors: "),
        ("assets: [{asset_id: A, kind: cover}]\nsensors: []\ntests: 3\n", ":3: tests: "),
        (BROKEN.replace("expect:", "expects:"), "expects: Extra inputs are not permitted → take it out"),
        (BROKEN.replace("at: 4h", "at: soon"), "→ write 3d 4h, 90s or 1.5h"),
    ],
)
def test_a_mistake_is_told_with_file_line_field_and_remedy(tmp_path: Path, written: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(written)
    result = run("test", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "mine.yaml" in result.stderr
    assert says in result.stderr


def test_a_mistake_deep_in_a_test_is_told_with_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    written = BROKEN.replace("at: 4h", "at: soon")
    path.write_text(written)
    line = next(n for n, text in enumerate(written.splitlines(), 1) if "at: soon" in text)
    assert f"mine.yaml:{line}: tests." in run("test", path).stderr


@pytest.mark.parametrize(
    ("written", "says"),
    [("[lid]\ntilt_red_degg = 3\n", ":2: lid.tilt_red_degg: unknown key"), ("[lid\n", ":1: no TOML")],
)
def test_diff_of_a_rule_set_at_fault_names_its_line(tmp_path: Path, written: str, says: str) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("")
    bad.write_text(written)
    result = run("diff", good, bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"bad.toml{says}" in result.stderr


def test_a_file_may_change_the_rules_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("rules: {health: {battery_low_pct: 12}}\n" + BROKEN.replace("[A missing red]", "[]"))
    assert run("test", path).exit_code == 0


@pytest.mark.parametrize(
    ("told", "expected"), [("3d 4h", 273_600.0), ("90s", 90.0), ("1.5h", 5400.0), ("500ms", 0.5), (7, 7.0)]
)
def test_durations_are_read(told: object, expected: float) -> None:
    assert seconds(told) == expected


def test_diff_names_every_key_that_differs(tmp_path: Path) -> None:
    one, two = tmp_path / "a.toml", tmp_path / "b.toml"
    one.write_text("")
    two.write_text(
        "[health]\nbattery_low_pct = 30\n"
        '[[override]]\nwhere = {road = "R"}\nset = {"health.battery_low_pct" = 25}\n'
    )
    answer = json.loads(run("diff", one, two, "--json").stdout)
    assert answer["first"] != answer["second"]
    assert {"key": "health.battery_low_pct", "first": 20.0, "second": 30.0} in answer["differences"]
    assert any(row["key"].startswith("override") for row in answer["differences"])


def test_explain_says_why_it_rings_and_why_not(tmp_path: Path) -> None:
    assets, sensors = tmp_path / "assets.csv", tmp_path / "sensors.csv"
    assets.write_text("asset_id,kind\nA,cover\n")
    sensors.write_text("sensor_id,asset_id,role,heartbeat_s\na,A,lid,3600\n")
    engine = Engine(read_registry(assets, sensors), RuleSet())
    engine.tick(T0)
    engine.control("permit", {"asset_id": "A", "from": T0, "to": T0 + 60 * SECOND, "note": "cleaning"}, T0)
    engine.apply(frame_of([{"sensor": 0, "t": 100, "battery_pct": 15, "tilt_deg": 1.0}]))
    snapshot = tmp_path / "engine.bin"
    snapshot.write_bytes(engine.snapshot())
    options = ["--snapshot", snapshot, "--assets", assets, "--sensors", sensors]
    result = run("explain", "A", *options, "--json")
    assert result.exit_code == 0, result.stderr
    (sensor,) = json.loads(result.stdout)
    hazards = {row["hazard"]: row for row in sensor["hazards"]}
    assert hazards["battery_low"]["severity"] == "blue"
    assert hazards["battery_low"]["conditions"][0]["value"] == 15.0
    assert hazards["silent"]["severity"] is None
    assert hazards["silent"]["evidence"]["last_heard_us"] == T0 + 100 * SECOND
    assert "sunken" in sensor["blind"]
    assert sensor["windows"][0]["note"] == "cleaning"
    shown = run("explain", "a", *options)
    assert shown.exit_code == 0
    assert "15%" in shown.stdout
    assert "{" not in shown.stdout
    refused = run("explain", "nobody", *options)
    assert (refused.exit_code, "nobody" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("tongue", "words"), [("en", "has no sensor"), ("zh", "传感器")])
def test_explain_of_an_asset_that_is_bare_or_in_no_registry_says_so(
    tmp_path: Path, tongue: str, words: str
) -> None:
    assets, sensors = tmp_path / "assets.csv", tmp_path / "sensors.csv"
    assets.write_text("asset_id,kind\nA,cover\nB,cover\n")
    sensors.write_text("sensor_id,asset_id,role\na,A,lid\n")
    snapshot = tmp_path / "engine.bin"
    snapshot.write_bytes(Engine(read_registry(assets, sensors), RuleSet()).snapshot())
    options = ["--snapshot", snapshot, "--assets", assets, "--sensors", sensors]
    for name, said in (("B", words), ("C", "C"), ("", "")):
        refused = run("explain", name, *options, tongue=tongue)
        assert refused.exit_code == 2
        assert refused.stdout == ""
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


def test_explain_asks_the_running_service_with_the_registry_that_it_had(tmp_path: Path) -> None:
    """Also after `devices add`: the files that the settings name are older than that."""
    (tmp_path / "jingqiao.toml").write_text("")
    assert "jingqiao run" in run("explain", "A", "-c", tmp_path / "jingqiao.toml").stderr
    registry = Registry.of([{"asset_id": "A", "kind": "cover"}], [{"sensor_id": "a", "asset_id": "A"}])
    save_registry(registry, tmp_path / "data" / "registry", 3)
    write_snapshot(
        tmp_path / "data" / "snapshots", SnapshotHead(9, 3), Engine(registry, RuleSet()).snapshot()
    )
    result = run("explain", "A", "-c", tmp_path / "jingqiao.toml", "--json")
    assert result.exit_code == 0, result.stderr
    assert [sensor["sensor_id"] for sensor in json.loads(result.stdout)] == ["a"]
