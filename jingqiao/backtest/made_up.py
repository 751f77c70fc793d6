"""A registry for readings that came without one: what the readings themselves let us know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from config.messages import Language
from devices.frame import Frame
from devices.import_csv import read_assets, read_registry, sensor_table
from devices.registry import Registry, Role
from jingqiao.backtest.readings import Readings

_OF_BRIDGES: Final = frozenset({"gauge", "deflection", "displacement", "acceleration"})
"""Roles that no well has."""


def registry_for(
    readings: Readings, assets: Path | None, sensors: Path | None, language: Language = "zh"
) -> Registry:
    """The registry of the files; where one is missing, what it would say is made up.

    Without sensors.csv every sensor of the readings is bound to nothing, its role by what it measures.
    Without assets.csv the assets are those that sensors.csv names, bridges where a gauge, an
    accelerometer or a deflection sensor is bound. Raises FaultsError.
    """
    if assets is not None and sensors is not None:
        return read_registry(assets, sensors, language=language)
    if sensors is not None:
        return _without_assets(sensors, language)
    known = read_assets(assets, language=language) if assets is not None else None
    made_up = Registry.of([], _sensors(readings))
    return made_up if known is None else Registry(known, made_up.sensors)


def _without_assets(path: Path, language: Language) -> Registry:
    import tempfile  # noqa: PLC0415 - only where assets are made up

    table = sensor_table(path, language)
    of = table.column("asset_id").to_pylist()
    roles = table.column("role").to_pylist()
    bridges = {asset for asset, role in zip(of, roles, strict=True) if role.lower() in _OF_BRIDGES}
    with tempfile.TemporaryDirectory() as folder:
        assets = Path(folder) / "assets.csv"
        rows = [f'"{a}",{"bridge" if a in bridges else "cover"}' for a in dict.fromkeys(of) if a]
        assets.write_text("\n".join(["asset_id,kind", *rows]) + "\n", "utf-8")
        return read_registry(assets, path, language=language)


def _sensors(readings: Readings) -> list[dict[str, Any]]:
    measures = {name: _who(readings.frame, name, len(readings.ids)) for name in readings.frame.columns}
    nobody = np.zeros(len(readings.ids), bool)
    strain = measures.get("strain_ue", nobody)
    lid = nobody.copy()
    for name in ("tilt_deg", "tilt_x_deg", "tilt_y_deg", "displacement_mm", "vibration_g", "open"):
        lid |= measures.get(name, nobody)
    water = measures.get("water_mm", nobody)
    warm = measures.get("temperature_c", nobody)
    role = np.where(
        strain,
        Role.GAUGE,
        np.where(lid, Role.LID, np.where(water, Role.WATER, np.where(warm, Role.TEMPERATURE, Role.LID))),
    )
    return [{"sensor_id": i, "role": Role(int(r))} for i, r in zip(readings.ids, role, strict=True) if i]


def _who(frame: Frame, name: str, n: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    measured = np.zeros(n, bool)
    measured[frame.sensor[~np.isnan(frame.columns[name])]] = True
    return measured
