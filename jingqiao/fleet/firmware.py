"""Which devices run what: counts by model and firmware, and the sensors behind a count."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from devices.versions import Versions
from jingqiao.dossier.tables import asset, device_versions, sensor


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which devices are asked for.

    firmware : exactly this one. untold : only those that never said what they run.
    """

    model: str = ""
    firmware: str = ""
    untold: bool = False
    sensor_ids: Collection[str] = ()


def by_firmware(connection: sa.Connection) -> list[dict[str, Any]]:
    """Model, firmware ("" = never told), how many sensors, and when the newest said so [µs], by model."""
    told = sa.func.coalesce(device_versions.c.firmware, "").label("firmware")
    query = (
        sa.select(
            sensor.c.model,
            told,
            sa.func.count().label("sensors"),
            sa.func.max(device_versions.c.said_at).label("said_at"),
        )
        .outerjoin(device_versions, device_versions.c.sensor_row == sensor.c.row)
        .group_by(sensor.c.model, told)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (row["model"], row["firmware"] == "", row["firmware"]))


def devices(
    connection: sa.Connection, wanted: Wanted, after: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Sensors in the registry's order, each with its asset and what its device said of itself.

    after : only rows of the registry behind this many. The `row` of an answer's last one leads on.
    """
    query = (
        sa.select(
            sensor.c.row,
            sensor.c.sensor_id,
            sensor.c.model,
            asset.c.asset_id,
            asset.c.name,
            *(sa.func.coalesce(device_versions.c[name], "").label(name) for name in Versions._fields),
            device_versions.c.said_at,
        )
        .outerjoin(device_versions, device_versions.c.sensor_row == sensor.c.row)
        .outerjoin(asset, asset.c.row == sensor.c.asset_row)
        .where(sensor.c.row >= after, *_conditions(wanted))
        .order_by(sensor.c.row)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.model:
        found.append(sensor.c.model == wanted.model)
    if wanted.firmware:
        found.append(device_versions.c.firmware == wanted.firmware)
    if wanted.untold:
        found.append(sa.func.coalesce(device_versions.c.firmware, "") == "")
    if wanted.sensor_ids:
        found.append(sensor.c.sensor_id.in_(list(wanted.sensor_ids)))
    return found
