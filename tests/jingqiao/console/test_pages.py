"""The other pages of the duty half: list, story, messages, accounts, audit log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from jingqiao.accounts import accounts
from jingqiao.accounts.audit import entries
from jingqiao.accounts.role import Role
from jingqiao.accounts.sessions import MOST_BY_PAIR, WINDOW_US
from jingqiao.console.story import told_note
from jingqiao.database import reading
from jingqiao.incidents.incident import Action, State
from rules.alarm import Hazard, Severity
from tests.support.console import PASSWORD, ConsoleOffice
from tests.support.response import LID_2, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def test_the_list_finds_by_severity_state_and_words_and_forgives_a_mangled_address(
    office: ConsoleOffice,
) -> None:
    await office.engine_says(
        change(), change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE, value=float("nan"))
    )
    await office.does("zhang", Action.RESOLVE, 2)
    async with office.logged_in("viewer") as client:

        async def numbers(query: str) -> list[str]:
            page = await client.get(f"/incidents?{query}")
            assert page.status_code == 200
            return [n for n in ("1", "2") if f'href="/incidents/{n}"' in page.text]

        assert await numbers("") == ["1"]
        assert await numbers("state=all") == ["1", "2"]
        assert await numbers("state=resolved") == ["2"]
        assert await numbers("state=all&severity=orange") == ["2"]
        assert await numbers("state=all&q=古城") == ["2"]
        assert await numbers("state=all&q=%25") == []
        assert await numbers("severity=scarlet&hazard=%00&state=x") == ["1"]


async def test_a_story_shows_what_happened_who_was_told_and_what_came_of_it(office: ConsoleOffice) -> None:
    await office.engine_says(change(evidence={"baseline": {"tilt_deg": 0.5}, "values": [1.0, 2.0]}))
    await office.until("03:06:00")
    await office.does("li", Action.COMMENT, 1, why="<b>到了路口</b>")
    async with office.logged_in("viewer") as client:
        page = (await client.get("/incidents/1")).text
        missing = await client.get("/incidents/99")
    for words in (
        "92°",
        "限值 60°",
        "baseline.tilt_deg",
        "张三",
        "李四",
        "服务商已受理",
        "升级通知",
        "备用井盖",
    ):
        assert words in page
    assert "&lt;b&gt;到了路口" in page
    assert "<b>到了路口" not in page
    assert missing.status_code == 404


async def test_closing_is_the_supervisors_on_the_page_and_behind_it(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        assert 'value="close"' not in (await client.get("/incidents/1")).text
        assert (await client.post("/incidents/1/act", data={"action": "close"})).status_code == 403
    async with office.logged_in("supervisor") as client:
        assert 'value="close"' in (await client.get("/incidents/1")).text
        assert (await client.post("/incidents/1/act", data={"action": "close"})).status_code == 303
    assert office.incidents()[0].state is State.CLOSED


async def test_messages_show_their_real_state(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("viewer") as client:
        page = (await client.get("/messages")).text
        assert "张三" in page
        assert "服务商已受理" in page
        assert "没有消息" in (await client.get("/messages?state=failed&person=zhang")).text


async def test_only_an_administrator_sees_and_changes_accounts(office: ConsoleOffice) -> None:
    new = {"name": "Wang", "role": "duty", "password": "quite-a-long-one", "person": "wang"}
    async with office.logged_in("supervisor") as client:
        assert (await client.get("/accounts")).status_code == 403
        assert (await client.post("/accounts", data=new)).status_code == 403
    async with office.logged_in("admin") as client:
        assert (await client.post("/accounts", data=new)).status_code == 303
        twice = await client.post("/accounts", data=new)
        assert twice.status_code == 422
        assert "账户 wang 已存在" in twice.text
        assert (
            "不能太容易猜"
            in (await client.post("/accounts", data=new | {"name": "x", "password": "short"})).text
        )
        unknown = await client.post("/accounts", data=new | {"name": "y", "person": "nobody-of-that-name"})
        assert unknown.status_code == 422
        assert (
            await client.post("/accounts/wang", data={"role": "supervisor", "person": "-"})
        ).status_code == 303
        audit = (await client.get("/accounts/audit")).text
    made = {item.name: item for item in accounts.listed(office.database)}["wang"]
    assert (made.role, made.person) == (Role.SUPERVISOR, None)
    assert "新建账户" in audit
    assert "account:wang" in audit
    assert "quite-a-long-one" not in audit


async def test_the_last_administrator_cannot_shut_himself_out(office: ConsoleOffice) -> None:
    async with office.logged_in("admin") as client:
        answer = await client.post("/accounts/admin", data={"disabled": "true"})
    assert answer.status_code == 422
    assert "最后一个管理员" in answer.text


async def test_who_is_disabled_or_loses_a_role_is_out_at_once(office: ConsoleOffice) -> None:
    async with office.logged_in("duty") as duty, office.logged_in("admin") as admin:
        await admin.post("/accounts/duty", data={"disabled": "true"})
        assert (await duty.get("/")).headers["location"] == "/login"
        assert (await duty.post("/login", data={"name": "duty", "password": PASSWORD})).status_code == 401


async def test_everybody_can_change_their_own_password_by_giving_the_old_one(office: ConsoleOffice) -> None:
    form = {"current": PASSWORD, "password": "another-long-one", "again": "another-long-one"}
    async with office.logged_in("viewer") as client:
        assert (await client.post("/password", data=form | {"current": "guess-guess"})).status_code == 422
        assert (await client.post("/password", data=form | {"again": "other"})).status_code == 422
        assert (await client.post("/password", data=form)).status_code == 303
        assert (await client.get("/")).status_code == 303
        answer = await client.post("/login", data={"name": "viewer", "password": "another-long-one"})
        assert answer.status_code == 303


async def test_guessing_the_present_password_of_an_open_session_is_as_limited_as_the_login(
    office: ConsoleOffice,
) -> None:
    form = {"current": "guess-guess", "password": "another-long-one", "again": "another-long-one"}
    async with office.logged_in("viewer") as client:
        for _ in range(MOST_BY_PAIR):
            assert (await client.post("/password", data=form)).status_code == 422
        held = await client.post("/password", data=form | {"current": PASSWORD})
        assert held.status_code == 429, "even the right one waits now"
        assert int(held.headers["Retry-After"]) > 0
        assert "分钟后再试" in held.text
        await office.door_clock.advance(WINDOW_US / 1e6 + 1)
        assert (await client.post("/password", data=form | {"current": PASSWORD})).status_code == 303
    with reading(office.database) as connection:
        refused = [row for row in entries(connection, 50) if row["action"] == "password.refused"]
    assert len(refused) == MOST_BY_PAIR


async def test_every_answer_carries_safe_headers_and_pages_hold_no_inline_script_or_style(
    office: ConsoleOffice,
) -> None:
    await office.engine_says(change())
    async with office.logged_in("admin") as client:
        for path in (
            "/",
            "/incidents",
            "/incidents/1",
            "/messages",
            "/accounts",
            "/accounts/audit",
            "/login",
        ):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            for inline in (" style=", "<style", " onclick=", "javascript:"):
                assert inline not in answer.text, (path, inline)


async def test_the_login_leads_nowhere_else(office: ConsoleOffice) -> None:
    for target in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\nx"):
        async with office.client() as client:
            form = {"name": "viewer", "password": PASSWORD, "next": target}
            assert (await client.post("/login", data=form)).headers["location"] == "/"


async def test_another_sites_form_cannot_log_anybody_in(office: ConsoleOffice) -> None:
    async with office.client() as client:
        form = {"name": "viewer", "password": PASSWORD}
        answer = await client.post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert not client.cookies
        answer = await client.post("/login", data=form, headers={"Origin": "http://evil.test"})
        assert answer.status_code == 403


def test_what_the_service_noted_itself_is_told_in_the_readers_language(office: ConsoleOffice) -> None:
    roster = office.roster
    assert told_note("step 2: deputy, fallback", roster, "zh") == "第 2 级：副手、兜底联系人"
    assert told_note("step 2: deputy", roster, "en") == "Step 2: deputy"
    assert told_note("on_site: leader, li", roster, "zh") == "到场：领导、李四"
    assert told_note("channels failed", roster, "zh") == "所有通道都失败"
    assert told_note("路上约十分钟", roster, "en") == "路上约十分钟"


async def test_a_switch_of_the_language_keeps_what_was_asked_for(office: ConsoleOffice) -> None:
    async with office.logged_in("viewer") as client:
        page = await client.get("/incidents?state=all&q=x")
        assert 'name="next" value="/incidents?state=all&amp;q=x"' in page.text


async def test_an_address_or_form_that_can_be_none_is_said_on_a_page_and_to_programs_in_json(
    office: ConsoleOffice,
) -> None:
    person = {"Accept": "text/html"}
    async with office.logged_in("supervisor") as client:
        for path, named in {
            "/incidents/banana": "incident_id",
            "/roster/overrides/x/withdraw": "number",
        }.items():
            method = "POST" if path.endswith("withdraw") else "GET"
            answer = await client.request(method, path, headers=person)
            assert answer.status_code == 422
            assert named in answer.text
            assert "看不懂" in answer.text
            assert (await client.request(method, path)).headers["content-type"] == "application/json"
        for path in ("/incidents/999999", "/drills/77", "/nowhere"):
            answer = await client.get(path, headers=person)
            assert answer.status_code == 404
            assert "找不到" in answer.text
        part = await client.post("/drills", data={"minutes": "abc"}, headers={"HX-Request": "true"})
        assert part.status_code == 422
        assert "minutes" in unquote(part.headers["X-Notice"])
    async with office.client() as stranger:
        answer = await stranger.get("/nowhere", headers=person)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
