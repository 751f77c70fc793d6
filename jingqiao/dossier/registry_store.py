"""The registry in the database: read whole as columns, its version, and requests to the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, UNBOUND, UNKNOWN, Assets, Registry, Sensors
from jingqiao.database import reading
from jingqiao.dossier import bulk
from jingqiao.dossier.tables import asset, control_request, registry_version, sensor


def load_registry(database: sa.Engine) -> Registry:
    """All assets and sensors, each in the row that it was once given."""
    with reading(database) as connection:
        return read_registry_tables(connection)


def read_registry_tables(connection: sa.Connection) -> Registry:
    """The same, within a transaction."""
    assets = bulk.select(connection, asset, "row")
    sensors = bulk.select(connection, sensor, "row")
    for rows in (assets["row"], sensors["row"]):
        assert len(rows) == 0 or rows[-1].as_py() == len(rows) - 1, "registry rows have a gap"
    return Registry(
        Assets(
            texts={name: assets[name] for name in ASSET_TEXTS},
            kind=_numbers(assets["kind"], 0, np.int8),
            lon=_numbers(assets["lon"], np.nan, np.float64),
            lat=_numbers(assets["lat"], np.nan, np.float64),
            installed_on=_numbers(assets["installed_on"], -1, np.int32),
            design_life_years=_numbers(assets["design_life_years"], np.nan, np.float32),
            low_lying=_numbers(assets["low_lying"], UNKNOWN, np.int8),
            fall_net=_numbers(assets["fall_net"], UNKNOWN, np.int8),
        ),
        Sensors(
            texts={name: sensors[name] for name in SENSOR_TEXTS},
            asset=_numbers(sensors["asset_row"], UNBOUND, np.int32),
            role=_numbers(sensors["role"], 0, np.int8),
            heartbeat_s=_numbers(sensors["heartbeat_s"], np.nan, np.float32),
            installed_at=_numbers(sensors["installed_at"], 0, np.int64),
            e_gpa=_numbers(sensors["e_gpa"], np.nan, np.float32),
            alpha_per_c=_numbers(sensors["alpha_per_c"], np.nan, np.float32),
            strain_min_ue=_numbers(sensors["strain_min_ue"], np.nan, np.float32),
            strain_max_ue=_numbers(sensors["strain_max_ue"], np.nan, np.float32),
            design_live_ue=_numbers(sensors["design_live_ue"], np.nan, np.float32),
            design_min=_numbers(sensors["design_min"], np.nan, np.float32),
            design_max=_numbers(sensors["design_max"], np.nan, np.float32),
        ),
    )


def load_registry_version(database: sa.Engine) -> int:
    """The version that holds; 0 before the first import. Cheap: the running service polls it."""
    with reading(database) as connection:
        return current_version(connection)


def current_version(connection: sa.Connection) -> int:
    """The same, within a transaction."""
    return int(connection.scalar(sa.select(sa.func.max(registry_version.c.version))) or 0)


def new_version(connection: sa.Connection, at: int, who: str, why: str, counts: Mapping[str, int]) -> int:
    """Make the changes of this transaction a new version, and ask the service to take it."""
    version = current_version(connection) + 1
    connection.execute(
        registry_version.insert().values(version=version, at=at, who=who, why=why, counts=dict(counts))
    )
    request_control(connection, "registry", {"version": version}, at, at, who, why)
    return version


def request_control(
    connection: sa.Connection,
    name: str,
    payload: Mapping[str, Any],
    at: int,
    requested_at: int,
    who: str,
    why: str = "",
) -> int:
    """Queue a change for the running service (rebaseline, permit, intervention, registry, retry)."""
    result = connection.execute(
        control_request.insert().values(
            name=name, payload=dict(payload), at=at, requested_at=requested_at, who=who, why=why
        )
    )
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def _numbers(column: pa.Array, unknown: float, dtype: Any) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = pc.fill_null(column, unknown).to_numpy(zero_copy_only=False)
    return values.astype(dtype)
