"""Ground around places: a hull holds every point, a circle too."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jingqiao.exchange.shape import Point, circle_around, distance_km, hull

POINTS = st.lists(st.tuples(st.floats(114.5, 115.2), st.floats(30.0, 30.7)), max_size=40)


def left_of(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@given(POINTS)
def test_a_hull_is_closed_turns_left_and_holds_every_point(points: list[Point]) -> None:
    ring = hull(points)
    if not ring:
        return
    assert ring[0] == ring[-1]
    assert len(ring) >= 4
    assert set(ring) <= set(points)
    edges = list(itertools.pairwise(ring))
    assert all(left_of(a, b, p) >= -1e-12 for a, b in edges for p in points)


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 1.0)] * 3, [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]])
def test_points_on_a_line_span_no_ground(points: list[Point]) -> None:
    assert hull(points) == []


@given(POINTS.filter(bool))
def test_a_circle_holds_every_point(points: list[Point]) -> None:
    middle, radius_km = circle_around(points, 0.05)
    assert all(distance_km(middle, point) <= radius_km for point in points)


def test_a_degree_of_latitude_is_111_km() -> None:
    assert math.isclose(distance_km((114.9, 30.0), (114.9, 31.0)), 111.19, abs_tol=0.02)
