"""Works that a control told of: what is learned anew, who and why, after restarts and in a grown registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.bridge_rules import BridgeRules
from devices.registry import Registry
from rules.alarm import Hazard
from rules.bridge.detector import BridgeDetector
from rules.bridge.movements import MovementDetector
from rules.bridge.works import NEVER
from rules.detector import Round

HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 19_800 * DAY
TOLD = {"asset_id": "B", "from": START + DAY, "to": START + 2 * DAY, "who": "王工", "why": "顶升换支座"}
WANTED = {
    "kind": "intervention",
    "from_us": START + DAY,
    "to_us": START + 2 * DAY,
    "who": "王工",
    "why": "顶升换支座",
}
Watching = type[BridgeDetector] | type[MovementDetector]
WATCHING: tuple[tuple[Watching, str, str], ...] = (
    (BridgeDetector, "gauge", "strain_ue"),
    (MovementDetector, "tilt", "tilt_x_deg"),
)


def registry(role: str, before: int = 0) -> Registry:
    """One sensor, and so many of another bridge before it in the register."""
    rows: list[dict[str, Any]] = [
        {"sensor_id": f"A{i}", "asset_id": "A", "role": role} for i in range(before)
    ]
    bridges = [{"asset_id": "A", "kind": "bridge"}, {"asset_id": "B", "kind": "bridge"}]
    return Registry.of(bridges, [*rows, {"sensor_id": "S", "asset_id": "B", "role": role, "design_max": 0.5}])


def reading(column: str, time: int, value: float) -> Round:
    values = {column: np.array([value], np.float32)}
    return Round(np.zeros(1, np.int32), np.array([time]), np.array([time]), np.zeros(1, np.uint8), values)


def told(detector: BridgeDetector | MovementDetector, sensor: int = 0) -> object:
    return detector.explain(sensor, Hazard.STRAIN_LIMIT)[1].get("intervention")


@pytest.mark.parametrize(("kind", "role", "column"), WATCHING)
def test_who_ordered_works_and_why_survives_a_restart(kind: Watching, role: str, column: str) -> None:
    first = kind(registry(role), BridgeRules())
    first.control("intervention", TOLD)
    second = kind(registry(role), BridgeRules())
    second.restore({name: array.copy() for name, array in first.snapshot().items()})
    assert told(second) == WANTED
    assert second.works.closed_to.tolist() == [WANTED["to_us"]]


@pytest.mark.parametrize(("kind", "role", "column"), WATCHING)
def test_who_ordered_works_and_why_stays_with_its_sensor_as_the_registry_grows(
    kind: Watching, role: str, column: str
) -> None:
    detector = kind(registry(role), BridgeRules())
    detector.control("intervention", TOLD)
    grown = Registry.of(
        [{"asset_id": "A", "kind": "bridge"}, {"asset_id": "B", "kind": "bridge"}],
        [
            {"sensor_id": "S", "asset_id": "B", "role": role, "design_max": 0.5},
            {"sensor_id": "A0", "asset_id": "A", "role": role},
        ],
    )
    detector.registry_changed(grown)
    assert told(detector, 0) == WANTED
    assert told(detector, 1) is None
    assert detector.works.closed_to.tolist() == [WANTED["to_us"], NEVER]


@pytest.mark.parametrize(("kind", "role", "column"), WATCHING)
def test_a_snapshot_made_before_works_were_kept_is_still_read(kind: Watching, role: str, column: str) -> None:
    first = kind(registry(role), BridgeRules())
    first.observe(reading(column, START, 0.25))
    first.tick(START + HOUR)
    old = {
        name: array
        for name, array in first.snapshot().items()
        if name != "interventions" and "closed" not in name
    }
    second = kind(registry(role), BridgeRules())
    second.restore(old)
    assert told(second) is None
    assert second.works.closed_to.tolist() == [NEVER]


@pytest.mark.parametrize(("kind", "role", "column"), WATCHING)
def test_works_name_the_sensors_that_they_are_of(kind: Watching, role: str, column: str) -> None:
    detector = kind(registry(role, before=2), BridgeRules())
    one = {name: value for name, value in TOLD.items() if name != "asset_id"}
    detector.control("rebaseline", {**one, "sensor_id": "A1"})
    detector.control("rebaseline", {**one, "sensor_ids": ["S", "no such sensor"]})
    detector.control("rebaseline", {**one, "asset_id": "no such bridge"})
    assert [told(detector, i) is not None for i in range(3)] == [False, True, True]


def test_a_tilt_is_measured_from_the_attitude_that_works_left_behind() -> None:
    detector = MovementDetector(registry("tilt"), BridgeRules())
    verdicts = []
    detector.control("intervention", TOLD)
    for minute in range(0, 4 * 24 * 60, 10):
        time = START + minute * 60_000_000
        jacked = 0.0 if time < TOLD["from"] else 2.0 if time < TOLD["to"] else 1.0
        verdicts += detector.observe(reading("tilt_x_deg", time, jacked))
        verdicts += detector.tick(time)
    assert verdicts == []
    assert detector.attitude.state["reference"][0].tolist() == [1.0, 0.0]
    for minute in range(3):
        detector.observe(reading("tilt_x_deg", START + 4 * DAY + minute * 60_000_000, 1.6))
        verdicts += detector.tick(START + 4 * DAY + (minute + 1) * 60_000_000)
    [found] = verdicts
    assert found.value[0] == pytest.approx(0.6, abs=0.01)
    assert told(detector) == WANTED
