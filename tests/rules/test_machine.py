"""The alarm machine against a slow, obvious twin that looks at every second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.alarm import Hazard
from rules.detector import NO_OPINION, Verdicts
from rules.machine import LaneHold, Machine

FIRE, CLEAR = 4, 6


class Event(NamedTuple):
    at: int
    level: int


def twin(events: list[Event], until: int, windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(new level, when it was told) second by second, of one sensor with one reading a second at most.

    What is said under a window counts when the window ends. Zero → more: the condition must hold FIRE
    seconds. Graver while firing: at once. Less grave: CLEAR seconds without anything as grave; it falls to
    the gravest that was seen meanwhile.
    """
    said = {event.at: event.level for event in events if event.level != NO_OPINION}
    told: list[tuple[int, int]] = []
    settled, level, since, worst, remembered = 0, 0, 0, 0, -1

    def hear(new: int, now: int) -> None:
        nonlocal settled, level, since, worst
        if settled == 0:
            since = now if new > 0 and level == 0 else since
        elif new > settled:
            settled = new
            told.append((settled, now))
        elif new < settled:
            since, worst = (now, new) if level >= settled else (since, max(worst, new))
        level = new

    for now in range(until + 1):
        muted = any(start <= now < end for start, end in windows)
        if not muted and remembered >= 0:
            hear(remembered, now)
            remembered = -1
        # holds end before anything is said at the same second
        rises = settled == 0 and level > 0 and now - since >= FIRE
        falls = level < settled and now - since >= CLEAR
        if (rises or falls) and muted:
            remembered = level if remembered < 0 else remembered
            level = settled
        elif rises or falls:
            settled = level if rises else worst
            told.append((settled, now))
            since, worst = now, level
        if now in said and muted:
            remembered = said[now]
        elif now in said:
            hear(said[now], now)
    return told


EVENTS = st.lists(st.tuples(st.integers(1, 7), st.sampled_from([-1, 0, 0, 0, 1, 2, 3])), max_size=15)


def machine_of(windows: list[tuple[int, int]]) -> Machine:
    def muted_until(lane: int, sensor: int, time: int) -> int:
        end = 0
        for start, stop in sorted(windows):
            if start <= max(time, end) < stop:
                end = stop
        return end

    return Machine([Hazard.TILTED], [LaneHold((0, FIRE, FIRE, FIRE, FIRE), CLEAR)], 3, muted_until)


def verdict(event: Event) -> Verdicts:
    one = np.ones(1, np.float32)
    return Verdicts(
        Hazard.TILTED,
        np.array([1], np.int32),
        np.array([event.at], np.int64),
        np.array([event.level], np.int8),
        one,
        one,
        np.zeros(1, np.uint8),
    )


def timeline(waits: list[tuple[int, int]]) -> list[Event]:
    events, now = [], 0
    for wait, level in waits:
        now += wait
        events.append(Event(now, level))
    return events


@settings(max_examples=400, deadline=None)
@given(EVENTS, st.sampled_from([0, 1, 3, 1000]))
def test_the_machine_agrees_with_its_twin_however_often_it_ticks(
    waits: list[tuple[int, int]], every: int
) -> None:
    events = timeline(waits)
    until = (events[-1].at if events else 0) + 30
    machine, levels = machine_of([]), []
    for now in range(until + 1):
        if every and now % every == 0:
            levels += [t.level for t in machine.tick(now)]
        for event in events:
            if event.at == now:
                levels += [t.level for t in machine.judge(0, verdict(event), lambda _, now=now: now)]
    levels += [t.level for t in machine.tick(until)]
    assert levels == [level for level, _ in twin(events, until, [])]


@settings(max_examples=400, deadline=None)
@given(EVENTS, st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=2))
def test_the_machine_agrees_with_its_twin_under_windows(
    waits: list[tuple[int, int]], works: list[tuple[int, int]]
) -> None:
    events = timeline(waits)
    windows = [(start, start + length) for start, length in works]
    until = (events[-1].at if events else 0) + 90
    machine, told = machine_of(windows), []
    for now in range(until + 1):
        told += [(t.level, now) for t in machine.tick(now)]
        for event in events:
            if event.at == now:
                said = machine.judge(0, verdict(event), lambda _, now=now: now)
                told += [(t.level, now) for t in said]
    assert told == twin(events, until, windows)


def test_a_verdict_that_changes_nothing_leaves_no_trace() -> None:
    machine = machine_of([])
    assert list(machine.judge(0, verdict(Event(5, 0)), lambda _: 5)) == []
    assert list(machine.cells()) == []
