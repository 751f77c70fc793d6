"""Facts of an asset that people need in a message: from the registry, by asset or by sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from devices.registry import UNBOUND, UNKNOWN, Kind, Registry


@dataclass(frozen=True, slots=True)
class Facts:
    """Where and what a subject is; "" and None = unknown."""

    kind: str = ""
    name: str = ""
    district: str = ""
    road: str = ""
    lon: float | None = None
    lat: float | None = None


def asset_facts(registry: Registry, asset_id: str, sensor_id: str = "") -> Facts:
    """Facts of an asset; of the asset of a sensor where only that is known; empty where neither is."""
    index = registry.asset_index(asset_id) if asset_id else UNKNOWN
    if index == UNKNOWN and sensor_id:
        sensor = registry.sensor_index(sensor_id)
        index = int(registry.sensors.asset[sensor]) if sensor != UNKNOWN else UNBOUND
    if index < 0:
        return Facts()
    assets = registry.assets
    return Facts(
        kind=Kind(int(assets.kind[index])).name.lower(),
        name=assets.text("name", index),
        district=assets.text("district", index),
        road=assets.text("road", index),
        lon=_known(float(assets.lon[index])),
        lat=_known(float(assets.lat[index])),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
