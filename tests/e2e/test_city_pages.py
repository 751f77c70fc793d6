"""Fleet, dead letters, reports and rules in a real browser: what people do there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import expect

from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from tests.support.chromium import chromium, log_in, window
from tests.support.city_console import CityOffice
from tests.support.console import PASSWORD
from tests.support.response import LID, change

pytestmark = pytest.mark.chromium


async def office_with_everything(folder: Path) -> CityOffice:
    rules = folder / "rules.toml"
    rules.write_text("[lid]\ntilt_attention_deg = 8\n", "utf-8")
    office = CityOffice(
        folder,
        changed=lambda parts: replace(parts, settings=parts.settings.model_copy(update={"rules": rules})),
    )
    office.add_accounts()
    office.measure(LID)
    await office.engine_says(change())
    log = SqliteLog(office.settings.log_path)
    await log.append([], [DeadLetter(office.clock.now(), "jingqiao/v1/s0/readings", b"{", "json", "no JSON")])
    log.close()
    return office


async def test_a_supervisor_drafts_tries_and_saves_a_limit(tmp_path: Path) -> None:
    office = await office_with_everything(tmp_path)
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "supervisor", PASSWORD)
        await page.goto("/rules")
        await page.locator('input[name="limit:lid.tilt_attention_deg"]').fill("9")
        await page.get_by_role("button", name="生成草稿").first.click()
        await expect(page.locator(".diff")).to_contain_text("+tilt_attention_deg = 9")
        await page.locator("input[name=since]").fill("2026-08-01")
        await page.get_by_role("button", name="试算").click()
        await expect(page.locator("#preview")).to_contain_text("两套规则各判断了", timeout=60_000)
        await page.locator("input[name=why]").fill("雨季")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator("main")).to_contain_text("雨季")
    assert "tilt_attention_deg = 9" in (tmp_path / "rules.toml").read_text("utf-8")
    office.close()
