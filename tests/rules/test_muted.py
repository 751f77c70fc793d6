"""What announced work keeps from being told is told apart, the same however the records were cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frame import Frame
from rules.alarm import Hazard, MutedAlarm
from rules.detector import Round, Verdicts
from rules.engine import Engine
from tests.rules.test_engine import ROW, RULES, engine, merged, permit, plain, play, records, registry, told
from tests.rules.test_machine import EVENTS, machine_of, timeline, verdict
from tests.support.fake_detector import LevelDetector
from tests.support.frames import SECOND, T0, frame_of


def kept(e: Engine) -> list[tuple[str, str, str, int, float]]:
    return told([muted.change for muted in e.take_muted()])


def text(muted: Sequence[MutedAlarm]) -> list[str]:
    """Comparable; evidence is as of the moment of telling and may be younger."""
    return [repr((replace(m.change, evidence={}), m.detector, m.permits)) for m in muted]


def test_what_a_permit_mutes_is_said_with_its_severity_its_time_and_the_permit() -> None:
    e = engine()
    e.control("permit", {**permit(0, 100), "note": "cleaning", "request": 7}, T0)
    rows = [{"sensor": 2, "t": 10, "tilt_y_deg": 4}, {"sensor": 2, "t": 90, "tilt_y_deg": 0}]
    assert e.apply(frame_of(rows)) == []
    first, second = e.take_muted()
    assert told([first.change, second.change]) == [
        ("B", "missing", "firing", 4, 10),
        ("B", "missing", "clear", 4, 90),
    ]
    assert (first.change.value, first.change.limit, first.change.unit) == (4.0, 1.0, "°")
    assert first.change.sensor_ids == ("s2",)
    assert [(w.request, w.note, w.start, w.end) for w in first.permits] == [
        (7, "cleaning", T0, T0 + 100 * SECOND)
    ]
    assert e.take_muted() == [], "said once"


def test_a_short_move_under_a_permit_would_not_have_rung_and_is_not_said() -> None:
    e = engine()
    e.control("permit", permit(0, 100), T0)
    rows = [{"sensor": 2, "t": 10, "tilt_x_deg": 2}, {"sensor": 2, "t": 12, "tilt_x_deg": 0}]
    assert e.apply(frame_of(rows)) == []
    assert e.tick(T0 + 999 * SECOND) == []
    assert kept(e) == []


def test_a_hold_that_ends_under_a_permit_is_muted_when_it_ends_even_if_the_sensor_sleeps() -> None:
    e = engine()
    e.control("permit", permit(0, 100), T0)
    e.apply(frame_of([{"sensor": 2, "t": 10, "tilt_x_deg": 2}]))
    assert kept(e) == []
    assert e.due() == T0 + 20 * SECOND
    assert e.tick(T0 + 20 * SECOND) == []
    assert kept(e) == [("B", "tilted", "firing", 2, 10)]
    assert told(e.tick(T0 + 110 * SECOND)) == [("B", "tilted", "firing", 2, 100)], "left open it rings"
    assert kept(e) == []


def test_a_hold_that_began_before_the_permit_and_ends_inside_is_muted() -> None:
    e = engine()
    e.control("permit", permit(5, 100), T0)
    e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_x_deg": 2}]))
    assert e.tick(T0 + 99 * SECOND) == []
    assert kept(e) == [("B", "tilted", "firing", 2, 0)]
    assert told(e.tick(T0 + 110 * SECOND)) == [("B", "tilted", "firing", 2, 100)]


def test_a_hold_that_reaches_the_end_of_the_permit_was_muted_by_nobody() -> None:
    e = engine()
    e.control("permit", permit(0, 15), T0)
    e.apply(frame_of([{"sensor": 2, "t": 5, "tilt_x_deg": 2}]))
    assert told(e.tick(T0 + 25 * SECOND)) == [("B", "tilted", "firing", 2, 15)]
    assert kept(e) == []


def test_what_people_know_already_is_not_muted_again_but_what_is_graver_is() -> None:
    e = engine()
    e.apply(frame_of([{"sensor": 2, "t": 0, "tilt_y_deg": 2}]))
    e.control("permit", permit(5, 100), T0 + 5 * SECOND)
    levels = [(10, 0), (20, 2), (30, 4), (40, 1), (50, 0)]
    assert e.apply(frame_of([{"sensor": 2, "t": t, "tilt_y_deg": level} for t, level in levels])) == []
    assert kept(e) == [("B", "missing", "firing", 4, 30), ("B", "missing", "clear", 4, 40)]


def test_a_permit_that_is_announced_after_the_fact_mutes_only_what_is_said_from_then_on() -> None:
    e = engine()
    assert told(e.apply(frame_of([{"sensor": 2, "t": 10, "tilt_y_deg": 2}]))) == [
        ("B", "missing", "firing", 2, 10)
    ]
    e.control("permit", permit(0, 100), T0 + 15 * SECOND)
    assert kept(e) == [], "what rang has rung"
    assert e.apply(frame_of([{"sensor": 2, "t": 20, "tilt_y_deg": 4}])) == []
    assert kept(e) == [("B", "missing", "firing", 4, 20)]


def test_work_in_two_permits_that_overlap_names_both() -> None:
    e = engine()
    e.control("permit", {**permit(0, 50), "request": 1}, T0)
    e.control("permit", {**permit(5, 100), "request": 2}, T0)
    e.apply(frame_of([{"sensor": 2, "t": 2, "tilt_y_deg": 2}, {"sensor": 2, "t": 10, "tilt_y_deg": 4}]))
    e.tick(T0 + 60 * SECOND)
    e.apply(frame_of([{"sensor": 2, "t": 70, "tilt_y_deg": 0}]))
    assert [[w.request for w in m.permits] for m in e.take_muted()] == [[1], [1, 2], [2]]


class Historian(LevelDetector):
    """Looks at late readings, too."""

    def late(self, batch: Round) -> Sequence[Verdicts]:
        return self.observe(batch)


def test_a_late_reading_of_a_time_of_work_is_history_of_the_permit_and_no_alarm() -> None:
    reg = registry()
    e = Engine(reg, RULES, [Historian(reg, Hazard.MISSING, "tilt_y_deg")])
    e.control("permit", {**permit(0, 50), "request": 3}, T0)
    e.apply(frame_of([{"sensor": 2, "t": 100, "tilt_y_deg": 0}]))
    late = [{"sensor": 2, "t": t, "received": 101 + t, "tilt_y_deg": 4} for t in (20, 60)]
    assert [(c.event_at - T0) // SECOND for c in e.apply(frame_of(late))] == [60], "after the work"
    (muted,) = e.take_muted()
    assert told([muted.change]) == [("B", "missing", "firing", 4, 20)]
    assert muted.change.historical
    assert [w.request for w in muted.permits] == [3]


def test_a_snapshot_of_a_version_that_kept_nothing_back_is_taken() -> None:
    first, second = engine(), engine()
    first.control("permit", permit(0, 100), T0)
    first.apply(frame_of([{"sensor": 2, "t": 10, "tilt_y_deg": 2}]))
    state = {k: v for k, v in first.machine.snapshot().items() if not k.startswith("unmuted")}
    second.windows.restore(first.windows.state())
    second.machine.restore(state)
    second.apply(frame_of([{"sensor": 2, "t": 20, "tilt_y_deg": 4}]))
    assert kept(second) == [("B", "missing", "firing", 4, 20)]
    assert told(second.tick(T0 + 100 * SECOND)) == [("B", "missing", "firing", 4, 100)]


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.sampled_from([0, 1, 3, 1000]))
def test_a_window_over_everything_keeps_back_just_what_would_have_been_told(
    waits: list[tuple[int, int]], every: int
) -> None:
    events = timeline(waits)
    until = (events[-1].at if events else 0) + 30
    free, muted = machine_of([]), machine_of([(0, 10_000)])
    expected: list[tuple[int, int]] = []
    for now in range(until + 1):
        for machine in (free, muted):
            said = list(machine.tick(now)) if every and now % every == 0 else []
            for event in events:
                if event.at == now:
                    said += machine.judge(0, verdict(event), lambda _, now=now: now)
            assert machine is free or said == []
            expected += [(t.level, t.at) for t in said]
    expected += [(t.level, t.at) for t in free.tick(until)]
    assert list(muted.tick(until)) == []
    assert [(k.transition.level, k.transition.at) for k in muted.take_kept_back()] == expected


@settings(max_examples=150, deadline=None)
@given(
    st.lists(ROW, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=7),
    st.integers(0, 50),
    st.tuples(st.integers(0, 60), st.integers(1, 60)),
)
def test_neither_batching_nor_a_restart_changes_what_was_muted(
    rows: list[dict[str, Any]], cuts: list[bool], cut: int, work: tuple[int, int]
) -> None:
    stream = records(rows)

    def under_work() -> Engine:
        e = engine()
        for asset in "ABC":
            e.control("permit", {**permit(work[0], sum(work)), "asset_id": asset}, T0)
        return e

    whole, batched, first, second = under_work(), under_work(), under_work(), engine()
    changes = play(whole, stream)
    expected = text(whole.take_muted())
    assert plain(play(batched, merged(stream, cuts))) == plain(changes)
    assert text(batched.take_muted()) == expected
    play(first, stream[:cut])
    second.restore(first.snapshot())
    play(second, stream[cut:])
    assert text([*first.take_muted(), *second.take_muted()]) == expected


def test_whoever_is_heard_first_in_one_moment_is_told_first_also_when_the_other_was_muted() -> None:
    rows = [
        {"sensor": 0, "t": 7, "tilt_y_deg": 1},
        {"sensor": 1, "t": 6, "received": 7, "tilt_y_deg": 1},
    ]
    whole, apart = engine(), engine()
    for e in (whole, apart):
        e.control("permit", {**permit(0, 7), "asset_id": "A"}, T0)
    told_apart = [change for row in rows for change in apart.apply(frame_of([row]))]
    assert [change.sensor_ids for change in told_apart] == [("s0",)]
    assert plain(whole.apply(frame_of(rows))) == plain(told_apart)


@settings(max_examples=80, deadline=None)
@given(st.lists(ROW, max_size=30), st.tuples(st.integers(0, 40), st.integers(1, 60)))
def test_how_often_it_ticks_does_not_change_what_was_muted(
    rows: list[dict[str, Any]], work: tuple[int, int]
) -> None:
    seldom = records([{**row, "tick": None} for row in rows])
    often: list[Frame | int] = []
    for record in seldom:
        assert isinstance(record, Frame)
        since = int(often[-1].received[0]) if often and isinstance(often[-1], Frame) else T0
        often += [*range(since, int(record.received[0]), SECOND), record]
    engines = engine(), engine()
    for e, stream in zip(engines, (seldom, often), strict=True):
        e.control("permit", permit(work[0], sum(work)), T0)
        play(e, stream)
    assert text(engines[0].take_muted()) == text(engines[1].take_muted())


def test_a_word_of_a_time_of_work_that_is_over_when_it_is_heard_is_told_then_and_not_before() -> None:
    rows = [
        {"sensor": 3, "t": 25, "tilt_y_deg": 2},
        {"sensor": 2, "t": 1, "received": 31, "tilt_y_deg": 3},
    ]
    whole, apart = engine(), engine()
    for e in (whole, apart):
        e.control("permit", permit(0, 2), T0)
    told_apart = [change for row in rows for change in apart.apply(frame_of([row]))]
    assert told(whole.apply(frame_of(rows))) == told(told_apart)
    assert told(told_apart) == [("C", "missing", "firing", 2, 25), ("B", "missing", "firing", 3, 2)]
    assert told_apart[1].evidence["decided_at_us"] == T0 + 31 * SECOND
