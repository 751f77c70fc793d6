"""Pictures of every page of the console, to be looked at: `python -m tests.support.screenshots FOLDER`.

Both languages, desk and phone, and the dark look of the first page.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page

from jingqiao.drills.drill import start_drill
from jingqiao.drills.target import team_target
from jingqiao.incidents.incident import Action
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.console import PASSWORD, WITH_LIMITS, ConsoleOffice
from tests.support.response import BRIDGE, LID, LID_2, change

PAGES = {
    "now": "/",
    "incidents": "/incidents",
    "incident": "/incidents/1",
    "roster": "/roster",
    "messages": "/messages",
    "drills": "/drills",
    "drill": "/drills/1",
    "accounts": "/accounts",
    "audit": "/accounts/audit",
}
"""Name of the picture → path; a page adds its line."""


async def busy_night(office: ConsoleOffice) -> None:
    """Something of every severity and state."""
    await office.engine_says(
        change(),
        change(hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2, value=14.0, limit=10.0),
        change(hazard=Hazard.DRIFT, severity=Severity.ORANGE, asset_id=BRIDGE, unit="ue", provisional=True),
        change(
            hazard=Hazard.SUNKEN, severity=Severity.YELLOW, asset_id=LID_2, value=7.2, limit=5.0, unit="mm"
        ),
        change(hazard=Hazard.BATTERY_LOW, severity=Severity.BLUE, asset_id=LID_2, unit="V"),
    )
    await office.until("03:06:10")
    await office.does("zhang", Action.ACK, 2)
    await office.does("zhang", Action.ASSIGN, 2, assignee="li", why="李四离现场最近")
    await office.does("li", Action.COMMENT, 2, why="路上约十分钟")
    await office.engine_says(
        change(AlarmState.CLEAR, hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2),
        change(hazard=Hazard.LOOSE, severity=Severity.RED, asset_id=LID, value=3.0, limit=1.0),
    )
    start_drill(
        office.database,
        team_target(office.roster, "bridge"),
        who="li",
        why="月度演练",
        now=office.clock.now(),
        lasts_us=3_600_000_000,
        announcer=office.planner,
        severity=Severity.ORANGE,
    )
    await office.dispatcher.tick(office.clock.now())
    office.applied_at = office.clock.now()
    office.problems = ("存档写入失败 3 次", "消息发不出去：所有通道都失败")


async def main(folder: Path, only: str = "") -> None:
    """Take them all, or those whose name begins with `only`."""
    with tempfile.TemporaryDirectory() as place:
        office = ConsoleOffice(Path(place), roster=WITH_LIMITS)
        office.add_accounts()
        await busy_night(office)
        async with office.served() as url, chromium() as browser:
            for language in ("zh", "en"):
                for size in (DESK, PHONE):
                    await _take(browser, url, language, size["width"], folder, only)
            async with window(browser, url, size=DESK, color_scheme="dark") as page:
                await log_in(page, "admin", PASSWORD)
                await _shoot(page, "/", folder / "now-dark-1440.png")
        office.close()


async def _take(browser: Browser, url: str, language: str, width: int, folder: Path, only: str) -> None:
    size = DESK if width == DESK["width"] else PHONE
    async with window(browser, url, size=size, color_scheme="light") as page:
        await page.goto("/login")
        if language == "en":
            await page.get_by_role("button", name="English").click()
        await page.screenshot(path=folder / f"login-{language}-{width}.png")
        await log_in(page, "admin", PASSWORD)
        for name, path in PAGES.items():
            if name.startswith(only):
                await _shoot(page, path, folder / f"{name}-{language}-{width}.png")


async def _shoot(page: Page, path: str, file: Path) -> None:
    answer = await page.goto(path)
    if answer is not None and answer.ok:
        await page.wait_for_function("document.fonts.status === 'loaded'")
        await page.screenshot(path=file, full_page=True)
    else:
        print(f"{path}: {answer.status if answer else 'no answer'}", file=sys.stderr)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:3]))
