"""The city by the API: map, dossiers with readings, fleet, reports, rules: what the pages show and do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from ingest.dead_letters import newest
from jingqiao.api.caller import AssetReader, AssetWriter, FleetKeeper, Reader, ReadingReader, RulesWriter
from jingqiao.console.city import CityOf
from jingqiao.console.page import Page
from jingqiao.console.pages import dossier, fleet, reports, rules
from jingqiao.console.pages.city_map import District, ViewOf, Zoom
from jingqiao.console.parts import parts_of
from jingqiao.console.visitor import Visitor, audited
from jingqiao.controls import RETRY
from jingqiao.database import reading, writing
from jingqiao.dossier.entries import UnknownAssetError, add_entry
from jingqiao.dossier.permits import as_json as permit_json
from jingqiao.dossier.permits import permits
from jingqiao.dossier.registry_store import request_control
from jingqiao.fleet.firmware import Wanted
from jingqiao.fleet.firmware import devices as found_devices
from jingqiao.incidents.muted import as_json as muted_json
from jingqiao.incidents.muted import muted_by
from jingqiao.map.states import MapState
from jingqiao.provisioning.letters import AT_ONCE
from jingqiao.reports.span import Period
from jingqiao.reports.telling import as_json as report_json
from jingqiao.rulebook import versions
from jingqiao.rulebook.draft import LONGEST, judged, put_in_place
from jingqiao.search import LONGEST as LONGEST_QUESTION
from jingqiao.search import search

router = APIRouter(prefix="/api/v1", tags=["city"])


class Entry(BaseModel):
    """Something to be written into an asset's file."""

    what: dossier.Noted
    note: str = Field(default="", max_length=4000)


class Retry(BaseModel):
    """Numbers of dead letters to be tried again."""

    letters: list[int] = Field(min_length=1, max_length=AT_ONCE)
    why: str = Field(default="", max_length=400)


class NewRules(BaseModel):
    """A rules' file. base : digest of the text that it was made from (`GET /api/v1/rules`)."""

    text: str = Field(max_length=LONGEST)
    base: str = Field(max_length=12)
    why: str = Field(min_length=1, max_length=2000)


def _page(request: Request, caller: Visitor) -> Page:
    return Page(request, parts_of(request), caller, parts_of(request).settings.language)


@router.get("/map")
def view(
    city: CityOf,
    caller: AssetReader,  # noqa: ARG001 - admits
    view: ViewOf,
    zoom: Zoom,
    district: District = "",
    alerting: bool = False,
) -> dict[str, Any]:
    """Clusters and points of a piece of the map, in `crs`. `states`: what the numbers mean."""
    found = city.map.view(view, zoom, district=district, only_alerting=alerting)
    return {**found, "crs": city.map.crs, "states": [state.name.lower() for state in MapState]}


@router.get("/assets")
def found(
    request: Request,
    caller: AssetReader,  # noqa: ARG001 - admits
    q: Annotated[str, Query(max_length=LONGEST_QUESTION)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> list[dict[str, Any]]:
    """Assets by the end of a number, a road, a name, a sensor."""
    return search(parts_of(request).registry(), q, limit)


@router.get("/assets/{asset_id}")
def asset(request: Request, caller: AssetReader, asset_id: str) -> dict[str, Any]:
    """The whole file of an asset."""
    return dossier.file_of(_page(request, caller), asset_id)


@router.get("/assets/{asset_id}/history")
def history(
    request: Request,
    caller: ReadingReader,
    asset_id: str,
    since: Annotated[int, Query(description="first event time, s since 1970 UTC", ge=0)],
    until: Annotated[int, Query(description="first event time no longer wanted, s", ge=0)],
    points: Annotated[int, Query(ge=10, le=4000)] = 600,
) -> dict[str, Any]:
    """Least and greatest values in buckets of time, and the alarms of the span."""
    return dossier.spanned(_page(request, caller), asset_id, since * 1_000_000, until * 1_000_000, points)


@router.post("/assets/{asset_id}/entries", status_code=201)
def write(request: Request, caller: AssetWriter, asset_id: str, entry: Entry) -> dict[str, str]:
    """Write an inspection, a repair or a note into an asset's file."""
    parts = parts_of(request)
    now = parts.clock.now()
    try:
        add_entry(
            parts.database,
            asset_id,
            entry.what,
            at=now,
            recorded_at=now,
            who=caller.who,
            note=entry.note,
            beside=audited(parts, caller, "asset.entry", f"asset:{asset_id}", what=entry.what),
        )
    except UnknownAssetError:
        raise HTTPException(404, f"no asset {asset_id}") from None
    return {"asset_id": asset_id, "what": entry.what}


@router.get("/permits")
def permits_(
    request: Request,
    caller: AssetReader,  # noqa: ARG001 - admits
    asset_id: str | None = None,
    also_past: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[dict[str, Any]]:
    """Announced work, the newest first: what it mutes now (`muted`), and how many alarms in all."""
    parts = parts_of(request)
    now = parts.clock.now()
    with reading(parts.database) as connection:
        found = permits(connection, asset_id=asset_id, ends_after=None if also_past else now)
        muted = muted_by(connection, [permit.id for permit in found])
    tongue = parts.settings.language
    return [permit_json(permit, muted.get(permit.id, ()), now, tongue) for permit in found]


@router.get("/permits/{number}")
def permit(request: Request, caller: AssetReader, number: int) -> dict[str, Any]:  # noqa: ARG001 - admits
    """One permit with every alarm that it kept from being told (`muted`), from when to when."""
    parts = parts_of(request)
    with reading(parts.database) as connection:
        known = permits(connection, ids=[number])
        muted = muted_by(connection, [number]).get(number, [])
    if not known:
        raise HTTPException(404, f"no permit {number}")
    tongue = parts.settings.language
    rows = [muted_json(item, tongue) for item in muted]
    return {**permit_json(known[0], muted, parts.clock.now(), tongue), "muted": rows}


@router.get("/fleet")
async def devices(request: Request, caller: AssetReader, city: CityOf) -> dict[str, Any]:
    """Counts, silent sensors and weak batteries (the first of each list), models, and loss by gateway."""
    state = await city.fleet()
    page = _page(request, caller)
    if state is None:
        raise HTTPException(404, "the rules do not run here")

    def told() -> dict[str, Any]:
        lost, lost_at = city.losses.get(fleet.FIRST_LOOK_S)
        firmware, firmware_at = city.firmware.get(fleet.FIRST_LOOK_S)
        return {
            "counts": state.counts,
            "silent": fleet.fleet_list(page, state, "silent", 0),
            "battery": fleet.fleet_list(page, state, "battery", 0),
            "models": city.models(state),
            "firmware": firmware,
            "firmware_at": firmware_at,
            "losses": lost,
            "losses_at": lost_at,
        }

    return await run_in_threadpool(told)


@router.get("/devices")
def reported_versions(
    request: Request,
    caller: AssetReader,  # noqa: ARG001 - admits
    model: Annotated[str, Query(max_length=64)] = "",
    firmware: Annotated[str, Query(max_length=64)] = "",
    untold: bool = False,
    after: Annotated[int, Query(ge=0, description="rows of the registry to pass over")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Sensors with what their devices said of themselves last (`said_at`: µs since 1970 UTC, null = never);
    to go on, ask `after` the last one's `row` + 1."""
    with reading(parts_of(request).database) as connection:
        return found_devices(connection, Wanted(model, "" if untold else firmware, untold), after, limit)


@router.get("/dead-letters")
def letters(
    request: Request,
    caller: AssetReader,  # noqa: ARG001 - admits
    reason: str = "",
    topic: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """The newest messages that could not be used, payloads in hexadecimal."""
    path = parts_of(request).settings.log_path
    try:
        listed = newest(path, reason=reason or None, topic=topic or None, limit=limit)
    except FileNotFoundError:
        return []
    return [{**asdict(letter), "payload": letter.payload.hex()} for letter in listed]


@router.post("/dead-letters/retry", status_code=202)
def retry(request: Request, caller: FleetKeeper, wanted: Retry) -> dict[str, int]:
    """Have dead letters tried again; what they say becomes history."""
    parts = parts_of(request)
    now = parts.clock.now()
    numbers = sorted(set(wanted.letters))
    with writing(parts.database) as connection:
        asked = request_control(connection, RETRY, {"letters": numbers}, now, now, caller.who, wanted.why)
        subject = f"letters:{len(numbers)}"
        audited(parts, caller, "dead_letters.retry", subject, first=numbers[0])(connection, asked)
    return {"asked": len(numbers)}


@router.get("/reports/{period}")
def report(
    caller: Reader,  # noqa: ARG001 - admits
    city: CityOf,
    period: Period,
    day: Annotated[date | None, Query(ge=reports.EARLIEST, le=reports.LATEST)] = None,
) -> dict[str, Any]:
    """The report of the day, or of the week that it lies in; of the newest whole one without `day`."""
    return report_json(city.report(period, day))


@router.get("/rules")
def rules_now(request: Request, caller: AssetReader) -> dict[str, Any]:
    """The rules' file, its digest, and its versions, the newest first."""
    page = _page(request, caller)
    text = rules.text_now(page)
    with reading(page.parts.database) as connection:
        known = versions.versions(connection, rules.VERSIONS_SHOWN)
    return {"text": text, "base": versions.digest_of(text), "versions": [asdict(item) for item in known]}


@router.put("/rules")
def save_rules(request: Request, caller: RulesWriter, wanted: NewRules) -> dict[str, str]:
    """Put a rules' file in place. 422 with its faults, 409 where it was changed since `base`."""
    page = _page(request, caller)
    path = page.parts.settings.rules
    if path is None:
        raise HTTPException(409, "the settings name no rules file")
    _, faults = judged(wanted.text, path.name, page.parts.registry())
    if faults:
        raise HTTPException(422, [str(fault) for fault in faults])
    before = versions.digest_of(rules.text_now(page))
    if before != wanted.base:
        raise HTTPException(409, f"the file was changed meanwhile; it is {before} now")
    put_in_place(path, wanted.text)
    digest = versions.digest_of(wanted.text)
    with writing(page.parts.database) as connection:
        versions.note(connection, wanted.text, at=page.parts.clock.now(), who=caller.who, why=wanted.why)
        page.audited("rules.save", f"rules:{digest}", before=before, why=wanted.why)(connection, 0)
    return {"base": digest}
