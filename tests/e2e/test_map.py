"""The map in a real browser: seen, moved, and worked by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from rules.alarm import Hazard, Severity
from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.city_console import CityOffice
from tests.support.console import PASSWORD
from tests.support.response import LID, LID_2, change

pytestmark = pytest.mark.chromium


async def ready(page: Page) -> None:
    await page.wait_for_selector("#map[data-ready]")


async def test_covers_are_drawn_clicked_and_reached_by_keyboard(tmp_path: Path) -> None:
    office = CityOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change(), change(asset_id=LID_2, hazard=Hazard.TILTED, severity=Severity.ORANGE))
    async with office.served() as url, chromium() as browser, window(browser, url, size=DESK) as page:
        await log_in(page, "viewer", PASSWORD)
        await page.goto("/map")
        await ready(page)
        await page.get_by_role("button", name="在地图上看").first.click()
        await expect(page).to_have_url(f"{url}/map#17/30.39050/114.89010")
        await page.wait_for_selector('#map[data-ready="17"]')
        box = await page.locator("#map").bounding_box()
        assert box is not None
        await page.locator("#map").click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        await expect(page).to_have_url(f"{url}/assets/{LID}")
        await page.go_back()
        await ready(page)
        link = page.locator(f'.alerts a[href="/assets/{LID_2}"]')
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{url}/assets/{LID_2}")
    office.close()


async def test_the_search_box_answers_while_one_types(tmp_path: Path) -> None:
    office = CityOffice(tmp_path)
    office.add_accounts()
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "viewer", PASSWORD)
        await page.goto("/map")
        await page.locator("#search").fill("57号")
        await expect(page.locator("#found a").first).to_have_text("古城路57号上水井")
    office.close()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_serious_fault_and_nothing_hangs_over_the_edge(tmp_path: Path, size: Any) -> None:
    office = CityOffice(tmp_path)
    office.add_accounts()
    await office.engine_says(change(), change(asset_id=LID_2, hazard=Hazard.SILENT, severity=Severity.YELLOW))
    async with office.served() as url, chromium() as browser, window(browser, url, size=size) as page:
        await log_in(page, "viewer", PASSWORD)
        for path in ("/map", "/search?q=路"):
            await page.goto(path)
            found = await Axe().run(page)
            grave = [
                (v["id"], v["nodes"][0]["html"])
                for v in found.response["violations"]
                if v["impact"] in ("serious", "critical")
            ]
            assert grave == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    office.close()
