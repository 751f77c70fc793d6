"""Web Mercator on the unit square: what map tiles and Leaflet count in.

x = (lon + 180) / 360, y = ½ − ln tan(π/4 + φ/2) / 2π, both in [0, 1], y growing southwards; one tile of
zoom z is 2^−z wide, and 256 pixels (OpenStreetMap, "Slippy map tilenames").
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Unit = npt.NDArray[np.float64]

HIGHEST_LATITUDE: Final = 85.05112877980659
"""Where y is 0 and 1 [°]."""
TILE_PX: Final = 256


def to_unit(lon: Unit, lat: Unit) -> tuple[Unit, Unit]:
    """float64[n] each  WGS-84 [°] on the unit square."""
    phi = np.radians(np.clip(lat, -HIGHEST_LATITUDE, HIGHEST_LATITUDE))
    return (lon + 180.0) / 360.0, 0.5 - np.log(np.tan(np.pi / 4 + phi / 2)) / (2 * np.pi)


def from_unit(x: Unit, y: Unit) -> tuple[Unit, Unit]:
    """float64[n] each  Longitude and latitude [°]."""
    return x * 360.0 - 180.0, np.degrees(2 * np.arctan(np.exp((0.5 - y) * 2 * np.pi)) - np.pi / 2)


def pixel(zoom: float) -> float:
    """Side of a pixel on the unit square."""
    return float(2.0**-zoom / TILE_PX)
