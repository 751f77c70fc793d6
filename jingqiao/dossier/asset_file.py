"""The whole file of one asset 一井一档案: what it is, what watches it, all that was ever done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from config.messages import Language
from devices.component_codes import Scheme, parse
from devices.registry import Kind, Role
from devices.versions import Versions
from jingqiao.dossier.dangers import Limits, of_asset
from jingqiao.dossier.entries import asset_row
from jingqiao.dossier.history import found_late
from jingqiao.dossier.permits import WORK
from jingqiao.dossier.plain import day_text, instant_text
from jingqiao.dossier.tables import asset, baseline, binding, device_versions, entry, sensor
from jingqiao.incidents.muted import Muted, muted_by
from jingqiao.incidents.muted import as_json as muted_as_json
from jingqiao.incidents.tables import incident


def asset_file(
    connection: sa.Connection, asset_id: str, now: int, language: Language, scheme: Scheme, limits: Limits
) -> dict[str, Any]:
    """Everything about an asset, JSON-ready, times RFC 3339 UTC. Raises UnknownAssetError."""
    row = asset_row(connection, asset_id)
    facts = dict(connection.execute(asset.select().where(asset.c.row == row)).mappings().one())
    sensors = _rows(
        connection,
        sa.select(
            sensor,
            *(sa.func.coalesce(device_versions.c[name], "").label(name) for name in Versions._fields),
            device_versions.c.said_at.label("versions_at"),
        )
        .outerjoin(device_versions, device_versions.c.sensor_row == sensor.c.row)
        .where(sensor.c.asset_row == row)
        .order_by(sensor.c.row),
    )
    bindings = _rows(
        connection,
        sa.select(binding, sensor.c.sensor_id)
        .join(sensor, sensor.c.row == binding.c.sensor_row)
        .where(binding.c.asset_row == row)
        .order_by(binding.c.from_at, binding.c.id),
    )
    watched = {b["sensor_row"] for b in bindings} | {s["row"] for s in sensors}
    baselines = _rows(
        connection, baseline.select().where(baseline.c.sensor_row.in_(watched)).order_by(baseline.c.id)
    )
    entries = _rows(
        connection,
        sa.select(entry, sensor.c.sensor_id)
        .outerjoin(sensor, sensor.c.row == entry.c.sensor_row)
        .where((entry.c.asset_row == row) | entry.c.sensor_row.in_([s["row"] for s in sensors]))
        .order_by(entry.c.at, entry.c.id),
    )
    incidents = _rows(
        connection,
        sa.select(
            incident.c.id, incident.c.hazard, incident.c.severity, incident.c.state, incident.c.opened_at
        )
        .where(incident.c.asset_id == asset_id)
        .order_by(incident.c.id),
    )
    muted = muted_by(connection, [number for e in entries if (number := e["details"].get("permit"))])
    code = parse(asset_id, scheme, language)
    return {
        **_asset_json(facts),
        "code": None
        if code is None
        else {
            "district": code.district,
            "class": code.main_class + code.subclass,
            "serial": code.serial,
            "meaning": code.meaning,
        },
        "dangers": of_asset(facts, sensors, entries, now, limits),
        "sensors": [_sensor_json(s, bindings, baselines) for s in sensors],
        "bindings": [_binding_json(b) for b in bindings],
        "baselines": [_baseline_json(b) for b in baselines],
        "history": [_entry_json(e) for e in entries],
        "permits": [_permit_json(e, muted, language) for e in reversed(entries) if _is_work(e)],
        "incidents": [{**i, "opened_at": instant_text(i["opened_at"])} for i in incidents],
        "found_late": found_late(connection, [asset_id], language),
    }


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _asset_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    day = facts["installed_on"]
    return {
        **{name: value for name, value in facts.items() if name != "row"},
        "kind": Kind(facts["kind"]).name.lower(),
        "installed_on": None if day is None else day_text(day),
    }


def _sensor_json(
    facts: Mapping[str, Any], bindings: Sequence[Mapping[str, Any]], baselines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    since = [b["from_at"] for b in bindings if b["sensor_row"] == facts["row"] and b["to_at"] is None]
    latest = {b["quantity"]: _baseline_json(b) for b in baselines if b["sensor_row"] == facts["row"]}
    return {
        **{name: value for name, value in facts.items() if name not in ("row", "asset_row")},
        "role": Role(facts["role"]).name.lower(),
        "installed_at": _instant(facts["installed_at"]),
        "versions_at": _instant(facts["versions_at"]),
        "bound_since": _instant(since[-1] if since else None),
        "baseline": latest,
    }


def _binding_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sensor_id": row["sensor_id"],
        "from": _instant(row["from_at"]),
        "to": _instant(row["to_at"]),
        "who": row["who"],
        "why": row["why"],
    }


def _baseline_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("quantity", "value", "samples", "who", "why")} | {
        "at": _instant(row["at"])
    }


def _entry_json(row: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(row["details"])
    for name in ("from", "to"):
        if isinstance(details.get(name), int):
            details[name] = _instant(details[name])
    return {
        "at": _instant(row["at"]),
        "recorded_at": _instant(row["recorded_at"]),
        "who": row["who"],
        "what": row["what"],
        "sensor_id": row["sensor_id"],
        "note": row["note"],
        "details": details,
    }


def _is_work(row: Mapping[str, Any]) -> bool:
    return row["what"] in WORK and {"from", "to"} <= set(row["details"])


def _permit_json(
    row: Mapping[str, Any], muted: Mapping[int, Sequence[Muted]], language: Language
) -> dict[str, Any]:
    number = row["details"].get("permit")
    return {
        "id": number,
        "kind": row["what"],
        "from": _instant(row["details"]["from"]),
        "to": _instant(row["details"]["to"]),
        "note": row["note"],
        "who": row["who"],
        "muted": [muted_as_json(item, language) for item in muted.get(number, ())],
    }


def _instant(micros: int | None) -> str | None:
    return None if micros is None else instant_text(micros)
