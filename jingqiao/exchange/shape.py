"""The ground that a warning is about: a circle around one place or two, a polygon around many. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

Point = tuple[float, float]
"""(lon, lat) in WGS-84 [deg]."""
_EARTH_KM: Final = 6371.0


def hull(points: Sequence[Point]) -> list[Point]:
    """The convex hull, counter-clockwise and closed; [] where the points span no ground.

    Andrew's monotone chain (Information Processing Letters 9, 1979).
    """
    corners = sorted(set(points))
    lower = _chain(corners)
    upper = _chain(corners[::-1])
    ring = lower[:-1] + upper[:-1]
    return [*ring, ring[0]] if len(ring) >= 3 else []


def circle_around(points: Sequence[Point], least_km: float) -> tuple[Point, float]:
    """(middle, radius [km]) of a circle around all of them, `least_km` wider than they reach.

    points : at least one.
    """
    lon = (min(p[0] for p in points) + max(p[0] for p in points)) / 2
    lat = (min(p[1] for p in points) + max(p[1] for p in points)) / 2
    reach_km = max(distance_km((lon, lat), point) for point in points)
    return (lon, lat), reach_km + least_km


def distance_km(one: Point, other: Point) -> float:
    """Great-circle distance by the haversine formula [km]."""
    lon1, lat1, lon2, lat2 = (math.radians(value) for value in (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _chain(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the area of the triangle; positive where a → b → c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
