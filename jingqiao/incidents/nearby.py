"""Which places lie near each other: cells of a grid, and clusters of cells that touch. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Final

Cell = tuple[int, int]
"""Column and row of a square of the grid."""

_M_PER_DEGREE: Final = 111_320.0
"""Length of a degree of latitude [m]."""


def cell_of(lon: float, lat: float, side_m: float) -> Cell:
    """The cell that a place lies in.

    lon, lat : float  WGS-84 [°]. side_m : float  Side of a cell [m]. Columns are narrowed with the latitude,
    whole degree by whole degree, which is exact enough for neighbours.
    """
    side = side_m / _M_PER_DEGREE
    return math.floor(lon * math.cos(math.radians(round(lat))) / side), math.floor(lat / side)


def around(cell: Cell) -> Iterator[Cell]:
    """The cell and the eight that touch it: everything within one side of a place lies in them."""
    x, y = cell
    return ((x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1))


def clusters(cells: Iterable[Cell]) -> list[set[Cell]]:
    """Cells in groups that hang together by touching, in the order of their first cell."""
    left = set(cells)
    found = []
    while left:
        group, edge = set(), [min(left)]
        left.discard(edge[0])
        while edge:
            cell = edge.pop()
            group.add(cell)
            for other in around(cell):
                if other in left:
                    left.discard(other)
                    edge.append(other)
        found.append(group)
    return found


def touches(cells: Iterable[Cell], others: Collection[Cell]) -> bool:
    """Whether any of the cells is one of the others or touches one."""
    return any(near in others for cell in cells for near in around(cell))
