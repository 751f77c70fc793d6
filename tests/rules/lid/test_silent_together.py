"""A lid that moved and fell silent may be stolen, unless all its neighbours fell silent with it."""

from __future__ import annotations

import numpy as np
import pytest

from devices.registry import Registry
from tests.rules.lid.test_scenarios import DAY, HOUR
from tests.support.lid_rounds import Life

LIDS = 12


def street(metres_apart: float | None = 30, thieves_lid_away: float = 0.0) -> Registry:
    """Lids in a row, reporting every hour; nowhere if None. The first may lie farther off [m]."""

    def place(i: int) -> dict[str, float]:
        if metres_apart is None:
            return {}
        return {
            "lon": 114.88,
            "lat": 30.39 + (i * metres_apart - (thieves_lid_away if i == 0 else 0)) / 111_320,
        }

    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", **place(i)} for i in range(LIDS)],
        [
            {"sensor_id": f"S{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600.0}
            for i in range(LIDS)
        ],
    )


def hours(life: Life, first: int, last: int, silent: tuple[int, ...] = ()) -> None:
    rng = np.random.default_rng(first)
    for k in range(first, last):
        for i in range(LIDS):
            if i not in silent:
                life.reads(k * HOUR + i * 250, i, tilt_deg=1 + rng.normal(0, 0.1))


def stolen(life: Life) -> list[str]:
    return [
        change.asset_id
        for change in life.said
        if change.hazard.value == "missing" and change.state.value == "firing" and change.severity >= 3
    ]


def moved(life: Life, k: int) -> None:
    """All report once more; the first lid leans by 22°."""
    life.reads(k * HOUR, 0, tilt_deg=22.0)
    for i in range(1, LIDS):
        life.reads(k * HOUR + i * 250, i, tilt_deg=1.0)


@pytest.mark.parametrize("apart", [30, None])
def test_when_all_fall_silent_a_lid_that_moved_before_is_not_called_stolen(apart: float | None) -> None:
    life = Life(street(apart))
    hours(life, 0, 72)
    moved(life, 72)
    life.passes(3 * DAY + 30 * HOUR)
    assert stolen(life) == []


def test_who_stays_silent_when_its_neighbours_are_back_is_called_stolen() -> None:
    life = Life(street())
    hours(life, 0, 72)
    moved(life, 72)
    hours(life, 90, 100, silent=(0,))
    assert stolen(life) == ["A0"]


def test_who_comes_back_with_its_neighbours_is_not_called_stolen() -> None:
    life = Life(street())
    hours(life, 0, 72)
    moved(life, 72)
    for k in range(90, 100):
        for i in range(1, LIDS):
            life.reads(k * HOUR + (i - 1) * 250, i, tilt_deg=1.0)
        life.reads(k * HOUR + 3500, 0, tilt_deg=22.0)
    assert stolen(life) == []


def test_who_falls_silent_alone_is_called_stolen_in_time() -> None:
    life = Life(street())
    hours(life, 0, 72)
    moved(life, 72)
    hours(life, 73, 76, silent=(0,))
    assert stolen(life) == ["A0"]


def test_silence_a_kilometre_off_is_no_excuse() -> None:
    life = Life(street(thieves_lid_away=1500))
    hours(life, 0, 72)
    moved(life, 72)
    life.passes(72 * HOUR + 4 * HOUR)
    assert stolen(life) == ["A0"]


def test_a_street_whose_lids_were_all_moved_before_they_fell_silent_was_robbed() -> None:
    life = Life(street())
    hours(life, 0, 72)
    for i in range(LIDS):
        life.reads(72 * HOUR + i * 250, i, tilt_deg=23.0)
    life.passes(72 * HOUR + 5 * HOUR)
    assert sorted(stolen(life)) == sorted(f"A{i}" for i in range(LIDS))
