"""The console in a real browser, around the real service and a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.chromium import chromium, log_in, window
from tests.support.console import PASSWORD
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import Office, now_ms, reading

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
