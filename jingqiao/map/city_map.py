"""The map's answers: clusters or single covers of a view, and the list beside it, from what is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from devices.crs import Crs, from_wgs84
from devices.registry import Kind, Registry
from jingqiao.database import reading
from jingqiao.map.grid import Cells, Grid, View
from jingqiao.map.mercator import from_unit, to_unit
from jingqiao.map.states import (
    ALERTING,
    Alert,
    MapState,
    Overlay,
    change_mark,
    followed,
    overlay,
    quiet_states,
)

POINTS_AT_MOST: Final = 1500
"""Covers of a view that are drawn one by one; more of them are drawn in clusters."""
CELL_PX: Final = 64
"""Width of a cluster's cell on the screen [pixels]."""
PLACE_DIGITS: Final = 6
"""Decimals of degrees in answers: 0.1 m."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What changes only with the registry; x, y on the unit square in the map's coordinates.

    grids : district → its points, "" = all. grids, bounds, districts : filled when first asked.
    """

    registry: Registry
    quiet: npt.NDArray[np.uint8]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    placed: npt.NDArray[np.bool_]
    grids: dict[str, Grid] = field(default_factory=dict)
    bounds: list[tuple[float, float, float, float]] = field(default_factory=list)
    districts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Layer:
    """Points of one choice, and which of them alert. place : int64[k]  Sorted places in `grid.row`.
    state : uint8[k]  Their `MapState`."""

    grid: Grid
    place: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Now:
    """Live incidents of a moment. layers : (district, only alerting) → layer; made when first asked."""

    mark: tuple[int, ...]
    ground: _Ground
    overlay: Overlay
    layers: dict[tuple[str, bool], _Layer] = field(default_factory=dict)


class CityMap:
    """Shared by all who look; safe for threads.

    registry : () → the registry of the moment; a new object when it has changed.
    crs : what views are asked and answered in: that of the tiles under them.
    """

    def __init__(self, database: sa.Engine, registry: Callable[[], Registry], crs: Crs = "wgs84") -> None:
        self._database = database
        self._registry = registry
        self.crs: Final = crs
        self._lock = Lock()
        self._ground: _Ground | None = None
        self._now: _Now | None = None

    def districts(self) -> list[str]:
        """Names of the districts of which there are assets, sorted."""
        ground = self._current().ground
        if not ground.districts:
            column = ground.registry.assets.texts["district"].cast(pa.string())
            ground.districts.extend(sorted(name for name in pc.unique(column).to_pylist() if name))
        return list(ground.districts)

    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north of all placed assets [°]; the outermost 0.1 % left out, for one cover with
        a slip of the pen must not shrink the city to a dot. None where nothing has a place."""
        ground = self._current().ground
        if not ground.placed.any():
            return None
        if not ground.bounds:
            x = np.quantile(ground.x[ground.placed], [0.001, 0.999])
            y = np.quantile(ground.y[ground.placed], [0.999, 0.001])
            lon, lat = from_unit(x, y)
            ground.bounds.append((float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1])))
        return ground.bounds[0]

    def view(
        self, view: View, zoom: float, *, district: str = "", only_alerting: bool = False
    ) -> dict[str, Any]:
        """What a view shows, JSON-ready.

        `total`: covers in the view, in clusters with what its outermost cells hold beyond the edge;
        `clusters`: [lon, lat, count, gravest state, alerting count]; `points`: [lon, lat, state, asset_id,
        name, kind]. A cell with one cover is a point; a view with few covers has points only.
        """
        now = self._current()
        layer = self._layer(now, district, only_alerting)
        cells = layer.grid.cells(view, zoom, CELL_PX)
        total = int((cells.end - cells.first).sum())
        if total <= POINTS_AT_MOST:
            inside = layer.grid.row[layer.grid.within(view)]
            return {"total": len(inside), "clusters": [], "points": _points(now, inside)}
        single = (cells.end - cells.first) == 1
        return {
            "total": total,
            "clusters": _clusters(layer, cells, ~single),
            "points": _points(now, layer.grid.row[cells.first[single]]),
        }

    def alerts(
        self, view: View | None, *, district: str = "", after: int = 0, limit: int = 50
    ) -> tuple[list[tuple[Alert, Mapping[str, Any]]], int]:
        """Alerts in a view (None = everywhere), gravest first, with facts of their assets; and how many there
        are in all. after : so many are passed over."""
        now = self._current()
        ground = now.ground
        chosen = np.array([alert.asset for alert in now.overlay.alerts], np.int64)
        keep = np.ones(len(chosen), bool)
        if view is not None and len(chosen):
            x, y = ground.x[chosen], ground.y[chosen]
            with np.errstate(invalid="ignore"):
                keep &= (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
        if district and len(chosen):
            keep &= _in_district(ground.registry, district)[chosen]
        found = np.flatnonzero(keep)
        listed = [now.overlay.alerts[i] for i in found[after : after + limit].tolist()]
        return [(alert, facts_of(ground.registry, alert.asset)) for alert in listed], len(found)

    def counts(self) -> dict[str, int]:
        """How many assets are in each state, and how many have no place on the map."""
        now = self._current()
        tally = np.bincount(now.overlay.state, minlength=len(MapState))
        said = {state.name.lower(): int(tally[state]) for state in MapState}
        return said | {"unplaced": int((~now.ground.placed).sum())}

    def place_of(self, asset: int) -> tuple[float, float] | None:
        """Longitude and latitude of an asset [°], as the map has them; None where it has no place."""
        ground = self._current().ground
        if not ground.placed[asset]:
            return None
        lon, lat = from_unit(ground.x[asset : asset + 1], ground.y[asset : asset + 1])
        return round(float(lon[0]), PLACE_DIGITS), round(float(lat[0]), PLACE_DIGITS)

    def state_of(self, asset: int) -> MapState:
        """The state of one asset by its row."""
        return MapState(int(self._current().overlay.state[asset]))

    # --- what is kept ----------------------------------------------------------------------------

    def _current(self) -> _Now:
        with self._lock:
            registry = self._registry()
            if self._ground is None or self._ground.registry is not registry:
                x, y = to_unit(*from_wgs84(registry.assets.lon, registry.assets.lat, self.crs))
                placed = np.isfinite(x) & np.isfinite(y)
                self._ground = _Ground(registry, quiet_states(registry), x, y, placed)
                self._now = None
            ground = self._ground
            with reading(self._database) as connection:
                mark = change_mark(connection)
                now = self._now
                if now is None:
                    now = _Now(mark, ground, overlay(connection, registry, ground.quiet))
                elif now.mark != mark:
                    seen, before = now.mark[0], now.overlay
                    now = _Now(mark, ground, followed(connection, registry, ground.quiet, before, seen))
            self._now = now
            return now

    def _layer(self, now: _Now, district: str, only_alerting: bool) -> _Layer:
        with self._lock:
            found = now.layers.get((district, only_alerting))
            if found is None:
                grid = _grid(now.ground, district)
                state = now.overlay.state[grid.row]
                place = np.flatnonzero(state >= ALERTING[0])
                if only_alerting:
                    grid = Grid(grid.row[place], grid.x[place], grid.y[place])
                    state, place = now.overlay.state[grid.row], np.arange(len(grid))
                found = now.layers[district, only_alerting] = _Layer(grid, place, state[place])
        return found


def _grid(ground: _Ground, district: str) -> Grid:
    grid = ground.grids.get(district)
    if grid is None:
        chosen = ground.placed
        if district:
            chosen = chosen & _in_district(ground.registry, district)
        row = np.flatnonzero(chosen)
        grid = Grid(row, ground.x[row], ground.y[row])
        if not district or len(row):  # made-up names must not fill the memory
            ground.grids[district] = grid
    return grid


def _clusters(layer: _Layer, cells: Cells, chosen: npt.NDArray[np.bool_]) -> list[list[float]]:
    first, end = cells.first[chosen], cells.end[chosen]
    x, y = layer.grid.middle(Cells(first, end))
    lon, lat = from_unit(x, y)
    low, high = np.searchsorted(layer.place, first), np.searchsorted(layer.place, end)
    gravest = np.full(len(first), MapState.QUIET, np.int64)
    for level in ALERTING:
        having = np.concatenate([[0], np.cumsum(layer.state == level)])
        gravest[having[high] > having[low]] = level
    columns = (lon.round(PLACE_DIGITS), lat.round(PLACE_DIGITS), end - first, gravest, high - low)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _points(now: _Now, row: npt.NDArray[np.int64]) -> list[list[Any]]:
    assets, taken = now.ground.registry.assets, pa.array(row)
    lon, lat = from_unit(now.ground.x[row], now.ground.y[row])
    columns = (
        lon.round(PLACE_DIGITS).tolist(),
        lat.round(PLACE_DIGITS).tolist(),
        now.overlay.state[row].tolist(),
        assets.texts["asset_id"].take(taken).to_pylist(),
        assets.texts["name"].take(taken).to_pylist(),
        [Kind(int(kind)).name.lower() for kind in assets.kind[row]],
    )
    return [list(point) for point in zip(*columns, strict=True)]


def facts_of(registry: Registry, asset: int) -> dict[str, Any]:
    """What a list says of an asset."""
    assets = registry.assets
    lon, lat = float(assets.lon[asset]), float(assets.lat[asset])
    known = np.isfinite(lon) and np.isfinite(lat)
    return {
        "asset_id": assets.text("asset_id", asset),
        "kind": Kind(int(assets.kind[asset])).name.lower(),
        "name": assets.text("name", asset),
        "district": assets.text("district", asset),
        "road": assets.text("road", asset),
        "lon": lon if known else None,
        "lat": lat if known else None,
    }


def _in_district(registry: Registry, district: str) -> npt.NDArray[np.bool_]:
    column = registry.assets.texts["district"].cast(pa.string())
    same: npt.NDArray[np.bool_] = pc.equal(column, district).to_numpy(zero_copy_only=False)
    return same
