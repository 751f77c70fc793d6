"""Drills: the whole chain, marked 演练 everywhere, in no statistics, over cleanly, and with a report."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from devices.registry import Kind
from jingqiao.cli import main
from jingqiao.database import reading, writing
from jingqiao.dossier.tables import asset
from jingqiao.drills.drill import Drill, DrillError, end_drill, find_drill, start_drill
from jingqiao.drills.report import drill_report
from jingqiao.drills.target import TargetError, asset_target, team_target
from jingqiao.incidents.incident import Action, State
from jingqiao.incidents.store import listed
from jingqiao.notify.sender import Outcome
from jingqiao.notify.sender import Result as Sent
from jingqiao.response_counts import response_counts
from rules.alarm import Hazard, Severity
from tests.support.response import LID, LID_2, ROSTER, Office, at, change

MINUTE = 60_000_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "jingqiao.toml").write_text('data_dir = "."\nroster = "roster.toml"\n')
    opened = Office(tmp_path, url=f"sqlite:///{tmp_path}/jingqiao.sqlite")
    with writing(opened.database) as connection:
        for row, (id_, name, road) in enumerate(
            [(LID, "武昌大道55号电力井", "武昌大道"), (LID_2, "古城路57号上水井", "古城路")]
        ):
            connection.execute(
                sa.insert(asset).values(
                    row=row, asset_id=id_, kind=int(Kind.COVER), name=name, road=road, district="鄂城区"
                )
            )
    yield opened
    opened.close()


async def begin(office: Office, words: str = LID, minutes: int = 30, **more: Any) -> Drill:
    with reading(office.database) as connection:
        target = asset_target(connection, words)
    drill = start_drill(
        office.database,
        target,
        who="wang",
        why="季度演练",
        now=office.clock.now(),
        lasts_us=minutes * MINUTE,
        announcer=office.planner,
        **more,
    )
    await office.dispatcher.tick(office.clock.now())
    return drill


async def test_a_drill_climbs_like_a_real_one_and_every_message_says_that_it_is_one(office: Office) -> None:
    """03:00 drill begins; A at once, B at 03:05, C at 03:10; 03:12 A answers, nobody is told further."""
    await begin(office)
    await office.until("03:12:00")
    await office.does("zhang", Action.ACK)
    await office.until("03:29:00")
    assert [(when, to) for when, to, *_ in office.phones.got] == [
        ("03:00:00", "张三"),
        ("03:05:00", "李四"),
        ("03:10:00", "王五"),
        ("03:12:00", "李四"),
        ("03:12:00", "王五"),
    ]
    assert all("【演练】" in t or "[EXERCISE]" in t for _, _, t, _ in office.phones.got)
    assert all(b.startswith(("【演练】", "[EXERCISE]")) for *_, b in office.phones.got)
    assert "武昌大道55号电力井(尾号000001)" in office.phones.got[0][3]


async def test_a_drill_ends_by_itself_and_whoever_heard_of_it_hears_that(office: Office) -> None:
    drill = await begin(office, minutes=7)
    await office.until("03:30:00")
    assert [(when, to, body.splitlines()[1]) for when, to, _, body in office.phones.got][2:] == [
        ("03:07:00", "张三", "演练结束，感谢配合"),
        ("03:07:00", "李四", "演练结束，感谢配合"),
    ]
    with reading(office.database) as connection:
        found = find_drill(connection, drill.id)
        assert found is not None
        assert (found.ended_at, found.ended_by) == (at("03:07:00"), "jingqiao")
        assert [i.state for i in listed(connection, exercises=True)] == [State.CLOSED]


async def test_a_drill_that_was_answered_and_closed_still_ends_at_its_time(office: Office) -> None:
    drill = await begin(office, minutes=20)
    await office.does("zhang", Action.CLOSE)
    await office.until("03:30:00")
    with reading(office.database) as connection:
        found = find_drill(connection, drill.id)
    assert found is not None
    assert found.ended_at == at("03:20:00")


async def test_a_drill_stands_in_no_list_and_no_count(office: Office) -> None:
    await begin(office)
    await office.engine_says(change(asset_id=LID_2))
    with reading(office.database) as connection:
        assert [i.asset_id for i in listed(connection)] == [LID_2]
        assert len(listed(connection, exercises=True)) == 1
    counts = response_counts(office.database, office.clock.now())
    assert (counts.incidents["red"], sum(counts.messages.values())) == (1, 1)


async def test_a_drill_takes_nothing_off_anybodys_hour_and_is_not_held_by_quiet_hours(tmp_path: Path) -> None:
    calm = ROSTER.replace("most_an_hour = 100000", "most_an_hour = 2")
    office = Office(tmp_path, calm.replace('quiet_from = "00:00"', 'quiet_from = "22:00"'))
    with writing(office.database) as connection:
        connection.execute(
            sa.insert(asset).values(row=0, asset_id=LID, kind=int(Kind.COVER), district="鄂城区")
        )
    await begin(office, severity=Severity.YELLOW)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    office.close()
    assert [title for _, _, title, _ in office.phones.got] == [
        "【演练】【黄色】井盖缺失 #1",
        "【橙色】井盖倾斜 #2",
    ]


async def test_a_real_alarm_during_a_drill_is_an_incident_of_its_own(office: Office) -> None:
    await begin(office)
    office.phones.got.clear()
    await office.engine_says(change())
    assert [(title, body[:5]) for _, _, title, body in office.phones.got] == [
        ("【红色】井盖缺失 #2", "【红色】井")
    ]


async def test_one_drill_at_a_time_and_none_over_a_real_incident(office: Office) -> None:
    drill = await begin(office)
    with pytest.raises(DrillError, match="runs"):
        await begin(office, LID_2)
    end_drill(office.database, drill.id, who="wang", now=office.clock.now(), announcer=office.planner)
    with pytest.raises(DrillError, match="not_running"):
        end_drill(office.database, drill.id, who="wang", now=office.clock.now(), announcer=office.planner)
    await office.engine_says(change())
    with pytest.raises(DrillError, match="real"):
        await begin(office)
    assert (await begin(office, beside_real=True)).id == 2


@pytest.mark.parametrize(
    ("words", "key"), [("42070401", "unknown"), ("井", "ambiguous"), ("号", "ambiguous"), ("", "nothing")]
)
def test_an_unclear_target_is_refused(office: Office, words: str, key: str) -> None:
    with reading(office.database) as connection, pytest.raises(TargetError) as raised:
        asset_target(connection, words.replace("42070401", "99"))
    assert raised.value.key == key


def test_a_team_is_a_target_where_it_alone_answers(office: Office) -> None:
    assert team_target(office.roster, "bridge").kind == "bridge"
    with pytest.raises(TargetError, match="team"):
        team_target(office.roster, "lid")


async def test_the_report_says_who_got_what_when_and_who_answered(office: Office) -> None:
    office.phones.broken["phone://zhang"] = Outcome(Sent.FAILED_PERMANENT, "93000", "no such member")
    drill = await begin(office)
    await office.until("03:06:00")
    await office.does("li", Action.ACK)
    end_drill(office.database, drill.id, who="wang", now=office.clock.now(), announcer=office.planner)
    await office.dispatcher.tick(office.clock.now())
    with reading(office.database) as connection:
        found = find_drill(connection, drill.id)
        assert found is not None
        report = drill_report(connection, found, office.roster)
    assert (report["asked"], report["reached"], report["first_answer_after_s"]) == (2, 1, 360.0)
    assert [(m["name"], m["kind"], m["state"], m["after_s"]) for m in report["messages"]][:2] == [
        ("张三", "step", "failed", 0.0),
        ("李四", "escalated", "sent", 0.0),  # the failure was known at once
    ]
    assert report["messages"][0]["attempts"][0]["code"] == "93000"
    assert [(a["event"], a["name"]) for a in report["answers"]] == [("acknowledged", "李四")]


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [*arguments, "-c", str(tmp_path / "jingqiao.toml")])


def test_the_commands_begin_end_and_report(office: Office, tmp_path: Path) -> None:
    assert run(tmp_path, "drill", "start").exit_code == 2
    several = run(tmp_path, "drill", "start", "号")
    assert (several.exit_code, LID_2 in several.stderr) == (2, True)
    begun = run(tmp_path, "drill", "start", "000001", "--for", "30", "--why", "季度演练", "--json")
    assert json.loads(begun.stdout)["why"] == "季度演练"
    assert run(tmp_path, "drill", "start", "000002").exit_code == 1
    assert json.loads(run(tmp_path, "incidents", "list", "--json").stdout) == []
    (shown,) = json.loads(run(tmp_path, "incidents", "list", "--drills", "--json").stdout)
    assert shown["exercise"] is True
    assert run(tmp_path, "drill", "end").stdout == "演练 1 已结束\n"
    assert run(tmp_path, "drill", "end").exit_code == 1
    assert "季度演练" in run(tmp_path, "drill", "list").stdout
    report = run(tmp_path, "drill", "report", "1")
    assert (report.exit_code, "张三" in report.stdout, "通知 1 人" in report.stdout) == (0, True, True)
    assert json.loads(run(tmp_path, "drill", "report", "1", "--json").stdout)["asset_id"] == LID
    assert run(tmp_path, "drill", "report", "7").exit_code == 1
