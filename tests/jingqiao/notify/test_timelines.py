"""Nights of the duty office: who gets what when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jingqiao.incidents.incident import Action, State
from rules.alarm import AlarmState
from tests.support.response import ROSTER, Office, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path)
    yield opened
    opened.close()


async def test_a_missing_lid_that_nobody_answers_climbs_to_the_leader(office: Office) -> None:
    """At 03:00 a lid is missing: the duty officer at once, the deputy at 03:05, the leader at 03:10."""
    await office.engine_says(change())
    await office.until("03:11:00")
    assert [(when, to) for when, to, _, _ in office.phones.got] == [
        ("03:00:00", "张三"),
        ("03:05:00", "李四"),
        ("03:10:00", "王五"),
    ]
    assert [title for _, _, title, _ in office.phones.got] == [
        "【红色】井盖缺失 #1",
        "【红色】井盖缺失 #1",
        "[RED] lid missing #1",
    ]


async def test_the_first_line_says_what_where_and_how_bad(office: Office) -> None:
    await office.engine_says(change())
    ((_, _, _, body),) = office.phones.got
    assert body.splitlines() == [
        "【红色】井盖缺失：武昌大道55号电力井(尾号000001) 鄂城区",
        "实测 92°，限值 60°",
        "发生：09-23 03:00:00",
        "原因：井盖缺失",
        "携带：备用井盖、防坠网、警示锥、围挡、照明",
        "地图：https://uri.amap.com/marker?position=114.879426,30.393231&name="
        "%E6%AD%A6%E6%98%8C%E5%A4%A7%E9%81%9355%E5%8F%B7%E7%94%B5%E5%8A%9B%E4%BA%95&coordinate=wgs84",
        "接警：jingqiao incidents ack 1",
    ]


async def test_an_answer_stops_the_escalation_and_everybody_asked_hears_who_has_it(office: Office) -> None:
    await office.engine_says(change())
    await office.until("03:05:30")
    office.phones.got.clear()
    await office.does("李四", Action.ACK)
    await office.until("03:40:00")
    assert [(when, to, body.splitlines()[1]) for when, to, _, body in office.phones.got] == [
        ("03:05:30", "张三", "李四 已接警")
    ]
    assert [i.state for i in office.incidents()] == [State.ACKNOWLEDGED]


async def test_a_lid_that_reads_well_again_wakes_nobody_further_but_stays_open(office: Office) -> None:
    await office.engine_says(change())
    await office.until("03:02:00")
    office.phones.got.clear()
    await office.engine_says(change(AlarmState.CLEAR))
    await office.until("03:30:00")
    assert [(when, to) for when, to, _, _ in office.phones.got] == [("03:02:00", "张三")]
    assert [i.state for i in office.incidents()] == [State.OPEN]


PROGRESS = ROSTER.replace("repeat_min = 10", "repeat_min = 10\nprogress_min = 30")


async def test_an_answer_without_anybody_on_site_asks_anew_after_the_limit(tmp_path: Path) -> None:
    """03:02 Zhang has it; 03:32 nobody is on site: Zhang again, 03:37 the deputy, and so on."""
    office = Office(tmp_path, PROGRESS)
    await office.engine_says(change())
    await office.until("03:02:00")
    await office.does("zhang", Action.ACK)
    office.phones.got.clear()
    await office.until("03:38:00")
    office.close()
    assert [(when, to, body.splitlines()[1]) for when, to, _, body in office.phones.got] == [
        ("03:32:00", "张三", "张三 接警后迟迟未到场，请跟进"),
        ("03:37:00", "李四", "张三 接警后迟迟未到场，请跟进"),
    ]


async def test_a_crew_on_site_is_left_in_peace(tmp_path: Path) -> None:
    office = Office(tmp_path, PROGRESS)
    await office.engine_says(change())
    await office.does("zhang", Action.ACK)
    await office.until("03:20:00")
    await office.does("zhang", Action.ON_SITE)
    office.phones.got.clear()
    await office.until("06:00:00")
    office.close()
    assert office.phones.got == []
