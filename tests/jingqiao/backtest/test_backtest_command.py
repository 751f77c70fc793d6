"""`jingqiao backtest`, as outsiders' programs call it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import main

START_MS = 1_790_000_000_000


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)], env={"JINGQIAO_LANGUAGE": "en"})


@pytest.fixture
def registry(tmp_path: Path) -> list[object]:
    assets, sensors = tmp_path / "assets.csv", tmp_path / "sensors.csv"
    assets.write_text("asset_id,kind\nA,cover\nB,cover\n")
    sensors.write_text("sensor_id,asset_id,role,heartbeat_s\na,A,lid,3600\nb,B,lid,3600\n")
    return ["--assets", assets, "--sensors", sensors]


def stamp(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def battery_rows(n: int = 30) -> list[tuple[str, int, float]]:
    """Sensor a's battery runs down hour by hour, b's is full."""
    rows = [("a", START_MS + i * 3_600_000, max(2.0, 60 - 4 * i)) for i in range(n)]
    return rows + [("b", START_MS + i * 3_600_000, 90.0) for i in range(n)]


def as_csv(path: Path, rows: list[tuple[str, int, float]], *, rfc: bool = False) -> Path:
    lines = [f"{s},{stamp(t) if rfc else t},{v}" for s, t, v in rows]
    path.write_text("\n".join(["sensor_id,t,battery_pct", *lines]) + "\n")
    return path


def alarms(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert isinstance(rows, list)
    return [{k: row[k] for k in ("asset_id", "sensor_ids", "hazard", "state", "event_at")} for row in rows]


def test_every_form_of_file_gives_the_same_alarms(tmp_path: Path, registry: list[object]) -> None:
    rows = battery_rows()
    csv_file = as_csv(tmp_path / "r.csv", rows)
    expected = alarms(run(csv_file, *registry, "--json"))
    assert [(a["asset_id"], a["hazard"], a["state"]) for a in expected] == [
        ("A", "battery_low", "firing"),
        ("A", "battery_low", "firing"),
    ]
    ids, times, values = zip(*rows, strict=True)
    table = pa.table({"sensor_id": ids, "t": times, "battery_pct": values})
    pq.write_table(table, tmp_path / "ints.parquet")
    stamped = table.set_column(1, "t", table["t"].cast(pa.timestamp("ms", "UTC")))
    pq.write_table(stamped, tmp_path / "stamps.parquet")
    lines = [json.dumps({"sensor_id": s, "t": t, "battery_pct": v}) for s, t, v in rows]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    mixed = [
        json.dumps({"sensor_id": s, "t": stamp(t) if i % 2 else t, "battery_pct": v})
        for i, (s, t, v) in enumerate(rows)
    ]
    (tmp_path / "mixed.jsonl").write_text("\n".join(mixed))
    as_csv(tmp_path / "rfc.csv", rows, rfc=True)
    as_csv(tmp_path / "shuffled.csv", rows[::-1])
    as_csv(tmp_path / "twice.csv", rows + rows)
    for name in (
        "ints.parquet",
        "stamps.parquet",
        "r.jsonl",
        "mixed.jsonl",
        "rfc.csv",
        "shuffled.csv",
        "twice.csv",
    ):
        assert alarms(run(tmp_path / name, *registry, "--json")) == expected, name


def test_rows_have_every_field_of_the_protocol(tmp_path: Path, registry: list[object]) -> None:
    row = json.loads(run(as_csv(tmp_path / "r.csv", battery_rows()), *registry, "--json").stdout)[0]
    assert {
        "asset_id": "A",
        "sensor_ids": ["a"],
        "hazard": "battery_low",
        "severity": "blue",
        "state": "firing",
        "event_at": stamp(START_MS + 11 * 3_600_000).replace("Z", ".000Z"),
        "value": 16.0,
        "limit": 20.0,
        "unit": "%",
        "provisional": False,
    } == {k: row[k] for k in row if k not in ("reason", "reason_key", "historical", "evidence")}
    assert "16" in row["reason"]


def test_bad_rows_are_named_and_the_rest_is_used(tmp_path: Path, registry: list[object]) -> None:
    path = as_csv(tmp_path / "r.csv", battery_rows())
    bad = ["a,yesterday,5", "a,1790000000000,lots", "a,1790000000000,500", ",1790000000000,5", "a,1,2", "a"]
    path.write_text("\n".join([*path.read_text().splitlines(), *bad, "stranger,1790000000000,5"]) + "\n")
    result = run(path, *registry, "--json")
    assert len(alarms(result)) == 2
    places = [line.split(": ")[0].rsplit(":", 1)[-1] for line in result.stderr.splitlines()]
    assert places[:6] == ["62", "63", "64", "65", "66", "67"]
    assert "stranger" in result.stderr


def test_a_file_with_nothing_usable_fails(tmp_path: Path, registry: list[object]) -> None:
    path = as_csv(tmp_path / "r.csv", [("stranger", START_MS, 5.0)])
    assert run(path, *registry, "--json").exit_code == 1


def test_without_a_registry_sensors_are_those_of_the_file(tmp_path: Path) -> None:
    rows = alarms(run(as_csv(tmp_path / "r.csv", battery_rows()), "--json"))
    assert [(row["asset_id"], row["sensor_ids"]) for row in rows] == [("", ["a"])] * 2


def test_rules_with_an_unknown_key_are_refused_with_their_line(
    tmp_path: Path, registry: list[object]
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[health]\nbattery_low_pct = 30\nbatery_empty_pct = 5\n")
    result = run(as_csv(tmp_path / "r.csv", battery_rows()), *registry, "--rules", rules, "--json")
    assert result.exit_code == 1
    assert "rules.toml:3" in result.stderr
    assert "battery_empty_pct" in result.stderr


def test_two_rule_sets_are_compared(tmp_path: Path, registry: list[object]) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[health]\nbattery_low_pct = 30\n")
    path = as_csv(tmp_path / "r.csv", battery_rows())
    result = run(path, *registry, "--compare", rules, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["only_first"] == answer["only_second"] == []
    assert [d["delay_s"] for d in answer["delays"]] == [-3 * 3600.0]


ROSTER = """
fallback = "office"
[people.zhang]
name = "Zhang"
channels = [{ name = "phone", url = "json://127.0.0.1:9/zhang" }]
[people.office]
name = "Office"
channels = [{ name = "phone", url = "json://127.0.0.1:9/office" }]
[[teams]]
id = "covers"
name = "Covers"
kinds = ["cover"]
[[teams.shifts]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "00:00"
people = ["zhang"]
"""


def test_a_comparison_tells_how_grave_each_came_to_be_when_it_paged_and_whom(
    tmp_path: Path, registry: list[object]
) -> None:
    """A lid that leans by 12°, then by 32°: the second set knows no yellow, and asks for a second reading."""
    hour, tilts = 3_600_000, [2.0] * 30 + [14.0] * 3 + [34.0] * 3
    readings = tmp_path / "r.csv"
    lines = [f"a,{START_MS + i * hour},{tilt + 0.01 * (i % 3)}" for i, tilt in enumerate(tilts)]
    readings.write_text("\n".join(["sensor_id,t,tilt_deg", *lines]) + "\n")
    rules = tmp_path / "rules.toml"
    rules.write_text("[lid]\ntilt_attention_deg = 30\ntilt_defect_deg = 30\ncarried_deg = 40\n")
    (tmp_path / "roster.toml").write_text(ROSTER)
    told = run(readings, *registry, "--compare", rules, "--roster", tmp_path / "roster.toml")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer["alarms"] == {"first": {"tilted red": 1}, "second": {"tilted red": 1}}
    assert answer["severities"] == answer["only_first"] == answer["only_second"] == []
    assert [d["delay_s"] for d in answer["delays"]] == [3 * 3600.0]
    assert [d["delay_s"] for d in answer["paging_delays"]] == [3600.0]
    # yellow, then red; red only
    assert answer["messages"] == {"first": {"zhang": 2}, "second": {"zhang": 1}}
    anybody = json.loads(run(readings, *registry, "--compare", rules).stdout)
    assert anybody["messages"] == {"first": {"anyone": 2}, "second": {"anyone": 1}}
    rules.write_text("[lid]\ntilt_urgent_deg = 60\ntilt_attention_deg = 40\ntilt_defect_deg = 50\n")
    less = json.loads(run(readings, *registry, "--compare", rules).stdout)
    assert less["only_first"] == [
        {
            "asset_id": "A",
            "sensor_ids": ["a"],
            "hazard": "tilted",
            "number": 1,
            "event_at": "2026-09-22T21:13:20.000Z",
            "severity": "red",
        }
    ]
    assert run(readings, *registry, "--roster", tmp_path / "roster.toml").exit_code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("r.csv", "sensor_id,battery_pct\na,5\n"), ("r.parquet", "PAR1 but not really"), ("r.jsonl", "{]\n")],
)
def test_a_file_that_is_none_fails_without_a_traceback(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    result = run(path, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert isinstance(result.exception, SystemExit)


def test_wrong_use_exits_with_2(tmp_path: Path) -> None:
    assert run("--json").exit_code == 2
    assert run(tmp_path / "absent.csv").exit_code == 2


def test_a_quotation_that_is_never_closed_costs_its_own_row_and_no_other(
    tmp_path: Path, registry: list[object]
) -> None:
    lines = as_csv(tmp_path / "r.csv", battery_rows()).read_text().splitlines()
    expected = alarms(run(tmp_path / "r.csv", *registry, "--json"))
    (tmp_path / "open.csv").write_text("\n".join([*lines[:4], 'a,"broken', *lines[4:]]) + "\n")
    result = run(tmp_path / "open.csv", *registry, "--json")
    assert alarms(result) == expected
    assert "open.csv:5: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_note_with_a_line_break_is_one_cell(tmp_path: Path, registry: list[object]) -> None:
    rows = battery_rows()
    expected = alarms(run(as_csv(tmp_path / "r.csv", rows), *registry, "--json"))
    lines = [f'{s},{t},{v},"one\ntwo, ""three"""' for s, t, v in rows]
    (tmp_path / "notes.csv").write_text("\n".join(["sensor_id,t,battery_pct,note", *lines]) + "\n")
    assert alarms(run(tmp_path / "notes.csv", *registry, "--json")) == expected


def hourly(received: bool) -> list[dict[str, object]]:
    """A lid at rest for ten days; three samples of a lid that stood open on day 6 come on day 10."""
    rows = [{"sensor_id": "a", "t": START_MS + i * 3_600_000, "tilt_deg": 1.0} for i in range(240)]
    for i in range(3):
        at = START_MS + (144 * 60 + 10 + 20 * i) * 60_000
        rows.append({"sensor_id": "a", "t": at, "tilt_deg": 95.0})
    for row in rows:
        row["received"] = int(str(row["t"])) + 1000
    for row in rows[-3:]:
        row["received"] = START_MS + 239 * 3_600_000 + 5000
    return rows if received else [{k: v for k, v in row.items() if k != "received"} for row in rows]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_was_received_late_is_history_and_pages_nobody(
    tmp_path: Path, registry: list[object], form: str
) -> None:
    def told(received: bool) -> list[tuple[str, str, bool]]:
        rows, path = hourly(received), tmp_path / f"{received}.{form}"
        names = list(rows[0])
        if form == "csv":
            lines = [",".join(str(row[name]) for name in names) for row in rows]
            path.write_text("\n".join([",".join(names), *lines]) + "\n")
        elif form == "jsonl":
            path.write_text("\n".join(json.dumps(row) for row in rows))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)
        result = run(path, *registry, "--json")
        assert result.exit_code == 0, result.output
        return [(row["hazard"], row["severity"], row["historical"]) for row in json.loads(result.stdout)]

    assert ("missing", "red", False) in told(received=False)
    late = told(received=True)
    assert late
    assert all(historical for hazard, _, historical in late if hazard == "missing"), late


def test_a_wrong_time_of_reception_names_its_row(tmp_path: Path, registry: list[object]) -> None:
    lines = [f"{s},{t},{v},{t + 1}" for s, t, v in battery_rows()]
    lines[3] = lines[3].rsplit(",", 1)[0] + ",soon"
    lines[4] = lines[4].rsplit(",", 1)[0] + ","
    (tmp_path / "r.csv").write_text("\n".join(["sensor_id,t,battery_pct,received", *lines]) + "\n")
    result = run(tmp_path / "r.csv", *registry, "--json")
    assert len(alarms(result)) == 2
    assert [line.split(": ")[0].rsplit(":", 1)[-1] for line in result.stderr.splitlines()] == ["5"]


def test_text_where_a_number_belongs_is_a_bad_row_of_json_as_it_is_on_the_wire(
    tmp_path: Path, registry: list[object]
) -> None:
    rows: list[dict[str, object]] = [
        {"sensor_id": "a", "t": START_MS + i * 3_600_000, "tilt_deg": 1.0, "open": False} for i in range(40)
    ]
    rows[30]["open"] = "yes"
    rows[31]["tilt_deg"] = "88"
    (tmp_path / "r.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    result = run(tmp_path / "r.jsonl", *registry, "--json")
    assert alarms(result) == []
    assert [line.split(" ")[0:2] for line in result.stderr.splitlines()] == [
        [f"{tmp_path}/r.jsonl:31:", "open:"],
        [f"{tmp_path}/r.jsonl:32:", "tilt_deg:"],
    ]


def test_people_read_two_short_lines_of_a_change_in_a_narrow_window(
    tmp_path: Path, registry: list[object]
) -> None:
    readings = as_csv(tmp_path / "r.csv", battery_rows())
    told = CliRunner().invoke(
        main,
        ["backtest", str(readings), *map(str, registry)],
        env={"JINGQIAO_LANGUAGE": "zh", "COLUMNS": "80"},
    )
    assert told.exit_code == 0, told.output
    head, why = told.stdout.splitlines()[:2]
    assert head.endswith("  电池电量低  蓝色")
    assert "+08:00  " in head
    assert why.startswith("    ")
    assert why.strip()
    assert all(len(line) < 80 for line in told.stdout.splitlines())


def test_people_are_told_when_nothing_changed(tmp_path: Path, registry: list[object]) -> None:
    readings = as_csv(tmp_path / "r.csv", battery_rows()[:2])
    told = CliRunner().invoke(
        main, ["backtest", str(readings), *map(str, registry)], env={"JINGQIAO_LANGUAGE": "zh"}
    )
    assert told.stdout == "没有告警变化\n"
