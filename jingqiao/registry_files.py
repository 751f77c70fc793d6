"""Registries as files, one a version: so that a replay of the log sees the registry that the live run saw.

A control record of the log names the version; a million rows do not belong into the log itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, Assets, Registry, Sensors

_ASSET_ARRAYS = ("kind", "lon", "lat", "installed_on", "design_life_years", "low_lying", "fall_net")
_SENSOR_ARRAYS = (
    "asset",
    "role",
    "heartbeat_s",
    "installed_at",
    "e_gpa",
    "alpha_per_c",
    "strain_min_ue",
    "strain_max_ue",
    "design_live_ue",
    "design_min",
    "design_max",
)


def save_registry(registry: Registry, folder: Path, version: int) -> None:
    """Write one version; a file that is there already is left alone: a version never changes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows, texts, arrays in (
        ("assets", registry.assets, ASSET_TEXTS, _ASSET_ARRAYS),
        ("sensors", registry.sensors, SENSOR_TEXTS, _SENSOR_ARRAYS),
    ):
        path = folder / f"{name}-{version}.arrow"
        if path.exists():
            continue
        columns: dict[str, Any] = {column: rows.texts[column] for column in texts}
        columns |= {column: pa.array(getattr(rows, column)) for column in arrays}
        table = pa.table(columns)
        fresh = path.with_suffix(".new")
        with pa.OSFile(str(fresh), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        fresh.replace(path)


def load_registry(folder: Path, version: int) -> Registry:
    """The registry of one version. Raises FileNotFoundError when it was never written here."""
    assets = _table(folder / f"assets-{version}.arrow")
    sensors = _table(folder / f"sensors-{version}.arrow")
    return Registry(
        Assets(**_parts(assets, ASSET_TEXTS, _ASSET_ARRAYS)),
        Sensors(**_parts(sensors, SENSOR_TEXTS, _SENSOR_ARRAYS)),
    )


def forget_registries(folder: Path, before: int) -> None:
    """Delete versions older than `before`: no snapshot needs them any more."""
    for path in folder.glob("*-*.arrow"):
        version = path.stem.rpartition("-")[2]
        if version.isdigit() and int(version) < before:
            path.unlink(missing_ok=True)


def _table(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
        return reader.read_all()


def _parts(table: pa.Table, texts: tuple[str, ...], arrays: tuple[str, ...]) -> dict[str, Any]:
    # Versions that were written before a column was known are read as if its cells were empty.
    parts: dict[str, Any] = {
        "texts": {
            name: table[name].combine_chunks() if name in table.column_names else pa.repeat("", len(table))
            for name in texts
        }
    }
    for name in arrays:
        there = name in table.column_names
        parts[name] = table[name].to_numpy().copy() if there else np.full(len(table), np.nan, np.float32)
    return parts
