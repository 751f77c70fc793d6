"""The real library on beams whose modes are known."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from jingqiao.modal.identify import modes_of
from jingqiao.modal.window import Window
from tests.support.beam import shaken


@pytest.fixture(autouse=True, scope="module")
def quiet_and_single() -> Iterator[None]:
    """As `jingqiao.modal.child` has it."""
    logging.getLogger("pyoma2").setLevel(logging.CRITICAL)
    with threadpool_limits(1):
        yield


def window(
    frequencies_hz: tuple[float, ...], *, seed: int, channels: int = 8, rate_hz: float = 100.0
) -> Window:
    samples = shaken(frequencies_hz, seed=seed, channels=channels, rate_hz=rate_hz)
    ids = tuple(f"A{i}" for i in range(channels))
    return Window(0, rate_hz, samples - samples.mean(axis=0), ids)


@pytest.mark.parametrize("known", [(2.3, 6.1, 11.8), (0.6, 1.4, 3.1), (4.5, 14.0, 18.0)])
def test_three_modes_of_a_beam_under_traffic_are_found_with_damping_and_shape(
    known: tuple[float, ...],
) -> None:
    found = modes_of(window(known, seed=11))
    assert len(found) == 3
    for number, (hz, mode) in enumerate(zip(known, found, strict=True), 1):
        assert mode.frequency_hz == pytest.approx(hz, rel=0.01)
        assert 0 < mode.deviation_hz < 0.02 * hz
        if hz > 0.8:  # below, 0.6 s of lags are less than half a period, and damping is told too high
            assert mode.damping == pytest.approx(0.01, abs=0.008)
        shape = np.array(mode.shape)
        true = np.sin(number * np.pi * np.arange(1, 9) / 9)
        assert (shape @ true) ** 2 / ((shape @ shape) * (true @ true)) > 0.98


def test_a_tenth_less_stiffness_is_five_per_cent_less_frequency() -> None:
    whole = modes_of(window((2.3, 6.1, 11.8), seed=21))
    hurt = modes_of(window(tuple(hz * np.sqrt(0.9) for hz in (2.3, 6.1, 11.8)), seed=22))
    change = [100 * (b.frequency_hz / a.frequency_hz - 1) for a, b in zip(whole, hurt, strict=True)]
    assert change == pytest.approx([-5.13] * 3, abs=0.6)


def test_two_sensors_are_enough_for_the_modes_that_they_can_tell_apart() -> None:
    found = modes_of(window((2.3, 6.1), seed=31, channels=2))
    assert [mode.frequency_hz for mode in found] == pytest.approx([2.3, 6.1], rel=0.01)


def test_a_sensor_that_repeats_another_changes_nothing() -> None:
    one = window((2.3, 6.1, 11.8), seed=41, channels=4)
    twice = Window(0, one.rate_hz, np.column_stack((one.samples, one.samples[:, 0])), (*one.sensor_ids, "B"))
    hz = [mode.frequency_hz for mode in modes_of(twice)]
    assert hz == pytest.approx([mode.frequency_hz for mode in modes_of(one)], rel=0.003)


def test_noise_alone_has_no_mode() -> None:
    samples = np.random.default_rng(5).normal(size=(60_000, 4)) * 1e-4
    assert modes_of(Window(0, 100.0, samples, ("A", "B", "C", "D"))) == []


def test_slow_sensors_are_taken_as_they_are() -> None:
    found = modes_of(window((1.1, 2.9), seed=51, channels=4, rate_hz=20.0))
    assert [mode.frequency_hz for mode in found] == pytest.approx([1.1, 2.9], rel=0.01)
