"""The dossier of an asset: what it is, its readings over the years, what rang, and what was done to it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import segno
from fastapi import APIRouter, Form, HTTPException, Query
from fastapi.responses import JSONResponse, Response

from config.messages import catalogue
from devices.component_codes import Scheme
from devices.registry import UNKNOWN
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.console.city import CityOf
from jingqiao.console.page import DutyPage, Page, ViewerPage
from jingqiao.database import reading
from jingqiao.dossier.asset_file import asset_file
from jingqiao.dossier.dangers import Limits
from jingqiao.dossier.entries import UnknownAssetError, add_entry
from jingqiao.dossier.history import alarms, history, sensors_of
from jingqiao.dossier.telling import danger_text
from jingqiao.explaining import ExplainError, told_sensor

router = APIRouter()

ALARMS_SHOWN: Final = 50
YEARS_US: Final = 40 * 365 * 86_400_000_000
DAY_US: Final = 86_400_000_000

Noted = Literal["inspection", "repair", "note"]


@router.get("/assets/{asset_id}")
def show(page: ViewerPage, city: CityOf, asset_id: str) -> Response:
    """The page."""
    found = file_of(page, asset_id)
    now = page.parts.clock.now()
    index = page.parts.registry().asset_index(asset_id)
    with reading(page.parts.database) as connection:
        rung = alarms(connection, asset_id, 0, now + DAY_US, page.language)
    return page.show(
        "dossier.html",
        asset=found,
        facts=_facts(page, found),
        dangers=[danger_text(danger, page.language) for danger in found["dangers"]],
        alarms=list(reversed(rung))[:ALARMS_SHOWN],
        alarm_count=len(rung),
        permits=found["permits"],
        marks=[{name: p[name] for name in ("kind", "from", "to", "note")} for p in found["permits"]],
        place=None if index == UNKNOWN else city.map.place_of(index),
        state=None if index == UNKNOWN else city.map.state_of(index),
        baselines={
            sensor["sensor_id"]: {name: b["value"] for name, b in sensor["baseline"].items()}
            for sensor in found["sensors"]
        },
        noted=("inspection", "repair", "note"),
        has_archive=page.parts.archive is not None,
    )


@router.get("/assets/{asset_id}/history")
def curves(
    page: ViewerPage,
    asset_id: str,
    since: Annotated[int, Query(description="first event time, s since 1970 UTC", ge=0)],
    until: Annotated[int, Query(description="first event time no longer wanted, s", ge=0)],
    points: Annotated[int, Query(ge=10, le=4000)] = 600,
) -> Response:
    """Curves, alarms and marks of a span."""
    return JSONResponse(
        spanned(page, asset_id, since * 1_000_000, until * 1_000_000, points),
        headers={"Cache-Control": "no-store"},
    )


def spanned(page: Page, asset_id: str, since: int, until: int, points: int) -> dict[str, Any]:
    """What the curves of a span show, JSON-ready. Raises HTTPException."""
    parts = page.parts
    registry = parts.registry()
    index = registry.asset_index(asset_id)
    if index == UNKNOWN:
        raise HTTPException(404, f"no asset {asset_id}")
    if until - since > YEARS_US:
        raise HTTPException(422, "at most 40 years at once")
    if parts.archive is None:
        raise HTTPException(404, "no archive is configured")
    try:
        shown = history(parts.archive, sensors_of(registry, index), since, until, points)
    except ArchiveUnavailableError as error:
        raise HTTPException(503, str(error)) from None
    with reading(parts.database) as connection:
        rung = alarms(connection, asset_id, since, until, page.language)
    for curve in shown["series"]:
        curve["name"] = catalogue(page.language).get(
            f"console_city.quantity.{curve['quantity']}", curve["quantity"]
        )
    for alarm in rung:
        alarm["name"] = page.say(f"notify.hazard.{alarm['hazard']}")
    return shown | {"alarms": rung}


@router.get("/assets/{asset_id}/explain")
async def explain(page: ViewerPage, asset_id: str) -> Response:
    """What the rules know of it now; drawn apart, for the engine is asked between two of its steps."""
    sensors: list[dict[str, Any]] = []
    trouble = ""
    if page.parts.explain is not None:
        try:
            sensors = [told_sensor(row, page.language) for row in await page.parts.explain(asset_id)]
        except ExplainError as error:
            trouble = page.say(error.key, **error.values)
    return page.show("dossier_explain.html", sensors=sensors, trouble=trouble)


@router.post("/assets/{asset_id}/entries")
def note(
    page: DutyPage,
    asset_id: str,
    what: Annotated[Noted, Form()],
    text: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Write an inspection, a repair or a note into the file."""
    now = page.parts.clock.now()
    if what == "note" and not text.strip():
        return page.refuse(422, page.say("console_city.dossier.empty_note"))
    try:
        add_entry(
            page.parts.database,
            asset_id,
            what,
            at=now,
            recorded_at=now,
            who=page.who,
            note=text.strip(),
            beside=page.audited("asset.entry", f"asset:{asset_id}", what=what),
        )
    except UnknownAssetError:
        return page.refuse(404, page.say("assets.unknown", asset_id=asset_id))
    return page.go_to(f"/assets/{asset_id}#entries")


@router.get("/assets/{asset_id}/label")
def label(page: ViewerPage, asset_id: str) -> Response:
    """A label for the lid, to be printed: number, name, and a QR code that leads to this file."""
    found = file_of(page, asset_id)
    address = address_of(page, asset_id)
    code = segno.make(address, error="m", micro=False)
    return page.show(
        "dossier_label.html",
        asset=found,
        address=address,
        reachable=bool(page.parts.settings.console.public_url),
        code=code.svg_inline(border=2, scale=6, omitsize=True, svgclass="qr", lineclass=None),
    )


def address_of(page: Page, asset_id: str) -> str:
    """Where the QR code leads."""
    home = page.parts.settings.console.public_url or str(page.request.base_url).rstrip("/")
    return f"{home}/assets/{asset_id}"


def file_of(page: Page, asset_id: str) -> dict[str, Any]:
    """The file of an asset, JSON-ready. Raises HTTPException 404."""
    try:
        with reading(page.parts.database) as connection:
            now = page.parts.clock.now()
            return asset_file(connection, asset_id, now, page.language, Scheme("national"), Limits())
    except UnknownAssetError:
        raise HTTPException(404, f"no asset {asset_id}") from None


def _facts(page: Page, found: dict[str, Any]) -> list[tuple[str, str]]:
    """Columns that are known, in the reader's words."""
    words = catalogue(page.language)
    shown = []
    for name in (
        *("kind", "category", "district", "street", "community", "grid_code", "road"),
        *("owner", "maintainer", "material", "load_class"),
        *("installed_on", "design_life_years", "low_lying", "fall_net", "status"),
    ):
        value = found[name]
        if value in (None, ""):
            continue
        if name in ("low_lying", "fall_net"):
            value = page.say("assets.yes" if value else "assets.no")
        elif name in ("kind", "status"):
            value = words.get(f"assets.{name}.{value}", value)
        elif isinstance(value, float):
            value = f"{value:g}"
        shown.append((page.say(f"assets.column.{name}"), str(value)))
    if found["lon"] is not None and found["lat"] is not None:
        shown.append((page.say("assets.column.position"), f"{found['lon']:.6f}, {found['lat']:.6f}"))
    return shown
