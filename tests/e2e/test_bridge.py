"""The bridge's page in a real browser: drawing by keyboard, curves, works recorded, both widths, axe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.support.bridge_console import BridgeOffice
from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.console import PASSWORD
from tests.support.response import BRIDGE

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeOffice]:
    made = BridgeOffice(tmp_path_factory.mktemp("bridge"))
    made.add_accounts()
    yield made
    made.close()


async def test_an_engineer_reads_the_drawing_and_the_curves_and_records_works(office: BridgeOffice) -> None:
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "supervisor", PASSWORD)
        await page.get_by_role("link", name="桥梁").click()
        await page.wait_for_selector('#course[data-drawn="3"]')
        await expect(page.locator("#course figcaption")).to_have_count(3)
        await expect(page.locator("#legend li")).to_have_count(4)
        await page.get_by_role("button", name="S1").click()
        await expect(page.locator("#legend")).to_contain_text("G1-0")
        await page.locator("a.mark.orange").first.focus()
        await page.keyboard.press("Enter")
        assert page.url.endswith("#s-G0-0")
        await page.locator("input[name=begin]").fill("2026-09-25T08:00")
        await page.locator("input[name=end]").fill("2026-09-25T18:00")
        await page.locator("input[name=why]").fill("更换支座")
        await page.get_by_role("button", name="记录").click()
        await expect(page.locator("#works")).to_contain_text("更换支座")
        assert BRIDGE in page.url


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_serious_fault_and_nothing_hangs_over_the_edge(
    office: BridgeOffice, size: Any
) -> None:
    async with office.served() as url, chromium() as browser, window(browser, url, size=size) as page:
        await log_in(page, "supervisor", PASSWORD)
        for theme in ("light", "dark"):
            await page.context.add_cookies([{"name": "jingqiao_theme", "value": theme, "url": url}])
            await page.goto(f"/bridges/{BRIDGE}")
            await page.wait_for_selector('#course[data-drawn="3"]')
            found = await Axe().run(page)
            grave = [
                (v["id"], v["nodes"][0]["html"])
                for v in found.response["violations"]
                if v["impact"] in ("serious", "critical")
            ]
            assert grave == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]


async def pictures(folder: Path) -> None:
    """Both languages, widths and looks, to be looked at: `python -m tests.e2e.test_bridge FOLDER`."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        made = BridgeOffice(Path(place))
        made.add_accounts()
        async with made.served() as url, chromium() as browser:
            for name, size, language, theme in (
                ("desk-zh-light", DESK, "zh", "light"),
                ("desk-en-dark", DESK, "en", "dark"),
                ("phone-zh-dark", PHONE, "zh", "dark"),
                ("phone-en-light", PHONE, "en", "light"),
            ):
                async with window(browser, url, size=size) as page:
                    await log_in(page, "supervisor", PASSWORD)
                    await page.context.add_cookies(
                        [
                            {"name": "jingqiao_theme", "value": theme, "url": url},
                            {"name": "jingqiao_language", "value": language, "url": url},
                        ]
                    )
                    await page.goto(f"/bridges/{BRIDGE}")
                    await page.wait_for_selector('#course[data-drawn="3"]')
                    await page.screenshot(path=folder / f"bridge-{name}.png", full_page=True)
        made.close()


if __name__ == "__main__":
    import asyncio
    import sys

    asyncio.run(pictures(Path(sys.argv[1])))
