"""What stands at each asset now, for the map: the gravest of its live incidents, or that all is quiet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from devices.registry import UNBOUND, UNKNOWN, Registry
from jingqiao.incidents.incident import LIVE
from jingqiao.incidents.store import changed_since
from jingqiao.incidents.tables import alarm_change, incident, incident_transition
from rules.alarm import Hazard, Severity


class MapState(IntEnum):
    """How an asset is drawn, the gravest last. Silence is not danger: 失联 must never read as 缺失."""

    UNWATCHED = 0
    QUIET = 1
    SENSOR = 2
    """Sensor fault or low battery."""
    SILENT = 3
    BLUE = 4
    YELLOW = 5
    ORANGE = 6
    RED = 7


ALERTING: Final = tuple(MapState)[2:]
"""States behind which an incident stands."""

_OF_DEVICE: Final = {
    Hazard.SILENT.value: MapState.SILENT,
    Hazard.SENSOR_FAULT.value: MapState.SENSOR,
    Hazard.BATTERY_LOW.value: MapState.SENSOR,
}
_OF_SEVERITY: Final = {
    Severity.BLUE: MapState.BLUE,
    Severity.YELLOW: MapState.YELLOW,
    Severity.ORANGE: MapState.ORANGE,
    Severity.RED: MapState.RED,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One live incident of an asset with a place in the registry."""

    incident_id: int
    asset: int
    hazard: str
    severity: int
    state: str
    opened_at: int
    map_state: MapState
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """Live incidents by asset.

    state : uint8[n_assets]  `MapState`.
    alerts : tuple[Alert, ...]  Gravest first, then the oldest.
    """

    state: npt.NDArray[np.uint8]
    alerts: tuple[Alert, ...]


def map_state(hazard: str, severity: int) -> MapState:
    """How an incident shows."""
    return _OF_DEVICE.get(hazard) or _OF_SEVERITY[Severity(severity)]


def change_mark(connection: sa.Connection) -> tuple[int, ...]:
    """Differs when any live incident may differ; two index look-ups."""
    query = sa.select(
        sa.select(sa.func.max(incident_transition.c.id)).scalar_subquery(),
        sa.select(sa.func.max(alarm_change.c.id)).scalar_subquery(),
    )
    return tuple(int(value or 0) for value in connection.execute(query).one())


def quiet_states(registry: Registry) -> npt.NDArray[np.uint8]:
    """uint8[n_assets]  QUIET where a sensor is bound, UNWATCHED elsewhere."""
    state = np.full(len(registry.assets), MapState.UNWATCHED, np.uint8)
    bound = registry.sensors.asset
    state[bound[bound != UNBOUND]] = MapState.QUIET
    return state


def overlay(connection: sa.Connection, registry: Registry, quiet: npt.NDArray[np.uint8]) -> Overlay:
    """The overlay of the moment. An incident of a gateway or sensor marks the assets of its sensors."""
    return _laid_over(quiet, _alerts(connection, registry))


def followed(
    connection: sa.Connection, registry: Registry, quiet: npt.NDArray[np.uint8], before: Overlay, seen: int
) -> Overlay:
    """The overlay of the moment from one of the same registry: only what changed since is read.

    seen : number of the newest transition that is in `before` (the first of its `change_mark`).
    """
    changed = changed_since(connection, seen)
    if changed is None:
        return overlay(connection, registry, quiet)
    kept = [alert for alert in before.alerts if alert.incident_id not in changed]
    fresh = _alerts(connection, registry, incident.c.id.in_(sorted(changed)))
    return _laid_over(quiet, kept + fresh)


def _alerts(connection: sa.Connection, registry: Registry, *only: sa.ColumnElement[bool]) -> list[Alert]:
    query = sa.select(
        incident.c.id,
        incident.c.asset_id,
        incident.c.hazard,
        incident.c.severity,
        incident.c.state,
        incident.c.opened_at,
        incident.c.sensor_ids,
        incident.c.exercise,
    ).where(incident.c.state.in_([state.value for state in LIVE]), *only)
    rows = connection.execute(query).all()
    assets = registry.asset_indices([row.asset_id for row in rows])
    alerts: list[Alert] = []
    for row, own in zip(rows, assets.tolist(), strict=True):
        places = [own] if own != UNKNOWN else _assets_of(registry, row.sensor_ids)
        shown = map_state(row.hazard, row.severity)
        alerts += [
            Alert(row.id, place, row.hazard, row.severity, row.state, row.opened_at, shown, row.exercise)
            for place in places
        ]
    return alerts


def _laid_over(quiet: npt.NDArray[np.uint8], alerts: list[Alert]) -> Overlay:
    alerts.sort(key=lambda alert: (-alert.map_state, -alert.severity, alert.opened_at, alert.incident_id))
    state = quiet.copy()
    if alerts:
        where = np.array([alert.asset for alert in alerts])
        np.maximum.at(state, where, np.array([alert.map_state for alert in alerts], np.uint8))
    return Overlay(state, tuple(alerts))


def _assets_of(registry: Registry, sensor_ids: list[str]) -> list[int]:
    found = registry.sensor_indices([str(sensor_id) for sensor_id in sensor_ids])
    assets = registry.sensors.asset[found[found != UNKNOWN]]
    return sorted({int(asset) for asset in assets if asset != UNBOUND})
