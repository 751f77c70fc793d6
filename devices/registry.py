"""The registry in memory: assets and sensors as columns, found by id in whole batches.

A sensor's index is its row; it is given once and never to another sensor, so that frames in the log
keep their meaning. A changed registry is a new `Registry` with the old rows in their old places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.id_index import NOT_FOUND, IdIndex

UNBOUND: Final = -1
"""`asset` of a sensor that is bound to nothing."""

UNKNOWN: Final = NOT_FOUND
"""Index of an id that the registry does not have, and value of an unknown yes/no cell."""


class Kind(IntEnum):
    """What an asset is."""

    COVER = 0
    BRIDGE = 1


class Role(IntEnum):
    """What a sensor watches. Numbers are kept in the database: append only."""

    LID = 0
    GAUGE = 1
    TEMPERATURE = 2
    WATER = 3
    DEFLECTION = 4
    DISPLACEMENT = 5
    TILT = 6
    ACCELERATION = 7


ASSET_TEXTS: Final = (
    "asset_id",
    "name",
    "category",
    "district",
    "road",
    "owner",
    "maintainer",
    "material",
    "load_class",
    "status",
    "street",
    "community",
    "grid_code",
)
SENSOR_TEXTS: Final = ("sensor_id", "model", "location", "section", "group")


_COMPACT_FROM_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Assets:
    """What is watched, one row each; the row is the asset's index.

    texts : name → pyarrow string array[n]  `ASSET_TEXTS`; "" = unknown. In a registry, a long column of
        few different words is dictionary-encoded.
    kind : int8[n]  `Kind`.
    lon, lat : float64[n]  WGS-84 [°]; NaN = unknown.
    installed_on : int32[n]  Day of installation [days since 1970]; -1 = unknown.
    design_life_years : float32[n]  NaN = unknown.
    low_lying, fall_net : int8[n]  1, 0, or UNKNOWN.
    """

    texts: Mapping[str, pa.Array]
    kind: npt.NDArray[np.int8]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    installed_on: npt.NDArray[np.int32]
    design_life_years: npt.NDArray[np.float32]
    low_lying: npt.NDArray[np.int8]
    fall_net: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.kind)

    def text(self, name: str, index: int) -> str:
        """One text cell."""
        return str(self.texts[name][index].as_py() or "")


@dataclass(frozen=True, slots=True)
class Sensors:
    """What measures, one row each; the row is the sensor's index.

    texts : name → pyarrow string array[n]  `SENSOR_TEXTS`; "" = unknown; model defaults to "native".
    asset : int32[n]  Row of the asset it is bound to; UNBOUND where to none.
    role : int8[n]  `Role`.
    heartbeat_s : float32[n]  Longest interval between two messages by its set-up [s]; NaN = unknown.
    installed_at : int64[n]  [µs since 1970 UTC]; 0 = unknown.
    e_gpa, alpha_per_c : float32[n]  Young's modulus [GPa], thermal expansion [1/°C] of what a gauge sits on.
    strain_min_ue, strain_max_ue : float32[n]  Design worst case of a gauge [µε]; NaN = unknown.
    design_live_ue : float32[n]  Strain of the design vehicle at a gauge [µε]; NaN = unknown.
    design_min, design_max : float32[n]  Design values of what is no gauge, in its unit: deflection
        and displacement [mm], tilt [°], temperature [°C]; NaN = unknown.
    """

    texts: Mapping[str, pa.Array]
    asset: npt.NDArray[np.int32]
    role: npt.NDArray[np.int8]
    heartbeat_s: npt.NDArray[np.float32]
    installed_at: npt.NDArray[np.int64]
    e_gpa: npt.NDArray[np.float32]
    alpha_per_c: npt.NDArray[np.float32]
    strain_min_ue: npt.NDArray[np.float32]
    strain_max_ue: npt.NDArray[np.float32]
    design_live_ue: npt.NDArray[np.float32]
    design_min: npt.NDArray[np.float32]
    design_max: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.asset)

    def text(self, name: str, index: int) -> str:
        """One text cell."""
        return str(self.texts[name][index].as_py() or "")


class Registry:
    """Assets, sensors and which belongs to which."""

    def __init__(self, assets: Assets, sensors: Sensors) -> None:
        self.assets = replace(assets, texts=_compact(assets.texts))
        self.sensors = replace(sensors, texts=_compact(sensors.texts))
        self._sensor_rows = IdIndex(sensors.texts["sensor_id"])
        self._asset_rows = IdIndex(assets.texts["asset_id"])

    def sensor_index(self, sensor_id: str) -> int:
        """Index of a sensor, or UNKNOWN."""
        return self._sensor_rows.find_one(sensor_id)

    def asset_index(self, asset_id: str) -> int:
        """Index of an asset, or UNKNOWN."""
        return self._asset_rows.find_one(asset_id)

    def sensor_indices(self, sensor_ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """int32[k]  Indices of a batch of ids; UNKNOWN where the registry has none."""
        return self._sensor_rows.find(sensor_ids)

    def asset_indices(self, asset_ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """int32[k]  Indices of a batch of ids; UNKNOWN where the registry has none."""
        return self._asset_rows.find(asset_ids)

    def sensor_id(self, index: int) -> str:
        """Id of a sensor by its index."""
        return self.sensors.text("sensor_id", index)

    def asset_id(self, index: int) -> str:
        """Id of an asset by its index."""
        return self.assets.text("asset_id", index)

    @classmethod
    def of(cls, assets: Iterable[Mapping[str, Any]], sensors: Iterable[Mapping[str, Any]]) -> Registry:
        """A small registry from rows with the columns of `assets.csv` and `sensors.csv`, already typed.

        Missing keys are unknown. `kind` and `role` are the enums or their lower-case names;
        `installed_on` is days since 1970, `installed_at` µs since 1970. For tests and small files:
        a city's registry is built from columns.
        """
        asset_rows, sensor_rows = list(assets), list(sensors)
        rows_of = {str(row["asset_id"]): i for i, row in enumerate(asset_rows)}
        bound = [rows_of.get(str(row.get("asset_id") or ""), UNBOUND) for row in sensor_rows]
        return cls(
            Assets(
                texts={name: _texts(asset_rows, name) for name in ASSET_TEXTS},
                kind=np.array([_member(Kind, row["kind"]) for row in asset_rows], np.int8),
                lon=_column(asset_rows, "lon", np.nan, np.float64),
                lat=_column(asset_rows, "lat", np.nan, np.float64),
                installed_on=_column(asset_rows, "installed_on", -1, np.int32),
                design_life_years=_column(asset_rows, "design_life_years", np.nan, np.float32),
                low_lying=_column(asset_rows, "low_lying", UNKNOWN, np.int8),
                fall_net=_column(asset_rows, "fall_net", UNKNOWN, np.int8),
            ),
            Sensors(
                texts={
                    name: _texts(sensor_rows, name, "native" if name == "model" else "")
                    for name in SENSOR_TEXTS
                },
                asset=np.array(bound, np.int32),
                role=np.array([_member(Role, row.get("role", Role.LID)) for row in sensor_rows], np.int8),
                heartbeat_s=_column(sensor_rows, "heartbeat_s", np.nan, np.float32),
                installed_at=_column(sensor_rows, "installed_at", 0, np.int64),
                e_gpa=_column(sensor_rows, "e_gpa", np.nan, np.float32),
                alpha_per_c=_column(sensor_rows, "alpha_per_c", np.nan, np.float32),
                strain_min_ue=_column(sensor_rows, "strain_min_ue", np.nan, np.float32),
                strain_max_ue=_column(sensor_rows, "strain_max_ue", np.nan, np.float32),
                design_live_ue=_column(sensor_rows, "design_live_ue", np.nan, np.float32),
                design_min=_column(sensor_rows, "design_min", np.nan, np.float32),
                design_max=_column(sensor_rows, "design_max", np.nan, np.float32),
            ),
        )


def _compact(texts: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Words that a million rows share are kept once; ids and short columns stay as they are."""
    return {
        name: column
        if column.nbytes < _COMPACT_FROM_BYTES or name in ("asset_id", "sensor_id", "name")
        else column.dictionary_encode()
        for name, column in texts.items()
    }


def _member(enum: type[IntEnum], value: object) -> int:
    return int(value) if isinstance(value, enum) else int(enum[str(value).upper()])


def _texts(rows: Sequence[Mapping[str, Any]], name: str, default: str = "") -> pa.Array:
    return pa.array([str(row.get(name) or default) for row in rows], pa.string())


def _column(rows: Sequence[Mapping[str, Any]], name: str, unknown: float, dtype: type) -> npt.NDArray[Any]:
    values = (row.get(name) for row in rows)
    return np.array([unknown if value is None else value for value in values], dtype)
