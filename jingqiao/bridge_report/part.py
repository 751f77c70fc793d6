"""One asset's part of a registry, and the rows of its sensors: a report replays nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.frame import Frame
from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, Assets, Registry, Sensors
from jingqiao.dossier.diff import ASSET_NUMBERS, SENSOR_NUMBERS


def part_of_asset(registry: Registry, asset: int) -> tuple[Registry, npt.NDArray[np.int32]]:
    """The asset with its sensors alone, and the rows that these had."""
    rows = np.flatnonzero(registry.sensors.asset == asset).astype(np.int32)
    one = np.array([asset])
    sensors: dict[str, Any] = {name: getattr(registry.sensors, name)[rows] for name in SENSOR_NUMBERS}
    sensors["asset"] = np.zeros(len(rows), np.int32)
    assets = {name: getattr(registry.assets, name)[one] for name in ASSET_NUMBERS}
    return (
        Registry(
            Assets(texts=_texts(registry.assets.texts, ASSET_TEXTS, one), **assets),
            Sensors(texts=_texts(registry.sensors.texts, SENSOR_TEXTS, rows), **sensors),
        ),
        rows,
    )


def frame_of_part(frame: Frame, rows: npt.NDArray[np.int32]) -> Frame:
    """The rows of those sensors, numbered as in the part."""
    place = np.full(int(max(frame.sensor.max(initial=0), rows.max(initial=0))) + 1, -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    part = frame.take(place[frame.sensor] >= 0)
    return Frame(
        place[part.sensor], part.time, part.received, part.seq, part.flag, part.columns, part.gateway
    )


def _texts(texts: Any, names: tuple[str, ...], rows: npt.NDArray[Any]) -> dict[str, pa.Array]:
    return {name: texts[name].take(pa.array(rows)).cast(pa.string()) for name in names}
