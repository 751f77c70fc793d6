"""Many alarms with one cause: each is told, and says what it has in common with the others."""

from __future__ import annotations

from typing import Any

from devices.registry import Registry
from rules.alarm import AlarmChange
from rules.engine import Engine
from tests.support.lid_rounds import HOUR, SECOND, START, Life, frame

MINUTE = 60.0


def street(n: int, step_m: float, models: tuple[str, ...] = ("native",)) -> Registry:
    """n covers in a row, so far apart."""
    step = step_m / 110_574
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114.8, "lat": 30.3 + i * step} for i in range(n)],
        [
            {
                "sensor_id": f"S{i}",
                "asset_id": f"A{i}",
                "role": "lid",
                "heartbeat_s": 21_600,
                "model": models[i % len(models)],
            }
            for i in range(n)
        ],
    )


def rested(life: Life, n: int, **level: float) -> float:
    """Two days of quiet; seconds since the start."""
    for k in range(9):
        rows = [(i, START + k * 6 * HOUR + i * SECOND, level) for i in range(n)]
        life.said += life.engine.apply(frame(rows))
        life.now = rows[-1][1]
    return 48 * 3600.0


def causes(changes: list[AlarmChange], hazard: str) -> dict[str, str]:
    """Asset → cause of its firing; "" = none is known."""
    told: dict[str, Any] = {}
    for change in changes:
        if change.hazard.value == hazard and change.state.value == "firing":
            told.setdefault(change.asset_id, change.evidence.get("common_cause", {}).get("kind", ""))
    return told


def test_a_cloudburst_is_named_and_nobodys_flood_is_lost() -> None:
    """Twelve wells within two kilometres, minutes apart: twelve alarms, the first three without a cause."""
    life = Life(street(12, 150))
    at = rested(life, 12, water_mm=20)
    for i in range(12):
        life.reads(at + 4000 + i * MINUTE, sensor=i, water_mm=500)
    life.passes(at + 6000)
    told = causes(life.said, "flooded")
    assert list(told.values()) == [""] * 3 + ["cloudburst"] * 9
    last = life.said[-1].evidence["common_cause"]
    assert (last["together"], len(last["with"])) == (12, 11)


def test_a_lid_that_is_lifted_in_a_cloudburst_says_so_and_is_red_all_the_same() -> None:
    """Water pushes lids off their seats: the most dangerous of all."""
    life = Life(street(8, 150))
    at = rested(life, 8, water_mm=20, tilt_deg=2)
    for i in range(6):
        life.reads(at + 4000 + i * MINUTE, sensor=i, water_mm=500, tilt_deg=2)
    life.reads(at + 4000 + 8 * MINUTE, sensor=7, water_mm=20, tilt_deg=80)
    life.passes(at + 6000)
    assert causes(life.said, "missing") == {"A7": "cloudburst"}
    assert [c.severity.colour for c in life.said if c.hazard.value == "missing"] == ["red"]


def test_lids_of_one_street_that_shift_on_one_day_are_roadworks() -> None:
    """Three within 150 m; the fourth lies two kilometres on."""
    registry = street(3, 40)
    life = Life(registry)
    at = rested(life, 3, tilt_deg=2)
    for i in range(3):
        life.reads(at + 4000 + i * 3600, sensor=i, tilt_deg=18)
    life.passes(at + 5 * 3600)
    assert causes(life.said, "tilted") == {"A0": "", "A1": "", "A2": "roadworks"}


def test_one_model_all_over_the_city_within_minutes_is_its_firmware() -> None:
    """Twelve of one model, kilometres apart, and none of the other: they ring, and say what they share."""
    life = Life(street(24, 700, ("dc410", "em310-tilt")))
    at = rested(life, 24, tilt_deg=2)
    for i in range(0, 24, 2):
        life.reads(at + 4000 + i * 7.3, sensor=i, tilt_deg=88)
    life.passes(at + 6000)
    told = causes(life.said, "missing")
    assert list(told.values()) == [""] * 7 + ["firmware"] * 5


def test_alarms_of_one_second_all_over_the_city_are_a_clock() -> None:
    """Nothing in a city happens so exactly at once."""
    life = Life(street(6, 1500))
    at = rested(life, 6, tilt_deg=2)
    time = START + int((at + 4000) * SECOND)
    life.said += life.engine.apply(frame([(i, time, {"tilt_deg": 88.0}) for i in range(6)]))
    life.passes(at + 6000)
    assert list(causes(life.said, "missing").values()) == [""] * 4 + ["clock"] * 2


def test_lids_that_have_nothing_in_common_name_no_cause() -> None:
    """Hours and kilometres apart."""
    life = Life(street(6, 2500))
    at = rested(life, 6, tilt_deg=2)
    for i in range(6):
        life.reads(at + 4000 + i * 5 * 3600, sensor=i, tilt_deg=88)
    life.passes(at + 40 * 3600)
    assert set(causes(life.said, "missing").values()) == {""}


def test_what_rang_before_a_restart_still_counts() -> None:
    """The latest day is in the snapshot."""
    life = Life(street(4, 40))
    at = rested(life, 4, tilt_deg=2)
    for i in range(2):
        life.reads(at + 4000 + i * 600, sensor=i, tilt_deg=18)
    life.passes(at + 6000)
    again = Engine(life.registry, life.engine.rules)
    again.restore(life.engine.snapshot())
    life.engine = again
    life.reads(at + 7000, sensor=2, tilt_deg=18)
    life.passes(at + 7100)
    assert causes(life.said, "tilted")["A2"] == "roadworks"
