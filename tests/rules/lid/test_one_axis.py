"""A sensor that sends one axis of inclination only, always or from some day on."""

from __future__ import annotations

import numpy as np
import pytest

from config.rules import RuleSet
from devices.registry import Registry
from rules.engine import Engine
from tests.support.lid_rounds import SECOND, Life, city, frame
from tests.support.lid_rounds import START as T0

H = 3600.0


def rang(life: Life) -> list[tuple[str, str, str]]:
    """(hazard, state, colour) of what was said of the lid."""
    hazards = ("missing", "tilted", "sunken", "loose", "damaged", "sensor_fault")
    return [(hazard, state, colour) for hazard, state, colour, _ in life.alarms(*hazards)]


@pytest.mark.parametrize("axis", ["tilt_x_deg", "tilt_y_deg"])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1, -93, ("missing", "firing", "red")),
        (1, 60, ("missing", "firing", "red")),
        (-8, 9, ("tilted", "firing", "orange")),
        (35, 2, ("tilted", "firing", "red")),
    ],
)
def test_the_change_of_one_axis_is_judged_like_that_of_an_inclination(
    axis: str, before: float, after: float, expected: tuple[str, str, str]
) -> None:
    """Also through level, where its size hardly changes."""
    life = Life(city(heartbeat_s=3600))
    for k in range(40):
        life.reads(k * H, **{axis: before + 0.1 * (k % 3)})
    assert rang(life) == []
    for k in range(40, 48):
        life.reads(k * H, **{axis: after + 0.1 * (k % 3)})
    assert rang(life)[-1] == expected


@pytest.mark.parametrize("lost", ["tilt_x_deg", "tilt_y_deg"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_lost_axis_lies_where_it_lay_and_the_other_goes_on_being_judged(lost: str, empty: bool) -> None:
    """A cell that is empty, or a key that is no longer sent."""
    kept = "tilt_y_deg" if lost == "tilt_x_deg" else "tilt_x_deg"
    life = Life(city(heartbeat_s=3600))
    for k in range(40):
        life.reads(k * H, **{lost: 12 + 0.1 * (k % 2), kept: 1 + 0.1 * (k % 3)})
    for k in range(40, 60):
        life.reads(k * H, **{kept: 1 + 0.1 * (k % 3)}, **({lost: np.nan} if empty else {}))
    assert rang(life) == []
    for k in range(60, 64):
        life.reads(k * H, **{kept: 61.0})
    assert rang(life)[-1] == ("missing", "firing", "red")


def test_an_axis_that_comes_later_is_taken_for_the_seat_and_judged_from_then_on() -> None:
    life = Life(city(heartbeat_s=3600))
    for k in range(40):
        life.reads(k * H, tilt_x_deg=1 + 0.1 * (k % 3))
    for k in range(40, 80):
        life.reads(k * H, tilt_x_deg=1 + 0.1 * (k % 3), tilt_y_deg=25.0)
    assert rang(life) == []
    for k in range(80, 84):
        life.reads(k * H, tilt_x_deg=1.0, tilt_y_deg=-35.0)
    assert rang(life)[-1] == ("missing", "firing", "red")


def test_explain_says_that_a_turn_about_the_other_axis_is_not_seen() -> None:
    life = Life(city(2, heartbeat_s=3600))
    for k in range(10):
        life.reads(k * H, sensor=0, tilt_x_deg=1 + 0.1 * (k % 3))
        life.reads(k * H + 60, sensor=1, tilt_x_deg=1 + 0.1 * (k % 3), tilt_y_deg=2.0)
    for sensor, key in ((0, "rules_lid.sees.axis"), (1, "rules_lid.sees.tilt")):
        seen = {row["hazard"]: row["sees"] for row in life.engine.explain(sensor)["hazards"]}
        assert seen["missing"] == seen["tilted"] == key


def test_one_axis_kept_from_the_days_before_shows_the_seat_and_what_comes_late_of_it_is_history() -> None:
    registry = Registry.of(
        [{"asset_id": "A0", "kind": "cover"}],
        [{"sensor_id": "S0", "asset_id": "A0", "role": "lid", "heartbeat_s": 21_600.0, "installed_at": T0}],
    )
    life = Life(registry)
    for k in range(12):
        kept = [(0, T0 + int((6 * k + 1) * H) * SECOND, {"tilt_x_deg": 60.0 if k == 11 else 2.0})]
        life.said += life.engine.apply(frame(kept, delay_s=(16 - k) * 6 * H))
    assert [(c.hazard.value, c.historical) for c in life.said] == [("missing", True)]
    life.reads(100 * H, tilt_x_deg=20.0)
    life.passes(100 * H + 60)
    assert rang(life)[1:] == [("tilted", "firing", "orange")]


def test_sensors_of_one_axis_among_others_are_judged_whatever_the_frames() -> None:
    """One axis, the other, both, an inclination: the same alarms a row at a time and in one frame."""
    rng = np.random.default_rng(5)
    kinds = (
        ("tilt_x_deg",),
        ("tilt_y_deg",),
        ("tilt_x_deg", "tilt_y_deg"),
        ("tilt_deg",),
        ("tilt_deg", "tilt_x_deg"),
    )
    rows = []
    for k in range(150):
        for sensor in range(10):
            moved = k >= 100 and sensor >= 5
            names = [name for name in kinds[sensor % 5] if rng.random() < 0.9] or [kinds[sensor % 5][0]]
            values = {name: round(float(rng.normal(3, 0.2)), 2) + (55 if moved else 0) for name in names}
            rows.append((sensor, T0 + int((k * 1800 + sensor * 7) * SECOND), values))
    outcomes = []
    for size in (1, 41, len(rows)):
        engine, said = Engine(city(10, heartbeat_s=1800), RuleSet()), []
        for begin in range(0, len(rows), size):
            said += engine.apply(frame(rows[begin : begin + size]))
        assert engine.fault_count == 0, engine.faults
        outcomes.append([(c.asset_id, str(c.hazard), c.severity, c.state, c.event_at) for c in said])
    assert sorted(outcomes[0]) == sorted(outcomes[1]) == sorted(outcomes[2])
    assert {asset for asset, hazard, *_ in outcomes[0] if hazard == "missing"} == {
        f"A{i}" for i in range(5, 10)
    }
