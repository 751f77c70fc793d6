"""What people did on a bridge: controls for the replay, and incidents and entries for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from config.messages import Language
from ingest.log import Control
from jingqiao.bridge_report.month import Month
from jingqiao.bridge_report.report import Told
from jingqiao.database import reading
from jingqiao.dossier.tables import control_request, entry
from jingqiao.incidents.incident import from_row
from jingqiao.incidents.tables import incident
from jingqiao.incidents.view import as_json
from jingqiao.modal.observation import kept
from jingqiao.modal.works import works_on

REPLAYED = ("permit", "intervention", "rebaseline", "calibrate")
SHOWN = ("inspection", "repair", "note", "photo", "calibration")


def of(
    database: sa.Engine,
    asset_id: str,
    sensor_ids: Sequence[str],
    asset_row: int,
    month: Month,
    language: Language,
) -> tuple[list[Control], Told]:
    """Controls of the asset and its sensors by time; incidents and entries of the month, and what its
    acceleration showed until then."""
    with reading(database) as connection:
        asked = connection.execute(
            sa.select(control_request)
            .where(control_request.c.name.in_(REPLAYED), control_request.c.at < month.until)
            .order_by(control_request.c.at)
        ).mappings()
        controls = [
            Control(row["name"], {**row["payload"], "who": row["who"], "why": row["why"]}, row["at"])
            for row in asked
            if _concerns(row["payload"], asset_id, sensor_ids)
        ]
        found = connection.execute(
            sa.select(incident)
            .where(
                incident.c.asset_id == asset_id,
                incident.c.opened_at < month.until,
                sa.or_(incident.c.finished_at.is_(None), incident.c.finished_at >= month.since),
            )
            .order_by(incident.c.opened_at)
        ).mappings()
        incidents = [as_json(from_row(dict(row)), language) for row in found]
        entries = connection.execute(
            sa.select(entry)
            .where(
                entry.c.asset_row == asset_row,
                entry.c.what.in_(SHOWN),
                entry.c.at >= month.since,
                entry.c.at < month.until,
            )
            .order_by(entry.c.at)
        ).mappings()
        rows: list[dict[str, Any]] = [
            {name: row[name] for name in ("at", "what", "who", "note")} for row in entries
        ]
    hours = kept(database, asset_id, until=month.until)
    return controls, Told(incidents, rows, hours, works_on(database, asset_id, hours))


def _concerns(payload: Any, asset_id: str, sensor_ids: Sequence[str]) -> bool:
    named = {str(payload.get("sensor_id") or ""), *(str(s) for s in payload.get("sensor_ids") or ())}
    return payload.get("asset_id") == asset_id or bool(named & set(sensor_ids))
