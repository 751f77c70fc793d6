"""Coordinates of Chinese maps: WGS-84, GCJ-02 (national maps, Amap, Tencent) and BD-09 (Baidu).

GCJ-02 adds to WGS-84 an offset of some hundred metres that varies from place to place. Its formula is not
published by the state; the one here is the reverse-engineered one that every open implementation shares
(first in `EvilTransform`, 2013, on the ellipsoid of Krasovsky 1940) and agrees with the services within
a metre. BD-09 is Baidu's further shift. The inverse of GCJ-02 is found by iteration. Outside the box
that the formula knows as China, coordinates are the same in WGS-84 and GCJ-02.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

Crs = Literal["wgs84", "gcj02", "bd09"]
Degrees = npt.NDArray[np.float64]

_A: Final = 6378245.0
"""Semi-major axis of Krasovsky 1940 [m]."""
_EE: Final = 0.00669342162296594323
"""Its eccentricity, squared."""
_X_PI: Final = np.pi * 3000.0 / 180.0
_BOX: Final = (72.004, 137.8347, 0.8293, 55.8271)
"""West, east, south, north of where the formula applies [°]."""


def to_wgs84(lon: Degrees, lat: Degrees, crs: Crs) -> tuple[Degrees, Degrees]:
    """float64[n] each  WGS-84 [°] of coordinates in `crs`; right to 1 cm against the forward formula."""
    if crs == "wgs84":
        return lon, lat
    if crs == "bd09":
        lon, lat = _where_in_china(lon, lat, *bd09_to_gcj02(lon, lat))
    return gcj02_to_wgs84(lon, lat)


def from_wgs84(lon: Degrees, lat: Degrees, crs: Crs) -> tuple[Degrees, Degrees]:
    """float64[n] each  WGS-84 coordinates in `crs` [°]."""
    if crs == "wgs84":
        return lon, lat
    x, y = wgs84_to_gcj02(lon, lat)
    if crs == "bd09":
        x, y = _where_in_china(lon, lat, *gcj02_to_bd09(x, y))
    return x, y


def in_china(lon: Degrees, lat: Degrees) -> npt.NDArray[np.bool_]:
    """bool[n]  Within the box to which GCJ-02 applies."""
    west, east, south, north = _BOX
    inside: npt.NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """float64[n] each  GCJ-02 [°]."""
    d_lon, d_lat = _offset(lon, lat)
    return _where_in_china(lon, lat, lon + d_lon, lat + d_lat)


def gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """float64[n] each  WGS-84 [°], by fixed-point iteration: the offset changes slowly (≤ 1 : 1000), so
    that eight rounds leave less than a nanodegree."""
    x, y = lon.astype(np.float64), lat.astype(np.float64)
    for _ in range(8):
        d_lon, d_lat = _offset(x, y)
        x, y = lon - d_lon, lat - d_lat
    return _where_in_china(lon, lat, x, y)


def gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """float64[n] each  BD-09 [°]."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _X_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _X_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """float64[n] each  GCJ-02 [°], by fixed-point iteration of the forward formula."""
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(8):
        back_lon, back_lat = gcj02_to_bd09(x, y)
        x, y = x + (lon - back_lon), y + (lat - back_lat)
    return x, y


def _offset(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _EE * np.sin(phi) ** 2
    d_lat = np.degrees(north / (_A * (1.0 - _EE) / (magic * np.sqrt(magic))))
    d_lon = np.degrees(east / (_A / np.sqrt(magic) * np.cos(phi)))
    return d_lon, d_lat


def _where_in_china(lon: Degrees, lat: Degrees, x: Degrees, y: Degrees) -> tuple[Any, Any]:
    inside = in_china(lon, lat)
    return np.where(inside, x, lon), np.where(inside, y, lat)
