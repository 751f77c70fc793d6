"""Limits of stages: what is overdue is told to a named role, once a stage, and written down."""

from pathlib import Path

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.grading import grade
from jingqiao.incidents.incident import Action
from jingqiao.incidents.tables import incident_transition
from rules.alarm import Hazard, Severity
from tests.support.response import BRIDGE, ROSTER, Office, at, change, local

LIMITS = ROSTER.replace("limits = [{ within = 0 }]\n", "").replace("repeats = 2", "repeats = 0")
SUPERVISED = (
    LIMITS.replace('[people.office]\nname = "值班室"', '[people.office]\nname = "值班室"\nroles = ["督办"]')
    + '\n[[limits]]\nstage = "on_site"\nseverities = ["red"]\nwithin = 0.5\nurge = ["role:督办"]\n'
)
assert len({ROSTER, LIMITS, SUPERVISED}) == 3


def urged(office: Office) -> list[tuple[str, str, str]]:
    return [
        (when, to, body.splitlines()[1])
        for when, to, _, body in office.phones.got
        if "督办" in body or "Overdue" in body
    ]


async def test_nobody_on_site_in_30_minutes_and_nothing_repaired_in_6_hours_is_urged(tmp_path: Path) -> None:
    """03:00 missing; 03:05 Zhang has it; at 03:30 nobody is on site: the supervisor hears."""
    office = Office(tmp_path, SUPERVISED)
    await office.engine_says(change())
    await office.until("03:05:00")
    await office.does("zhang", Action.ACK)
    await office.until("03:30:00")
    assert urged(office) == []
    await office.until("03:31:00")
    assert urged(office) == [("03:30:00", "值班室", "督办：应于 09-23 03:30 前“到场”，已超时；负责人：张三")]
    await office.until("12:00:00")
    office.close()
    assert urged(office)[1:] == [
        ("09:00:00", "王五", "Overdue: “repaired” was to be reached by 09-23 09:00; in charge: 张三")
    ]
    with reading(office.database) as connection:
        rows = connection.execute(
            sa.select(incident_transition.c.at, incident_transition.c.why).where(
                incident_transition.c.event == "urged"
            )
        ).all()
    assert [(local(row.at), row.why) for row in rows] == [
        ("03:30:00", "on_site: role:督办"),
        ("09:00:00", "repaired: leader"),
    ]


async def test_who_is_on_site_and_done_in_time_is_never_urged(tmp_path: Path) -> None:
    office = Office(tmp_path, LIMITS)
    await office.engine_says(change())
    await office.does("zhang", Action.ACK)
    await office.until("03:20:00")
    await office.does("zhang", Action.ON_SITE)
    await office.until("05:00:00")
    done = await office.does("zhang", Action.RESOLVE)
    await office.until("12:00:00")
    office.close()
    assert urged(office) == []
    found = deadlines_by(office.roster)(done)
    assert [(d.stage, local(d.met_at or 0), d.overdue(at("12:00:00"))) for d in found] == [
        ("on_site", "03:20:00", False),
        ("repaired", "05:00:00", False),
    ]


async def test_a_rise_of_the_severity_lets_the_limits_count_anew(tmp_path: Path) -> None:
    office = Office(tmp_path, LIMITS)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.YELLOW))
    await office.until("04:00:00")
    await office.engine_says(change(hazard=Hazard.TILTED))
    (incident,) = office.incidents()
    found = deadlines_by(office.roster)(incident)
    await office.until("04:31:00")
    office.close()
    assert [(d.stage, local(d.due_at)) for d in found] == [("on_site", "04:30:00"), ("repaired", "10:00:00")]
    assert [when for when, *_ in urged(office)] == ["04:30:00"]


async def test_a_person_lowers_the_severity_and_only_something_graver_overrules_it(tmp_path: Path) -> None:
    office = Office(tmp_path, LIMITS)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    grade(
        office.database,
        1,
        Severity.BLUE,
        who="zhang",
        why="已围挡",
        now=office.clock.now(),
        announcer=office.planner,
    )
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.YELLOW))
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    assert [i.severity for i in office.incidents()] == [Severity.BLUE]
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.RED))
    office.close()
    assert [(i.severity, i.judged_severity) for i in office.incidents()] == [(Severity.RED, None)]
    with reading(office.database) as connection:
        rows = connection.execute(
            sa.select(incident_transition.c.event, incident_transition.c.who, incident_transition.c.why)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("opened", "jingqiao", ""),
        ("lowered", "zhang", "已围挡"),
        ("raised", "jingqiao", ""),
    ]


async def test_a_person_raises_the_severity_and_people_are_asked_anew(tmp_path: Path) -> None:
    office = Office(tmp_path, LIMITS)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    await office.does("zhang", Action.ACK)
    office.phones.got.clear()
    grade(
        office.database,
        1,
        Severity.RED,
        who="wang",
        why="旁边是学校",
        now=office.clock.now(),
        announcer=office.planner,
    )
    await office.until("03:05:01")
    office.close()
    assert [(when, to) for when, to, *_ in office.phones.got] == [("03:00:00", "张三"), ("03:05:00", "李四")]


async def test_the_bridge_is_to_be_reached_but_has_no_limit_for_its_repair(tmp_path: Path) -> None:
    office = Office(tmp_path, LIMITS)
    await office.engine_says(change(hazard=Hazard.STRAIN_LIMIT, asset_id=BRIDGE))
    office.close()
    assert [d.stage for d in deadlines_by(office.roster)(office.incidents()[0])] == ["on_site"]


async def test_a_limit_that_a_changed_roster_shortens_is_urged(tmp_path: Path) -> None:
    """An older incident is looked at again when the service takes another roster."""
    from jingqiao.notify.urging import look_again

    office = Office(tmp_path, LIMITS)
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.YELLOW))
    await office.until("05:00:00")
    (tmp_path / "roster.toml").write_text(LIMITS + "\n[[limits]]\nstage = 'answered'\nwithin = 1\n", "utf-8")
    from config.roster import load_roster

    office.roster = load_roster(tmp_path / "roster.toml", {})
    look_again(office.database, office.clock.now())
    await office.until("05:00:01")
    office.close()
    assert [(when, to) for when, to, _ in urged(office)] == [("05:00:00", "王五")]


TWO = ROSTER.replace("repeat_min = 10", "answers = 2\nrepeat_min = 10")


async def test_where_two_have_to_answer_one_answer_does_not_stop_the_escalation(tmp_path: Path) -> None:
    """03:00 Zhang is asked and answers; 03:05 the deputy is asked all the same; with his answer it stops."""
    office = Office(tmp_path, TWO)
    await office.engine_says(change())
    await office.until("03:01:00")
    await office.does("张三", Action.ACK)
    await office.does("zhang", Action.ACK)  # the same person, by his id
    await office.until("03:06:00")
    await office.does("li", Action.ACK)
    await office.until("04:00:00")
    office.close()
    assert [(when, to, body.splitlines()[1]) for when, to, _, body in office.phones.got] == [
        ("03:00:00", "张三", "实测 92°，限值 60°"),
        ("03:05:00", "李四", "已 5 分钟无人接警，现升级给您"),
        ("03:06:00", "张三", "李四 已接警"),
    ]
    (incident,) = office.incidents()
    assert (incident.state, incident.acknowledged_by) == ("acknowledged", "张三")


async def test_whoever_is_on_site_needs_no_second_answer(tmp_path: Path) -> None:
    office = Office(tmp_path, TWO)
    await office.engine_says(change())
    await office.does("zhang", Action.ON_SITE)
    office.phones.got.clear()
    await office.until("04:00:00")
    office.close()
    assert office.phones.got == []
