"""From samples to the verdict with the real library: a spring that warms is no damage, a lost tenth is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from jingqiao.modal.identify import modes_of
from jingqiao.modal.observation import HOUR_US, Observation
from jingqiao.modal.summary import summary_of
from jingqiao.modal.window import Window
from tests.support.beam import shaken
from tests.support.modal_hours import DAY_US, START_US

SENSORS = ("A0", "A1", "A2")
LABELS = ("一级", "二级", "三级")
WARMING_DAYS, HURT_DAYS = 18, 4


@pytest.fixture(autouse=True, scope="module")
def quiet_and_single() -> Iterator[None]:
    """As `jingqiao.modal.child` has it."""
    logging.getLogger("pyoma2").setLevel(logging.CRITICAL)
    with threadpool_limits(1):
        yield


def hour(day: int, number: int, stiffness: float) -> Observation:
    """One of three hours of a day that is warmer than the day before; −0.3 % of frequency a degree."""
    warm = 4.0 + day + 2.0 * (number - 1)
    share = np.sqrt(stiffness) * (1 - 0.003 * (warm - 10))
    seed = 1000 * day + number
    shake = partial(shaken, channels=3, rate_hz=25.0, noise_g=2e-4)
    samples = shake([hz * share for hz in (2.3, 6.1)], seed=seed)
    window = Window(0, 25.0, samples - samples.mean(axis=0), SENSORS)
    start = START_US + day * DAY_US + (6 + 5 * number) * HOUR_US
    return Observation(start, SENSORS, tuple(modes_of(window)), "", warm, 25.0)


@pytest.fixture(scope="module")
def spring() -> list[Observation]:
    """18 days that warm from 4 to 21 °C: frequencies fall by 5 %."""
    return [hour(day, number, 1.0) for day in range(WARMING_DAYS) for number in range(3)]


def test_frequencies_that_fall_as_it_warms_are_no_damage(spring: list[Observation]) -> None:
    found = summary_of("B", spring, (), LABELS)
    assert len(found["modes"]) == 2
    assert found["stiffness"]["verdict"] == "steady"
    fallen = [row["daily"][-1]["frequency_hz"] / row["daily"][0]["frequency_hz"] for row in found["modes"]]
    assert fallen == pytest.approx([0.949, 0.949], abs=0.01)
    assert [row["percent_per_degree"] for row in found["modes"]] == pytest.approx([-0.3, -0.3], abs=0.08)


def test_a_tenth_less_stiffness_beside_it_is_told(spring: list[Observation]) -> None:
    hurt = [
        hour(day, number, 0.9) for day in range(WARMING_DAYS, WARMING_DAYS + HURT_DAYS) for number in range(3)
    ]
    stiffness = summary_of("B", [*spring, *hurt], (), LABELS)["stiffness"]
    assert (stiffness["verdict"], stiffness["modes"]) == ("fell", [1, 2])
    assert stiffness["level"] >= 2
    assert stiffness["stiffness_change_percent"] < -6
