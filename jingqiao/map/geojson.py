"""Reads lines and areas from GeoJSON (RFC 7946): pipe networks, roads, outlines. Every bad feature is named.

Points are passed over: covers come from the registry. Coordinates may be WGS-84 (CGCS2000 differs by
centimetres), GCJ-02 or BD-09; what is stored is Web Mercator on the unit square.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.faults import Fault, FaultsError
from config.messages import Language, text
from devices.crs import Crs, to_wgs84
from jingqiao.map.mercator import to_unit

LARGEST_BYTES: Final = 512 * 1024 * 1024
FAULTS_KEPT: Final = 50
DEPTHS: Final[Mapping[str, int]] = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""Geometry → how many lists there are around each of its lines or rings."""
_POINTS: Final = ("Point", "MultiPoint")
_SAME_AS_WGS84: Final = ("CRS84", "EPSG::4326", "EPSG:4326", "EPSG::4490", "EPSG:4490")


@dataclass(frozen=True, slots=True)
class Shape:
    """Lines of one file.

    x, y : float64[p]  Points of all lines, one after the other, on the unit square.
    first : int64[k + 1]  Where each line begins; the last entry is p.
    features : int  Features that were read. points : int  Point features that were passed over.
    faults : list[Fault]  Features that were left out, the first FAULTS_KEPT of them.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    first: npt.NDArray[np.int64]
    features: int
    points: int = 0
    faults: list[Fault] = field(default_factory=list)


def read_geojson(path: Path, crs: Crs = "wgs84", language: Language = "zh") -> Shape:
    """The file's lines. Raises FaultsError when it is no GeoJSON or nothing of it can be drawn."""
    document = _document(path, language)
    faults: list[Fault] = []
    lines: list[npt.NDArray[np.float64]] = []
    features, points, bad = 0, 0, 0
    for number, feature in enumerate(_features(document), 1):
        geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
        try:
            drawn = list(_lines(geometry))
        except _BadError as error:
            bad += 1
            if len(faults) < FAULTS_KEPT:
                faults.append(_fault(path, f"features[{number - 1}]", error.key, language, **error.values))
            continue
        if drawn:
            features += 1
            lines += drawn
        else:
            points += 1
    if bad > len(faults):
        faults.append(_fault(path, "", "more", language, count=bad - len(faults)))
    if not lines:
        raise FaultsError([*faults, _fault(path, "", "nothing", language, points=points)])
    joined = np.concatenate(lines)
    lon, lat = to_wgs84(joined[:, 0], joined[:, 1], crs)
    x, y = to_unit(lon, lat)
    first = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    return Shape(x, y, first, features, points, faults)


class _BadError(ValueError):
    """A feature cannot be drawn. key : sentence of `map.fault`."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(key)


def _document(path: Path, language: Language) -> Mapping[str, Any]:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise FaultsError([_fault(path, "", "large", language, mb=size >> 20, most=LARGEST_BYTES >> 20)])
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise FaultsError([_fault(path, "", "unreadable", language, reason=error.strerror)]) from None
    except UnicodeDecodeError:
        raise FaultsError([_fault(path, "", "not_utf8", language)]) from None
    except json.JSONDecodeError as error:
        fault = _fault(path, "", "no_json", language, reason=error.msg)
        raise FaultsError([Fault(str(path), error.lineno, "", fault.problem, fault.remedy)]) from None
    except RecursionError:
        raise FaultsError([_fault(path, "", "no_json", language, reason="nesting")]) from None
    if not isinstance(document, Mapping) or "type" not in document:
        raise FaultsError([_fault(path, "type", "no_geojson", language, type="?")])
    kind = document["type"]
    if kind not in ("FeatureCollection", "Feature", "GeometryCollection", *DEPTHS, *_POINTS):
        raise FaultsError([_fault(path, "type", "no_geojson", language, type=str(kind)[:40])])
    named = document.get("crs")
    if isinstance(named, Mapping):
        properties = named.get("properties")
        name = str(properties.get("name", "")) if isinstance(properties, Mapping) else ""
        if name and not name.endswith(_SAME_AS_WGS84):
            raise FaultsError([_fault(path, "crs", "crs", language, name=name[:60])])
    return document


def _features(document: Mapping[str, Any]) -> Iterator[Any]:
    match document["type"]:
        case "FeatureCollection":
            features = document.get("features")
            yield from features if isinstance(features, list) else ()
        case "Feature":
            yield document
        case _:
            yield {"geometry": document}


def _lines(geometry: Any) -> Iterator[npt.NDArray[np.float64]]:
    if not isinstance(geometry, Mapping):
        raise _BadError("no_geometry")
    kind = geometry.get("type")
    if kind in _POINTS:
        return
    if kind == "GeometryCollection":
        for part in geometry.get("geometries") or ():
            yield from _lines(part)
        return
    if kind not in DEPTHS:
        raise _BadError("geometry", type=str(kind)[:40])
    for line in _flat(geometry.get("coordinates"), DEPTHS[str(kind)]):
        yield _line(line)


def _flat(value: Any, depth: int) -> Iterator[Sequence[Any]]:
    if not isinstance(value, list):
        raise _BadError("coordinates")
    if depth == 0:
        yield value
        return
    for inner in value:
        yield from _flat(inner, depth - 1)


def _line(points: Sequence[Any]) -> npt.NDArray[np.float64]:
    try:
        line = np.array([point[:2] for point in points], np.float64)
    except (TypeError, ValueError, IndexError):
        raise _BadError("coordinates") from None
    if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2 or not np.isfinite(line).all():
        raise _BadError("coordinates")
    lon, lat = line[:, 0], line[:, 1]
    outside = (np.abs(lon) > 180) | (np.abs(lat) > 90)
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        key = "swapped" if abs(lon[at]) <= 90 and abs(lat[at]) <= 180 else "outside"
        raise _BadError(key, x=float(lon[at]), y=float(lat[at]))
    return line


def _fault(path: Path, field_: str, key: str, language: Language, **values: object) -> Fault:
    return Fault(
        str(path),
        None,
        field_,
        text(f"map.fault.{key}", language, **values),
        text(f"map.remedy.{key}", language, **values),
    )
