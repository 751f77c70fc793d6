"""Devices by what they run: the sensors behind a count of the fleet's page, to be found for an update."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from jingqiao.console.city import CityOf
from jingqiao.console.page import ViewerPage
from jingqiao.database import reading
from jingqiao.fleet.firmware import Wanted, devices

router = APIRouter()

PAGE: Final = 100
FIRST_LOOK_S: Final = 0.1
"""How long the page waits for counts that nobody has asked for before [s]."""

Model = Annotated[str, Query(max_length=64)]
Firmware = Annotated[str, Query(max_length=64)]


@router.get("/devices")
def show(
    page: ViewerPage,
    city: CityOf,
    model: Model = "",
    firmware: Firmware = "",
    untold: bool = False,
    after: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """A part of the list, and what it can be narrowed to."""
    wanted = Wanted(model.strip(), "" if untold else firmware.strip(), untold)
    with reading(page.parts.database) as connection:
        found = devices(connection, wanted, after, PAGE + 1)
    more = found[PAGE]["row"] if len(found) > PAGE else None
    counts, _ = city.firmware.get(FIRST_LOOK_S)
    return page.show(
        "devices.html",
        rows=found[:PAGE],
        wanted=wanted,
        models=sorted({row["model"] for row in counts or ()} | ({wanted.model} if wanted.model else set())),
        firmwares=sorted({row["firmware"] for row in counts or ()} - {""}),
        more=None if more is None else f"/devices?{urlencode(_asked(wanted) | {'after': more})}",
        first=after == 0,
    )


def _asked(wanted: Wanted) -> dict[str, Any]:
    """The parts of an address that ask for the same."""
    asked = asdict(wanted)
    del asked["sensor_ids"]
    return {name: int(value) if name == "untold" else value for name, value in asked.items() if value}
