"""The console in a real browser, around the real service and a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect

from jingqiao.incidents.incident import Action, State
from rules.alarm import Hazard, Severity
from tests.support.chromium import chromium, log_in, window
from tests.support.console import PASSWORD, ConsoleOffice
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import Office, now_ms, reading
from tests.support.response import LID_2, change

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]


def add_user(office: Office, name: str, role: str, *more: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jingqiao", "users", "add", name, "--role", role, "--password-stdin", *more],
        input=f"{PASSWORD}\n",
        text=True,
        capture_output=True,
        cwd=office.folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_an_alarm_injected_over_mqtt_appears_is_acknowledged_dispatched_and_resolved(
    tmp_path: Path,
) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Office(tmp_path / "office", broker.url, "json://127.0.0.1:9") as office,
    ):
        add_user(office, "zhang", "duty", "--person", "zhang")
        office.start()
        async with chromium() as browser, window(browser, f"http://127.0.0.1:{office.http_port}") as page:
            await log_in(page, "zhang", PASSWORD)
            await expect(page.locator(".calm")).to_have_text("目前没有未结事件")
            await publish(
                broker.port,
                [reading(3, now_ms() - 60_000, tilt_deg=0.5), reading(3, now_ms(), tilt_deg=150.0)],
            )
            card = page.locator("#incident-1")
            await expect(card).to_contain_text("古城路3号上水井", timeout=15_000)
            await expect(page).to_have_title("(1) 当前 · 井桥 Jingqiao")
            await card.get_by_role("button", name="接警").click()
            await expect(card).to_contain_text("负责人： 张三")
            await expect(page).to_have_title("当前 · 井桥 Jingqiao")
            await card.locator("summary").click()
            await card.get_by_role("button", name="派单").click()
            await expect(card).to_contain_text("已派单")
            await card.get_by_role("button", name="到场").click()
            await card.get_by_role("button", name="处置完毕").click()
            await expect(card).to_have_count(0)
        assert [i["state"] for i in office.incidents()] == ["resolved"]
        assert office.stop() == 0


async def test_the_demo_opens_the_console_and_shows_how_to_get_in(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "jingqiao", "demo", "--seconds", "25", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/  账户 (\w+)  密码 (\w+)", line)
        assert found is not None, line
        url, name, password = found.groups()
        async with chromium() as browser, window(browser, url) as page:
            await log_in(page, name, password)
            await expect(page.locator(".duty")).to_contain_text("至")
            await expect(page.locator("#alarm-bar")).to_be_hidden()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_a_viewer_sees_the_alarm_and_has_nothing_to_press_and_is_refused(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change())
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "viewer", PASSWORD)
        await expect(page.locator("#incident-1")).to_contain_text("待接警")
        await expect(page.locator("#incident-1 button")).to_have_count(0)
        await expect(page.get_by_role("link", name="账户")).to_have_count(0)
        status = await page.evaluate(
            """async () => {
                const token = document.querySelector("input[name=csrf]").value;
                const body = JSON.stringify({action: "ack"});
                const headers = {"Content-Type": "application/json", "X-CSRF-Token": token};
                const act = await fetch("/api/v1/incidents/1/acts", {method: "POST", body, headers});
                const form = new URLSearchParams({action: "ack", csrf: token});
                const post = await fetch("/incidents/1/act", {method: "POST", body: form});
                return [act.status, post.status];
            }"""
        )
        assert status == [403, 403]
    assert office.incidents()[0].state is State.OPEN
    office.close()


async def test_what_others_do_appears_by_itself_and_a_new_alarm_makes_itself_known(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE))
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await page.add_init_script(
            """window.tones = 0;
            const play = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (...when) {
                window.tones += 1;
                play.apply(this, when);
            };"""
        )
        await log_in(page, "duty", PASSWORD)
        await expect(page.locator("#incident-1")).to_be_visible()
        await page.locator("#sound").click()
        await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
        before = await page.evaluate("window.tones")
        await office.engine_says(change())
        await expect(page.locator("#incident-2")).to_contain_text("井盖缺失", timeout=10_000)
        await expect(page).to_have_title("(2) 当前 · 井桥 Jingqiao")
        assert await page.evaluate("window.tones") > before
        icon = await page.locator("link[rel=icon]").get_attribute("href")
        assert icon is not None
        assert icon.startswith("data:image/png")
        await office.does("li", Action.ACK, 2)
        await expect(page.locator("#incident-2")).to_contain_text("李四", timeout=10_000)
    office.close()


async def test_a_choice_that_is_being_made_is_not_swept_away_by_a_refresh(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change())
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "duty", PASSWORD)
        await page.locator("#incident-1 summary").click()
        await page.locator("#incident-1 select").select_option("wang")
        await page.locator("#incident-1 select").focus()
        await office.engine_says(change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE))
        version = await page.evaluate("fetch('/now/board').then((answer) => answer.status)")
        assert version == 200
        await expect(page.locator("#incident-1 select")).to_have_value("wang")
        await page.locator("#incident-1 form button", has_text="派单").last.click()
        await expect(page.locator("#incident-1")).to_contain_text("王五")
        await expect(page.locator("#incident-2")).to_be_visible(timeout=10_000)
    office.close()


async def test_old_data_and_a_lost_server_are_said_loudly(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path)
    office.add_accounts()
    office.applied_at = office.clock.now() - 60_000_000
    async with chromium() as browser, AsyncExitStack() as server:
        url = await server.enter_async_context(office.served())
        async with window(browser, url, goes_away=True) as page:
            await log_in(page, "viewer", PASSWORD)
            await expect(page.locator("#alarm-bar")).to_contain_text("自 02:59:00 起规则未再判断任何数据")
            office.applied_at = office.clock.now()
            await expect(page.locator("#alarm-bar")).to_be_hidden(timeout=10_000)
            await server.aclose()
            await expect(page.locator("#alarm-bar")).to_contain_text("连接已断开", timeout=30_000)
    office.close()


async def test_everything_on_the_board_can_be_done_by_keyboard(tmp_path: Path) -> None:
    office = ConsoleOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change())
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "duty", PASSWORD)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "act-1-ack":
                break
        await page.keyboard.press("Enter")
        await expect(page.locator("#incident-1")).to_contain_text("张三")
    assert office.incidents()[0].acknowledged_by == "zhang"
    office.close()
