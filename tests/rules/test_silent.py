"""Silence: by each device's own heartbeat, and one word for what silences many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.health_rules import HealthRules
from config.messages import text
from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from rules.alarm import AlarmChange, AlarmState
from rules.engine import Engine
from rules.health import detectors
from rules.health.patience import by_chance
from rules.health.silent import Silent
from tests.support.frames import HOUR, SECOND, T0, frame_of


def registry(n: int, heartbeat_s: float | None = 3600, spread_deg: float = 1.0) -> Registry:
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 114 + spread_deg * i, "lat": 30.4} for i in range(n)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "heartbeat_s": heartbeat_s} for i in range(n)],
    )


def engine(reg: Registry, rules: RuleSet | None = None) -> Engine:
    """A radio that loses nothing, where not said otherwise: silence by the heartbeats of the rules alone."""
    rules = rules or RuleSet(health=HealthRules(silent_radio_loss=0))
    return Engine(reg, rules, detectors(reg, rules.health))


def play(e: Engine, frames: Sequence[Frame], until_h: float) -> list[AlarmChange]:
    """Frames by reception with ticks exactly when something is due, on to a moment."""
    return e.tick(T0) + feed(e, frames) + advance(e, T0 + int(until_h * HOUR))


def feed(e: Engine, frames: Sequence[Frame]) -> list[AlarmChange]:
    changes: list[AlarmChange] = []
    for frame in frames:
        changes += advance(e, int(frame.received[0]))
        changes += e.apply(frame)
    return changes


def advance(e: Engine, to: int) -> list[AlarmChange]:
    changes: list[AlarmChange] = []
    while (due := max(e.due(), T0)) <= to:
        changes += e.tick(due)
        if e.due() <= due:
            break
    return changes + e.tick(to)


def heartbeats(sensors: Sequence[int], hours: Sequence[float], **cells: Any) -> list[Frame]:
    return [
        frame_of([{"sensor": s, "t": (h + 0.01 * s) * 3600, "temperature_c": 20, **cells}])
        for h in hours
        for s in sensors
    ]


def told(changes: Sequence[AlarmChange]) -> list[tuple[str, str, int, float]]:
    return [(c.asset_id, c.state.value, int(c.severity), round((c.event_at - T0) / HOUR, 2)) for c in changes]


def test_a_sensor_is_silent_after_a_multiple_of_its_own_heartbeat() -> None:
    changes = play(engine(registry(2)), heartbeats([1], range(12)), 11.5)
    assert told(changes) == [("A0", "firing", 1, 2.5), ("A0", "firing", 2, 7.0)]


def test_who_reports_often_is_silent_only_after_more_than_the_radio_loses_by_chance() -> None:
    day, hours, minutes = 86_400.0, 3600.0, 600.0
    for heartbeat_s, missed in ((day, 2), (hours, 3), (minutes, 4)):
        reg = registry(1, heartbeat_s)
        changes = play(engine(reg, RuleSet()), [], 12 * heartbeat_s / 3600)
        (blue, yellow) = [(int(c.severity), (c.event_at - T0) / SECOND / heartbeat_s) for c in changes]
        assert blue == (1, missed + 0.5)
        assert yellow == (2, max(7, 2 * missed + 1))


@settings(max_examples=60)
@given(st.floats(30, 200_000), st.floats(0.001, 0.5))
def test_silence_by_chance_is_rarer_than_twice_a_year(heartbeat_s: float, loss: float) -> None:
    (beats,) = by_chance(np.array([heartbeat_s], np.float32), np.array([loss]))
    missed = int(beats)
    a_year = 365.25 * 86_400 / heartbeat_s
    assert a_year * loss**missed < 2
    assert missed <= 1 or a_year * loss ** (missed - 1) > 1


def test_a_radio_that_loses_one_message_in_twenty_silences_hardly_anybody() -> None:
    rng = np.random.default_rng(5)
    reg = registry(40, 600)
    sent = [(600.0 * i + 7.0 * s, s) for i in range(6 * 24 * 30) for s in range(40) if rng.random() > 0.05]
    rows = [{"sensor": s, "t": t, "temperature_c": 20} for t, s in sent]
    changes = play(engine(reg, RuleSet()), [frame_of(rows[i : i + 40]) for i in range(0, len(rows), 40)], 719)
    years = 40 * 30 / 365.25
    assert sum(c.state is AlarmState.FIRING for c in changes) <= 3 * years


def test_a_sensor_without_a_known_heartbeat_has_the_default() -> None:
    reg = registry(1, None)
    assert told(play(engine(reg), [], 61)) == [("A0", "firing", 1, 60.0)]


def test_a_sensor_that_is_heard_again_is_clear() -> None:
    frames = heartbeats([1], [0, 1, 2, 3]) + heartbeats([0], [4])
    assert told(play(engine(registry(2)), frames, 4.5)) == [
        ("A0", "firing", 1, 2.5),
        ("A0", "clear", 1, 4.0),
    ]


def test_a_sensor_that_sends_old_readings_is_alive() -> None:
    frames = [
        frame_of([{"sensor": 0, "t": 0, "received": h * 3600 + 1, "temperature_c": 20}]) for h in range(9)
    ]
    assert play(engine(registry(1)), frames, 9) == []


def test_a_thousand_lids_silenced_by_one_gateway_are_one_alarm() -> None:
    n = 1000
    reg = registry(n, 86_400, spread_deg=0.00001)
    e = engine(reg)
    rng = np.random.default_rng(5)
    phase = rng.uniform(0, 24, n)
    rows = sorted(
        (
            {
                "sensor": s,
                "t": (day * 24 + phase[s]) * 3600,
                "gateway": 7 if s < 500 else 9,
                "battery_pct": 90,
            }
            for s in range(n)
            for day in range(10)
            # one message in fifty is lost; gateway 7 is dead from day 4 to day 8
            if rng.random() > 0.02 and not (s < 500 and 96 < day * 24 + phase[s] < 192)
        ),
        key=lambda row: float(row["t"]),
    )
    frames = [frame_of(rows[i : i + 20]) for i in range(0, len(rows), 20)]
    # Two messages lost in a row are 72 h of silence, whoever's fault it is; those of gateway 9 may ring.
    changes = [c for c in play(e, frames, 240) if c.asset_id == "" or int(c.asset_id[1:]) < 500]
    assert [(c.asset_id, c.state, c.evidence.get("cause"), c.evidence.get("gateway")) for c in changes] == [
        ("", AlarmState.FIRING, "gateway", 7),
        ("", AlarmState.CLEAR, "gateway", 7),
    ]
    firing, clear = changes
    assert firing.sensor_ids == clear.sensor_ids
    assert len(firing.sensor_ids) > 490
    # before the lids' own deadlines, which begin a day and a half after the gateway's last word
    assert 96 + 24 < (firing.event_at - T0) / HOUR < 96 + 36


def test_when_everything_is_silent_it_is_our_own_line() -> None:
    changes = play(engine(registry(20)), heartbeats(range(20), range(5)), 30)
    assert [(c.asset_id, c.evidence["cause"], c.state) for c in changes] == [
        ("", "outage", AlarmState.FIRING)
    ]


def test_neighbours_without_a_known_gateway_are_silent_as_one() -> None:
    # 30 lids in one place and its neighbour, 60 elsewhere that go on reporting
    reg = Registry.of(
        [
            {"asset_id": f"A{i}", "kind": "cover", "lon": 114 + (0.001 * i if i < 30 else i), "lat": 30.4}
            for i in range(90)
        ],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "heartbeat_s": 3600} for i in range(90)],
    )
    frames = heartbeats(range(90), range(5)) + heartbeats(range(30, 90), range(5, 20))
    frames.sort(key=lambda frame: int(frame.received[0]))
    changes = play(engine(reg), frames, 20)
    assert [(c.evidence["cause"], c.state) for c in changes] == [("place", AlarmState.FIRING)]


def test_a_lid_alone_is_told_although_its_gateway_lives() -> None:
    reg = registry(10)
    frames = heartbeats(range(10), range(3), gateway=7) + heartbeats(range(1, 10), range(3, 10), gateway=7)
    assert [c.asset_id for c in play(engine(reg), frames, 9.2) if c.severity == 1] == ["A0"]


def test_a_device_that_says_good_bye_is_silent_after_its_hold() -> None:
    e = engine(registry(1))
    e.tick(T0)
    e.control("presence", {"sensor_id": "s0", "online": False}, T0)
    assert told(advance(e, T0 + HOUR)) == [("A0", "firing", 1, 0.08)]
    back = e.control("presence", {"sensor_id": "s0", "online": True}, T0 + 2 * HOUR)
    assert told(back) == [("A0", "clear", 1, 2.0)]


def test_a_device_that_comes_back_within_its_hold_was_never_silent() -> None:
    e = engine(registry(1))
    e.tick(T0)
    e.control("presence", {"sensor_id": "s0", "online": False}, T0)
    e.apply(frame_of([{"sensor": 0, "t": 60, "temperature_c": 20}]))
    assert advance(e, T0 + HOUR) == []


def test_nothing_is_due_before_the_earliest_deadline() -> None:
    e = engine(registry(3))
    e.tick(T0)
    assert e.due() == T0 + int(2.5 * HOUR)


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5000), st.sampled_from([0, 7, 9])), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 39))
def test_a_restart_changes_nothing(rows: list[tuple[int, int, int]], cut: int) -> None:
    reg, now, frames = registry(6, spread_deg=0.0), 0, []
    for sensor, wait, gateway in rows:
        now += wait
        frames.append(frame_of([{"sensor": sensor, "t": now, "gateway": gateway, "temperature_c": 1}]))
    until = now / 3600 + 20
    expected = play(engine(reg), frames, until)
    first, second = engine(reg), engine(reg)
    got = first.tick(T0) + feed(first, frames[:cut])
    second.restore(first.snapshot())
    got += feed(second, frames[cut:]) + advance(second, T0 + int(until * HOUR))
    assert [repr(c) for c in got] == [repr(c) for c in expected]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9000)), max_size=40),
    st.floats(1, 4),
)
def test_the_vectorized_silence_agrees_with_a_slow_one(rows: list[tuple[int, int]], k: float) -> None:
    # groups are out of reach here, so that every sensor is judged by itself
    rules = RuleSet(
        health=HealthRules(
            silent_after_heartbeats=k,
            silent_radio_loss=0,
            long_silent_after_heartbeats=1000,
            group_least_members=99,
            outage_least_members=99,
        )
    )
    reg, now, frames = registry(4), 0, []
    for sensor, wait in rows:
        now += wait
        frames.append(frame_of([{"sensor": sensor, "t": now, "temperature_c": 1}]))
    limit = int(np.int64(HOUR) * k)
    expected = []
    for sensor in range(4):
        heard = [T0, *(int(f.time[0]) for f in frames if f.sensor[0] == sensor), T0 + now * SECOND + HOUR]
        for i, (before, after) in enumerate(pairwise(heard)):
            if before + limit <= after:
                expected.append((sensor, "firing", before + limit))
                if i < len(heard) - 2:
                    expected.append((sensor, "clear", after))
    e = engine(reg, rules)
    changes = play(e, frames, now / 3600) + advance(e, T0 + now * SECOND + HOUR)
    got = [(int(c.asset_id[1:]), c.state.value, c.event_at) for c in changes]
    assert sorted(got) == sorted(expected)


def test_the_silence_of_a_bridges_gauge_speaks_of_no_lid() -> None:
    reg = Registry.of(
        [{"asset_id": "B", "kind": "bridge"}, {"asset_id": "A", "kind": "cover"}],
        [
            {"sensor_id": "g", "asset_id": "B", "role": "gauge", "heartbeat_s": 1800},
            {"sensor_id": "s", "asset_id": "A", "heartbeat_s": 1800},
        ],
    )
    e = engine(reg)
    changes = play(e, [], 2)
    words = {c.asset_id: text(c.reason.key, **{"value": c.value, **c.reason.values}) for c in changes}
    assert words == {
        "B": "失联 1.2 小时（应每 30 分钟上报一次），该测点暂无监测数据",
        "A": "失联 1.2 小时（应每 30 分钟上报一次），尚不知井盖状态",
    }


def test_the_rest_of_a_silent_gateway_joins_its_alarm_and_is_named_when_it_comes_back() -> None:
    e = engine(registry(100, 3600, spread_deg=0.00001), RuleSet())
    rows = [
        {"sensor": s, "t": 3600.0 * h + 36 * s, "gateway": 7, "temperature_c": 20}
        for h in (*range(5), *range(12, 15))
        for s in range(100)
    ]
    changes = play(e, [frame_of(rows[i : i + 10]) for i in range(0, len(rows), 10)], 15)
    assert [(c.asset_id, c.state) for c in changes] == [("", AlarmState.FIRING), ("", AlarmState.CLEAR)]
    assert len(changes[0].sensor_ids) < 100
    assert len(changes[1].sensor_ids) == 100


def test_a_silent_detector_names_its_horizon() -> None:
    assert Silent(registry(2, 60), HealthRules()).horizon_us == 75 * SECOND


def swapped(new_at_h: float, **new: Any) -> Registry:
    """A lid with a sensor, and another that was fitted to it later; nine more lids."""
    later = {"sensor_id": "new", "asset_id": "A0", "role": "lid", "heartbeat_s": 3600}
    return Registry.of(
        [{"asset_id": f"A{i}", "kind": "cover", "lon": 100.0 + i, "lat": 30.0} for i in range(10)],
        [{"sensor_id": f"s{i}", "asset_id": f"A{i}", "role": "lid", "heartbeat_s": 3600} for i in range(10)]
        + [later | {"installed_at": T0 + round(new_at_h * HOUR)} | new],
    )


def unasked(reg: Registry) -> Engine:
    """Sensors of which no word has come are not asked after."""
    e = engine(reg)
    e.control("await_first_word", {}, T0)
    return e


def silence_of(changes: Sequence[AlarmChange], sensor_id: str) -> list[tuple[str, str, str]]:
    """(state, colour, short reason) of what was said of one sensor."""
    return [
        (c.state.value, c.severity.colour, c.reason.key.rpartition(".")[2])
        for c in changes
        if c.sensor_ids == (sensor_id,)
    ]


@pytest.mark.parametrize("first", [5.0, 7.9, 40.0])
def test_a_silent_sensor_with_a_newer_one_in_its_place_stays_blue(first: float) -> None:
    """Swapped before its silence was told, after, and when it had long been yellow."""
    reg = swapped(first - 1)
    frames = heartbeats([0], range(5)) + heartbeats(range(1, 10), range(60))
    frames += heartbeats([10], np.arange(first, 60).tolist())
    said = play(unasked(reg), sorted(frames, key=lambda f: int(f.received[0])), 60)
    told_of = silence_of(said, "s0")
    # Between its word of silence and of who took its place nothing is told anew.
    assert told_of[-1] == ("firing", "blue", "overdue" if first == 7.9 else "replaced")
    assert [colour for _, colour, _ in told_of].count("yellow") == (first == 40.0)
    assert all(c.reason.values["by"] == "new" for c in said if c.reason.key.endswith("replaced"))


@pytest.mark.parametrize("new", [{"role": "water"}, {"asset_id": "A1"}, {"installed_at": 0}])
def test_a_sensor_that_took_nobodys_place_explains_no_silence(new: dict[str, Any]) -> None:
    frames = heartbeats([0], range(5)) + heartbeats(range(1, 11), range(60))
    said = play(unasked(swapped(4, **new)), sorted(frames, key=lambda f: int(f.received[0])), 60)
    assert [c[1] for c in silence_of(said, "s0")] == ["blue", "yellow"]


def test_a_newer_sensor_that_never_spoke_explains_no_silence() -> None:
    frames = heartbeats([0], range(5)) + heartbeats(range(1, 10), range(60))
    said = play(unasked(swapped(4)), sorted(frames, key=lambda f: int(f.received[0])), 60)
    assert silence_of(said, "s0")[-1][1] == "yellow"


def test_two_sensors_side_by_side_explain_each_others_silence_no_more_than_before() -> None:
    """The later one was there while both spoke: who then falls silent is broken."""
    frames = heartbeats([0], range(20)) + heartbeats(range(1, 11), range(60))
    said = play(unasked(swapped(4)), sorted(frames, key=lambda f: int(f.received[0])), 60)
    assert silence_of(said, "s0")[-1][1:] == ("yellow", "overdue")


def test_who_was_replaced_and_speaks_again_is_clear() -> None:
    frames = (
        heartbeats([0], [*range(5), 30.0])
        + heartbeats(range(1, 10), range(32))
        + heartbeats([10], range(6, 32))
    )
    said = play(unasked(swapped(5)), sorted(frames, key=lambda f: int(f.received[0])), 31)
    assert [c[0] for c in silence_of(said, "s0")][-1] == "clear"


def daily(words: Sequence[float], until_h: float, others: int = 9) -> list[AlarmChange]:
    """One sensor's words among others that go on; the registry says that each reports every 6 h."""
    reg = registry(others + 1, heartbeat_s=21_600)
    frames = heartbeats([0], words) + heartbeats(range(1, others + 1), np.arange(0, until_h, 6).tolist())
    return play(engine(reg), sorted(frames, key=lambda f: int(f.received[0])), until_h)


def test_a_heartbeat_that_the_registry_has_wrong_is_told_once_and_not_every_day() -> None:
    """Every 24 h instead of every 6: four silences, then what is wrong, then nothing more."""
    changes = daily(np.arange(0, 720, 24).tolist(), 715)
    assert silence_of(changes, "s0")[-1] == ("firing", "blue", "slower")
    assert len(silence_of(changes, "s0")) == 9
    values = [c.reason.values for c in changes if c.reason.key.endswith("slower")][-1]
    assert (values["pace_h"], values["heartbeat_h"]) == (24, 6)


def test_what_is_always_late_and_then_silent_is_told_in_yellow_as_soon_as_any() -> None:
    said = daily(np.arange(0, 240, 24).tolist(), 400)
    yellow = next(c for c in said if c.sensor_ids == ("s0",) and c.severity.colour == "yellow")
    usual = daily(np.arange(0, 222, 6).tolist(), 400)
    other = next(c for c in usual if c.sensor_ids == ("s0",) and c.severity.colour == "yellow")
    assert yellow.event_at == other.event_at


def test_a_sensor_that_reports_as_the_registry_says_again_is_clear() -> None:
    words = [*np.arange(0, 168, 24).tolist(), *np.arange(168, 240, 6).tolist()]
    said = silence_of(daily(words, 240), "s0")
    assert said[-1][0] == "clear"


def test_silences_with_words_between_them_are_no_habit() -> None:
    words = [day * 48.0 + h for day in range(8) for h in (0.0, 6.0, 12.0, 18.0, 24.0)]
    said = silence_of(daily(words, 384), "s0")
    assert [state for state, _, _ in said[:14]] == ["firing", "clear"] * 7
