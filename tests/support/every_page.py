"""Every page that a browser can open, from the application's own list, and a city that fills them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from starlette.routing import BaseRoute

from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.console.site import PAGES
from tests.support.at_work import kept_back
from tests.support.busy_night import busy_night
from tests.support.city_console import CityOffice
from tests.support.console import WITH_LIMITS
from tests.support.response import BRIDGE, LID

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
    """A city with an archive, rules of its own, and accounts."""
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


async def busy_office_of_everything(folder: Path) -> CityOffice:
    """The same in a busy night, with work that keeps an alarm back, and with a dead letter."""
    office = office_of_everything(folder)
    await busy_night(office)
    kept_back(office)
    office.say_versions({0: ("v1.10", "v3.1", "6742D19056920012"), 1: ("v1.10",), 2: ("v1.9", "v3.0")})
    log = SqliteLog(office.settings.log_path)
    await log.append([], [DeadLetter(office.clock.now(), "jingqiao/v1/s0/readings", b"{", "json", "no JSON")])
    log.close()
    return office
