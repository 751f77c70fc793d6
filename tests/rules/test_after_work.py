"""A permit ends and the last word was "open": left open, or closed and the radio lost the word?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.rules import AlarmRules, RuleSet
from devices.frame import Frame
from rules.after_work import REASON_KEY, doubted_until
from rules.alarm import Hazard
from rules.engine import Engine
from tests.rules.test_engine import LEVELS, merged, plain, play, records, registry
from tests.support.fake_detector import LevelDetector
from tests.support.frames import SECOND, T0
from tests.support.lid_rounds import SECOND as US
from tests.support.lid_rounds import START, Life, city

MINUTE, HOUR = 60, 3600
REPEATS = (10, 20, 70, 310, 910, 1810, 3610)
"""When a sensor says that its lid is open: at once, and again ever more seldom [s]."""


def under_permit(opened_every_s: tuple[int, ...] = REPEATS, ends: float = 6300) -> tuple[Life, float]:
    """A lid that says twice a day that it lies well is opened under a permit; when that begins [s]."""
    life, at = Life(city(heartbeat_s=12 * HOUR)), 0.0
    for at in range(0, 3 * 24 * HOUR + 1, 12 * HOUR):
        life.reads(at, tilt_deg=2)
    begins = at + 4000.0
    window = {"from": START + int(begins * US), "to": START + int((begins + ends) * US), "kind": "permit"}
    life.said += life.engine.control("permit", {"asset_id": "A0", **window}, life.now)
    for after in opened_every_s:
        life.reads(begins + after, tilt_deg=80)
    return life, begins


def heard(life: Life, since: float) -> list[tuple[str, str, float]]:
    assert {hazard for hazard, *_ in life.alarms()} <= {"missing", "silent"}
    return [(state, colour, round(at - since, 1)) for _, state, colour, at in life.alarms("missing")]


def test_a_lid_whose_closed_again_the_radio_lost_asks_for_a_call_to_the_crew_and_pages_nobody() -> None:
    """It had repeated "open" and stopped: yellow at the permit's end, over with its next word."""
    life, begins = under_permit()
    life.passes(begins + 5 * HOUR)
    assert heard(life, begins) == [("firing", "yellow", 6305)]
    assert life.said[0].reason.key == REASON_KEY
    life.reads(begins + 9 * HOUR, tilt_deg=2)
    life.passes(begins + 40 * HOUR)
    assert [(state, colour) for state, colour, _ in heard(life, begins)] == [
        ("firing", "yellow"),
        ("clear", "yellow"),
    ]


def test_a_lid_left_open_is_red_with_its_next_repeat_after_the_end() -> None:
    life, begins = under_permit()
    life.reads(begins + 7210, tilt_deg=80)
    assert heard(life, begins) == [("firing", "yellow", 6305), ("firing", "red", 7210.2)]
    assert life.said[1].reason.key == "rules_lid.missing.angle"


def test_a_lid_of_which_nothing_more_is_heard_is_red_after_a_beat_and_a_fifth() -> None:
    life, begins = under_permit()
    life.passes(begins + 6300 + 1.2 * 12 * HOUR - 1)
    assert heard(life, begins) == [("firing", "yellow", 6305)]
    life.passes(begins + 6300 + 1.2 * 12 * HOUR + 1)
    assert heard(life, begins)[1:] == [("firing", "red", 6300 + 14.4 * HOUR)]


def test_a_lid_that_says_open_right_before_the_end_or_only_once_is_red_at_the_end() -> None:
    """Nothing says that it stopped: it had no other word to say since, nor has one that sent its burst."""
    for repeats in ((*REPEATS, 5410), (10,), (10, 20, 70)):
        life, begins = under_permit(repeats)
        life.passes(begins + 6400)
        assert heard(life, begins) == [("firing", "red", 6305)], repeats


def test_a_lid_that_rang_before_the_crew_came_goes_on_ringing() -> None:
    """Who has been told in red that a lid is open is not told now that it may be."""
    life, at = Life(city(heartbeat_s=12 * HOUR)), 0.0
    for at in range(0, 3 * 24 * HOUR + 1, 12 * HOUR):
        life.reads(at, tilt_deg=2)
    life.reads(at + 1000, tilt_deg=80)
    life.passes(at + 1010)
    window = {"from": START + int((at + 2000) * US), "to": START + int((at + 9000) * US)}
    life.engine.control("permit", {"asset_id": "A0", **window}, life.now)
    for after in (2100, 2200, 2300):
        life.reads(at + after, tilt_deg=80)
    life.passes(at + 20_000)
    assert heard(life, at) == [("firing", "red", 1005.2)]


def test_a_restart_while_a_word_is_doubted_changes_nothing() -> None:
    life, begins = under_permit()
    life.passes(begins + 7000)
    engine = Engine(life.registry, RuleSet())
    engine.restore(life.engine.snapshot())
    life.engine = engine
    life.passes(begins + 20 * HOUR)
    assert [colour for _, colour, _ in heard(life, begins)] == ["yellow", "red"]


@pytest.mark.parametrize("every", [1, 6])
def test_a_sample_that_fell_into_the_work_waits_for_the_next_sample(every: int) -> None:
    """A sensor that never wakes cannot have said that the lid is closed again."""
    for left_open in (False, True):
        life, at = Life(city(heartbeat_s=every * HOUR)), 0.0
        for at in range(0, 10 * 24 * HOUR + 1, every * HOUR):
            life.reads(at, tilt_deg=2)
        begins, ends = at + every * HOUR - 3000, at + every * HOUR + 600
        window = {"from": START + begins * US, "to": START + ends * US}
        life.said += life.engine.control("permit", {"asset_id": "A0", **window}, life.now)
        life.reads(at + every * HOUR, tilt_deg=80)
        life.passes(ends + 100)
        assert heard(life, ends)[:1] == [("firing", "yellow", 5)]
        for more in (2, 3):
            life.reads(at + more * every * HOUR, tilt_deg=80 if left_open else 2)
            life.passes(at + more * every * HOUR + 60)
        assert ("red" in [colour for _, colour, _ in heard(life, ends)]) == left_open


@pytest.mark.parametrize(
    ("heard_at", "repeat", "beat", "until"),
    [
        (0, 0, 0, None),  # nothing is known of its beat
        (0, 0, 43_200, None),  # it spoke once, its beat is far
        (3600, 1800, 43_200, 100 * MINUTE + 51_840),  # it repeated and stopped
        (5400, 1800, 43_200, None),  # it has not had the time to repeat
        (3600, 1800, 172_800, 100 * MINUTE + 108_000),  # no wait is longer than 30 h
        (2700, 0, 3600, 6300 + 720),  # an hourly sample is nearer than the one before, and due in 5 min
        (5900, 0, 3600, None),  # the one before is nearer
        (100, 0, 7900, None),  # due later than in half an hour
        (5950, 0, 60, 6010 + 60),  # a sample a minute: in moments
        (5990, 0, 60, None),
        (2706, 60, 14_400, 17_106 + 1800),  # a burst, silent since for an hour, and its beat is 3 h off
        (4500, 60, 14_400, None),  # it has just been moved
        (2706, 60, 43_200, None),  # nobody waits half a day
    ],
)
def test_how_long_the_last_word_of_a_waking_sensor_is_doubted(
    heard_at: int, repeat: int, beat: int, until: int | None
) -> None:
    found = doubted_until(heard_at * SECOND, repeat * SECOND, beat * SECOND, 100 * MINUTE * SECOND)
    assert found == (0 if until is None else until * SECOND)


@pytest.mark.parametrize(
    ("heard_at", "repeat", "beat", "until"),
    [
        (5900, 0, 3600, 9500 + 720),  # the next sample is due in an hour
        (5900, 3600, 3600, 9500 + 720),
        (5900, 1800, 3600, None),  # it repeats sooner than its beat: it wakes
        (5900, 0, 21_600, 27_500 + 1800),
        (5900, 0, 43_200, None),  # nobody waits half a day
        (2300, 0, 3600, 6000 + 720),  # the next one is late
        (1000, 0, 3600, None),  # and does not come
    ],
)
def test_how_long_the_last_sample_is_doubted(
    heard_at: int, repeat: int, beat: int, until: int | None
) -> None:
    end = 100 * MINUTE * SECOND
    found = doubted_until(heard_at * SECOND, repeat * SECOND, beat * SECOND, end, sampled=True)
    assert found == (0 if until is None else until * SECOND)


class Beating(LevelDetector):
    """Its sensors say something every five minutes."""

    def beat_us(self, sensor: int) -> tuple[int, bool]:
        return 300 * SECOND if sensor != 3 else 0, self.latest[sensor] == 3


ROW = st.fixed_dictionaries(
    {
        "sensor": st.integers(0, 4),
        "wait": st.sampled_from([1, 20, 60, 61, 120, 250]),
        "age": st.sampled_from([0, 0, 0, 1, 30, 400, 1001]),
        "tilt_x_deg": LEVELS,
        "tilt_y_deg": LEVELS,
        "tick": st.sampled_from([None, None, None, 0, 3, 200]),
    }
)


def beating(windows: list[tuple[int, int]]) -> Engine:
    reg = registry()
    rules = RuleSet(alarms=AlarmRules(lateness_s=1000))
    e = Engine(
        reg, rules, [Beating(reg, Hazard.TILTED, "tilt_x_deg"), Beating(reg, Hazard.MISSING, "tilt_y_deg")]
    )
    for asset in "ABC":
        for start, length in windows:
            payload = {"from": T0 + start * SECOND, "to": T0 + (start + length) * SECOND, "kind": "permit"}
            e.control("permit", {"asset_id": asset, **payload}, T0)
    return e


WINDOWS = st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 900)), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(ROW, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=7),
    st.integers(0, 50),
    WINDOWS,
)
def test_neither_batching_nor_a_restart_changes_what_is_told_after_work(
    rows: list[dict[str, Any]], cuts: list[bool], cut: int, windows: list[tuple[int, int]]
) -> None:
    stream = records(rows)
    changes = play(beating(windows), stream)
    assert plain(play(beating(windows), merged(stream, cuts))) == plain(changes)
    first, second = beating(windows), beating([])
    before = play(first, stream[:cut])
    second.restore(first.snapshot())
    assert plain([*before, *play(second, stream[cut:])]) == plain(changes)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROW, max_size=20), WINDOWS)
def test_how_often_it_ticks_does_not_change_what_is_told_after_work(
    rows: list[dict[str, Any]], windows: list[tuple[int, int]]
) -> None:
    seldom = records([{**row, "tick": None} for row in rows])
    often: list[Frame | int] = []
    for record in seldom:
        assert isinstance(record, Frame)
        since = int(often[-1].received[0]) if often and isinstance(often[-1], Frame) else T0
        often += [*range(since, int(record.received[0]), 10 * SECOND), record]
    assert plain(play(beating(windows), often)) == plain(play(beating(windows), seldom))
