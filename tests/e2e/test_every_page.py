"""Every page of the console, in both languages, widths and lights: no serious fault, nothing over the edge.

The list is the application's own: a page without an address to try it by fails the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from starlette.routing import BaseRoute

from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.console.site import PAGES
from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.city_console import CityOffice
from tests.support.console import PASSWORD, WITH_LIMITS
from tests.support.response import BRIDGE, LID
from tests.support.screenshots import busy_night

pytestmark = pytest.mark.chromium

ADDRESSES: Final = {
    "/assets/{asset_id}": f"/assets/{LID}",
    "/assets/{asset_id}/label": f"/assets/{LID}/label",
    "/bridges/{asset_id}": f"/bridges/{BRIDGE}",
    "/drills/{drill_id}": "/drills/1",
    "/incidents/{incident_id}": "/incidents/1",
    "/letters/{number}": "/letters/1",
    "/reports/dangers/{name}": "/reports/dangers/blind",
    "/reports": "/reports?period=weekly&day=2026-09-23",
    "/rules/versions/{number}": "/rules/versions/1",
    "/search": "/search?q=武昌",
}
"""Where a page's address has parts to fill in, or shows more with a question: the address that is tried."""
NO_PAGES: Final = {
    "/assets/{asset_id}/explain",
    "/assets/{asset_id}/history",
    "/bridges/{asset_id}/course",
    "/bridges/{asset_id}/report",
    "/fleet/{which}",
    "/incidents/{incident_id}/story",
    "/login",
    "/login/oidc",
    "/login/oidc/callback",
    "/map/layers/{name}",
    "/map/list",
    "/map/view",
    "/now/board",
    "/reports/dangers/{name}/all.csv",
    "/reports/incidents.csv",
    "/rules/preview/{number}",
    "/search/found",
}
"""Pieces, data, downloads, and the login, which is tried before anybody is in."""


def paths_in(found: Iterable[BaseRoute]) -> Iterator[str]:
    """Addresses that a browser can open."""
    for route in found:
        if "GET" in getattr(route, "methods", ()):
            yield str(getattr(route, "path", ""))


def pages() -> list[str]:
    """Addresses of all pages, as they are tried."""
    paths = {path for router in PAGES for path in paths_in(router.routes)}
    assert paths >= NO_PAGES
    return sorted(ADDRESSES.get(path, path) for path in paths - NO_PAGES)


def office_of_everything(folder: Path) -> CityOffice:
    rules = folder / "rules.toml"
    rules.write_text("[lid]\ntilt_attention_deg = 8\n", "utf-8")
    office = CityOffice(
        folder,
        changed=lambda parts: replace(parts, settings=parts.settings.model_copy(update={"rules": rules})),
        roster=WITH_LIMITS,
    )
    office.add_accounts()
    office.measure(LID)
    return office


async def faults_of(page: Page, width: int) -> list[str]:
    """What axe calls serious or critical, and what hangs over the edge."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    grave = [
        f"{fault['id']}: {node['html'][:140]}"
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:2]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return grave + ([f"{wide} pixels wide"] if wide > width else [])


def test_no_page_is_forgotten() -> None:
    assert [path for path in pages() if "{" in path] == []
    assert len(pages()) >= 20


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_is_without_serious_faults_and_keeps_within_the_screen(
    tmp_path: Path, language: str, theme: Any
) -> None:
    office = office_of_everything(tmp_path)
    await busy_night(office)
    log = SqliteLog(office.settings.log_path)
    await log.append([], [DeadLetter(office.clock.now(), "jingqiao/v1/s0/readings", b"{", "json", "no JSON")])
    log.close()
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
