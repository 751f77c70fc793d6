"""Every page of the console, in both languages, widths and lights: no serious fault, nothing over the edge.

The list is the application's own: a page without an address to try it by fails the test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.console import PASSWORD
from tests.support.every_page import busy_office_of_everything, office_of_everything, pages

pytestmark = pytest.mark.chromium


TOO_SMALL = """() => {
    const wanted = "button, .button, select, textarea, summary, input:not([type=hidden]), .menu a,"
        + " .tally a, .chips a, .leaflet-bar a";
    return [...document.querySelectorAll(wanted)]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }))
        .map((it) => [it, (it.matches("[type=checkbox]") && it.closest("label")) || it])
        .map(([it, hit]) => [it, hit.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
        .map(([it, box]) => `${box.width}x${box.height} ${it.outerHTML.slice(0, 100)}`);
}"""
"""What a thumb must hit and could miss: less than 44 pixels high or wide."""


async def faults_of(page: Page, width: int) -> list[str]:
    """What axe calls serious or critical, what hangs over the edge, and on a phone what is too small."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    grave = [
        f"{fault['id']}: {node['html'][:140]}"
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:2]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth")
    small = await page.evaluate(TOO_SMALL) if width == PHONE["width"] else []
    return grave + ([f"{wide} pixels wide"] if wide > width else []) + [f"for no thumb: {it}" for it in small]


def test_no_page_is_forgotten() -> None:
    assert [path for path in pages() if "{" in path] == []
    assert len(pages()) >= 20


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_is_without_serious_faults_and_keeps_within_the_screen(
    tmp_path: Path, language: str, theme: Any
) -> None:
    office = await busy_office_of_everything(tmp_path)
    found: dict[str, list[str]] = {}
    async with (
        office.served() as url,
        chromium() as browser,
        window(browser, url, size=DESK, color_scheme=theme) as page,
    ):
        await page.goto("/login")
        found["/login"] = await faults_of(page, DESK["width"])
        await log_in(page, "admin", PASSWORD, language=language)
        for path in pages():
            await page.set_viewport_size(DESK)
            answer = await page.goto(path)
            assert answer is not None
            assert answer.ok, (path, answer.status)
            for size in (DESK, PHONE):
                await page.set_viewport_size(size)
                found[f"{path} {size['width']}"] = await faults_of(page, size["width"])
    office.close()
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_menu_and_the_tools_share_one_line_on_a_desk(tmp_path: Path, language: str) -> None:
    office = office_of_everything(tmp_path)
    async with office.served() as url, chromium() as browser, window(browser, url) as page:
        await log_in(page, "admin", PASSWORD, language=language)
        assert await page.evaluate("document.querySelector('.top').offsetHeight") < 60
    office.close()
