"""A bridge: drawn with its sensors, strain against temperature, residual and CUSUM, works, and its report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from config.messages import Language
from config.rules import RuleSet, load_rules
from devices.registry import UNKNOWN, Kind, Registry
from devices.registry import Role as SensorRole
from jingqiao.accounts.role import Role
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.bridge_report import people
from jingqiao.bridge_report.child import Order, made_apart
from jingqiao.bridge_report.month import month_of
from jingqiao.bridge_report.part import frame_of_part, part_of_asset
from jingqiao.bridge_report.source import archived_frame
from jingqiao.bridge_state import NO_COURSE
from jingqiao.console.elevation import elevation
from jingqiao.console.page import Page, SupervisorPage, ViewerPage
from jingqiao.database import reading
from jingqiao.dossier.entries import UnknownAssetError, announce_work
from jingqiao.dossier.history import alarms
from jingqiao.dossier.tables import control_request
from jingqiao.incidents.muted import as_json, muted_by

router: APIRouter = APIRouter()

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000
ALARMS_SHOWN: Final = 20
WORKS_SHOWN: Final = 20
HISTORY_DAYS: Final = 400.0
REPORT_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""A report is one file with its style in it, and without script."""


@router.get("/bridges")
def all_of_them(page: ViewerPage) -> Response:
    """The bridges; of a single one, the page itself."""
    registry = page.parts.registry()
    rows = np.flatnonzero(registry.assets.kind == Kind.BRIDGE).tolist()
    if len(rows) == 1:
        return RedirectResponse(f"/bridges/{registry.asset_id(rows[0])}", 303)
    bridges = [
        {
            "asset_id": registry.asset_id(row),
            "name": registry.assets.text("name", row),
            "road": registry.assets.text("road", row),
            "sensors": int((registry.sensors.asset == row).sum()),
        }
        for row in rows
    ]
    return page.show("bridges.html", bridges=bridges)


@router.get("/bridges/{asset_id}")
async def show(page: ViewerPage, asset_id: str) -> Response:
    """The page."""
    registry = page.parts.registry()
    asset = _bridge(registry, asset_id)
    sensors = await _sensors(page, asset_id)
    return await run_in_threadpool(_drawn, page, registry, asset, asset_id, sensors)


def _drawn(
    page: Page, registry: Registry, asset: int, asset_id: str, sensors: Sequence[Mapping[str, Any]]
) -> Response:
    now = page.parts.clock.now()
    with reading(page.parts.database) as connection:
        rung = alarms(connection, asset_id, 0, now + DAY_US, page.language)
        works = _works(connection, asset_id, page.language)
    return page.show(
        "bridge.html",
        asset={"asset_id": asset_id}
        | {name: registry.assets.text(name, asset) for name in ("name", "road", "district", "material")},
        sensors=sensors,
        levels=_levels(page, registry, asset, now),
        drawing=elevation(sensors),
        sections=list(dict.fromkeys(row["section"] for row in sensors if row["role"] == "gauge")),
        alarms=list(reversed(rung))[:ALARMS_SHOWN],
        works=works,
        month=f"{datetime.fromtimestamp(now / 1e6, page.zone):%Y-%m}",
        has_archive=page.parts.archive is not None,
        may_record=page.may(Role.SUPERVISOR),
        begin=f"{datetime.fromtimestamp(now / 1e6, page.zone):%Y-%m-%dT%H:%M}",
    )


@router.get("/bridges/{asset_id}/course")
async def course(page: ViewerPage, asset_id: str, days: Annotated[int, Query(ge=1, le=400)] = 30) -> Response:
    """Gauges with their residuals and CUSUMs, and their strain against temperature by the hour."""
    registry = page.parts.registry()
    asset = _bridge(registry, asset_id)
    sensors = await _sensors(page, asset_id)
    now = page.parts.clock.now()
    try:
        hours = await run_in_threadpool(_hours, page, registry, asset, now - days * DAY_US, now)
    except ArchiveUnavailableError as error:
        raise HTTPException(503, str(error)) from None
    gauges = [{**row, **hours.get(row["sensor_id"], {})} for row in sensors if row["role"] == "gauge"]
    return JSONResponse({"gauges": gauges}, headers={"Cache-Control": "no-store"})


@router.post("/bridges/{asset_id}/works")
def work(
    page: SupervisorPage,
    asset_id: str,
    begin: Annotated[str, Form(max_length=32)] = "",
    end: Annotated[str, Form(max_length=32)] = "",
    why: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Record works on the bridge: its gauges learn anew when they end."""
    if not why.strip():
        return page.refuse(422, page.say("console_bridge.works.why_needed"))
    try:
        start, stop = (
            int(datetime.fromisoformat(told).replace(tzinfo=page.zone).timestamp() * 1e6)
            for told in (begin, end)
        )
    except ValueError:
        return page.refuse(422, page.say("console_bridge.works.bad_time"))
    if stop <= start:
        return page.refuse(422, page.say("console_bridge.works.bad_window"))
    try:
        announce_work(
            page.parts.database,
            asset_id,
            start=start,
            end=stop,
            kind="intervention",
            note=why.strip(),
            recorded_at=page.parts.clock.now(),
            who=page.who,
            beside=page.audited("bridge.intervention", f"asset:{asset_id}", why=why.strip()),
        )
    except UnknownAssetError:
        return page.refuse(404, page.say("assets.unknown", asset_id=asset_id))
    return page.go_to(f"/bridges/{asset_id}#works")


@router.get("/bridges/{asset_id}/report")
def report(page: ViewerPage, asset_id: str, month: Annotated[str, Query(max_length=16)]) -> Response:
    """The report of a month, made now in a process of its own."""
    parts, registry = page.parts, page.parts.registry()
    asset = _bridge(registry, asset_id)
    try:
        span = month_of(month, page.zone)
    except ValueError:
        return page.refuse(422, page.say("bridge_report.bad_month", value=month))
    if parts.archive is None:
        return page.refuse(404, page.say("console_bridge.no_archive"))
    archive = parts.archive
    part, rows = part_of_asset(registry, asset)
    ids = [registry.sensor_id(int(row)) for row in rows]

    def read(since: int, until: int) -> pa.Table:
        return archive.readings(since, until, ids)

    try:
        frame = archived_frame(read, registry, span, HISTORY_DAYS, page.language)
    except ArchiveUnavailableError as error:
        return page.refuse(503, page.say("bridge_report.archive_away", reason=error))
    if len(frame) == 0 or int(frame.time[-1]) < span.since:
        return page.refuse(404, page.say("bridge_report.no_readings", asset_id=asset_id, month=span.name))
    controls, told = people.of(parts.database, asset_id, ids, asset, span, page.language)
    rules = load_rules(parts.settings.rules) if parts.settings.rules else RuleSet()
    drawn = made_apart(
        Order(
            part,
            rules,
            frame_of_part(frame, rows),
            controls,
            month=span.name,
            zone=parts.settings.timezone,
            made_at=parts.clock.now(),
            source=parts.settings.archive.kind,
            language=page.language,
            told=told,
        )
    )
    return HTMLResponse(drawn, headers={"Content-Security-Policy": REPORT_CSP, "Cache-Control": "no-store"})


def _bridge(registry: Registry, asset_id: str) -> int:
    asset = registry.asset_index(asset_id)
    if asset == UNKNOWN or registry.assets.kind[asset] != Kind.BRIDGE:
        raise HTTPException(404, f"no bridge {asset_id}")
    return asset


async def _sensors(page: Page, asset_id: str) -> list[dict[str, Any]]:
    """Rows of `jingqiao.bridge_state`; of the registry alone where no engine runs."""
    if page.parts.bridge_state is not None:
        return await page.parts.bridge_state(asset_id)
    registry = page.parts.registry()
    sensors = registry.sensors
    return [
        {
            "sensor_id": registry.sensor_id(row),
            "role": SensorRole(int(sensors.role[row])).name.lower(),
            **NO_COURSE,
            **{name: sensors.text(name, row) for name in ("section", "location", "group")},
        }
        for row in np.flatnonzero(sensors.asset == registry.asset_index(asset_id)).tolist()
    ]


def _levels(page: Page, registry: Registry, asset: int, now: int) -> dict[str, dict[str, Any]]:
    """Sensor id → the last day's extremes of a gauge and the share of its design worst case [%]."""
    if page.parts.archive is None:
        return {}
    rows = np.flatnonzero(registry.sensors.asset == asset).tolist()
    try:
        table = page.parts.archive.extremes(
            now - DAY_US, now, [registry.sensor_id(row) for row in rows], DAY_US, ("strain_ue",)
        )
    except ArchiveUnavailableError:
        return {}
    if "strain_ue_min" not in table.column_names:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        sensor = registry.sensor_index(row["sensor_id"])
        low, high = row["strain_ue_min"], row["strain_ue_max"]
        if low is None or high is None:
            continue
        before = found.get(row["sensor_id"])
        if before is not None:
            low, high = min(low, before["least"]), max(high, before["greatest"])
        bounds = float(registry.sensors.strain_min_ue[sensor]), float(registry.sensors.strain_max_ue[sensor])
        shares = [
            100 * value / bound
            for value, bound in ((low, bounds[0]), (high, bounds[1]))
            if math.isfinite(bound) and bound
        ]
        found[row["sensor_id"]] = {
            "least": low,
            "greatest": high,
            "bounds": [None if math.isnan(bound) else bound for bound in bounds],
            "share": round(max(shares)) if shares else None,
        }
    return found


def _works(connection: sa.Connection, asset_id: str, language: Language) -> list[dict[str, Any]]:
    """Announced works and new baselines of a bridge, the newest first, with what they muted."""
    table = control_request
    rows = connection.execute(
        sa.select(table)
        .where(table.c.name.in_(("intervention", "permit", "rebaseline")))
        .order_by(table.c.id.desc())
    ).mappings()
    found = [
        {
            "kind": row["name"],
            "from": row["payload"].get("from") or row["at"],
            "to": row["payload"].get("to"),
            "who": row["who"],
            "why": row["why"] or row["payload"].get("note") or "",
            "in_force": row["taken_seq"] is not None,
            "id": row["id"],
        }
        for row in rows
        if row["payload"].get("asset_id") == asset_id
    ][:WORKS_SHOWN]
    muted = muted_by(connection, [row["id"] for row in found])
    return [{**row, "muted": [as_json(item, language) for item in muted.get(row["id"], ())]} for row in found]


def _hours(page: Page, registry: Registry, asset: int, since: int, until: int) -> dict[str, dict[str, Any]]:
    """Gauge → t [s], strain_ue and temperature_c beside it, by the hour. Raises ArchiveUnavailableError."""
    if page.parts.archive is None:
        return {}
    rows = np.flatnonzero(registry.sensors.asset == asset).tolist()
    ids = [registry.sensor_id(row) for row in rows]
    table = page.parts.archive.extremes(since, until, ids, HOUR_US, ("strain_ue", "temperature_c"))
    strain, warm = _middles(table, "strain_ue"), _middles(table, "temperature_c")
    section = {registry.sensor_id(row): registry.sensors.text("section", row) for row in rows}
    found: dict[str, dict[str, Any]] = {}
    for sensor_id, values in strain.items():
        near = [w for other, w in warm.items() if section[other] == section[sensor_id]]
        beside = [warm[sensor_id]] if sensor_id in warm else near or list(warm.values())
        times = sorted(values)
        degrees = [[w[t] for w in beside if t in w] for t in times]
        found[sensor_id] = {
            "t": times,
            "strain_ue": [round(values[t], 2) for t in times],
            "temperature_c": [round(sum(d) / len(d), 2) if d else None for d in degrees],
        }
    return found


def _middles(table: pa.Table, name: str) -> dict[str, dict[int, float]]:
    """Sensor id → {second: middle of least and greatest of that hour}."""
    found: dict[str, dict[int, float]] = {}
    if f"{name}_min" not in table.column_names:
        return found
    seconds = (table["t"].cast(pa.int64()).to_numpy() // 1_000_000).tolist()
    cells = (table[column].to_pylist() for column in ("sensor_id", f"{name}_min", f"{name}_max"))
    for t, sensor_id, low, high in zip(seconds, *cells, strict=True):
        if low is not None and high is not None:
            found.setdefault(sensor_id, {})[int(t)] = (low + high) / 2
    return found
