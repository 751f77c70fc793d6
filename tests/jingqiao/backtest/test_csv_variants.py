"""Files as loggers and spreadsheets write them: what is read, and what is said of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import main

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
SENSORS = "sensor_id,asset_id,role,strain_max_ue\nG1,B,gauge,100\n"
Stamp = Callable[[datetime], str]


def zulu(t: datetime) -> str:
    return t.isoformat().replace("+00:00", "Z")


def local(form: str) -> Stamp:
    return lambda t: (t + timedelta(hours=8)).strftime(form)


def lines(stamp: Stamp = zulu, comma: str = ",", point: str = ".") -> list[str]:
    """A gauge that goes beyond its design value at three, every ten minutes."""
    out = [comma.join(("sensor_id", "t", "strain_ue"))]
    for i in range(30):
        value = f"{150.5 if i >= 18 else 10.5 + i % 3:.1f}".replace(".", point)
        out.append(comma.join(("G1", stamp(BEGIN + timedelta(minutes=10 * i)), value)))
    return out


def run(tmp_path: Path, data: bytes, *more: str) -> Result:
    (tmp_path / "sensors.csv").write_text(SENSORS)
    (tmp_path / "assets.csv").write_text("asset_id,kind\nB,bridge\n")
    (tmp_path / "r.csv").write_bytes(data)
    registry = ["--assets", str(tmp_path / "assets.csv"), "--sensors", str(tmp_path / "sensors.csv")]
    arguments = ["backtest", str(tmp_path / "r.csv"), *registry, "--json", *more]
    return CliRunner().invoke(main, arguments, env={"JINGQIAO_LANGUAGE": "en"})


def firing(result: Result) -> list[tuple[str, str]]:
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    return [
        (row["event_at"], row["hazard"])
        for row in rows
        if (row["state"], row["hazard"]) == ("firing", "strain_limit")
    ]


@pytest.fixture
def expected(tmp_path: Path) -> list[tuple[str, str]]:
    found = firing(run(tmp_path, "\n".join(lines()).encode()))
    assert [hazard for _, hazard in found] == ["strain_limit"]
    return found


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ("\n".join(lines()).encode("utf-8-sig"), []),
        ("\r\n".join(lines()).encode("utf-16"), []),
        ("\n".join([*lines()[:1], *reversed(lines()[1:])]).encode(), []),
        ("\n".join(lines(comma=";", point=",")).encode(), []),
        ("\n".join(lines(comma=";")).encode(), []),
        ("\n".join(lines(comma="\t", point=",")).encode(), []),
        (
            "\n".join(line + (",备注" if i == 0 else ",正常") for i, line in enumerate(lines())).encode(
                "gbk"
            ),
            [],
        ),
        ("\n".join(lines(local("%Y-%m-%dT%H:%M+08:00"))).encode(), []),
        ("\n".join(lines(local("%Y-%m-%d %H:%M:%S"))).encode(), ["--zone", "Asia/Shanghai"]),
        ("\n".join(lines(local("%Y/%m/%d %H:%M"))).encode(), ["--zone", "Asia/Shanghai"]),
        ("\n".join(lines(lambda t: str(int(t.timestamp() * 1000)))).encode(), []),
    ],
    ids=[
        *("BOM", "UTF-16", "out of order", "decimal comma", "semicolons", "tabs", "GBK"),
        *("no seconds", "local time", "local time of a spreadsheet", "milliseconds"),
    ],
)
def test_the_same_readings_give_the_same_alarms_however_they_are_written(
    tmp_path: Path, expected: list[tuple[str, str]], data: bytes, more: list[str]
) -> None:
    assert firing(run(tmp_path, data, *more)) == expected


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("sensor_id,t,strain_ue", "t: time 't' is not understood"),
        ("-,ms,µε", "t: time 'ms' is not understood"),
        ("G1,2026-05-01T00:25:00Z,", "the row measures nothing"),
        ("G1,2026-05-01T00:25:00Z,NaN", "the row measures nothing"),
        ("G1,2026-05-01T00:25:00Z,--", "strain_ue: '--' is no number"),
        ('G1,2026-05-01T00:25:00Z,"1,234"', "strain_ue: '1,234' is no number"),
        ("G1,2026-05-01T00:25:00Z,1,2", "wrong number of cells"),
    ],
    ids=["a second head", "a line of units", "empty", "NaN", "dashes", "thousands", "too many cells"],
)
def test_a_line_that_is_no_reading_is_named_and_the_rest_is_used(
    tmp_path: Path, expected: list[tuple[str, str]], extra: str, said: str
) -> None:
    rows = lines()
    result = run(tmp_path, "\n".join([*rows[:5], extra, *rows[5:]]).encode())
    assert firing(result) == expected
    assert "r.csv:6: " in result.stderr
    assert said in result.stderr


@pytest.mark.parametrize(
    ("stamp", "said"),
    [
        (local("%Y-%m-%d %H:%M:%S"), "--zone"),
        (lambda t: str(int(t.timestamp())), "not seconds"),
        (lambda t: str(int(t.timestamp() * 1e6)), "not microseconds"),
    ],
    ids=["local time", "seconds", "microseconds"],
)
def test_times_that_could_be_taken_for_others_are_refused_with_the_remedy(
    tmp_path: Path, stamp: Stamp, said: str
) -> None:
    result = run(tmp_path, "\n".join(lines(stamp)).encode())
    assert result.exit_code == 1
    assert "r.csv:2: t: " in result.stderr
    assert said in result.stderr


def test_a_table_with_a_column_for_each_sensor_is_refused_with_the_remedy(tmp_path: Path) -> None:
    result = run(tmp_path, b"t,G1,G2\n2026-05-01T00:00:00Z,1,2\n")
    assert result.exit_code == 1
    assert "no column sensor_id" in result.stderr
    assert "column per sensor" in result.stderr


def test_an_hour_that_came_twice_is_its_first_and_a_zone_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    rows = ["sensor_id,t,strain_ue", *(f"G1,2025-10-26 02:{m:02d},150" for m in (10, 20, 30))]
    [(at, _)] = firing(run(tmp_path, "\n".join(rows).encode(), "--zone", "Europe/Berlin"))
    assert at.startswith("2025-10-26T00:")
    assert run(tmp_path, "\n".join(rows).encode(), "--zone", "Wuhan").exit_code == 2


def test_a_clock_that_was_set_back_is_told_and_the_first_reading_of_each_instant_counts(
    tmp_path: Path, expected: list[tuple[str, str]]
) -> None:
    rows = lines()
    again = [row.replace("150.5", "20.5") for row in rows[21:25]]
    result = run(tmp_path, "\n".join([*rows, *again]).encode())
    assert firing(result) == expected
    assert "r.csv:32: t: G1 has 4 readings" in result.stderr
    assert "clock set back" in result.stderr


def test_a_backlog_that_is_sent_again_is_no_fault_of_a_clock(
    tmp_path: Path, expected: list[tuple[str, str]]
) -> None:
    rows = lines()
    result = run(tmp_path, "\n".join([*rows, *rows[12:25]]).encode())
    assert firing(result) == expected
    assert result.stderr == ""


def test_timestamps_of_a_parquet_file_without_a_zone_are_taken_for_utc_and_it_is_said(
    tmp_path: Path,
) -> None:
    naive = pa.array([1_777_622_400_000_000], pa.timestamp("us"))  # 2026-05-01 08:00
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"sensor_id": ["a"], "t": naive, "received": naive, "open": [True]}), path)

    def told(*more: str) -> tuple[str, str]:
        result = CliRunner().invoke(
            main, ["backtest", str(path), "--json", *more], env={"JINGQIAO_LANGUAGE": "en"}
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)[0]["event_at"][:16], result.stderr

    at, word = told()
    assert at == "2026-05-01T08:00"
    assert "t, received name no zone" in word
    assert told("--zone", "Asia/Shanghai") == ("2026-05-01T00:00", "")


def test_an_empty_file_is_called_empty_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"\xef\xbb\xbf")
    result = CliRunner().invoke(main, ["backtest", str(path)], env={"JINGQIAO_LANGUAGE": "en"})
    assert result.exit_code == 1
    assert "the file is empty" in result.stderr
