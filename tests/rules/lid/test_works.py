"""After an announced intervention a lid is learned anew as it lies, and nothing true is hidden by that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from config.rules import RuleSet
from ingest.log import Control
from jingqiao.backtest.run import advance, backtest
from rules.engine import Engine
from tests.support.lid_rounds import HOUR, SECOND, START, Life, city, frame

H = 3600.0
SWAP = "intervention"
WORK = (240.5, 246.5)
"""Between the beats of ten days of rest and the one at 252 h; one beat falls into it."""


def at(hours: float) -> int:
    """Event time so many hours after the start [µs]."""
    return START + round(hours * HOUR)


def rested(kind: str, values: Mapping[str, float]) -> Life:
    """Ten days of rest, then announced work."""
    life = Life(city())
    for k in range(41):
        life.reads(6 * k * H, 0, **{name: value + 0.1 * (k % 3) for name, value in values.items()})
    asked = {"asset_id": "A0", "from": at(WORK[0]), "to": at(WORK[1])}
    life.said += life.engine.control(kind, asked, at(240.2))
    return life


def goes_on(life: Life, values: Mapping[str, float], beats: int = 20, first: int = 41) -> None:
    """Beats from 246 h on."""
    for k in range(first, first + beats):
        life.reads(6 * k * H, 0, **{name: value + 0.1 * (k % 3) for name, value in values.items()})
    life.passes((6 * (first + beats - 1) + 1) * H)


def paged(life: Life) -> list[tuple[str, str]]:
    """(hazard, colour) of all that rang in orange or red."""
    return [(h, c) for h, s, c, _ in life.alarms() if s == "firing" and c in ("orange", "red")]


SWAPS = [
    ({"tilt_deg": 1.2}, {"tilt_deg": 21.0}),
    ({"tilt_deg": 1.2}, {"tilt_deg": 89.0}),
    ({"displacement_mm": 0.0}, {"displacement_mm": 42.0}),
    ({"displacement_mm": 0.0}, {"displacement_mm": -42.0}),
    ({"water_mm": 100.0}, {"water_mm": 420.0}),
    ({"tilt_x_deg": 1.0, "tilt_y_deg": 2.0}, {"tilt_x_deg": -60.0, "tilt_y_deg": 70.0}),
]


@pytest.mark.parametrize(("before", "after"), SWAPS)
def test_a_sensor_swapped_or_zeroed_under_an_intervention_pages_nobody(
    before: dict[str, float], after: dict[str, float]
) -> None:
    """It is asked once, in yellow, whether the lid is closed: an open one looks the same."""
    life = rested(SWAP, before)
    goes_on(life, after)
    assert paged(life) == []
    asked = [(s, round(t / H)) for h, s, c, t in life.alarms("sensor_fault") if c == "yellow"]
    assert asked == [("firing", 252), ("clear", 277)]
    assert all(s == "clear" for h, s, c, t in life.alarms() if t > 278 * H)


@pytest.mark.parametrize(("before", "after"), SWAPS[:5])
def test_a_permit_teaches_nothing_anew(before: dict[str, float], after: dict[str, float]) -> None:
    life = rested("permit", before)
    goes_on(life, after)
    assert len(paged(life)) == 1


def test_a_theft_after_the_swap_rings_against_the_new_baseline() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    goes_on(life, {"tilt_deg": 89.0})
    life.reads(61 * 6 * H, tilt_deg=3.0)
    life.passes(61 * 6 * H + 60)
    assert ("missing", "red") not in paged(life)
    life.reads(62 * 6 * H, tilt_deg=3.0)
    life.passes(62 * 6 * H + 60)
    assert paged(life)[-1] == ("missing", "red")


def test_a_contact_that_says_open_when_the_work_is_over_rings_as_ever() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2, "open": -0.2})
    goes_on(life, {"tilt_deg": 89.0, "open": 1.0}, beats=2)
    assert ("missing", "red") in paged(life)


def test_water_that_goes_on_rising_after_the_work_is_a_flood_and_one_that_falls_is_no_zero() -> None:
    rising = rested(SWAP, {"water_mm": 100.0})
    for k, level in enumerate((350.0, 450.0, 500.0)):
        rising.reads((246 + 3 * k) * H, water_mm=level)
    rising.passes(260 * H)
    assert ("flooded", "orange") in paged(rising)
    stood = rested(SWAP, {"water_mm": 100.0})
    goes_on(stood, {"water_mm": 420.0}, beats=4)
    assert paged(stood) == []
    goes_on(stood, {"water_mm": 100.0}, beats=4, first=45)
    for k in range(3):
        stood.reads((300 + k) * H, water_mm=420.0)
    assert ("flooded", "orange") in paged(stood)


def test_a_crew_that_never_came_hides_no_theft() -> None:
    """Stolen before the work, and as it lay after it: red throughout."""
    life = Life(city())
    for k in range(38):
        life.reads(6 * k * H, tilt_deg=1.2)
    goes_on(life, {"tilt_deg": 88.0}, beats=3, first=38)
    asked = {"asset_id": "A0", "from": at(WORK[0]), "to": at(WORK[1])}
    life.said += life.engine.control("intervention", asked, at(240.2))
    goes_on(life, {"tilt_deg": 70.0}, first=41)
    assert next(c for c in life.alarms("missing") if c[2] == "red")[1] == "firing"
    assert ("missing", "clear", "red") not in [c[:3] for c in life.alarms("missing")]


def test_where_nothing_was_touched_the_baseline_stays() -> None:
    """What has crept or sunk by 4 mm since is not forgotten by work on something else."""
    life = rested(SWAP, {"displacement_mm": 0.0})
    goes_on(life, {"displacement_mm": 3.5}, beats=4)
    goes_on(life, {"displacement_mm": 16.0}, beats=12, first=45)
    assert ("sunken", "orange") in paged(life)


def test_a_lid_that_was_open_when_the_work_ended_is_told_in_yellow_until_the_next_word() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    life.reads(242 * H, tilt_deg=85.0)
    life.reads(243 * H, tilt_deg=85.0)
    life.passes(251 * H)
    assert life.alarms("missing") == [("missing", "firing", "yellow", 246.5 * H + 5)]
    goes_on(life, {"tilt_deg": 1.3}, first=42)
    assert [c[:3] for c in life.alarms("missing")][1:] == [("missing", "clear", "yellow")]


def test_a_word_from_under_the_work_that_comes_after_its_end_pages_nobody() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    life.passes(248 * H)
    life.said += life.engine.apply(frame([(0, at(243), {"tilt_deg": 85.0})], delay_s=5 * H))
    life.passes(249 * H)
    goes_on(life, {"tilt_deg": 1.3}, first=42)
    assert paged(life) == []


def test_a_permit_that_adjoins_the_work_puts_off_the_learning() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    longer = {"asset_id": "A0", "from": at(246), "to": at(253)}
    life.said += life.engine.control("permit", longer, at(240.3))
    goes_on(life, {"tilt_deg": 85.0}, beats=2)
    goes_on(life, {"tilt_deg": 1.4}, beats=4, first=43)
    life.reads(47 * 6 * H + 600, tilt_deg=88.0)
    life.passes(47 * 6 * H + 700)
    assert paged(life) == [("missing", "red")]


def test_late_readings_from_after_the_work_are_not_judged_by_the_old_baseline() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    life.passes(270 * H)
    life.said += life.engine.apply(frame([(0, at(252), {"tilt_deg": 89.0})], delay_s=18 * H))
    assert [c for c in life.said if c.hazard.value == "missing"] == []


def test_work_survives_a_restart() -> None:
    life = rested(SWAP, {"tilt_deg": 1.2})
    life.reads(246 * H, tilt_deg=89.0)
    again = Engine(life.registry, life.engine.rules)
    again.restore(life.engine.snapshot())
    life.engine = again
    goes_on(life, {"tilt_deg": 89.0}, first=42)
    assert paged(life) == []
    assert [c[1] for c in life.alarms("sensor_fault")] == ["firing", "clear"]


def test_a_file_in_one_frame_says_what_readings_one_by_one_say() -> None:
    """Swaps on three lids, one whose words under work come after its end, among others that go on."""
    rows = [
        (s, at(6 * k + 0.1 * s + 0.01 * (k % 3)), {"tilt_deg": 1.0 + s + 0.1 * (k % 3)})
        for s in range(6)
        for k in range(80)
    ]
    turned = {0: 88.0, 1: 21.0, 2: 60.0}
    rows = [(s, t, {"tilt_deg": turned.get(s, 2.0)} if t > at(243) else v) for s, t, v in rows]
    rows.append((0, at(242), {"tilt_deg": 85.0}))
    rows.sort(key=lambda row: row[1])
    windows = [
        Control(SWAP, {"asset_id": f"A{s}", "from": at(WORK[0]), "to": at(WORK[1])}, at(240.2))
        for s in range(4)
    ]
    whole = backtest(city(6), RuleSet(), frame(rows), windows).changes
    engine = Engine(city(6), RuleSet())
    single = engine.control("await_first_word", {}, rows[0][1])
    for row in rows:
        came = row[1] + SECOND // 5
        while windows and windows[0].at <= came:
            control = windows.pop(0)
            single += engine.control(control.name, control.payload, control.at)
        single += advance(engine, came)
        single += engine.apply(frame([row]))
    single += engine.finish(rows[-1][1] + SECOND // 5)
    said = [
        [(c.asset_id, c.hazard, c.state, c.severity, c.event_at, c.reason.key) for c in changes]
        for changes in (whole, single)
    ]
    assert sorted(said[0]) == sorted(said[1])
    assert len(said[0]) > 6
