"""The commands on dossier and devices, as a person at a terminal and a program see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from devices.import_csv import read_registry
from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.cli import main
from jingqiao.clock import WallClock
from jingqiao.database import open_database
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import asset_facts
from jingqiao.incidents.view import rfc3339
from tests.support.at_work import AtWork
from tests.support.city import ASSETS, SENSORS

SECOND = 1_000_000


@pytest.fixture
def jingqiao(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("JINGQIAO_CONFIG", raising=False)
    (tmp_path / "jingqiao.toml").write_text('data_dir = "data"\n', "utf-8")
    (tmp_path / "assets.csv").write_text(ASSETS, "utf-8")
    (tmp_path / "sensors.csv").write_text(SENSORS, "utf-8")

    def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, input=stdin)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def city(jingqiao):
    jingqiao("import", "assets.csv", "sensors.csv")
    return jingqiao


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_an_import_says_what_it_did_and_again_that_nothing_changed(jingqiao):
    first = jingqiao("import", "assets.csv", "sensors.csv")
    assert "3 new" in first.stdout
    assert "no 16-digit component codes: A, B" in first.stderr
    assert "nothing has changed" in jingqiao("import", "assets.csv", "sensors.csv").stdout


def test_a_dry_run_shows_the_difference_and_changes_nothing(city):
    Path("assets.csv").write_text(ASSETS.replace("污水井", "雨水箅子"), "utf-8")
    shown = city("import", "assets.csv", "--dry-run")
    for word in ("B", "name", "污水井", "雨水箅子", "dry run"):
        assert word in shown.stdout
    planned = answer(city("import", "assets.csv", "--dry-run", "--json"))
    assert planned["changes"] == [{"id": "B", "columns": {"name": ["污水井", "雨水箅子"]}}]
    assert planned["assets_changed"] == 1
    assert answer(city("assets", "show", "B", "--json"))["name"] == "污水井"


def test_every_fault_is_printed_with_line_and_column_and_nothing_is_imported(jingqiao):
    Path("assets.csv").write_text("asset_id,kind,lon,lat\nA,covr,1,1\nB,cover,30.4,114.9\n", "utf-8")
    Path("sensors.csv").write_text("sensor_id,asset_id\ns1,\n", "utf-8")
    refused = jingqiao("import", "assets.csv", "sensors.csv", code=1)
    assert 'assets.csv:2: kind: there is no "covr" → did you mean cover?' in refused.stderr
    assert "assets.csv:3: lon: lon and lat look swapped" in refused.stderr
    assert "sensors.csv:2: asset_id: is empty" in refused.stderr
    assert "3 faults; nothing was imported" in refused.stderr
    faults = answer(jingqiao("import", "assets.csv", "sensors.csv", "--json", code=1))["faults"]
    assert [(f["file"], f["line"], f["field"]) for f in faults] == [
        ("assets.csv", 2, "kind"),
        ("assets.csv", 3, "lon"),
        ("sensors.csv", 2, "asset_id"),
    ]
    assert answer(jingqiao("assets", "list", "--json")) == []


def test_a_missing_file_is_a_fault_and_an_unknown_option_is_wrong_use(jingqiao):
    assert "file not found" in jingqiao("import", "nowhere.csv", code=1).stderr
    jingqiao("import", "assets.csv", "--crs", "utm", code=2)


def test_strict_codes_refuse_ids_of_ones_own(jingqiao):
    refused = jingqiao("import", "assets.csv", "--strict-codes", code=1)
    assert "assets.csv:2: asset_id: A is no component code" in refused.stderr
    assert jingqiao("import", "assets.csv", "--codes", "none").stderr == ""


def test_what_is_added_to_an_asset_stands_in_its_file(city):
    city("assets", "inspect", "A", "--result", "defect", "--note", "lid rocks", "--who", "li")
    city("assets", "repair", "A", "--note", "new seat", "--at", "2026-01-02 08:00")
    city("assets", "note", "A", "key with the depot")
    city("assets", "photo", "A", "assets.csv")
    city("assets", "status", "A", "abandoned", "--why", "road moved")
    city("assets", "fall-net", "A", "yes")
    city("permits", "add", "A", "--to", "+2h", "--note", "cleaning")
    found = answer(city("assets", "show", "A", "--json"))
    assert {e["what"] for e in found["history"]} == {
        *("inspection", "repair", "note", "photo", "status", "changed", "permit")
    }
    assert found["history"][0]["at"] == "2026-01-02T00:00:00Z"
    photo = next(e for e in found["history"] if e["what"] == "photo")
    assert len(photo["details"]["sha256"]) == 64
    assert (found["status"], found["fall_net"]) == ("abandoned", 1)
    assert found["dangers"] == [{"danger": "abandoned"}]
    page = city("assets", "show", "A").stdout
    for word in (
        "雨水井",
        "lid rocks",
        "road moved",
        "s1",
        "abandoned and not filled",
    ):
        assert word in page


def test_an_unknown_asset_ends_with_a_sentence_and_code_1(city):
    for arguments in (
        ("assets", "show", "X"),
        ("assets", "note", "X", "n"),
        ("permits", "add", "X", "--to", "+1h"),
    ):
        assert "no asset X" in city(*arguments, code=1).stderr


def test_dangers_are_listed_and_filtered(city):
    found = answer(city("assets", "dangers", "--json"))
    assert {(d["asset_id"], d["danger"]) for d in found} == {
        ("A", "not_inspected"),
        ("B", "not_inspected"),
        ("C", "not_inspected"),
        ("B", "no_sensor"),
        ("A", "blind"),
    }
    blind = answer(city("assets", "dangers", "--json", "--danger", "blind"))
    assert [d["hazards"] for d in blind] == [["sunken"]]
    assert "cannot see: lid sunken" in city("assets", "dangers").stdout


def test_an_export_comes_back_in(city):
    city("assets", "export", "-o", "out.csv")
    city("assets", "export", "--sensors", "-o", "out-sensors.csv")
    assert answer(city("import", "out.csv", "out-sensors.csv", "--json"))["assets_changed"] == 0
    assert len(json.loads(city("assets", "export", "--format", "geojson").stdout)["features"]) == 3
    city("assets", "export", "--format", "geojson", "--crs", "bd09", code=2)


def test_a_discovered_sensor_is_bound_and_its_letters_are_asked_for_again(city, tmp_path):
    import asyncio

    async def receive() -> None:
        log = SqliteLog(tmp_path / "data" / "log.sqlite")
        letter = DeadLetter(
            1_700_000_000_000_000,
            "jingqiao/v1/n1/readings",
            b"{}",
            "unknown_sensor",
            "topic: sensor 'n1' is …",
        )
        await log.append([], [letter, letter])
        log.close()

    asyncio.run(receive())
    assert [(d["sensor_id"], d["messages"]) for d in answer(city("devices", "discovered", "--json"))] == [
        ("n1", 2)
    ]
    assert "n1" in city("devices", "discovered").stdout
    city("devices", "refuse", "n1", "--why", "not ours")
    assert answer(city("devices", "discovered", "--json")) == []
    city("devices", "bind", "n1", "B")
    assert answer(city("devices", "discovered", "--all", "--json")) == []
    assert {d["sensor_id"]: d["asset_id"] for d in answer(city("devices", "list", "--json"))} == {
        "s1": "A",
        "g1": "C",
        "n1": "B",
    }


def test_devices_come_move_and_go(city):
    made = answer(city("devices", "add", "n1", "B", "--account", "--heartbeat", "3600", "--json"))
    assert len(made["password"]) >= 20
    city("devices", "unbind", "s1", "--why", "battery")
    assert [d["sensor_id"] for d in answer(city("devices", "list", "--unbound", "--json"))] == ["s1"]
    city("devices", "replace", "n1", "s1")
    assert "no sensor zz" in city("devices", "unbind", "zz", code=1).stderr
    assert "no sensor zz" in city("devices", "bind", "zz", "B", code=1).stderr
    assert "bound to nothing" in city("devices", "unbind", "n1", code=1).stderr
    assert "in the dossier already" in city("devices", "add", "s1", "B", code=1).stderr
    assert "not possible" in city("devices", "add", "a/b", "B", code=1).stderr


def test_a_place_that_cannot_be_written_is_named_with_a_remedy(city, tmp_path):
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "x")
    assert "cannot be written" in city("assets", "export", "-o", nowhere, code=1).stderr
    options = ("--service-password", "secret")
    assert "not possible" in city("devices", "broker-files", nowhere, *options, code=1).stderr


def test_broker_files_are_written_without_any_password_in_them(city):
    made = answer(city("devices", "account", "s1", "--json"))
    said = city("devices", "broker-files", "broker", "--service-password", "a secret")
    assert "1 devices" in said.stdout
    written = Path("broker/passwords").read_text() + Path("broker/acl").read_text()
    assert "a secret" not in written
    assert made["s1"] not in written
    assert "s1:$7$101$" in written
    city("devices", "revoke", "s1")
    city("devices", "broker-files", "broker", "--service-password", "a secret")
    assert "s1:" not in Path("broker/passwords").read_text()
    city("devices", "revoke", "s1", code=1)


def test_commands_and_baselines_are_queued_and_visible(city):
    queued = answer(city("devices", "command", "g1", "--set", "report_interval_s=600", "--json"))
    (listed,) = answer(city("devices", "commands", "--json"))
    assert (listed["id"], listed["state"]) == (queued["id"], "queued")
    assert listed["set"] == {"report_interval_s": 600}
    assert "report_interval_s=600" in city("devices", "commands").stdout
    city("devices", "cancel", queued["id"])
    city("devices", "cancel", queued["id"], code=1)
    assert (
        "application id" in city("devices", "command", "s1", "--set", "report_interval_s=600", code=1).stderr
    )
    city("devices", "command", "g1", "--set", "nonsense", code=2)
    city("devices", "rebaseline", "s1", "--why", "after repair")
    assert answer(city("assets", "show", "A", "--json"))["history"][-1]["what"] == "rebaseline"


def test_permits_are_listed_until_they_are_over(city):
    city("permits", "add", "A", "--to", "+2h", "--note", "cleaning", "--who", "li")
    city("permits", "add", "C", "--from", "2020-01-01", "--to", "2020-01-02", "--kind", "intervention")
    city("permits", "add", "A", "--from", "+2h", "--to", "+1h", code=2)
    (running,) = answer(city("permits", "list", "--json"))
    assert (running["asset_id"], running["kind"], running["who"]) == ("A", "permit", "li")
    assert running["in_force"] is False
    assert len(answer(city("permits", "list", "--all", "--json"))) == 2
    assert "cleaning" in city("permits", "list").stdout


def test_running_work_is_listed_with_what_it_keeps_back_now_and_shown_afterwards(city):
    start = WallClock().now() - 3600 * SECOND
    arguments = ("--from", "-1h", "--to", "+2h", "--note", "cleaning", "--who", "li")
    assert "work 2 is announced" in city("permits", "add", "A", *arguments).stdout
    (announced,) = answer(city("permits", "list", "--json"))
    assert (announced["id"], announced["muted"], announced["muted_count"]) == (2, [], 0)
    assert "It kept no alarm back" in city("permits", "show", "2").stdout
    registry = read_registry(Path("assets.csv"), Path("sensors.csv"))
    work = AtWork(registry, "A", 2, start - 60 * SECOND, start + 7200 * SECOND, "s1")
    database = open_database(f"sqlite:///{Path('data/jingqiao.sqlite')}")
    book = IncidentBook(database, lambda asset_id, sensor_id: asset_facts(registry, asset_id, sensor_id))
    told = work.lies(start + 60 * SECOND) + work.stands_open(start + 1000 * SECOND)
    told += work.passes(start + 1005 * SECOND)
    book.commit(1, told, start, [], [(1, item) for _, item in work.take()])
    (running,) = answer(city("permits", "list", "--json"))
    assert running["muted_count"] == 1
    (kept,) = running["muted"]
    assert (kept["sensor_id"], kept["hazard"], kept["severity"], kept["to"]) == ("s1", "missing", "red", None)
    assert "missing" in city("permits", "list").stdout

    told += [change for minute in (20, 30, 40, 50) for change in work.lies(start + minute * 60 * SECOND)]
    work.passes(start + 3500 * SECOND)
    book.commit(100, told, start, [], [(100, item) for _, item in work.take()])
    database.dispose()
    assert told == []
    shown = answer(city("permits", "show", "2", "--json"))
    (kept,) = shown["muted"]
    assert (kept["hazard"], kept["severity"], kept["value"]) == ("missing", "red", None)
    assert kept["from"] < kept["to"] < rfc3339(start + 3600 * SECOND)
    assert "missing" in city("permits", "show", "2").stdout
    assert answer(city("permits", "list", "--json"))[0]["muted"] == [], "the lid is back in its frame"
    (filed,) = answer(city("assets", "show", "A", "--json"))["permits"]
    assert (filed["id"], filed["who"], filed["muted"]) == (2, "li", shown["muted"])
    assert answer(city("incidents", "list", "--json")) == []
    assert "no announced work has the number 77" in city("permits", "show", "77", code=1).stderr


def test_people_read_chinese_by_default(city, monkeypatch):
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "zh")
    assert "没有安装传感器" in city("assets", "dangers").stdout
    assert "现有传感器（em310-tilt）看不到：井盖下沉" in city("assets", "dangers", "--danger", "blind").stdout
