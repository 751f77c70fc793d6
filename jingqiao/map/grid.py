"""Points of a map, found and counted by view in well under a millisecond, however many there are.

All points are sorted once by their place on a Z-shaped curve (Morton order) over a 2^26 × 2^26 grid. A square
cell of any coarser grid is then one run of that order, so a view's clusters are a few hundred binary searches
and differences of running sums. Nothing is precomputed per zoom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from jingqiao.map.mercator import TILE_PX, Unit

LEVELS: Final = 26
"""Finest grid: cells of 0.6 m at the equator."""
CELLS_AT_MOST: Final = 4096
"""Of one answer; a view that would have more gets coarser cells."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class View:
    """A piece of the map: unit-square bounds, west < east, north < south."""

    west: float
    north: float
    east: float
    south: float


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of a view that have points. first, end : int64[k]  Their runs in `Grid.row`."""

    first: Rows
    end: Rows


class Grid:
    """Points in Morton order.

    row : int64[n]  The caller's row of each point. x, y : float64[n]  On the unit square.
    """

    def __init__(self, row: Rows, x: Unit, y: Unit) -> None:
        code = morton(_cell(x), _cell(y))
        order = np.argsort(code, kind="stable")
        self._code = code[order]
        self.row = row[order]
        self.x, self.y = x[order], y[order]
        self._sum_x = np.concatenate([[0.0], np.cumsum(self.x)])
        self._sum_y = np.concatenate([[0.0], np.cumsum(self.y)])

    def __len__(self) -> int:
        return len(self.row)

    def cells(self, view: View, zoom: float, cell_px: int) -> Cells:
        """Cells about `cell_px` wide at a zoom that lie in the view, those without points left out."""
        level = min(LEVELS, max(0, round(zoom + np.log2(TILE_PX / cell_px))))
        while True:
            columns, rows = _span(view.west, view.east, level), _span(view.north, view.south, level)
            if len(columns) * len(rows) <= CELLS_AT_MOST:
                break
            level -= 1
        shift = np.uint64(2 * (LEVELS - level))
        code = np.sort(morton(np.repeat(columns, len(rows)), np.tile(rows, len(columns))))
        first = np.searchsorted(self._code, code << shift)
        end = np.searchsorted(self._code, ((code + np.uint64(1)) << shift) - np.uint64(1), side="right")
        some = end > first
        return Cells(first[some], end[some])

    def middle(self, cells: Cells) -> tuple[Unit, Unit]:
        """float64[k] each  Mean place of each cell's points."""
        count = cells.end - cells.first
        return (
            (self._sum_x[cells.end] - self._sum_x[cells.first]) / count,
            (self._sum_y[cells.end] - self._sum_y[cells.first]) / count,
        )

    def within(self, view: View) -> Rows:
        """int64[k]  Places in `row` of the points that lie in a view."""
        level = max(0, min(LEVELS, int(np.floor(-np.log2(max(view.east - view.west, 2.0**-LEVELS)))) + 3))
        found = self.cells(view, level, TILE_PX)
        inside = runs(found)
        x, y = self.x[inside], self.y[inside]
        seen: Rows = inside[(x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)]
        return seen


def runs(cells: Cells) -> Rows:
    """int64[k]  Every place of every run, in order."""
    count = cells.end - cells.first
    total = int(count.sum())
    if total == 0:
        return np.empty(0, np.int64)
    begin = np.cumsum(count) - count
    places: Rows = np.arange(total) - np.repeat(begin, count) + np.repeat(cells.first, count)
    return places


def morton(column: npt.NDArray[np.uint64], row: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """uint64[n]  Bits of column and row interleaved (Morton 1966), by the usual spreading masks."""
    return _spread(column) | (_spread(row) << np.uint64(1))


def _spread(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        value = (value | (value << np.uint64(shift))) & np.uint64(mask)
    return value


def _cell(unit: Unit) -> npt.NDArray[np.uint64]:
    side = 1 << LEVELS
    cell: npt.NDArray[np.uint64] = np.clip(np.floor(unit * side), 0, side - 1).astype(np.uint64)
    return cell


def _span(low: float, high: float, level: int) -> npt.NDArray[np.uint64]:
    side = 1 << level
    first = min(max(int(np.floor(low * side)), 0), side - 1)
    last = min(max(int(np.floor(high * side)), 0), side - 1)
    return np.arange(first, max(first, last) + 1, dtype=np.uint64)
