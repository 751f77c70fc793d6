"""Coordinates of Chinese maps: right to a metre, there and back, and untouched abroad."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.crs import from_wgs84, in_china, to_wgs84, wgs84_to_gcj02

METRES_PER_DEGREE = 111_320.0
CHINA = st.tuples(st.floats(74, 134), st.floats(18, 53))


def metres(a, b) -> float:
    """Distance of two near points [m]."""
    d_lat = (a[1] - b[1]) * METRES_PER_DEGREE
    d_lon = (a[0] - b[0]) * METRES_PER_DEGREE * np.cos(np.radians(a[1]))
    return float(np.hypot(d_lon, d_lat))


def one(function, point, crs):
    lon, lat = function(np.array([point[0]]), np.array([point[1]]), crs)
    return float(lon[0]), float(lat[0])


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        # Pairs of the open implementations' own tests (eviltransform): Shanghai, Shenzhen, Beijing.
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
)
def test_published_pairs_agree_to_a_centimetre(wgs84, gcj02):
    assert metres(one(from_wgs84, wgs84, "gcj02"), gcj02) < 0.01
    assert metres(one(to_wgs84, gcj02, "gcj02"), wgs84) < 0.01


def test_the_offset_in_ezhou_is_some_hundred_metres():
    assert 300 < metres(one(from_wgs84, (114.89, 30.39), "gcj02"), (114.89, 30.39)) < 900


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
@given(point=CHINA)
@settings(max_examples=200, deadline=None)
def test_there_and_back_is_right_to_a_metre_anywhere_in_china(crs, point):
    assert metres(one(to_wgs84, one(from_wgs84, point, crs), crs), point) < 1


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize("point", [(2.35, 48.86), (-74.0, 40.7), (151.2, -33.9), (0.0, 0.0)])
def test_outside_of_china_nothing_is_touched(crs, point):
    assert one(to_wgs84, point, crs) == point
    assert one(from_wgs84, point, crs) == point


def test_unknown_positions_stay_unknown():
    lon, lat = to_wgs84(np.array([np.nan, 114.9]), np.array([np.nan, 30.4]), "bd09")
    assert np.isnan(lon[0])
    assert np.isnan(lat[0])
    assert in_china(lon[1:], lat[1:]).all()


def test_a_column_is_converted_as_its_cells_are():
    lon, lat = np.linspace(75, 134, 50), np.linspace(19, 52, 50)
    whole = wgs84_to_gcj02(lon, lat)
    for i in range(50):
        single = wgs84_to_gcj02(lon[i : i + 1], lat[i : i + 1])
        assert (whole[0][i], whole[1][i]) == (single[0][0], single[1][0])
