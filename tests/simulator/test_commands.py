"""`jingqiao simulate` and `jingqiao score` as a person uses them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jingqiao.cli.score import score
from jingqiao.cli.simulate import simulate
from tests.support.mosquitto import Mosquitto

SHORT = """
name = "short"
start = 2026-03-02T00:00:00+08:00
days = 2
[[event]]
at = "1d"
kind = "theft"
pick = "random:2"
"""


@pytest.fixture
def short(tmp_path: Path) -> list[str]:
    import simulator

    home = Path(simulator.__file__).parent.parent / "config" / "examples" / "ezhou"
    path = tmp_path / "short.toml"
    path.write_text(SHORT, "utf-8")
    return [str(path), "--assets", str(home / "assets.csv"), "--sensors", str(home / "sensors.csv")]


def test_a_scenario_becomes_files_and_their_score_knows_the_exposure(
    tmp_path: Path, short: list[str]
) -> None:
    done = CliRunner().invoke(simulate, [*short, "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["events"] == 2
    events = [json.loads(line) for line in (tmp_path / "out" / "truth.jsonl").read_text().splitlines()]
    alarms = [
        {"asset_id": e["asset_id"], "sensor_ids": e["sensor_ids"], "hazard": "missing", "severity": "red",
         "state": "firing", "event_at": e["onset"]}
        for e in events[:1]
    ]  # fmt: skip
    (tmp_path / "alarms.json").write_text(json.dumps(alarms))
    scored = CliRunner().invoke(
        score,
        ["--truth", str(tmp_path / "out/truth.jsonl"), "--alarms", str(tmp_path / "alarms.json"), "--json"],
    )
    assert scored.exit_code == 0, scored.output
    result = json.loads(scored.output)
    assert (result["recall"], result["precision"]) == (0.5, 1.0)
    assert result["lid_years"] == pytest.approx(500 * 2 / 365.25, abs=1e-4)
    shown = CliRunner().invoke(
        score, ["--truth", str(tmp_path / "out/truth.jsonl"), "--alarms", str(tmp_path / "alarms.json")]
    )
    assert "missing" in shown.output


def test_neither_broker_nor_folder_is_wrong_use(short: list[str]) -> None:
    assert CliRunner().invoke(simulate, short).exit_code == 2


def test_an_unknown_scenario_names_the_shipped_ones(tmp_path: Path) -> None:
    done = CliRunner().invoke(simulate, ["nothing", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "gateway-outage" in done.output


def test_a_scenario_at_fault_fails_with_file_and_line(tmp_path: Path, short: list[str]) -> None:
    Path(short[0]).write_text(SHORT.replace("theft", "thief"), "utf-8")
    done = CliRunner().invoke(simulate, [*short, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert f"{short[0]}:5" in done.output


def test_alarms_that_are_no_json_are_named(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").write_text("")
    (tmp_path / "alarms.json").write_text("{")
    done = CliRunner().invoke(
        score, ["--truth", str(tmp_path / "truth.jsonl"), "--alarms", str(tmp_path / "alarms.json")]
    )
    assert done.exit_code == 1
    assert "alarms.json" in done.output


@pytest.mark.mosquitto
def test_a_scenario_is_published_and_its_truth_kept(tmp_path: Path, short: list[str]) -> None:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        kept = tmp_path / "truth.jsonl"
        done = CliRunner().invoke(
            simulate, [*short, "--broker", mosquitto.url, "--truth", str(kept), "--json"]
        )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["messages"] > 5000
    assert len(kept.read_text().splitlines()) == 2


@pytest.mark.mosquitto
def test_live_it_starts_now_and_ends_when_told(tmp_path: Path, short: list[str]) -> None:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        done = CliRunner().invoke(
            simulate, [*short, "--broker", mosquitto.url, "--realtime", "--seconds", "1", "--json"]
        )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert 1 <= told["seconds"] < 20
    assert not told["start"].startswith("2026-03-01")


def test_an_address_that_is_none_is_wrong_use(short: list[str]) -> None:
    done = CliRunner().invoke(simulate, [*short, "--broker", "localhost"])
    assert done.exit_code == 2
    assert "mqtt://host:1883" in done.output
