"""The registry from `assets.csv` and `sensors.csv` (or the same columns in XLSX): whole, or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from config.faults import Fault, FaultsError
from config.messages import Language
from devices import cells
from devices.component_codes import Scheme, unfit_rows
from devices.crs import Crs, to_wgs84
from devices.models import MODELS
from devices.registry import ASSET_TEXTS, SENSOR_TEXTS, UNBOUND, Assets, Kind, Registry, Role, Sensors
from devices.table_file import FaultList, TextTable, read_table

ASSET_COLUMNS: Final = (
    "asset_id",
    "kind",
    "name",
    "category",
    "district",
    "road",
    "lon",
    "lat",
    "owner",
    "maintainer",
    "material",
    "load_class",
    "installed_on",
    "design_life_years",
    "low_lying",
    "fall_net",
    "status",
    "street",
    "community",
    "grid_code",
)
SENSOR_COLUMNS: Final = (
    "sensor_id",
    "asset_id",
    "model",
    "role",
    "location",
    "heartbeat_s",
    "installed_at",
    "e_gpa",
    "alpha_per_c",
    "strain_min_ue",
    "strain_max_ue",
    "section",
    "group",
    "design_live_ue",
    "design_min",
    "design_max",
)

_SCIENTIFIC: Final = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"
"""What a spreadsheet makes of a long number: 4.20704E+15."""
_CONTROL: Final = r"[\x00-\x1f\x7f]"
_NO_TOPIC: Final = r"[\x00-\x1f\x7f/+#]"
"""Characters that cannot stand in a level of an MQTT topic, where sensor ids stand."""
_TEXT_LENGTH: Final = 256
_TEXT_LENGTHS: Final = {"asset_id": 64, "sensor_id": 64, "district": 64}
"""Longest texts; shorter where incidents carry them along."""
ANY_CODE: Final = Scheme("none")
_SUBMERSIBLE: Final = ("em500-swl", "dl-ctd10")
_GAUGES: Final = ("dl-kl66", "dl-dlr2-012")
_TILTERS: Final = ("em310-tilt", "em320-tilt")


def read_registry(
    assets_path: Path | str, sensors_path: Path | str, *, crs: Crs = "wgs84", language: Language = "zh"
) -> Registry:
    """Both files as one registry; raises FaultsError with every fault of both.

    crs : coordinate system of `lon, lat` in the file; the registry has WGS-84.
    """
    faults: list[Fault] = []
    assets: Assets | None = None
    try:
        assets = read_assets(assets_path, crs=crs, language=language)
    except FaultsError as error:
        faults += error.faults
    try:
        sensors = read_sensors(sensors_path, assets, language=language)
    except FaultsError as error:
        faults += error.faults
    if faults or assets is None:
        raise FaultsError(faults)
    return Registry(assets, sensors)


def read_assets(path: Path | str, *, crs: Crs = "wgs84", language: Language = "zh") -> Assets:
    """The assets of one file; raises FaultsError with every fault at once."""
    return assets_of(asset_table(path, language), crs=crs)


def asset_table(path: Path | str, language: Language = "zh") -> TextTable:
    """The cells of `assets.csv`; raises FaultsError for a file in the wrong form."""
    return read_table(Path(path), ASSET_COLUMNS, ("asset_id", "kind"), language)


def sensor_table(path: Path | str, language: Language = "zh") -> TextTable:
    """The cells of `sensors.csv`; raises FaultsError for a file in the wrong form."""
    return read_table(Path(path), SENSOR_COLUMNS, ("sensor_id", "asset_id"), language)


def assets_of(table: TextTable, *, crs: Crs = "wgs84", scheme: Scheme = ANY_CODE) -> Assets:
    """The assets of cells; raises FaultsError with every fault at once."""
    _ids(table, "asset_id", _CONTROL)
    cells.required(table, "kind")
    kind = cells.member(table, "kind", {k.name.lower(): k for k in Kind}, Kind.COVER)
    ids = table.column("asset_id")
    for row in unfit_rows(ids, (kind == Kind.COVER) & cells.filled(ids), scheme):
        table.faults.add("no_component_code", row, "asset_id", value=ids[row].as_py())
    _lengths(table, ASSET_TEXTS)
    lon, lat = _positions(table)
    assets = Assets(
        texts={
            name: pc.utf8_lower(table.column(name)) if name == "status" else table.column(name)
            for name in ASSET_TEXTS
        },
        kind=kind,
        lon=lon,
        lat=lat,
        installed_on=cells.day(table, "installed_on"),
        design_life_years=cells.number(table, "design_life_years", 0, 300, above=True).astype(np.float32),
        low_lying=cells.yes_no(table, "low_lying"),
        fall_net=cells.yes_no(table, "fall_net"),
    )
    if table.faults:
        raise FaultsError(table.faults.listed())
    if crs != "wgs84":
        lon, lat = to_wgs84(lon, lat, crs)
        assets = Assets(
            assets.texts,
            assets.kind,
            lon,
            lat,
            assets.installed_on,
            assets.design_life_years,
            assets.low_lying,
            assets.fall_net,
        )
    return assets


def read_sensors(path: Path | str, assets: Assets | None, *, language: Language = "zh") -> Sensors:
    """The sensors of one file, bound to the rows of `assets`; raises FaultsError with every fault at once.

    assets : None where they could not be read: then bindings are not judged.
    """
    return sensors_of(sensor_table(path, language), assets)


def sensors_of(table: TextTable, assets: Assets | None) -> Sensors:
    """The sensors of cells, as `read_sensors`."""
    _ids(table, "sensor_id", _NO_TOPIC)
    cells.required(table, "asset_id")
    bound = np.full(table.rows, UNBOUND, np.int32)
    kinds = np.full(table.rows, Kind.COVER, np.int8)
    if assets is not None:
        ids = table.column("asset_id")
        bound = _rows_of(ids, assets.texts["asset_id"])
        for row in np.flatnonzero((bound == UNBOUND) & cells.filled(ids)):
            table.faults.add("unknown_asset", int(row), "asset_id", value=ids[int(row)].as_py())
        kinds = np.where(bound == UNBOUND, Kind.COVER, assets.kind[bound]) if len(assets) else kinds
    _lengths(table, SENSOR_TEXTS)
    model = cells.word(table, "model", list(MODELS), "native")
    role = cells.member(table, "role", {r.name.lower(): r for r in Role}, -1)
    least = cells.number(table, "strain_min_ue", -20000, 20000).astype(np.float32)
    most = cells.number(table, "strain_max_ue", -20000, 20000).astype(np.float32)
    design_min = cells.number(table, "design_min", -20000, 20000).astype(np.float32)
    design_max = cells.number(table, "design_max", -20000, 20000).astype(np.float32)
    for column, low, high in (("strain_min_ue", least, most), ("design_min", design_min, design_max)):
        other = column.replace("min", "max")
        for row in np.flatnonzero(low >= high):
            table.faults.add(
                "limits_crossed", int(row), column, low=low[row], high=high[row], least=column, most=other
            )
    sensors = Sensors(
        texts={name: model if name == "model" else table.column(name) for name in SENSOR_TEXTS},
        asset=bound,
        role=np.where(role == -1, default_roles(model, kinds), role).astype(np.int8),
        heartbeat_s=cells.number(table, "heartbeat_s", 0, 31_622_400, above=True).astype(np.float32),
        installed_at=cells.instant(table, "installed_at"),
        e_gpa=cells.number(table, "e_gpa", 0, 1000, above=True).astype(np.float32),
        alpha_per_c=cells.number(table, "alpha_per_c", 0, 1e-3, above=True).astype(np.float32),
        strain_min_ue=least,
        strain_max_ue=most,
        design_live_ue=cells.number(table, "design_live_ue", 0, 20000, above=True).astype(np.float32),
        design_min=design_min,
        design_max=design_max,
    )
    if table.faults:
        raise FaultsError(table.faults.listed())
    return sensors


def default_roles(model: pa.Array, kinds: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """int8[n]  Role of a sensor whose cell is empty: by its model, else by what it is bound to."""
    water = pc.is_in(model, pa.array(_SUBMERSIBLE)).to_numpy(zero_copy_only=False)
    gauge = pc.is_in(model, pa.array(_GAUGES)).to_numpy(zero_copy_only=False)
    tilter = pc.is_in(model, pa.array(_TILTERS)).to_numpy(zero_copy_only=False)
    of_kind = np.where(kinds == Kind.BRIDGE, np.where(tilter, Role.TILT, Role.GAUGE), Role.LID)
    return np.where(water, Role.WATER, np.where(gauge, Role.GAUGE, of_kind)).astype(np.int8)


def _ids(table: TextTable, name: str, forbidden: str) -> None:
    cells.required(table, name)
    cells.unique(table, name)
    column = table.column(name)
    scientific = _found(column, _SCIENTIFIC)
    for row in scientific:
        table.faults.add("scientific_id", row, name, value=column[row].as_py())
    for row in _found(column, forbidden):
        if row not in scientific:
            cell = column[row].as_py()
            found = re.findall(forbidden, cell)
            table.faults.add("bad_character", row, name, value=repr(cell), character=repr(found[0]))


def _lengths(table: TextTable, names: Sequence[str]) -> None:
    for name in names:
        most = _TEXT_LENGTHS.get(name, _TEXT_LENGTH)
        for row in np.flatnonzero(pc.utf8_length(table.column(name)).to_numpy() > most):
            table.faults.add("text_too_long", int(row), name, most=most)


def _found(column: pa.Array, pattern: str) -> Sequence[int]:
    mask = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return [int(row) for row in np.flatnonzero(mask)]


def _positions(table: TextTable) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    lon, lat = table.column("lon"), table.column("lat")
    faults = table.faults
    quiet = TextTable(table.columns, FaultList(faults.file), table.rows)
    x, y = cells.number(quiet, "lon", -360, 360), cells.number(quiet, "lat", -360, 360)
    # China lies within 73–136° E, 3–54° N: these ranges do not meet, so a swap shows itself.
    swapped = (x >= 3) & (x <= 54) & (y >= 73) & (y <= 136)
    for row in np.flatnonzero(swapped):
        faults.add("swapped", int(row), "lon", lon=lon[int(row)].as_py(), lat=lat[int(row)].as_py())
    zero = (x == 0) & (y == 0)
    for row in np.flatnonzero(zero):
        faults.add("null_island", int(row), "lon")
    one = cells.filled(lon) != cells.filled(lat)
    for row in np.flatnonzero(one):
        faults.add("half_position", int(row), "lat" if cells.filled(lon)[row] else "lon")
    judged = {
        "lon": pc.if_else(pa.array(swapped), "", lon),
        "lat": pc.if_else(pa.array(swapped), "", lat),
    }
    plain = TextTable(judged, faults, table.rows)
    return cells.number(plain, "lon", -180, 180), cells.number(plain, "lat", -90, 90)


def _rows_of(ids: pa.Array, known: pa.Array) -> npt.NDArray[np.int32]:
    rows: npt.NDArray[np.int32] = (
        pc.fill_null(pc.index_in(ids, known), UNBOUND).to_numpy(zero_copy_only=False).astype(np.int32)
    )
    return rows
