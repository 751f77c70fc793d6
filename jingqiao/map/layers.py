"""Imported lines on disk, and what of them a view shows: thinned to what a screen can tell apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from devices.crs import Crs, from_wgs84
from jingqiao.map.geojson import Shape
from jingqiao.map.grid import Cells, View, runs
from jingqiao.map.mercator import from_unit, pixel, to_unit

Kind = Literal["outline", "road", "rain", "sewage", "water", "gas", "power", "telecom", "heat", "other"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""What a layer can be; decides how it is drawn, outlines below the rest."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
"""What a layer can be called: it is a file's name and a part of an address."""
VERTICES_AT_MOST: Final = 40_000
"""Of one layer in one view; lines are thinned more until they keep to it."""


class LayerNameError(ValueError):
    """No such name can be given to a layer."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What is known of an imported file. title : str  For people. imported_at : int  [µs since 1970 UTC]."""

    name: str
    title: str
    kind: Kind
    lines: int
    vertices: int
    imported_at: int
    who: str
    source: str


@dataclass(frozen=True, slots=True)
class _Loaded:
    stamp: tuple[int, int]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    first: npt.NDArray[np.int64]
    box: npt.NDArray[np.float64]


def map_folder(data_dir: Path) -> Path:
    """Where imported layers lie."""
    return data_dir / "map"


def store(folder: Path, layer: Layer, shape: Shape) -> None:
    """Keep a layer, in place of one of the same name. Raises LayerNameError."""
    path = _path(folder, layer.name)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    about = np.frombuffer(json.dumps(asdict(layer), ensure_ascii=False).encode(), np.uint8)
    with fresh.open("wb") as file:
        np.savez(file, about=about, x=shape.x, y=shape.y, first=shape.first)
    fresh.replace(path)


def remove(folder: Path, name: str) -> bool:
    """Forget a layer; False when there is none of that name. Raises LayerNameError."""
    path = _path(folder, name)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def layers(folder: Path) -> list[Layer]:
    """All layers, outlines first. A file that cannot be read is passed over."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found.append(Layer(**json.loads(arrays["about"].tobytes())))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda layer: (KINDS.index(layer.kind), layer.name))


class Layers:
    """Layers held in memory while they are looked at; a file that was imported again is read again.

    crs : what views are asked and answered in.
    """

    def __init__(self, folder: Path, crs: Crs = "wgs84") -> None:
        self._folder = folder
        self._crs = crs
        self._lock = Lock()
        self._kept: dict[str, _Loaded] = {}

    def lines(self, name: str, view: View, zoom: int) -> Mapping[str, Any] | None:
        """What a view shows of a layer, JSON-ready; None when there is no such layer.

        `lines`: each [x, y, dx, dy, …] in whole pixels of the world at that zoom, the first point absolute,
        the others from the one before. Lines shorter than a pixel are left out.
        """
        layer = self._load(name)
        if layer is None:
            return None
        west, north, east, south = layer.box
        size = pixel(zoom)
        seen = (west <= view.east) & (east >= view.west) & (north <= view.south) & (south >= view.north)
        seen &= np.maximum(east - west, south - north) >= size / 2
        chosen = np.flatnonzero(seen)
        step = 1
        while True:
            x, y, starts = _thinned(layer, chosen, size, step)
            if len(x) <= VERTICES_AT_MOST:
                break
            step *= 2
        return {"zoom": zoom, "lines": _from_before(x, y, starts)}

    def all(self) -> list[Layer]:
        """What there is, outlines first."""
        return layers(self._folder)

    def _load(self, name: str) -> _Loaded | None:
        path = _path(self._folder, name)
        try:
            state = path.stat()
        except OSError:
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept.stamp != stamp:
                with np.load(path, allow_pickle=False) as arrays:
                    x, y, first = arrays["x"], arrays["y"], arrays["first"]
                if self._crs != "wgs84":
                    x, y = to_unit(*from_wgs84(*from_unit(x, y), self._crs))
                begin = first[:-1]
                box = np.stack(
                    [
                        np.minimum.reduceat(x, begin),
                        np.minimum.reduceat(y, begin),
                        np.maximum.reduceat(x, begin),
                        np.maximum.reduceat(y, begin),
                    ]
                )
                kept = self._kept[name] = _Loaded(stamp, x, y, first, box)
        return kept


def _thinned(
    layer: _Loaded, chosen: npt.NDArray[np.int64], size: float, step: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Points in whole pixels, neighbours on the same `step` × `step` pixels left out, and lines' begins."""
    place = runs(Cells(layer.first[chosen], layer.first[chosen + 1]))
    count = layer.first[chosen + 1] - layer.first[chosen]
    line = np.repeat(np.arange(len(chosen)), count)
    x = np.round(layer.x[place] / (size * step)).astype(np.int64) * step
    y = np.round(layer.y[place] / (size * step)).astype(np.int64) * step
    new = np.ones(len(x), bool)
    new[1:] = (line[1:] != line[:-1]) | (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    x, y, line = x[new], y[new], line[new]
    long = np.bincount(line, minlength=len(chosen)) > 1
    kept = long[line]
    x, y, line = x[kept], y[kept], line[kept]
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]])) if len(line) else line
    return x, y, starts


def _from_before(
    x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
) -> list[list[int]]:
    if not len(x):
        return []
    dx, dy = np.diff(x, prepend=0), np.diff(y, prepend=0)
    dx[starts], dy[starts] = x[starts], y[starts]
    pairs = np.column_stack([dx, dy]).ravel()
    ends = np.append(starts[1:], len(x))
    return [pairs[2 * a : 2 * b].tolist() for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def _path(folder: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise LayerNameError(name)
    return folder / f"{name}.npz"
