"""`jingqiao simulate` and `jingqiao score` as a person uses them."""

import json
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

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
    assert "井盖缺失" in shown.output


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


STOLEN = '{"asset_id": "a", "sensor_ids": ["s"], "hazard": "missing", "onset": "2026-01-01T00:00:00Z"}'
RANG = (
    '{"asset_id": "a", "sensor_ids": ["s"], "hazard": "missing", "severity": "red", "state": "firing",'
    ' "event_at": "2026-01-01T00:00:10Z"}'
)


def scored(folder: Path, truth: str, alarms: str, *more: str) -> Result:
    (folder / "truth.jsonl").write_text(truth)
    (folder / "alarms.json").write_text(alarms)
    named = ["--truth", str(folder / "truth.jsonl"), "--alarms", str(folder / "alarms.json")]
    return CliRunner().invoke(score, [*named, *more])


@pytest.mark.parametrize(
    ("tongue", "hazard", "onset"), [("zh", "井内水位高", "突然"), ("en", "well flooded", "in weeks")]
)
def test_a_score_is_read_in_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tongue: str, hazard: str, onset: str
) -> None:
    """Hundreds of events of every hazard, some unknown to us: no word is broken, no line is longer."""
    monkeypatch.setenv("JINGQIAO_LANGUAGE", tongue)
    monkeypatch.setenv("COLUMNS", "80")
    hazards, onsets = (
        ("missing", "tilted", "sunken", "loose", "damaged", "flooded"),
        ("sudden", "fast", "slow"),
    )
    events = [
        STOLEN.replace('"a"', f'"a{i}"').replace("missing", name).replace("{", f'{{"severity": "{how}", ')
        for i, (name, how) in enumerate(product(hazards, onsets))
        for _ in range(150)
    ]
    alarms = ", ".join(RANG.replace('"a"', f'"b{i}"') for i in range(300))
    done = scored(tmp_path, "\n".join(events), f"[{alarms}]", "--lid-years", "39")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    rows = [line for line in lines if line.startswith("│")]
    assert len(rows) == len(hazards) * len(onsets)
    assert any(hazard in row and onset in row and "0 / 150" in row for row in rows)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: no JSON"),
        ("[]", "line 2: an event is an object"),
        ('{"asset_id": "a"}', "line 2: hazard is missing"),
        (STOLEN.replace("2026-01-01T", "yesterday "), "line 2: "),
        (STOLEN.replace('"2026-01-01T00:00:00Z"', "5"), "line 2: an event is an object whose times are text"),
        (STOLEN.replace("00Z", "00"), "has no zone"),
    ],
)
def test_a_truth_at_fault_is_named_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    done = scored(tmp_path, f"{STOLEN}\n{line}\n", "[]")
    assert done.exit_code == 1
    assert "truth.jsonl" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    ("alarm", "says"),
    [
        ("1", "entry 2: no alarm"),
        ("{}", "entry 2: severity is missing"),
        (RANG.replace("red", "purple"), "entry 2: severity purple is none of"),
        (RANG.replace("10Z", "10"), "entry 2: "),
    ],
)
def test_an_alarm_at_fault_is_named_with_its_place(tmp_path: Path, alarm: str, says: str) -> None:
    done = scored(tmp_path, STOLEN, f"[{RANG}, {alarm}]")
    assert done.exit_code == 1
    assert says in done.stderr


def test_a_small_score_is_what_a_hand_makes_of_it(tmp_path: Path) -> None:
    """Ten thefts, nine found after 1 to 9 s; one alarm of nothing: recall 0.9, precision 0.9."""
    thefts = [STOLEN.replace('"a"', f'"a{i}"') for i in range(10)]
    rang = [RANG.replace('"a"', f'"a{i}"').replace(":10Z", f":0{i}Z") for i in range(1, 10)]
    wrong = RANG.replace('"a"', '"healthy"')
    done = scored(
        tmp_path, "\n".join(thefts), f"[{','.join([*rang, wrong])}]", "--lid-years", "500", "--json"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    part = told["by_hazard_and_onset"]["missing/sudden"]
    assert (told["recall"], told["precision"], part["required"], part["found"]) == (0.9, 0.9, 10, 9)
    assert part["delay_median_s"] == 5.0
    assert part["delay_p90_s"] == 8.2  # between the 8th and the 9th: 8 + 0.2
    # Garwood: 1 event → 0.0253 to 5.5716, in 500 lid-years twice that per 1,000
    assert told["false_paging_alarms"] == {
        "count": 1, "per_1000_lid_years": 2.0, "low_95": 0.0506, "high_95": 11.1433,
    }  # fmt: skip


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
