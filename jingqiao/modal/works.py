"""When a bridge was worked on, or its accelerometers were begun anew: its modes are learned anew."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.dossier.tables import control_request
from jingqiao.modal.observation import Observation


def works_on(
    database: sa.Engine, asset_id: str, observations: Sequence[Observation]
) -> list[tuple[int, int]]:
    """(from, to) [µs] of the interventions on a bridge, and of new baselines of the accelerometers that the
    observations name, by time.
    """
    sensors = {sensor for one in observations for sensor in one.sensor_ids}
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(control_request.c.payload, control_request.c.at)
            .where(control_request.c.name.in_(("intervention", "rebaseline")))
            .order_by(control_request.c.at)
        ).all()
    return [
        (int(row.payload.get("from") or row.at), int(row.payload.get("to") or row.at))
        for row in rows
        if row.payload.get("asset_id") == asset_id or row.payload.get("sensor_id") in sensors
    ]
