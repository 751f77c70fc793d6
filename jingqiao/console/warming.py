"""Builds what the first looks would wait for, in the background, before anybody looks.

After the start, when another registry is there, and when a new day has its reports: an index of a million
covers takes a second, and nobody shall be the one who waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.console.city import City
from jingqiao.console.parts import Parts
from jingqiao.console.templates_ import environment
from jingqiao.map.grid import View
from jingqiao.reports.span import PERIODS

LOOK_S: Final = 5.0
"""How often it is asked whether there is something new to build [s], by wall time."""
EVERYTHING: Final = View(0.0, 0.0, 1.0, 1.0)

_log = structlog.get_logger()


async def keep_warm(
    city: City, parts: Parts, pause: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Build for ever what is new."""
    seen: tuple[object, ...] = ()
    while True:
        now = (parts.registry(), datetime.fromtimestamp(parts.clock.now() / 1e6, parts.zone).date())
        if seen != now:
            await asyncio.to_thread(warm, city)
            await city.fleet()
            seen = now
        await pause(LOOK_S)


def warm(city: City) -> None:
    """Build all of it once; what fails is built, and told, when somebody looks."""
    for part, build in _parts_of(city).items():
        try:
            build()
        except ArchiveUnavailableError:
            continue  # said elsewhere
        except Exception:
            _log.exception(
                "a part of the console could not be prepared; the first look takes longer", part=part
            )


def _parts_of(city: City) -> dict[str, Callable[[], object]]:
    return {
        "templates": _templates,
        "map": lambda: city.map.view(EVERYTHING, 8),
        "alerts": lambda: city.map.view(EVERYTHING, 8, only_alerting=True),
        "bounds": city.map.bounds,
        "districts": city.map.districts,
        **{f"report, {period}": partial(city.report, period, None) for period in PERIODS},
        "dangers": lambda: city.dangers.get(60.0),
        "losses": lambda: city.losses.get(60.0),
        "firmware": lambda: city.firmware.get(60.0),
    }


def _templates() -> None:
    made = environment()
    for name in made.list_templates(extensions=("html",)):
        made.get_template(name)
