"""The first page: what is open, who has it, who is on, and who may act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from jingqiao.accounts import accounts
from jingqiao.accounts.accounts import Actor
from jingqiao.console import changes
from jingqiao.console.events import LOOK_AGAIN
from jingqiao.incidents.incident import State
from rules.alarm import Hazard, Severity
from tests.support.at_work import kept_back
from tests.support.console import PASSWORD, WITH_LIMITS, ConsoleOffice
from tests.support.response import LID, LID_2, at, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def test_nobody_sees_anything_without_logging_in_and_is_led_back_after_it(
    office: ConsoleOffice,
) -> None:
    async with office.client() as client:
        answer = await client.get("/now/board?x=1")
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/login?next=%2Fnow%2Fboard%3Fx%3D1",
        )
        assert (await client.get("/events")).status_code == 401


async def test_an_open_incident_stands_on_the_board_with_who_was_told_and_who_is_on_duty(
    office: ConsoleOffice,
) -> None:
    await office.engine_says(change(), change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE))
    async with office.logged_in("viewer") as client:
        page = (await client.get("/")).text
    for words in (
        "武昌大道55号电力井",
        "井盖缺失",
        "红色",
        "待接警",
        "已通知：张三",
        "古城路57号上水井",
        "lids",
    ):
        assert words in page


async def test_what_announced_work_mutes_stands_beside_the_board_as_long_as_it_does(
    office: ConsoleOffice,
) -> None:
    seen = office.parts.changes.seen_now()
    kept_back(office)
    assert office.parts.changes.seen_now() != seen, "open consoles are told"
    async with office.logged_in("viewer") as client:
        page = (await client.get("/")).text
        assert "作业期间压住的告警" in page
        assert f'<a href="/assets/{LID}#entries">武昌大道55号电力井</a>' in page
        assert "自 2026-09-23 03:00" in page
        assert "目前没有未结事件" in page
        await office.clock.advance(7200)
        assert "作业期间压住的告警" not in (await client.get("/now/board")).text


async def test_a_duty_officer_acknowledges_with_one_click_and_the_roster_knows_him(
    office: ConsoleOffice,
) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        answer = await client.post("/incidents/1/act", data={"action": "ack"}, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["hx-trigger"]) == (204, "jingqiao:changed")
        assert "负责人： <b>张三</b>" in " ".join((await client.get("/now/board")).text.split())
    incident = office.incidents()[0]
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "zhang")


async def test_a_viewer_sees_no_button_and_cannot_acknowledge(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("viewer") as client:
        assert "incidents/1/act" not in (await client.get("/")).text
        assert (await client.post("/incidents/1/act", data={"action": "ack"})).status_code == 403
    assert office.incidents()[0].state is State.OPEN


async def test_a_post_without_the_pages_token_does_nothing(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        del client.headers["X-CSRF-Token"]
        assert (await client.post("/incidents/1/act", data={"action": "ack"})).status_code == 403
        assert (await client.post("/logout")).status_code == 403
    assert office.incidents()[0].state is State.OPEN


async def test_who_comes_late_is_told_how_things_stand(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        await client.post("/incidents/1/act", data={"action": "resolve"})
        late = await client.post("/incidents/1/act", data={"action": "on-site"})
        assert late.status_code == 409
        assert "已处置" in late.text


async def test_a_card_counts_down_to_its_limit_and_says_loudly_when_it_is_passed(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path, roster=WITH_LIMITS)
    office.add_accounts()
    await office.engine_says(change())
    async with office.logged_in("viewer") as client:
        assert "到场限时，还剩 30 分钟" in (await client.get("/now/board")).text
        await office.until("03:42:00")
        board = (await client.get("/now/board")).text
    assert "到场超时 12 分钟" in board
    assert 'class="limit late"' in board
    office.close()


async def test_an_area_stands_for_its_members_on_the_board(office: ConsoleOffice) -> None:
    await office.engine_says(change(), change(hazard=Hazard.LOOSE, asset_id=LID_2, severity=Severity.ORANGE))
    async with office.logged_in("supervisor") as client:
        merged = await client.post("/incidents/1/merge", data={"other": "2", "why": "同一处施工"})
        assert merged.status_code == 303
        board = (await client.get("/now/board")).text
        assert "区域事件：2 起" in board
        assert 'id="incident-3"' in board
        assert 'id="incident-1"' not in board
        area = (await client.get("/incidents/3")).text
        assert 'href="/incidents/1"' in area
        assert 'href="/incidents/2"' in area
        assert (await client.post("/incidents/1/split")).status_code == 303
        again = await client.post("/incidents/1/split", headers={"HX-Request": "true"})
        assert again.status_code == 409
        assert "不在任何区域事件中" in unquote(again.headers["x-notice"])


async def test_a_severity_is_changed_by_a_supervisor_with_a_reason(office: ConsoleOffice) -> None:
    await office.engine_says(change(severity=Severity.ORANGE))
    form = {"severity": "4", "why": "学校门口"}
    async with office.logged_in("duty") as client:
        assert (await client.post("/incidents/1/severity", data=form)).status_code == 403
    async with office.logged_in("supervisor") as client:
        assert (await client.post("/incidents/1/severity", data={"severity": "4"})).status_code == 422
        assert (await client.post("/incidents/1/severity", data=form)).status_code == 303
        page = (await client.get("/incidents/1")).text
    assert office.incidents()[0].severity is Severity.RED
    assert "学校门口" in page
    assert "人工定级" in page


async def test_photos_are_noted_where_they_lie(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        assert (await client.post("/incidents/1/photo", data={"reference": "相机7/IMG_1"})).status_code == 303
        assert "相机7/IMG_1" in (await client.get("/incidents/1")).text


async def test_a_screen_that_stands_open_stays_logged_in_and_one_that_was_shut_out_hears_no_more(
    office: ConsoleOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BEAT_S", 0.01)
    async with office.served() as url, httpx.AsyncClient(base_url=url) as client:
        await client.post("/login", data={"name": "viewer", "password": PASSWORD})
        async with client.stream("GET", "/events") as stream:
            lines = stream.aiter_lines()
            for hours in range(0, 30, 6):  # longer than a session without use
                office.door_clock._now = at("03:00:00") + hours * 3_600_000_000
                for _ in range(2 * LOOK_AGAIN):
                    while not (await anext(lines)).startswith("data:"):
                        pass
            assert (await client.get("/now/board")).status_code == 200
            accounts.change(office.database, Actor("test", office.door_clock.now()), "viewer", disabled=True)
            rest = [line async for line in lines]
    assert len([line for line in rest if line.startswith("data:")]) <= LOOK_AGAIN
