"""Nights and days of the duty office, against providers that are real HTTP servers: who gets what when."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jingqiao.database import reading, writing
from jingqiao.drills.drill import start_drill
from jingqiao.drills.target import team_target
from jingqiao.incidents.areas import listed_areas
from jingqiao.incidents.incident import Action
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.roster.overrides import overrides, swap, with_overrides
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.providers import Aliyun, WeCom
from tests.support.response import BRIDGE, ROSTER, Office, at, change, local

SMS = "alisms://LTAI:ali%2Bs%2Fecret@SMS_1/{phone}?sign=x&endpoint={url}"
A, B, C = "13800000001", "13800000002", "13800000003"
NAMES = {A: "A", B: "B", C: "C"}


class Night:
    """The office on providers; `told` is the night's timeline: time, whose phone, how, the message's kind."""

    def __init__(self, folder: Path, roster: Callable[[str], str] = lambda text: text) -> None:
        self.wecom, self.aliyun = WeCom(members=("Zhang",)), Aliyun()
        self.told: list[tuple[str, str, str, str]] = []
        self._fake = HttpFake(self._answer)
        self._fake.__enter__()
        url = self._fake.url
        text = ROSTER.replace('"phone://zhang"', f'"wecomapp://ww1:s3@1000/Zhang?endpoint={url}", "{SMS}"')
        text = text.replace("{phone}", A).replace("phone://li", SMS.replace("{phone}", B))
        text = text.replace("phone://wang", SMS.replace("{phone}", C)).replace("{url}", url)
        self.office = Office(folder, roster(text), sender=AppriseSender(timeout_s=2.0))

    def _answer(self, request: Request) -> Answer:
        when = local(self.office.clock.now())
        if request.path.startswith("/cgi-bin"):
            answer = self.wecom(request)
            if request.path == "/cgi-bin/message/send" and not answer.body.get("invaliduser"):
                self.told.append((when, "A", "wecom", request.json()["text"]["content"].splitlines()[0]))
            return answer
        before = len(self.aliyun.sent)
        answer = self.aliyun(request)
        if len(self.aliyun.sent) > before:
            sent = self.aliyun.sent[-1]
            self.told.append((when, NAMES[sent["PhoneNumbers"]], "sms", sent["TemplateParam"]))
        return answer

    def close(self) -> None:
        self.office.close()
        self._fake.__exit__(None, None, None)

    def phones(self) -> list[tuple[str, str, str]]:
        """(time, phone, way) so far."""
        return [row[:3] for row in self.told]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    opened = Night(tmp_path)
    yield opened
    opened.close()


async def test_a_missing_lid_at_three_climbs_until_b_answers(night: Night) -> None:
    """03:00 lid 420704… missing, A by WeCom; no answer; 03:05 B by SMS; 03:06 B has it; quiet then."""
    await night.office.engine_says(change())
    await night.office.until("03:06:00")
    await night.office.does("li", Action.ACK)
    await night.office.until("05:00:00")
    assert night.phones() == [
        ("03:00:00", "A", "wecom"),
        ("03:05:00", "B", "sms"),
        ("03:06:00", "A", "wecom"),
    ]
    assert "井盖缺失：武昌大道55号电力井(尾号000001)" in night.told[0][3]


async def test_a_wecom_member_that_left_gets_an_sms_within_the_same_second(night: Night) -> None:
    night.wecom.members = ()
    await night.office.engine_says(change())
    await night.office.until("03:04:59")
    assert night.phones() == [("03:00:00", "A", "sms")]


async def test_a_refused_number_is_passed_over_and_the_next_person_is_called_at_once(night: Night) -> None:
    night.wecom.members = ()
    night.aliyun.refusals = ["isv.MOBILE_NUMBER_ILLEGAL 非法手机号"]
    await night.office.engine_says(change())
    await night.office.until("03:04:00")
    assert [row for row in night.phones() if row[1] == "B"] == [("03:00:00", "B", "sms")]


def shifts(text: str) -> str:
    return text.replace(
        'shifts = [{ people = ["zhang"] }]',
        'shifts = [{ from = "08:00", to = "20:00", people = ["li"] },'
        ' { from = "20:00", to = "08:00", people = ["zhang"] }]',
    ).replace('deputy = "li"\n', "")


async def test_the_handover_at_eight_changes_whom_the_next_reminder_reaches(tmp_path: Path) -> None:
    """07:45 A (the night); 07:50 and 07:55 the leader; 08:05 the reminder goes to B, who has the day."""
    night = Night(tmp_path, shifts)
    night.office.clock._now = at("07:45:00")
    await night.office.engine_says(change())
    await night.office.until("08:06:00")
    night.close()
    assert sorted(row[:2] for row in night.told) == [
        ("07:45:00", "A"),
        ("07:50:00", "C"),
        ("07:55:00", "C"),
        ("08:05:00", "B"),
        ("08:05:00", "C"),
    ]


async def test_a_swap_made_at_two_holds_at_three(night: Night) -> None:
    office = night.office
    with writing(office.database) as connection:
        swap(
            connection,
            office.roster,
            team="lids",
            one="zhang",
            other="wang",
            first=(at("02:00:00"), at("08:00:00")),
            who="li",
            why="病假",
            now=at("02:00:00"),
        )
        office.roster = with_overrides(office.roster, overrides(connection, at("02:00:00")))
    await office.engine_says(change())
    assert night.phones() == [("03:00:00", "C", "sms")]


def stormy(text: str) -> str:
    return text.replace("most_an_hour = 100000\ngroup_from = 100000\n", "")


async def test_a_cloudburst_is_one_message_with_a_count_and_one_answer_for_all(tmp_path: Path) -> None:
    """03:00 forty wells flood: A one message; 03:01 the red one by itself; 03:02 A has all; silence."""
    night = Night(tmp_path, stormy)
    wells = [
        change(
            hazard=Hazard.FLOODED, asset_id=f"W{i:02d}", severity=Severity.ORANGE, evidence={"area": "南湖"}
        )
        for i in range(40)
    ]
    await night.office.engine_says(*wells)
    await night.office.until("03:01:00")
    await night.office.engine_says(change(hazard=Hazard.FLOODED, asset_id="W99", evidence={"area": "南湖"}))
    with reading(night.office.database) as connection:
        (area,) = listed_areas(connection)
    await night.office.until("03:02:00")
    await night.office.does("zhang", Action.ACK, area.id)
    await night.office.until("04:00:00")
    night.close()
    assert [(when, who, text) for when, who, _, text in night.told] == [
        ("03:00:00", "A", "【橙色】同一区域 40 起同类事件"),
        ("03:01:00", "A", "【红色】井内水位高：W99"),
    ]
    assert len(night.office.incidents()) == 41


async def test_a_lid_that_is_back_before_the_deputys_turn_wakes_nobody_else(night: Night) -> None:
    await night.office.engine_says(change())
    await night.office.until("03:03:00")
    await night.office.engine_says(change(AlarmState.CLEAR))
    await night.office.until("05:00:00")
    assert {row[1] for row in night.told} == {"A"}


async def test_a_drill_and_a_real_alarm_at_once_are_told_apart_by_every_phone(night: Night) -> None:
    """10:00 a drill of the bridge, 10:00 a real one: the deputy's SMS say which is which."""
    night.office.clock._now = at("10:00:00")
    start_drill(
        night.office.database,
        team_target(night.office.roster, "bridge"),
        who="wang",
        why="季度演练",
        now=night.office.clock.now(),
        lasts_us=600_000_000,
        announcer=night.office.planner,
        hazard=Hazard.STRAIN_LIMIT,
    )
    await night.office.engine_says(change(hazard=Hazard.STRAIN_LIMIT, asset_id=BRIDGE))
    marked = [("演练" in text or "EXERCISE" in text) for _, who, _, text in night.told if who == "B"]
    assert sorted(marked) == [False, True]


def limits(text: str) -> str:
    return text.replace("limits = [{ within = 0 }]\n", "").replace("repeats = 2", "repeats = 0")


async def test_a_yellow_before_the_national_day_is_urged_when_its_working_days_are_over(
    tmp_path: Path,
) -> None:
    """Wednesday 30 September 17:00: three working days are 8, 9 and (worked) Saturday 10 October, 17:30."""
    night = Night(tmp_path, limits)
    night.office.clock._now = at("2026-09-30 17:00:00")
    yellow: dict[str, Any] = {"hazard": Hazard.SUNKEN, "severity": Severity.YELLOW}
    await night.office.engine_says(change(event_at=at("2026-09-30 17:00:00"), **yellow))
    await night.office.does("zhang", Action.ACK)
    night.told.clear()
    await night.office.until("2026-10-10 17:30:00")
    assert night.told == []
    await night.office.until("2026-10-10 18:00:00")
    night.close()
    assert [row[:2] for row in night.told] == [("17:30:00", "C")]
