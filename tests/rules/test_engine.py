"""The engine: what comes out does not depend on how the records were cut, repeated or interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.rules import AlarmRules, Hold, RuleSet
from devices.frame import Flag, Frame, concat
from devices.registry import Registry
from rules.alarm import AlarmChange, AlarmState, Hazard, Severity
from rules.engine import Engine
from rules.lanes import Lanes
from tests.support.fake_detector import LevelDetector
from tests.support.frames import SECOND, T0, frame_of

RULES = RuleSet(
    alarms=AlarmRules(
        lateness_s=1000,
        holds={
            "tilted": Hold(for_s=10, clear_for_s=20, by_severity={"red": 0}),
            "missing": Hold(),
        },
    )
)


def registry(n: int = 5) -> Registry:
    """Sensors 0 and 1 on lid A, 2 on lid B, 3 on lid C, the rest bound to nothing."""
    bound = ["A", "A", "B", "C"]
    return Registry.of(
        [{"asset_id": a, "kind": "cover"} for a in "ABC"],
        [{"sensor_id": f"s{i}", "asset_id": bound[i] if i < 4 else ""} for i in range(n)],
    )


def engine(rules: RuleSet = RULES, **keywords: Any) -> Engine:
    reg = registry()
    return Engine(
        reg,
        rules,
        [
            LevelDetector(reg, Hazard.TILTED, "tilt_x_deg", **keywords),
            LevelDetector(reg, Hazard.MISSING, "tilt_y_deg"),
        ],
    )


def told(changes: Sequence[AlarmChange]) -> list[tuple[str, str, str, int, float]]:
    return [
        (c.asset_id, c.hazard.value, c.state.value, int(c.severity), (c.event_at - T0) / SECOND)
        for c in changes
    ]


def test_an_alarm_fires_when_its_hold_is_over_even_if_the_sensor_sleeps_again() -> None:
    e = engine()
    assert e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_x_deg": 2}])) == []
    assert e.due() == T0 + 10 * SECOND
    assert e.tick(T0 + 9 * SECOND) == []
    assert told(e.tick(T0 + 10 * SECOND)) == [("B", "tilted", "firing", 2, 0)]
    assert e.tick(T0 + 99 * SECOND) == []


def test_a_severity_has_its_own_hold() -> None:
    assert told(engine().apply(frame_of([{"sensor": 2, "t": 0, "tilt_x_deg": 4}]))) == [
        ("B", "tilted", "firing", 4, 0)
    ]


def test_a_short_move_is_never_told() -> None:
    e = engine()
    rows = [{"sensor": 2, "t": 0, "tilt_x_deg": 2}, {"sensor": 2, "t": 2, "tilt_x_deg": 0}]
    assert e.apply(frame_of(rows)) == []
    assert e.tick(T0 + 99 * SECOND) == []


def test_severity_rises_at_once_and_falls_after_its_hold() -> None:
    e = engine()
    rows = [
        {"sensor": 2, "t": 0, "tilt_x_deg": 2},
        {"sensor": 2, "t": 30, "tilt_x_deg": 3},
        {"sensor": 2, "t": 40, "tilt_x_deg": 1},
        {"sensor": 2, "t": 50, "tilt_x_deg": 2},
        {"sensor": 2, "t": 55, "tilt_x_deg": 0},
    ]
    assert told(e.apply(frame_of(rows))) == [
        ("B", "tilted", "firing", 2, 0),
        ("B", "tilted", "firing", 3, 30),
    ]
    assert told(e.tick(T0 + 60 * SECOND)) == [("B", "tilted", "firing", 2, 40)]
    assert told(e.tick(T0 + 80 * SECOND)) == [("B", "tilted", "clear", 2, 60)]


def test_two_sensors_of_a_lid_make_one_alarm_that_clears_when_both_do() -> None:
    e = engine()
    changes = e.apply(
        frame_of(
            [
                {"sensor": 0, "t": 0, "tilt_y_deg": 2},
                {"sensor": 1, "t": 1, "tilt_y_deg": 3},
                {"sensor": 0, "t": 2, "tilt_y_deg": 0},
                {"sensor": 1, "t": 3, "tilt_y_deg": 0},
            ]
        )
    )
    assert told(changes) == [
        ("A", "missing", "firing", 2, 0),
        ("A", "missing", "firing", 3, 1),
        ("A", "missing", "clear", 3, 3),
    ]
    assert changes[1].sensor_ids == ("s0", "s1")


def test_a_sensor_bound_to_nothing_is_named_itself() -> None:
    (change,) = engine().apply(frame_of([{"sensor": 4, "t": 0, "tilt_y_deg": 3}]))
    assert (change.asset_id, change.sensor_ids) == ("", ("s4",))


def test_a_late_reading_never_pages_and_never_clears() -> None:
    e = engine()
    e.apply(frame_of([{"sensor": 2, "t": 100, "tilt_y_deg": 0}, {"sensor": 3, "t": 100, "tilt_y_deg": 3}]))
    late = [{"sensor": 2, "t": 99, "tilt_y_deg": 4}, {"sensor": 3, "t": 99, "tilt_y_deg": 0}]
    assert e.apply(frame_of([{**row, "received": 101} for row in late])) == []
    old = {"sensor": 4, "t": 100, "received": 1101, "tilt_y_deg": 4}
    assert e.apply(frame_of([old])) == []


@pytest.mark.parametrize("flag", [Flag.FAIL, Flag.MISSING])
def test_a_reading_that_failed_is_not_judged(flag: Flag) -> None:
    assert engine().apply(frame_of([{"sensor": 2, "t": 0, "tilt_y_deg": 4, "flag": flag}])) == []


def test_a_clock_that_was_fast_does_not_make_the_next_readings_late() -> None:
    e = engine()
    e.apply(frame_of([{"sensor": 2, "t": 290, "received": 0, "tilt_y_deg": 0}]))
    changes = e.apply(frame_of([{"sensor": 2, "t": 5, "received": 5, "tilt_y_deg": 4}]))
    assert told(changes) == [("B", "missing", "firing", 4, 5)]


def test_one_poisoned_reading_stops_no_other() -> None:
    e = engine(poison=3.0)
    changes = e.apply(
        frame_of([{"sensor": s, "t": 0, "tilt_x_deg": 3 if s == 3 else 4, "tilt_y_deg": 1} for s in range(4)])
    )
    assert {(c.asset_id, c.hazard) for c in changes} == {
        ("A", Hazard.TILTED),
        ("B", Hazard.TILTED),
        ("A", Hazard.MISSING),
        ("B", Hazard.MISSING),
        ("C", Hazard.MISSING),
    }
    assert [(f.sensor_id, f.error) for f in e.faults] == [("s3", "ArithmeticError: poisoned reading")]


def permit(start: float, end: float) -> dict[str, Any]:
    return {"asset_id": "B", "from": T0 + int(start * SECOND), "to": T0 + int(end * SECOND), "kind": "permit"}


def test_a_lid_opened_under_a_permit_is_silent_and_one_left_open_rings_when_it_ends() -> None:
    e = engine()
    e.control("permit", permit(0, 100), T0)
    assert e.apply(frame_of([{"sensor": 2, "t": 10, "tilt_y_deg": 4}])) == []
    assert e.tick(T0 + 99 * SECOND) == []
    assert e.due() == T0 + 100 * SECOND
    assert told(e.tick(T0 + 100 * SECOND)) == [("B", "missing", "firing", 4, 100)]


def test_a_lid_closed_before_the_permit_ends_never_rings() -> None:
    e = engine()
    e.control("permit", permit(0, 100), T0)
    rows = [{"sensor": 2, "t": 10, "tilt_y_deg": 4}, {"sensor": 2, "t": 90, "tilt_y_deg": 0}]
    assert e.apply(frame_of(rows)) == []
    assert e.tick(T0 + 999 * SECOND) == []


def test_an_alarm_that_fires_is_not_cleared_by_a_window() -> None:
    e = engine()
    e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_y_deg": 4}]))
    e.control("permit", permit(5, 100), T0 + 5 * SECOND)
    assert e.apply(frame_of([{"sensor": 2, "t": 10, "tilt_y_deg": 0}])) == []
    assert told(e.tick(T0 + 100 * SECOND)) == [("B", "missing", "clear", 4, 100)]


def test_a_hold_that_would_end_inside_a_window_waits_for_its_end() -> None:
    e = engine()
    e.control("permit", permit(5, 100), T0)
    e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_x_deg": 2}]))
    assert e.tick(T0 + 99 * SECOND) == []
    assert told(e.tick(T0 + 110 * SECOND)) == [("B", "tilted", "firing", 2, 100)]


def test_new_rules_hold_from_their_record_on() -> None:
    e = engine()
    other = RuleSet(alarms=AlarmRules(holds={"tilted": Hold(for_s=0)}))
    e.control("rules", other.model_dump(mode="json"), T0)
    assert told(e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_x_deg": 2}]))) == [
        ("B", "tilted", "firing", 2, 0)
    ]


def test_a_snapshot_of_other_detectors_is_refused() -> None:
    reg = registry()
    with pytest.raises(ValueError, match="other detectors"):
        Engine(reg, RULES, [LevelDetector(reg)]).restore(engine().snapshot())


def test_a_damaged_snapshot_is_refused() -> None:
    data = bytearray(engine().snapshot())
    data[-1] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        engine().restore(bytes(data))


def test_a_grown_registry_keeps_the_state_of_known_sensors() -> None:
    e = engine()
    e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_y_deg": 4}]))
    snapshot = e.snapshot()
    reg = registry(9)
    grown = Engine(reg, RULES, [LevelDetector(reg), LevelDetector(reg, Hazard.MISSING, "tilt_y_deg")])
    grown.restore(snapshot)
    rows = [{"sensor": 2, "t": 1, "tilt_y_deg": 0}, {"sensor": 8, "t": 1, "tilt_y_deg": 2}]
    assert [(c.state, c.sensor_ids) for c in grown.apply(frame_of(rows))] == [
        (AlarmState.CLEAR, ("s2",)),
        (AlarmState.FIRING, ("s8",)),
    ]


LEVELS = st.sampled_from([-1.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, float("nan")])
ROW = st.fixed_dictionaries(
    {
        "sensor": st.integers(0, 4),
        "wait": st.integers(0, 12),
        "age": st.sampled_from([0, 0, 0, 1, 5, 30, 1001]),
        "tilt_x_deg": LEVELS,
        "tilt_y_deg": LEVELS,
        "tick": st.sampled_from([None, None, None, 0, 3]),
    }
)


def records(rows: Sequence[dict[str, Any]]) -> list[Frame | int]:
    """Rows as single-row frames with ticks between them, received in order."""
    now, result = 0, []
    for row in rows:
        now += row["wait"]
        result.append(
            frame_of(
                [
                    {
                        "sensor": row["sensor"],
                        "t": now - row["age"],
                        "received": now,
                        "tilt_x_deg": row["tilt_x_deg"],
                        "tilt_y_deg": row["tilt_y_deg"],
                    }
                ]
            )
        )
        if row["tick"] is not None:
            now += row["tick"]
            result.append(T0 + now * SECOND)
    return result


def play(e: Engine, stream: Sequence[Frame | int]) -> list[AlarmChange]:
    changes = []
    for record in stream:
        changes += e.tick(record) if isinstance(record, int) else e.apply(record)
    return changes


def merged(stream: Sequence[Frame | int], cuts: Sequence[bool]) -> list[Frame | int]:
    """Neighbouring frames glued together wherever `cuts` says no."""
    result: list[Frame | int] = []
    for i, record in enumerate(stream):
        glue = result and not isinstance(record, int) and not isinstance(result[-1], int)
        if glue and not cuts[i % len(cuts)]:
            result[-1] = concat([result[-1], record])  # type: ignore[list-item]
        else:
            result.append(record)
    return result


def plain(changes: Sequence[AlarmChange]) -> list[str]:
    """Comparable text (NaN equals NaN); evidence is as of the moment of telling and may be younger."""
    return [repr(replace(change, evidence={})) for change in changes]


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, max_size=30), st.lists(st.booleans(), min_size=1, max_size=7))
def test_batching_changes_nothing(rows: list[dict[str, Any]], cuts: list[bool]) -> None:
    stream = records(rows)
    assert plain(play(engine(), merged(stream, cuts))) == plain(play(engine(), stream))


@settings(max_examples=100, deadline=None)
@given(st.lists(ROW, max_size=30))
def test_how_often_it_ticks_changes_nothing(rows: list[dict[str, Any]]) -> None:
    seldom = records([{**row, "tick": None} for row in rows])
    often: list[Frame | int] = []
    for record in seldom:
        assert isinstance(record, Frame)
        since = int(often[-1].received[0]) if often and isinstance(often[-1], Frame) else T0
        often += [*range(since, int(record.received[0]), SECOND), record]
    assert plain(play(engine(), often)) == plain(play(engine(), seldom))


@settings(max_examples=80, deadline=None)
@given(st.lists(ROW, max_size=25), st.lists(st.booleans(), min_size=1, max_size=7))
def test_repeated_readings_change_nothing(rows: list[dict[str, Any]], twice: list[bool]) -> None:
    stream = records(rows)
    doubled = [
        record
        for i, record in enumerate(stream)
        for record in ([record, record] if twice[i % len(twice)] else [record])
    ]
    assert plain(play(engine(), doubled)) == plain(play(engine(), stream))


@settings(max_examples=80, deadline=None)
@given(st.lists(ROW, max_size=25), st.integers(0, 50), st.booleans())
def test_a_restart_from_a_snapshot_changes_nothing(
    rows: list[dict[str, Any]], cut: int, window: bool
) -> None:
    stream = records(rows)
    whole, first, second = engine(), engine(), engine()
    if window:
        for e in (whole, first):
            e.control("permit", permit(3, 30), T0)
    expected = play(whole, stream)
    before = play(first, stream[:cut])
    second.restore(first.snapshot())
    assert plain(before + play(second, stream[cut:])) == plain(expected)
    assert second.due() == whole.due()


def test_changes_say_what_was_measured() -> None:
    (change,) = engine().apply(frame_of([{"sensor": 2, "t": 0, "tilt_y_deg": 4}]))
    assert change == replace(
        change,
        asset_id="B",
        severity=Severity.RED,
        value=4.0,
        limit=1.0,
        unit="°",
        sensor_ids=("s2",),
        provisional=False,
        historical=False,
        evidence={"latest": 4.0, "decided_at_us": T0},
    )


def test_a_snapshot_of_a_detector_that_knew_fewer_hazards_is_read() -> None:
    """As after an upgrade: what fires stays on record, and clears as it would have."""
    state = {
        "level.0": np.array([0, 2, 0], np.int8),
        "key": np.array([[0, 1]]),
        "cell.since": np.array([7]),
    }
    lanes = Lanes([["b", "tilted"]], [["b", "flooded"], ["b", "tilted"]], 3)
    moved = lanes.machine(state)
    assert moved["level.0"].tolist() == [0, 0, 0]
    assert moved["level.1"].tolist() == [0, 2, 0]
    assert moved["key"].tolist() == [[1, 1]]
    voices = [["A", "tilted", 2, 5, [[0, 1, 2, 3.0, 2.0, "key", {}, {}]]]]
    assert lanes.alarms(voices)[0][4][0][:2] == [1, 1]
    with pytest.raises(ValueError, match="other detectors"):
        Lanes([["b", "tilted"]], [["b", "flooded"]], 3)
