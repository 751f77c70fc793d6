"""A report counts what happened in its days, and how fast it was seen to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from jingqiao.cli import main
from jingqiao.database import reading
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.incident import Action
from jingqiao.reports.report import Report, report
from jingqiao.reports.span import Span, latest_whole, span_of
from jingqiao.reports.telling import as_json, csv_text, incident_rows
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.response import LID, LID_2, ROSTER, SHANGHAI, Office, at, change

DAY = span_of("daily", date(2026, 9, 23), SHANGHAI)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, ROSTER.replace("limits = [{ within = 0 }]\n", ""))
    yield made
    made.close()


def told(office: Office, span: Span = DAY) -> Report:
    with reading(office.database) as connection:
        return report(connection, span, office.clock.now(), deadlines_by(office.roster))


def test_a_week_runs_from_monday_to_sunday_and_days_follow_the_offices_clock() -> None:
    week = span_of("weekly", date(2026, 9, 27), SHANGHAI)
    assert (week.first, week.last) == (date(2026, 9, 21), date(2026, 9, 27))
    assert week.start == at("2026-09-21 00:00:00")
    assert week.end == at("2026-09-28 00:00:00")
    assert latest_whole("daily", at("2026-09-23 00:00:01"), SHANGHAI) == date(2026, 9, 22)
    assert latest_whole("weekly", at("2026-09-27 23:00:00"), SHANGHAI) == date(2026, 9, 20)


async def test_a_night_is_told_in_counts_times_and_what_came_late(office: Office) -> None:
    await office.engine_says(
        change(),
        change(hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2, event_at=at("03:00:00")),
    )
    await office.until("03:04:00")
    await office.does("zhang", Action.ACK, 1)
    await office.until("03:40:00")
    await office.does("zhang", Action.ON_SITE, 1)
    await office.until("03:50:00")
    await office.does("zhang", Action.RESOLVE, 1)
    await office.does("zhang", Action.FALSE_ALARM, 2)
    found = told(office)
    assert [item.id for item in found.opened] == [1, 2]
    assert (found.carried, found.finished, found.open_at_end, found.false_alarms) == (0, 2, 0, 1)
    assert found.by_hazard == {"missing": {"red": 1}, "tilted": {"orange": 1}}
    stages = {stage.stage: stage for stage in found.stages}
    assert stages["answered"].median_min == pytest.approx((4 + 50) / 2)
    on_site = stages["on_site"]
    assert (on_site.reached, on_site.in_time, on_site.late) == (1, 0, 1)
    assert (stages["repaired"].in_time, stages["repaired"].late) == (1, 0)
    assert [(late.incident.id, late.deadline.stage) for late in found.late] == [(1, "on_site")]
    json.dumps(as_json(found))


async def test_what_was_open_before_is_carried_and_the_next_day_has_its_own(office: Office) -> None:
    await office.engine_says(change())
    later = span_of("daily", date(2026, 9, 24), SHANGHAI)
    found = told(office, later)
    assert (len(found.opened), found.carried) == (0, 1)
    assert told(office, span_of("daily", date(2026, 9, 22), SHANGHAI)).open_at_end == 0
    assert told(office).open_at_end == 1


async def test_an_asset_that_rings_three_times_in_thirty_days_is_named(office: Office) -> None:
    for hazard in (Hazard.MISSING, Hazard.TILTED, Hazard.SUNKEN):
        await office.engine_says(change(hazard=hazard))
    await office.engine_says(change(asset_id=LID_2))
    (again,) = told(office).again
    assert (again.asset_id, again.count) == (LID, 3)
    assert dict(again.hazards) == {"missing": 1, "tilted": 1, "sunken": 1}


async def test_a_day_on_which_nothing_happened_is_a_report_as_well(office: Office) -> None:
    found = told(office)
    assert as_json(found)["opened"] == 0
    assert all(stage.median_min is None for stage in found.stages)


async def test_the_csv_file_opens_in_excel_and_runs_nothing(office: Office) -> None:
    await office.engine_says(change())
    await office.engine_says(
        change(AlarmState.FIRING, hazard=Hazard.LOOSE, asset_id=LID_2, severity=Severity.BLUE)
    )
    found = told(office)
    rows = incident_rows(found, deadlines_by(office.roster), office.clock.now(), SHANGHAI, "zh")
    data = "".join(csv_text(rows))
    assert data.startswith("\ufeff编号,设施编号")
    listed = list(csv.DictReader(io.StringIO(data.removeprefix("\ufeff"))))
    assert [(row["险情"], row["等级"], row["名称"]) for row in listed] == [
        ("井盖缺失", "红色", "武昌大道55号电力井"),
        ("井盖松动", "蓝色", "古城路57号上水井"),
    ]
    assert listed[0]["发生"] == "2026-09-23 03:00:00"
    assert "".join(csv_text([["=1+1", "-x", "@y", 5, "ok"]])) == "\ufeff'=1+1,'-x,'@y,5,ok\r\n"


async def test_the_command_prints_writes_and_refuses_what_is_no_day(office: Office, tmp_path: Path) -> None:
    await office.engine_says(change())
    settings = tmp_path / "jingqiao.toml"
    settings.write_text(f'database = "{office.database.url}"\n', "utf-8")
    run = CliRunner().invoke
    asked = ["report", "daily", "--day", "2026-09-23", "-c", str(settings)]
    plain = run(main, asked)
    assert plain.exit_code == 0, plain.output
    assert "日报 2026-09-23" in plain.output
    assert "新发生: 1" in plain.output
    told_json = json.loads(run(main, [*asked, "--json"]).output)
    assert told_json["by_hazard"] == {"missing": {"red": 1}}
    file = tmp_path / "day.csv"
    assert run(main, [*asked, "--csv", str(file)]).exit_code == 0
    assert "武昌大道55号电力井" in file.read_text("utf-8")
    assert run(main, [*asked, "--csv", str(tmp_path / "no" / "x.csv")]).exit_code == 1
    assert run(main, ["report", "daily", "--day", "31.5.2026", "-c", str(settings)]).exit_code == 2
