"""Frames of the map in headless Chromium while 1,000,000 covers are panned: under 100 ms is promised."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

COVERS: Final = 1_000_000
ZOOMS: Final = (11, 13, 16)
PANS: Final = 6
STEPS: Final = 25

_WATCH: Final = """() => {
  window.frameTimes = []; window.watching = true; let last = performance.now();
  (function tick(now) {
    frameTimes.push(now - last); last = now; if (watching) requestAnimationFrame(tick);
  })(last);
}"""


async def _serve(folder: Path, covers: int) -> None:
    from fastapi import FastAPI

    from benchmarks.console_city import city
    from jingqiao.api.server import HttpServer, listen
    from jingqiao.console.site import add_console

    parts = city(folder, covers)
    app = FastAPI()
    add_console(app, parts)
    http = parts.settings.http.model_copy(update={"port": 0})
    listening = listen(http)
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    await HttpServer.of(app, http).serve([listening])


async def _drive(url: str) -> list[tuple[str, float, str]]:
    from benchmarks.console_city import PASSWORD
    from tests.support.chromium import DESK, chromium, log_in, window

    rows: list[tuple[str, float, str]] = []
    async with chromium() as browser, window(browser, url, size=DESK) as page:
        await log_in(page, "viewer", PASSWORD)
        await page.goto("/map")
        await page.wait_for_selector("#map[data-ready]", timeout=60_000)
        box = await page.locator("#map").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for zoom in ZOOMS:
            await page.evaluate(f"jingqiaoMap.setView([30.4, 114.9], {zoom})")
            await page.wait_for_selector(f'#map[data-ready="{zoom}"]', timeout=60_000)
            await page.evaluate(_WATCH)
            for pan in range(PANS):
                await page.mouse.move(x, y)
                await page.mouse.down()
                for step in range(STEPS):
                    await page.mouse.move(x + (-250, 250)[pan % 2] * step / STEPS, y + 60 * step / STEPS)
                await page.mouse.up()
                await page.wait_for_timeout(400)
            frames = sorted(await page.evaluate("() => { watching = false; return frameTimes.slice(1); }"))
            rows.append((f"zoom {zoom}, longest of {len(frames)} frames", frames[-1], "ms"))
    return rows


def run(covers: int = COVERS) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit): the server in a process of its own, the browser in others."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.map_pan", folder, str(covers)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            rows = asyncio.run(_drive(server.stdout.readline().strip()))
        finally:
            server.kill()
            server.wait()
    return [(f"map pan, {covers:,} covers: {what}", figure, unit) for what, figure, unit in rows]


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
