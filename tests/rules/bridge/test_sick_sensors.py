"""Sensors that die in all ways, each alone in its section, through the whole detector: no structure moves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.bridge_lives import GAUGES, SENSORS, Fault, Illness, Lives, Works, lives

ONSET, DAYS = 100, 150
FAULTS = [fault for fault in Fault if fault is not Fault.THERMOMETER]
THERMOMETERS = [(sensor, size) for sensor in (4, 5) for size in (0.1, 0.5, 0.9)]
CASES = [(fault, 0, 0.8) for fault in FAULTS] + [(Fault.THERMOMETER, *case) for case in THERMOMETERS]


@pytest.fixture(scope="module")
def sick() -> Lives:
    ill = tuple(
        Illness(section, sensor, fault, ONSET + 0.4, 30, size)
        for section, (fault, sensor, size) in enumerate(CASES)
    )
    return lives(DAYS, len(CASES), 3, ill=ill)


def of_section(said: np.ndarray, section: int, width: int) -> np.ndarray:
    return said[:, section * width : (section + 1) * width]


@pytest.mark.parametrize("section", range(len(CASES)), ids=[f"{f.value} of {s}" for f, s, _ in CASES])
def test_one_sick_sensor_is_no_structure(sick: Lives, section: int) -> None:
    assert not of_section(sick.structure, section, GAUGES).any()


@pytest.mark.parametrize(
    "fault", [Fault.STUCK, Fault.SPIKES, Fault.RANGE, Fault.LEAP, Fault.SATURATION, Fault.NOISE]
)
def test_what_a_gauge_cannot_measure_is_told_as_a_fault_within_a_fortnight_also_of_a_slow_logger(
    sick: Lives, fault: Fault
) -> None:
    told = of_section(sick.fault, FAULTS.index(fault), SENSORS)
    assert not told[:ONSET].any()
    assert told[ONSET : ONSET + 14, 0].any()
    assert not told[:, 1:].any()


def test_a_gauge_that_drifts_alone_is_unconfirmed(sick: Lives) -> None:
    section = FAULTS.index(Fault.DRIFT)
    assert of_section(sick.single, section, GAUGES)[ONSET:].any()


def test_works_that_are_told_to_the_service_are_no_movement() -> None:
    said = lives(130, 2, 5, works=(Works(0, ONSET, 60.0), Works(1, ONSET, -25.0)))
    assert not said.structure.any()
    assert not said.single.any()
