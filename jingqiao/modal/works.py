"""When a bridge was worked on: its modes are learned anew."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.dossier.tables import control_request


def works_on(database: sa.Engine, asset_id: str) -> list[tuple[int, int]]:
    """(from, to) [µs] of the interventions and new baselines of a bridge, by time."""
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(control_request.c.payload, control_request.c.at)
            .where(control_request.c.name.in_(("intervention", "rebaseline")))
            .order_by(control_request.c.at)
        ).all()
    return [
        (int(row.payload.get("from") or row.at), int(row.payload.get("to") or row.at))
        for row in rows
        if row.payload.get("asset_id") == asset_id
    ]
