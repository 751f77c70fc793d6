"""Which sensors watch a bridge, which thermometers compensate which gauge, and who is whose neighbour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.registry import UNBOUND, Kind, Registry, Role

NO_CHANNEL = -1
MOVEMENTS = (Role.DEFLECTION, Role.DISPLACEMENT, Role.TILT, Role.ACCELERATION)
"""Roles that are judged by `rules.bridge.movements`, not here."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Dense rows over the gauges and thermometers of bridges, in the order of the registry.

    sensor : int32[c]  Registry index. of_sensor : int32[n_sensors]  Channel, or NO_CHANNEL.
    thermometer : bool[c]
    asset : int32[c]  Row of the asset; a sensor that is bound to none has a negative number of its own.
    near : int32[c]  One number for all gauges of one section (or group, or asset where neither is known).
    sources, others : int32[c, s]  Thermometers that compensate a gauge, and the asset's other ones (for the
        gradient); padded with NO_CHANNEL.
    strain_min_ue, strain_max_ue : float64[c]  Design worst case; infinite where unknown.
    design_live_ue : float64[c]  Strain of the design vehicle [µε]; NaN where unknown.
    beta_prior : float64[c]  Spread of the apparent strain for 1 °C that is thought likely [µε/°C].
    """

    sensor: npt.NDArray[np.int32]
    of_sensor: npt.NDArray[np.int32]
    thermometer: npt.NDArray[np.bool_]
    asset: npt.NDArray[np.int32]
    near: npt.NDArray[np.int32]
    sources: npt.NDArray[np.int32]
    others: npt.NDArray[np.int32]
    strain_min_ue: npt.NDArray[np.float64]
    strain_max_ue: npt.NDArray[np.float64]
    design_live_ue: npt.NDArray[np.float64]
    beta_prior: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sensor)


def channels(registry: Registry) -> Channels:
    """The channels of a registry: every gauge and thermometer, and whatever else is bound to a bridge."""
    sensors = registry.sensors
    bound = sensors.asset != UNBOUND
    on_bridge = np.zeros(len(sensors), bool)
    on_bridge[bound] = registry.assets.kind[sensors.asset[bound]] == Kind.BRIDGE
    on_cover = bound & ~on_bridge
    own = on_bridge | (sensors.role == Role.GAUGE) | ((sensors.role == Role.TEMPERATURE) & ~on_cover)
    own &= ~np.isin(sensors.role, MOVEMENTS)
    sensor = np.flatnonzero(own).astype(np.int32)
    of_sensor = np.full(len(sensors), NO_CHANNEL, np.int32)
    of_sensor[sensor] = np.arange(len(sensor), dtype=np.int32)
    thermometer = sensors.role[sensor] == Role.TEMPERATURE
    asset = np.where(sensors.asset[sensor] == UNBOUND, -1 - sensor, sensors.asset[sensor]).astype(np.int32)
    section = [sensors.text("section", int(i)) for i in sensor]
    group = [sensors.text("group", int(i)) for i in sensor]
    near = _near(asset, section, group)
    sources, others = _sources(asset, section, thermometer)
    low = sensors.strain_min_ue[sensor].astype(np.float64)
    high = sensors.strain_max_ue[sensor].astype(np.float64)
    alpha = sensors.alpha_per_c[sensor].astype(np.float64)
    return Channels(
        sensor,
        of_sensor,
        thermometer,
        asset,
        near,
        sources,
        others,
        np.where(np.isfinite(low), low, -np.inf),
        np.where(np.isfinite(high), high, np.inf),
        sensors.design_live_ue[sensor].astype(np.float64),
        np.where(np.isfinite(alpha) & (alpha > 0), alpha * 1e6, 12.0),
    )


def _near(asset: npt.NDArray[np.int32], section: list[str], group: list[str]) -> npt.NDArray[np.int32]:
    numbers: dict[tuple[int, str, str], int] = {}
    keys = [(int(a), s, "" if s else g) for a, s, g in zip(asset, section, group, strict=True)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int32)


def _sources(
    asset: npt.NDArray[np.int32], section: list[str], thermometer: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Thermometers of the section, else the asset's that name no section, else all of the asset's."""
    of_asset: dict[int, list[int]] = {}
    for i in np.flatnonzero(thermometer).tolist():
        of_asset.setdefault(int(asset[i]), []).append(i)
    chosen: list[list[int]] = []
    rest: list[list[int]] = []
    for i in range(len(asset)):
        candidates = [] if thermometer[i] else of_asset.get(int(asset[i]), [])
        same = [t for t in candidates if section[i] and section[t] == section[i]]
        mine = same or [t for t in candidates if not section[t]] or candidates
        chosen.append(mine)
        rest.append([t for t in candidates if t not in mine])
    return _padded(chosen), _padded(rest)


def _padded(rows: list[list[int]]) -> npt.NDArray[np.int32]:
    width = max((len(row) for row in rows), default=0) or 1
    table = np.full((len(rows), width), NO_CHANNEL, np.int32)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table
