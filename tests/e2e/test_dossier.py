"""The dossier in a real browser: curves drawn, scrolled and zoomed; axe and both widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.city_console import CityOffice
from tests.support.console import PASSWORD
from tests.support.response import LID, change

pytestmark = pytest.mark.chromium


async def test_years_are_scrolled_and_an_alarm_is_found_on_the_curve(tmp_path: Path) -> None:
    office = CityOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change())
    office.measure(LID)
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "duty", PASSWORD)
        await page.goto(f"/assets/{LID}")
        await page.wait_for_selector('#curves[data-drawn="3"]')
        await expect(page.locator("figcaption").first).to_contain_text("倾角 [°]")
        await page.get_by_role("button", name="一年").click()
        await expect(page.locator("figcaption").first).to_contain_text("74")
        before = await page.evaluate("jingqiaoCurves.seen().since")
        over = await page.locator(".u-over").first.bounding_box()
        assert over is not None
        await page.mouse.move(over["x"] + 200, over["y"] + 50)
        await page.mouse.down()
        await page.mouse.move(over["x"] + 500, over["y"] + 50, steps=10)
        await page.mouse.up()
        assert await page.evaluate("jingqiaoCurves.seen().since") < before - 30 * 86_400
        await page.get_by_role("button", name="在曲线上看").click()
        seen = await page.evaluate("jingqiaoCurves.seen()")
        assert seen["since"] < office.clock.now() / 1e6 < seen["until"]
        await page.locator("input[name=text]").fill("巡查正常")
        await page.get_by_role("button", name="记录").click()
        await expect(page.locator("#entries")).to_contain_text("巡查正常")
    office.close()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_serious_fault_and_nothing_hangs_over_the_edge(tmp_path: Path, size: Any) -> None:
    office = CityOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change(evidence={"turned_deg": 91.5}))
    office.measure(LID)
    async with office.served() as url, chromium() as browser, window(browser, url, size=size) as page:
        await log_in(page, "duty", PASSWORD)
        for path in (f"/assets/{LID}", f"/assets/{LID}/label"):
            await page.goto(path)
            if "label" not in path:
                await page.wait_for_selector('#curves[data-drawn="3"]')
            found = await Axe().run(page)
            grave = [
                (v["id"], v["nodes"][0]["html"])
                for v in found.response["violations"]
                if v["impact"] in ("serious", "critical")
            ]
            assert grave == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    office.close()
