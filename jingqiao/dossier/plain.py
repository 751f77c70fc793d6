"""Cells of the registry as a person writes them in CSV and JSON: None for unknown, words for numbers."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from devices.registry import UNKNOWN, Assets, Kind, Role, Sensors


def asset_cell(assets: Assets, name: str, row: int) -> Any:
    """One cell of an asset by its column in `assets.csv`."""
    if name in assets.texts:
        return assets.text(name, row)
    value = getattr(assets, name)[row]
    if name == "kind":
        return Kind(int(value)).name.lower()
    if name == "installed_on":
        return None if value == -1 else day_text(int(value))
    if name in ("low_lying", "fall_net"):
        return None if value == UNKNOWN else int(value)
    return number(value)


def sensor_cell(sensors: Sensors, name: str, row: int) -> Any:
    """One cell of a sensor by its column in `sensors.csv`, `asset_id` excepted."""
    if name in sensors.texts:
        return sensors.text(name, row)
    value = getattr(sensors, name)[row]
    if name == "role":
        return Role(int(value)).name.lower()
    if name == "installed_at":
        return None if value == 0 else instant_text(int(value))
    return number(value)


def number(value: Any) -> float | None:
    """A plain number without the noise of float32; None for NaN."""
    if np.isnan(value):
        return None
    return float(str(value)) if isinstance(value, np.float32) else float(value)


def day_text(days: int) -> str:
    """`2024-05-31` of days since 1970."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


def instant_text(micros: int) -> str:
    """RFC 3339 UTC of µs since 1970."""
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds" if micros % 1_000_000 else "seconds").replace(
        "+00:00", "Z"
    )
