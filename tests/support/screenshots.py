"""Pictures of every page of the console, to be looked at: `python -m tests.support.screenshots FOLDER`.

Both languages, desk and phone; each language is light on one and dark on the other. With a word
behind the folder, only pages whose address has it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page

from tests.support.chromium import DESK, PHONE, chromium, log_in, window
from tests.support.console import PASSWORD
from tests.support.every_page import busy_office_of_everything, pages

LOOKS: Final[tuple[tuple[str, Any, Any], ...]] = (
    ("zh", DESK, "light"),
    ("zh", PHONE, "dark"),
    ("en", DESK, "dark"),
    ("en", PHONE, "light"),
)
"""Language, window, light."""


async def main(folder: Path, part: str = "") -> None:
    """Take them all, or those whose address has `part`."""
    with tempfile.TemporaryDirectory() as place:
        office = await busy_office_of_everything(Path(place))
        async with office.served() as url, chromium() as browser:
            for look in LOOKS:
                await _take(browser, url, folder, part, *look)
        office.close()


async def _take(
    browser: Browser, url: str, folder: Path, part: str, language: str, size: Any, light: Any
) -> None:
    width = size["width"]
    async with window(browser, url, size=size, color_scheme=light) as page:
        await page.goto("/login")
        if language == "en":
            await page.get_by_role("button", name="English").click()
        await page.screenshot(path=folder / f"login-{language}-{width}.png")
        await log_in(page, "admin", PASSWORD)
        for path in pages():
            if part in path:
                name = path.strip("/").replace("/", "_").partition("?")[0] or "now"
                await _shoot(page, path, folder / f"{name}-{language}-{width}.png")


async def _shoot(page: Page, path: str, file: Path) -> None:
    answer = await page.goto(path)
    if answer is not None and answer.ok:
        await page.wait_for_function("document.fonts.status === 'loaded'")
        await page.wait_for_load_state("networkidle")
        await page.screenshot(path=file, full_page=True)
    else:
        print(f"{path}: {answer.status if answer else 'no answer'}", file=sys.stderr)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:3]))
