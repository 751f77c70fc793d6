"""The grid's answers are those of the obvious way: look at every point."""

import numpy as np
import pytest

from jingqiao.map.grid import CELLS_AT_MOST, Grid, View, runs
from jingqiao.map.mercator import from_unit, to_unit

WORLD = View(0.0, 0.0, 1.0, 1.0)


def points(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = 0.82 + rng.normal(0, 1e-3, n), 0.41 + rng.normal(0, 1e-3, n)
    x[: n // 10], y[: n // 10] = 0.82, 0.41  # many at one place
    return x, y


@pytest.mark.parametrize("zoom", [3, 9, 12, 15, 19])
def test_every_cell_holds_the_points_that_lie_in_it_and_no_point_is_lost(zoom: int) -> None:
    x, y = points(4000)
    grid = Grid(np.arange(4000), x, y)
    view = View(0.8195, 0.4095, 0.8207, 0.4103)
    cells = grid.cells(view, zoom, 64)
    seen = set(grid.row[runs(cells)].tolist())
    inside = (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
    assert set(np.flatnonzero(inside).tolist()) <= seen
    assert len(runs(cells)) == len(seen)
    widths = [np.ptp(grid.x[a:b]) for a, b in zip(cells.first, cells.end, strict=True)]
    assert len(cells.first) <= CELLS_AT_MOST
    coarsest = 2 * np.sqrt(0.0012 * 0.0008 / CELLS_AT_MOST)
    assert max(widths) <= max(2.0 ** -(zoom + 2), coarsest)


@pytest.mark.parametrize("size", [1e-7, 1e-5, 1e-3, 0.5])
def test_within_a_view_are_exactly_the_points_between_its_edges(size: float) -> None:
    x, y = points(3000)
    grid = Grid(np.arange(3000), x, y)
    view = View(0.82 - size, 0.41 - size, 0.82 + size / 3, 0.41 + size / 2)
    naive = (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
    assert sorted(grid.row[grid.within(view)].tolist()) == np.flatnonzero(naive).tolist()


def test_the_middle_of_a_cell_is_the_mean_of_its_points() -> None:
    x, y = points(500)
    grid = Grid(np.arange(500), x, y)
    cells = grid.cells(WORLD, 12, 64)
    mx, my = grid.middle(cells)
    naive = [(grid.x[a:b].mean(), grid.y[a:b].mean()) for a, b in zip(cells.first, cells.end, strict=True)]
    assert np.allclose(np.column_stack([mx, my]), naive, atol=1e-12)


def test_a_city_without_a_single_place_answers_emptily() -> None:
    grid = Grid(np.empty(0, np.int64), np.empty(0), np.empty(0))
    assert len(grid.within(WORLD)) == 0
    assert len(grid.cells(WORLD, 10, 64).first) == 0


def test_a_view_that_crosses_the_edge_of_the_world_is_cut_there() -> None:
    grid = Grid(np.arange(2), np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert len(grid.within(View(-3.0, -3.0, 4.0, 4.0))) == 2
    assert len(grid.cells(View(-3.0, -3.0, 4.0, 4.0), 5, 64).first) == 2


def test_places_come_back_from_the_unit_square() -> None:
    lon, lat = np.array([114.89, -179.9, 0.0]), np.array([30.39, 84.0, -60.0])
    back = from_unit(*to_unit(lon, lat))
    assert np.allclose(back[0], lon)
    assert np.allclose(back[1], lat)
    assert to_unit(np.array([0.0]), np.array([0.0])) == (0.5, 0.5)
