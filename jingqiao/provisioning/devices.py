"""Sensors come, move and go: every step is a row, and the running service is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from devices.import_csv import default_roles
from devices.models import MODELS
from devices.registry import Role
from jingqiao.database import writing
from jingqiao.dossier.entries import UnknownSensorError, asset_row, write_entry
from jingqiao.dossier.registry_store import new_version, request_control
from jingqiao.dossier.tables import asset, binding, sensor
from jingqiao.incidents.tables import incident
from jingqiao.provisioning.tables import refused

_ID: Final = re.compile(r"[^\x00-\x20\x7f/+#][^\x00-\x1f\x7f/+#]{0,63}")
FACTS: Final = (
    "location",
    "section",
    "group",
    "heartbeat_s",
    "e_gpa",
    "alpha_per_c",
    "strain_min_ue",
    "strain_max_ue",
    "design_live_ue",
    "design_min",
    "design_max",
)
"""What may be said of a new sensor besides its model and role."""


class SensorExistsError(ValueError):
    """A sensor of that id is in the dossier already."""


class AlarmFiringError(ValueError):
    """Its asset is in alarm: a new baseline would call an open lid whole."""

    def __init__(self, sensor_id: str, incident_id: int) -> None:
        self.sensor_id = sensor_id
        self.incident_id = incident_id
        super().__init__(f"{sensor_id}: incident {incident_id} is firing")


_OF_THE_PLACE = ("missing", "tilted", "sunken", "loose", "damaged", "drift")
"""Hazards that are judged against a baseline."""


class NotBoundError(ValueError):
    """The sensor is bound to nothing."""


def sensor_facts(connection: sa.Connection, sensor_id: str) -> Mapping[str, Any]:
    """The sensor's row of the table. Raises UnknownSensorError."""
    found = connection.execute(sensor.select().where(sensor.c.sensor_id == sensor_id)).mappings().first()
    if found is None:
        raise UnknownSensorError(sensor_id)
    return dict(found)


def add(
    database: sa.Engine,
    sensor_id: str,
    asset_id: str,
    *,
    model: str = "native",
    role: str | None = None,
    facts: Mapping[str, Any] | None = None,
    at: int,
    who: str,
    why: str = "",
) -> None:
    """Take a new sensor into the dossier and bind it; what it sent before is put through again.

    role : by default that of its model, else of what it is bound to. facts : some of `FACTS`.
    Raises SensorExistsError, UnknownAssetError, ValueError (id, model or role that cannot be).
    """
    with writing(database) as connection:
        _add(connection, sensor_id, asset_row(connection, asset_id), model, role, facts or {}, at, who, why)


def bind(database: sa.Engine, sensor_id: str, asset_id: str, *, at: int, who: str, why: str = "") -> None:
    """Bind a known sensor to an asset, from now on; its baseline is taken anew there.

    Raises UnknownSensorError, UnknownAssetError.
    """
    with writing(database) as connection:
        _move(connection, sensor_facts(connection, sensor_id), asset_row(connection, asset_id), at, who, why)


def unbind(database: sa.Engine, sensor_id: str, *, at: int, who: str, why: str = "") -> None:
    """Take a sensor off its asset. It stays known: what it sends is kept, and judged for nothing.

    Raises UnknownSensorError, NotBoundError.
    """
    with writing(database) as connection:
        facts = sensor_facts(connection, sensor_id)
        if facts["asset_row"] is None:
            raise NotBoundError(sensor_id)
        _unbind(connection, facts["row"], facts["asset_row"], at, who, why)
        new_version(connection, at, who, f"unbind {sensor_id}", {"sensors_changed": 1})


def replace(
    database: sa.Engine,
    old_id: str,
    new_id: str,
    *,
    model: str | None = None,
    at: int,
    who: str,
    why: str = "",
) -> None:
    """Put a new sensor in the place of an old one: same asset, role and facts; the old one is unbound.

    model : of the new one, by default that of the old. Raises UnknownSensorError (old), NotBoundError (old),
    SensorExistsError (new is bound already), ValueError.
    """
    with writing(database) as connection:
        old = sensor_facts(connection, old_id)
        target = old["asset_row"]
        if target is None:
            raise NotBoundError(old_id)
        try:
            new = sensor_facts(connection, new_id)
        except UnknownSensorError:
            role, facts = Role(old["role"]).name.lower(), {name: old[name] for name in FACTS}
            _add(connection, new_id, target, model or old["model"], role, facts, at, who, why)
        else:
            if new["asset_row"] is not None:
                raise SensorExistsError(new_id)
            _move(connection, new, target, at, who, why)
        _unbind(connection, old["row"], target, at, who, why)
        write_entry(
            connection,
            "replaced",
            at=at,
            recorded_at=at,
            who=who,
            asset_row=target,
            sensor_row=old["row"],
            note=why,
            details={"sensor_id": [old_id, new_id]},
        )
        new_version(connection, at, who, f"replace {old_id} by {new_id}", {"sensors_changed": 1})


def refuse(database: sa.Engine, sensor_id: str, *, at: int, who: str, why: str = "") -> None:
    """Strike an unknown sender from the list of those to be bound; its messages stay in the dead letters."""
    with writing(database) as connection:
        connection.execute(refused.delete().where(refused.c.sensor_id == sensor_id))
        connection.execute(refused.insert().values(sensor_id=sensor_id, at=at, who=who, why=why))


def rebaseline(
    database: sa.Engine, sensor_id: str, *, at: int, who: str, why: str, anyway: bool = False
) -> None:
    """Ask the service to take the sensor's baseline anew from its next stable readings.

    anyway : bool  Also while its asset is in alarm: the new baseline will end that alarm, though an open
        lid may still be open.

    Raises UnknownSensorError and AlarmFiringError.
    """
    with writing(database) as connection:
        facts = sensor_facts(connection, sensor_id)
        firing = connection.execute(
            sa.select(incident.c.id, incident.c.hazard)
            .join(asset, asset.c.asset_id == incident.c.asset_id)
            .where(
                asset.c.row == facts["asset_row"],
                incident.c.alarm_firing,
                incident.c.hazard.in_(_OF_THE_PLACE),
            )
        ).first()
        if firing is not None and not anyway:
            raise AlarmFiringError(sensor_id, firing.id)
        _redo_baseline(connection, sensor_id, facts["row"], at, who, why)


def listed(connection: sa.Connection, *, only_unbound: bool = False) -> list[dict[str, Any]]:
    """All sensors with the asset of each; None = bound to nothing."""
    query = (
        sa.select(sensor, asset.c.asset_id)
        .outerjoin(asset, asset.c.row == sensor.c.asset_row)
        .order_by(sensor.c.row)
    )
    if only_unbound:
        query = query.where(sensor.c.asset_row.is_(None))
    return [
        {
            "sensor_id": row["sensor_id"],
            "asset_id": row["asset_id"],
            "model": row["model"],
            "role": Role(row["role"]).name.lower(),
            "location": row["location"],
            "heartbeat_s": row["heartbeat_s"],
        }
        for row in connection.execute(query).mappings()
    ]


def _add(
    connection: sa.Connection,
    sensor_id: str,
    target: int,
    model: str,
    role: str | None,
    facts: Mapping[str, Any],
    at: int,
    who: str,
    why: str,
) -> None:
    if not _ID.fullmatch(sensor_id):
        raise ValueError(f"{sensor_id!r} cannot stand in a topic: 1 to 64 characters without / + #")
    if model not in MODELS:
        raise ValueError(f"unknown model {model!r}; known: {', '.join(MODELS)}")
    if connection.scalar(sa.select(sensor.c.row).where(sensor.c.sensor_id == sensor_id)) is not None:
        raise SensorExistsError(sensor_id)
    last = connection.scalar(sa.select(sa.func.max(sensor.c.row)))
    row = 0 if last is None else int(last) + 1
    if role is None:
        kind = connection.scalar(sa.select(asset.c.kind).where(asset.c.row == target))
        role = Role(int(default_roles(pa.array([model]), np.array([kind], np.int8))[0])).name
    connection.execute(
        sensor.insert().values(
            row=row,
            sensor_id=sensor_id,
            asset_row=None,
            model=model,
            role=int(Role[role.upper()]),
            installed_at=at,
            **{name: facts[name] for name in FACTS if name in facts},
        )
    )
    _bind(connection, row, target, at, who, why)
    connection.execute(refused.delete().where(refused.c.sensor_id == sensor_id))
    new_version(connection, at, who, f"add {sensor_id}", {"sensors_new": 1})
    request_control(connection, "retry", {"sensor_ids": [sensor_id]}, at, at, who, why)


def _move(
    connection: sa.Connection, facts: Mapping[str, Any], target: int, at: int, who: str, why: str
) -> None:
    if facts["asset_row"] == target:
        return
    row, sensor_id = facts["row"], facts["sensor_id"]
    if facts["asset_row"] is not None:
        _unbind(connection, row, facts["asset_row"], at, who, why)
    _bind(connection, row, target, at, who, why)
    new_version(connection, at, who, f"bind {sensor_id}", {"sensors_changed": 1})
    _redo_baseline(connection, sensor_id, row, at, who, why)


def _bind(connection: sa.Connection, row: int, target: int, at: int, who: str, why: str) -> None:
    connection.execute(sensor.update().where(sensor.c.row == row).values(asset_row=target))
    connection.execute(
        binding.insert().values(sensor_row=row, asset_row=target, from_at=at, who=who, why=why)
    )
    write_entry(
        connection, "bound", at=at, recorded_at=at, who=who, asset_row=target, sensor_row=row, note=why
    )


def _unbind(connection: sa.Connection, row: int, source: int, at: int, who: str, why: str) -> None:
    connection.execute(sensor.update().where(sensor.c.row == row).values(asset_row=None))
    connection.execute(
        binding.update().where(binding.c.sensor_row == row, binding.c.to_at.is_(None)).values(to_at=at)
    )
    write_entry(
        connection, "unbound", at=at, recorded_at=at, who=who, asset_row=source, sensor_row=row, note=why
    )


def _redo_baseline(connection: sa.Connection, sensor_id: str, row: int, at: int, who: str, why: str) -> None:
    write_entry(connection, "rebaseline", at=at, recorded_at=at, who=who, sensor_row=row, note=why)
    payload = {"sensor_id": sensor_id, "sensor": row}
    request_control(connection, "rebaseline", payload, at, at, who, why)
