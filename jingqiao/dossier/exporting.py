"""The registry out again: CSV with the columns of the import, and GeoJSON (RFC 7946)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, TextIO

import numpy as np

from devices.crs import Crs, from_wgs84
from devices.import_csv import ASSET_COLUMNS, SENSOR_COLUMNS
from devices.registry import UNBOUND, Registry
from devices.sheet_text import harmless
from jingqiao.dossier.plain import asset_cell, sensor_cell

Rows = Iterator[dict[str, Any]]


def asset_rows(registry: Registry, rows: Any = None, crs: Crs = "wgs84") -> Rows:
    """Assets as plain cells by column; all, or those of `rows`."""
    assets = registry.assets
    lon, lat = from_wgs84(assets.lon, assets.lat, crs)
    for row in range(len(assets)) if rows is None else rows:
        cells = {name: asset_cell(assets, name, int(row)) for name in ASSET_COLUMNS}
        if not np.isnan(lon[row]) and crs != "wgs84":
            cells["lon"], cells["lat"] = round(float(lon[row]), 7), round(float(lat[row]), 7)
        yield cells


def sensor_rows(registry: Registry) -> Rows:
    """Sensors as plain cells by column; `asset_id` is "" where one is bound to nothing."""
    sensors = registry.sensors
    for row in range(len(sensors)):
        bound = int(sensors.asset[row])
        cells: dict[str, Any] = {
            "sensor_id": registry.sensor_id(row),
            "asset_id": "" if bound == UNBOUND else registry.asset_id(bound),
        }
        yield cells | {n: sensor_cell(sensors, n, row) for n in SENSOR_COLUMNS if n not in cells}


def write_csv(columns: tuple[str, ...], rows: Rows, out: TextIO) -> None:
    """CSV as the import reads it; with a byte order mark, so that spreadsheets know it for UTF-8.

    Texts that they would take for formulas get a mark that the import takes off again (`devices.sheet_text`).
    """
    out.write("\ufeff")
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(cell) for name, cell in row.items()})


def write_geojson(rows: Rows, out: TextIO) -> None:
    """A FeatureCollection; assets without position have geometry null."""
    out.write('{"type": "FeatureCollection", "features": [')
    for i, row in enumerate(rows):
        lon, lat = row.pop("lon"), row.pop("lat")
        point = None if lon is None else {"type": "Point", "coordinates": [lon, lat]}
        feature = {"type": "Feature", "id": row["asset_id"], "geometry": point, "properties": row}
        out.write(("," if i else "") + "\n" + json.dumps(feature, ensure_ascii=False))
    out.write("\n]}\n")
