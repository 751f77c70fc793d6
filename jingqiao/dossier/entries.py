"""What people write into an asset's file: inspections, repairs, photos, notes, status, announced work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.database import Beside, nothing_beside, writing
from jingqiao.dossier.registry_store import new_version, request_control
from jingqiao.dossier.tables import asset, entry

KINDS: Final = ("inspection", "repair", "intervention", "photo", "note", "calibration")
STATUSES: Final = ("in_use", "abandoned", "filled", "removed", "under_repair", "over_age")
"""Statuses that Jingqiao knows; a city may import others."""


class UnknownAssetError(LookupError):
    """The dossier has no asset of that id."""


class UnknownSensorError(LookupError):
    """The dossier has no sensor of that id."""


def is_stranger(connection: sa.Connection, asset_id: str) -> bool:
    """Whether the dossier has assets, but none of that id. An empty one knows of nobody."""
    if connection.scalar(sa.select(asset.c.row).where(asset.c.asset_id == asset_id)) is not None:
        return False
    return connection.scalar(sa.select(asset.c.row).limit(1)) is not None


def asset_row(connection: sa.Connection, asset_id: str) -> int:
    """The asset's row. Raises UnknownAssetError."""
    row = connection.scalar(sa.select(asset.c.row).where(asset.c.asset_id == asset_id))
    if row is None:
        raise UnknownAssetError(asset_id)
    return int(row)


def write_entry(
    connection: sa.Connection,
    what: str,
    *,
    at: int,
    recorded_at: int,
    who: str,
    asset_row: int | None = None,
    sensor_row: int | None = None,
    note: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add one entry within a transaction. at : when it happened [µs]."""
    connection.execute(
        entry.insert().values(
            what=what,
            at=at,
            recorded_at=recorded_at,
            who=who,
            asset_row=asset_row,
            sensor_row=sensor_row,
            note=note,
            details=dict(details or {}),
        )
    )


def add_entry(
    database: sa.Engine,
    asset_id: str,
    what: str,
    *,
    at: int,
    recorded_at: int,
    who: str,
    note: str = "",
    details: Mapping[str, Any] | None = None,
    beside: Beside = nothing_beside,
) -> None:
    """Add an inspection, repair, intervention, photo or note. Raises UnknownAssetError."""
    if what not in KINDS:
        raise ValueError(f"{what!r} is none of {', '.join(KINDS)}")
    with writing(database) as connection:
        row = asset_row(connection, asset_id)
        write_entry(
            connection,
            what,
            at=at,
            recorded_at=recorded_at,
            who=who,
            asset_row=row,
            note=note,
            details=details,
        )
        beside(connection, row)


def set_column(
    database: sa.Engine,
    asset_id: str,
    name: str,
    value: Any,
    *,
    at: int,
    recorded_at: int,
    who: str,
    why: str,
) -> bool:
    """Change `status` or `fall_net` of an asset and write down what it was; False where it is so already.

    Raises UnknownAssetError.
    """
    if name not in ("status", "fall_net"):
        raise ValueError(f"{name!r} is changed by an import")
    with writing(database) as connection:
        row = asset_row(connection, asset_id)
        before = connection.scalar(sa.select(asset.c[name]).where(asset.c.row == row))
        if before == value:
            return False
        connection.execute(asset.update().where(asset.c.row == row).values({name: value}))
        write_entry(
            connection,
            "status" if name == "status" else "changed",
            at=at,
            recorded_at=recorded_at,
            who=who,
            asset_row=row,
            note=why,
            details={name: [before, value]},
        )
        new_version(connection, recorded_at, who, f"{name} {asset_id}", {"assets_changed": 1})
    return True


def announce_work(
    database: sa.Engine,
    asset_id: str,
    *,
    start: int,
    end: int,
    kind: str,
    note: str,
    recorded_at: int,
    who: str,
    beside: Beside = nothing_beside,
) -> int:
    """A permit (a lid is opened) or an intervention (on a bridge or a sensor) from `start` to `end` [µs].

    Kept in the asset's file and asked of the service. Returns the request's id. Raises UnknownAssetError.
    """
    if kind not in ("permit", "intervention"):
        raise ValueError(f"{kind!r} is neither permit nor intervention")
    if end <= start:
        raise ValueError("the window ends before it begins")
    payload = {"asset_id": asset_id, "from": start, "to": end, "kind": kind, "note": note}
    with writing(database) as connection:
        row = asset_row(connection, asset_id)
        # In force as soon as it is in the log, even when it begins later: its times are in the payload.
        number = request_control(connection, kind, payload, recorded_at, recorded_at, who, note)
        write_entry(
            connection,
            kind,
            at=start,
            recorded_at=recorded_at,
            who=who,
            asset_row=row,
            note=note,
            details={"from": start, "to": end, "permit": number},
        )
        beside(connection, number)
        return number
