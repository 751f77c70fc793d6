"""What a sensor read before it was fitted is of a desk: it counts for nothing, but never for long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.rules import RuleSet
from devices.registry import Registry
from rules.alarm import AlarmChange
from rules.engine import Engine
from tests.support.lid_rounds import HOUR, SECOND, START, Life, city, frame

H = 3600.0
DAY = 24 * H
DESK_DAYS = RuleSet().lid.desk_days
Row = tuple[int, int, dict[str, float]]


def at(hours: float) -> int:
    """Event time so many hours after the start [µs]."""
    return START + round(hours * HOUR)


def dated(*hours: float | None) -> Registry:
    """A sensor for each, fitted so many hours after the start; None = nobody says when."""
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover"} for i in range(len(hours))],
        [
            {"sensor_id": f"S{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 21_600.0}
            | ({} if fitted is None else {"installed_at": at(fitted)})
            for i, fitted in enumerate(hours)
        ],
    )


def rang(changes: list[AlarmChange], *hazards: str) -> list[tuple[str, str, str, float]]:
    """(hazard, state, colour, hours after the start) of what was said."""
    return [
        (c.hazard.value, c.state.value, c.severity.colour, round((c.event_at - START) / HOUR, 1))
        for c in changes
        if c.hazard.value in (hazards or ("missing", "tilted", "sunken", "loose", "damaged", "sensor_fault"))
    ]


@pytest.mark.parametrize(
    ("readings", "step_h", "desk_deg", "seated_h", "seat_deg"),
    [(1, 1, 90, 24, 2), (10, 1, 90, 24, 2), (20, 6, 90, 130, 2), (20, 6, 12, 130, 1), (10, 1, 0.3, 24, 8)],
)
def test_a_theft_rings_whatever_the_sensor_read_on_the_desk(
    readings: int, step_h: float, desk_deg: float, seated_h: float, seat_deg: float
) -> None:
    """Hours or days on its side on a desk, then sixty beats in the road, then carried off."""
    life = Life(dated(seated_h - 2))
    for k in range(readings):
        life.reads(k * step_h * H, tilt_deg=desk_deg)
    for k in range(60):
        life.reads((seated_h + 6 * k) * H, tilt_deg=seat_deg + 0.1 * (k % 3))
    assert rang(life.said) == []
    gone = seated_h + 60 * 6 + 1
    life.reads(gone * H, tilt_deg=88)
    life.reads((gone + 1) * H, tilt_deg=88)
    life.passes((gone + 1.1) * H)
    assert rang(life.said, "missing")[-1][:3] == ("missing", "firing", "red")


def test_what_a_desk_shows_rings_nothing_not_even_with_an_open_contact_or_water() -> None:
    life = Life(dated(30))
    for k in range(20):
        life.reads(
            k * H, open=1.0, tilt_deg=90.0 * (k % 2), displacement_mm=-400, water_mm=1500, tilt_alarm=1
        )
    late = frame([(0, at(2.5), {"open": 1.0, "tilt_deg": 170.0})])
    life.said += life.engine.apply(late)
    life.passes(29 * H)
    assert [c for c in life.said if c.hazard.value != "silent"] == []
    assert set(life.engine.explain(0)["blind"].values()) >= {"rules_lid.blind.desk"}


def wrongly_dated(fitted_h: float) -> Life:
    """A lid that has lain in its seat for twelve days, by a registry whose date is still to come."""
    life = Life(dated(fitted_h))
    for k in range(48):
        life.reads(6 * k * H, tilt_deg=2 + 0.1 * (k % 3))
    return life


def test_a_date_far_ahead_never_silences_a_lid_and_is_told() -> None:
    """A year's slip: the theft rings as it would without a date, and the registry is named at once."""
    life = wrongly_dated(365 * 24)
    assert rang(life.said) == [("sensor_fault", "firing", "yellow", 0.0)]
    assert life.said[0].reason.key == "rules_lid.sensor_fault.fitted_ahead"
    life.reads(48 * 6 * H + 600, tilt_deg=88)
    life.passes(48 * 6 * H + 660)
    assert rang(life.said, "missing") == [("missing", "firing", "red", 288.2)]


def test_a_date_that_comes_at_last_has_the_lid_learned_anew_and_its_fault_cleared() -> None:
    """A shelf for twelve days: what rang of it is over with the first reading in the road."""
    life = Life(dated(12 * 24))
    for k in range(48):
        life.reads(6 * k * H, tilt_deg=2.0 if k < 20 else 90.0)
    assert ("missing", "firing", "red") in [c[:3] for c in rang(life.said)]
    for k in range(48, 96):
        life.reads(6 * k * H, tilt_deg=5)
    cleared = {c[0]: c[3] for c in rang(life.said) if c[1] == "clear"}
    assert cleared == {"missing": 288.0, "sensor_fault": 288.0}
    life.reads(96 * 6 * H + 600, tilt_deg=88)
    life.passes(96 * 6 * H + 660)
    assert rang(life.said)[-1] == ("missing", "firing", "red", 576.2)


def test_a_corrected_date_clears_the_fault_with_the_next_reading() -> None:
    life = wrongly_dated(365 * 24)
    life.engine.registry_changed(dated(24))
    life.reads(48 * 6 * H, tilt_deg=2)
    life.passes(49 * 6 * H)
    assert rang(life.said)[-1][:2] == ("sensor_fault", "clear")
    life.engine.registry_changed(dated(365 * 24))
    life.reads(49 * 6 * H, tilt_deg=2)
    life.engine.registry_changed(dated(None))
    life.reads(50 * 6 * H, tilt_deg=2)
    life.passes(51 * 6 * H)
    assert [c[:2] for c in rang(life.said)[2:]] == [("sensor_fault", "firing"), ("sensor_fault", "clear")]


def test_a_later_date_keeps_what_rings_until_the_sensor_speaks_from_there() -> None:
    """A stolen lid whose sensor is to be fitted to a new one in two days: red until then, then over."""
    life = Life(dated(0))
    for k in range(40):
        life.reads(6 * k * H, tilt_deg=2)
    life.reads(240 * H - 600, tilt_deg=88)
    life.reads(240 * H, tilt_deg=88)
    life.engine.registry_changed(dated(288))
    for k in range(41, 48):
        life.reads(6 * k * H, tilt_deg=0.2)
    assert rang(life.said) == [("missing", "firing", "red", 239.8)]
    for k in range(48, 60):
        life.reads(6 * k * H, tilt_deg=1)
    assert rang(life.said)[1:] == [("missing", "clear", "red", 288.0)]


def test_readings_on_their_way_when_a_sensor_is_bound_are_of_the_place_before() -> None:
    life = Life(dated(None))
    life.engine.control("binding", {"sensor_id": "S0"}, at(0.5))
    life.said += life.engine.apply(frame([(0, at(0.4), {"tilt_deg": 90.0})], delay_s=700))
    for k in range(1, 60):
        life.reads(6 * k * H, tilt_deg=2)
    assert rang(life.said) == []
    life.reads(360 * H, tilt_deg=88)
    life.reads(361 * H, tilt_deg=88)
    life.passes(361.1 * H)
    assert rang(life.said)[-1][:3] == ("missing", "firing", "red")


# --- the slow twin -------------------------------------------------------------------------------


def counted(rows: list[Row], fitted: list[int]) -> list[Row]:
    """The rows that count, one by one: none from before its sensor's date, unless it is doubted."""
    doubted: set[int] = set()
    kept = []
    for row in rows:
        sensor, time, _ = row
        if fitted[sensor] and time < fitted[sensor]:
            if fitted[sensor] - time > DESK_DAYS * DAY * SECOND:
                doubted.add(sensor)
            if sensor not in doubted:
                continue
        kept.append(row)
    return kept


def streams(rng: np.random.Generator, n: int, hours: int) -> list[Row]:
    """Sensors that speak every half hour, lean and open for a while, in the order of time."""
    rows: list[Row] = []
    for sensor in range(n):
        begins, ends = sorted(rng.uniform(0, hours, 2).tolist())
        for k in range(2 * hours):
            hour = k / 2 + float(rng.uniform(0, 0.01))
            moved = begins <= hour < ends and sensor % 3 > 0
            values = {"tilt_deg": 2 + float(rng.normal(0, 0.1)) + (60.0 if moved else 0)}
            values |= {"open": float(moved)} if sensor % 2 else {}
            rows.append((sensor, at(hour), values))
    return sorted(rows, key=lambda row: row[1])


def told(engine: Engine, rows: list[Row], sizes: int, *, snapshots: bool = False) -> list[Any]:
    """What an engine says of the lids, fed `sizes` rows at a time."""
    said = []
    for begin in range(0, len(rows), sizes):
        said += engine.apply(frame(rows[begin : begin + sizes]))
        if snapshots:
            fresh = Engine(engine.registry, engine.rules)
            fresh.restore(engine.snapshot())
            engine = fresh
    assert engine.fault_count == 0, engine.faults
    return [
        (c.asset_id, c.hazard.value, c.severity.colour, c.state.value, c.event_at)
        for c in said
        if c.hazard.value not in ("silent", "battery_low") and "fitted_ahead" not in c.reason.key
    ]


@pytest.mark.parametrize("seed", range(3))
def test_dates_within_the_bound_are_judged_as_a_slow_twin_that_never_heard_the_desk(seed: int) -> None:
    """With dates or without the rows; a row at a time, or so many that quiet ones are skipped."""
    rng = np.random.default_rng(seed)
    hours = 96
    fitted = [None if rng.random() < 0.3 else float(rng.uniform(-10, hours)) for _ in range(6)]
    rows = streams(rng, len(fitted), hours)
    dates = [0 if fit is None else at(fit) for fit in fitted]
    kept = counted(rows, dates)
    assert 0 < len(kept) < len(rows)
    rules = RuleSet()
    expected = told(Engine(city(len(fitted), heartbeat_s=21_600.0), rules), kept, 1)
    assert expected
    for sizes, snapshots in ((1, False), (37, True), (len(rows), False)):
        engine = Engine(dated(*fitted), rules)
        assert sorted(told(engine, rows, sizes, snapshots=snapshots)) == sorted(expected)


def test_a_date_that_is_too_far_ahead_is_judged_as_a_slow_twin_without_one_until_it_comes() -> None:
    rng = np.random.default_rng(7)
    rows = streams(rng, 6, 96)
    fitted = [200.0 + 40 * sensor for sensor in range(6)]
    assert counted(rows, [at(fit) for fit in fitted]) == [
        row for row in rows if at(fitted[row[0]]) - row[1] > DESK_DAYS * DAY * SECOND or fitted[row[0]] > 168
    ]
    expected = told(Engine(city(6, heartbeat_s=21_600.0), RuleSet()), rows, 1)
    for sizes in (1, len(rows)):
        assert sorted(told(Engine(dated(*fitted), RuleSet()), rows, sizes)) == sorted(expected)


def test_a_snapshot_of_an_earlier_version_has_the_lid_learned_anew_when_its_date_comes() -> None:
    """It had taken the desk for the seat."""
    life = Life(dated(24))
    detector = life.engine.detectors[0]
    state = dict(detector.snapshot())
    state["last"][0] = at(3)
    state["tilt"][0, [0, 4]] = 90, 9
    del state["at.stage"], state["at.begins"]
    detector.restore(state)
    for k in range(4, 64):
        life.reads(6 * k * H, tilt_deg=2)
    assert [c for c in rang(life.said) if c[0] != "sensor_fault"] == []
    life.reads(400 * H, tilt_deg=88)
    life.reads(401 * H, tilt_deg=88)
    life.passes(401.1 * H)
    assert rang(life.said)[-1][:3] == ("missing", "firing", "red")
