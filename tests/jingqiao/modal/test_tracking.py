"""A mode is known again by frequency and shape, whatever else a window shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jingqiao.modal.observation import Mode
from jingqiao.modal.tracking import mac, tracks_of
from tests.support.modal_hours import SENSORS, hours_of, shape_of


def test_three_modes_are_followed_with_their_gaps() -> None:
    tracks = tracks_of(hours_of([15.0] * 30, seed=1))
    assert [track.hz for track in tracks] == pytest.approx([2.3, 6.1, 11.8], rel=0.02)
    assert all(0.9 < track.seen < 1 for track in tracks)


def test_a_chance_pole_of_a_few_hours_is_no_mode() -> None:
    hours = hours_of([15.0] * 20, seed=2)
    odd = [
        replace(one, modes=(*one.modes, Mode(3.4, 0.1, 0.05, 0.5, shape_of(5)))) if i % 5 == 0 else one
        for i, one in enumerate(hours)
    ]
    assert len(tracks_of(odd)) == 3


def test_modes_that_come_close_are_told_apart_by_shape() -> None:
    def near(day: int, mode: int) -> float:
        return 10.0 if day >= 20 and mode == 1 else 0.0

    tracks = tracks_of(hours_of([15.0] * 30, (2.0, 2.12), seed=3, change=near, percent_per_degree=0.0))
    assert [round(float(track.frequency_hz[-1]), 1) for track in tracks] == [2.2, 2.1]
    assert tracks[0].shape == pytest.approx(dict(zip(SENSORS, shape_of(1), strict=True)))


def test_a_sensor_that_is_away_for_days_breaks_no_track() -> None:
    hours = hours_of([15.0] * 20, seed=4)
    fewer = [
        replace(
            one, sensor_ids=one.sensor_ids[1:], modes=tuple(replace(m, shape=m.shape[1:]) for m in one.modes)
        )
        for one in hours[40:]
    ]
    assert len(tracks_of(hours[:40] + fewer)[0].start) > 70


def test_shapes_without_common_sensors_are_not_alike() -> None:
    assert mac({"A": 1.0, "B": 0.5}, {"B": 1.0, "C": 0.5}) == 0.0
    assert mac({"A": 1.0, "B": 0.5}, {"A": -2.0, "B": -1.0}) == pytest.approx(1.0)


def test_of_no_modes_there_is_no_track() -> None:
    assert tracks_of([]) == []
    assert tracks_of([replace(one, modes=(), problem="modes") for one in hours_of([1.0], seed=5)]) == []
